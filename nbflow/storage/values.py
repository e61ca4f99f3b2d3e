"""Value containers: Python objects in immutable files, large buffers mapped back without a copy.

Alone decides how a pickle and its buffers lie in files and come back. Does not know tasks, hashes or sessions.

A container is ``header | index | pickle | buffers``: the pickle is protocol 5, its buffers follow at multiples of 64 bytes,
those from `MAPPED_FROM` bytes up lie each in a file of its own, named by content. A checksum in the header covers index
and pickle, so damaged bytes never reach the unpickler. Files are written aside, renamed, read-only, and never truncated:
the truncation of a mapped file kills the process that reads it.
"""

from __future__ import annotations

import binascii
import io
import itertools
import mmap
import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import xxhash

from nbflow.storage import mounts
from nbflow.storage.pickles import DamagedValueError, References, Resolvers, UnstorableValueError, pickled, unpickled

__all__ = [
    "DamagedValueError", "Dumped", "Packed", "References", "Resolvers", "UnstorableValueError",
    "dump", "load", "pack", "unpack", "write", "write_aside",
]  # fmt: skip

MAPPED_FROM = 16 << 20
"""Bytes from which a buffer gets a file of its own and is mapped: below, reading is faster than mapping."""

SMALL = 4096
"""Bytes of a pickle up to which a file of its own costs more than its content."""

_ALIGNMENT = 64
_MAGIC = b"nbflow\x01\n"
_HEADER = struct.Struct("<8sQQ16s")
_RECORD = struct.Struct("<QQ16s")
_ELSEWHERE = 2**64 - 1
_MOST_PIECES = 512
_Kept = tuple[str, int, int]
_COUNTER = itertools.count()
_BY_VALUE = References()
_NOTHING_KNOWN = Resolvers()


@dataclass(frozen=True, slots=True)
class Dumped:
    """What is known of a container after it was written.

    Attributes
    ----------
    size, mtime_ns : int
        Of the container file, in bytes and nanoseconds.
    checksum : str
        xxh3_128 of the whole file, in hex.
    buffers : tuple of (str, int, int)
        File name, size in bytes and mtime in nanoseconds of each buffer that lies in a file of its own.
    """

    size: int
    mtime_ns: int
    checksum: str
    buffers: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Packed:
    """A pickled object that is not written yet.

    Attributes
    ----------
    raw : bytes
        The pickle.
    buffers : list of memoryview
        Its buffers, in order: the memory of the object itself.
    """

    raw: bytes
    buffers: list[memoryview]

    @property
    def text(self) -> str | None:
        """It as text for `unpack`, where it is small enough to lie within another file; else None."""
        if self.buffers or len(self.raw) > SMALL:
            return None
        return binascii.b2a_base64(self.raw, newline=False).decode()


def dump(
    obj: object,
    path: str | os.PathLike[str],
    *,
    buffers_dir: str | os.PathLike[str],
    references: References = _BY_VALUE,
) -> Dumped:
    """Write an object to a new container.

    Parameters
    ----------
    obj : object
        Anything that cloudpickle can store, but for open files, which it would turn into copies of their text.
    path : path
        The container; an existing one is replaced by rename.
    buffers_dir : path
        Where large buffers go; ``load`` must be given the same.
    references : References
        What is not stored by value.

    Returns
    -------
    Dumped
        What `load` checks.

    Raises
    ------
    UnstorableValueError
        When the object cannot be stored.
    """
    return write(pack(obj, references), path, buffers_dir=buffers_dir)


def pack(obj: object, references: References = _BY_VALUE) -> Packed:
    """Pickle an object, to be written later.

    Parameters
    ----------
    obj, references
        As for `dump`.

    Raises
    ------
    UnstorableValueError
        When the object cannot be stored.
    """
    return Packed(*pickled(obj, references))


