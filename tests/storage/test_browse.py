"""Tests of reading runs and tasks: rows for log, whoever owns the session."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from nbflow.errors import UnknownSessionError
from nbflow.storage.browse import Own, Reader
from nbflow.storage.database.cache import TaskCache
from nbflow.storage.database.leveldb import LevelStore
from nbflow.storage.layout import Layout
from nbflow.storage.nextflow.index import IndexWriter
from nbflow.storage.nextflow.trace import FIELDS, encode_trace
from nbflow.storage.rows import LOG_FIELDS, TaskRow
from tests.storage.launch import OTHER, SESSION, Launch, key


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    return Launch(tmp_path)


def shown(rows: list[TaskRow]) -> list[tuple[str, str]]:
    return [(row.name, row.status) for row in rows]


def rows_of(launch: Launch, text: str) -> list[TaskRow]:
    return list(launch.reader.rows(launch.reader.select(text)))


def test_a_row_is_cached_by_the_runs_index_and_else_what_its_entry_says(launch: Launch) -> None:
    launch.run(ran=(1,))
    launch.run(hits=(1,), ran=(2,), status="FAILED")
    assert shown(rows_of(launch, "last")) == [("fit (2)", "FAILED"), ("fit (1)", "CACHED")]


def test_a_session_gives_the_tasks_of_all_its_runs_each_once(launch: Launch) -> None:
    launch.run(ran=(1,))
    launch.run(hits=(1,), ran=(2,))
    launch.run(ran=(3,), session=OTHER)
    assert shown(rows_of(launch, SESSION[:5])) == [("fit (1)", "COMPLETED"), ("fit (2)", "COMPLETED")]


def test_a_task_taken_again_in_the_run_that_executed_it_counts_as_executed(launch: Launch) -> None:
    record = launch.run(ran=(1,))
    with closing(IndexWriter(launch.layout.index(SESSION, str(record.run_name)))) as index:
        index.append(key(1), True)
    assert shown(rows_of(launch, "last")) == [("fit (1)", "COMPLETED")]


def test_the_latest_run_of_nbflow_is_last_though_nextflows_line_stands_below(launch: Launch) -> None:
    mine = launch.run(ran=(1,))
    with open(launch.layout.history, "a", encoding="utf-8") as file:
        file.write(f"2026-01-01 00:00:00\t1s\tsad_volta\tOK\tabc\t{OTHER}\tnextflow run main.nf\n")
    assert launch.reader.select("last") == (launch.reader.runs()[0],)
    assert launch.reader.select("last")[0].run_name == mine.run_name
    assert [record.run_name for record in launch.reader.select("sad_volta")] == ["sad_volta"]


def test_a_run_that_is_not_there_is_refused_with_those_that_are(launch: Launch) -> None:
    with pytest.raises(UnknownSessionError, match="No notebook and no pipeline ran here yet"):
        launch.reader.select("last")
    record = launch.run(ran=(1,))
    launch.run(session=SESSION[:-1] + "9")
    with pytest.raises(UnknownSessionError, match=f"{SESSION[:8]} "):
        launch.reader.select("nobody")
    typo = str(record.run_name)[:-1]
    for find in (launch.reader.select, launch.history.find):
        with pytest.raises(UnknownSessionError, match=f"'{typo}'.* Did you mean '{record.run_name}'"):
            find(typo)
    with pytest.raises(UnknownSessionError, match="Which session do you mean"):
        launch.reader.select(SESSION[:4])
    assert len(launch.reader.select(str(record.run_name))) == 1


def test_a_task_without_an_entry_runs_while_its_kernel_lives_and_was_aborted_after(
    launch: Launch, python: Callable[..., list[str]]
) -> None:
    launch.run(ran=(1,))
    record = launch.history.begin(SESSION, "nbflow kernel")
    submitted = {"event": "submitted", "hash": key(5).hex(), "name": "fit (5)", "at": 1.5, "reason": "why not"}
    launch.events(
        record,
        submitted,
        {"event": "started", "hash": key(5).hex(), "at": 2.5},
        {"event": "submitted", "hash": key(6).hex(), "name": "fit (6)", "at": 2.0},
    )
    text = (
        "from pathlib import Path; from nbflow.storage.database.lock import SessionLock\n"
        "lock = SessionLock.take(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    command = python(text, launch.layout.lock(SESSION))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        rows = rows_of(launch, "last")
        assert shown(rows) == [("fit (5)", "RUNNING"), ("fit (6)", "SUBMITTED")]
        assert (rows[0].reason, rows[0].value("submit"), rows[0].process) == ("why not", 1500, "fit")
        holder.stdin.close()
    assert shown(rows_of(launch, "last")) == [("fit (5)", "ABORTED"), ("fit (6)", "ABORTED")]


def test_the_own_session_is_read_through_its_open_handle(launch: Launch) -> None:
    record = launch.run(ran=(1,))
    flushed: list[bool] = []
    with closing(LevelStore.open(launch.layout.db_dir(SESSION))) as store:
        own = Own(SESSION, str(record.run_name), TaskCache(store), lambda: flushed.append(True))
        reader = Reader(launch.layout, own)
        assert shown(list(reader.rows(reader.select("last")))) == [("fit (1)", "COMPLETED")]
    assert flushed


def test_another_process_reads_while_the_owner_has_the_database_open(launch: Launch) -> None:
    launch.run(ran=(1,))
    with closing(LevelStore.open(launch.layout.db_dir(SESSION))) as store:
        TaskCache(store).put(key(9), encode_trace({"task_id": 9, "name": "late"}), b"")
        with Reader(launch.layout).cache(SESSION) as cache:
            assert {found for found, _ in cache.entries()} == {key(1), key(9)}


def test_an_entry_of_nextflow_shows_its_trace_and_no_more(launch: Launch) -> None:
    record = launch.run()
    with closing(LevelStore.open(launch.layout.db_dir(SESSION))) as store:
        trace = encode_trace({"task_id": 1, "name": "QUANT (a)", "status": "COMPLETED", "workdir": "/there"})
        TaskCache(store).put(key(1), trace, b"\x01\x00java")
    with closing(IndexWriter(launch.layout.index(SESSION, str(record.run_name)))) as index:
        index.append(key(1), False)
    (row,) = rows_of(launch, "last")
    assert (row.name, row.status, row.work_dir, row.entry) == ("QUANT (a)", "COMPLETED", Path("/there"), None)


def test_a_run_whose_database_is_gone_shows_what_its_index_and_events_know(launch: Launch) -> None:
    record = launch.run(ran=(1,), hits=(2,))
    for path in launch.layout.db_dir(SESSION).iterdir():
        path.unlink()
    launch.events(record, {"event": "submitted", "hash": key(1).hex(), "name": "fit (1)"})
    assert shown(rows_of(launch, "last")) == [("fit (1)", "ABORTED"), ("-", "CACHED")]


def test_every_field_of_a_row_has_a_text_and_unknown_ones_are_refused(launch: Launch) -> None:
    launch.run(ran=(1,))
    (row,) = rows_of(launch, "last")
    texts = {field: row.text(field) for field in LOG_FIELDS}
    assert (texts["hash"], texts["realtime"], texts["stdout"]) == ("01/010101", "1.5s", "task 1")
    assert (texts["workdir"], texts["tag"], texts["reason"]) == (str(launch.work_dir(1)), "-", "-")
    assert row.text("pcpu") == "-"
    assert set(row.to_dict()) == set(FIELDS) | {"session", "run", "task_hash", "reason", "hash_parts"}
    with pytest.raises(ValueError, match="no field 'colour'"):
        row.text("colour")


def test_a_tag_with_a_tab_or_a_line_break_stays_one_field_of_one_line(tmp_path: Path) -> None:
    row = TaskRow("ab" * 16, SESSION, "run", "COMPLETED", tmp_path, {"name": "fit (a\tb\nc)", "script": "1\n2"})
    assert row.text("name") == "fit (a\\tb\\nc)"
    assert row.text("script") == "1\n2"


def test_a_moved_launch_directory_shows_work_directories_where_they_are_now(tmp_path: Path) -> None:
    Launch(tmp_path / "old").run(ran=(1,))
    (tmp_path / "old").rename(tmp_path / "new")
    reader = Reader(Layout(tmp_path / "new", {}))
    (row,) = reader.rows(reader.select("last"))
    assert row.text("workdir").startswith(str(tmp_path / "new" / "work"))
    assert row.text("stdout") == "task 1"
