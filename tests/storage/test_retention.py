"""Tests of retention at work: which runs go, what they take along, and what never goes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nbflow.core.retention import Retention
from nbflow.storage.database.lock import SessionLock
from nbflow.storage.publish import publish
from nbflow.storage.published import note_link
from nbflow.storage.retention import clean_expired, drop_succeeded, expiry, run_uses
from nbflow.storage.session_sizes import taken_by
from tests.storage.launch import OTHER, SESSION, Launch, age

HOUR = 3600.0
DAY = Retention(storage_expiration_hours=24)


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    return Launch(tmp_path)


def expire(launch: Launch, retention: Retention = DAY) -> tuple[int, int, list[str]]:
    now = time.time()
    return clean_expired(launch.reader, expiry(launch.reader, retention, now), now)


def runs(launch: Launch) -> list[str | None]:
    return [record.run_name for record in launch.reader.runs()]


def test_what_no_later_run_used_goes_and_the_rest_stays(launch: Launch) -> None:
    old = launch.run(ran=(1, 2))
    new = launch.run(hits=(1,), ran=(3,))
    age(launch.layout, old, 30)
    gone, freed, left = expire(launch)
    assert (gone, left) == (1, [])
    assert freed > 1000
    assert runs(launch) == [new.run_name]
    assert [launch.work_dir(number).exists() for number in (1, 2, 3)] == [True, False, True]


def test_a_session_whose_runs_are_all_expired_goes_with_its_values(launch: Launch) -> None:
    old, newer = launch.run(ran=(1,)), launch.run(hits=(1,))
    launch.run(ran=(5,), session=OTHER)
    stage = launch.layout.stage_dir(SESSION)
    stage.mkdir()
    (stage / "values").write_bytes(b"v" * 5000)
    for record in (old, newer):
        age(launch.layout, record, 30)
    assert expire(launch)[1] > 6000
    assert not stage.exists() and not launch.layout.session_dir(SESSION).exists()
    assert launch.work_dir(5).exists()


def test_a_run_that_crashed_counts_from_when_it_last_wrote(launch: Launch) -> None:
    record = launch.run(ran=(1,))
    age(launch.layout, record, 30)
    launch.events(record, {"event": "submitted", "hash": "00" * 16, "name": "fit (9)"})
    assert expire(launch)[0] == 0


def test_a_held_session_keeps_everything_and_so_does_one_that_is_taken_meanwhile(launch: Launch) -> None:
    old = launch.run(ran=(1,))
    age(launch.layout, old, 30)
    now = time.time()
    dues = expiry(launch.reader, DAY, now)
    with SessionLock.take(launch.layout.lock(SESSION), notebook="held.ipynb"):
        assert expire(launch)[0] == 0
        gone, _, left = clean_expired(launch.reader, dues, now)
        assert gone == 0 and len(left) == 1
    assert launch.work_dir(1).exists()
    assert expire(launch)[0] == 1


def test_a_run_that_begins_meanwhile_keeps_what_it_took(launch: Launch) -> None:
    age(launch.layout, launch.run(ran=(1, 2)), 30)
    now = time.time()
    dues = expiry(launch.reader, DAY, now)
    launch.run(hits=(1,))
    clean_expired(launch.reader, dues, now)
    assert [launch.work_dir(number).exists() for number in (1, 2)] == [True, False]


def test_nextflows_runs_are_none_of_its_business(launch: Launch) -> None:
    old = f"2020-01-01 00:00:00\t1s\tsad_volta\tOK\tabc\t{OTHER}\tnextflow run main.nf\n"
    launch.layout.history.write_text(old)
    (launch.layout.session_dir(OTHER) / "db").mkdir(parents=True)
    assert expire(launch, Retention(age_limit=HOUR, size_limit=0)) == (0, 0, [])
    assert launch.layout.history.read_text() == old


def test_sizes_count_shared_files_once_and_a_task_for_the_last_run_that_used_it(launch: Launch) -> None:
    first = launch.run(ran=(1, 2))
    age(launch.layout, first, 2)
    second = launch.run(hits=(1,), ran=(3,))
    big, twin = (launch.work_dir(number) / "big" for number in (2, 3))
    big.write_bytes(b"b" * 100_000)
    os.link(big, twin)
    frees = {use.run: use.frees for use in run_uses(launch.reader, sizes=True)}
    assert frees[str(first.run_name)] < 10_000  # the link in the other directory keeps the file
    everything = sum(path.lstat().st_size for path in launch.layout.work_root.rglob("*") if path.is_file())
    database = sum(path.stat().st_size for path in launch.layout.session_dir(SESSION).rglob("*") if path.is_file())
    ignore = (launch.layout.work_root / ".gitignore").stat().st_size
    assert sum(frees.values()) == everything + database - 100_000 - ignore
    assert frees[str(second.run_name)] > 100_000
    assert [*taken_by(launch.reader, SESSION)][-1] == sum(frees.values())


def test_the_limit_of_size_counts_what_would_really_be_given_back(launch: Launch) -> None:
    for number, hours in ((1, 3), (2, 2), (3, 1)):
        record = launch.run(ran=(number,))
        (launch.work_dir(number) / "big").write_bytes(b"b" * 1_000_000)
        age(launch.layout, record, hours)
    assert expire(launch, Retention(size_limit=2_500_000))[0] == 1
    assert [launch.work_dir(number).exists() for number in (1, 2, 3)] == [False, True, True]


def test_a_headless_success_leaves_logs_and_history_and_what_interactive_runs_took(launch: Launch) -> None:
    launch.run(ran=(1, 2))
    interactive = launch.run(hits=(1,), ran=(3,))
    path = launch.layout.history
    lines = [
        line.replace("nbflow run a.ipynb", "nbflow kernel a.ipynb") if str(interactive.run_name) in line else line
        for line in path.read_text().splitlines()
    ]
    path.write_text("\n".join(lines) + "\n")
    stage = launch.layout.stage_dir(SESSION)
    stage.mkdir()
    assert drop_succeeded(launch.reader, SESSION) >= 1000
    assert sorted(os.listdir(launch.work_dir(2))) == [".command.out", ".exitcode"]
    for number in (1, 3):
        assert (launch.work_dir(number) / ".nbflow" / "values").exists()
    assert stage.exists()
    assert len(runs(launch)) == 2


def test_a_headless_success_takes_the_values_of_the_session_where_nobody_else_needs_them(launch: Launch) -> None:
    launch.run(ran=(1,))
    stage = launch.layout.stage_dir(SESSION)
    stage.mkdir()
    drop_succeeded(launch.reader, SESSION)
    assert not stage.exists()
    assert len(runs(launch)) == 1


def test_results_that_were_only_linked_to_stay_as_long_as_a_link_leads_to_them(launch: Launch) -> None:
    record = launch.run(ran=(1, 2))
    link = launch.layout.launch_dir / "results" / "table.csv"
    for number in (1, 2):
        (launch.work_dir(number) / "table.csv").write_text("a,b")
        publish(launch.work_dir(number) / "table.csv", link, "symlink", overwrite=True)
        note_link(launch.work_dir(number), link)
    drop_succeeded(launch.reader, SESSION)
    assert not (launch.work_dir(1) / "table.csv").exists(), "the link leads to the other one now"
    assert link.read_text() == "a,b"
    age(launch.layout, record, 30)
    expire(launch)
    assert not launch.work_dir(1).exists() and not launch.layout.session_dir(SESSION).exists()
    assert link.read_text() == "a,b"


def test_what_was_linked_to_counts_as_nothing_that_could_be_given_back(launch: Launch) -> None:
    launch.run(ran=(1,))
    big = launch.work_dir(1) / "big"
    big.write_bytes(b"b" * 1_000_000)
    (use,) = run_uses(launch.reader, sizes=True)
    assert use.frees > 1_000_000
    publish(big, launch.layout.launch_dir / "big", "rellink", overwrite=True)
    note_link(launch.work_dir(1), launch.layout.launch_dir / "big")
    (use,) = run_uses(launch.reader, sizes=True)
    assert use.frees < 500_000


def test_no_size_is_looked_up_where_no_limit_needs_it(launch: Launch, monkeypatch: pytest.MonkeyPatch) -> None:
    launch.run(ran=(1,))
    looked: list[object] = []
    counted: Callable[[object, object], int] = lambda _, path: looked.append(path) or 0  # noqa: E731
    monkeypatch.setattr("nbflow.storage.sizes.Freed.by", counted)
    assert [use.frees for use in run_uses(launch.reader, sizes=False)] == [0]
    assert looked == []
    run_uses(launch.reader, sizes=True)
    assert looked != []
