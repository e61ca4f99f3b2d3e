"""What is deleted, cancelled or reloaded under a running notebook costs time, never a result."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notebook.lab import Lab

SLOW = "%%process slow(n) -> r\nimport time\ntime.sleep(0.4)\nr = n * 10"


@pytest.fixture(autouse=True)
def fresh(lab: Lab) -> Iterator[None]:
    lab.ok(SLOW)
    yield
    lab.ok("%reload_ext nbflow")


def begun(lab: Lab) -> set[Path]:
    """The work directories of tasks that have begun."""
    return {path.parent for path in lab.launch_dir.glob("work/??/*/.command.out")}


def test_a_task_whose_work_directory_was_deleted_fails_by_name_and_runs_again(lab: Lab) -> None:
    """The hash is free again then: what failed under it must not be taken for what ran under it."""
    before = begun(lab)
    lab.ok("future = slow.submit(5)")
    while not (new := begun(lab) - before):
        time.sleep(0.01)
    shutil.rmtree(new.pop())
    assert "lost its work directory" in str(lab.value("future").exception())
    assert lab.value("slow(5)") == 50
    assert lab.value("slow(5)") == 50


def test_a_cell_that_is_run_again_at_once_does_not_wait_for_its_cancelled_tasks(lab: Lab) -> None:
    lab.ok("%%process mixed(n) -> r\nimport time\ntime.sleep(0.3 if n == 0 else 0.9)\nr = 10 / n")
    assert "ZeroDivisionError" in lab.fails("mixed(channel.of(0, 1))", "TaskFailedError")
    assert lab.value("mixed(1)") == 10


def test_a_process_from_before_a_reload_keeps_the_session_and_the_cell(lab: Lab) -> None:
    assert lab.value("slow(1)") == 10
    lab.ok("%%process fails(n) -> r\nr = 1 / n")
    lab.ok("%reload_ext nbflow")
    assert lab.ok("slow(1)").cached
    cell = lab.ok(SLOW)
    assert "new session" not in cell.out + cell.err
    assert lab.ok("slow(1)").cached
    assert "ZeroDivisionError" in lab.fails("fails(channel.of(0)); 3", "TaskFailedError")


def test_a_run_ends_after_its_files_were_deleted_and_another_begins(lab: Lab) -> None:
    assert lab.value("slow(2)") == 20
    shutil.rmtree(lab.launch_dir / ".nextflow")
    shutil.rmtree(lab.launch_dir / "work")
    cell = lab.ok("slow(2)")
    assert "were deleted" in cell.out
    assert cell.result == 20
    lab.ok("%reload_ext nbflow")
    assert lab.ok("slow(2)").cached
    shutil.rmtree(lab.launch_dir / ".nextflow")
    lab.ok("%unload_ext nbflow")
    lab.ok("%load_ext nbflow")
    assert lab.value("slow(2)") == 20
