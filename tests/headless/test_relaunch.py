"""Tests of relaunching a run that failed: what is taken over from it, and what is refused."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import v4

from nbflow.commands import run as command
from nbflow.errors import CacheLockedError, NbflowError
from nbflow.headless.relaunch import Relaunch, failed_run, words_of
from nbflow.storage.browse import Reader
from nbflow.storage.database.lock import SessionLock
from nbflow.storage.database.marker import adopt
from nbflow.storage.layout import Layout
from nbflow.storage.nextflow.history import RunRecord
from tests.storage.launch import OTHER, SESSION, Launch

PREP = "%%process prep -> base\nbase = 10 * n"
FIT = "%%process fit(k) -> y\nimport os\nif k == 2 and 'ok' not in os.listdir({place!r}):\n    raise ValueError('not yet')\ny = base / k"
CALLS = "scores = [fit(k) for k in (1, 2, 3)]\nprint('scores', scores)"


def nbflow(cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("NXF_", "NBFLOW_"))}
    program = [sys.executable, "-m", "nbflow", *words]
    return subprocess.run(program, cwd=cwd, env=environ, text=True, capture_output=True, check=False)


def notebook(directory: Path, place: Path) -> Path:
    directory.mkdir(exist_ok=True)
    cells = [v4.new_code_cell(text) for text in ("n = 1", PREP, FIT.format(place=str(place)), CALLS)]
    cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(v4.new_notebook(cells=cells), directory / "a.ipynb")
    return directory / "a.ipynb"


def statuses(directory: Path, work: Path) -> list[str]:
    """What became of the tasks of the latest run, in their order."""
    reader = Reader(Layout(directory, {}, work=work))
    return [row.status for row in reader.rows(reader.select("last"))]


def test_a_relaunch_has_the_session_the_parameters_and_the_work_directory_of_what_failed(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    path = notebook(tmp_path / "books", place)
    failed = nbflow(tmp_path, "run", "books/a.ipynb", "-p", "n=4", "-w", "W")
    assert failed.returncode == 1
    assert "relaunch: nbflow run --relaunch books/a.ipynb" in failed.stdout
    still = nbflow(path.parent, "run", "--relaunch", "a.ipynb")
    assert still.returncode == 1, "it fails as before"
    (place / "ok").touch()
    done = nbflow(place, "run", "--relaunch", "../books/a.ipynb")
    assert done.returncode == 0, done.stderr
    assert f"with -p n=4 -w {tmp_path / 'W'}" in done.stdout, "also by way of a relaunch"
    assert "scores [40.0, 20.0, 13.333333333333334]" in done.stdout
    assert statuses(path.parent, tmp_path / "W") == ["CACHED", "CACHED", "COMPLETED", "COMPLETED"]
    assert len({record.session for record in Reader(Layout(path.parent, {})).runs()}) == 1
    again = nbflow(path.parent, "run", "--relaunch", "a.ipynb")
    assert again.returncode == 1
    assert "succeeded: there is nothing to relaunch" in again.stderr


def test_a_child_tells_how_it_goes_and_how_it_ended(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    path = notebook(tmp_path / "books", place)
    nbflow(tmp_path, "run", "books/a.ipynb")
    layout = Layout(path.parent, {})
    (record,) = Reader(layout).runs()
    child = Relaunch.start(layout, "a.ipynb", record.session)
    failed = child.wait()
    assert failed.status == 1
    assert failed.counts["cached"] == 2 and failed.counts["failed"] == 1, failed
    assert "ValueError: not yet" in child.output()
    (place / "ok").touch()
    done = Relaunch.start(layout, "a.ipynb", record.session).wait()
    assert done.status == 0
    assert done.counts == {"cached": 2, "completed": 2, "failed": 0, "aborted": 0, "running": 0}
    assert str(done).startswith("nbflow: a.ipynb is done, ") and str(done).endswith("cached: 2, completed: 2")


def test_a_child_that_is_cancelled_ends_its_tasks_and_keeps_what_completed(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    path = notebook(tmp_path / "books", place)
    nbflow(tmp_path, "run", "books/a.ipynb")
    slow = nbformat.read(path, as_version=4)
    slow.cells[3].source = "%%process slow\nimport time\nopen(r'{}', 'w').close()\ntime.sleep(600)".format(
        place / "began"
    )
    nbformat.write(slow, path)
    layout = Layout(path.parent, {})
    child = Relaunch.start(layout, "a.ipynb", Reader(layout).runs()[0].session)
    end = time.monotonic() + 120
    while not (place / "began").exists():
        assert time.monotonic() < end, child.output()
        time.sleep(0.05)
    assert child.poll().counts["running"] == 1
    child.cancel()
    assert child.wait().status == 130
    assert child.poll().counts["cached"] == 1


# Which run it is ------------------------------------------------------------------------------------------------------


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    return Launch(tmp_path)


def run(launch: Launch, status: str, session: str = SESSION, of: str = "a.ipynb") -> RunRecord:
    record = launch.run(session=session)
    adopt(launch.layout.session_dir(session), of)
    launch.history.update(str(record.run_name), 1000, status)
    return record


def test_it_is_the_latest_run_of_the_notebooks_latest_session(launch: Launch) -> None:
    run(launch, "ERR", OTHER)
    latest = run(launch, "ERR")
    run(launch, "ERR", "33333333-3333-4333-8333-333333333333", "other.ipynb")
    assert failed_run(launch.layout, "a.ipynb").run_name == latest.run_name
    assert failed_run(launch.layout, "a.ipynb", OTHER).session == OTHER


@pytest.mark.parametrize(
    ("of", "says"), [("a.ipynb", "succeeded: there is nothing"), ("b.ipynb", "no run here that could be relaunched")]
)
def test_what_did_not_fail_is_refused_with_what_to_do_instead(launch: Launch, of: str, says: str) -> None:
    run(launch, "ERR")
    run(launch, "OK")
    with pytest.raises(NbflowError, match=says) as caught:
        failed_run(launch.layout, of)
    assert f"nbflow run {of}" in str(caught.value)


def test_a_run_that_crashed_can_be_relaunched(launch: Launch) -> None:
    run(launch, "OK")
    crashed = launch.history.begin(SESSION, "nbflow run a.ipynb -p n=2")
    assert failed_run(launch.layout, "a.ipynb").run_name == crashed.run_name
    assert words_of(crashed) == ["a.ipynb", "-p", "n=2"]


def test_what_still_goes_on_is_refused_by_the_holders_name(launch: Launch) -> None:
    run(launch, "ERR")
    with (
        SessionLock.take(launch.layout.lock(SESSION), notebook="a.ipynb"),
        pytest.raises(CacheLockedError, match=r"a\.ipynb \(process \d+.*%nbflow relaunch"),
    ):
        failed_run(launch.layout, "a.ipynb")


def test_a_kernels_run_was_given_nothing(launch: Launch) -> None:
    record = launch.history.begin(SESSION, "nbflow kernel a.ipynb")
    assert words_of(record) == []


@pytest.mark.parametrize("option", ["--new", "--preview"])
def test_what_contradicts_a_relaunch_is_refused(tmp_path: Path, option: str) -> None:
    refused = nbflow(tmp_path, "run", "--relaunch", option, "a.ipynb")
    assert refused.returncode != 0
    assert "--relaunch" in refused.stderr


@pytest.fixture
def words() -> Callable[[str], argparse.Namespace]:
    parser = argparse.ArgumentParser()
    command.add(parser)
    return lambda text: parser.parse_args(shlex.split(text))


def test_what_a_relaunch_is_given_itself_goes_before_what_it_takes_over(
    words: Callable[[str], argparse.Namespace],
) -> None:
    new = words("--relaunch books/a.ipynb -p b=3 -w here")
    command.take_over(new, words("books/a.ipynb -p a=1 -p b=2 -w there -o out.ipynb"), Path("/x/books/a.ipynb"))
    assert dict(text.split("=") for text in new.parameters) == {"a": "1", "b": "3"}
    assert (new.work, new.output) == ("here", "/x/out.ipynb")
