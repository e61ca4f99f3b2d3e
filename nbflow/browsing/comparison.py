"""Two runs side by side: which tasks differ, and in what.

Alone decides which tasks are read for it: what both runs have is told by the hashes, and only what differs is compared part
by part, so that runs of a hundred thousand tasks can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nbflow.browsing.table import TaskTable
from nbflow.execution.explain.diff import TaskDiff, Verdict, compare
from nbflow.storage.browse import Reader
from nbflow.storage.rows import TaskRow

_MOST = 1000
"""Tasks of either run that are compared part by part."""
_WORDS = {
    Verdict.SAME: "the same",
    Verdict.AGAIN: "ran again",
    Verdict.DIFFERS: "differs",
    Verdict.ONLY_ONE: "only here",
    Verdict.ONLY_OTHER: "only here",
}


def compared(reader: Reader, one: TaskTable, other: TaskTable, first: int, count: int) -> dict[str, Any]:
    """Compare two runs.

    Parameters
    ----------
    reader : Reader
        Reads the launch directory.
    one, other : TaskTable
        Their tasks.
    first, count : int
        Which of the differences are given.
    """
    mine, theirs = ({line[:32] for line in table.lines} for table in (one, other))
    rows, rest = _rows(reader, one, theirs)
    others, rest_of_other = _rows(reader, other, mine)
    found = compare(rows, others)
    return {
        "one": one.runs[-1].run_name,
        "other": other.runs[-1].run_name,
        "same": len(mine & theirs),
        "differ": len(found) + rest + rest_of_other,
        "first": first,
        "rows": [_row(diff) for diff in found[first : first + count]],
        "compared": len(found),
        "left": rest + rest_of_other,
    }


def _rows(reader: Reader, table: TaskTable, in_both: set[bytes]) -> tuple[list[TaskRow], int]:
    """The tasks that only this run has, and how many more there are."""
    places = [at for at, line in enumerate(table.lines) if line[:32] not in in_both]
    with reader.cache(table.session) as cache:
        rows = [
            reader.row(table.runs[-1], table.lines[at][:32].decode(), cache, cached=table.cached[at])
            for at in places[:_MOST]
        ]
    return rows, len(places[_MOST:])


def _row(diff: TaskDiff) -> dict[str, Any]:
    return {
        "name": diff.name,
        "verdict": diff.verdict.name.lower(),
        "word": _WORDS[diff.verdict],
        "one": _side(diff.one),
        "other": _side(diff.other),
        "parts": _sentences(diff),
        "outputs": None if diff.outputs is None else list(diff.outputs),
    }


def _sentences(diff: TaskDiff) -> Sequence[str]:
    return [f"ran again: {diff.reason}"] if diff.verdict is Verdict.AGAIN else list(diff.parts)


def _side(row: TaskRow | None) -> dict[str, str] | None:
    if row is None:
        return None
    return {"id": row.task_hash, "hash": row.hash, "status": row.status, "realtime": row.text("realtime")}
