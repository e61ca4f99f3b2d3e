"""A line a task: the figures of all tasks that a run executed, in a file that a browser reads in one go.

Alone knows the layout of ``.nextflow/cache/<session>/tasks.<run>``, an append-only file of lines whose fields stand
between tabs. To decode the trace record of an entry takes a tenth of a millisecond, which is ten seconds for a hundred
thousand; here their figures are at hand. Nothing is ever decided by them, and what is missing can be made from the entries.

A hash may have several lines: the last holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from nbflow.core.task.entry import TaskEntry
from nbflow.storage.appended import Lines, whole_lines
from nbflow.storage.nextflow.trace import NONE_EXIT

NUMBERS = ("exit", "attempt", "submit", "start", "duration", "realtime", "%cpu", "peak_rss", "size")
"""The fields that are numbers, as a trace record has them; ``size``: bytes that the task keeps."""
FIELDS = ("hash", "name", "process", "status", *NUMBERS, "run", "outputs")
"""The fields of a line."""
HASH, NAME, PROCESS, STATUS, RUN, OUTPUTS = (
    FIELDS.index(name) for name in ("hash", "name", "process", "status", "run", "outputs")
)
DELETED = "DELETED"
"""Status of a task that somebody deleted since."""

_LAST = len(FIELDS) - 1
_MOST_OUTPUTS = 20
_BLANKS = str.maketrans({"\t": " ", "\n": " ", "\r": " "})


class Summary(NamedTuple):
    """The figures of one task; what is not known is None.

    Attributes
    ----------
    hash : str
        32 hexadecimal digits.
    name, process, status, run : str
        ``run`` is the one that executed it.
    numbers : mapping of str to float
        By the names of `NUMBERS`.
    outputs : tuple of (str, str)
        Names of outputs and digests of their contents.
    """

    hash: str
    name: str
    process: str
    status: str
    run: str
    numbers: Mapping[str, float]
    outputs: tuple[tuple[str, str], ...] = ()


def summary_line(task_hash: str, trace: Mapping[str, Any], entry: TaskEntry | None, run: str = "") -> bytes:
    """Write the line of a task, its line end included.

    Parameters
    ----------
    task_hash : str
        32 hexadecimal digits.
    trace : mapping of str to object
        Its trace record.
    entry : TaskEntry or None
        What nbflow remembers of it; None for a task of Nextflow's.
    run : str
        The run that executed it, where there is no entry that tells.
    """
    outputs = () if entry is None else [(each.name, each.digest) for each in entry.outputs[:_MOST_OUTPUTS]]
    facts = trace if entry is None else {**trace, "size": sum(record.size for record in entry.files)}
    fields = (
        task_hash,
        *(str(trace.get(name) or "").translate(_BLANKS) for name in ("name", "process", "status")),
        *(_number(facts.get(name)) for name in NUMBERS),
        run if entry is None else entry.run,
        ",".join(f"{name}={digest}" for name, digest in outputs),
    )
    return ("\t".join(fields) + "\n").encode("utf-8", "surrogateescape")


def read_line(line: bytes) -> Summary:
    """Read a line, with or without its end."""
    fields = line.decode("utf-8", "replace").rstrip("\n").split("\t")
    numbers = {
        name: float(text) if "." in text else int(text)
        for name, text in zip(NUMBERS, fields[4:-2], strict=True)
        if text
    }
    outputs = (output.rpartition("=") for output in fields[OUTPUTS].split(",") if output)
    made = tuple((name, digest) for name, _, digest in outputs)
    return Summary(fields[HASH], fields[NAME], fields[PROCESS], fields[STATUS], fields[RUN], numbers, made)


def field_number(line: bytes, name: str) -> float | None:
    """Read one number of a line; None where it is not known."""
    at = FIELDS.index(name)
    text = line.split(b"\t", at + 1)[at]
    return float(text) if text else None


def with_status(line: bytes, status: str) -> bytes:
    """A line with another status, its line end included."""
    fields = line.rstrip(b"\n").split(b"\t")
    fields[STATUS] = status.encode()
    return b"\t".join(fields) + b"\n"


class SummaryLog(Lines):
    """The writing end, open until closed; see `Lines`."""

    _loss = "the cache browser will read the figures of this run's tasks one by one"

    def extend(self, lines: Iterable[bytes]) -> None:
        """Write lines as `summary_line` makes them."""
        self._write(lines)


def read_lines(path: Path, offset: int = 0) -> tuple[list[bytes], int]:
    """Read the lines that were written since `offset`, without their ends.

    Parameters
    ----------
    path : pathlib.Path
        The file; one that is not there, or cannot be read, has none.
    offset : int
        Byte to begin at: 0, or what the call before returned.

    Returns
    -------
    tuple of list of bytes and int
        The lines, and the offset for the next call. Half a line is left for that call; one that was cut off is passed over.
    """
    try:
        lines, end = whole_lines(path, offset)
    except OSError:
        return [], offset
    return [line for line in lines if line.count(b"\t") == _LAST], end


def _number(value: object) -> str:
    if value is None or isinstance(value, bool) or value == NONE_EXIT or not isinstance(value, int | float):
        return ""
    return str(round(value, 1) if isinstance(value, float) else value)
