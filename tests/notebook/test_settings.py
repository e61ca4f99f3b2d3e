"""nbflow.toml and stub runs in a notebook: read when a cell is run, and told by name when something is wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.notebook.test_staging import BASH

HOW_MANY = "o = task.cpus"


@pytest.fixture
def toml(lab) -> Iterator[object]:
    """Writes the file, which is gone after the test."""
    yield lambda text: lab.write("nbflow.toml", text)
    (lab.launch_dir / "nbflow.toml").unlink(missing_ok=True)


def test_the_file_is_read_again_with_each_cell(lab, toml):
    cell = f"%%process rereads() -> o\n#| cache: false\n{HOW_MANY}"
    for text, cpus in (("", 1), ("[process]\ncpus = 2", 2), ("[process.with_name.'re.*']\ncpus = 1", 1)):
        toml(text)
        lab.ok(cell)
        assert lab.value("rereads()") == cpus
    toml("[process]\ncpus = 2")
    assert lab.value("rereads()") == 1, "a process keeps what its cell declared"


def test_what_is_set_there_is_carried_out(lab, toml):
    toml(
        '[process]\nenv.A = "{n}"\next.args = "--fast"\nbefore_script = "export B=b"\n[process.with_label.in_scratch]\nscratch = true\n'
    )
    lab.ok(f"%%process carries_out(n) -> o = stdout()\n#| label: in_scratch\n{BASH}echo $A $B $task_ext_args $(pwd -P)")
    first, second, args, place = lab.value("carries_out(3)").split()
    assert (first, second, args) == ("3", "b", "--fast")
    assert not place.startswith(str(lab.launch_dir))
    lab.ok("%%process in_python(n) -> o\nimport os\no = (os.environ['A'], task.ext.args)")
    assert lab.value("in_python(3)") == ("3", "--fast")


def test_why_explains_a_change_of_it(lab, toml):
    cell = "%%process explained -> o\nimport os\no = (os.environ.get('A'), task.ext.args)"
    toml('[process]\nenv.A = "1"\next.args = "-a"')
    lab.ok(cell)
    toml('[process]\nenv.A = "2"\next.args = "-a"')
    assert "option `env` changed: A=1 -> A=2" in lab.ok(cell).verdict
    toml('[process]\nenv.A = "2"\next.args = "-b"')
    assert "setting `ext.args` changed: '-a' -> '-b'" in lab.ok(cell).verdict
    toml('[process]\nenv.A = "2"\next.args = "-b"\next.other = 1')
    assert lab.ok(cell).cached


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[process]\ncpuss = 2", "nbflow.toml, [process]: unknown directive `cpuss`; did you mean `cpus`?"),
        ("[process\n", "nbflow.toml is not TOML: "),
        ("[proces]\n", "unknown section `proces`; did you mean `process`?"),
    ],
)
def test_a_mistake_in_it_fails_each_process_cell_until_it_is_corrected(lab, toml, text, told):
    toml(text)
    assert told in lab.fails("%%process mistaken() -> o\no = 1", "SettingsError")
    toml("")
    lab.ok("%%process mistaken() -> o\no = 1")


def test_profiles_are_chosen_by_a_variable(lab, toml, monkeypatch):
    toml("[process]\ncpus = 2\n[profiles.one.process]\ncpus = 1\n")
    cell = f"%%process chosen() -> o\n#| cache: false\n{HOW_MANY}"
    for profile, cpus in (("", 2), ("one", 1)):
        monkeypatch.setenv("NBFLOW_PROFILE", profile)
        lab.ok(cell)
        assert lab.value("chosen()") == cpus
    monkeypatch.setenv("NBFLOW_PROFILE", "on")
    assert "unknown profile `on`; did you mean `one`?" in lab.fails(cell, "SettingsError")


def test_a_directive_that_is_refused_is_told_with_its_place(lab, toml):
    toml('[process.with_name.refused]\nqueue = "long"')
    lab.ok("%%process refused() -> o\no = 1")
    said = lab.fails("refused()", "DeclarationError")
    assert said.endswith("take it out (it is set in nbflow.toml, [process.with_name.refused])")


# -- stub runs ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def stub_run(monkeypatch) -> None:
    monkeypatch.setenv("NBFLOW_STUB_RUN", "1")


def test_a_stub_has_the_inputs_outputs_and_directives_of_its_process(lab, stub_run):
    lab.ok(
        "%%process stubbed(n, *, m=2) -> o, p\n#| ext:\n#|   args: -a\n#| stub: |\n#|   o = n * m\n#|   p = task.ext.args\no = p = 1 / 0"
    )
    assert tuple(lab.value("stubbed(3)")) == (6, "-a")
    script = "#| stub: |\n#|   { echo $n; } >a.txt; touch {a,b}.txt\n"
    lab.ok(f"%%process stubbed_script(n) -> o: list = files('*.txt')\n{script}{BASH}exit 1")
    assert [path.name for path in lab.value("stubbed_script(3)")] == ["a.txt", "b.txt"]


def test_a_failure_of_a_stub_names_the_line_of_the_cell(lab, stub_run):
    lab.ok("%%process fails_stub(n) -> o\n#| cpus: 1\n#| stub: |\n#|   o = 1\n#|   o = n / 0\no = 1")
    said = lab.fails("fails_stub(1)", "TaskFailedError")
    assert "ZeroDivisionError" in said
    assert "Cell %%process fails_stub, line 5\n" in said
    assert "----> 5 #|   o = n / 0\n" in said


@pytest.mark.parametrize("value", ["", "0", "false"])
def test_the_variable_may_say_no(lab, monkeypatch, value):
    monkeypatch.setenv("NBFLOW_STUB_RUN", value)
    lab.ok("%%process says_no() -> o\n#| stub: o = 2\no = 1")
    assert lab.value("says_no()") == 1


def test_a_stub_runs_in_the_kernel_and_at_once_too(lab, stub_run):
    lab.ok("%%process inline_stub -> o\n#| executor: inline\n#| stub: o = 'stub'\no = 'real'")
    assert lab.names["o"] == "stub"
    cell = lab.ok("%%process at_once -> o2\n#| stub: o2 = 'stub'\no2 = 'real'")
    assert lab.names["o2"] == "stub"
    assert "the stub" in cell.verdict or "has not run before" in cell.verdict


# -- with what becomes of failures and of output files --------------------------------------------------------------------


def test_ext_is_computed_for_each_attempt_and_says_what_is_done_about_a_failure(lab):
    options = (
        '#| ext:\n#|   args: "attempt {task.attempt}"\n#|   strategy: retry\n'
        '#| error_strategy: "{task.ext.strategy}"\n#| max_retries: 2\n'
    )
    lab.ok(f"%%process attempts_ext() -> o = stdout()\n{options}{BASH}echo $task_ext_args\n[[ $task_attempt == 2 ]]")
    assert lab.value("attempts_ext()") == "attempt 2\n"


def test_files_are_published_where_ext_says_though_the_body_does_not_read_it(lab):
    cell = f'%%process publishes_ext(n) -> o: Path = file("o.txt")\n#| publish_dir: "{{task.ext.place}}"\n#| ext:\n#|   place: PLACE\n{BASH}touch o.txt'
    for place, cached in (("one", False), ("two", True)):
        lab.ok(cell.replace("PLACE", place))
        assert lab.ok("publishes_ext(1)").cached == cached
        assert (lab.launch_dir / place / "o.txt").exists()


def test_limits_of_resources_are_put_together_key_by_key(lab, toml):
    toml("[process.resource_limits]\ncpus = 1\nmemory = '1 GB'")
    lab.ok(
        "%%process limited_() -> o\n#| cpus: 8\n#| memory: 64 GB\n#| resource_limits:\n#|   memory: 2 GB\no = (task.cpus, task.memory)"
    )
    assert lab.value("limited_()") == (1, 2 << 30)
    lab.ok("%%process limited_by_file() -> o\n#| cpus: 8\n#| memory: 64 GB\no = (task.cpus, task.memory)")
    assert lab.value("limited_by_file()") == (1, 1 << 30)


def test_a_strategy_and_a_place_to_publish_may_stand_in_the_file(lab, toml):
    toml('[process]\nerror_strategy = "ignore"\npublish_dir = { path = "published", mode = "copy" }')
    lab.ok(f"%%process fails_quietly(n) -> o: Path = file('o.txt')\n{BASH}touch o.txt; exit $n")
    assert lab.value("[fails_quietly(n) and 'made' for n in (0, 1)]") == ["made", None]
    assert (lab.launch_dir / "published" / "o.txt").exists()


def test_what_a_stub_made_is_not_kept_for_good_nor_the_other_way_round(lab, monkeypatch):
    options = "#| store_dir: stub-store\n#| stub: echo stub >o.txt\n"
    declare = f"%%process stored_stub(n) -> o: Path = file('o.txt')\n{options}{BASH}echo real >o.txt"
    for variable, made in (("1", "stub"), ("", "real"), ("1", "stub"), ("", "real")):
        monkeypatch.setenv("NBFLOW_STUB_RUN", variable)
        lab.ok(declare)
        assert lab.value("stored_stub(1)").read_text() == f"{made}\n"
    assert (lab.launch_dir / "stub-store" / "o.txt").read_text() == "real\n"
