"""Tests of the command line's words, and of the same in a notebook."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from nbflow import cli
from nbflow.commands.shared import USAGE
from nbflow.core.parts import Part
from nbflow.storage.database.leveldb import LevelStore
from nbflow.storage.rows import LOG_FIELDS
from tests.storage.launch import OTHER, SESSION, Launch

Output = pytest.CaptureFixture[str]

NOTEBOOK = """
import os, subprocess, sys
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.run_line_magic("colors", "NoColor")

def cell(text):
    result = shell.run_cell(text)
    print("== ok" if result.success else "== failed", flush=True)

def outside(*words):
    done = subprocess.run([sys.executable, "-m", "nbflow", *words], capture_output=True, text=True)
    print(done.stdout, done.stderr, f"== exit {done.returncode}", flush=True)

"""


@pytest.fixture
def launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Launch:
    for name in ("NXF_CACHE_DIR", "NXF_WORK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return Launch(tmp_path)


def notebook(directory: Path, text: str) -> str:
    """Run the cells of a notebook in a process of its own."""
    command = [sys.executable, "-c", NOTEBOOK + text]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_log_without_a_run_is_the_history_in_nextflows_columns(launch: Launch, capsys: Output) -> None:
    first = launch.run(ran=(1,))
    assert cli.main(["log"]) == 0
    head, line = capsys.readouterr().out.splitlines()
    heads = ["TIMESTAMP", "DURATION", "RUN NAME", "STATUS", "REVISION ID", "SESSION ID", "COMMAND"]
    assert [column.strip() for column in head.split("\t")] == heads
    shown = [column.strip() for column in line.split("\t")]
    assert shown[1:] == ["1s", first.run_name, "OK", "-", SESSION, "nbflow run a.ipynb"]
    assert cli.main(["log", "-q"]) == 0
    assert capsys.readouterr().out == f"{first.run_name}\n"


def test_log_of_a_run_is_a_line_a_task(launch: Launch, capsys: Output) -> None:
    first = launch.run(ran=(1,))
    launch.run(hits=(1,), ran=(2,))
    assert cli.main(["log", "last", "-f", "name,status", "-s", "\\t|"]) == 0
    assert capsys.readouterr().out == "fit (2)\t|COMPLETED\nfit (1)\t|CACHED\n"
    assert cli.main(["log", str(first.run_name)]) == 0
    assert capsys.readouterr().out == f"{launch.work_dir(1)}\n"
    assert cli.main(["log", "--after", str(first.run_name), "-f", "hash,pcpu"]) == 0
    assert capsys.readouterr().out == "02/020202\t-\n01/010101\t-\n"


def test_log_lists_its_fields_and_refuses_others(launch: Launch, capsys: Output) -> None:
    assert cli.main(["log", "-l"]) == 0
    assert capsys.readouterr().out.split() == list(LOG_FIELDS)
    launch.run(ran=(1,))
    assert cli.main(["log", "last", "-f", "name,colour"]) == 1
    assert capsys.readouterr().err == "nbflow: no field 'colour'; list the fields with: nbflow log -l\n"


def test_log_filters_with_an_expression_over_the_fields(launch: Launch, capsys: Output) -> None:
    launch.run(ran=(1, 2))
    launch.run(hits=(1,), ran=(3,), status="FAILED")

    def names(expression: str, *words: str) -> list[str]:
        assert cli.main(["log", *words, "-f", "name", "-F", expression]) == 0
        return capsys.readouterr().out.splitlines()

    assert names("status == 'FAILED' and realtime > 1_000") == ["fit (3)"]
    assert names("status == 'CACHED'", "last") == ["fit (1)"]
    assert names("name.startswith('fit') and hash in ('01/010101', '02/020202')", SESSION) == ["fit (1)", "fit (2)"]
    assert names("peak_rss > 1 or peak_rss < 1 or not tag is None") == []  # what is not known is neither
    assert names("peak_rss + 1 > 0 or tag.startswith('a')") == []
    assert names("peak_rss is None and tag == None") == ["fit (3)", "fit (1)"]
    assert names("any(part['kind'] == 'input' for part in hash_parts)") == []


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("statsu == 'OK'", "no field 'statsu'; did you mean 'status'?"),
        ("status = 'OK'", "is no Python expression"),
        ("realtime > 'a'", "fails for task fit (1)"),
        ("__import__('os')", "no field '__import__'"),
        ("name.__class__", "says more than a filter may (.__class__)"),
        ("open('x')", "no field 'open'"),
        ("(lambda: 1)()", "says more than a filter may (Lambda)"),
        ("f'{name}'", "says more than a filter may"),
    ],
)
def test_a_filter_reaches_the_fields_and_nothing_else(
    launch: Launch, capsys: Output, expression: str, said: str
) -> None:
    launch.run(ran=(1,))
    assert cli.main(["log", "-F", expression]) == 1
    captured = capsys.readouterr()
    assert said in captured.err and captured.err.count("\n") == 1 and captured.out == ""


def test_log_prints_by_a_template_that_is_typed_or_a_file(launch: Launch, capsys: Output) -> None:
    launch.run(ran=(1, 2))
    assert cli.main(["log", "-t", "$name: ${status} at $$$pcpu"]) == 0
    assert capsys.readouterr().out == "fit (1): COMPLETED at $-\nfit (2): COMPLETED at $-\n"
    (launch.layout.launch_dir / "t.txt").write_text("name: $name\n  hash: $hash\n")
    assert cli.main(["log", "-t", "t.txt", "-F", "task_id == 2"]) == 0
    assert capsys.readouterr().out == "name: fit (2)\n  hash: 02/020202\n"
    assert cli.main(["log", "-t", "$nam"]) == 1
    assert "no field 'nam'; did you mean 'name'?" in capsys.readouterr().err
    assert cli.main(["log", "-t", "$name costs 5$"]) == 1
    assert "write `$$`" in capsys.readouterr().err
    assert cli.main(["log", "-t", "$name", "-f", "name"]) == USAGE


def test_log_prints_hash_parts_as_json_a_line_a_task(launch: Launch, capsys: Output) -> None:
    launch.run(ran=(1,), parts=(Part("global", "n", b"a" * 16, "1"), Part("source", "", b"b" * 16, "y = 1\nz = 2")))
    assert cli.main(["log", "-f", "name,hash_parts"]) == 0
    name, _, parts = capsys.readouterr().out.removesuffix("\n").partition("\t")
    assert name == "fit (1)"
    assert json.loads(parts) == [
        {"kind": "global", "name": "n", "digest": "61" * 16, "preview": "1"},
        {"kind": "source", "name": "", "digest": "62" * 16, "preview": "y = 1\nz = 2"},
    ]


def test_diff_is_a_table_of_tasks_and_differing_parts(launch: Launch, capsys: Output) -> None:
    n1, n2 = (Part("global", "n", letter * 16, text) for letter, text in ((b"a", "1"), (b"b", "2")))
    first = launch.run(ran=(1, 2), parts=(n1,))
    second = launch.run(hits=(1,), ran=(3,), parts=(n2,))
    assert cli.main(["diff", str(first.run_name), "last"]) == 0
    head, *lines, summary = capsys.readouterr().out.splitlines()
    assert [cell.strip() for cell in head.split("\t")] == ["TASK", first.run_name, second.run_name, "DIFFERENCE"]
    assert [[cell.strip() for cell in line.split("\t")] for line in lines] == [
        ["fit (1)", "COMPLETED", "CACHED", "the same task"],
        ["fit (2)", "COMPLETED", "-", f"only in {first.run_name}"],
        ["fit (3)", "-", "COMPLETED", f"only in {second.run_name}"],
    ]
    assert summary == f"Tasks: 1 the same, 1 only in {first.run_name}, 1 only in {second.run_name}"
    assert cli.main(["diff", "last", "nobody"]) == 1
    assert "'nobody'" in capsys.readouterr().err


def test_clean_before_a_run_keeps_what_that_run_took_although_its_work_directory_was_deleted_by_hand(
    launch: Launch, capsys: Output
) -> None:
    launch.run(ran=(1, 2))
    shutil.rmtree(launch.layout.work_root)
    launch.run(ran=(1, 2))  # the same hashes again: Nextflow's counter begins anew
    third = launch.run(hits=(1,), ran=(3,))
    for option in ("--before", "-before"):
        assert cli.main(["clean", "-n", option, str(third.run_name)]) == 0
        assert capsys.readouterr().out.splitlines()[0] == f"Would remove {launch.work_dir(2)}"
    assert cli.main(["clean", "-f", "--before", "last"]) == 0
    assert launch.work_dir(1).is_dir() and launch.work_dir(3).is_dir() and not launch.work_dir(2).exists()
    assert cli.main(["log", "-f", "name,status"]) == 0
    assert capsys.readouterr().out.endswith("fit (3)\tCOMPLETED\nfit (1)\tCACHED\n")


def test_the_help_names_every_command_with_an_example(capsys: Output) -> None:
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    for command in ("run", "log", "why", "diff", "secrets", "clean"):
        assert f"nbflow {command}" in text
        assert cli.main([command, "--help"]) == 0
    assert max(map(len, text.splitlines())) <= 100


def test_an_empty_directory_has_no_history_and_gets_none(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nbflow", "log"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "no history" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_reader_that_goes_away_ends_log_quietly(launch: Launch) -> None:
    launch.run(ran=tuple(range(1, 60)))
    text = f"{sys.executable} -m nbflow log last -f workdir,script,env | head -1"
    done = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1 and done.stderr == ""


def test_clean_needs_n_or_f_and_says_what_it_frees(launch: Launch, capsys: Output) -> None:
    first = launch.run(ran=(1,))
    launch.run(ran=(2,))
    assert cli.main(["clean"]) == 1
    assert "Neither -f or -n specified -- refused to clean" in capsys.readouterr().err
    assert cli.main(["clean", str(first.run_name), "-n"]) == 0
    assert capsys.readouterr().out == f"Would remove {launch.work_dir(1)}\nWould free 1008 B\n"
    assert cli.main(["clean", "--but", "last", "-f", "-q"]) == 0
    assert capsys.readouterr().out == ""
    assert not launch.work_dir(1).exists() and launch.work_dir(2).is_dir()
    assert cli.main(["clean", "-f", "-k"]) == 0
    assert capsys.readouterr().out.startswith(f"Removed temp files from {launch.work_dir(2)}\nFreed ")
    assert cli.main(["clean", "-f", "-n"]) == USAGE


def test_clean_takes_either_runs_or_a_limit(launch: Launch, capsys: Output) -> None:
    first, second = launch.run(ran=(1,)), launch.run(ran=(2,), session=OTHER)
    for words in ([str(first.run_name), "--but", "last"], ["--before", "last", "--after", "last"]):
        assert cli.main(["clean", "-n", *words]) == 1
        assert "one of --before, --after and --but" in capsys.readouterr().err
    assert cli.main(["clean", "-n", "--before", str(second.run_name)]) == 0
    assert str(launch.work_dir(1)) in capsys.readouterr().out


def test_commands_that_cannot_be_read_print_the_usage(capsys: Output) -> None:
    assert cli.main(["polish"]) == USAGE
    assert "usage: nbflow" in capsys.readouterr().err
    assert cli.main([]) == USAGE
    assert cli.main(["--version"]) == 0


def test_log_and_why_work_while_another_process_has_the_database_open(launch: Launch) -> None:
    launch.run(ran=(1,))
    with closing(LevelStore.open(launch.layout.db_dir(SESSION))):
        for words, said in ((["log", "last", "-f", "name"], "fit (1)\n"), (["why", "fit"], "fit (1) [01/010101]")):
            done = subprocess.run([sys.executable, "-m", "nbflow", *words], capture_output=True, text=True, check=True)
            assert said in done.stdout and done.stderr == ""


def test_a_notebook_has_the_same_commands_through_its_own_session(tmp_path: Path) -> None:
    first = notebook(
        tmp_path,
        """
