"""The sessions and runs of a launch directory, as they are listed: counts, sizes, when they go, who holds what.

Alone counts the tasks of runs without reading them one by one. Counts and sizes are remembered as long as the files that they come from have not grown.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from nbflow.core.retention import Retention, last_to_go
from nbflow.core.task.entry import COMPLETED, FAILED
from nbflow.core.units import format_duration, format_memory
from nbflow.errors import SettingsError
from nbflow.storage.browse import Reader, by_session
from nbflow.storage.database.marker import is_marked, notebook_of
from nbflow.storage.nextflow.history import RunRecord
from nbflow.storage.retention import expiry
from nbflow.storage.session_sizes import taken_by

_RECORD = 17
_SHORT = 8
_Seen = tuple[tuple[int, int], ...]


class Sessions:
    """Lists the sessions of a launch directory."""

    def __init__(self) -> None:
        self._counted: dict[tuple[str, str], tuple[_Seen, dict[str, int | None]]] = {}
        self._measured: dict[str, tuple[_Seen, int]] = {}
        self._measuring: dict[str, tuple[_Seen, Iterator[int | None]]] = {}

    def rows(self, reader: Reader) -> list[dict[str, Any]]:
        """The sessions, nbflow's and Nextflow's, the one with the latest run first, each with its runs."""
        runs = reader.runs()
        sessions, terms = by_session(runs), _Terms(reader)
        return [self._row(reader, session, sessions[session], terms) for session in _newest_first(runs)]

    def sizes(self, reader: Reader, seconds: float) -> dict[str, int | None]:
        """What each session of nbflow's takes on disk, in bytes; None for those that are still to be measured.

        Parameters
        ----------
        reader : Reader
            Reads the launch directory.
        seconds : float
            How long it may take now: what is begun goes on at the next call.

        Notes
        -----
        A file that several tasks share counts once. What tasks do in their work directories without a word is not noticed.
        """
        end = time.monotonic() + seconds
        sessions = [
            session for session in _newest_first(reader.runs()) if is_marked(reader.layout.session_dir(session))
        ]
        for session in sessions:
            self._measure(reader, session, end)
        return {session: self._known(reader, session) for session in sessions}

    # Rows -------------------------------------------------------------------------------------------------------------

    def _row(self, reader: Reader, session: str, records: Sequence[RunRecord], terms: _Terms) -> dict[str, Any]:
        runs = [self._run(reader, record) for record in reversed(records)]
        directory = reader.layout.session_dir(session)
        own, holder = is_marked(directory), reader.holder(session)
        current = reader.own is not None and reader.own.session == session
        held = "" if holder is None else "this notebook" if current else str(holder)
        size = self._known(reader, session)
        return {
            **runs[0],
            "id": session,
            "short": session[:_SHORT],
            "notebook": notebook_of(directory),
            "runs": runs,
            "held": held,
            "current": current,
            "own": own,
            "size": size,
            "size_text": "" if size is None else format_memory(size),
            **terms.of(session, size),
        }

    def _run(self, reader: Reader, record: RunRecord) -> dict[str, Any]:
        live = reader.is_live(record)
        counts = self._counts(reader, record)
        return {
            "session": record.session,
            "run": record.run_name or "-",
            "started": f"{record.timestamp:%Y-%m-%d %H:%M:%S}" if record.timestamp else "",
            "duration": (record.duration or "") if not live else _elapsed(record),
            "status": "RUNNING" if live else record.status or "INTERRUPTED",
            "command": record.command or "",
            "live": live,
            **counts,
        }

    def _counts(self, reader: Reader, record: RunRecord) -> dict[str, int | None]:
        layout, name = reader.layout, record.run_name
        if name is None:
            return {"tasks": None, "completed": None, "cached": None, "failed": None}
        paths = (layout.index(record.session, name), layout.summaries(record.session, name))
        seen = _grown(paths)
        known = self._counted.get((record.session, name))
        if known is None or known[0] != seen:
            known = self._counted[record.session, name] = seen, _counted(*paths)
        return known[1]

    # Sizes ------------------------------------------------------------------------------------------------------------

    def _known(self, reader: Reader, session: str) -> int | None:
        known = self._measured.get(session)
        return known[1] if known is not None and known[0] == _files(reader, session) else None

    def _measure(self, reader: Reader, session: str, end: float) -> None:
        seen = _files(reader, session)
        known = self._measured.get(session)
        if known is not None and known[0] == seen:
            return
        begun = self._measuring.get(session)
        if begun is None or begun[0] != seen:
            begun = self._measuring[session] = seen, taken_by(reader, session)
        for size in begun[1]:
            if size is not None:
                self._measured[session] = seen, size
            elif time.monotonic() > end:
                return
        del self._measuring[session]


class _Terms:
    """What is said of how long sessions are kept, and of what that costs; nothing where no limit and no price is set.

    Parameters
    ----------
    reader : Reader
        Reads the launch directory.
    """

    def __init__(self, reader: Reader) -> None:
        try:
            self._retention = reader.retention()
        except SettingsError:
            self._retention = Retention()  # the next task says what is wrong with the settings: here all else is shown
        self._now = time.time()
        dues = expiry(reader, self._retention, self._now, sizes=False) if self._retention.has_limits else ()
        self._last = last_to_go(dues)

    def of(self, session: str, size: int | None) -> dict[str, str]:
        """When a session goes, in words and as a moment, both empty if it stays; and what it costs, if that is known."""
        due = self._last.get(session)
        cost = "" if size is None else self._retention.cost(size)
        if due is None or due.at is None:
            return {"goes": "", "goes_at": "", "cost": cost}
        return {
            "goes": due.goes(self._now),
            "goes_at": f"{datetime.fromtimestamp(due.at):%Y-%m-%d %H:%M}",
            "cost": cost,
        }


def _newest_first(runs: Sequence[RunRecord]) -> list[str]:
    """The sessions by their latest runs; of two that began in one second the lower in the history is the later."""
    began = {
        record.session: (record.timestamp.timestamp() if record.timestamp else 0.0, place)
        for place, record in sorted(enumerate(runs), key=lambda pair: (pair[1].timestamp or datetime.min, pair[0]))
    }
    return sorted(began, key=began.__getitem__, reverse=True)


def _elapsed(record: RunRecord) -> str:
    return "" if record.timestamp is None else format_duration(round(time.time() - record.timestamp.timestamp()) * 1000)


def _counted(index: Path, summaries: Path) -> dict[str, int | None]:
    """Count what two files tell, without taking them apart."""
    records, lines = _content(index), _content(summaries)
    total = len(records) // _RECORD
    cached = records[16::_RECORD].count(b"\x01")
    if not lines:
        return {"tasks": total, "completed": total - cached, "cached": cached, "failed": None if total > cached else 0}
    completed, failed = (lines.count(f"\t{status}\t".encode()) for status in (COMPLETED, FAILED))
    return {"tasks": total, "completed": completed, "cached": cached, "failed": failed}


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _grown(paths: Sequence[Path]) -> _Seen:
    return tuple(_size(path) for path in paths)


def _size(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_ino


def _files(reader: Reader, session: str) -> _Seen:
    """What changes when a session grows: the lists of its runs' tasks."""
    return _grown(sorted(reader.layout.session_dir(session).glob("index.*")))
