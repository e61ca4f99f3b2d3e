"""Work directories on disk: made once, inputs staged into them by symlinks, checked fast.

Alone makes and stages work directories. Knows bytes and paths; does not know what runs in them.
The checks of a hit use descriptors and no path objects: they run thousands of times in a resumed run.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from nbflow.errors import CacheError, InputError

PRIVATE = ".nbflow"
"""Subdirectory for what is nbflow's own."""

EXIT = ".exitcode"
_MOST_DIGITS = 3
_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO}


@contextmanager
def disk(place: str | os.PathLike[str]) -> Iterator[None]:
    """Say what to do when what is done here fails because the disk is full or cannot be written.

    Parameters
    ----------
    place : path
        Where it writes.

    Raises
    ------
    CacheError
        Then; other errors pass as they are.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _OF_THE_DISK:
            raise
        raise CacheError(
            f"Cannot write in {os.fspath(place)}: {error.strerror}. Free space there (`nbflow clean` deletes earlier "
            "runs), or set NXF_WORK to a directory on another disk and restart the kernel; then run the cell again"
        ) from error


def create(path: str | os.PathLike[str]) -> bool:
    """Make a new work directory with its private subdirectory.

    Parameters
    ----------
    path : path
        ``work/ab/cdef...``; its parents are made too.

    Returns
    -------
    bool
        False when something is there already: a work directory is never used twice.
    """
    name = os.fspath(path)
    try:
        os.mkdir(name)
    except FileExistsError:
        return False
    except FileNotFoundError:
        os.makedirs(os.path.dirname(name), exist_ok=True)
        return create(name)
    os.mkdir(os.path.join(name, PRIVATE))
    return True


def write(path: str, text: str, mode: int = 0o666) -> None:
    """Write a file of a work directory before its task starts: in one go, since every task has several.

    Parameters
    ----------
    path : str
        The file; an existing one is replaced.
    text : str
        Its content, written as UTF-8; bytes that were no UTF-8 when they were read are themselves again.
    mode : int
        Permissions of a new one, before the umask.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        rest = memoryview(text.encode("utf-8", "surrogateescape"))
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    finally:
        os.close(descriptor)


def stage(work_dir: str | os.PathLike[str], name: str, target: str | os.PathLike[str]) -> None:
    """Put an input into a work directory as a symlink.

    Parameters
    ----------
    work_dir : path
        The work directory.
    name : str
        Relative name inside it; subdirectories are made.
    target : path
        Absolute path of the input.

    Raises
    ------
    InputError
        When the name leaves the work directory, is nbflow's own, or is taken by another input.
    """
    root, wanted = os.fspath(work_dir), os.fspath(target)
    relative = checked_name(name)
    link = os.path.join(root, relative)
    if os.sep in relative and _is_reached(link, wanted):
        return  # by the directory that holds it, an input too
    _make_parents(root, relative, wanted)
    try:
        os.symlink(wanted, link)
    except FileExistsError:
        taken = _occupant(link)
        if taken != wanted:
            raise _collision(relative, wanted, taken) from None


def stage_all(work_dir: str | os.PathLike[str], staged: Mapping[str, str]) -> None:
    """Stage inputs by relative name and absolute target; those that are there already stay.

    Raises
    ------
    InputError
        As `stage`.
    """
    for name, target in sorted(staged.items()):
        stage(work_dir, name, target)


def read_exit(path: str | os.PathLike[str]) -> int | None:
    """Read the exit status of a work directory.

    Parameters
    ----------
    path : path
        The work directory.

    Returns
    -------
    int or None
        0 to 255; None when the file is missing or holds anything but such a number.
    """
    try:
        content, _, _ = read_small(os.path.join(path, EXIT))
    except OSError:
        return None
    digits = content.rstrip(b"\n")
    if not digits.isdigit() or len(digits) > _MOST_DIGITS or int(digits) > 255:
        return None
    return int(digits)


def stdout_of(path: str | os.PathLike[str]) -> str:
    """What the task of a work directory printed on its standard output, its line ends as they are."""
    with open(os.path.join(path, ".command.out"), encoding="utf-8", errors="replace", newline="") as file:
        return file.read()


def read_small(path: str | os.PathLike[str]) -> tuple[bytes, int, int]:
    """Read a whole file, with the facts of the descriptor that was read.

    Parameters
    ----------
    path : path
        A regular file.

    Returns
    -------
    tuple of (bytes, int, int)
        Content, size in bytes, mtime in nanoseconds.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        facts = os.fstat(descriptor)
        content = os.read(descriptor, facts.st_size + 1)
        while len(content) < facts.st_size and (more := os.read(descriptor, facts.st_size)):
            content += more
    finally:
        os.close(descriptor)
    return content, facts.st_size, facts.st_mtime_ns


def stat_of(path: str | os.PathLike[str]) -> tuple[int, int] | None:
    """Size in bytes and mtime in nanoseconds of a file, links followed; None when it is not there."""
    try:
        facts = os.stat(path)
    except OSError:
        return None
    return facts.st_size, facts.st_mtime_ns


def checked_name(name: str) -> str:
    """The normal form of the name that an input gets in a work directory.

    Raises
    ------
    InputError
        When it leaves the work directory, or is nbflow's own.
    """
    relative = os.path.normpath(name)
    outside = os.path.isabs(relative) or relative.split(os.sep, 1)[0] in ("..", ".")
    if outside or "\0" in name:
        raise InputError(f"cannot stage an input as {name!r}: its name must lie inside the work directory", name=name)
    first = relative.split(os.sep, 1)[0]
    if first in (PRIVATE, EXIT) or first.startswith(".command."):
        raise InputError(f"cannot stage an input as {name!r}: nbflow keeps that name for itself; rename it", name=name)
    return relative


def _is_reached(link: str, wanted: str) -> bool:
    try:
        return not os.path.islink(link) and os.path.samefile(link, wanted)
    except OSError:
        return False


def _make_parents(root: str, relative: str, wanted: str) -> None:
    position = root
    for part in Path(relative).parent.parts:
        position = os.path.join(position, part)
        # A link here is an input directory: staging below it would write into the user's own data.
        if os.path.islink(position) or os.path.isfile(position):
            raise _collision(relative, wanted, _occupant(position))
        os.makedirs(position, exist_ok=True)


def _occupant(path: str) -> str:
    return os.readlink(path) if os.path.islink(path) else path


def _collision(name: str, wanted: str, taken: str) -> InputError:
    return InputError(
        f"two inputs want the name {name!r} in the work directory: {taken} and {wanted}; stage one under another name",
        name=name,
    )
