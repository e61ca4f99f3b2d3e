"""Files that lie beside local modules: what code finds by ``__file__``, ``importlib.resources`` and the like.

Alone decides which of them code may read. Looks names up in directories; opens nothing.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.machinery import all_suffixes
from pathlib import Path

from nbflow.core.code.mentions import Mentions
from nbflow.core.code.modules import LocalFile

_CODE = tuple(all_suffixes())
_BOOKKEEPING = frozenset({"__pycache__"})
_LONGEST_NAME = 200
_LONGEST_SUFFIX = 8
_MAGIC = frozenset("*?[")
_LEVELS_UP = 3
_LEADING = re.compile(r"^(\.{0,2}[/\\])+")


def files_beside(files: Mapping[str, LocalFile], mentions: Mentions) -> dict[str, dict[str, Path]]:
    """Find the data files that local code may look for where it lies.

    Parameters
    ----------
    files : mapping of str to LocalFile
        The local files that count, by module.
    mentions : Mentions
        What all code that was reached mentions: names of files are among its strings.

    Returns
    -------
    dict of str to dict of str to pathlib.Path
        By ``module`` or ``module:name``, the files: absolute, by their path as seen from the module. A package counts with all its data files, since their names may be computed;
        of what lies around a plain module or around the package, what strings name, as a whole, by a pattern or by a
        suffix.
    """
    if not mentions.finds_files:
        return {}
    found = {}
    named = mentions.strings
    climbs = not {"parents", "pardir"}.isdisjoint(mentions.attributes | mentions.values)
    climbs = climbs or any(text.startswith("..") for text in named)
    texts = [_LEADING.sub("", text) for text in named if len(text) <= _LONGEST_NAME and "\n" not in text]
    for name, file in files.items():
        directory = os.path.dirname(file.path)
        around = _around(directory, _LEVELS_UP if climbs else 1)
        if os.path.basename(file.path).startswith("__init__."):
            found[name] = _seen_from(directory, _data_files(directory))
            around = around[1:]
        paths = {path for place in around for path in _named(place, texts)}
        found.update(
            (f"{name}:{os.path.relpath(path, directory)}", _seen_from(directory, _below(path))) for path in paths
        )
    return {name: paths for name, paths in found.items() if paths}


def _seen_from(directory: str, paths: Iterable[str]) -> dict[str, Path]:
    return {os.path.relpath(path, directory): Path(path) for path in sorted(paths)}


def _around(directory: str, levels: int) -> list[str]:
    found = [directory]
    while len(found) < levels:
        found.append(os.path.dirname(found[-1]))
    return found


def _named(directory: str, texts: Iterable[str]) -> Iterator[str]:
    """Files and directories that strings name: code itself counts in its own way."""
    entries = [entry for entry in os.listdir(directory) if entry not in _BOOKKEEPING and not entry.endswith(_CODE)]
    known = frozenset(entries)
    for text in texts:
        if not _MAGIC.isdisjoint(text):
            yield from glob.iglob(os.path.join(glob.escape(directory), text))
        elif text.startswith(".") and len(text) <= _LONGEST_SUFFIX:
            yield from (os.path.join(directory, entry) for entry in entries if entry.endswith(text))
        elif text.partition("/")[0] in known and os.path.exists(path := os.path.join(directory, text)):
            yield path


def _below(path: str) -> Iterator[str]:
    if os.path.isdir(path):
        yield from _data_files(path)
    else:
        yield path


def _data_files(directory: str) -> Iterator[str]:
    for place, inner, names in os.walk(directory):
        inner[:] = sorted(name for name in inner if name not in _BOOKKEEPING and not name.startswith("."))
        yield from (os.path.join(place, name) for name in sorted(names) if not name.endswith((*_CODE, "~")))
