"""Which files of a directory a pattern names: Nextflow's wildcards, walked level by level.

Alone reads directories for ``file()`` and ``files()``. Knows patterns and rules, and neither outputs nor inputs.

``*``, ``?`` and ``[...]`` match within a name, ``**`` goes down any number of directories (nextflow.io, process outputs,
``path``; Nextflow's are those of Java's ``FileSystem.getPathMatcher``).
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from nbflow.core.declaration.file_rules import FileRules

_ESCAPED = re.compile(r"\[([*?\[])\]")
_BELOW = "**"


def matching(root: str, pattern: str, rules: FileRules) -> set[str]:
    """Find the paths that a pattern matches.

    Parameters
    ----------
    root : str
        The directory to look in.
    pattern : str
        Relative to it; ``[*]`` stands for the character itself.
    rules : FileRules
        What counts.

    Returns
    -------
    set of str
        Paths relative to `root`. Without wildcards, the path itself if there is something, hidden or not.
    """
    search = _Search(root, rules)
    found = {path for parts in ways(pattern) for path in search.below("", parts, 0)}
    return {path for path in found if search.counts(path)}


def is_wild(pattern: str) -> bool:
    """Whether a pattern has wildcards."""
    return glob.has_magic(_ESCAPED.sub("", pattern))


def ways(pattern: str) -> list[tuple[str, ...]]:
    """The components of a pattern, with ``**`` only by itself: ``a**b`` is ``a*b`` or ``a*``, any directories, ``*b``."""
    ways: list[tuple[str, ...]] = [()]
    for part in os.path.normpath(pattern).split("/"):
        options = [(part,)] if part == _BELOW or _BELOW not in part else _split(part)
        ways = [(*way, *option) for way in ways for option in options]
    return ways


def _split(part: str) -> list[tuple[str, ...]]:
    before, _, after = part.partition(_BELOW)
    rest = _split(f"*{after}") if _BELOW in after else [(f"*{after}",)]
    head = (f"{before}*",) if before else ()
    flat = re.sub(r"\*\*+", "*", part)
    return [(flat,), *((*head, _BELOW, *tail) for tail in rest)]


@dataclass(frozen=True, slots=True)
class _Search:
    root: str
    rules: FileRules

    def counts(self, path: str) -> bool:
        kind, place = self.rules.type, os.path.join(self.root, path)
        if kind == "dir":
            return os.path.isdir(place) and (self.rules.follow_links or not os.path.islink(place))
        return kind == "any" or not os.path.isdir(place) or (os.path.islink(place) and not self.rules.follow_links)

    def below(self, base: str, parts: tuple[str, ...], depth: int) -> Iterator[str]:
        """Paths below `base` that the rest of a pattern matches, `depth` levels below its first wildcard."""
        head, *rest = parts
        tail = tuple(rest)
        if head == _BELOW:
            yield from self._any_depth(base, tail, depth)
        elif not is_wild(head):
            yield from self._literal(os.path.join(base, _ESCAPED.sub(r"\1", head)), tail, depth + bool(depth))
        elif self._reaches(depth + 1):
            fits = _matcher(head, hidden=self.rules.hidden)
            for entry in self._entries(base):
                if fits(entry.name):
                    yield from self._found(os.path.join(base, entry.name), entry, tail, depth + 1)

    def _literal(self, path: str, rest: tuple[str, ...], depth: int) -> Iterator[str]:
        if not self._reaches(depth) or not os.path.lexists(os.path.join(self.root, path)):
            return
        if rest:
            yield from self.below(path, rest, depth)
        else:
            yield path

    def _found(self, path: str, entry: os.DirEntry[str], rest: tuple[str, ...], depth: int) -> Iterator[str]:
        if not rest:
            yield path
        elif entry.is_dir(follow_symlinks=self.rules.follow_links):
            yield from self.below(path, rest, depth)

    def _any_depth(self, base: str, rest: tuple[str, ...], depth: int) -> Iterator[str]:
        yield from self.below(base, rest or ("*",), depth)
        if not self._reaches(depth + 2):
            return
        for entry in self._entries(base):
            if self._goes_down(base, entry):
                yield from self._any_depth(os.path.join(base, entry.name), rest, depth + 1)

    def _goes_down(self, base: str, entry: os.DirEntry[str]) -> bool:
        if not entry.is_dir(follow_symlinks=self.rules.follow_links) or self._is_circle(base, entry):
            return False
        return self.rules.hidden or not entry.name.startswith(".")

    def _is_circle(self, base: str, entry: os.DirEntry[str]) -> bool:
        """Whether a link leads back to a directory on the way to it."""
        if not entry.is_symlink():
            return False
        names = base.split("/") if base else []
        above = (os.path.join(self.root, *names[:count]) for count in range(len(names) + 1))
        return os.path.realpath(entry.path) in map(os.path.realpath, above)

    def _reaches(self, depth: int) -> bool:
        return self.rules.max_depth is None or depth <= self.rules.max_depth

    def _entries(self, base: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(os.path.join(self.root, base)) as entries:
                return [*entries]
        except NotADirectoryError:
            return []


@lru_cache(maxsize=256)
def _matcher(pattern: str, *, hidden: bool) -> Callable[[str], bool]:
    fits = re.compile(fnmatch.translate(pattern)).match
    if hidden or pattern.startswith("."):
        return lambda name: fits(name) is not None
    return lambda name: not name.startswith(".") and fits(name) is not None