cell("%load_ext nbflow")
cell("n = 1\\n%nbflow log")
cell("%%process one -> y\\ny = n")
cell("%%process two(k) -> z\\nz = y / k")
cell("two(4)")
cell("%nbflow log last -f name,status")
cell("import nbflow; print([(t.name, t.status) for t in nbflow.tasks()], len(nbflow.runs()))")
outside("log", "last", "-f", "name,status")
outside("clean", "-f")
cell("%nbflow clean -f")
cell("n = 2")
cell("%%process one -> y\\ny = n")
cell("%nbflow why one")
cell("name = 'other'; field = 'name'\\n%nbflow log last -t '$name={field}' -F \\"status != 'FAILED'\\"")
cell("%nbflow polish")
cell("%nbflow log nobody")
cell("bad = two.submit(0)")
cell("%nbflow wait")
cell("%nbflow end OK")
outside("log")
""",
    )
    assert first.count("one\tCOMPLETED\ntwo\tCOMPLETED\n") == 2  # inside and outside
    assert "[('one', 'COMPLETED'), ('two', 'COMPLETED')] 1" in first
    assert "is held by" in first and "== exit 1" in first
    assert "goes on in this kernel" in first
    assert "global `n` changed: 1 -> 2" in first.partition("ran because")[2]
    assert "one=name\n" in first
    assert "invalid choice: 'polish'" in first and "'nobody'" in first
    assert first.count("== failed") == 1  # wait alone, for the task that nobody collected
    assert "\tOK" in first
    second = notebook(
        tmp_path,
        """
