"""What is on disk of a remembered task: the facts that the resume decision is made from.

Only looks; decides nothing. Descriptors and plain strings instead of pathlib: a hit has 60 microseconds, and three
files are looked at for each.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import xxhash

from nbflow.core.parts import combine
from nbflow.core.task.entry import FileRecord
from nbflow.core.task.resume import FileFact, Found
from nbflow.core.values.contents import content_digest
from nbflow.errors import InputError

READ_WHOLE = 64 << 10
"""Bytes up to which a file's content is checked at every hit; larger ones by size and mtime."""

_LONGEST_EXIT = 16


def find(work_dir: str, files: Sequence[FileRecord], *, thorough: bool = False) -> Found:
    """Look at a task's work directory.

    Parameters
    ----------
    work_dir : str
        Absolute path.
    files : sequence of FileRecord
        What the task's entry says should be there.
    thorough : bool
        Whether all content is read, and not only where size or mtime leave doubt.
    """
    exit_status = _exit(f"{work_dir}/.exitcode")
    if exit_status is None and not os.path.isdir(work_dir):
        return Found(False, None, ())
    fact = _content if thorough else _fact
    return Found(True, exit_status, [fact(f"{work_dir}/{record.path}", record) for record in files])


def recorded_digest(work_dir: str, files: Sequence[FileRecord], path: str) -> str | None:
    """The recorded content digest (hex) of an output at an absolute path; None where it is none, or was changed."""
    mine = _records_of(files, os.path.relpath(path, work_dir))
    if not all(_unchanged(f"{work_dir}/{record.path}", record) for record in mine):
        return None
    return _digest_of(mine)


def kept_digest(files: Sequence[FileRecord], name: str) -> str | None:
    """As `recorded_digest`, of an output by its path in the work directory, wherever that is and whatever became of it."""
    return _digest_of(_records_of(files, name))


def _records_of(files: Sequence[FileRecord], name: str) -> list[FileRecord]:
    """The record of a file; of a directory its own, and those of all that lies in it."""
    mine = [record for record in files if record.path == name or record.path.startswith(f"{name}{os.sep}")]
    return mine if mine and mine[0].path == name else []


def _digest_of(records: Sequence[FileRecord]) -> str | None:
    if len(records) < 2:
        return records[0].digest if records else None
    return combine("tree", [bytes.fromhex(record.digest) for record in records]).hex()


def listing_digest(names: Iterable[str]) -> str:
    """Digest (hex) of a directory's listing: it stands for the directory where its files count one by one."""
    return combine("directory", map(os.fsencode, sorted(names))).hex()


def _unchanged(path: str, record: FileRecord) -> bool:
    try:
        status = os.stat(path)
    except OSError:
        return False
    if (status.st_size, status.st_mtime_ns) == (record.size, record.mtime_ns):
        return True
    fact = _content(path, record)  # copied or touched
    return fact is not None and fact.digest == record.digest


def _exit(path: str) -> int | None:
    content = _read(path, _LONGEST_EXIT)
    return int(content) if content is not None and content.isdigit() else None


def _fact(path: str, record: FileRecord) -> FileFact | None:
    if record.size <= READ_WHOLE:
        return _small(path, record.size)
    try:
        status = os.stat(path)
    except OSError:
        return None
    if status.st_size == record.size and status.st_mtime_ns != record.mtime_ns:
        return _content(path, record)  # copied or touched: only its content can tell
    return FileFact(status.st_size, status.st_mtime_ns)


def _small(path: str, size: int) -> FileFact | None:
    content = _read(path, size + 1)  # one byte more than there should be shows one that has grown
    if content is None:
        return _listing(path)
    return FileFact(len(content), 0, xxhash.xxh3_128_hexdigest(content))


def _listing(path: str) -> FileFact | None:
    try:
        return FileFact(0, 0, listing_digest(os.listdir(path)))
    except OSError:
        return None


def _read(path: str, limit: int) -> bytes | None:
    """The beginning of a file; None where there is none. What may lie there instead must not block."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        return os.read(descriptor, limit)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _content(path: str, record: FileRecord) -> FileFact | None:
    try:
        status = os.stat(path)
        return FileFact(status.st_size, status.st_mtime_ns, content_digest(Path(path)).hex())
    except (OSError, InputError):
        return _listing(path)
