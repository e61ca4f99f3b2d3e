"""Files that match a glob, and the key that pairs them, by Nextflow's rules.

Says where a pattern's wildcards begin; `matching` walks the directories. Knows no channel.
"""

from __future__ import annotations

import os
import re
from pathlib import PurePath
from typing import Final

from nbflow.core.declaration.file_rules import FileRules
from nbflow.core.declaration.globs import render_glob
from nbflow.errors import InputError
from nbflow.execution.outputs.matching import matching

_MAGIC: Final = re.compile(r"[*?\[{]")


def find(pattern: str, rules: FileRules, *, glob: bool = True) -> tuple[str, list[str]]:
    """The directory in which a pattern's wildcards begin, and the absolute paths that match, sorted.

    Parameters
    ----------
    pattern : str
        Relative to the current directory. Without wildcards it is the one path that it names, whether or not it is there.
    rules : FileRules
        What of the files that match is taken.
    glob : bool
        Whether ``*``, ``?``, ``[]`` and ``{}`` are wildcards.
    """
    path = os.path.abspath(os.path.expanduser(pattern))
    if not glob or not has_wildcard(pattern):
        return os.path.dirname(path), [path]
    base, rest = _split(path)
    found = (
        {each for way in render_glob(rest, frozenset(), {}) for each in matching(base, way, rules)}
        if os.path.isdir(base)
        else set()
    )
    return base, sorted(os.path.join(base, each) for each in found)


def has_wildcard(pattern: str) -> bool:
    """Whether a pattern can match several paths."""
    return _MAGIC.search(pattern) is not None


def _split(path: str) -> tuple[str, str]:
    """A pattern's directory without wildcards, and the rest."""
    parts = path.split("/")
    first = next(at for at, part in enumerate(parts) if _MAGIC.search(part))
    return "/".join(parts[:first]) or "/", "/".join(parts[first:])


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
