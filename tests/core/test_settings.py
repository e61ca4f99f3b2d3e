"""nbflow.toml: what it sets for which process, and what is wrong with it, by name."""

from __future__ import annotations

import pytest

from nbflow.core.declaration.directives import Directives
from nbflow.core.declaration.process import Process, read_process
from nbflow.core.declaration.settings import Settings, no_file, read_settings
from nbflow.errors import DeclarationError, SettingsError

WHOLE = """
[process]
cpus = 2
env = { A = 1, B = 1, C = 1 }
[process.with_name."quant|fastqc"]
cpus = 4
env = { A = 3 }
[process.with_label.big_mem]
cpus = 3
memory = "16 GB"
env = { A = 2, B = 2 }
[profiles.test.process]
cpus = 5
[profiles.test.process.with_name.quant]
cpus = 7
[profiles.test.process.with_label.big_mem]
cpus = 6
[profiles.more.process]
cpus = 8
[executor]
cpus = 4
memory = "8 GB"
[profiles.more.executor]
cpus = 2
"""


def read(
    settings: Settings, line: str = "quant -> o", options: str = "", body: str = "o = 1", **about: bool
) -> Process:
    lines = "".join(f"#| {text}\n" for text in options.splitlines())
    return read_process(line, f"{lines}{body}", settings=settings, **about)


def directives(
    text: str, line: str = "quant -> o", options: str = "", body: str = "o = 1", profiles: tuple[str, ...] = ()
) -> Directives:
    return read(read_settings(text, profiles), line, options, body).directives


@pytest.mark.parametrize(
    ("line", "options", "profiles", "cpus"),
    [
        ("other -> o", "", (), 2),
        ("other -> o", "label: big_mem", (), 3),
        ("quant -> o", "label: big_mem", (), 4),
        ("quant -> o", "label: big_mem\ncpus: 1", (), 1),
        ("other -> o", "", ("test",), 5),
        ("other -> o", "label: [x, big_mem]", ("test",), 6),
        ("quant -> o", "label: big_mem", ("test",), 7),
        ("quant -> o", "label: big_mem", ("test", "more"), 8),
        ("quant -> o", "label: big_mem", ("more", "test"), 7),
        ("quant -> o", "cpus: 1", ("more", "test"), 1),
    ],
)
def test_the_nearer_setting_wins(line: str, options: str, profiles: tuple[str, ...], cpus: int) -> None:
    assert directives(WHOLE, line, options, profiles=profiles).cpus == cpus


def test_env_and_ext_are_put_together_key_by_key_and_all_else_replaces() -> None:
    found = directives(WHOLE, options="label: big_mem\nenv:\n  C: 4")
    assert found.env == {"A": "3", "B": "2", "C": "4"}
    text = '[process]\next.args = "-a"\next.more = "-m"\nlabel = ["x", "y"]'
    found = directives(text, options="ext:\n  args: -b\nlabel: z")
    assert (found.ext, found.label) == ({"args": "-b", "more": "-m"}, ("z",))


def test_a_list_of_variables_that_are_read_leaves_those_that_are_set() -> None:
    found = directives("[process.env]\nA = 1", options="env: [B]")
    assert (found.env, found.env_reads) == ({"A": "1"}, ("B",))


@pytest.mark.parametrize(
    ("selector", "name", "selected"),
    [
        ("quant", "quant", True),
        ("quant", "quantify", False),
        ("quant.*", "quantify", True),
        ("a|b", "b", True),
        ("!quant", "quant", False),
        ("! quant", "other", True),
        ("!a|b", "b", False),
    ],
)
def test_a_name_is_selected_by_a_regular_expression_for_all_of_it(selector: str, name: str, selected: bool) -> None:
    text = f'[process.with_name."{selector}"]\ncpus = 3'
    assert (directives(text, f"{name} -> o").cpus == 3) == selected


@pytest.mark.parametrize(
    ("selector", "options", "selected"),
    [
        ("big", "label: big", True),
        ("big", "label: [x, big]", True),
        ("big", "label: bigger", False),
        ("big", "", False),
        ("!big", "label: big", False),
        ("!big", "label: [x, big]", False),
        ("!big", "", True),
    ],
)
def test_a_label_is_selected_by_a_regular_expression_for_all_of_it(selector: str, options: str, selected: bool) -> None:
    text = f'[process.with_label."{selector}"]\ncpus = 3'
    assert (directives(text, options=options).cpus == 3) == selected


