"""What an entry keeps of the files that a value names, so that `why` can say which of them changed, and how.

Alone decides how such a file is written in a preview: a line of its own below the value's. Looks at files; a file is
opened only where it is small. What counts of a file for the hash is not decided here (`values.files`).
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import NamedTuple

import xxhash

_READ_UP_TO = 256 << 10
_MOST_FILES = 20
_LINE = re.compile(r"(.*) \((\d+) bytes, modified ([^,]*)(?:, content ([0-9a-f]+))?(?:, compared by (\w+))?\)")
_USUAL = "standard"


class _Facts(NamedTuple):
    name: str
    size: str
    modified: str
    content: str | None
    mode: str | None


def describe(path: str, name: str, mode: str = _USUAL) -> list[str]:
    """Write down what a file is now; for a directory, the files in it.

    Parameters
    ----------
    path : str
        Absolute.
    name : str
        What the user calls it.
    mode : str
        The ``cache`` mode: what of it counts for the hash.

    Returns
    -------
    list of str
        Lines as in ``a.fq (12 bytes, modified 2026-01-31 10:20:30.123456789, content 1f2e3d4c)``.
    """
    try:
        if not os.path.isdir(path):
            return [_describe(path, name, mode)]
        found = list(islice(_inside(path, name), _MOST_FILES + 1))
        return [_describe(*each, mode) for each in found[:_MOST_FILES]] + ["…"] * (len(found) > _MOST_FILES)
    except OSError:
        return []  # it changes while it is looked at: nothing sure can be said of it


def _inside(path: str, name: str) -> Iterator[tuple[str, str]]:
    for folder, folders, files in os.walk(path):
        folders.sort()
        shown = os.path.join(name, os.path.relpath(folder, path)) if folder != path else name
        yield from ((os.path.join(folder, file), os.path.join(shown, file)) for file in sorted(files))


def _describe(path: str, name: str, mode: str) -> str:
    status = os.stat(path)
    seconds, rest = divmod(status.st_mtime_ns, 10**9)
    modified = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{rest:09d}"
    content = ""
    if stat.S_ISREG(status.st_mode) and status.st_size <= _READ_UP_TO:
        with open(path, "rb") as file:
            content = f", content {xxhash.xxh3_64_hexdigest(file.read())[:8]}"
    compared = "" if mode == _USUAL else f", compared by {mode}"
    return f"{name} ({status.st_size} bytes, modified {modified}{content}{compared})".replace("\n", "\\n")


def split_files(preview: str) -> tuple[str, list[str]]:
    """Split a preview into the value's own text and the lines of its files."""
    value, *files = preview.split("\n")
    return value, files


def compare_files(now: Sequence[str], before: Sequence[str]) -> list[str]:
    """Say which files changed, in sentences; empty where their lines agree, and where all are other files.

    Files with the same content are named only where nothing else differs: of a task's output their times do not count.

    Parameters
    ----------
    now, before : sequence of str
        Lines of `describe`.
    """
    new, old = (dict(_read(lines)) for lines in (now, before))
    if not new.keys() & old.keys():
        return []
    said = {name: _difference(name, new, old) for name in dict.fromkeys([*new, *old]) if new.get(name) != old.get(name)}
    others = [sentence for name, sentence in said.items() if not _are_alike(new.get(name), old.get(name))]
    return others or [*said.values()]


def _are_alike(new: _Facts | None, old: _Facts | None) -> bool:
    """Whether two files surely have the same content, and are compared in the same way."""
    return (
        new is not None
        and old is not None
        and new.content is not None
        and (new.content, new.mode) == (old.content, old.mode)
    )


def _difference(name: str, new: Mapping[str, _Facts], old: Mapping[str, _Facts]) -> str:
    if name not in old:
        return f"{name} is new"
    if name not in new:
        return f"{name} is no longer there"
    return _changed(new[name], old[name])


def _read(lines: Sequence[str]) -> Iterator[tuple[str, _Facts]]:
    for line in lines:
        if (found := _LINE.fullmatch(line)) is not None:
            yield found[1], _Facts(*found.groups())


def _changed(new: _Facts, old: _Facts) -> str:
    if new.size != old.size:
        return f"content of {new.name} changed: {old.size} -> {new.size} bytes"
    if None not in (new.content, old.content) and new.content != old.content:
        return f"content of {new.name} changed (it still has {new.size} bytes)"
    same = "the same content" if new.content is not None and new.content == old.content else "as many bytes"
    if new.mode != old.mode:
        return f"{new.name} is compared by `cache: {new.mode or _USUAL}`, before by `cache: {old.mode or _USUAL}`"
    old_time, new_time = _times(old.modified, new.modified)
    return f"{new.name} was touched or written again, with {same}: modified {old_time} -> {new_time}"


def _times(old: str, new: str) -> tuple[str, str]:
    """Two times in UTC, as short as they can still be told apart."""
    for size in (len("2026-01-31 10:20:30"), len("2026-01-31 10:20:30.123")):
        if old[:size] != new[:size]:
            return old[:size], new[:size]
    return old, new
