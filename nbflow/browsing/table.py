"""The tasks of a run, or of all runs of a session: lines of figures, of which a window is read at a time.

Alone puts together which tasks there are and how far each has come. A hundred thousand are held as the lines that lie on
disk, and a line is taken apart when it is shown. What sorting and filtering do is in `view`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from pathlib import Path

from nbflow.core.task.entry import ABORTED
from nbflow.storage.browse import Reader
from nbflow.storage.database.cache import TaskCache
from nbflow.storage.nextflow.history import RunRecord
from nbflow.storage.nextflow.index import read_columns
from nbflow.storage.rows import CACHED, RUNNING, SUBMITTED
from nbflow.storage.summaries import DELETED, PROCESS, STATUS, read_lines, summary_line

UNREAD = "…"
"""Status of a task whose figures are still to be read from its entry."""

_versions = count()
_HASH = 32
_MARK = b'"hash": "'
_RUNS_LINES = "tasks."


class TaskTable:
    """The tasks of runs of one session, each task hash once, in the order of the events.

    Parameters
    ----------
    reader : Reader
        Reads the launch directory.
    runs : sequence of RunRecord
        The runs, all of one session.

    Attributes
    ----------
    lines : list of bytes
        A summary line a task.
    processes, statuses : list of str
        The process of each, and its status in these runs.
    cached : list of bool
        Whether they only ever took it from the cache.
    unread : list of int
        Places of those whose figures are still to be read from their entries: see `fill`.
    live : bool
        Whether a kernel is in one of the runs now.
    version : int
        Another number whenever something changed, and than any other table's.
    """

    def __init__(self, reader: Reader, runs: Sequence[RunRecord]) -> None:
        self.runs = tuple(run for run in runs if run.run_name)
        self.session = runs[0].session
        self.lines: list[bytes] = []
        self.processes: list[str] = []
        self.statuses: list[str] = []
        self.cached: list[bool] = []
        self.unread: list[int] = []
        self.live = False
        self.version = next(_versions)
        self._seen: object = None
        self._filled: dict[bytes, bytes] = {}
        self.refresh(reader)

    def refresh(self, reader: Reader) -> bool:
        """Read what was written since; whether anything was."""
        if reader.own is not None and reader.own.session == self.session:
            reader.own.flush()
        live = any(reader.is_live(run) for run in self.runs)
        seen = live, self._sizes(reader)
        if seen == self._seen:
            return False
        self._seen, self.live = seen, live
        self._read(reader)
        self.version = next(_versions)
        return True

    def fill(self, reader: Reader, places: Iterable[int] | None = None, seconds: float = 0.0) -> None:
        """Read figures from entries: of runs of Nextflow's, and of runs whose own lines are gone.

        Parameters
        ----------
        reader : Reader
            Reads the launch directory.
        places : iterable of int or None
            The tasks that are wanted at once; None: as many as `seconds` allow.
        seconds : float
            How long it may take then.
        """
        wanted = self.unread if places is None else [at for at in places if self.statuses[at] == UNREAD]
        if not wanted:
            return
        end = time.monotonic() + seconds
        with reader.cache(self.session) as cache:
            for at in wanted:
                self._fill_one(reader, at, cache)
                if places is None and time.monotonic() > end:
                    break
        self.unread = [at for at in self.unread if self.statuses[at] == UNREAD]
        self.version = next(_versions)

    def place_of(self, task_hash: str) -> int | None:
        """Where a task stands, by its hash of 32 digits; None where these runs have none such."""
        wanted = task_hash.encode()
        if len(wanted) != _HASH:
            return None
        return next((at for at, line in enumerate(self.lines) if line.startswith(wanted)), None)

    def lines_of_session(self, reader: Reader) -> list[bytes]:
        """The lines of all tasks that the session's runs executed, those of other runs first."""
        names = [_RUNS_LINES + str(run.run_name) for run in self.runs]
        directory = reader.layout.session_dir(self.session)
        others = [line for name in reversed(_others(directory, names)) for line in read_lines(directory / name)[0]]
        return [*others, *self.lines]

    # Reading ----------------------------------------------------------------------------------------------------------

    def _sizes(self, reader: Reader) -> tuple[tuple[int, ...], ...]:
        """What changes on disk when something happens: files that only grow."""
        layout = reader.layout
        places = (layout.index, layout.events, layout.summaries)
        return tuple(_size(place(self.session, str(run.run_name))) for run in self.runs for place in places)

    def _read(self, reader: Reader) -> None:
        cached = self._hashes(reader)
        lines = self._summaries(reader, cached)
        begun = self._begun(reader, lines)
        for key in begun:  # the index is written in batches: what was begun in between is not in it yet
            cached.setdefault(key, False)
        self.lines = [lines.get(key) or begun.get(key) or _blank(key) for key in cached]
        self.cached = list(cached.values())
        self.processes, statuses = _columns(self.lines)
        known = lines.keys() | begun.keys() if self.live else lines.keys()
        self.statuses = [
            UNREAD if key not in known else CACHED if only_cached and status != DELETED and key in lines else status
            for (key, only_cached), status in zip(cached.items(), statuses, strict=True)
        ]
        self.unread = [at for at, status in enumerate(self.statuses) if status == UNREAD]

    def _hashes(self, reader: Reader) -> dict[bytes, bool]:
        """The task hashes, in hex, each with whether it only ever was taken from the cache."""
        cached: dict[bytes, bool] = {}
        for run in self.runs:
            keys, flags = read_columns(reader.layout.index(self.session, str(run.run_name)))
            for key, was_cached in zip(keys, flags, strict=True):
                if not was_cached or key not in cached:
                    cached[key] = was_cached == 1
        return cached

    def _summaries(self, reader: Reader, wanted: dict[bytes, bool]) -> dict[bytes, bytes]:
        """The lines of the tasks, of those too that other runs of the session executed."""
        lines = dict(self._filled)
        names = [_RUNS_LINES + str(run.run_name) for run in self.runs]
        for name in [*names, *_others(reader.layout.session_dir(self.session), names)]:
            if name not in names and lines.keys() >= wanted.keys():
                break
            found = read_lines(reader.layout.session_dir(self.session) / name)[0]
            lines |= {line[:_HASH]: line for line in found if line[:_HASH] in wanted or name in names}
        return lines

    def _begun(self, reader: Reader, lines: dict[bytes, bytes]) -> dict[bytes, bytes]:
        """Lines for the tasks that runs which have not ended began, blank for those that have lines already."""
        begun: dict[bytes, dict[str, object]] = {}
        for run in self.runs:
            if run.status is None:
                for key, fields in _events(reader.layout.events(self.session, str(run.run_name)), lines):
                    begun.setdefault(key, {}).update(fields)
        return {key: summary_line(key.decode(), trace, None).rstrip(b"\n") for key, trace in begun.items()}

    def _fill_one(self, reader: Reader, at: int, cache: TaskCache) -> None:
        key = self.lines[at][:_HASH]
        row = reader.row(self.runs[-1], key.decode(), cache)
        trace = {**row.trace, "status": ABORTED if not row.trace.get("status") else row.trace["status"]}
        line = summary_line(row.task_hash, trace, row.entry).rstrip(b"\n")
        if row.entry is not None or "complete" in row.trace:
            self._filled[key] = line
        self.lines[at] = line
        (self.processes[at],), (status,) = _columns([line])
        self.statuses[at] = CACHED if self.cached[at] else status


