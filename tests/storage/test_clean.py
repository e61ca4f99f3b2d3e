"""Tests of clean: what no kept run needs goes, and nothing else."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import pytest

from nbflow.errors import CacheError, CacheLockedError
from nbflow.storage.browse import Own
from nbflow.storage.clean import Deed, Step, clean, clean_task
from nbflow.storage.database.cache import TaskCache
from nbflow.storage.database.leveldb import LevelStore
from nbflow.storage.nextflow.history import RunRecord
from nbflow.storage.removal import lies_in, remove
from nbflow.storage.summaries import read_line, read_lines, summary_line
from tests.storage.launch import OTHER, SESSION, Launch, key


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    return Launch(tmp_path)


def cleaned(launch: Launch, *runs: RunRecord, really: bool = True, keep_logs: bool = False) -> list[Step]:
    steps: list[Step] = []
    clean(launch.reader, runs, steps.append, really=really, keep_logs=keep_logs)
    return steps


def entries(launch: Launch, session: str = SESSION) -> dict[bytes, int]:
    with launch.reader.cache(session) as cache:
        return {key: record.refcount for key, record in cache.entries()}


def removed(steps: Iterable[Step]) -> set[Path]:
    return {step.path for step in steps if step.deed is Deed.REMOVE}


def everything(launch: Launch) -> list[Path]:
    """All files, without the place of snapshots and the history's lock."""
    own = (launch.layout.own_dir, launch.layout.history.with_name("history.lock"))
    return sorted(path for path in launch.layout.launch_dir.rglob("*") if path not in own)


def test_a_task_that_a_kept_run_names_stays(launch: Launch) -> None:
    first = launch.run(ran=(1, 2))
    launch.run(hits=(1,), ran=(3,))
    assert removed(cleaned(launch, first)) == {launch.work_dir(2)}
    assert launch.work_dir(1).is_dir()
    assert not launch.work_dir(2).exists()
    assert entries(launch) == {key(1): 1, key(3): 1}
    assert [record.run_name for record in launch.reader.runs()] != [first.run_name]
    assert not launch.layout.index(SESSION, str(first.run_name)).exists()


def test_a_counter_that_has_drifted_deletes_nothing_that_is_needed(launch: Launch) -> None:
    first = launch.run(ran=(1,))
    launch.run(hits=(1,))
    with closing(LevelStore.open(launch.layout.db_dir(SESSION))) as store:
        TaskCache(store).recount({"nobody": ()})  # 0, as Nextflow's own count may be after a re-execution
    cleaned(launch, first)
    assert entries(launch) == {key(1): 1}
    assert launch.work_dir(1).is_dir()


def test_what_a_killed_run_executed_stays_though_its_index_misses_it(launch: Launch) -> None:
    first = launch.run(ran=(1,))
    second = launch.run(ran=(2,))
    third = launch.run(hits=(2,))
    launch.layout.index(SESSION, str(second.run_name)).write_bytes(b"")
    assert removed(cleaned(launch, third)) == set()
    assert removed(cleaned(launch, first)) == {launch.work_dir(1)}
    assert entries(launch) == {key(2): 1}


def test_the_work_directory_of_a_task_that_never_ended_goes(launch: Launch) -> None:
    first = launch.run(ran=(1,))
    launch.run(ran=(2,))
    launch.events(first, {"event": "submitted", "hash": key(7).hex(), "name": "fit (7)"})
    launch.work_dir(7).mkdir(parents=True)
    assert removed(cleaned(launch, first)) == {launch.work_dir(1), launch.work_dir(7)}


def test_with_its_last_run_the_session_goes_and_other_sessions_stay(launch: Launch) -> None:
    first, second = launch.run(ran=(1,)), launch.run(hits=(1,), ran=(2,))
    launch.run(ran=(3,), session=OTHER)
    stage = launch.layout.stage_dir(SESSION)
    stage.mkdir()
    (stage / "values").write_bytes(b"v" * 500)
    steps = cleaned(launch, first, second)
    session_dir = launch.layout.session_dir(SESSION)
    assert removed(steps) == {launch.work_dir(1), launch.work_dir(2), stage, session_dir}
    assert not any(path.exists() for path in removed(steps))
    assert [record.session for record in launch.reader.runs()] == [OTHER]
    assert entries(launch, OTHER) == {key(3): 1}


