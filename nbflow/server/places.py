"""Which directories below the server's root are launch directories, and what a path that somebody sent means.

Alone decides that. What leads out of the root, by whatever trick, is answered as what is not there. The search is bounded
in depth, number and time, for a root may be a home directory; it goes on from question to question.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from nbflow.browsing.bounds import Bounds
from nbflow.errors import CacheError, NbflowError
from nbflow.storage.layout import Layout

DEPTH = 8
MOST = 20_000
"""Directories that a search looks into."""
FRESH = 60.0
"""Seconds after which it is made anew."""

_SEARCHES = 4
_PASSED_OVER = {"node_modules", "site-packages", "__pycache__"}
_ENVIRONMENTS = ("pyvenv.cfg", "conda-meta")


class NotHereError(NbflowError):
    """A path means no launch directory of this server. The text is always the same, and tells nothing of the disk."""

    def __init__(self) -> None:
        super().__init__("There is no launch directory of that name here; choose one from the list")


class Found(NamedTuple):
    """What a search found up to now.

    Attributes
    ----------
    directories : list of pathlib.Path
        Launch directories, those near the top first.
    is_complete : bool
        Whether it has ended.
    is_limited : bool
        Whether it ended at a bound, so that there may be more.
    """

    directories: list[Path]
    is_complete: bool
    is_limited: bool


class Places:
    """The launch directories below a root.

    Parameters
    ----------
    root : str or pathlib.Path
        The server's root directory.
    environ : mapping of str to str
        Where ``NXF_CACHE_DIR`` and ``NXF_WORK`` are looked up.

    Notes
    -----
    May be asked from any thread.
    """

    def __init__(self, root: str | Path, environ: Mapping[str, str]) -> None:
        self.root = Path(os.path.realpath(root))
        self.bounds = Bounds(within=self.root, values=False)
        self._environ = environ
        # One cache for all directories: nothing says which of them its sessions belong to, so they are shown at the root.
        self._is_shared = os.path.isabs(environ.get("NXF_CACHE_DIR") or "")
        self._searches: OrderedDict[Path, _Search] = OrderedDict()
        self._lock = threading.Lock()

    def resolve(self, text: str) -> Path:
        """The directory that a path means: relative to the root, with slashes; empty for the root.

        Raises
        ------
        NotHereError
            It is none, or not below the root: by ``..``, by a link, by a hidden directory, by odd characters.
        """
        names = text.split("/") if text else []
        if any(_is_odd(name) for name in names):
            raise NotHereError
        path = Path(os.path.realpath(self.root.joinpath(*names)))
        if not self.bounds.holds(path) or not os.path.isdir(path):
            raise NotHereError
        return path

    def launch(self, text: str) -> Layout:
        """The layout of the launch directory that a path means.

        Raises
        ------
        NotHereError
            It means none.
        """
        layout = self.layout(self.resolve(text))
        if layout is None:
            raise NotHereError
        return layout

    def layout(self, directory: Path) -> Layout | None:
        """The layout of a directory, if something ran there, and all of it lies below the root."""
        if self._is_shared and directory != self.root:
            return None
        try:
            layout = Layout(directory, self._environ)
        except CacheError:  # the cache is in a bucket
            return None
        ran = os.path.isfile(layout.history) or os.path.isdir(layout.own_dir)
        inside = ran and self.bounds.holds(layout.nextflow_dir) and self.bounds.holds(layout.history)
        return layout if inside else None

    def name(self, directory: Path) -> str:
        """The path of a directory, as `resolve` takes it."""
        relative = directory.relative_to(self.root).as_posix()
        return "" if relative == "." else relative

    def find(self, top: Path, seconds: float) -> Found:
        """Look for launch directories at and below a directory, for so long; ask again until it is complete."""
        with self._lock:
            search = self._searches.pop(top, None)
            if search is None or search.is_stale():
                search = _Search(self, top, search.found if search else [])
            self._searches[top] = search
            while len(self._searches) > _SEARCHES:
                self._searches.popitem(last=False)
            search.go_on(seconds)
            return search.result()


class _Search:
    """One search, breadth first."""

    def __init__(self, places: Places, top: Path, known: list[Path]) -> None:
        self._places = places
        self._known = known
        self._queue = deque([(top, 0)])
        self._looked = 0
        self._is_limited = False
        self._begun = time.monotonic()
        self.found: list[Path] = []

    def is_stale(self) -> bool:
        return not self._queue and time.monotonic() - self._begun > FRESH

    def go_on(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self._queue and time.monotonic() < end:
            self._look(*self._queue.popleft())

    def result(self) -> Found:
        """What was found; until it is complete, with what an earlier search found."""
        before = [] if not self._queue else [path for path in self._known if path not in self.found]
        still = [path for path in before if self._places.layout(path) is not None]
        return Found([*self.found, *still], not self._queue, self._is_limited)

    def _look(self, directory: Path, depth: int) -> None:
        self._looked += 1
        layout = self._places.layout(directory)
        if layout is not None:
            self.found.append(directory)
        below = _below(directory, {layout.work_root} if layout else set())
        if depth >= DEPTH or self._looked + len(self._queue) + len(below) > MOST:
            self._is_limited = self._is_limited or bool(below)
            return
        self._queue.extend((path, depth + 1) for path in below)


def _below(directory: Path, work: set[Path]) -> list[Path]:
    """The directories to look into, in order; links are not followed, so none leads out or round."""
    try:
        with os.scandir(directory) as entries:
            names = sorted(entry.name for entry in entries if _is_plain(entry))
    except OSError:
        return []
    if any(os.path.lexists(directory / name) for name in _ENVIRONMENTS):
        return []
    return [path for path in map(directory.joinpath, names) if path not in work]


def _is_plain(entry: os.DirEntry[str]) -> bool:
    return not _is_odd(entry.name) and entry.name not in _PASSED_OVER and entry.is_dir(follow_symlinks=False)


def _is_odd(name: str) -> bool:
    """Whether a name means no visible directory below its parent, here or on another system."""
    return name.startswith(".") or not name.isprintable() or not name or "\\" in name
