"""Edits of directives and of nbflow.toml, each version run in a fresh kernel: what counts runs again, what does not is reused.

Notebooks share two kernels, before and after their edits; each has a process of its own name.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.remembering.conftest import Notebooks
from tests.remembering.edits import HIT, MISS

BASH = "#!/usr/bin/env bash\n"
READS_ARGS = "r = str(task.ext.args)"


@dataclass(frozen=True)
class Edit:
    """A process, and what is set for it, before and after an edit; `toml` is of its own table, `above` are cells above."""

    name: str
    verdict: str
    value: str
    options: str = ""
    options_after: str | None = None
    toml: str = ""
    toml_after: str | None = None
    body: str = "r = 'made'"
    head: str = "(n) -> r"
    above: str = ""
    above_after: str | None = None
    argument: str = "1"

    def cells(self, number: int, *, after: bool) -> list[str]:
        options = self.options_after if after and self.options_after is not None else self.options
        above = self.above_after if after and self.above_after is not None else self.above
        lines = "".join(f"#| {line}\n" for line in options.splitlines())
        declared = f"%%process t{number}{self.head}\n{lines}{self.body}"
        return [
            text.replace("NAME", f"n{number}")
            for text in (above or "pass", declared, f"str(t{number}({self.argument}))")
        ]

    def table(self, number: int, *, after: bool) -> str:
        text = self.toml_after if after and self.toml_after is not None else self.toml
        return f"[process.with_name.t{number}]\n{text}\n".replace("NAME", f"n{number}")


SCRIPT = {"head": "(n) -> r = stdout()", "body": BASH + "printf made"}
ARGS = {"body": READS_ARGS}
EDITS = [
    Edit("before_script changed", MISS, "b", "before_script: export A=a", "before_script: export A=b", head="(n) -> r = stdout()", body=BASH + 'printf "$A"'),
    Edit("before_script is new", MISS, "made", "", "before_script: 'true'", **SCRIPT),
    Edit("before_script moved into the file", HIT, "made", "before_script: 'true'", "", toml_after='before_script = "true"', **SCRIPT),
    Edit("after_script changed", MISS, "made", "after_script: 'true'", "after_script: ':'", **SCRIPT),
    Edit("shell changed", MISS, "made", "", "shell: bash -eu", **SCRIPT),
    Edit("the default shell in words is another one", MISS, "made", "", "shell: /usr/bin/env bash -ue", **SCRIPT),
    Edit("shell spelled as a list", HIT, "made", "shell: bash -eu", "shell: [bash, -eu]", **SCRIPT),
    Edit("shell in the file", MISS, "made", toml_after='shell = "bash -eu"', **SCRIPT),
    Edit("a setting that is read", MISS, "b", "ext:\n  args: a", "ext:\n  args: b", **ARGS),
    Edit("a setting that is read, by item", MISS, "b", "ext:\n  args: a", "ext:\n  args: b", body="r = task.ext['args']"),
    Edit("a setting that is not read", HIT, "a", "ext:\n  args: a\n  other: 1", "ext:\n  args: a\n  other: 2", **ARGS),
    Edit("a setting that is new and not read", HIT, "a", "ext:\n  args: a", "ext:\n  args: a\n  other: 2", **ARGS),
    Edit("a setting that is read is new", MISS, "a", "", "ext:\n  args: a", **ARGS),
    Edit("a setting that is read is gone", MISS, "None", "ext:\n  args: a", "", **ARGS),
    Edit("a setting of another type", MISS, "1", "ext:\n  args: '1'", "ext:\n  args: 1", **ARGS),
    Edit("a setting in the file instead of the cell", HIT, "a", "ext:\n  args: a", "", toml_after='ext.args = "a"', **ARGS),
    Edit("a setting in the file", MISS, "b", toml='ext.args = "a"', toml_after='ext.args = "b"', **ARGS),
    Edit("a setting in the file under one in the cell", HIT, "a", "ext:\n  args: a", toml='ext.args = "b"', toml_after='ext.args = "c"', **ARGS),
    Edit("ext is passed on whole", MISS, "2", "ext:\n  other: 1", "ext:\n  other: 2", body="e = task.ext\nr = e.other"),
    Edit(
        "a function of the notebook reads it", MISS, "b", "ext:\n  args: a", "ext:\n  args: b",
        body="r = NAME()", above="def NAME(): return task.ext.args",
    ),
    Edit(
        "a function of a function reads it", MISS, "b", "ext:\n  args: a", "ext:\n  args: b",
        body="r = NAMEf()", above="def NAMEg(): return task.ext['args']\ndef NAMEf(): return NAMEg()",
    ),
    Edit(
        "a method reads it", MISS, "b", "ext:\n  args: a", "ext:\n  args: b",
        body="r = NAME().m()", above="class NAME:\n    def m(self): return task.ext.args",
    ),
    Edit(
        "a function given as an argument reads it", MISS, "b", "ext:\n  args: a", "ext:\n  args: b",
        head="(f) -> r", body="r = f()", above="def NAME(): return task.ext.args", argument="NAME",
    ),
    Edit("a computed setting's text", MISS, "b1", 'ext:\n  args: "a{n}"', 'ext:\n  args: "b{n}"', **ARGS),
    Edit("a global that a computed setting reads", MISS, "3", 'ext:\n  args: "{NAME}"', above="NAME = 2", above_after="NAME = 3", **ARGS),
    Edit(
        "a global that a computed setting reads which is not read", HIT, "a", 'ext:\n  args: a\n  other: "{NAME}"',
        above="NAME = 2", above_after="NAME = 3", **ARGS,
    ),
    Edit(
        "a global that a computed setting reads, in a script", MISS, "3", 'ext:\n  args: "{NAME}"', head="(n) -> r = stdout()",
        body=BASH + 'printf "$task_ext_args"', above="NAME = 2", above_after="NAME = 3",
    ),
    Edit("a setting that a script reads", MISS, "b", "ext:\n  args: a", "ext:\n  args: b", head="(n) -> r = stdout()", body=BASH + 'printf "$task_ext_args"'),
    Edit("a setting that a script does not read", HIT, "", "ext:\n  args: a", "ext:\n  args: b", head="(n) -> r = stdout()", body=BASH + 'printf "${task_ext_other:-}"'),
    Edit("a setting that a script dumps", HIT, "0", "ext:\n  args: a", "ext:\n  args: b", head="(n) -> r = stdout()", body="#!/bin/sh\nprintf %s $(env | grep -c '^task_e')"),
    Edit(
        "a setting that an output's name reads", MISS, "b.txt", "ext:\n  args: a", "ext:\n  args: b", head="(n) -> r = file('{task.ext.args}.txt')",
        body=BASH + "touch a.txt b.txt", argument="1).name + str(''",
    ),
    Edit("a computed variable reads a setting", MISS, "b", 'ext:\n  args: a\nenv:\n  A: "{task.ext.args}"', 'ext:\n  args: b\nenv:\n  A: "{task.ext.args}"', body="import os\nr = os.environ['A']"),
    Edit("fair", HIT, "made", "", "fair: true"),
    Edit("a stub outside of stub runs", HIT, "made", "stub: r = 'a'", "stub: r = 'b'"),
    Edit("resources in the file", HIT, "made", toml="cpus = 1", toml_after='cpus = 2\nmemory = "1 GB"\ntag = "x"'),
    Edit("a variable in the file", MISS, "made", toml_after="env.A = 1"),
    Edit("a variable in the file under one in the cell", HIT, "made", "env:\n  A: 1", toml_after="env.A = 2"),
    Edit("software in the file", MISS, "made", toml="", toml_after="env.B = 1\nenv.A = 1"),
    Edit("a directive for scripts in the file, and a Python body", HIT, "made", toml_after='shell = "bash -e"\nbefore_script = "true"'),
]  # fmt: skip


@pytest.fixture(scope="module")
def ran(tmp_path_factory, forges):
    """The cells of all notebooks before and after their edits, three a notebook."""
    directory = tmp_path_factory.mktemp("settings")
    notebooks = Notebooks(directory, list(forges))
    found = []
    for after in (False, True):
        notebooks.write("nbflow.toml", "".join(edit.table(number, after=after) for number, edit in enumerate(EDITS)))
        cells = [cell for number, edit in enumerate(EDITS) for cell in edit.cells(number, after=after)]
        found.append(notebooks.run(*cells))
    return found


@pytest.mark.parametrize("number", range(len(EDITS)), ids=[edit.name for edit in EDITS])
def test_what_counts_runs_again_and_what_does_not_is_reused(ran, number):
    edit, (before, after) = EDITS[number], (cells[3 * number + 2] for cells in ran)
    assert [cell.ok for cell in (before, after)] == [True, True], (before, after)
    assert before.status == MISS, before
    assert (after.status, after.result) == (edit.verdict, repr(edit.value)), after


def test_a_stub_run_and_a_real_one_share_nothing_but_what_has_no_stub(notebooks):
    cells = (
        "%%process whole(n) -> r\n#| stub: r = 'stub'\nr = 'real'",
        "%%process without(n) -> r\nr = n",
        "%%process script(n) -> r = stdout()\n#| stub: printf stub\n#!/usr/bin/env bash\nprintf real",
        "whole(1), without(2), script(3)",
    )
    real, stub = {}, {"NBFLOW_STUB_RUN": "1"}
    runs = [notebooks.run(*cells, environ=environ)[-1] for environ in (real, stub, stub, real)]
    assert [run.result for run in runs] == [
        "('real', 2, 'real')",
        "('stub', 2, 'stub')",
        "('stub', 2, 'stub')",
        "('real', 2, 'real')",
    ]
    assert [run.statuses for run in runs] == [[MISS] * 3, [MISS, HIT, MISS], [HIT] * 3, [HIT] * 3]
    same = "%%process same(n) -> r\n#| stub: r = 'real'\nr = 'real'", "same(1)"
    assert [notebooks.run(*same, environ=environ)[-1].status for environ in (real, stub, real)] == [MISS, MISS, HIT]
    before, after = (cells[0].replace("'stub'", text) for text in ("'stub'", "'other stub'"))
    assert [notebooks.run(cell, "whole(1)", environ=stub)[-1].status for cell in (before, after)] == [HIT, MISS]


def test_a_profile_counts_by_what_it_sets(notebooks):
    notebooks.write("nbflow.toml", '[profiles.test.process]\next.args = "-t"\n[profiles.fast.process]\ncpus = 2\n')
    cells = "%%process t(n) -> r\nr = str(task.ext.args)", "t(1)"
    chosen = ["", "fast", "test", "fast,test", ""]
    runs = [notebooks.run(*cells, environ={"NBFLOW_PROFILE": profile})[-1] for profile in chosen]
    assert [(run.result, run.status) for run in runs] == [
        ("'None'", MISS),
        ("'None'", HIT),
        ("'-t'", MISS),
        ("'-t'", HIT),
        ("'None'", HIT),
    ]


def test_a_secret_counts_in_a_fresh_kernel_too(notebooks):
    def store(value: str) -> None:
        notebooks.write("home/secrets/store.json", '[{"name": "TOKEN", "value": "%s"}]' % value).chmod(0o600)  # noqa: UP031

    environ = {"NXF_HOME": str(notebooks.directory / "home")}
    cells = "%%process t(n) -> r\n#| secret: TOKEN\nimport os\nr = os.environ['TOKEN']", "t(1)"
    runs = []
    for value in ("a", "b", "a"):
        store(value)
        runs.append(notebooks.run(*cells, environ=environ)[-1])
    assert [(run.result, run.status) for run in runs] == [("'a'", MISS), ("'b'", MISS), ("'a'", HIT)]


@pytest.mark.parametrize(
    "snippet", ["export A=${FROM_KERNEL-none}", "export FROM_KERNEL=${FROM_KERNEL-none}; export A=$FROM_KERNEL"]
)
def test_a_variable_that_before_script_reads_counts(notebooks, snippet):
    cells = f'%%process t() -> r = stdout()\n#| before_script: {snippet}\n{BASH}printf "$A"', "t()"
    runs = [notebooks.run(*cells, environ={"FROM_KERNEL": value})[-1] for value in ("a", "b", "a")]
    assert [(run.result, run.status) for run in runs] == [("'a'", MISS), ("'b'", MISS), ("'a'", HIT)]


def test_a_script_of_bin_that_before_script_names_counts(notebooks):
    cells = f'%%process t() -> r = stdout()\n#| before_script: export A=$(says)\n{BASH}printf "$A"', "t()"
    runs = []
    for word in ("a", "b"):
        notebooks.write("bin/says", f"#!/bin/sh\necho {word}\n").chmod(0o755)
        runs.append(notebooks.run(*cells)[-1])
    assert [(run.result, run.status) for run in runs] == [("'a'", MISS), ("'b'", MISS)]


def test_a_global_that_a_variable_computes_with_counts_though_the_environment_has_its_name(notebooks):
    cells = '%%process t() -> r = stdout()\n#| env:\n#|   A: "{SHADOW}"\n' + BASH + 'printf "$A"', "t()"
    runs = [notebooks.run(f"SHADOW = {value}", *cells, environ={"SHADOW": "of the kernel"})[-1] for value in (1, 2, 1)]
    assert [(run.result, run.status) for run in runs] == [("'1'", MISS), ("'2'", MISS), ("'1'", HIT)]
