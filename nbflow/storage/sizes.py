"""What files and trees take up on disk, and what is given back when they go: of a file with several links, once.

Alone measures. Goes through no link, and changes nothing; what goes away meanwhile counts nothing. Must not know whose the
files are.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path


class Taken:
    """Measures what several trees take up together: of a file with several links, the first that is met counts."""

    def __init__(self) -> None:
        self._seen: set[tuple[int, int]] = set()

    def by(self, path: str | Path) -> int:
        """Bytes that a file or a tree takes up beside those that were measured before."""
        return sum(status.st_size for status in _files(path) if status.st_nlink == 1 or self._is_new(status))

    def _is_new(self, status: os.stat_result) -> bool:
        file = status.st_dev, status.st_ino
        known = file in self._seen
        self._seen.add(file)
        return not known


class Freed:
    """Measures what is given back when several trees go one after the other: nothing of a file before its last link goes."""

    def __init__(self) -> None:
        self._gone: Counter[tuple[int, int]] = Counter()

    def by(self, path: str | Path) -> int:
        """Bytes that a file or a tree gives back once those that were measured before are gone."""
        return sum(status.st_size for status in _files(path) if status.st_nlink == 1 or self._is_last(status))

    def _is_last(self, status: os.stat_result) -> bool:
        file = status.st_dev, status.st_ino
        self._gone[file] += 1
        return self._gone[file] == status.st_nlink


def freed_by(path: str | Path) -> int:
    """Bytes that removing a file or a tree gives back, and nothing else going with it."""
    return Freed().by(path)


def _files(path: str | Path) -> Iterator[os.stat_result]:
    try:
        status = os.lstat(path)
    except OSError:
        return
    if stat.S_ISDIR(status.st_mode):
        yield from _inside(os.fspath(path))
    else:
        yield status


def _inside(directory: str) -> Iterator[os.stat_result]:
    try:
        entries = list(os.scandir(directory))
    except OSError:
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _inside(entry.path)
            else:
                yield entry.stat(follow_symlinks=False)
        except OSError:
            continue  # gone since
