"""Cleans runs away: work directories and entries that no other run needs, then what is left of the runs.

Alone decides what a clean removes. An entry and its work directory go only when no kept run of the session names the
task in its index, nor executed it; Nextflow's counter, which drifts, is not asked but made true. Nothing outside the
work directory and the session's own directory is ever removed, and never anything of Nextflow's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from nbflow.core.task.entry import read_entry
from nbflow.errors import CacheError
from nbflow.storage.browse import Reader, by_session
from nbflow.storage.collected import Collected
from nbflow.storage.database.cache import TaskCache
from nbflow.storage.database.leveldb import LevelStore
from nbflow.storage.database.lock import SessionLock
from nbflow.storage.database.marker import is_marked
from nbflow.storage.database.store import MemoryStore
from nbflow.storage.nextflow.history import RunRecord
from nbflow.storage.nextflow.kryo import Record
from nbflow.storage.nextflow.trace import decode_trace
from nbflow.storage.removal import lies_in, remove, temporary_files
from nbflow.storage.sizes import Freed, freed_by
from nbflow.storage.summaries import DELETED, SummaryLog, read_lines, with_status


class Deed(Enum):
    """What is done with a directory; the value is its past tense and what would be done."""

    REMOVE = ("Removed", "Would remove")
    REMOVE_TEMP = ("Removed temp files from", "Would remove temp files from")
    LEAVE = ("Left", "Would leave")


@dataclass(frozen=True, slots=True)
class Step:
    """One directory that a clean is about.

    Attributes
    ----------
    deed : Deed
        What is done with it.
    path : pathlib.Path
        The directory.
    size : int
        Bytes that it gives back.
    """

    deed: Deed
    path: Path
    size: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """What of one session goes."""

    session: str
    runs: tuple[str, ...]
    keys: tuple[bytes, ...]
    work_dirs: tuple[Path, ...]
    elsewhere: tuple[Path, ...]
    kept: dict[str, set[bytes]]
    needed: frozenset[str]
    is_last: bool


def clean(
    reader: Reader,
    runs: Iterable[RunRecord],
    done: Callable[[Step], None],
    *,
    really: bool,
    keep_logs: bool = False,
    spare: Callable[[Path], bool] = lambda _: False,
) -> None:
    """Clean runs away, or tell what that would do.

    Parameters
    ----------
    reader : Reader
        Reads the launch directory.
    runs : iterable of RunRecord
        The runs to clean.
    done : callable
        Told each step when it has been done, or what would be done.
    really : bool
        Whether anything is removed.
    keep_logs : bool
        Whether only what lies in work directories beside the logs is removed; entries and history stay.
    spare : callable
        Tells of a work directory whether it is left as it is.

    Raises
    ------
    CacheLockedError
        A kernel has one of the sessions open; nothing of that session was removed.
    CacheError
        A run is Nextflow's, or it is the one that goes on in this kernel; nothing was removed.
    """
    sessions = by_session(runs)
    for records in sessions.values():
        _check(reader, records)
    for session, records in sessions.items():
        if really:
            _clean_session(reader, session, records, done, keep_logs, spare)
        else:
            with reader.cache(session) as cache:
                plan = _plan(reader, session, records, cache, spare)
            for step in _steps(reader, plan, keep_logs):
                done(step)
            if plan.is_last and not keep_logs:
                _tell(Collected(reader.layout.work_root).orphans(session), done)


def clean_task(reader: Reader, run: RunRecord, task_hash: str, *, really: bool) -> int:
    """Forget one task: its entry and its work directory go, and it runs again when it is next needed.

    Parameters
    ----------
    reader : Reader
        Reads the launch directory.
    run : RunRecord
        A run of nbflow's that names it.
    task_hash : str
        32 hexadecimal digits.
    really : bool
        Whether anything is removed.

    Returns
    -------
    int
        Bytes that it gives back.

    Raises
    ------
    CacheLockedError
        Another kernel has the session open; nothing was removed.
    CacheError
        The run is Nextflow's.
    """
    if not run.is_own:
        raise CacheError(
            f"run {run.run_name} is of Nextflow's, which alone can clean it: nextflow clean {run.run_name}"
        )
    work_dir = reader.layout.work_dir(task_hash)
    size = freed_by(work_dir)
    if really:
        with _held(reader, run.session), _opened(reader, run.session) as cache:
            # The entry first: a result that is half removed must never be found.
            cache.delete([bytes.fromhex(task_hash)])
            _note_deleted(reader, run, task_hash)
        remove(work_dir, reader.layout.work_root)
    return size


def _note_deleted(reader: Reader, run: RunRecord, task_hash: str) -> None:
    """Let browsers see that it is gone: the last line of a task holds."""
    for path in reader.layout.session_dir(run.session).glob("tasks.*"):
        found = [line for line in read_lines(path)[0] if line.startswith(task_hash.encode())]
        if found:
            with closing(SummaryLog(path)) as log:
                log.extend([with_status(found[-1], DELETED)])


def _check(reader: Reader, records: list[RunRecord]) -> None:
    for record in records:
        session_dir = reader.layout.session_dir(record.session)
        if not record.is_own or (session_dir.exists() and not is_marked(session_dir)):
            raise CacheError(
                f"run {record.run_name} is of Nextflow's, which alone can clean it: nextflow clean {record.run_name}"
            )
        if reader.own is not None and record.run_name == reader.own.run:
            raise CacheError(
                f"run {record.run_name} is the one that goes on in this kernel; clean an earlier one (nbflow log lists "
                "them), or end this one first with: %resume new"
            )


# The plan -------------------------------------------------------------------------------------------------------------


def _plan(
    reader: Reader, session: str, records: list[RunRecord], cache: TaskCache, spare: Callable[[Path], bool]
) -> _Plan:
    gone = {str(record.run_name) for record in records}
    left = {record.run_name for record in reader.runs() if record.session == session} - gone
    named = _named(reader, session, gone, cache)
    kept = {run: keys for run, keys in named.items() if left and run not in gone}
    wanted = _union(keys for run, keys in named.items() if run not in kept)
    keys = tuple(sorted(wanted - _union(kept.values())))
    places = [place for key in keys if (place := _place(reader, key, cache)) is not None]
    inside = tuple(place for place in places if lies_in(place, reader.layout.work_root) and not spare(place))
    elsewhere = tuple(place for place in places if place not in set(inside))
    of_others = _union(kept.values())
    needed = frozenset(run for run in gone if not named.get(run, set()).isdisjoint(of_others))
    return _Plan(session, tuple(sorted(gone)), keys, inside, elsewhere, kept, needed, not left)


def _named(reader: Reader, session: str, gone: set[str], cache: TaskCache) -> dict[str, set[bytes]]:
    """The tasks that each run of a session took or executed, those of runs that the history has lost among them.

    An index is written in batches, so a kernel that was killed leaves a gap in it; what such a run executed is known
    from the entries.
    """
    indexes = {path.name.partition(".")[2] for path in reader.layout.session_dir(session).glob("index.*")}
    named = {run: set(reader.hashes_of(session, run)) for run in indexes | gone}
    for key, record in cache.entries():
        named.setdefault(_executed_by(record), set()).add(key)
    return named


def _executed_by(record: Record) -> str:
    try:
        return "" if record.context is None else read_entry(record.context).run
    except ValueError:
        return ""  # damaged: no hit, and it goes with the session


def _union(sets: Iterable[set[bytes]]) -> set[bytes]:
    return set().union(*sets)


def _place(reader: Reader, key: bytes, cache: TaskCache) -> Path | None:
    """The work directory of a task: where its hash says, else where its entry says; None where neither is there."""
    here = reader.layout.work_dir(key.hex())
    if os.path.lexists(here):
        return here
    record = cache.get_record(key)
    told = None if record is None else _told(record)
    return told if told is not None and os.path.lexists(told) else None


def _told(record: Record) -> Path | None:
    try:
        told = decode_trace(record.trace).get("workdir")
    except ValueError:
        return None
    return Path(told) if isinstance(told, str) and told else None


# The deeds ------------------------------------------------------------------------------------------------------------


def _steps(reader: Reader, plan: _Plan, keep_logs: bool) -> list[Step]:
    """The steps in their order, measured before the first of them is done."""
    return [*_measured(reader, plan, keep_logs, Freed())]


def _measured(reader: Reader, plan: _Plan, keep_logs: bool, freed: Freed) -> Iterator[Step]:
    if keep_logs:
        for work_dir in plan.work_dirs:
            yield Step(Deed.REMOVE_TEMP, work_dir, sum(map(freed.by, temporary_files(work_dir))))
        return
    for work_dir in plan.work_dirs:
        yield Step(Deed.REMOVE, work_dir, freed.by(work_dir))
    for place in plan.elsewhere:
        yield Step(Deed.LEAVE, place, 0)
    if plan.is_last:
        for rest in (reader.layout.stage_dir(plan.session), reader.layout.session_dir(plan.session)):
            if os.path.lexists(rest):
                yield Step(Deed.REMOVE, rest, freed.by(rest))


def _tell(collected: Mapping[Path, int], done: Callable[[Step], None]) -> None:
    """The files that operators wrote for a session and no other, which go with its last run."""
    for path, size in collected.items():
        done(Step(Deed.REMOVE, path, size))


def _clean_session(
    reader: Reader,
    session: str,
    records: list[RunRecord],
    done: Callable[[Step], None],
    keep_logs: bool,
    spare: Callable[[Path], bool],
) -> None:
    with _held(reader, session):
        with _opened(reader, session) as cache:
            plan = _plan(reader, session, records, cache, spare)
            if not keep_logs:
                # The entries first: a result that is half removed must never be found.
                cache.delete(plan.keys)
                cache.recount(plan.kept)
        for step in _steps(reader, plan, keep_logs):
            _do(reader, step)
            done(step)
        if not keep_logs:
            if plan.is_last:
                _tell(Collected(reader.layout.work_root).release(session), done)
            _forget(reader, plan)


def _do(reader: Reader, step: Step) -> None:
    root = reader.layout.work_root
    if step.deed is Deed.REMOVE_TEMP:
        for path in temporary_files(step.path):
            remove(path, root)
    elif step.deed is Deed.REMOVE:
        remove(step.path, root if lies_in(step.path, root) else reader.layout.cache_dir)


def _forget(reader: Reader, plan: _Plan) -> None:
    for run in plan.runs:
        reader.layout.index(plan.session, run).unlink(missing_ok=True)
        reader.layout.events(plan.session, run).unlink(missing_ok=True)
        if run not in plan.needed:  # else other runs took tasks from it, whose figures stand there
            reader.layout.summaries(plan.session, run).unlink(missing_ok=True)
        reader.history.delete(run)


@contextmanager
def _held(reader: Reader, session: str) -> Iterator[None]:
    """Hold a session, so that no kernel begins to use what is being removed."""
    own = reader.own is not None and reader.own.session == session
    if own or not reader.layout.session_dir(session).exists():
        yield
        return
    with SessionLock.take(reader.layout.lock(session), notebook="nbflow clean"):
        yield


@contextmanager
def _opened(reader: Reader, session: str) -> Iterator[TaskCache]:
    if reader.own is not None and reader.own.session == session:
        reader.own.flush()
        yield reader.own.cache
    elif reader.layout.db_dir(session).exists():
        with closing(LevelStore.open(reader.layout.db_dir(session))) as store:
            yield TaskCache(store)
    else:
        yield TaskCache(MemoryStore())
