"""The scripts in ``bin/`` beside the notebook: which of them a body names, and what counts of them.

Alone knows that directory: tasks find its scripts on their PATH, as Nextflow's do (nextflow.io, "The bin directory"). Reads
files only to hash them and to see which others they name; runs nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from nbflow.core.parts import Part, combine
from nbflow.errors import InputError

BIN = "bin"

_WORD = re.compile(r"[\w.+-]+")
_LARGEST = 1 << 20
"""Bytes of a script that are searched for the names of others; larger files are programs."""
_DEEPEST = 8
"""Levels of directories; links may lead round and round."""
_PASSED_OVER = frozenset({"__pycache__"})


def bin_directory(launch_dir: str) -> str | None:
    """The directory beside the notebook whose scripts tasks find; None where there is none."""
    path = os.path.join(launch_dir, BIN)
    return path if os.path.isdir(path) else None


def with_bin(environ: dict[str, str], launch_dir: str) -> dict[str, str]:
    """An environment in which the scripts of ``bin/`` are found first."""
    directory = bin_directory(launch_dir)
    if directory is None:
        return environ
    return {**environ, "PATH": os.pathsep.join([directory, environ.get("PATH", os.defpath)])}


def bin_paths(launch_dir: str, texts: Iterable[str], *, every: bool) -> dict[str, str]:
    """The scripts that texts name, and those that these name in turn.

    Parameters
    ----------
    launch_dir : str
        Where the directory lies.
    texts : iterable of str
        The body, or the strings in it.
    every : bool
        Whether the body may run any of them: all count then.

    Returns
    -------
    dict of str to str
        Absolute paths by name relative to the directory, sorted. A file is named by its own name, or by what stands before
        its last dot, as Python imports it.
    """
    directory = bin_directory(launch_dir)
    there = {} if directory is None else _files(directory)
    if every or not there:
        return there
    known = _known(there)
    found: set[str] = set()
    left = [*texts]
    while left:
        text = left.pop()
        named = {name for word in _words(text, known) for name in known[word]} - found
        found |= named
        left += [_text(there[name]) for name in named]
    return {name: there[name] for name in sorted(found)}


def bin_part(name: str, path: str, content: Callable[[Path], bytes]) -> Part:
    """A script as a part of the task hash: its content, and whether it can be run.

    Parameters
    ----------
    name : str
        Relative to the directory.
    path : str
        Absolute.
    content : callable
        Digests a file.
    """
    runs = b"x" if os.access(path, os.X_OK) else b"-"
    return Part("bin", name, combine("bin", [runs, content(Path(path))]), path)


def _files(directory: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for place, folders, names in os.walk(directory, followlinks=True):
        folders[:] = [name for name in folders if name not in _PASSED_OVER and not name.startswith(".")]
        if os.path.relpath(place, directory).count(os.sep) > _DEEPEST:
            folders.clear()
        found.update(
            (os.path.relpath(path, directory), path) for name in names if _is_script(path := f"{place}/{name}")
        )
    return dict(sorted(found.items()))


def _is_script(path: str) -> bool:
    return not os.path.basename(path).startswith(".") and os.path.isfile(path)


def _known(there: Iterable[str]) -> dict[str, list[str]]:
    """Files by the words that name them."""
    known: dict[str, list[str]] = {}
    for name in there:
        base = os.path.basename(name)
        for word in {base, base.rpartition(".")[0] or base}:
            known.setdefault(word, []).append(name)
    return known


def _words(text: str, known: Iterable[str]) -> set[str]:
    words = set(_WORD.findall(text))
    # At the end of a sentence, after an option's dashes, and the parts of a module's name.
    words |= {word.strip(".+-") for word in words} | {part for word in words for part in word.split(".")}
    return {name for name in known if name in words or (not _WORD.fullmatch(name) and name in text)}


def _text(path: str) -> str:
    try:
        if os.path.getsize(path) > _LARGEST:
            return ""
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error}), and a task may run it; correct its permissions", name=path
        ) from error
