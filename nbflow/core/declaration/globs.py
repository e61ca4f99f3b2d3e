"""Patterns of files with ``{expression}`` parts: what they read, and the globs that they are once the inputs are known.

Alone tells an expression from alternatives, as in ``{a,b}``. Finds no files.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import PurePosixPath

from nbflow.core.declaration.interpolation import Field, formatted, names_of, read_field, scan
from nbflow.errors import InputError

_MARK = re.compile("\0(\\d+)\0")
_LEADING_NAME = re.compile(r"\s*([^\W\d]\w*)")


def render_glob(
    text: str, inputs: frozenset[str], namespace: Mapping[str, object], *, literal: bool = False
) -> tuple[str, ...]:
    """The patterns of a ``file()`` or ``files()`` argument, once the inputs are known.

    Parameters
    ----------
    text : str
        As in ``"quant_{id}/*.{txt,log}"``: ``{x}`` is interpolated where x begins with an input or ``task``;
        other braces are alternatives.
    inputs : frozenset of str
        Names of the process's inputs.
    namespace : mapping
        Their values, and ``task``.
    literal : bool
        Whether the text is one name, without wildcards and alternatives.

    Returns
    -------
    tuple of str
        One or more patterns for the `glob` module, relative to the work directory. What an input holds is taken
        literally, so a name with ``[`` or ``*`` finds just that file.

    Raises
    ------
    DeclarationError
        If an expression is not closed or not Python.
    InputError
        If an expression fails, or a pattern leads out of the work directory.
    """
    marked, values = "", list[str]()
    for piece in _split_glob(text, inputs | {"task"}):
        if isinstance(piece, Field):
            marked += f"\0{len(values)}\0"
            values.append(glob.escape(formatted(piece, text, namespace)))
        else:
            marked += glob.escape(piece) if literal else piece
    ways = [marked] if literal else _alternatives(marked)
    patterns = [_MARK.sub(lambda mark: values[int(mark[1])], pattern) for pattern in ways]
    for pattern in patterns:
        _stays_inside(pattern, text)
    return tuple(dict.fromkeys(patterns))


def glob_names(text: str, inputs: frozenset[str]) -> frozenset[str]:
    """Names that the interpolated parts of a ``file()`` or ``files()`` argument read, builtins among them.

    Raises
    ------
    DeclarationError
        If an expression is not closed or not Python.
    """
    return names_of(_split_glob(text, inputs | {"task"}))


@lru_cache(maxsize=1024)
def _split_glob(text: str, known: frozenset[str]) -> tuple[str | Field, ...]:
    """Interpolated fields and the glob text between them."""
    pieces: list[str | Field] = []
    at = start = 0
    while at < len(text):
        lead = _LEADING_NAME.match(text, at + 1) if text[at] == "{" else None
        if lead and lead[1] in known and not _is_alternatives(text, at):
            plain = text[start:at]
            field, at = read_field(text, at, 0)
            start = at
            pieces += [plain, field]
        else:
            at += 1
    return (*pieces, text[start:])


def _is_alternatives(text: str, start: int) -> bool:
    """Whether the braces hold a list, as in ``{a,b}``: even where ``a`` is an input."""
    _, mark = scan(text, start + 1, "!:},")
    return mark == ","


def _alternatives(pattern: str) -> list[str]:
    """Expand ``{a,b}``, nested ones too; braces without a comma are ordinary characters."""
    start = pattern.find("{")
    while start >= 0:
        parts, end = _brace(pattern, start)
        if len(parts) > 1:
            rest = _alternatives(pattern[end:])
            return [
                pattern[:start] + middle + tail for part in parts for middle in _alternatives(part) for tail in rest
            ]
        start = pattern.find("{", start + 1)
    return [pattern]


def _brace(pattern: str, start: int) -> tuple[list[str], int]:
    depth, parts, begin = 0, [], start + 1
    for at in range(start, len(pattern)):
        depth += (pattern[at] == "{") - (pattern[at] == "}")
        if depth == 0 or (depth == 1 and pattern[at] == ","):
            parts.append(pattern[begin:at])
            begin = at + 1
        if depth == 0:
            return parts, at + 1
    return [], start + 1


def _stays_inside(pattern: str, text: str) -> None:
    path = PurePosixPath(pattern)
    if not pattern or path.is_absolute() or ".." in path.parts:
        raise InputError(
            f'`{text}` gives `{pattern}`; an output file lies inside the work directory, as in "out/*.txt"'
        )
