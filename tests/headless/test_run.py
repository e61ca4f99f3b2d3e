"""Tests of `nbflow run` as a user types it: whole notebooks in kernels of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat import v4

from nbflow import cli
from nbflow.headless.run import environment
from nbflow.storage.browse import Reader
from nbflow.storage.layout import Layout
from nbflow.storage.nextflow.history import RunRecord

LOAD = "%load_ext nbflow"
DOUBLE = "%%process double -> y\nprint('doubling')\ny = n * 2"
FIT = "%%process fit(k) -> score\nscore = 1 / k"


def write(path: Path, *sources: str) -> Path:
    """Write a notebook; its first cell is tagged `parameters`."""
    cells = [v4.new_code_cell(source) for source in sources]
    cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(v4.new_notebook(cells=cells), path)
    return path


def nbflow(cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("NXF_", "NBFLOW_"))}
    return subprocess.run(
        [sys.executable, "-m", "nbflow", *words], cwd=cwd, env=environ, text=True, capture_output=True, check=False
    )


def tasks(cwd: Path) -> dict[str, str]:
    """The tasks of the latest run."""
    reader = Reader(Layout(cwd, {}))
    return {row.name: row.status for row in reader.rows(reader.select("last"))}


def history(cwd: Path) -> list[RunRecord]:
    return list(Reader(Layout(cwd, {})).runs())


def test_a_notebook_runs_twice_and_the_second_time_all_is_cached(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ipynb", "n = 3", LOAD, DOUBLE, FIT, "print(y, list(fit(channel.of(1, 2))))")
    before = path.read_bytes()
    first = nbflow(tmp_path, "run", "a.ipynb", "-o", "done.ipynb")
    assert first.returncode == 0, first.stderr
    assert "doubling" in first.stdout and "6 [1.0, 0.5]" in first.stdout
    assert "[3/5] %%process double -> y" in first.stdout
    assert tasks(tmp_path) == {"double": "COMPLETED", "fit (1)": "COMPLETED", "fit (2)": "COMPLETED"}
    name = str(history(tmp_path)[0].run_name)
    second = nbflow(tmp_path, "run", "a.ipynb", "--resume", name, "-p", "n=3")
    assert second.returncode == 0, second.stderr
    assert tasks(tmp_path) == {"double": "CACHED", "fit (1)": "CACHED", "fit (2)": "CACHED"}
    assert path.read_bytes() == before
    executed = nbformat.read(tmp_path / "done.ipynb", as_version=4)
    assert any("6 [1.0, 0.5]" in str(cell.get("outputs")) for cell in executed.cells)
    third = nbflow(tmp_path, "run", "a.ipynb", "-p", "n=4")
    assert "global `n` changed: 3 -> 4" in third.stdout
    assert tasks(tmp_path) == {"double": "COMPLETED", "fit (1)": "CACHED", "fit (2)": "CACHED"}
    assert [record.status for record in history(tmp_path)] == ["OK"] * 3
    assert history(tmp_path)[2].command == "nbflow run a.ipynb -p n=4"
    assert len({record.session for record in history(tmp_path)}) == 1


def test_a_notebook_that_another_tool_saved_anew_is_the_same(tmp_path: Path) -> None:
    """Cell ids change with the format and with who writes it; counts and outputs go."""
    path = write(tmp_path / "a.ipynb", "n = 3", LOAD, DOUBLE)
    assert nbflow(tmp_path, "run", "a.ipynb").returncode == 0
    saved = nbformat.read(path, as_version=4)
    for cell in saved.cells:
        del cell["id"]
    saved.nbformat_minor = 4
    nbformat.write(saved, path)
    again = nbflow(tmp_path, "run", "a.ipynb")
    assert again.returncode == 0, again.stderr
    assert tasks(tmp_path) == {"double": "CACHED"}


def test_an_error_is_shown_once_ends_the_run_and_the_notebook_needs_no_load_ext(tmp_path: Path) -> None:
    write(tmp_path / "a.ipynb", FIT, "fit(0)", "print('never printed')")
    failed = nbflow(tmp_path, "run", "a.ipynb", "-w", "elsewhere")
    assert failed.returncode == 1
    assert failed.stderr.count("ZeroDivisionError") == 1
    assert "bash .command.run" in failed.stderr
    assert "never printed" not in failed.stdout.replace("print('never printed')", "")
    assert tasks(tmp_path) == {"fit": "FAILED"}
    assert history(tmp_path)[-1].status == "ERR"
    assert next((tmp_path / "elsewhere").glob("??/*/.exitcode"))
    assert not (tmp_path / "work").exists()


def test_submitted_tasks_are_waited_for_and_a_failure_that_nobody_collected_fails_the_run(tmp_path: Path) -> None:
    slow = "%%process slow(s) -> t\nimport time\ntime.sleep(s)\nt = s"
    write(tmp_path / "a.ipynb", FIT, slow, "late = slow.submit(1.5)\nbad = fit.submit(0)")
    failed = nbflow(tmp_path, "run", "a.ipynb")
    assert failed.returncode == 1
    assert failed.stderr.count("ZeroDivisionError") == 1
    assert tasks(tmp_path) == {"slow": "COMPLETED", "fit": "FAILED"}
    assert history(tmp_path)[-1].status == "ERR"


def test_an_interrupt_ends_cell_task_and_kernel_with_status_130(tmp_path: Path) -> None:
    write(tmp_path / "a.ipynb", "%%process slow\nimport time\nprint('it runs', flush=True)\ntime.sleep(600)", "n = 1")
    command = [sys.executable, "-m", "nbflow", "run", "a.ipynb"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "it runs" in line:
                break
        descendants = psutil.Process(running.pid).children(recursive=True)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert "was interrupted" in out and "Traceback" not in err
    assert tasks(tmp_path) == {"slow": "ABORTED"}
    deadline = time.monotonic() + 5
    while any(each.is_running() for each in descendants) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [each for each in descendants if each.is_running()]


def test_an_error_outside_of_any_task_makes_the_runs_status_err_too(tmp_path: Path) -> None:
    write(tmp_path / "a.ipynb", "n = 3", DOUBLE, "undefined_name")
    assert nbflow(tmp_path, "run", "a.ipynb", "--new").returncode == 1
    assert tasks(tmp_path) == {"double": "COMPLETED"}
    assert history(tmp_path)[-1].status == "ERR"


def test_a_run_begins_without_the_grammar_of_iris_that_nothing_here_checks(tmp_path: Path) -> None:
    text = (
        "import importlib.util, sys; from nbflow.cli import main; main(['run', 'gone.ipynb'])\n"
        "print('nbformat' in sys.modules, 'rfc3987_syntax' in sys.modules, importlib.util.find_spec('jsonschema') is not None)\n"
        "import jsonschema; jsonschema.validate(3, {'type': 'integer'})"
    )
    done = subprocess.run([sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "True False True\n"


def test_the_kernels_environment_says_what_was_typed_and_nothing_of_an_outer_run(tmp_path: Path) -> None:
    outer = {"NBFLOW_RESUME": "outer", "NBFLOW_NOTEBOOK": "outer.ipynb", "HOME": "/h"}
    plain = environment(outer, tmp_path / "a.ipynb", "nbflow run a.ipynb", None, None)
    notebook = str(tmp_path / "a.ipynb")
    assert plain == {"HOME": "/h", "NBFLOW_NOTEBOOK": notebook, "NBFLOW_COMMAND": "nbflow run a.ipynb"}
    typed = environment(outer, tmp_path / "a.ipynb", "nbflow run", "new", "w")
    assert (typed["NBFLOW_RESUME"], typed["NXF_WORK"]) == ("new", os.path.abspath("w"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gone.ipynb",), "There is no notebook"),
        (("folder",), "is a directory"),
        (("text.ipynb",), "cannot be read as a notebook"),
        (("r.ipynb",), "is not installed"),
        (("a.ipynb", "-p", "k=1"), "no parameter 'k'"),
        (("a.ipynb", "-p", "k"), "-p name=value"),
        (("a.ipynb", "--resume", "nobody_here"), "'nobody_here'"),
    ],
)
def test_what_cannot_be_run_is_refused_in_a_line(
    tmp_path: Path,
    words: tuple[str, ...],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(tmp_path / "a.ipynb", "n = 1")
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.ipynb").write_text("hello")
    kernel = {"kernelspec": {"name": "ir-of-nobody", "display_name": "R", "language": "R"}}
    nbformat.write(v4.new_notebook(metadata=kernel), tmp_path / "r.ipynb")
    monkeypatch.chdir(tmp_path)
    assert cli.main(["run", *words]) == 1
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


def test_with_an_expiration_a_success_leaves_only_logs_and_a_failure_everything(tmp_path: Path) -> None:
    write(tmp_path / "a.ipynb", "n = 3", "%config NBFlow.storage_expiration_hours = 24", DOUBLE, FIT, "fit(n - 3)")
    failed = nbflow(tmp_path, "run", "a.ipynb")
    assert failed.returncode == 1
    assert list(tmp_path.glob("work/??/*/.nbflow/values"))
    ok = nbflow(tmp_path, "run", "a.ipynb", "-p", "n=4")
    assert ok.returncode == 0, ok.stderr
    assert "but for its logs" in ok.stdout
    assert list(tmp_path.glob("work/??/*/.command.out"))
    assert not list(tmp_path.glob("work/??/*/.nbflow"))
    assert not list(tmp_path.glob("work/stage-*"))
    assert [record.status for record in history(tmp_path)] == ["ERR", "OK"]
    again = nbflow(tmp_path, "run", "a.ipynb", "-p", "n=4")
    assert "output `y` is missing" in again.stdout
    assert again.returncode == 0, again.stderr


def test_a_success_with_an_expiration_leaves_the_results_that_publish_dir_linked_to(tmp_path: Path) -> None:
    table = '%%process table -> csv = file("table.csv")\n#| publish_dir: results\n#!/bin/sh\necho a,b > table.csv'
    write(tmp_path / "a.ipynb", "%config NBFlow.storage_expiration_hours = 24", table, DOUBLE.replace("n * 2", "2"))
    ok = nbflow(tmp_path, "run", "a.ipynb")
    assert ok.returncode == 0, ok.stderr
    assert "but for its logs" in ok.stdout
    assert (tmp_path / "results" / "table.csv").is_symlink()
    assert (tmp_path / "results" / "table.csv").read_text() == "a,b\n"
