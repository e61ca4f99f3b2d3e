"""Nextflow's trace file: a line a task, its fields between tabs.

Alone knows the file's default fields and what ``raw`` does to a field. How a field is shown else is
`storage.nextflow.trace`'s to know.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Iterator, Sequence

from nbflow.errors import NbflowError
from nbflow.storage.nextflow.trace import FIELDS, field_of
from nbflow.storage.rows import TaskRow

DEFAULT_FIELDS = (
    "task_id", "hash", "native_id", "name", "status", "exit", "submit", "duration", "realtime", "%cpu", "peak_rss",
    "peak_vmem", "rchar", "wchar",
)  # fmt: skip

_RAW = frozenset({"date", "time", "perc", "mem"})
_LINE_ENDS = {ord("\t"): "\\t", ord("\n"): "\\n", ord("\r"): "\\r"}


def read_fields(text: str) -> tuple[str, ...]:
    """Read a list of fields between commas.

    Parameters
    ----------
    text : str
        As in ``hash,name,%cpu``; ``pcpu`` and ``pmem`` are taken for ``%cpu`` and ``%mem``.

    Raises
    ------
    NbflowError
        If a field is none of Nextflow's trace record.
    """
    names = [field_of(name.strip()) for name in text.split(",") if name.strip()] or [text]
    for name in names:
        if name not in FIELDS:
            near = "".join(f"did you mean {each!r}? " for each in difflib.get_close_matches(name, FIELDS, 1))
            raise NbflowError(f"no trace field {name!r}; {near}The fields are: {', '.join(FIELDS)}")
    return tuple(names)


def trace_file(tasks: Iterable[TaskRow], fields: Sequence[str] = DEFAULT_FIELDS, *, raw: bool = False) -> str:
    """Return the text of a trace file.

    Parameters
    ----------
    tasks : iterable of TaskRow
        The tasks of a run, in its order.
    fields : sequence of str
        The columns.
    raw : bool
        Whether durations are milliseconds, sizes bytes, times milliseconds since 1970 and percentages mere numbers.

    Notes
    -----
    As in Nextflow, cached tasks have their original figures and the number of a task of this run. Other than there, a
    text of several lines (``script``, ``env``) stays in one, so that every line is a task.
    """
    lines = ("\t".join(_cells(number, task, fields, raw=raw)) for number, task in enumerate(tasks, 1))
    return "\n".join(["\t".join(fields), *lines, ""])


def _cells(number: int, task: TaskRow, fields: Sequence[str], *, raw: bool) -> Iterator[str]:
    for field in fields:
        value = number if field == "task_id" else task.value(field)
        if raw and FIELDS[field] in _RAW:
            yield _number(value)
        else:
            yield _text(field, task, value)


def _text(field: str, task: TaskRow, value: object) -> str:
    if field == "task_id":
        return str(value)
    if value is False or value is None or value == "":
        return "-"
    return task.text(field).translate(_LINE_ENDS)


def _number(value: object) -> str:
    return "-" if value is None else java_double(value) if isinstance(value, float) else str(value)


def java_double(value: float) -> str:
    """Write a float as Java's ``Double.toString`` does."""
    if value == 0 or 1e-3 <= abs(value) < 1e7 or not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN" if math.isnan(value) else repr(value))
    digits, exponent = _shortest(value)
    return (
        f"{digits[0]}.{digits[1:] or '0'}E{exponent}" if value > 0 else f"-{digits[0]}.{digits[1:] or '0'}E{exponent}"
    )


def _shortest(value: float) -> tuple[str, int]:
    """The fewest digits that mean this number and no other, and its power of ten."""
    for places in range(17):
        text = f"{abs(value):.{places}e}"
        if float(text) == abs(value):
            break
    digits, _, exponent = text.partition("e")
    return digits.replace(".", ""), int(exponent)