def test_a_dry_run_tells_the_same_steps_and_changes_nothing(launch: Launch) -> None:
    first, second = launch.run(ran=(1,)), launch.run(ran=(2,))
    before = everything(launch)
    told = cleaned(launch, first, second, really=False)
    assert everything(launch) == before
    done = cleaned(launch, first, second)
    assert removed(told) == removed(done)
    assert next(step.size for step in told if step.path == launch.work_dir(1)) > 1000


def test_a_file_that_two_tasks_share_is_given_back_once_and_only_when_both_go(launch: Launch) -> None:
    first, second = launch.run(ran=(1,)), launch.run(ran=(2,))
    (launch.work_dir(1) / "big").write_bytes(b"b" * 100_000)
    os.link(launch.work_dir(1) / "big", launch.work_dir(2) / "big")
    alone = cleaned(launch, first, really=False)
    told, done = cleaned(launch, first, second, really=False), cleaned(launch, first, second)
    assert sum(step.size for step in alone) < 50_000
    assert [step.size for step in told if step.path != launch.layout.session_dir(SESSION)] == [
        step.size for step in done if step.path != launch.layout.session_dir(SESSION)
    ]
    assert 100_000 < sum(step.size for step in told) < 150_000


def test_keep_logs_leaves_logs_entries_and_history(launch: Launch) -> None:
    first = launch.run(ran=(1,))
    steps = cleaned(launch, first, keep_logs=True)
    assert [(step.deed, step.path) for step in steps] == [(Deed.REMOVE_TEMP, launch.work_dir(1))]
    assert sorted(os.listdir(launch.work_dir(1))) == [".command.out", ".exitcode"]
    assert entries(launch) == {key(1): 1}
    assert launch.reader.runs()


def test_a_session_that_another_process_holds_is_refused_by_the_holders_name(
    launch: Launch, python: Callable[..., list[str]]
) -> None:
    first = launch.run(ran=(1,))
    text = (
        "from pathlib import Path; from nbflow.storage.database.lock import SessionLock\n"
        "lock = SessionLock.take(Path(sys.argv[1]), notebook='held.ipynb'); print('held', flush=True); sys.stdin.read()"
    )
    command = python(text, launch.layout.lock(SESSION))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(CacheLockedError, match=r"held\.ipynb"):
            cleaned(launch, first)
        assert cleaned(launch, first, really=False)  # looking is free
        holder.stdin.close()
    assert launch.work_dir(1).is_dir()
    assert entries(launch) == {key(1): 1}


def test_nextflows_runs_are_refused_before_anything_goes(launch: Launch) -> None:
    first = launch.run(ran=(1,))
    with open(launch.layout.history, "a", encoding="utf-8") as file:
        file.write(f"2026-01-01 00:00:00\t1s\tsad_volta\tOK\tabc\t{OTHER}\tnextflow run main.nf\n")
    (launch.layout.session_dir(OTHER) / "db").mkdir(parents=True)
    theirs = next(record for record in launch.reader.runs() if not record.is_own)
    with pytest.raises(CacheError, match="nextflow clean sad_volta"):
        cleaned(launch, first, theirs)
    assert launch.work_dir(1).is_dir()
    assert (launch.layout.session_dir(OTHER) / "db").is_dir()


def test_the_run_that_goes_on_in_this_kernel_is_refused_and_an_earlier_one_is_cleaned(launch: Launch) -> None:
    first, second = launch.run(ran=(1, 2)), launch.run(hits=(2,))
    with closing(LevelStore.open(launch.layout.db_dir(SESSION))) as store:
        cache = TaskCache(store)
        launch.reader.own = Own(SESSION, str(second.run_name), cache, lambda: None)
        with pytest.raises(CacheError, match="goes on in this kernel"):
            cleaned(launch, second)
        assert removed(cleaned(launch, first)) == {launch.work_dir(1)}
        assert {key for key, _ in cache.entries()} == {key(2)}


