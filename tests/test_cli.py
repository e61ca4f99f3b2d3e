"""Tests of the command line's words, and of the same in a notebook."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from nbflow import cli
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
    assert cli.main(["clean", "-f", "-n"]) == cli.USAGE


def test_clean_takes_either_runs_or_a_limit(launch: Launch, capsys: Output) -> None:
    first, second = launch.run(ran=(1,)), launch.run(ran=(2,), session=OTHER)
    for words in ([str(first.run_name), "--but", "last"], ["--before", "last", "--after", "last"]):
        assert cli.main(["clean", "-n", *words]) == 1
        assert "one of --before, --after and --but" in capsys.readouterr().err
    assert cli.main(["clean", "-n", "--before", str(second.run_name)]) == 0
    assert str(launch.work_dir(1)) in capsys.readouterr().out


def test_commands_that_cannot_be_read_print_the_usage(capsys: Output) -> None:
    assert cli.main(["polish"]) == cli.USAGE
    assert "usage: nbflow" in capsys.readouterr().err
    assert cli.main([]) == cli.USAGE
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