def unpack(text: str, name: str, resolvers: Resolvers = _NOTHING_KNOWN) -> Any:
    """Make the object of a `Packed.text`.

    Parameters
    ----------
    text : str
        The text.
    name : str
        What errors call it.
    resolvers : Resolvers
        What the references stand for.

    Raises
    ------
    DamagedValueError
        When it cannot be made.
    """
    try:
        raw = binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise DamagedValueError(f"{name}: is damaged ({error}); run its task again") from error
    return unpickled(name, raw, [], resolvers)


def write(packed: Packed, path: str | os.PathLike[str], *, buffers_dir: str | os.PathLike[str]) -> Dumped:
    """Write a pickled object to a new container; the rest is as for `dump`."""
    raw, buffers = packed.raw, packed.buffers
    directory = os.fspath(buffers_dir)
    outside = {id(buffer): _keep_buffer(buffer, directory) for buffer in buffers if buffer.nbytes >= MAPPED_FROM}
    index = _index(buffers, outside, len(raw))
    head = _HEADER.pack(_MAGIC, len(raw), len(buffers), xxhash.xxh3_128_digest(index + raw)) + index + raw
    pieces = _padded(head, [buffer for buffer in buffers if id(buffer) not in outside])
    checksum = _checksum(pieces)
    size, mtime_ns = write_aside(os.fspath(path), pieces)
    return Dumped(size, mtime_ns, checksum, tuple(sorted(set(outside.values()))))


def load(
    path: str | os.PathLike[str],
    *,
    buffers_dir: str | os.PathLike[str],
    expected: Dumped | None = None,
    resolvers: Resolvers = _NOTHING_KNOWN,
) -> Any:
    """Read the object of a container back.

    Parameters
    ----------
    path, buffers_dir : path
        As given to `dump`.
    expected : Dumped or None
        What `dump` returned; given, size, mtime and checksum must agree.
    resolvers : Resolvers
        What the references stand for.

    Returns
    -------
    object
        Arrays are writable; changes never reach the files.

    Raises
    ------
    DamagedValueError
        When the file, a buffer, a class or a package is missing or not as it was.
    """
    name = os.fspath(path)
    try:
        raw, buffers = _read(name, os.fspath(buffers_dir), expected)
    except (OSError, struct.error) as error:
        raise DamagedValueError(f"{name}: cannot be read ({error}); run its task again") from error
    return unpickled(name, raw, buffers, resolvers)


def write_aside(path: str, pieces: list[bytes | memoryview]) -> tuple[int, int]:
    """Write a read-only file under another name, then rename it.

    Parameters
    ----------
    path : str
        The file; an existing one is replaced.
    pieces : list of bytes-like
        Its content, in order.

    Returns
    -------
    tuple of (int, int)
        Size in bytes and mtime in nanoseconds.
    """
    aside = f"{path}.{os.getpid()}-{next(_COUNTER)}"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444)
    try:
        _write_all(descriptor, pieces)
        facts = os.fstat(descriptor)
        os.rename(aside, path)
    except BaseException:
        os.unlink(aside)
        raise
    finally:
        os.close(descriptor)
    return facts.st_size, facts.st_mtime_ns


# -- writing ---------------------------------------------------------------------------------------------------------


def _index(buffers: list[memoryview], outside: Mapping[int, _Kept], raw_size: int) -> bytes:
    position = _HEADER.size + _RECORD.size * len(buffers) + raw_size
    records = []
    for buffer in buffers:
        kept = outside.get(id(buffer))
        if kept is not None:
            records.append(_RECORD.pack(_ELSEWHERE, buffer.nbytes, bytes.fromhex(kept[0].removesuffix(".buffer"))))
            continue
        position += -position % _ALIGNMENT
        records.append(_RECORD.pack(position, buffer.nbytes, bytes(16)))
        position += buffer.nbytes
    return b"".join(records)


def _padded(head: bytes, inside: list[memoryview]) -> list[bytes | memoryview]:
    pieces: list[bytes | memoryview] = [head]
    position = len(head)
    for buffer in inside:
        padding = -position % _ALIGNMENT
        pieces += [bytes(padding), buffer]
        position += padding + buffer.nbytes
    return pieces


