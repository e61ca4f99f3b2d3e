"""What an entry keeps of a task's parts beside their digests, so that `why` can say what changed.

Alone decides how much of each part is kept: a few KB a task, whatever the code and the values are. Done for tasks that
were executed only: a hit keeps nothing new.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path, PurePath
from typing import Any

from nbflow.core.code.texts import text_of
from nbflow.core.file_facts import describe
from nbflow.core.outline import outline
from nbflow.core.parts import Part
from nbflow.core.task.explain import CODE
from nbflow.core.values.inputs import Files
from nbflow.core.values.preview import preview

CODE_LIMIT = 4000
"""Characters of code that an entry keeps, its own source and that of all helpers together."""

_MOST_FILES = 20
_MOST_LOOKED_AT = 1000
_DEPTH = 3


def previewed(parts: Sequence[Part], source: str, values: Mapping[str, Any], files: Files) -> tuple[Part, ...]:
    """The parts of a call with the previews that its entries keep.

    Parameters
    ----------
    parts : sequence of Part
        As captured.
    source : str
        The body as it was typed, its lines numbered as in the cell.
    values : mapping of str to object
        The values of inputs and globals, by name; functions and classes among them.
    files : Files
        Which files they name.
    """
    codes = {at: _code(part, source, values) for at, part in enumerate(parts) if part.kind in CODE}
    limits = dict(zip(codes, _limits([len(text) for text in codes.values()]), strict=True))
    outlines = {at: outline(text, limits[at]) for at, text in codes.items()}
    return tuple(
        replace(part, preview=outlines[at]) if at in outlines else _with_files(part, values, files)
        for at, part in enumerate(parts)
    )


def _code(part: Part, source: str, values: Mapping[str, Any]) -> str:
    if part.kind == "source":
        return source
    return _text_of_file(part.preview) if part.kind in ("module", "bin") else text_of(values.get(part.name))


def _text_of_file(path: str) -> str:
    try:
        return importlib.util.decode_source(Path(path).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return ""  # compiled, or gone since


def _with_files(part: Part, values: Mapping[str, Any], files: Files) -> Part:
    if part.kind == "file":
        return replace(part, preview="\n".join([part.name, *_described([part.name], files)]))
    if part.kind == "data":
        paths = part.preview.splitlines()
        return replace(part, preview="\n".join([f"{len(paths):,} files", *_described(paths[:_MOST_FILES], files)]))
    if part.kind in ("input", "global") and part.name in values:
        return replace(part, preview="\n".join([part.preview, *_file_lines(values[part.name], files)]))
    return part


def preview_of_input(value: Any, name: str, files: Files) -> str:
    """The preview of an input that a task has of its own."""
    return "\n".join([preview(value, name), *_file_lines(value, files)])


def _limits(lengths: Sequence[int]) -> list[int]:
    """Share the room for code out: short texts get what they need, the long ones an equal part of the rest."""
    limits = [0] * len(lengths)
    room = CODE_LIMIT
    for done, at in enumerate(sorted(range(len(lengths)), key=lengths.__getitem__)):
        limits[at] = min(lengths[at], room // (len(lengths) - done))
        room -= limits[at]
    return limits


def _file_lines(value: Any, files: Files) -> list[str]:
    return _described(list(islice(dict.fromkeys(_named(value, files, _DEPTH)), _MOST_FILES)), files)


def _described(names: Sequence[str], files: Files) -> list[str]:
    found = (line for name in names for line in _describe(name, files))
    return list(islice(found, _MOST_FILES))


def _describe(name: str, files: Files) -> list[str]:
    path = files.absolute(name)
    if files.output_digest(path) is not None:
        return describe(path, os.path.basename(path), files.mode)  # each run of its task makes it somewhere else
    inside = os.path.relpath(path, files.launch_dir)
    return describe(path, path if inside.startswith("..") else inside, files.mode)


def _named(value: Any, files: Files, depth: int) -> Iterator[str]:
    """The files that a value names, itself or in what it holds."""
    if isinstance(value, PurePath):
        if os.path.lexists(files.absolute(str(value))):
            yield str(value)
    elif isinstance(value, str):
        if files.names_file(value):
            yield value
    elif depth:
        for held in islice(_held(value), _MOST_LOOKED_AT):
            yield from _named(held, files, depth - 1)


def _held(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        return iter(value.values())
    kinds: tuple[Callable[..., Any], ...] = (list, tuple, set, frozenset)
    return iter(value) if type(value) in kinds else iter(())