def test_the_standard_profile_holds_where_none_is_chosen() -> None:
    text = "[profiles.standard.process]\ncpus = 2\n[profiles.test.process]\nmemory = '1 GB'"
    assert directives(text).cpus == 2
    assert directives(text, profiles=("test",)).cpus == 1
    assert directives(text, profiles=("test", "standard")).cpus == 2


def test_names_are_spelled_in_any_way() -> None:
    found = directives(
        '[process]\nbeforeScript = "a"\nstage-in-mode = "copy"\n[process.withName.quant]\ncpus = 2',
        "quant(n)",
        body="#!/bin/sh\n",
    )
    assert (found.before_script, found.stage_in_mode, found.cpus) == ("a", "copy", 2)
    both = "[process.withName.quant]\ncpus = 2\n[process.with_name.quant]\nmemory = '1 GB'"
    assert (directives(both).cpus, directives(both).memory) == (2, 1 << 30)


def test_values_are_those_of_cells() -> None:
    text = '[process]\nmemory = "{2 * n} GB"\ntime = "1h"\ncache = false\next = { l = ["a", 1], m = { k = true } }\nsecret = ["TOKEN"]'
    cell = 'memory: "{2 * n} GB"\ntime: 1h\ncache: false\next:\n  l: [a, 1]\n  m:\n    k: true\nsecret: [TOKEN]'
    assert directives(text) == directives("", options=cell)


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("o = 1", set()),
        ("#!/usr/bin/env bash\ntrue", {"scratch", "before_script", "shell"}),
        ("#!/usr/bin/env python3\npass", {"scratch", "before_script"}),
    ],
)
def test_settings_for_scripts_do_not_hold_for_other_bodies(body: str, kept: set[str]) -> None:
    found = directives('[process]\nscratch = true\nbefore_script = "a"\nshell = "bash -e"', "quant(n)", body=body)
    without = Directives()
    assert {
        name for name in ("scratch", "before_script", "shell") if getattr(found, name) != getattr(without, name)
    } == kept


def test_settings_that_a_way_to_run_cannot_keep_do_not_hold_there() -> None:
    found = directives('[process]\ntime = "1h"\nscratch = true', options="executor: inline")
    assert (found.time, found.scratch, found.unsupported()) == (None, False, ())
    text = '[process]\nexecutor = "inline"\ntime = "1h"'
    assert directives(text).time is None
    script = directives(text, "quant(n)", body="#!/bin/sh\n")
    assert (script.executor, script.time) == ("local", 3600.0)
    assert directives("[process]\ntime = '1h'").time == 3600.0


def test_the_cell_itself_is_refused_what_its_body_cannot_have() -> None:
    with pytest.raises(
        DeclarationError, match="directive `before_script` is for scripts; take it out of `quant`, a Python body"
    ):
        directives("", options="before_script: a")
    with pytest.raises(DeclarationError, match="`shell` is the command of bash scripts; `quant` is run by `/bin/sh`"):
        directives("", "quant(n)", options="shell: bash", body="#!/bin/sh\n")


def test_a_directive_that_is_not_carried_out_is_told_with_its_place() -> None:
    (told,) = directives('[process.with_name."q.*"]\nqueue = "long"').unsupported()
    assert told.endswith('take it out (it is set in nbflow.toml, [process.with_name."q.*"])')


