"""The index of a run: which tasks it had, in the order in which they were submitted or taken from the cache.

Alone writes and reads ``index.<run>``, in Nextflow's format: 17 bytes a task, the task hash and 1 if it was cached.
Knows nothing of entries, databases and sessions.
"""

from __future__ import annotations

import os
import struct
import threading
import warnings
from binascii import hexlify
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nbflow.errors import CacheError, NbflowWarning

_RECORD = struct.Struct("16s?")
_AT_ONCE = 100_000
"""Tasks of a run that are looked at together when it ends."""


class IndexRecord(NamedTuple):
    """One task of a run: a tuple and not a dataclass, since a browser reads a hundred thousand at once.

    Attributes
    ----------
    task_hash : bytes
        16 bytes.
    cached : bool
        False if the run submitted it.
    """

    task_hash: bytes
    cached: bool


class IndexWriter:
    """Appends to the index of a run; nothing is on disk before `flush`.

    Parameters
    ----------
    path : pathlib.Path
        In a directory that is there. An index that is there is continued.

    Notes
    -----
    `append` may be called from any thread. A flush writes whole records, so that neither a reader nor a crash between
    two flushes meets half of one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pending: list[bytes] = []
        self._lock = threading.Lock()
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
            self._cut_torn_record()
        except OSError as error:
            raise self._failure(error) from error

    def append(self, task_hash: bytes, cached: bool) -> None:
        """Add a task.

        Parameters
        ----------
        task_hash : bytes
            16 bytes: other lengths are a ``ValueError``, as they would shift all that follows.
        cached : bool
            Whether it was taken from the cache.
        """
        if len(task_hash) != 16:
            raise ValueError(f"a task hash has 16 bytes, not {len(task_hash)}")
        self._pending.append(_RECORD.pack(task_hash, cached))

    def flush(self) -> None:
        """Write what was added; a ``CacheError`` when it cannot be, which a later flush makes good."""
        with self._lock:
            count = len(self._pending)
            if not count:
                return
            try:
                self._write(b"".join(self._pending[:count]))
            except OSError as error:
                raise self._failure(error) from error
            del self._pending[:count]

    def reused(self) -> Iterator[bytes]:
        """Flush, and yield in order the hashes of the tasks that the run took from the cache and did not execute as well.

        They are looked through in portions, so that the tasks of a long run are not all in memory at its end.
        """
        self.flush()
        try:
            records = self._path.read_bytes()
        except FileNotFoundError:
            return  # somebody removed it: then nothing names these tasks
        portions = 1 + len(records) // (_AT_ONCE * _RECORD.size)
        for portion in range(portions):
            yield from sorted(_reused(records, portion, portions))

    def close(self) -> None:
        """Flush and close; again does nothing."""
        if self._file < 0:
            return
        try:
            self.flush()
        finally:
            os.close(self._file)
            self._file = -1

    def _write(self, data: bytes) -> None:
        start = os.fstat(self._file).st_size
        try:
            written = 0
            while written < len(data):
                written += os.write(self._file, data[written:])
        except OSError:
            # A disk that is full takes a part; what stays must be whole records.
            os.ftruncate(self._file, start)
            raise

    def _cut_torn_record(self) -> None:
        size = os.fstat(self._file).st_size
        if size % _RECORD.size:
            os.ftruncate(self._file, size - size % _RECORD.size)

    def _failure(self, error: OSError) -> CacheError:
        return CacheError(
            f"Cannot write the index of the run, {self._path}: {error.strerror}. Check space and permissions there"
        )


def _reused(records: bytes, portion: int, portions: int) -> set[bytes]:
    """Those of one portion of all hashes: the portions are ranges that follow each other."""
    cached: set[bytes] = set()
    executed: set[bytes] = set()
    for task_hash, was_cached in _RECORD.iter_unpack(records):
        if int.from_bytes(task_hash[:4]) * portions >> 32 == portion:
            (cached if was_cached else executed).add(task_hash)
    return cached - executed


def read_index(path: Path) -> list[IndexRecord]:
    """Read the index of a run.

    Parameters
    ----------
    path : pathlib.Path
        Nextflow's or nbflow's; a run may be writing it.

    Returns
    -------
    list of IndexRecord
        In the order of events; empty if there is no index. Half a record at the end is left out with a warning.
    """
    return [IndexRecord._make(fields) for fields in _RECORD.iter_unpack(_records(path))]


def read_columns(path: Path) -> tuple[list[bytes], bytes]:
    """Read the index of a run as `read_index` does, for who shows a hundred thousand tasks at once.

    Returns
    -------
    tuple of list of bytes and bytes
        The task hashes as 32 hexadecimal digits each, and for each a byte, 1 if it was cached.
    """
    records = _records(path)
    digits, width = hexlify(records), 2 * _RECORD.size
    return [digits[at : at + 32] for at in range(0, len(digits), width)], records[_RECORD.size - 1 :: _RECORD.size]


def _records(path: Path) -> bytes:
    """All whole records."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise CacheError(f"Cannot read the index of a run, {path}: {error.strerror}") from error
    torn = len(data) % _RECORD.size
    if torn:
        warnings.warn(
            f"{path} ends in half a record, which is left out: its run was cut off", NbflowWarning, stacklevel=3
        )
    return data[: len(data) - torn]