def _keep_buffer(buffer: memoryview, directory: str) -> _Kept:
    name = f"{xxhash.xxh3_128_hexdigest(buffer)}.buffer"
    path = os.path.join(directory, name)
    known = _facts_if_intact(path, name)
    return (name, *(known or write_aside(path, [buffer])))


def _facts_if_intact(path: str, name: str) -> tuple[int, int] | None:
    """Size and mtime of a buffer file that still holds what its name says."""
    try:
        with open(path, "rb") as file:
            facts = os.fstat(file.fileno())
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                intact = f"{xxhash.xxh3_128_hexdigest(content)}.buffer" == name
    except (OSError, ValueError):
        return None
    return (facts.st_size, facts.st_mtime_ns) if intact else None


def _write_all(descriptor: int, pieces: list[bytes | memoryview]) -> None:
    rest = [view for piece in pieces if (view := memoryview(piece).cast("B")).nbytes]
    while rest:
        written = os.writev(descriptor, rest[:_MOST_PIECES])
        while rest and written >= rest[0].nbytes:
            written -= rest.pop(0).nbytes
        if written:
            rest[0] = rest[0][written:]


# -- reading ---------------------------------------------------------------------------------------------------------


def _read(name: str, buffers_dir: str, expected: Dumped | None) -> tuple[bytes, list[Any]]:
    with open(name, "rb", buffering=0) as file:
        facts = os.fstat(file.fileno())
        if expected is not None and (facts.st_size, facts.st_mtime_ns) != (expected.size, expected.mtime_ns):
            raise DamagedValueError(f"{name}: was changed after it was written; run its task again")
        content = _read_all(file, facts.st_size)
    magic, raw_size, count, checksum = _HEADER.unpack_from(content)
    start = _HEADER.size + _RECORD.size * count
    end = start + raw_size
    checked = memoryview(content)[_HEADER.size : end]
    if magic != _MAGIC or len(checked) != end - _HEADER.size or xxhash.xxh3_128_digest(checked) != checksum:
        raise DamagedValueError(f"{name}: is damaged or not a container of this version; run its task again")
    if expected is not None and expected.checksum != _checksum([content]):
        raise DamagedValueError(f"{name}: holds another content than the one recorded; run its task again")
    known = {} if expected is None else {kept[0]: kept for kept in expected.buffers}
    records = _RECORD.iter_unpack(content[_HEADER.size : start])
    buffers = [_buffer(name, content, buffers_dir, known, *record) for record in records]
    return bytes(memoryview(content)[start:end]), buffers


def _checksum(pieces: Iterable[bytes | bytearray | memoryview]) -> str:
    state = xxhash.xxh3_128()
    for piece in pieces:
        state.update(piece)
    return state.hexdigest()


def _read_all(file: io.FileIO, size: int) -> bytearray:
    content = bytearray(size)
    view = memoryview(content)
    position = 0
    while position < size:
        got = file.readinto(view[position:])
        if not got:
            raise DamagedValueError(f"{file.name!r}: is cut off; run its task again")
        position += got
    return content


def _buffer(
    name: str, content: bytearray, directory: str, known: Mapping[str, _Kept], offset: int, size: int, digest: bytes
) -> Any:
    if offset != _ELSEWHERE:
        if offset + size > len(content):
            raise DamagedValueError(f"{name}: is cut off; run its task again")
        return memoryview(content)[offset : offset + size]
    file_name = f"{digest.hex()}.buffer"
    path = os.path.join(directory, file_name)
    with open(path, "rb", buffering=0) as file:
        facts = os.fstat(file.fileno())
        recorded = known.get(file_name, (file_name, size, facts.st_mtime_ns))
        # Checked on the opened descriptor: a map of a file that is too short kills the process.
        if (file_name, facts.st_size, facts.st_mtime_ns) != recorded or facts.st_size != size:
            raise DamagedValueError(f"{path}: was changed after it was written; run its task again")
        if mounts.is_network(path):
            return _read_all(file, size)
        return mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY)
