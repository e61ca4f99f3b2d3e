"""Installed modules that a template loads ahead of its tasks, and when it must not be used because of them.

Loads no local module: one may change between two tasks. Forks nothing and speaks to nobody.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import sysconfig
import time
import traceback
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import NamedTuple

from nbflow.execution.place import ROOT

_INSTALLED = frozenset({"site-packages", "dist-packages"})
_SETTLED_NS = 50_000_000


class _Listing(NamedTuple):
    files: frozenset[str]
    directories: frozenset[str]


_NOTHING = _Listing(frozenset(), frozenset())


class Preloaded:
    """Installed modules that were loaded ahead of the tasks that import them."""

    def __init__(self) -> None:
        self._own = _top_level()
        self._tried: set[str] = set()
        self._stamps: dict[str, tuple[int, int, int]] = {}
        self._listings: dict[str, tuple[int, _Listing]] = {}
        self._names: frozenset[str] = frozenset()
        self.local: str | None = None
        """A local module that an installed one has brought along."""

    def load(self, modules: Iterable[str], sys_path: Iterable[str]) -> bool:
        """Load modules that are not loaded yet, and say whether there were any.

        One that fails is left for the task to report.
        """
        wanted = [name for name in modules if name not in self._tried]
        if not wanted:
            return False
        self._tried.update(wanted)
        before, everything, kept = _top_level(), set(sys.modules), list(sys.path)
        sys.path[:] = [entry for entry in sys_path if is_installed(entry)] + [ROOT]
        try:
            for name in wanted:
                _load(name)
        finally:
            sys.path[:] = kept
        self._names = frozenset(_top_level() - self._own)
        self.local = self.local or next(filter(_is_local, sys.modules.keys() - everything), None)
        for name in _top_level() - before:
            self._stamp(name)
        gc.collect()
        gc.freeze()
        return True

    def _stamp(self, name: str) -> None:
        stamp = _stamp_of(name)
        if stamp is not None:
            self._stamps[name] = stamp

    def stale(self) -> str | None:
        """A module that was changed on disk since it was loaded: a package was installed anew."""
        return next((name for name, stamp in self._stamps.items() if _stamp_of(name) != stamp), None)

    def shadowed(self, sys_path: Iterable[str]) -> bool:
        """Whether a task would find a local module in the place of one that is loaded here."""
        if not self._names:
            return False
        local = (entry for entry in sys_path if entry and not is_installed(entry) and entry != ROOT)
        return any(self._shadowed_in(entry) for entry in local)

    def _shadowed_in(self, directory: str) -> bool:
        listing = self._listing(directory)
        # A directory becomes a package by a file within, which leaves the mtime of the directory above as it was.
        packages = (os.path.join(directory, name, "__init__.py") for name in self._names & listing.directories)
        return not self._names.isdisjoint(listing.files) or any(map(os.path.exists, packages))

    def _listing(self, directory: str) -> _Listing:
        try:
            mtime = os.stat(directory).st_mtime_ns
        except OSError:
            return _NOTHING
        known = self._listings.get(directory)
        if known is not None and known[0] == mtime:
            return known[1]
        listing = _list(directory)
        # A directory that changed just now may change again without another mtime.
        if time.time_ns() - mtime > _SETTLED_NS:
            self._listings[directory] = mtime, listing
        return listing


@lru_cache(maxsize=256)
def is_installed(entry: str) -> bool:
    """Whether an entry of ``sys.path`` holds installed modules or Python's own."""
    inside = any(entry == place or entry.startswith(place + os.sep) for place in _standard_library())
    return inside or entry.endswith(".zip") or not _INSTALLED.isdisjoint(entry.split(os.sep))


@cache
def _standard_library() -> tuple[str, str]:
    paths = sysconfig.get_paths()
    return paths["stdlib"], paths["platstdlib"]


def _list(directory: str) -> _Listing:
    try:
        parted = [name.partition(".") for name in os.listdir(directory)]
    except OSError:
        return _NOTHING
    return _Listing(
        frozenset(name for name, dot, _ in parted if dot), frozenset(name for name, dot, _ in parted if not dot)
    )


def _top_level() -> set[str]:
    return {name for name in sys.modules if "." not in name}


def _stamp_of(name: str) -> tuple[int, int, int] | None:
    place = getattr(sys.modules.get(name), "__file__", None)
    if not place:
        return None
    try:
        facts = os.stat(place)
    except OSError:
        return 0, 0, 0
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


def _is_local(name: str) -> bool:
    place = getattr(sys.modules.get(name), "__file__", None) or sys.prefix
    return place != sys.prefix and not is_installed(os.path.dirname(place)) and not place.startswith(ROOT + os.sep)


def _load(name: str) -> None:
    try:
        importlib.import_module(name)
    except Exception:  # noqa: BLE001  # the task imports it too, and reports it as its own
        traceback.print_exc()
