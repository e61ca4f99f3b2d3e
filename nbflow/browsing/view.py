"""Which tasks of a table are shown, and in which order: filtered by text, status, process and expression, and sorted.

Alone decides that. Pure: reads the table's lines, and holds no more than the places of what is shown.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbflow.browsing.table import UNREAD, TaskTable
from nbflow.core.units import format_duration, format_memory
from nbflow.errors import NbflowError
from nbflow.storage.filters import RowFilter
from nbflow.storage.nextflow.trace import format_field
from nbflow.storage.summaries import FIELDS, HASH, NAME, NUMBERS, PROCESS, RUN, field_number, read_line

COLUMNS: Mapping[str, str] = {
    "status": "Status",
    "process": "Process",
    "tag": "Tag",
    "hash": "Hash",
    "exit": "Exit",
    "start": "Start",
    "duration": "Duration",
    "realtime": "Realtime",
    "%cpu": "CPU",
    "peak_rss": "Peak memory",
    "size": "Size",
    "attempt": "Attempt",
}
"""The columns of a table of tasks, and their heads."""

_OF_TEXT = ("hash", "name", "process", "tag", "status")
_FIELDS = (*_OF_TEXT, *(name.replace("%", "p") for name in NUMBERS), "task_hash", "run")
_NUMBERED = {name: FIELDS.index(name) for name in NUMBERS} | {"pcpu": FIELDS.index("%cpu")}
_WRITTEN = {"name": NAME, "process": PROCESS, "run": RUN, "task_hash": HASH}
_LAST = float("inf")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to see of a table.

    Attributes
    ----------
    text : str
        Words that the name or the hash must all hold, in any case.
    statuses, processes : tuple of str
        Those that are shown; empty for all.
    where : str
        An expression as of ``nbflow log -F``; empty for none.
    sort : str
        A column; empty for the order of the events.
    descending : bool
        Whether the largest comes first. What is not known comes last either way.
    """

    text: str = ""
    statuses: tuple[str, ...] = ()
    processes: tuple[str, ...] = ()
    where: str = ""
    sort: str = ""
    descending: bool = False


def shown(table: TaskTable, wanted: Wanted) -> Sequence[int]:
    """The places of the tasks that are wanted, in order.

    Raises
    ------
    NbflowError
        The expression cannot be read, or there is no such column.
    """
    places: Iterable[int] = range(len(table.lines))
    for test in _tests(table, wanted):
        places = filter(test, places)
    if not wanted.sort:
        return places if isinstance(places, range) else array("I", places)
    key = _key(table, wanted.sort, wanted.descending)
    return array("I", sorted(places, key=key))


def counts(table: TaskTable) -> dict[str, dict[str, int]]:
    """How many tasks of each process have which status, in the order in which the processes began."""
    found: dict[str, dict[str, int]] = {}
    for (process, status), number in Counter(zip(table.processes, table.statuses, strict=True)).items():
        found.setdefault(process, {})[status] = number
    return found


def row(table: TaskTable, place: int) -> dict[str, Any]:
    """A task as it is shown: texts by column, and its whole hash."""
    summary, status = read_line(table.lines[place]), table.statuses[place]
    figures = {name: _text(name, summary.numbers.get(name)) for name in NUMBERS}
    texts = {"process": summary.process or "-", "tag": tag_of(summary.name), "hash": short(summary.hash)}
    shown_status = "" if status == UNREAD else status
    return {"id": summary.hash, "name": summary.name, **figures, **texts, "status": shown_status}


def tag_of(name: str) -> str:
    """What stands in parentheses after the process of a task's name."""
    return name.partition(" (")[2].removesuffix(")")


def short(task_hash: str) -> str:
    """The beginning of a task hash, as in ``ab/12cd34``."""
    return f"{task_hash[:2]}/{task_hash[2:8]}"


# Filtering ------------------------------------------------------------------------------------------------------------


