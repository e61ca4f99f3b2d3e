"""Digests of files and directories, by the `cache` modes of a process.

Alone reads files to hash them. Never writes, never waits; a device or a pipe is refused before it is opened, for
reading it could block for ever.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import xxhash

from nbflow.core.parts import combine
from nbflow.errors import InputError, MissingInputError, UnhashableInputError

MODES = ("standard", "lenient", "deep", "sha256")
"""Path, size and mtime; path and size; content; content. Nextflow's names (nextflow.io, process directive `cache`)."""

CONTENT_MODES = frozenset({"deep", "sha256"})
_CHUNK = 1 << 24
_NOT_FILES = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def _stat(path: Path) -> os.stat_result:
    try:
        return os.stat(path)
    except FileNotFoundError:
        reason = "is a link to a file that is not there" if os.path.islink(path) else "is not there"
        raise MissingInputError(f"{path} {reason}; make it, or correct the path", name=str(path)) from None
    except OSError as error:
        raise InputError(
            f"{path} cannot be looked at ({error}); correct the path or its permissions", name=str(path)
        ) from error


def _refuse_special(path: Path, status: os.stat_result) -> None:
    noun = _NOT_FILES.get(stat.S_IFMT(status.st_mode))
    if noun is not None:
        raise UnhashableInputError(
            f"{path} is {noun}, which has no content to hash; pass a regular file or a directory", name=str(path)
        )


def _state(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ino, status.st_dev


def _hash_open(descriptor: int, size: int) -> bytes:
    stream = xxhash.xxh3_128()
    while block := os.read(descriptor, _CHUNK if size > _CHUNK else size + 1):
        stream.update(block)
    return stream.digest()


def _read_once(path: Path) -> bytes | None:
    """Digest a file; None if it changed meanwhile."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        before = os.fstat(descriptor)
        _refuse_special(path, before)
        found = _hash_open(descriptor, before.st_size)
        return found if _state(before) == _state(os.fstat(descriptor)) else None
    finally:
        os.close(descriptor)


def content_digest(path: Path) -> bytes:
    """Digest a regular file's content.

    Parameters
    ----------
    path : pathlib.Path
        Links are followed.

    Returns
    -------
    bytes
        16 bytes, xxh3_128 of the content alone, as `xxhsum -H2` prints it.

    Raises
    ------
    MissingInputError
        If there is no file.
    UnhashableInputError
        If it is a pipe, a socket or a device.
    InputError
        If it is a directory, cannot be read, or changed twice while it was being read.
    """
    _refuse_special(path, _stat(path))
    try:
        found = _read_once(path) or _read_once(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error}); correct its permissions", name=str(path)) from error
    if found is None:
        raise InputError(
            f"{path} changed while it was being hashed; wait until it is written, and run again", name=str(path)
        )
    return found


def _absolute(path: Path) -> Path:
    # `link/..` is not the directory that holds `link`: only the system knows where such a path leads.
    if ".." in path.parts:
        return Path(os.path.realpath(path.parent), path.name) if path.name != ".." else Path(os.path.realpath(path))
    return Path(os.path.abspath(path))


def _portable(path: Path, base: Path) -> Path:
    """Name a path relative to the launch directory where it lies inside, absolute elsewhere."""
    absolute = _absolute(path)
    for root in (_absolute(base), Path(os.path.realpath(base))):
        if absolute.is_relative_to(root):
            return absolute.relative_to(root)
    return absolute


def _name(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _number(value: int) -> bytes:
    return str(value).encode()


def _entries(root: Path) -> Iterator[tuple[str, Path | None]]:
    """Yield each file below a directory by its relative name, and each empty directory without a path."""
    waiting: list[tuple[str, Path, tuple[Path, ...]]] = [("", root, (root.resolve(),))]
    while waiting:
        prefix, folder, above = waiting.pop()
        try:
            found = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise InputError(
                f"{folder} cannot be listed ({error}); correct its permissions", name=str(folder)
            ) from error
        if not found:
            yield prefix, None
        for entry in found:
            name, path = prefix + entry.name, Path(entry.path)
            if not entry.is_dir():
                yield name, path
                continue
            real = path.resolve()
            if real in above:
                raise UnhashableInputError(
                    f"{path} is a link to a directory that holds it; remove the link", name=str(path)
                )
            waiting.append((name + "/", path, (*above, real)))


def _file_chunks(path: Path, mode: str) -> list[bytes]:
    status = _stat(path)
    _refuse_special(path, status)
    executable = b"x" if status.st_mode & stat.S_IXUSR else b"-"
    if mode in CONTENT_MODES:
        return [executable, content_digest(path)]
    if mode == "lenient":
        return [_number(status.st_size)]
    return [_number(status.st_size), _number(status.st_mtime_ns)]


def tree_digest(path: Path, mode: str = "deep") -> bytes:
    """Digest a directory: each file below it by relative name and `mode`, and the empty directories.

    Parameters
    ----------
    path : pathlib.Path
        A directory; its own name does not count. Links are followed.
    mode : str
        One of `MODES`.

    Returns
    -------
    bytes
        16 bytes. The order of listing and the directories' own times do not count; in content modes the owner's
        executable bit does.

    Raises
    ------
    MissingInputError, UnhashableInputError, InputError
        As `content_digest`; a link to a directory that holds it is refused.
    """
    rows = [
        combine("entry", [_name(name), *(_file_chunks(file, mode) if file is not None else [])])
        for name, file in _entries(path)
    ]
    return combine("tree", sorted(rows))


def file_digest(path: Path, mode: str = "standard", base: Path | None = None) -> bytes:
    """Digest a file or directory as an input of a task.

    Parameters
    ----------
    path : pathlib.Path
        `~` is expanded; a relative path is one below `base`.
    mode : str
        One of `MODES`. ``standard``: path, size and mtime in ns; ``lenient``: path and size; ``deep`` and ``sha256``:
        the content and the file's name, which a task can see, but not its directory.
    base : pathlib.Path or None
        The launch directory: a path inside it counts relative to it, so that it can be moved. None is the current
        directory.

    Returns
    -------
    bytes
        16 bytes.

    Raises
    ------
    MissingInputError
        If there is nothing, or a link leads nowhere.
    UnhashableInputError
        If it is a pipe, a socket or a device, or a directory that holds itself.
    InputError
        If it cannot be read, or changed while it was being read.
    """
    if mode not in MODES:
        raise InputError(f"unknown cache mode {mode!r}; use one of {', '.join(MODES)}", name=str(path))
    origin = Path.cwd() if base is None else base
    real = origin / path.expanduser()
    status = _stat(real)
    _refuse_special(real, status)
    shown = _absolute(real).name if mode in CONTENT_MODES else _portable(real, origin).as_posix()
    if stat.S_ISDIR(status.st_mode):
        return combine("directory", [_name(shown), tree_digest(real, mode)])
    return combine("file", [mode.encode(), _name(shown), *_file_chunks(real, mode)])
