"""Tests of which tasks a table holds, and how far each has come: runs that ended, that go on, that were killed."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from nbflow.browsing.table import UNREAD, TaskTable
from nbflow.browsing.view import row
from nbflow.storage.browse import Own, Reader
from nbflow.storage.database.cache import TaskCache
from nbflow.storage.database.leveldb import LevelStore
from nbflow.storage.nextflow.trace import encode_trace
from nbflow.storage.summaries import SummaryLog, summary_line
from tests.browsing.made import MadeSession
from tests.storage.launch import SESSION, Launch, key


def statuses(table: TaskTable) -> list[tuple[str, str]]:
    return [(str(row(table, at)["name"]), status) for at, status in enumerate(table.statuses)]


def test_a_cached_task_shows_the_figures_of_the_run_that_executed_it(tmp_path: Path) -> None:
    made = MadeSession(tmp_path, 20, entries=False)
    reader = Reader(made.layout)
    record = made.resumed(12)
    table = TaskTable(reader, [record])
    assert table.statuses == ["CACHED"] * 12 and table.unread == []
    assert row(table, 3)["realtime"] == row(TaskTable(reader, [made.first]), 3)["realtime"] != ""
    both = TaskTable(reader, reader.runs())
    assert len(both.lines) == 20 and "CACHED" not in both.statuses


def test_figures_that_no_line_has_are_read_from_the_entries_bit_by_bit(tmp_path: Path) -> None:
    made = MadeSession(tmp_path, 20, summaries=False)
    reader = Reader(made.layout)
    table = TaskTable(reader, [made.first])
    assert table.statuses == [UNREAD] * 20
    version = table.version
    table.fill(reader, [3, 4])
    assert len(table.unread) == 18 and table.version > version
    table.fill(reader, seconds=60)
    assert table.unread == []
    wanted = MadeSession(tmp_path / "other", 20)
    other = TaskTable(Reader(wanted.layout), [wanted.first])
    assert [row(table, at)["name"] for at in range(20)] == [row(other, at)["name"] for at in range(20)]
    assert [row(table, at)["peak_rss"] for at in range(20)] == [row(other, at)["peak_rss"] for at in range(20)]


def test_a_live_run_is_followed_from_another_process_until_its_kernel_is_killed(
    tmp_path: Path, python: Callable[..., list[str]]
) -> None:
    launch = Launch(tmp_path)
    launch.run(ran=(1,))
    record = launch.history.begin(SESSION, "nbflow kernel")
    name = str(record.run_name)
    text = (
        "from pathlib import Path; from nbflow.storage.database.lock import SessionLock\n"
        "lock = SessionLock.take(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    command = python(text, launch.layout.lock(SESSION))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        table = TaskTable(launch.reader, [record])
        assert table.live and table.lines == []
        assert not table.refresh(launch.reader)
        for number in (5, 6):
            submitted = {"event": "submitted", "hash": key(number).hex(), "name": f"fit ({number})", "at": 1.5}
            launch.events(record, submitted)
        launch.events(record, {"event": "started", "hash": key(5).hex(), "at": 2.5})
        launch.events(record, {"event": "call", "process": "fit", "of": ["make"], "more": "x" * 50})
        assert table.refresh(launch.reader)
        assert statuses(table) == [("fit (5)", "RUNNING"), ("fit (6)", "SUBMITTED")]
        trace = {"name": "fit (5)", "process": "fit", "status": "FAILED", "exit": 1}
        with closing(SummaryLog(launch.layout.summaries(SESSION, name))) as log:
            log.extend([summary_line(key(5).hex(), trace, None, name)])
        assert table.refresh(launch.reader)
        assert statuses(table) == [("fit (5)", "FAILED"), ("fit (6)", "SUBMITTED")]
        holder.stdin.close()
    assert table.refresh(launch.reader) and not table.live
    table.fill(launch.reader, seconds=60)
    assert statuses(table) == [("fit (5)", "FAILED"), ("fit (6)", "ABORTED")]


def test_the_own_run_is_flushed_before_it_is_read(tmp_path: Path) -> None:
    launch = Launch(tmp_path)
    record = launch.run(ran=(1,))
    flushed: list[bool] = []
    with closing(LevelStore.open(launch.layout.db_dir(SESSION))) as store:
        own = Own(SESSION, str(record.run_name), TaskCache(store), lambda: flushed.append(True))
        table = TaskTable(Reader(launch.layout, own), [record])
        table.fill(Reader(launch.layout, own), seconds=60)
    assert flushed and table.live
    assert statuses(table) == [("fit (1)", "COMPLETED")]


def test_a_task_of_nextflow_is_read_from_its_trace(tmp_path: Path) -> None:
    launch = Launch(tmp_path)
    record = launch.run(ran=(1,))
    with closing(LevelStore.open(launch.layout.db_dir(SESSION))) as store:
        trace = encode_trace({"task_id": 1, "name": "QUANT (a)", "process": "QUANT", "status": "COMPLETED"})
        TaskCache(store).put(key(1), trace, b"\x01\x00java")
    table = TaskTable(launch.reader, [record])
    table.fill(launch.reader, seconds=60)
    assert statuses(table) == [("QUANT (a)", "COMPLETED")]


@pytest.mark.parametrize("count", [0, 1])
def test_a_place_is_found_by_the_hash(tmp_path: Path, count: int) -> None:
    made = MadeSession(tmp_path, 5, entries=False)
    table = TaskTable(Reader(made.layout), [made.first])
    assert table.place_of(made.tasks[count][0].hex()) == count
    assert table.place_of("0" * 32) is None
