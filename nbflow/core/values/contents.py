"""Looking at files and reading their content to hash it, and telling whether a later change will show in their times.

Alone opens files to hash them. Never writes, never waits, knows no clock; a device or a pipe is refused before it is
opened, for reading it could block for ever.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import NamedTuple

import xxhash

from nbflow.errors import InputError, MissingInputError, UnhashableInputError

_CHUNK = 1 << 24
_TICK = 20_000_000
"""Nanoseconds: file systems take their times from a clock that steps every 1 to 10 ms."""
_LONG_TICK = 2_000_000_000
"""FAT steps every two seconds, others that keep no fraction every second."""
_NOT_FILES = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Content(NamedTuple):
    """A file's content at one moment.

    Attributes
    ----------
    digest : bytes
        Of all of it.
    status : os.stat_result
        Before and after it was read.
    """

    digest: bytes
    status: os.stat_result


def look(path: Path) -> os.stat_result:
    """Look at a file or a directory, links followed.

    Raises
    ------
    MissingInputError
        If there is nothing.
    UnhashableInputError
        If it is a pipe, a socket or a device.
    InputError
        If it cannot be looked at.
    """
    try:
        status = os.stat(path)
    except FileNotFoundError:
        reason = "is a link to a file that is not there" if os.path.islink(path) else "is not there"
        raise MissingInputError(f"{path} {reason}; make it, or correct the path", name=str(path)) from None
    except OSError as error:
        raise InputError(
            f"{path} cannot be looked at ({error}); correct the path or its permissions", name=str(path)
        ) from error
    _refuse_special(path, status)
    return status


def content_digest(path: Path, mode: str = "deep") -> bytes:
    """Digest a regular file's content.

    Parameters
    ----------
    path : pathlib.Path
        Links are followed.
    mode : str
        ``deep`` or ``sha256``.

    Returns
    -------
    bytes
        Of the content alone: 16 bytes of xxh3_128, as `xxhsum -H2` prints it, or the 32 bytes of SHA-256.

    Raises
    ------
    MissingInputError
        If there is no file.
    UnhashableInputError
        If it is a pipe, a socket or a device.
    InputError
        If it is a directory, cannot be read, or changed twice while it was being read.
    """
    return read_content(path, mode).digest


def read_content(path: Path, mode: str) -> Content:
    """Digest a regular file's content, with what is known of the moment of reading; else as `content_digest`."""
    look(path)
    try:
        found = _read_once(path, mode) or _read_once(path, mode)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error}); correct its permissions", name=str(path)) from error
    if found is None:
        raise InputError(
            f"{path} changed while it was being hashed; wait until it is written, and run again", name=str(path)
        )
    return found


def identity(status: os.stat_result) -> tuple[int, int, int, int, int]:
    """What differs between two versions of a file; the time of the last change of any kind cannot be set by programs."""
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino, status.st_dev


def rest_of_tick(changed: int, status: os.stat_result, now: int) -> int:
    """How long a change could still get the very time of the last one.

    Parameters
    ----------
    changed : int
        The time of the last one, in nanoseconds since the epoch.
    status : os.stat_result
        Of the file: tells how finely its file system keeps times.
    now : int
        Nanoseconds since the epoch.

    Returns
    -------
    int
        Nanoseconds; 0 where any later change will have another time.
    """
    tick = _TICK if status.st_ctime_ns % 1_000_000 else _LONG_TICK
    age = now - changed
    return tick - age if 0 <= age < tick else 0


def _refuse_special(path: Path, status: os.stat_result) -> None:
    noun = _NOT_FILES.get(stat.S_IFMT(status.st_mode))
    if noun is not None:
        raise UnhashableInputError(
            f"{path} is {noun}, which has no content to hash; pass a regular file or a directory", name=str(path)
        )


def _hash_open(descriptor: int, size: int, mode: str) -> bytes:
    stream = hashlib.sha256() if mode == "sha256" else xxhash.xxh3_128()
    while block := os.read(descriptor, _CHUNK if size > _CHUNK else size + 1):
        stream.update(block)
    return stream.digest()


def _read_once(path: Path, mode: str) -> Content | None:
    """Digest a file; None if it changed meanwhile."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        before = os.fstat(descriptor)
        _refuse_special(path, before)
        found = _hash_open(descriptor, before.st_size, mode)
        return Content(found, before) if identity(before) == identity(os.fstat(descriptor)) else None
    finally:
        os.close(descriptor)