def test_a_work_directory_that_is_a_link_is_unlinked_and_what_it_means_stays(tmp_path: Path) -> None:
    launch = Launch(tmp_path / "a")
    first = launch.run(ran=(1,))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    launch.work_dir(1).rename(elsewhere / "task")
    launch.work_dir(1).symlink_to(elsewhere / "task")
    assert cleaned(launch, first)
    assert not os.path.lexists(launch.work_dir(1))
    assert (elsewhere / "task" / ".command.out").exists()  # a link is unlinked, never followed


def test_a_moved_project_never_deletes_what_its_entries_say_of_the_old_place(tmp_path: Path) -> None:
    old = Launch(tmp_path / "old")
    old.run(ran=(1,))
    new_dir = tmp_path / "new"
    new_dir.mkdir()
    subprocess.run(["cp", "-r", str(tmp_path / "old" / ".nextflow"), str(new_dir)], check=True)
    new = Launch(new_dir)
    steps = cleaned(new, *new.reader.runs())
    assert [step.path for step in steps if step.deed is Deed.LEAVE] == [old.work_dir(1)]
    assert old.work_dir(1).is_dir()


def test_links_in_a_tree_are_unlinked_and_never_followed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "precious").write_text("x")
    tree = tmp_path / "root" / "tree"
    (tree / "locked").mkdir(parents=True)
    (tree / "locked" / "file").write_text("y")
    (tree / "link").symlink_to(data)
    os.chmod(tree / "locked" / "file", 0o444)
    os.chmod(tree / "locked", 0o555)
    remove(tree, tmp_path / "root")
    assert not tree.exists()
    assert (data / "precious").read_text() == "x"


def test_nothing_outside_the_root_is_removed(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "ab").symlink_to(outside)
    (outside / "task").mkdir()
    for path in (outside / "task", root / "ab" / "task", root / ".." / "outside", root):
        assert not lies_in(path, root)
        with pytest.raises(CacheError, match="does not lie in"):
            remove(path, root)
    assert (outside / "task").is_dir()


def test_the_figures_of_tasks_stay_as_long_as_a_kept_run_took_one_of_them(launch: Launch) -> None:
    executed = launch.run(ran=(1, 2))
    taking = launch.run(hits=(1,))
    path = launch.layout.summaries(SESSION, str(executed.run_name))
    path.write_bytes(b"".join(summary_line(key(number).hex(), {}, None) for number in (1, 2)))
    other = launch.run(ran=(3,))
    of_other = launch.layout.summaries(SESSION, str(other.run_name))
    of_other.write_bytes(summary_line(key(3).hex(), {}, None))
    clean(launch.reader, [executed, other], lambda _: None, really=True)
    assert path.exists() and not of_other.exists()
    clean(launch.reader, [taking], lambda _: None, really=True)
    assert not path.exists()


def test_a_task_that_is_cleaned_is_marked_and_frees_its_work_directory(launch: Launch) -> None:
    record = launch.run(ran=(1, 2))
    path = launch.layout.summaries(SESSION, str(record.run_name))
    path.write_bytes(b"".join(summary_line(key(number).hex(), {"status": "COMPLETED"}, None) for number in (1, 2)))
    task_hash = key(1).hex()
    assert clean_task(launch.reader, record, task_hash, really=False) > 1000
    assert launch.work_dir(1).exists()
    clean_task(launch.reader, record, task_hash, really=True)
    assert not launch.work_dir(1).exists() and launch.work_dir(2).exists()
    with launch.reader.cache(SESSION) as cache:
        assert [found for found, _ in cache.entries()] == [key(2)]
    assert read_line(read_lines(path)[0][-1]).status == "DELETED"
