"""Task rows: what can be shown of one task of a run, for ``log``, Python and the browser alike.

Alone puts index, entry and events of a task together. Pure but for the first lines of what a task printed, which are
read when they are asked for. Knows nothing of databases and of who shows a row.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbflow.core.parts import Part
from nbflow.core.task.entry import ABORTED, TaskEntry, read_entry
from nbflow.storage.nextflow.kryo import Record
from nbflow.storage.nextflow.trace import FIELDS, decode_trace, field_of, format_field

CACHED, RUNNING, SUBMITTED = "CACHED", "RUNNING", "SUBMITTED"

_STREAMS = {"stdout": ".command.out", "stderr": ".command.err", "log": ".command.log"}
_OWN = ("session", "run", "task_hash", "reason", "hash_parts")
_STREAM_LINES = 100
_MANY_LINES = frozenset({"script", "env", *_STREAMS})

LOG_FIELDS = (*FIELDS, *_STREAMS, *_OWN)
"""The fields of a row: Nextflow's, then nbflow's own."""


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What a row needs to know of its run.

    Attributes
    ----------
    session : str
        A UUID.
    name : str
        The run's name.
    live : bool
        Whether a kernel is in it now: else a task without an entry was cut off.
    """

    session: str
    name: str
    live: bool


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task of a run.

    Attributes
    ----------
    task_hash : str
        32 hexadecimal digits.
    session, run : str
        The run that it is a row of; a cached task was executed by an earlier one, see `executed_by`.
    status : str
        ``COMPLETED``, ``CACHED``, ``FAILED`` or ``ABORTED``; ``SUBMITTED`` or ``RUNNING`` while it goes on.
    work_dir : pathlib.Path
        Its work directory.
    trace : mapping of str to object
        Nextflow's trace record: times in milliseconds, sizes in bytes; what is not known is left out or None.
    entry : TaskEntry or None
        What nbflow remembers of it; None for tasks of Nextflow and those that have not ended.
    reason : str
        Why it was executed, as decided then; empty where it was not, or where that is not known.
    """

    task_hash: str
    session: str
    run: str
    status: str
    work_dir: Path
    trace: Mapping[str, Any]
    entry: TaskEntry | None = None
    reason: str = ""

    @property
    def hash(self) -> str:
        """The beginning of the task hash, as in ``ab/12cd34``."""
        return f"{self.task_hash[:2]}/{self.task_hash[2:8]}"

    @property
    def name(self) -> str:
        """The task's name, as in ``fit (3)``; ``-`` where it is not known."""
        return str(self.trace.get("name") or "-")

    @property
    def process(self) -> str:
        """The process's name."""
        return str(self.trace.get("process") or "-")

    @property
    def executed_by(self) -> str:
        """The run that executed it; empty where that is not known."""
        return self.entry.run if self.entry is not None else "" if self.status == CACHED else self.run

    def value(self, field: str) -> object:
        """Return a field's value.

        Parameters
        ----------
        field : str
            One of `LOG_FIELDS`, or ``pcpu`` or ``pmem``.

        Raises
        ------
        ValueError
            Unknown field.
        """
        name = field_of(field)
        if name in _STREAMS:
            return _first_lines(self.work_dir / _STREAMS[name])
        if name == "hash_parts":
            return [] if self.entry is None else [_part_fields(part) for part in self.entry.parts]
        if name in _OWN:
            return getattr(self, name)
        if name not in FIELDS:
            raise ValueError(f"no field {field!r}; the fields are: {', '.join(LOG_FIELDS)}")
        return {"hash": self.hash, "status": self.status, "workdir": str(self.work_dir)}.get(name, self.trace.get(name))

    def text(self, field: str) -> str:
        """Return a field as ``log`` shows it: ``-`` for an unknown value, the parts of the hash as JSON in one line.

        Raises
        ------
        ValueError
            Unknown field.
        """
        name, value = field_of(field), self.value(field)
        if name == "hash_parts":
            return json.dumps(value)
        shown = format_field(name, value) if name in FIELDS else str(value or "-")
        return shown if name in _MANY_LINES else _one_line(shown)

    def to_dict(self) -> dict[str, object]:
        """Return the values of all fields, without what the task printed."""
        return {field: self.value(field) for field in LOG_FIELDS if field not in _STREAMS}


def make_row(
    run: RunFacts,
    key: bytes,
    cached: bool,
    record: Record | None,
    events: Mapping[str, Any],
    place: Callable[[str], Path],
) -> TaskRow:
    """Put together what is known of a task.

    Parameters
    ----------
    run : RunFacts
        The run.
    key : bytes
        The task hash.
    cached : bool
        Whether the run only ever took it from the cache.
    record : Record or None
        Its entry in the database.
    events : mapping of str to object
        The events of it, by name: ``submitted``, ``started``.
    place : callable
        The work directory that belongs to a task hash (32 hex digits).
    """
    task_hash, reason = key.hex(), str(events.get("submitted", {}).get("reason", ""))
    if record is None:
        trace = _begun(events)
        status = CACHED if cached else _state(run, events)
        return TaskRow(task_hash, run.session, run.name, status, place(task_hash), trace, None, reason)
    trace, entry = _trace(record), _entry(record)
    status = CACHED if cached else str(trace.get("status") or "-")
    return TaskRow(task_hash, run.session, run.name, status, _work_dir(trace, place(task_hash)), trace, entry, reason)


def _state(run: RunFacts, events: Mapping[str, Any]) -> str:
    if not run.live:
        return ABORTED
    return RUNNING if "started" in events else SUBMITTED


def _begun(events: Mapping[str, Any]) -> dict[str, object]:
    submitted, started = events.get("submitted", {}), events.get("started", {})
    name = submitted.get("name")
    times = {"submit": submitted.get("at"), "start": started.get("at")}
    known = {field: round(at * 1000) for field, at in times.items() if isinstance(at, int | float)}
    return {"name": name, "process": str(name).partition(" (")[0], **known} if name else dict(known)


def _trace(record: Record) -> dict[str, object]:
    try:
        return decode_trace(record.trace)
    except ValueError:
        return {}  # shown as unknown: a row is for eyes


def _entry(record: Record) -> TaskEntry | None:
    try:
        return None if record.context is None else read_entry(record.context, whole=True)
    except ValueError:
        return None  # Nextflow's, or damaged


def _work_dir(trace: Mapping[str, object], here: Path) -> Path:
    """Where the entry says; where the launch directory was moved since, where the task's hash says."""
    told = trace.get("workdir")
    if not isinstance(told, str) or told == str(here) or here.is_dir():
        return here
    return Path(told)


def _part_fields(part: Part) -> dict[str, str]:
    return {"kind": part.kind, "name": part.name, "digest": part.digest.hex(), "preview": part.preview}


def _first_lines(path: Path) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "".join(itertools.islice(file, _STREAM_LINES)).rstrip("\n")
    except OSError:
        return ""


def _one_line(text: str) -> str:
    """A row is a line, and its fields stand between tabs, whatever a tag holds."""
    return text.translate({9: "\\t", 10: "\\n", 13: "\\r"})
