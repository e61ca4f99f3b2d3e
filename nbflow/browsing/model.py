"""Answers a front end's questions about sessions, runs and tasks: JSON in, JSON out.

The one door of this room. A question is a dict whose ``ask`` names it; a widget asks by messages, a page by HTTP. Alone
keeps what was read between questions. It only reads: what changes something is no question, and is not asked here.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from nbflow.browsing.bounds import EVERYTHING, Bounds
from nbflow.browsing.comparison import compared
from nbflow.browsing.pane import logs, pane
from nbflow.browsing.previews import preview
from nbflow.browsing.sessions import Sessions
from nbflow.browsing.table import TaskTable
from nbflow.browsing.view import COLUMNS, Wanted, counts, row, shown
from nbflow.errors import NbflowError
from nbflow.storage.browse import Reader
from nbflow.storage.nextflow.history import RunRecord
from nbflow.storage.rows import TaskRow

Answer = dict[str, Any]
Question = Mapping[str, Any]
_Key = TypeVar("_Key")
_Made = TypeVar("_Made")

_KEPT = 3
"""Tables that are kept, the one that is looked at and two to compare, and views of them."""
_MOST = 400
"""Tasks that one answer holds."""
_SLICE = 0.1
"""Seconds that one answer may take for what can go on in the next."""


class Model:
    """Answers questions.

    Parameters
    ----------
    reader : callable
        Gives a reader of the launch directory as it is now.
    bounds : Bounds
        What may be looked at of the tasks' outputs and files.

    Notes
    -----
    May be asked from any thread.
    """

    def __init__(self, reader: Callable[[], Reader], bounds: Bounds = EVERYTHING) -> None:
        self._reader = reader
        self._bounds = bounds
        self._sessions = Sessions()
        self._tables: OrderedDict[tuple[str, str], TaskTable] = OrderedDict()
        self._views: OrderedDict[tuple[int, Wanted], Sequence[int]] = OrderedDict()
        self._counts: OrderedDict[int, dict[str, dict[str, int]]] = OrderedDict()
        self._lock, self._measuring = threading.Lock(), threading.Lock()
        self._answers: dict[str, Callable[[Question], Answer]] = {
            "sessions": self._ask_sessions,
            "sizes": self._ask_sizes,
            "tasks": self._ask_tasks,
            "task": self._ask_task,
            "logs": self._ask_logs,
            "preview": self._ask_preview,
            "compare": self._ask_compare,
        }

    def answer(self, question: Question) -> Answer:
        """Answer a question.

        Raises
        ------
        NbflowError
            It cannot be answered; the text says why, and what to do.
        """
        asked = self._answers.get(str(question.get("ask")))
        if asked is None:
            raise NbflowError(f"no question {question.get('ask')!r}; there are: {', '.join(self._answers)}")
        return asked(question)

    @property
    def launch_dir(self) -> Path:
        """The launch directory."""
        return self._reader().layout.launch_dir

    def row(self, question: Question) -> tuple[TaskRow, RunRecord]:
        """The task that a question is about, and the run, for who does something with it.

        Raises
        ------
        NbflowError
            It is not there any more.
        """
        reader = self._reader()
        with self._lock:
            table, place = self._find(reader, question)
            record = table.runs[-1]
            with reader.cache(table.session) as cache:
                task_hash = table.lines[place][:32].decode()
                return reader.row(record, task_hash, cache, cached=table.cached[place]), record

    # Sessions ---------------------------------------------------------------------------------------------------------

    def _ask_sessions(self, question: Question) -> Answer:
        """All sessions with their runs, the latest first."""
        reader = self._reader()
        with self._lock:
            sessions = self._sessions.rows(reader)
        return {"launch_dir": str(reader.layout.launch_dir), "sessions": sessions, "now": _now()}

    def _ask_sizes(self, question: Question) -> Answer:
        """What sessions take on disk, as far as it is known; asked again until nothing is None."""
        with self._measuring:  # nobody who looks at tasks waits for it
            return {"sizes": self._sessions.sizes(self._reader(), _SLICE)}

    # Tasks ------------------------------------------------------------------------------------------------------------

    def _ask_tasks(self, question: Question) -> Answer:
        """A window of the tasks of a run (``run``) or of a session's runs (``session``), as they are wanted."""
        reader = self._reader()
        with self._lock:
            table = self._table(reader, question)
            table.fill(reader, seconds=_SLICE)
            wanted = _wanted(question)
            places = _kept(self._views, (table.version, wanted), lambda: shown(table, wanted))
            first = max(0, min(int(question.get("first", 0)), max(0, len(places) - 1)))
            window = places[first : first + min(int(question.get("count", 60)), _MOST)]
            return {
                "first": first,
                "shown": len(places),
                "total": len(table.lines),
                "unread": len(table.unread),
                "rows": [row(table, place) for place in window],
                "counts": _kept(self._counts, table.version, lambda: counts(table)),
                "live": table.live,
                "version": table.version,
                "columns": list(COLUMNS.items()),
                "now": _now(),
            }

    def _ask_task(self, question: Question) -> Answer:
        """All that is shown of one task (``id``: its hash)."""
        reader = self._reader()
        with self._lock:
            table, place = self._find(reader, question)
            return pane(reader, table, place, self._bounds)

    def _ask_logs(self, question: Question) -> Answer:
        """What a task printed up to now."""
        task, _ = self.row(question)
        return {"logs": logs(task.work_dir, self._bounds)}

    def _ask_preview(self, question: Question) -> Answer:
        """One output of a task: ``output`` names it, ``path`` a file of it."""
        task, _ = self.row(question)
        outputs = {output.name: output for output in (task.entry.outputs if task.entry else ())}
        name = str(question.get("output"))
        if task.entry is None or name not in outputs:
            raise NbflowError(f"{task.name} has no output {name!r}; it has: {', '.join(outputs) or 'none'}")
        path = str(question.get("path", ""))
        return {"preview": preview(task.work_dir, task.entry, outputs[name], path, self._bounds)}

    def _ask_compare(self, question: Question) -> Answer:
        """In what two runs (``one``, ``other``) differ."""
        reader = self._reader()
        with self._lock:
            one, other = (self._table(reader, {"run": question[name]}) for name in ("one", "other"))
            return compared(reader, one, other, int(question.get("first", 0)), int(question.get("count", 100)))

    # Tables -----------------------------------------------------------------------------------------------------------

    def _find(self, reader: Reader, question: Question) -> tuple[TaskTable, int]:
        table = self._table(reader, question)
        place = table.place_of(str(question.get("id")))
        if place is None:
            raise NbflowError(f"no task {question.get('id')} in this run; it may have been deleted since")
        table.fill(reader, [place])
        return table, place

    def _table(self, reader: Reader, question: Question) -> TaskTable:
        kind = "run" if question.get("run") else "session"
        name = str(question.get(kind) or "")
        table = self._tables.pop((kind, name), None)
        runs = self._runs(reader, kind, name)
        if table is None or table.runs != runs:
            table = TaskTable(reader, runs)
        else:
            table.refresh(reader)
        return _kept(self._tables, (kind, name), lambda: table)

    @staticmethod
    def _runs(reader: Reader, kind: str, name: str) -> tuple[RunRecord, ...]:
        runs = (record for record in reader.runs() if record.run_name)
        found = tuple(record for record in runs if name == (record.run_name if kind == "run" else record.session))
        if not found:
            raise NbflowError(f"there is no {kind} {name!r} here any more; choose another one")
        return found


def _kept(recent: OrderedDict[_Key, _Made], key: _Key, make: Callable[[], _Made]) -> _Made:
    """What was made for a key of late, or is made now; the one that was asked for longest ago goes."""
    recent[key] = recent.pop(key) if key in recent else make()
    while len(recent) > _KEPT:
        recent.popitem(last=False)
    return recent[key]


def _wanted(question: Question) -> Wanted:
    return Wanted(
        text=str(question.get("text") or ""),
        statuses=tuple(question.get("statuses") or ()),
        processes=tuple(question.get("processes") or ()),
        where=str(question.get("where") or ""),
        sort=str(question.get("sort") or ""),
        descending=bool(question.get("descending")),
    )


def _now() -> str:
    return time.strftime("%H:%M:%S")
