"""Installed distributions: which one holds a module, and its version.

Alone reads the records that installers leave (``*.dist-info``, ``*.egg-info``). Finding a version must not cost the
quarter of a second that a full scan takes, so the names of directories are looked at first.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache

_SITE_DIRECTORIES = frozenset({"site-packages", "dist-packages"})
_RECORD_DIRECTORY = re.compile(r"(?P<name>.+?)-(?P<version>\d[^-]*)(-py[\d.]+)?\.(dist|egg)-info$")


def is_site(path: str) -> bool:
    """Whether a path lies where installers put distributions by default."""
    return not _SITE_DIRECTORIES.isdisjoint(path.split(os.sep))


def distributions_of(module: str, directories: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Find the distributions that hold a top-level module.

    Parameters
    ----------
    module : str
        Name without dots.
    directories : tuple of str
        Where the module was found.

    Returns
    -------
    tuple of (str, str)
        Name and version of each, sorted; empty where no installer left a record.
    """
    found = {pair for directory in directories for pair in _in_directory(module, directory)}
    return tuple(sorted(found))


def _in_directory(module: str, directory: str) -> tuple[tuple[str, str], ...]:
    if not os.path.isdir(directory):
        return ()  # an archive, or gone
    changed = os.stat(directory).st_mtime_ns
    # An installer that adds, removes or upgrades a distribution changes the directory.
    named = _named(directory, changed).get(_normalised(module))
    if named is not None and len(named) == 1:
        return tuple((name, version) for name, version, _ in named)
    return _holders(directory, changed).get(module, ())


@lru_cache(maxsize=64)
def _named(directory: str, changed: int) -> dict[str, list[tuple[str, str, str]]]:
    """The records of a directory: by normalised name, its distributions' names, versions and paths."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    # Elsewhere an ``.egg-info`` is what an editable install leaves beside the project's own code.
    kinds = (".dist-info", ".egg-info") if is_site(directory) else (".dist-info",)
    with os.scandir(directory) as entries:
        for entry in entries:
            match = _RECORD_DIRECTORY.match(entry.name)
            if match is not None and entry.name.endswith(kinds):
                record = (match["name"].replace("_", "-"), match["version"], entry.path)
                found.setdefault(_normalised(match["name"]), []).append(record)
    return found


@lru_cache(maxsize=64)
def _holders(directory: str, changed: int) -> dict[str, tuple[tuple[str, str], ...]]:
    """By top-level module, the distributions whose lists of files name it: read once, where names do not tell."""
    found: dict[str, set[tuple[str, str]]] = {}
    for records in _named(directory, changed).values():
        for name, version, path in records:
            for module in _top_levels(path):
                found.setdefault(module, set()).add((name, version))
    return {module: tuple(sorted(pairs)) for module, pairs in found.items()}


def _top_levels(record: str) -> set[str]:
    listed = _lines(os.path.join(record, "top_level.txt"))
    files = _lines(os.path.join(record, "RECORD")) or _lines(os.path.join(record, "SOURCES.txt"))
    return {*listed, *_modules_of(files)}


def _modules_of(files: list[str]) -> Iterator[str]:
    for file in files:
        first, separator, _ = file.partition(",")[0].partition("/")
        if separator:
            yield first
        elif first.endswith((".py", ".so", ".pyd")):
            yield first.partition(".")[0]


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except (FileNotFoundError, NotADirectoryError):
        return []


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()
