"""Digests of files and directories, by the `cache` modes of a process.

Alone decides what of a file counts: its name, its times, its content, where a link leads. Reads no content itself.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from nbflow.core.parts import combine
from nbflow.core.values.contents import content_digest, look
from nbflow.errors import InputError, UnhashableInputError

MODES = ("standard", "lenient", "deep", "sha256")
"""Path, size and mtime; path and size; content; content. Nextflow's names (nextflow.io, process directive `cache`)."""

CONTENT_MODES = frozenset({"deep", "sha256"})


class Disk(NamedTuple):
    """How files are looked at and read.

    Attributes
    ----------
    look : callable
        As `contents.look`; may see to it that a later change will show.
    content : callable
        As `contents.content_digest`; may know what was read before.
    """

    look: Callable[[Path], os.stat_result] = look
    content: Callable[[Path, str], bytes] = content_digest


PLAIN = Disk()


def _absolute(path: Path) -> Path:
    # `link/..` is not the directory that holds `link`: only the system knows where such a path leads.
    if ".." in path.parts:
        return Path(os.path.realpath(path.parent), path.name) if path.name != ".." else Path(os.path.realpath(path))
    return Path(os.path.abspath(path))


@lru_cache(maxsize=16)
def _roots(base: Path) -> tuple[Path, ...]:
    return _absolute(base), Path(os.path.realpath(base))


def _portable(path: Path, base: Path) -> str:
    """Name a path relative to the launch directory where it lies inside, absolute elsewhere."""
    absolute = _absolute(path)
    for root in _roots(base):
        if absolute.is_relative_to(root):
            return absolute.relative_to(root).as_posix()
    return absolute.as_posix()


def _shown(path: Path, base: Path) -> list[bytes]:
    """The path as it was given, and where it leads if that is elsewhere: a link may be made to mean another file."""
    names = [_portable(path, base), _portable(Path(os.path.realpath(path)), base)]
    return [_name(name) for name in dict.fromkeys(names)]


def _name(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _number(value: int) -> bytes:
    return str(value).encode()


def _entries(root: Path, passed_over: Collection[str]) -> Iterator[tuple[str, Path | None, bool]]:
    """Yield each file below a directory by its relative name, and whether links lead there.

    An empty directory stands for itself, without a path.
    """
    waiting: list[tuple[str, Path, tuple[Path, ...], bool]] = [("", root, (root.resolve(),), False)]
    while waiting:
        prefix, folder, above, linked = waiting.pop()
        try:
            found = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise InputError(
                f"{folder} cannot be listed ({error}); correct its permissions", name=str(folder)
            ) from error
        if not found:
            yield prefix, None, False
        for entry in found:
            name, path, is_link = prefix + entry.name, Path(entry.path), linked or entry.is_symlink()
            if not entry.is_dir():
                yield name, path, is_link
                continue
            real = path.resolve()
            if real in above:
                raise UnhashableInputError(
                    f"{path} is a link to a directory that holds it; remove the link", name=str(path)
                )
            if str(real) not in passed_over:
                waiting.append((name + "/", path, (*above, real), is_link))


def _file_chunks(path: Path, mode: str, disk: Disk) -> list[bytes]:
    if mode in CONTENT_MODES:
        executable = b"x" if look(path).st_mode & stat.S_IXUSR else b"-"
        return [executable, disk.content(path, mode)]
    if mode == "lenient":
        return [_number(look(path).st_size)]
    status = disk.look(path)
    return [_number(status.st_size), _number(status.st_mtime_ns)]


def tree_digest(
    path: Path,
    mode: str = "deep",
    *,
    base: Path | None = None,
    disk: Disk = PLAIN,
    passed_over: Collection[str] = (),
) -> bytes:
    """Digest a directory: each file below it by relative name and `mode`, and the empty directories.

    Parameters
    ----------
    path : pathlib.Path
        A directory; its own name does not count. Links are followed.
    mode : str
        One of `MODES`.
    base : pathlib.Path or None
        What the places count from to which links lead; None is the directory itself.
    disk : Disk
        Looks at files and reads them.
    passed_over : collection of str
        Directories, by their real absolute paths, that do not count.

    Returns
    -------
    bytes
        16 bytes. The order of listing and the directories' own times do not count; in content modes the owner's
        executable bit does, in the others where links lead.

    Raises
    ------
    MissingInputError, UnhashableInputError, InputError
        As `content_digest`; a link to a directory that holds it is refused.
    """
    rows = []
    for name, file, is_link in _entries(path, passed_over):
        leads = _shown(file, base or path)[1:] if file and is_link and mode not in CONTENT_MODES else []
        rows.append(combine("entry", [_name(name), *leads, *(_file_chunks(file, mode, disk) if file else [])]))
    return combine("tree", sorted(rows))


def file_digest(
    path: Path,
    mode: str = "standard",
    base: Path | None = None,
    *,
    disk: Disk = PLAIN,
    passed_over: Collection[str] = (),
) -> bytes:
    """Digest a file or directory as an input of a task.

    Parameters
    ----------
    path : pathlib.Path
        `~` is expanded; a relative path is one below `base`.
    mode : str
        One of `MODES`. ``standard``: path, size and mtime in ns; ``lenient``: path and size; a path counts with the
        place to which its links lead. ``deep`` and ``sha256``: the content and the file's name, which a task can see,
        but not its directory.
    base : pathlib.Path or None
        The launch directory: a path inside it counts relative to it, so that it can be moved. None is the current
        directory.
    disk : Disk
        Looks at files and reads them.
    passed_over : collection of str
        Directories inside a directory, by their real absolute paths, that do not count.

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
    status = look(real)
    shown = [_name(_absolute(real).name)] if mode in CONTENT_MODES else _shown(real, origin)
    if stat.S_ISDIR(status.st_mode):
        tree = tree_digest(real, mode, base=origin, disk=disk, passed_over=passed_over)
        return combine("directory", [*shown, tree])
    return combine("file", [mode.encode(), *shown, *_file_chunks(real, mode, disk)])
