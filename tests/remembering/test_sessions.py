"""Sessions and runs: which of them a kernel continues, and what holds when a kernel is killed or interrupted."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from nbflow.storage.browse import Reader
from nbflow.storage.layout import Layout
from nbflow.storage.nextflow.history import History
from tests.remembering.conftest import Cell, Kernel, Notebooks, wait_for

MAKE = "%%process make -> r\nr = 6 * 7"
OTHER = "%%process other -> s\ns = r + 1"
BOTH = (MAKE, OTHER, "r, s")


def _named(notebooks: Notebooks, name: str) -> dict[str, str]:
    return {"JPY_SESSION_NAME": str(notebooks.write(name, "{}"))}


def _session(cell: Cell) -> str:
    found = re.search(r"session ([0-9a-f]{8})", cell.shown)
    assert found, cell.shown
    return found[1]


def _history(notebooks: Notebooks) -> History:
    return History(notebooks.directory / ".nextflow/history")


# Which session --------------------------------------------------------------------------------------------------------


def test_new_and_last_and_prefix_and_run_name(notebooks: Notebooks) -> None:
    first = _session(notebooks.run(*BOTH)[0])
    fresh = notebooks.run("%resume new", *BOTH)
    assert fresh[1].statuses == ["COMPLETED"], "a session shares nothing with another"
    second = _session(fresh[1])
    assert second != first
    last = notebooks.run("%resume last", *BOTH)
    assert second in last[0].shown
    assert last[1].status == "CACHED"
    by_prefix = notebooks.run(f"%resume {first}", *BOTH)
    assert by_prefix[1].status == "CACHED"
    run_name = str(_history(notebooks).own_records()[0].run_name)
    by_name = notebooks.run(f"%resume {run_name}", *BOTH)
    assert first in by_name[0].shown
    assert by_name[1].status == "CACHED"
    again = notebooks.run(*BOTH)
    assert _session(again[0]) == first, "the latest is the one that was continued last"


def test_unknown_and_ambiguous_sessions_are_errors_that_leave_the_kernel_usable(notebooks: Notebooks) -> None:
    notebooks.run(*BOTH)
    notebooks.run("%resume new", MAKE)
    cells = notebooks.run("%resume zebra_crossing", "%resume ffffffffffff", MAKE)
    assert cells[0].ename == cells[1].ename == "UnknownSessionError"
    assert "zebra_crossing" in cells[0].evalue
    assert cells[2].status == "CACHED"
    sessions = sorted({record.session for record in _history(notebooks).own_records()})
    assert len(sessions) == 2
    common = os.path.commonprefix(sessions)  # noqa: RUF071  # character by character is what is meant
    if common:
        assert notebooks.run(f"%resume {common}")[0].ename == "UnknownSessionError"


def test_resume_in_mid_notebook_ends_the_run(notebooks: Notebooks) -> None:
    first = _session(notebooks.run(*BOTH)[0])
    cells = notebooks.run("%resume new", MAKE, f"%resume {first}", OTHER, "r, s", MAKE)
    assert cells[1].status == "COMPLETED"
    assert "names already bound stay" in cells[2].shown
    assert cells[3].status == "CACHED", cells[3].shown
    assert cells[4].result == "(42, 43)"
    assert cells[5].status == "CACHED"
    assert [record.status for record in _history(notebooks).own_records()] == ["OK"] * 3


def test_resume_alone_shows_the_sessions(notebooks: Notebooks) -> None:
    first = _session(notebooks.run(*BOTH)[0])
    cells = notebooks.run("%resume", "1")
    assert cells[0].ok
    assert first in cells[0].shown


def test_loading_and_leaving_without_a_task_leaves_no_run(notebooks: Notebooks) -> None:
    notebooks.run("1 + 1")
    assert not (notebooks.directory / ".nextflow").exists()
    notebooks.run(MAKE)
    notebooks.run("2")
    assert len(_history(notebooks).own_records()) == 1


def test_two_notebooks_in_one_directory_have_sessions_of_their_own(notebooks: Notebooks) -> None:
    one, two = _named(notebooks, "one.ipynb"), _named(notebooks, "two.ipynb")
    first = notebooks.run(*BOTH, environ=one)
    second = notebooks.run(*BOTH, environ=two)
    assert _session(first[0]) != _session(second[0])
    assert second[0].status == "COMPLETED"
    third = notebooks.run(*BOTH, environ=one)
    assert _session(third[0]) == _session(first[0])
    assert third[0].status == "CACHED"


def test_renamed_notebook_goes_on_with_its_session(notebooks: Notebooks) -> None:
    first = notebooks.run(*BOTH, environ=_named(notebooks, "one.ipynb"))
    (notebooks.directory / "one.ipynb").unlink()
    renamed = _named(notebooks, "better.ipynb")
    second = notebooks.run(*BOTH, environ=renamed)
    assert _session(second[0]) == _session(first[0])
    assert second[0].status == "CACHED"
    third = notebooks.run(*BOTH, environ=renamed)
    assert _session(third[0]) == _session(first[0])
    back = notebooks.run(*BOTH, environ=_named(notebooks, "one.ipynb"))
    assert _session(back[0]) != _session(first[0]), "the name is another notebook's now"


# Two kernels ----------------------------------------------------------------------------------------------------------


def _waiting_for(flag: Path) -> str:
    return f"import os, time\nwhile not os.path.exists({str(flag)!r}): time.sleep(0.05)"


def test_session_that_is_held_is_waited_for_and_then_left(notebooks: Notebooks) -> None:
    flag = notebooks.directory.parent / "go"
    holder = notebooks.start(MAKE, _waiting_for(flag))
    wait_for(lambda: len(holder.cells()) == 1)
    first = _session(holder.cells()[0])
    quiet, explicit = notebooks.start(*BOTH), notebooks.start(f"%resume {first}", "1 + 1")
    told, error = quiet.wait(), explicit.wait()
    flag.touch()
    holder.wait()
    assert _session(told[0]) != first
    assert told[0].statuses == ["COMPLETED"]
    assert told[2].result == "(42, 43)"
    assert any(str(holder.pid) in text for text in told[0].warnings), told[0].warnings
    assert error[0].ename == "CacheLockedError"
    assert str(holder.pid) in error[0].evalue
    assert error[1].ok


def test_kernel_that_restarts_waits_for_the_one_before(notebooks: Notebooks) -> None:
    flag = notebooks.directory.parent / "go"
    before = notebooks.start(MAKE, _waiting_for(flag))
    wait_for(lambda: len(before.cells()) == 1)
    after = notebooks.start(*BOTH)
    flag.touch()
    before.wait()
    cells = after.wait()
    assert cells[0].status == "CACHED"
    assert not cells[0].warnings


# Killed ---------------------------------------------------------------------------------------------------------------

SLOW = "%%process slow(x) -> y\nimport time, pathlib\nif x > 1 and pathlib.Path({!r}).exists():\n    pathlib.Path({!r} + str(x)).touch()\n    time.sleep(600)\ny = x * 10"


def _slow(notebooks: Notebooks) -> str:
    block, here = str(notebooks.directory.parent / "block"), str(notebooks.directory.parent / "here")
    return SLOW.format(block, here)


def _begin_slow(notebooks: Notebooks, *last: str) -> Kernel:
    (notebooks.directory.parent / "block").touch()
    kernel = notebooks.start(MAKE, _slow(notebooks), "ys = slow(channel.of(1, 2, 3))", *last)
    wait_for((notebooks.directory.parent / "here2").exists)
    wait_for(lambda: _ended(notebooks) == 2)
    return kernel


def _ended(notebooks: Notebooks) -> int:
    events = (notebooks.directory / ".nextflow/cache").glob("*/events.*")
    return sum(path.read_text().count('"ended"') for path in events)


def _finish_slow(notebooks: Notebooks) -> list[Cell]:
    (notebooks.directory.parent / "block").unlink()
    return notebooks.run(MAKE, _slow(notebooks), "ys = slow(channel.of(1, 2, 3))", "list(ys)")


def test_killed_kernel_keeps_what_was_completed(notebooks: Notebooks) -> None:
    kernel = _begin_slow(notebooks)
    kernel.signal(signal.SIGKILL)
    assert kernel.end() == -signal.SIGKILL
    after = _finish_slow(notebooks)
    assert after[0].status == "CACHED"
    statuses = {name: status for name, status, _ in after[2].tasks}
    assert statuses == {"slow (1)": "CACHED", "slow (2)": "COMPLETED", "slow (3)": "COMPLETED"}
    assert after[3].result == "[10, 20, 30]"
    assert "did not finish" in after[2].shown
    statuses_of_runs = [record.status for record in _history(notebooks).own_records()]
    assert statuses_of_runs == [None, "OK"]


def test_interrupted_channel_keeps_what_was_completed_and_the_kernel(notebooks: Notebooks) -> None:
    kernel = _begin_slow(notebooks, "1 + 1", MAKE)
    kernel.signal(signal.SIGINT)
    cells = kernel.wait()
    assert cells[2].ename == "KeyboardInterrupt", cells[2]
    # The cell does not wait for the entry of a task that it has ended; the run does.
    reader = Reader(Layout(notebooks.directory, {}))
    assert {row.name: row.status for row in reader.rows(reader.select("last"))}.items() >= {
        ("slow (1)", "COMPLETED"),
        ("slow (2)", "ABORTED"),
    }
    assert cells[3].result == "2"
    assert cells[4].status == "CACHED"
    after = _finish_slow(notebooks)
    statuses = {name: status for name, status, _ in after[2].tasks}
    assert statuses == {"slow (1)": "CACHED", "slow (2)": "COMPLETED", "slow (3)": "COMPLETED"}
    assert after[3].result == "[10, 20, 30]"


@pytest.mark.parametrize(
    "cells",
    [
        ("%%process nap -> z\nimport time, pathlib\npathlib.Path(HERE).touch()\ntime.sleep(600)\nz = 1",),
        ("%%process nap(w) -> z\nimport time, pathlib\npathlib.Path(HERE).touch()\ntime.sleep(600)\nz = 1", "nap(1)"),
        ("%%process nap -> z = stdout()\n#!/usr/bin/env bash\ntouch HERE\nsleep 600",),
        (
            "%%process nap -> z\nimport subprocess, pathlib\npathlib.Path(HERE).touch()\nsubprocess.run(['sleep', '600'])\nz = 1",
        ),
    ],
    ids=["run once", "plain call", "script", "program"],
)
def test_interrupted_task_ends_and_the_kernel_goes_on(cells: tuple[str, ...], notebooks: Notebooks) -> None:
    here = notebooks.directory.parent / "here"
    typed = [cell.replace("HERE", str(here) if "bash" in cell else repr(str(here))) for cell in cells]
    kernel = notebooks.start(MAKE, *typed, OTHER, "r, s")
    wait_for(here.exists)
    kernel.signal(signal.SIGINT)
    told = kernel.wait()
    interrupted = told[len(cells)]
    assert interrupted.ename == "KeyboardInterrupt", interrupted
    assert interrupted.statuses == ["ABORTED"]
    assert told[-2].status == "COMPLETED"
    assert told[-1].result == "(42, 43)"
    again = notebooks.run(MAKE, OTHER)
    assert [cell.status for cell in again] == ["CACHED", "CACHED"]


def test_failed_run_is_err_in_the_history(notebooks: Notebooks) -> None:
    notebooks.run(MAKE, "%%process bad -> b\nb = 1 / 0")
    assert [record.status for record in _history(notebooks).own_records()] == ["ERR"]
    again = notebooks.run(MAKE, "%%process bad -> b\nb = 1 / 0")
    assert again[0].status == "CACHED"
    assert again[1].statuses == ["FAILED"], "a failure is never taken from the cache"


# Nextflow in the same directory ---------------------------------------------------------------------------------------

NEXTFLOW = "2026-01-02 03:04:05\t1.2s\tangry_bell\tOK\tabcdef1234\t{}\tnextflow run main.nf"


def test_nextflow_s_database_is_never_touched_and_its_line_stays_last(notebooks: Notebooks) -> None:
    session = "7d2f1b9e-0b5c-4f4e-9f1f-1c2d3e4f5a6b"
    database = notebooks.directory / ".nextflow/cache" / session / "db"
    database.mkdir(parents=True)
    for name in ("CURRENT", "000003.log", "MANIFEST-000002"):
        (database / name).write_bytes(name.encode())
    (notebooks.directory / ".nextflow/history").write_text(NEXTFLOW.format(session) + "\n")
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in database.iterdir()}
    first = notebooks.run(*BOTH)
    second = notebooks.run(*BOTH)
    assert _session(second[0]) == _session(first[0]) != session[:8]
    assert second[0].status == "CACHED"
    refused = notebooks.run(f"%resume {session}", "1 + 1")
    assert not refused[0].ok
    assert refused[1].ok
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in database.iterdir()} == before
    lines = (notebooks.directory / ".nextflow/history").read_text().splitlines()
    assert lines[-1] == NEXTFLOW.format(session)
    assert len(lines) == 3