def _tests(table: TaskTable, wanted: Wanted) -> list[Callable[[int], bool]]:
    """The cheapest first."""
    tests: list[Callable[[int], bool]] = []
    if wanted.statuses:
        tests.append(lambda at: table.statuses[at] in wanted.statuses)
    if wanted.processes:
        tests.append(lambda at: table.processes[at] in wanted.processes)
    if words := wanted.text.lower().encode().split():
        tests.append(lambda at: _has(table.lines[at], words))
    if wanted.where.strip():
        tests.append(_where(table, wanted.where))
    return tests


def _has(line: bytes, words: Sequence[bytes]) -> bool:
    task_hash, name, _ = line.split(b"\t", 2)
    text = task_hash[:2] + b"/" + task_hash[2:] + b" " + name
    text = text.lower() if text.isascii() else text.decode("utf-8", "replace").lower().encode()
    return all(word in text for word in words)


def _where(table: TaskTable, expression: str) -> Callable[[int], bool]:
    holds = RowFilter(expression, _FIELDS)
    return lambda at: holds(_Figures(table.lines[at], table.statuses[at]))


class _Figures:
    """A summary line as a filter sees it: only the fields that it names are read."""

    __slots__ = ("_fields", "_status")

    def __init__(self, line: bytes, status: str) -> None:
        self._fields = line.split(b"\t")
        self._status = status

    @property
    def name(self) -> str:
        """The task's name."""
        return self._text(NAME)

    def value(self, field: str) -> object:
        """A field's value."""
        if (at := _NUMBERED.get(field)) is not None:
            text = self._fields[at]
            return None if not text else float(text) if b"." in text else int(text)
        if (at := _WRITTEN.get(field)) is not None:
            return self._text(at)
        if field == "status":
            return self._status
        if field == "hash":
            return short(self._text(HASH))
        if field == "tag":
            return tag_of(self.name) or None
        raise NbflowError(
            f"the browser filters by {', '.join(_FIELDS)}; for {field} use: nbflow log {self._text(RUN)} -F"
        )

    def _text(self, at: int) -> str:
        return self._fields[at].decode("utf-8", "replace")


# Sorting --------------------------------------------------------------------------------------------------------------


def _key(table: TaskTable, column: str, descending: bool) -> Callable[[int], Any]:
    if column in NUMBERS:
        return _number_key(table, column, -1 if descending else 1)
    if column not in _OF_TEXT:
        raise NbflowError(f"no column {column!r}; the columns are: {', '.join(COLUMNS)}")
    texts = [_text_of(table, at, column) for at in range(len(table.lines))]
    ranks = {text: rank for rank, text in enumerate(sorted(set(texts), reverse=descending))}
    last = len(ranks)
    return lambda at: ranks[texts[at]] if texts[at] else last


def _number_key(table: TaskTable, column: str, sign: int) -> Callable[[int], float]:
    def key(at: int) -> float:
        number = field_number(table.lines[at], column)
        return _LAST if number is None else sign * number

    return key


def _text_of(table: TaskTable, at: int, column: str) -> str:
    if column == "status":
        return table.statuses[at]
    fields = table.lines[at].split(b"\t", 3)
    if column == "hash":
        return fields[HASH].decode()
    name = fields[PROCESS if column == "process" else NAME].decode("utf-8", "replace").casefold()
    return _padded(tag_of(name)) if column == "tag" else name


def _padded(tag: str) -> str:
    """Numbers among tags in the order of numbers."""
    return tag.zfill(12) if tag.isdigit() else tag


# Showing --------------------------------------------------------------------------------------------------------------


def _text(name: str, value: float | None) -> str:
    if value is None:
        return ""
    if name == "size":
        return format_memory(int(value))
    if name in ("duration", "realtime"):
        return format_duration(int(value))
    return format_field(name, value).partition(".")[0] if name in ("submit", "start") else format_field(name, value)
