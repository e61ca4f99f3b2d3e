"""The task entry: what the cache keeps of one task, to bytes and back.

Alone knows the payload's layout. The payload is Nextflow's context slot (its ``log`` and ``clean`` never open it):
a checksum, a hot part that a hit reads, and a cold part that only `why` and `log` read. It is JSON and never pickle,
so that reading an entry runs no code. Knows neither the database nor the disk.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import xxhash

from nbflow.core.parts import Part

MAGIC = b"nbf1"
HEAD = len(MAGIC) + 8 + 4
COMPLETED, FAILED, ABORTED = "COMPLETED", "FAILED", "ABORTED"
AUTO = "*"
"""Declaration of an output that the body's own names made, without ``->``."""

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True).encode
# Without the search for white space around the text, which costs as much again.
_scan: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


# Named tuples and not dataclasses: a hit makes three of them, and has 60 microseconds for everything.


class FileRecord(NamedTuple):
    """A file of the work directory that a hit relies on.

    Attributes
    ----------
    path : str
        Relative to the work directory.
    size : int
        Bytes.
    mtime_ns : int
        Nanoseconds since the epoch.
    digest : str
        Content digest, 32 hexadecimal digits.
    """

    path: str
    size: int
    mtime_ns: int
    digest: str


class OutputRecord(NamedTuple):
    """One output of a task.

    Attributes
    ----------
    name : str
        As declared, or as the body bound it.
    kind : str
        ``value``, ``file``, ``files`` or ``stdout``.
    digest : str
        Digest of its content, 32 hexadecimal digits: what a task that takes it hashes.
    declared : str
        How it was declared (annotation and source), or `AUTO`; a changed declaration is another output.
    paths : tuple of str
        For ``file`` and ``files``: relative to the work directory, sorted.
    classes : bool
        Whether the value holds instances of notebook classes, which must be resolved in the notebook.
    shared : str
        Digest, 32 hexadecimal digits, of it and of the outputs that hold an object in common with it, together; empty
        where there are none.
    """

    name: str
    kind: str
    digest: str
    declared: str = AUTO
    paths: tuple[str, ...] = ()
    classes: bool = False
    shared: str = ""


class TaskEntry(NamedTuple):
    """What is remembered of one task.

    Attributes
    ----------
    status : str
        ``COMPLETED``, ``FAILED`` or ``ABORTED``.
    exit : int or None
        Exit status.
    realtime : int
        Milliseconds that the task ran.
    run : str
        Name of the run that executed it.
    boot : str
        Identity of the machine's start under which its files were last known whole.
    superseded : bool
        Whether a later forced run of the same task took its place.
    unsure : tuple of str
        Files that were inputs and changed while it ran: what it made may be of either version.
    python : str
        Version of Python, as in ``3.12``, whose code its values hold: no other can run it. Empty where they hold none.
    outputs : tuple of OutputRecord
        In the order in which they are returned.
    files : tuple of FileRecord
        All that must be present and unchanged for a hit.
    imports : tuple of (name, module, attribute or None)
        What the body's imports bound.
    left_out : tuple of str
        Names that could not be stored.
    shown : bool
        Whether it printed or displayed anything.
    process : str
        Process name.
    name : str
        Task name, as in ``fit (3)``.
    parts : tuple of Part
        The task hash's parts.
    """

    status: str
    exit: int | None
    realtime: int
    run: str
    boot: str
    outputs: tuple[OutputRecord, ...] = ()
    files: tuple[FileRecord, ...] = ()
    imports: tuple[tuple[str, str, str | None], ...] = ()
    left_out: tuple[str, ...] = ()
    shown: bool = False
    superseded: bool = False
    unsure: tuple[str, ...] = ()
    python: str = ""
    process: str = ""
    name: str = ""
    parts: tuple[Part, ...] = ()

    def to_bytes(self) -> bytes:
        """The payload."""
        hot = _encode(self._hot()).encode()
        cold = _encode([self.process, self.name, [_part_out(part) for part in self.parts]]).encode()
        return _frame(hot, cold)

    def _hot(self) -> list[Any]:
        flags = int(self.shown) | int(self.superseded) << 1
        rest = self.imports, self.left_out, self.unsure, self.python
        return [self.status, self.exit, self.realtime, self.run, self.boot, flags, self.files, self.outputs, *rest]


def read_entry(payload: bytes, *, whole: bool = False) -> TaskEntry:
    """Read a payload.

    Parameters
    ----------
    payload : bytes
        As `TaskEntry.to_bytes` made it.
    whole : bool
        Whether the cold part (process, name, parts) is read too; a hit does without.

    Raises
    ------
    ValueError
        If it is damaged, or of a version that this nbflow does not know.
    """
    hot, cold = _unframe(payload)
    try:
        entry = _entry(_decode(hot), _decode(cold) if whole else None)
    except (StopIteration, TypeError, IndexError, KeyError, AttributeError) as error:
        raise ValueError(f"task entry of an unknown shape: {error}") from error
    return entry


def _decode(text: bytes) -> Any:
    return _scan(text.decode("ascii"), 0)[0]


def _entry(hot: list[Any], cold: list[Any] | None) -> TaskEntry:
    status, exit_, realtime, run, boot, flags, files, outputs, imports, left_out, unsure, python = hot
    process, name, parts = cold or ("", "", ())
    return TaskEntry(
        status,
        exit_,
        realtime,
        run,
        boot,
        tuple(
            [OutputRecord(n, kind, digest, how, tuple(paths), *rest) for n, kind, digest, how, paths, *rest in outputs]
        ),
        tuple([FileRecord(*record) for record in files]),
        tuple(map(tuple, imports)),
        tuple(left_out),
        bool(flags & 1),
        bool(flags & 2),
        tuple(unsure),
        python,
        process,
        name,
        tuple([_part_in(*part) for part in parts]),
    )


def _part_out(part: Part) -> list[str]:
    return [part.kind, part.name, part.digest.hex(), part.preview]


def _part_in(kind: str, name: str, digest: str, preview: str) -> Part:
    return Part(kind, name, bytes.fromhex(digest), preview)


def _frame(hot: bytes, cold: bytes) -> bytes:
    body = len(hot).to_bytes(4, "little") + hot + cold
    return MAGIC + xxhash.xxh3_64_digest(body) + body


def _unframe(payload: bytes) -> tuple[bytes, bytes]:
    if payload[:4] != MAGIC:
        raise ValueError("task entry of an unknown version")
    body = payload[12:]
    if xxhash.xxh3_64_digest(body) != payload[4:12]:
        raise ValueError("task entry whose checksum does not fit")
    end = HEAD + int.from_bytes(payload[12:16], "little")
    return payload[HEAD:end], payload[end:]


def nearest(parts: Iterable[Part], earlier: Iterable[TaskEntry]) -> TaskEntry | None:
    """The earlier task that differs in the fewest parts; of equal ones the first given."""
    mine = {(part.kind, part.name): part.digest for part in parts}
    return min(earlier, key=lambda entry: _distance(mine, entry.parts), default=None)


def _distance(mine: dict[tuple[str, str], bytes], parts: tuple[Part, ...]) -> int:
    theirs = {(part.kind, part.name): part.digest for part in parts}
    return sum(mine.get(key) != theirs.get(key) for key in mine.keys() | theirs.keys())