def _events(path: Path, ended: dict[bytes, bytes]) -> Iterator[tuple[bytes, dict[str, object]]]:
    """What the events say of tasks that have not ended; nothing of the others, which are most and are not parsed."""
    try:
        data = path.read_bytes()
    except OSError:
        return
    for line in data.split(b"\n"):
        at = line.find(_MARK)
        key = line[at + len(_MARK) :][:_HASH]
        if at >= 0 and len(key) == _HASH:
            try:
                yield key, {} if key in ended else _fields(json.loads(line))
            except (ValueError, TypeError, AttributeError):
                continue  # cut off, as a crash leaves it


def _fields(event: dict[str, object]) -> dict[str, object]:
    at = event.get("at")
    when = round(at * 1000) if isinstance(at, int | float) else None
    match event.get("event"):
        case "submitted":
            name = str(event.get("name"))
            return {"name": name, "process": name.partition(" (")[0], "status": SUBMITTED, "submit": when}
        case "started":
            return {"status": RUNNING, "start": when}
    return {}


def _others(session_dir: Path, names: Sequence[str]) -> list[str]:
    """The files of lines of the session's other runs, the latest written first."""
    found = [path for path in session_dir.glob(f"{_RUNS_LINES}*") if path.name not in names]
    return [path.name for path in sorted(found, key=lambda path: _size(path)[1:], reverse=True)]


def _size(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0, 0
    return status.st_size, status.st_mtime_ns, status.st_ino


def _blank(key: bytes) -> bytes:
    return summary_line(key.decode(), {}, None).rstrip(b"\n")


def _columns(lines: Iterable[bytes]) -> tuple[list[str], list[str]]:
    """The processes and the statuses of lines, one text each and not one a task."""
    texts, processes, statuses = _Texts(), [], []
    for line in lines:
        fields = line.split(b"\t", STATUS + 1)
        processes.append(texts[fields[PROCESS]])
        statuses.append(texts[fields[STATUS]])
    return processes, statuses


class _Texts(dict[bytes, str]):
    def __missing__(self, data: bytes) -> str:
        text = self[data] = data.decode("utf-8", "replace")
        return text
