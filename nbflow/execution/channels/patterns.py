"""Files that match a glob, by Nextflow's rules, and the key that pairs them.

Reads directories, and nothing else. Knows no channel.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from nbflow.errors import InputError

_MAGIC: Final = re.compile(r"[*?\[{]")
_TYPES: Final[dict[str, Callable[[os.DirEntry[str], bool], bool]]] = {
    "file": lambda entry, follow: not entry.is_dir(follow_symlinks=follow),
    "dir": lambda entry, follow: entry.is_dir(follow_symlinks=follow),
    "any": lambda entry, follow: True,
}

TYPES: Final = tuple(_TYPES)
"""What may be looked for."""


@dataclass(frozen=True, slots=True)
class Search:
    """What of the files that match is taken.

    Attributes
    ----------
    type : str
        ``file``, ``dir`` or ``any``.
    hidden : bool
        Whether names that begin with a dot match, although the pattern says none.
    max_depth : int or None
        How many directories ``**`` goes down at most.
    follow_links : bool
        Whether a link to a directory is one.
    glob : bool
        Whether ``*``, ``?``, ``[]`` and ``{}`` are wildcards.
    """

    type: str = "file"
    hidden: bool = False
    max_depth: int | None = None
    follow_links: bool = True
    glob: bool = True

    def find(self, pattern: str) -> tuple[str, list[str]]:
        """The directory in which a pattern was looked for, and the absolute paths that match, sorted.

        A pattern without wildcards is the one path that it names, whether or not it is there.
        """
        path = os.path.abspath(os.path.expanduser(pattern))
        if not self.glob or not has_wildcard(pattern):
            return os.path.dirname(path), [path]
        base, rest = _split(path)
        return base, sorted(self._below(base, rest))

    def _below(self, base: str, rest: str) -> Iterator[str]:
        deep = "**" in rest
        depth = rest.count("/") if not deep else self.max_depth
        hidden = self.hidden or any(part.startswith(".") for part in rest.split("/"))
        matches = re.compile(_regex(rest), re.DOTALL).fullmatch
        taken = _TYPES[self.type]
        for entry in self._walk(base, depth, hidden, frozenset()):
            if taken(entry, self.follow_links) and matches(os.path.relpath(entry.path, base)):
                yield entry.path

    def _walk(
        self, directory: str, depth: int | None, hidden: bool, above: frozenset[str]
    ) -> Iterator[os.DirEntry[str]]:
        try:
            entries = list(os.scandir(directory))
        except (FileNotFoundError, NotADirectoryError):
            return
        above = above | {os.path.realpath(directory)}
        for entry in entries:
            if entry.name.startswith(".") and not hidden:
                continue
            yield entry
            goes_down = depth != 0 and entry.is_dir(follow_symlinks=self.follow_links)
            # A link to a directory above would be gone down for ever.
            if goes_down and not (entry.is_symlink() and os.path.realpath(entry.path) in above):
                yield from self._walk(entry.path, None if depth is None else depth - 1, hidden, above)


def has_wildcard(pattern: str) -> bool:
    """Whether a pattern can match several paths."""
    return _MAGIC.search(pattern) is not None


def _split(path: str) -> tuple[str, str]:
    """A pattern's directory without wildcards, and the rest."""
    parts = path.split("/")
    first = next(at for at, part in enumerate(parts) if _MAGIC.search(part))
    return "/".join(parts[:first]) or "/", "/".join(parts[first:])


_TOKEN: Final = re.compile(r"\*\*/|\*\*|\*|\?|\[[!^]?\]?[^\]]*\]|[{},]|.", re.DOTALL)
_MEANING: Final = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]", "{": "(?:", "}": ")"}


def _regex(pattern: str) -> str:
    made, braces = [], 0
    for token in _TOKEN.findall(pattern):
        braces += (token == "{") - (token == "}")
        if token == "," and braces:
            made.append("|")
        elif len(token) > 2 and token.startswith("["):
            made.append("[" + ("^" if token[1] in "!^" else "") + token[1:-1].lstrip("!^").replace("\\", r"\\") + "]")
        else:
            made.append(_MEANING.get(token, re.escape(token)))
    if braces:
        raise InputError(f"the pattern `{pattern}` opens a brace that it does not close")
    return "".join(made)


def pair_key(path: str, pattern: str) -> str:
    """What a file and its partners share: its name to the last wildcard before the part in which they differ.

    Raises
    ------
    InputError
        If the name does not match the last part of the pattern, or nothing of it is left.

    Notes
    -----
    Nextflow's rule: for ``*_{1,2}.fq``, ``liver_1.fq`` gives ``liver``. Of a path without wildcards it is the name up to the
    first dot.
    """
    name, last = os.path.basename(path), pattern.rsplit("/", 1)[-1]
    if not has_wildcard(last):
        return PurePath(name).name.partition(".")[0]
    match = re.fullmatch(_grouped(last), name)
    if match is None:
        raise InputError(
            f"`{name}` does not match `{last}`: let the braces stand in the pattern's last part, or pass `key`"
        )
    first_choice = re.search(r"[\[{]", last)
    wildcards = len(re.findall(r"[*?]", last[: first_choice.start()] if first_choice else last))
    if wildcards:
        end = match.end(min(wildcards, match.re.groups))
    else:
        end = first_choice.start() if first_choice else len(name)
    found = name[:end].rstrip("-_.")
    if not found:
        raise InputError(
            f"of `{last}` no key follows, since nothing stands before the part in which files differ: pass `key`"
        )
    return found


def _grouped(pattern: str) -> str:
    """A pattern as a regular expression in which each ``*`` and ``?`` is a group."""
    meaning = {"*": "(.*)", "?": "(.?)", "{": "(?:", "}": ")", ",": "|", "[": "[", "]": "]", "-": "-"}
    return "".join(meaning.get(letter, re.escape(letter)) for letter in pattern)
