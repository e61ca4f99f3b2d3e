"""Puts output files where users want them: links, copies, or the files themselves.

Alone writes outside of nbflow's own directories. What it puts there appears whole: it is made under another name and then
renamed. Knows paths and bytes; which file goes where is told it.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import threading
from pathlib import Path
from weakref import WeakValueDictionary

BY_LINK = ("symlink", "rellink")
"""Modes that leave the file in its work directory, and only a link where users want it."""

_PLACES: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()
_PLACES_LOCK = threading.Lock()


def publish(source: Path, target: Path, mode: str, overwrite: bool | str) -> bool:
    """Put a file or directory in another place.

    Parameters
    ----------
    source : pathlib.Path
        What is published, absolute.
    target : pathlib.Path
        Where, absolute; its parents are made.
    mode : str
        ``symlink``, ``rellink``, ``link``, ``copy``, ``copy_no_follow``, or ``move``, which leaves a link in its place.
    overwrite : bool or str
        Whether what is there is replaced: always, never, or where it differs: by size and time (``standard``), by size
        (``lenient``), by content (``deep``).

    Returns
    -------
    bool
        Whether anything was done.

    Raises
    ------
    OSError
        If it cannot be written; what was there is there still.
    """
    with _PLACES_LOCK:
        lock = _PLACES.setdefault(str(target), threading.Lock())
    with lock:  # another task may be about to put its own there
        return _publish(source, target, mode, overwrite)


def _publish(source: Path, target: Path, mode: str, overwrite: bool | str) -> bool:
    if os.path.lexists(target):
        if overwrite is False or _is_itself(source, target, mode):
            return False
        if isinstance(overwrite, str) and mode not in BY_LINK and _is_alike(source, target, overwrite):
            return False
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.nbflow-{os.getpid()}")
    _remove(aside)
    try:
        _make(source, aside, target, mode)
        if mode == "move":
            _move(source, aside, target)
        else:
            _replace(aside, target)
    except BaseException:
        _remove(aside)
        raise
    return True


def _make(source: Path, aside: Path, target: Path, mode: str) -> None:
    match mode:
        case "symlink":
            aside.symlink_to(source)
        case "rellink":
            aside.symlink_to(os.path.relpath(source, os.path.realpath(target.parent)))
        case "link":
            _copy(source, aside, follow=True, copy=_hard_link)
        case "copy":
            _copy(source, aside, follow=True, copy=shutil.copy2)
        case "copy_no_follow":
            _copy(source, aside, follow=False, copy=shutil.copy2)
        case _:
            pass  # moved as a whole, below


def _copy(source: Path, aside: Path, *, follow: bool, copy: object) -> None:
    if source.is_dir() and (follow or not source.is_symlink()):
        shutil.copytree(source, aside, symlinks=not follow, copy_function=copy)  # type: ignore[arg-type]
    elif copy is shutil.copy2:
        shutil.copy2(source, aside, follow_symlinks=follow)
    else:
        _hard_link(str(source), str(aside))


def _hard_link(source: str, target: str) -> None:
    os.link(os.path.realpath(source), target)


def _move(source: Path, aside: Path, target: Path) -> None:
    """Move a file, and link to it from where it was, so that its task is still whole."""
    if source.is_symlink():
        _copy(source, aside, follow=True, copy=shutil.copy2)  # what it leads to may be a user's own file
    else:
        shutil.move(source, aside)
    _replace(aside, target)
    _remove(source)
    source.symlink_to(target)


def _replace(aside: Path, target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        # A directory cannot be renamed onto another one that is not empty.
        _remove(target)
    os.replace(aside, target)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _is_itself(source: Path, target: Path, mode: str) -> bool:
    """Whether it is there already: the link to it, another name of it, or what a move left a link to."""
    if mode in BY_LINK:
        return target.is_symlink() and os.path.realpath(target) == os.path.realpath(source)
    if mode == "move":
        return source.is_symlink() and os.path.realpath(source) == os.path.realpath(target)
    return (
        mode == "link" and source.is_file() and not target.is_symlink() and target.exists() and source.samefile(target)
    )


def _is_alike(source: Path, target: Path, how: str) -> bool:
    """Whether what is there is no link, and the same as what would take its place."""
    if target.is_symlink() and not source.is_symlink():
        return False
    if source.is_dir():
        return target.is_dir() and _trees_are_alike(source, target, how)
    return target.is_file() and _files_are_alike(source, target, how)


def _trees_are_alike(source: Path, target: Path, how: str) -> bool:
    names = sorted(os.listdir(source))
    return names == sorted(os.listdir(target)) and all(_is_alike(source / name, target / name, how) for name in names)


def _files_are_alike(source: Path, target: Path, how: str) -> bool:
    if how == "deep":
        return filecmp.cmp(source, target, shallow=False)
    one, other = source.stat(), target.stat()
    same_time = how == "lenient" or one.st_mtime_ns == other.st_mtime_ns
    return one.st_size == other.st_size and same_time
