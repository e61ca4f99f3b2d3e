"""Why a task of a run ran, or whence it was taken, in plain words: ``nbflow why``.

Finds the tasks that a text means, and compares one with the nearest earlier task of its process. Reads what rows tell
and decides nothing: the reason is the one that was decided then, or the difference that there is.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from nbflow.core.parts import Part, shorten
from nbflow.core.task.entry import COMPLETED, nearest
from nbflow.core.task.explain import differences, same
from nbflow.core.task.resume import Reason
from nbflow.errors import NbflowError
from nbflow.storage.browse import Reader, by_session
from nbflow.storage.database.cache import TaskCache
from nbflow.storage.nextflow.history import RunRecord
from nbflow.storage.rows import CACHED, RUNNING, SUBMITTED, TaskRow

_COMPARED = 200
_PROPOSED = 5


def why(reader: Reader, task: str, run: str | None = None, *, verbose: bool = False) -> str:
    """Say what became of a task, and why: in the latest run that has it.

    Parameters
    ----------
    reader : Reader
        Reads the launch directory.
    task : str
        A task's name, as in ``fit (3)``; a process's name: its last task; or the beginning of a task hash.
    run : str or None
        A run's name or a session's id; None for all of nbflow's.
    verbose : bool
        Whether the parts of the task hash are listed, and all tasks of a process.

    Raises
    ------
    NbflowError
        No such run or task; the text names those that are near.
    """
    runs = reader.select(run) if run else [record for record in reader.runs() if record.is_own]
    seen: list[TaskRow] = []
    for session, records in by_session(reversed(runs)).items():  # the latest first
        with reader.cache(session) as cache:
            for record in records:
                rows = list(reader.rows_of(record, cache))
                if found := matching(rows, task):
                    return _explain_all(found, _Earlier(reader, cache, record, rows), verbose=verbose)
                seen += rows
    raise no_such_task(task, seen, run or "any run of nbflow here")


class _Earlier:
    """The tasks that came before one of a run, the latest first."""

    def __init__(self, reader: Reader, cache: TaskCache, record: RunRecord, rows: Sequence[TaskRow]) -> None:
        self._record = record
        of_session = [each for each in reader.runs() if each.session == record.session]
        self._runs = of_session[: of_session.index(record)]
        self._reader = reader
        self._cache = cache
        self._rows = rows
        self._read: dict[RunRecord, list[TaskRow]] = {}

    def before(self, row: TaskRow) -> Iterator[TaskRow]:
        """Yield them."""
        beside = self._beside(row)
        yield from reversed(self._rows[: self._rows.index(row)])
        for record in reversed(self._runs):
            if record not in self._read:
                self._read[record] = list(self._reader.rows_of(record, self._cache))
            yield from (other for other in reversed(self._read[record]) if other.task_hash not in beside)

    def _beside(self, row: TaskRow) -> set[str]:
        """The hashes of the tasks of its channel: an item that is there still is none that it took the place of."""
        return {other.task_hash for other in self._rows if _is_beside(row, other)}

    def elsewhere(self) -> Iterator[TaskRow]:
        """Yield those of other sessions that began before."""
        return rows_elsewhere(self._reader, self._record)


def rows_elsewhere(reader: Reader, run: RunRecord) -> Iterator[TaskRow]:
    """Yield the tasks of other sessions' runs that began before a run, the latest first.

    Parameters
    ----------
    reader : Reader
        Reads the launch directory.
    run : RunRecord
        A run of nbflow's.
    """
    runs = [record for record in reader.runs() if record.is_own]
    before = runs[: runs.index(run)] if run in runs else runs
    others = [record for record in reversed(before) if record.session != run.session]
    for session, records in by_session(others).items():
        with reader.cache(session) as cache:
            for record in records:
                yield from reversed(list(reader.rows_of(record, cache)))


def _explain_all(found: Sequence[TaskRow], earlier: _Earlier, *, verbose: bool) -> str:
    shown = found if verbose else found[-1:]
    texts = [explain(row, earlier.before(row), earlier.elsewhere(), verbose=verbose) for row in shown]
    if len(found) > len(shown):
        texts.append(f"  the last of {len(found)} tasks; all of them: nbflow why -v {shown[-1].process}")
    return "\n".join(texts)


def matching(rows: Iterable[TaskRow], text: str) -> list[TaskRow]:
    """Return the tasks that a text means: by task name, process name, or the beginning of the task hash.

    Parameters
    ----------
    rows : iterable of TaskRow
        Tasks of one run.
    text : str
        As in ``fit (3)``, ``fit``, ``ab/12cd34``.
    """
    rows = list(rows)
    prefix = text.strip("[]").replace("/", "").lower()
    tests: tuple[Callable[[TaskRow], bool], ...] = (
        lambda row: row.name == text,
        lambda row: row.process == text,
        lambda row: len(prefix) > 1 and row.task_hash.startswith(prefix),
    )
    return next((found for test in tests if (found := [row for row in rows if test(row)])), [])


def no_such_task(text: str, rows: Iterable[TaskRow], where: str) -> NbflowError:
    """Make the error that names the tasks whose names are near."""
    names = list(dict.fromkeys(name for row in rows for name in (row.process, row.name)))
    near = difflib.get_close_matches(text, names, _PROPOSED, 0.5) or names[:_PROPOSED]
    meant = f"Did you mean {', '.join(map(repr, near))}?" if near else "It has no tasks."
    return NbflowError(f"No task is called {text!r} in {where}. {meant} All tasks: nbflow log last -f name,hash,status")


def explain(
    row: TaskRow, earlier: Iterable[TaskRow], elsewhere: Iterable[TaskRow] = (), *, verbose: bool = False
) -> str:
    """Say what became of a task, and why.

    Parameters
    ----------
    row : TaskRow
        The task.
    earlier : iterable of TaskRow
        Tasks of its session that came before it, the latest first.
    elsewhere : iterable of TaskRow
        Tasks of other sessions, the latest first; looked at where the session has none of its process.
    verbose : bool
        Whether the parts of its hash are listed.
    """
    lines = [f"{row.name} [{row.hash}]: {row.status} in {row.run}{_figures(row)}"]
    told = because(row, earlier, elsewhere)
    lines += [f"  {told.sentence}"] if told.sentence else []
    lines += [f"    {each}" for each in told.changes]
    lines.append(f"  work directory: {_from_here(row.work_dir)}")
    return "\n".join([*lines, *(_parts(row) if verbose else ())])


class Because(NamedTuple):
    """Why a task ran, or whence it was taken.

    Attributes
    ----------
    sentence : str
        Empty where that is not known.
    changes : tuple of str
        What differs from the nearest earlier task, in sentences.
    before : TaskRow or None
        That task, where the difference to it is the reason.
    """

    sentence: str
    changes: tuple[str, ...] = ()
    before: TaskRow | None = None


def because(row: TaskRow, earlier: Iterable[TaskRow], elsewhere: Iterable[TaskRow] = ()) -> Because:
    """Say why a task ran, or whence it was taken; the parameters are those of `explain`."""
    if row.status == CACHED:
        return Because(_whence(row))
    if row.reason not in ("", Reason.NEW.value):
        return Because(f"ran because {row.reason}")
    changed, before = _changes(row, earlier)
    if before is None:
        changed, before = _changes(row, elsewhere)
    if before is None:
        return Because(f"ran because it {Reason.NEW.value}" if row.entry is not None else "")
    sentence = f"ran because it differs from {before.name} [{before.hash}] of {before.run}:"
    return Because(sentence, tuple(changed), before)


def _from_here(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _figures(row: TaskRow) -> str:
    parts = [row.text("realtime")] if row.trace.get("realtime") is not None else []
    if row.status not in (COMPLETED, CACHED, RUNNING, SUBMITTED):
        parts.append(f"exit status {row.text('exit')}")
    return f" ({', '.join(parts)})" if parts else ""


def _whence(row: TaskRow) -> str:
    began = row.text("start").partition(".")[0]
    by = f" by {row.executed_by}" if row.executed_by else ""
    return f"reused: it was executed{by} at {began}, and nothing that it depends on has changed since"


def _changes(row: TaskRow, earlier: Iterable[TaskRow]) -> tuple[list[str], TaskRow | None]:
    if row.entry is None:
        return [], None
    rows = list(_comparable(row, earlier))
    entries = [other.entry for other in rows if other.entry is not None]
    before = nearest(row.entry.parts, entries)
    if before is None:
        return [], None
    return differences(row.entry.parts, before.parts), next(other for other in rows if other.entry is before)


def _comparable(row: TaskRow, earlier: Iterable[TaskRow]) -> Iterator[TaskRow]:
    """The latest earlier tasks of the same process that are not the same task, nor beside it in a channel."""
    return islice((other for other in earlier if _is_comparable(row, other)), _COMPARED)


def _is_comparable(row: TaskRow, other: TaskRow) -> bool:
    if row.entry is None or other.entry is None or other.process != row.process:
        return False
    return not _is_beside(row, other) and not same(other.entry.parts, row.entry.parts)


def _is_beside(row: TaskRow, other: TaskRow) -> bool:
    """Whether two tasks of a run are of different items of a channel."""
    return other.run == row.run and other.process == row.process and row.name not in (other.name, row.process)


def _parts(row: TaskRow) -> Sequence[str]:
    if row.entry is None:
        return ["  its parts are known when it has ended"]
    return ["  parts:", *(f"    {_part_line(part)}" for part in row.entry.parts)]


def _part_line(part: Part) -> str:
    shown = part.preview.strip().replace("\n", " ⏎ ")
    return f"{part.kind} {part.name} {part.digest.hex()} {shorten(shown)}".replace("  ", " ").rstrip()
