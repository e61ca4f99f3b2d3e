"""What runs around a script, what runs it, and what it and Python bodies are given by ``ext``."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.notebook.test_staging import BASH, last_work_dir

PYTHON = "#!/usr/bin/env python3\n"
PERL = "#!/usr/bin/env perl\n"


def around(before: str = "", after: str = "", more: str = "") -> str:
    """Options for the snippets."""
    texts = {"before_script": before, "after_script": after}
    blocks = [
        f"#| {name}: |\n" + "".join(f"#|   {line}\n" for line in text.splitlines())
        for name, text in texts.items()
        if text
    ]
    return "".join(blocks) + more


# -- before and after -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scratch", ["", "#| scratch: true\n"])
@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("bash", BASH + 'printf "%s|%s" "$FROM_BEFORE" "$n" >o.txt'),
        ("python", PYTHON + "import os\nopen('o.txt', 'w').write(os.environ['FROM_BEFORE'] + '|' + os.environ['n'])"),
        ("perl", PERL + "open(F, '>o.txt'); print F \"$ENV{FROM_BEFORE}|$ENV{n}\"; close F"),
    ],
)
def test_what_before_script_exports_reaches_any_script_and_its_inputs_stay_its_own(lab, name, script, scratch):
    snippet = around('v=1; { export FROM_BEFORE="b ${v}${UNSET-}"; }\nexport n=overwritten A=overwritten\ncd /')
    lab.ok(
        f"%%process before_{name}_{bool(scratch)}(n) -> o: Path = file('o.txt')\n{snippet}{scratch}#| env:\n#|   A: kept\n{script}"
    )
    assert lab.value(f"before_{name}_{bool(scratch)}(3)").read_text() == "b 1|3"


def test_env_holds_against_before_script(lab):
    lab.ok(
        f'%%process keeps_env() -> o = stdout()\n{around("export A=lost B=set")}#| env:\n#|   A: "it\'s"\n{BASH}echo $A $B'
    )
    assert lab.value("keeps_env()") == "it's set\n"


def test_what_the_snippets_print_is_no_output_of_the_script(lab):
    lab.ok(f"%%process prints_around() -> o = stdout()\n{around('echo before', 'echo after')}{BASH}echo script")
    assert lab.value("prints_around()") == "script\n"
    assert (last_work_dir(lab) / ".command.err").read_text() == "before\nafter\n"


@pytest.mark.parametrize(
    "snippet", ["exit 7", "false_ || exit 7", "(exit 7)", "unset_command_ 2>/dev/null || exit 7\n"]
)
def test_a_before_script_that_fails_fails_the_task_and_nothing_else_runs(lab, snippet):
    lab.ok(f"%%process fails_before()\n{around(snippet, 'touch after')}#| cache: false\n{BASH}touch script")
    said = lab.fails("fails_before()", "TaskFailedError")
    assert "terminated with an error exit status (7)" in said
    assert not {"after", "script"} & {path.name for path in last_work_dir(lab).iterdir()}


def test_a_before_script_with_a_mistake_in_it_is_told_with_its_line(lab):
    snippet = around("true\nif then")
    lab.ok(f"%%process mistaken_before()\n{snippet}{BASH}true")
    assert "before: line 2: syntax error" in lab.fails("mistaken_before()", "TaskFailedError")


def test_a_before_script_that_leaves_without_an_error_is_no_success(lab):
    lab.ok(f"%%process leaves_before()\n{around('exit 0')}{BASH}true")
    assert "before_script ended the shell, so the script did not run" in lab.fails("leaves_before()", "TaskFailedError")


@pytest.mark.parametrize("scratch", ["", "#| scratch: true\n"])
@pytest.mark.parametrize(
    ("script", "after", "status"),
    [
        ("true", "true", 0),
        ("exit 3", "true", 3),
        ("exit 3", "exit 4", 3),
        ("true", "exit 4", 4),
        ("true", "false; true", 0),
        ("true", "false", 1),
        ("true", "echo $not_set", 0),
        ("kill -9 $$", "true", 137),
    ],
)
def test_after_script_runs_in_any_case_and_its_status_counts_where_all_else_went_well(
    lab, script, after, status, scratch
):
    lab.names["number_"] = lab.names.get("number_", 0) + 1
    name, trace = f"after_{lab.names['number_']}", lab.launch_dir / f"after_ran_{lab.names['number_']}"
    snippet = around(after=f"touch {trace}\n{after}")
    lab.ok(f"%%process {name}()\n{snippet}{scratch}{BASH}{script}")
    if status:
        assert f"({'exit status ' if status > 128 else ''}{status})" in lab.fails(f"{name}()", "TaskFailedError")
    else:
        lab.ok(f"{name}()")
    assert trace.exists()
    assert (last_work_dir(lab) / ".exitcode").read_text() == str(status)


def test_after_script_runs_when_the_task_is_ended_too(lab, sleeper):
    trace = lab.launch_dir / "after_ended"
    snippet = around(after=f"touch {trace}", more="#| time: 1s\n#| scratch: true\n")
    lab.ok(f"%%process ended_early()\n{snippet}{BASH}{sleeper}")
    assert "exceeded running time limit" in lab.fails("ended_early()", "TaskFailedError")
    assert trace.exists()


def test_no_scratch_directory_is_left_when_before_script_fails(lab, monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    for number, snippet in enumerate(("exit 7", "exit 0", "true")):
        lab.ok(f"%%process cleans_{number}()\n{around(snippet, more='#| scratch: true')}\n{BASH}exit 7")
        lab.fails(f"cleans_{number}()", "TaskFailedError")
        assert not list(tmp_path.iterdir())


def test_after_script_runs_where_the_script_ran(lab):
    snippet = around(after="cat left >&2", more="#| scratch: true\n")
    lab.ok(f"%%process stays_there(n) -> o: Path = file('o.txt')\n{snippet}{BASH}echo $n >left; cp left o.txt")
    assert lab.value("stays_there(5)").read_text() == "5\n"
    assert (last_work_dir(lab) / ".command.err").read_text() == "5\n"


def test_outputs_are_captured_and_stdin_is_read_between_the_snippets(lab):
    script = f'{BASH}read -r line || true; X="$line $Y"'
    snippet = around("export Y=y", "true", "#| stdin: text\n")
    lab.ok(f"%%process between(text) -> x = env('X'), n = eval('echo $Y')\n{snippet}{script}")
    assert lab.value("tuple(between('typed'))") == ("typed y", "y")


@pytest.mark.parametrize("scratch", ["", "#| scratch: true\n"])
def test_a_run_by_hand_does_the_same(lab, scratch):
    snippets = around("export FROM_BEFORE=b; echo before", "echo after", scratch)
    lab.ok(
        f"%%process by_hand_{bool(scratch)}(n) -> o: Path = file('o.txt')\n{snippets}{BASH}echo $FROM_BEFORE $n | tee o.txt"
    )
    lab.ok(f"by_hand_{bool(scratch)}(1)")
    work_dir = last_work_dir(lab)
    (work_dir / "o.txt").unlink()
    done = subprocess.run(
        ["bash", ".command.run"], cwd=work_dir, capture_output=True, text=True, env={"PATH": os.environ["PATH"]}
    )
    assert (done.returncode, done.stdout) == (0, "b 1\n")
    assert done.stderr == "before\nafter\nexit status 0\n"
    assert (work_dir / "o.txt").read_text() == "b 1\n"


def test_a_name_that_before_script_may_set_is_no_missing_global(lab):
    lab.write("setup.sh", "export SET_THERE=1\n")
    lab.names["shadowed_"] = "global"
    lab.ok(
        f"%%process knows() -> o = stdout()\n{around(f'. {lab.launch_dir}/setup.sh; export shadowed_=before')}{BASH}echo $SET_THERE $shadowed_"
    )
    assert lab.value("knows()") == "1 before\n"
    lab.ok(f"%%process knows_not() -> o = stdout()\n{around('true')}{BASH}echo $set_nowhere_")
    assert "set_nowhere_: unbound variable" in lab.fails("knows_not()", "TaskFailedError")


@pytest.mark.parametrize("option", ["before_script: a", "after_script: a", "shell: bash"])
def test_what_surrounds_scripts_is_refused_in_a_python_body(lab, option):
    said = lab.fails(f"%%process python_body -> o\n#| {option}\no = 1", "DeclarationError")
    assert "is for scripts; take it out of `python_body`, a Python body" in said


# -- shell ----------------------------------------------------------------------------------------------------------------


def test_shell_is_what_runs_a_bash_script(lab):
    script = f"{BASH}echo $-\nfalse | true\necho end"
    lab.ok(f"%%process default_shell() -> o = stdout()\n{script}")
    assert set("ue") <= set(lab.value("default_shell()").splitlines()[0])
    lab.ok(f"%%process own_shell() -> o = stdout()\n#| shell: bash -euo pipefail\n{script}")
    assert "exit status (1)" in lab.fails("own_shell()", "TaskFailedError")
    lab.ok(
        f"%%process listed_shell(n) -> o = stdout()\n#| shell: [/usr/bin/env, bash, -f]\n{BASH}echo $- * $n ${{not_set_:-}}"
    )
    assert lab.value("listed_shell(1)") == f"{lab.value('listed_shell(1)').split()[0]} * 1\n"
    assert "f" in lab.value("listed_shell(1)").split()[0]


# -- ext ------------------------------------------------------------------------------------------------------------------

EXT = '#| ext:\n#|   args: "--fast {n}"\n#|   listed: [a b, "{n}"]\n#|   flag: true\n'


def test_a_python_body_reads_ext_by_attribute_and_item(lab):
    body = (
        "o = [task.ext.args, task.ext['args'], task.ext.listed, task.ext.flag, task.ext.missing, task.ext['missing']]"
    )
    lab.ok(f"%%process reads_ext(n) -> o\n{EXT}{body}")
    assert lab.value("reads_ext(3)") == ["--fast 3", "--fast 3", ["a b", 3], True, None, None]


def test_a_body_in_the_kernel_reads_ext_too(lab):
    lab.ok(f"%%process reads_inline(n) -> o\n#| executor: inline\n{EXT}o = (task.ext.args, task.ext.missing)")
    assert lab.value("reads_inline(3)") == ("--fast 3", None)


def test_a_script_reads_ext_by_variables(lab):
    script = 'printf "%s," "$task_ext_args" "${task_ext_listed[@]}" "$task_ext_flag" "$task_ext_missing"'
    lab.ok(f"%%process bash_ext(n) -> o = stdout()\n{EXT}{BASH}{script}")
    assert lab.value("bash_ext(3)") == "--fast 3,a b,3,true,,"
    script = "import os\nprint(*(os.environ['task_ext_' + name] for name in ['args', 'listed', 'flag']), sep=',')"
    lab.ok(f"%%process python_ext(n) -> o = stdout()\n{EXT}{PYTHON}{script}")
    assert lab.value("python_ext(3)") == '--fast 3,["a b",3],true\n'


def test_expressions_read_ext(lab):
    lab.ok(
        f'%%process names_file(n) -> o: Path = file(\'{{task.ext.prefix}}.txt\')\n#| ext:\n#|   prefix: "p_{{n}}"\n#| tag: "{{task.ext.prefix}}"\n{BASH}touch p_$n.txt'
    )
    assert lab.value("names_file(3)").name == "p_3.txt"
    assert "names_file (p_3)" in lab.ok("%nbflow log last -f name").out


def test_ext_is_evaluated_for_each_item_of_a_channel(lab):
    lab.ok(f"%%process each_ext(n) -> o\n{EXT}o = task.ext.args")
    assert lab.value("list(each_ext(channel.of(1, 2)))") == ["--fast 1", "--fast 2"]


def test_a_setting_that_is_read_out_of_sight_is_an_error_and_not_none(lab):
    lab.write(
        "peeks.py",
        "import sys\ndef peek(name):\n    return sys.modules['__main__'].__dict__[''.join(['ta', 'sk'])].ext[name]\n",
    )
    lab.ok("import peeks\n")
    lab.ok(f"%%process peeks_(n) -> o\n#| reads: [n]\n{EXT}o = (task.ext.flag, peeks.peek('args'))")
    said = lab.fails("peeks_(3)", "TaskFailedError")
    assert "`ext.args` is read in a way that could not be seen, so it does not count; write `task.ext.NAME`" in said


def test_fair_is_accepted(lab):
    lab.ok("%%process fair_(n) -> o\n#| fair: true\no = n")
    assert lab.value("list(fair_(channel.of(3, 1, 2)))") == [3, 1, 2]


def test_what_needs_another_executor_is_refused_when_it_would_run(lab):
    lab.ok("%%process queued(n) -> o\n#| queue: long\no = n")
    said = lab.fails("queued(3)", "DeclarationError")
    assert (
        said
        == "process `queued` cannot run: directive `queue` is for cluster executors; the local executor has no queues: take it out"
    )
