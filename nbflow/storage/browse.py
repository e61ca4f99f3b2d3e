"""Reads the runs and tasks of a launch directory, whoever owns its sessions, Nextflow's too.

Alone here: how a reader gets at a session. A database that another process owns is read from a snapshot, this process's
own through its open handle, and none is ever opened in place. Changes nothing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbflow.core.retention import Retention
from nbflow.errors import UnknownSessionError
from nbflow.storage.database.cache import TaskCache
from nbflow.storage.database.lock import Holder, holder_of
from nbflow.storage.database.marker import is_marked
from nbflow.storage.database.snapshot import open_snapshot
from nbflow.storage.events import events_of, read_events
from nbflow.storage.layout import Layout
from nbflow.storage.nextflow.history import History, RunRecord
from nbflow.storage.nextflow.index import read_index
from nbflow.storage.rows import RunFacts, TaskRow, make_row

_SHOWN = 8
_TASK_HASH = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Own:
    """The session that this process has open.

    Attributes
    ----------
    session : str
        Its id.
    run : str
        The run that goes on.
    cache : TaskCache
        Its entries.
    flush : callable
        Writes what the run has not written yet.
    """

    session: str
    run: str
    cache: TaskCache
    flush: Callable[[], None]


class Reader:
    """Reads the runs and tasks of a launch directory.

    Parameters
    ----------
    layout : Layout
        The launch directory.
    own : Own or None
        The session that this process has open.
    scratch : pathlib.Path or None
        Where snapshots lie while they are read, for a reader that leaves no trace in the launch directory. None for
        nbflow's own directory, where they need no copying.
    retention : callable
        Gives how long what runs leave is kept there; raises a SettingsError.
    """

    def __init__(
        self,
        layout: Layout,
        own: Own | None = None,
        scratch: Path | None = None,
        retention: Callable[[], Retention] = Retention,
    ) -> None:
        self.layout = layout
        self.retention = retention
        self._scratch = scratch or layout.own_dir
        self.history = History(layout.history, locks=scratch is None)
        self.own = own

    def runs(self) -> tuple[RunRecord, ...]:
        """Return all runs, Nextflow's too, in the order of the history."""
        return self.history.records()

    def select(self, text: str) -> tuple[RunRecord, ...]:
        """Return the runs that a text means.

        Parameters
        ----------
        text : str
            ``last`` (nbflow's latest run), a run name, or a session's id or the beginning of one: all its runs.

        Raises
        ------
        UnknownSessionError
            No run, or sessions that begin alike; the text names what there is.
        """
        records = self.runs()
        own = [record for record in records if record.is_own]
        if text == "last":
            if not records:
                raise UnknownSessionError(nothing_ran(self.layout))
            return tuple((own or records)[-1:])
        named = tuple(record for record in records if text and record.run_name == text)
        found = named or tuple(record for record in records if text and record.session.startswith(text.lower()))
        if not found:
            raise UnknownSessionError(
                f"No run or session is called {text!r}. {_meant(text, records)}{_listed(records)}. All runs: nbflow log"
            )
        if len({record.session for record in found}) > 1:
            raise UnknownSessionError(f"Which session do you mean by {text!r}? {_listed(found)}. Type more of its id")
        return found

    def rows(self, runs: Iterable[RunRecord]) -> Iterator[TaskRow]:
        """Yield the tasks of some runs, each task hash once, in the order of the events."""
        seen: set[bytes] = set()
        for session, records in by_session(runs).items():
            with self.cache(session) as cache:
                for record in records:
                    for row in self.rows_of(record, cache):
                        key = bytes.fromhex(row.task_hash)
                        if key not in seen:
                            seen.add(key)
                            yield row

    def rows_of(self, record: RunRecord, cache: TaskCache) -> Iterator[TaskRow]:
        """Yield the tasks of one run whose session's entries are at hand, each once."""
        if record.run_name is None:
            return
        cached = self.hashes_of(record.session, record.run_name)
        events = self._events(record.session, record.run_name)
        entries = ((key, cache.get_record(key)) for key in cached)
        live: bool | None = None
        for key, entry in entries:
            if entry is None and live is None:
                live = self.is_live(record)
            facts = RunFacts(record.session, record.run_name, bool(live))
            yield make_row(facts, key, cached[key], entry, events.get(key.hex(), {}), self.layout.work_dir)

    @contextmanager
    def cache(self, session: str) -> Iterator[TaskCache]:
        """Open the entries of a session, to read them."""
        if self.own is not None and self.own.session == session:
            self.own.flush()
            yield self.own.cache
            return
        with open_snapshot(self.layout.db_dir(session), self._scratch) as store:
            yield TaskCache(store)

    def hashes_of(self, session: str, run: str) -> dict[bytes, bool]:
        """Return the task hashes of a run in the order of the events, each with whether it only ever was cached."""
        cached: dict[bytes, bool] = {}
        for each in read_index(self.layout.index(session, run)):
            cached[each.task_hash] = each.cached and cached.get(each.task_hash, True)
        for key in self._events(session, run):  # the index is written in batches: what runs now may not be in it yet
            cached.setdefault(bytes.fromhex(key), False)
        return cached

    def earlier_indexes(self, session: str) -> list[Path]:
        """Return the indexes of nbflow's runs of a session, the latest first."""
        names = [str(record.run_name) for record in self.history.own_records() if record.session == session]
        return [self.layout.index(session, name) for name in reversed(names)]

    def calls_of(self, record: RunRecord) -> list[dict[str, Any]]:
        """Return the events of a run that tell which process was called with the outputs of which, in their order."""
        if record.run_name is None:
            return []
        events = read_events(self.layout.events(record.session, record.run_name))[0]
        return [event for event in events if event.get("event") == "call"]

    def _events(self, session: str, run: str) -> dict[str, dict[str, Any]]:
        """The events of each task of a run, by their names."""
        events: dict[str, dict[str, Any]] = {}
        for event in read_events(self.layout.events(session, run))[0]:
            key = event.get("hash")
            if isinstance(key, str) and _TASK_HASH.fullmatch(key):
                events.setdefault(key, {})[str(event.get("event"))] = event
        return events

    def is_live(self, record: RunRecord) -> bool:
        """Whether a kernel is in this run now."""
        if self.own is not None and self.own.session == record.session:
            return self.own.run == record.run_name
        if record.status is not None:
            return False
        latest = [each.run_name for each in self.runs() if each.session == record.session][-1:]
        return latest == [record.run_name] and self.holder(record.session) is not None

    def holder(self, session: str) -> Holder | None:
        """Who has a session of nbflow's open now; None where nobody has."""
        return holder_of(self.layout.lock(session)) if is_marked(self.layout.session_dir(session)) else None

    def row(self, record: RunRecord, task_hash: str, cache: TaskCache, *, cached: bool = False) -> TaskRow:
        """Return one task of a run whose session's entries are at hand.

        Parameters
        ----------
        record : RunRecord
            The run.
        task_hash : str
            32 hexadecimal digits.
        cache : TaskCache
            The session's entries.
        cached : bool
            Whether the run only ever took it from the cache.
        """
        name = str(record.run_name)
        events = {
            str(event.get("event")): event for event in events_of(self.layout.events(record.session, name), task_hash)
        }
        key = bytes.fromhex(task_hash)
        entry = cache.get_record(key)
        facts = RunFacts(record.session, name, entry is None and self.is_live(record))
        return make_row(facts, key, cached, entry, events, self.layout.work_dir)


def by_session(runs: Iterable[RunRecord]) -> dict[str, list[RunRecord]]:
    """Sort runs by their sessions, which come in the order of their first runs."""
    found: dict[str, list[RunRecord]] = {}
    for record in runs:
        found.setdefault(record.session, []).append(record)
    return found


def nothing_ran(layout: Layout) -> str:
    """Say that there is no history yet, and where it was looked for."""
    return (
        f"No notebook and no pipeline ran here yet: there is no history in {layout.nextflow_dir}. "
        "Go to the notebook's directory, or set NXF_CACHE_DIR"
    )


def _meant(text: str, runs: Iterable[RunRecord]) -> str:
    """Propose the nearest run name for one that is not there; empty where none is near."""
    near = difflib.get_close_matches(text, [record.run_name for record in runs if record.run_name], 1)
    return f"Did you mean {near[0]!r}? " if near else ""


def _listed(records: Sequence[RunRecord]) -> str:
    latest = {record.session: record.run_name for record in records}
    shown = [f"{session[:8]} ({name or '-'})" for session, name in list(latest.items())[-_SHOWN:]]
    return f"There are: {', '.join(shown)}" if shown else "There are none"