cell("%load_ext nbflow\\nn = 2")
cell("%%process one -> y\\ny = n")
cell("%nbflow clean -f --but last")
cell("%nbflow log")
cell("%nbflow why one")
cell("%%process one -> y\\ny = n")
""",
    )
    assert second.count("Removed ") == 3  # one with n = 1, and two twice; what the current run took stays
    assert "reused: it was executed by" in second
    assert second.count("reused from") == 2


def secrets(home: Path, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "NXF_HOME": str(home)}
    environ.pop("NXF_SECRETS_FILE", None)
    command = [sys.executable, "-m", "nbflow", "secrets", *words]
    return subprocess.run(command, env=environ, input=typed, capture_output=True, text=True, check=False)


def test_secrets_are_set_listed_got_and_deleted(tmp_path: Path) -> None:
    assert secrets(tmp_path, "list").stderr == f"no secrets in {tmp_path}/secrets/store.json\n"
    assert secrets(tmp_path, "set", "TOKEN", "typed").returncode == 0
    assert secrets(tmp_path, "set", "OTHER", typed="two\nlines\n").returncode == 0
    assert secrets(tmp_path, "list").stdout == "OTHER\nTOKEN\n"
    assert secrets(tmp_path, "get", "TOKEN").stdout == "typed\n"
    assert secrets(tmp_path, "get", "OTHER").stdout == "two\nlines\n"
    assert secrets(tmp_path, "delete", "OTHER").returncode == 0
    assert secrets(tmp_path, "list").stdout == "TOKEN\n"


def test_what_cannot_be_done_with_secrets_is_told(tmp_path: Path) -> None:
    assert secrets(tmp_path).returncode == USAGE
    for words, typed, told in (
        (("set", "TOKEN"), "", "was given no value; nothing was changed"),
        (("set", "A-B", "x"), "", "`A-B` cannot name a secret"),
        (("get", "TOKEN"), "", "nbflow secrets set TOKEN"),
        (("delete", "TOKEN"), "", "there is no secret `TOKEN`"),
    ):
        done = secrets(tmp_path, *words, typed=typed)
        assert (done.returncode, done.stdout) == (1, "")
        assert told in done.stderr
    assert not (tmp_path / "secrets").exists()


def test_the_value_of_a_secret_is_asked_for_without_showing_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nbflow", "secrets", "set", "TOKEN"]
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["NXF_HOME"] = str(tmp_path)
        os.execv(command[0], command)
    shown = b""
    while b"TOKEN: " not in shown:
        shown += os.read(terminal, 1000)
    os.write(terminal, b"typed\n")
    while True:
        try:
            shown += os.read(terminal, 1000)
        except OSError:
            break
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert b"typed" not in shown
    assert secrets(tmp_path, "get", "TOKEN").stdout == "typed\n"