def test_the_budget_is_that_of_the_nearest_profile() -> None:
    plain = read_settings(WHOLE)
    assert (plain.cpus, plain.memory) == (4, 8 << 30)
    more = read_settings(WHOLE, ["more"])
    assert (more.cpus, more.memory) == (2, 8 << 30)
    assert read_settings("") == Settings() == no_file([], "here") or read_settings("").cpus is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[proces]\n", "nbflow.toml: unknown section `proces`; did you mean `process`?"),
        ("cpus = 2", "nbflow.toml: unknown section `cpus`; known are `process`, `executor`, `profiles`"),
        ("[process]\ncpuss = 2", "nbflow.toml, [process]: unknown directive `cpuss`; did you mean `cpus`?"),
        ("[process]\ncpus = 0", "takes a whole number of at least 1, not 0; write `cpus = 2`"),
        ("[process]\nmemory = 4", 'write `memory = "4 GB"`'),
        ("[process]\nmemory = [", "is not TOML: "),
        ("[process]\ncpus = 2\nmemory = 4 GB", "(at line 3, column"),
        ("[process]\nstdin = 'x'", "`stdin` is about one process; write it in its cell"),
        ("[process]\nstub = 'x'", "`stub` is about one process"),
        ("[process]\nstageAs = {a = 'x'}", "`stageAs` is about one process"),
        ("[process]\ninput = ['x']", "`input` is about one process"),
        ("[process]\nreads = ['x']", "`reads` is about one process"),
        ("[process]\ntime = 01:30:00", 'in quotes, as in `time = "1h 30m"`'),
        ("[process]\nerrorStrategy = 'retry'\nerror_strategy = 'finish'", "are the same directive; keep one"),
        ("[process]\n'withName:quant' = {cpus = 1}", "write [process.with_name.quant]"),
        ("[process.with_name.quant]\ncpuss = 2", "nbflow.toml, [process.with_name.quant]: unknown directive `cpuss`"),
        ("[process.with_name.'a[']\ncpus = 2", 'nbflow.toml, [process.with_name."a["] is no regular expression'),
        ("[process.with_name]\nquant = 2", "`process.with_name.quant` must be a table"),
        ("process = 2", "`process` must be a table of names and values, not 2"),
        ("[profiles]\ntest = 2", "`profiles.test` must be a table"),
        (
            "[profiles.test.proces]\ncpus = 2",
            "nbflow.toml, [profiles.test]: unknown section `proces`; did you mean `process`?",
        ),
        ("[profiles.test.process]\ncpuss = 2", "nbflow.toml, [profiles.test.process]: unknown directive `cpuss`"),
        ("[profiles.test.profiles.x]", "unknown section `profiles`"),
        ("[executor]\ncpu = 2", "nbflow.toml, [executor]: unknown setting `cpu`; did you mean `cpus`?"),
        ("[executor]\nmemory = 'lots'", 'write `memory = "4 GB"`'),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read_settings(text)
    assert told in str(caught.value)


def test_a_profile_that_is_not_there_is_an_error() -> None:
    with pytest.raises(SettingsError, match="unknown profile `tst`; did you mean `test`"):
        read_settings(WHOLE, ["tst"])
    with pytest.raises(SettingsError, match="unknown profile `a`; there is no profile there"):
        read_settings("", ["a"])
    with pytest.raises(
        SettingsError, match=r"profile `a` was chosen, but there is no nbflow.toml in /x; make one with \[profiles.a"
    ):
        no_file(["a"], "/x")


# -- stubs -------------------------------------------------------------------------------------------------------------

STUB = "cpus: 1\nstub: |\n  o = 2\n"


def test_a_stub_takes_the_place_of_the_body_in_a_stub_run_only() -> None:
    plain, stub = read(Settings(), options=STUB), read(Settings(), options=STUB, stub_run=True)
    assert (plain.text.strip(), plain.is_stub) == ("o = 1", False)
    assert (stub.text.strip(), stub.is_stub) == ("o = 2", True)
    assert plain.source == read(Settings()).source
    assert stub.source == read(Settings(), body="o = 2").source
    assert not read(Settings(), stub_run=True).is_stub


def test_a_stub_of_a_script_is_run_by_what_its_body_names() -> None:
    script = read(Settings(), "quant(n)", "stub: touch a", "#!/usr/bin/env python3\nimport os\n", stub_run=True)
    assert script.text == "#!/usr/bin/env python3\ntouch a"


@pytest.mark.parametrize(("options", "line"), [(STUB, 4), ("stub: o = 2", 2), ("cpus: 1\nStub: |\n  o = 2\n", 4)])
def test_lines_of_a_stub_are_numbered_as_in_the_cell(options: str, line: int) -> None:
    stub = read(Settings(), options=options, stub_run=True)
    assert stub.body is not None
    assert stub.body.tree.body[0].lineno == stub.first_line == line


def test_a_stub_must_set_the_outputs_too() -> None:
    with pytest.raises(DeclarationError, match="output `o` of `quant` is never set"):
        read(Settings(), options="stub: p = 1", stub_run=True)


def test_the_variable_of_a_secret_is_set_by_nothing_else() -> None:
    with pytest.raises(DeclarationError, match="secret `TOKEN` of `quant` is an input too"):
        directives("", "quant(TOKEN) -> o", "secret: TOKEN")
    with pytest.raises(DeclarationError, match="secret `TOKEN` of `quant` is set by `env` too"):
        directives("", options="secret: TOKEN\nenv:\n  TOKEN: x")
