"""In what the tasks of two runs differ: ``nbflow diff``.

Alone decides which tasks of two runs belong together. Pure: rows in, differences out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum, auto
from typing import NamedTuple

from nbflow.core.task.entry import nearest
from nbflow.core.task.explain import differing
from nbflow.storage.rows import TaskRow

_OF_ALL_TASKS = ("session", "scheme")
"""Kinds of parts that differ for all tasks of two sessions, and so say nothing of one."""


class Verdict(Enum):
    """How two runs differ in a task."""

    SAME = auto()
    AGAIN = auto()
    DIFFERS = auto()
    ONLY_ONE = auto()
    ONLY_OTHER = auto()


class TaskDiff(NamedTuple):
    """A task of one run beside that of another.

    Attributes
    ----------
    name : str
        The task's name.
    one, other : TaskRow or None
        The task in either run; None where it has none.
    verdict : Verdict
        ``SAME``: one task, executed once; ``AGAIN``: executed twice, although nothing that it depends on differs.
    parts : tuple of str
        The parts that differ, in sentences, from one to the other.
    outputs : tuple of str or None
        Names of the outputs whose content differs; None where that is not known.
    reason : str
        Why it ran again.
    """

    name: str
    one: TaskRow | None
    other: TaskRow | None
    verdict: Verdict
    parts: tuple[str, ...] = ()
    outputs: tuple[str, ...] | None = None
    reason: str = ""


def compare(one: Sequence[TaskRow], other: Sequence[TaskRow]) -> list[TaskDiff]:
    """Compare the tasks of two runs.

    Parameters
    ----------
    one, other : sequence of TaskRow
        Their tasks.

    Returns
    -------
    list of TaskDiff
        In the order of the first run, then what only the second has. Tasks belong together by hash, then by name;
        of several with one name, those that differ in the fewest parts.
    """
    by_hash = {row.task_hash: row for row in other}
    partners = {row.task_hash: by_hash.pop(row.task_hash) for row in one if row.task_hash in by_hash}
    rest: dict[str, list[TaskRow]] = {}
    for row in by_hash.values():
        rest.setdefault(row.name, []).append(row)
    found = [_compared(row, partners.get(row.task_hash) or _taken(rest.get(row.name, []), row)) for row in one]
    left = {row.task_hash for rows in rest.values() for row in rows}
    only = [TaskDiff(row.name, None, row, Verdict.ONLY_OTHER) for row in other if row.task_hash in left]
    return [*found, *only]


def _taken(rows: list[TaskRow], row: TaskRow) -> TaskRow | None:
    """Take the nearest of the tasks of one name."""
    entries = [each.entry for each in rows if each.entry is not None]
    near = nearest(row.entry.parts, entries) if row.entry is not None else None
    at = next((at for at, each in enumerate(rows) if each.entry is near), 0)
    return rows.pop(at) if rows else None


def _compared(one: TaskRow, other: TaskRow | None) -> TaskDiff:
    if other is None:
        return TaskDiff(one.name, one, None, Verdict.ONLY_ONE)
    if one.task_hash == other.task_hash:
        return TaskDiff(one.name, one, other, Verdict.SAME)
    parts, outputs = _parts(one, other), _outputs(one, other)
    if parts or one.entry is None or other.entry is None:
        return TaskDiff(one.name, one, other, Verdict.DIFFERS, parts, outputs)
    reason = other.reason if one.session == other.session else "sessions share nothing"
    return TaskDiff(one.name, one, other, Verdict.AGAIN, (), outputs, reason or "why is not recorded")


def _parts(one: TaskRow, other: TaskRow) -> tuple[str, ...]:
    if one.entry is None or other.entry is None:
        return ()
    found = differing(other.entry.parts, one.entry.parts)
    return tuple(each.sentence for each in found if each.kind not in _OF_ALL_TASKS)


def _outputs(one: TaskRow, other: TaskRow) -> tuple[str, ...] | None:
    if one.entry is None or other.entry is None:
        return None
    before, after = ({output.name: output.digest for output in entry.outputs} for entry in (one.entry, other.entry))
    return tuple(_differing_names(before, after))


def _differing_names(before: dict[str, str], after: dict[str, str]) -> Iterable[str]:
    return (name for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name))
