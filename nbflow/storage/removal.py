"""Removes directory trees, and only inside the directory that they must lie in.

Alone deletes what is not its own file. Symlinks are unlinked and never followed. Knows paths and bytes only.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from nbflow.errors import CacheError

_LOGS = ".command."
_EXIT = ".exitcode"


def lies_in(path: Path, root: Path) -> bool:
    """Tell whether a path lies below a directory, links among its parents resolved."""
    return root.resolve() in (path.parent.resolve() / path.name).parents


def remove(path: Path, root: Path) -> None:
    """Remove a file, a link or a tree with what in it may only be read; one that is not there is removed already.

    Parameters
    ----------
    path : pathlib.Path
        What goes.
    root : pathlib.Path
        The directory that it must lie in.

    Raises
    ------
    CacheError
        It lies elsewhere, or cannot be removed.
    """
    if not lies_in(path, root):
        raise CacheError(f"{path} does not lie in {root}: nothing there is removed; look at it, and remove it by hand")
    try:
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
            return
        _let_write(path)
        shutil.rmtree(path)
    except OSError as error:
        raise CacheError(f"Cannot remove {path}: {error.strerror}. Check its permissions and try again") from error


def temporary_files(work_dir: Path) -> list[Path]:
    """Return what lies in a work directory beside the task's logs, its script and its exit status."""
    return [work_dir / name for name in _names(work_dir) if not name.startswith(_LOGS) and name != _EXIT]


def _names(directory: Path) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _let_write(directory: Path) -> None:
    """Make each directory of a tree writable: a task may have left some that are not."""
    for here, _, _ in os.walk(directory):  # which does not go through links
        if not os.access(here, os.W_OK | os.X_OK):
            os.chmod(here, stat.S_IMODE(os.stat(here).st_mode) | stat.S_IRWXU)
