"""Texts of code in an entry: bounded so that a changed line can still be named, and compared.

Alone decides what an entry keeps of a text of code, and how two such texts are told apart. Pure; knows nothing of parts
and tasks. Comments, blank lines and layout of Python code count for nothing here, as they do in the hash; a script's do.
"""

from __future__ import annotations

import ast
import difflib
import re
import textwrap
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import xxhash

_MARK = re.compile("…[A-Za-z0-9_-]{3}")
_MARK_SIZE = 4
# What stands before a comment: strings, which may hold a `#`, and all else.
_CODE = re.compile(r"""(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|[^#'"]|['"])*""")
_BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")


class Change(NamedTuple):
    """The first place where two texts differ.

    Attributes
    ----------
    line : int
        Its line, from 1: in the new text, or, where the line is gone, in the old one.
    before, after : str or None
        The line then and now; None where there is none, empty where its text was not kept.
    more : int
        How many other places differ.
    """

    line: int
    before: str | None
    after: str | None
    more: int


class _Unit(NamedTuple):
    """A piece of a text that is compared as a whole: a statement without those inside it, or a line."""

    key: str
    line: int
    lines: tuple[str, ...]


@lru_cache(maxsize=4096)
def outline(text: str, limit: int) -> str:
    """Bound a text; lines that do not fit are kept as marks of four characters, by which they are still told apart.

    Parameters
    ----------
    text : str
        Python code, or a script that begins with ``#!``.
    limit : int
        Characters.

    Returns
    -------
    str
        Line for line; the end is left out where not even its marks fit.
    """
    if len(text) <= limit:
        return text
    is_script = _is_script(text)
    lines = text.splitlines()
    least = [min(len(line), _MARK_SIZE) + 1 for line in lines]
    spare = limit - sum(least)
    kept: list[str] = []
    for line in lines:
        more = max(len(line) - _MARK_SIZE, 0)
        is_whole = more == 0 or more <= spare
        spare -= more if is_whole else 0
        kept.append(line if is_whole else _mark(_bare(line, is_script)))
    whole = "\n".join(kept)
    return whole if len(whole) <= limit else whole[:limit].rpartition("\n")[0]


def first_change(new: str, old: str) -> Change | None:
    """Find the first place where two outlines of code differ.

    Returns
    -------
    Change or None
        None where no difference is left in what was kept.
    """
    for units in (_statements, _lines, _raw_lines):
        found = _compare(units(new), units(old))
        if found is not None:
            return found
    return None


def _compare(new: Sequence[_Unit] | None, old: Sequence[_Unit] | None) -> Change | None:
    if new is None or old is None:
        return None
    matcher = difflib.SequenceMatcher(None, [unit.key for unit in old], [unit.key for unit in new], autojunk=False)
    places = [code for code in matcher.get_opcodes() if code[0] != "equal"]
    if not places:
        return None
    _, start, end, first, last = places[0]
    before, after = next(iter(old[start:end]), None), next(iter(new[first:last]), None)
    at = _first_line(before, after)
    unit = after or before
    assert unit is not None
    return Change(unit.line + at, _line_of(before, at), _line_of(after, at), len(places) - 1)


def _first_line(before: _Unit | None, after: _Unit | None) -> int:
    """Which line of a statement is the first that differs."""
    if before is None or after is None:
        return 0
    return next((at for at, (a, b) in enumerate(zip(before.lines, after.lines, strict=False)) if a != b), 0)


def _line_of(unit: _Unit | None, at: int) -> str | None:
    return None if unit is None else unit.lines[at] if at < len(unit.lines) else ""


def _statements(text: str) -> list[_Unit] | None:
    """The statements of Python code; None where it is no Python, or not whole."""
    if _is_script(text) or any(map(_MARK.fullmatch, text.splitlines())):
        return None
    try:
        tree = ast.parse(textwrap.dedent(text))
    except (SyntaxError, ValueError, RecursionError):
        return None
    lines = [line.strip() for line in text.splitlines()]
    return [_Unit(key, first, tuple(lines[first - 1 : last])) for key, first, last in _walk(tree)]


def _walk(node: ast.AST) -> Iterator[tuple[str, int, int]]:
    for child in _inside(node):
        if not _is_text(child):
            for decorator in getattr(child, "decorator_list", ()):
                yield ast.dump(decorator), decorator.lineno, decorator.end_lineno or decorator.lineno
            first: int = getattr(getattr(child, "pattern", child), "lineno", 1)
            end = getattr(child, "end_lineno", 0) or first
            inner = [getattr(each, "lineno", end + 1) for each in _inside(child)]
            yield _head(child), first, max(first, min([end, *(line - 1 for line in inner)]))
            yield from _walk(child)


def _inside(node: ast.AST) -> Iterator[ast.AST]:
    for name in _BLOCKS:
        block = getattr(node, name, None)
        yield from block if isinstance(block, list) else ()


def _head(node: ast.AST) -> str:
    """A statement without the statements inside it, and without its decorators."""
    shown = [(name, value) for name, value in ast.iter_fields(node) if not _is_apart(name, value)]
    return type(node).__name__ + repr([(name, _dumped(value)) for name, value in shown])


def _is_apart(name: str, value: object) -> bool:
    return name == "decorator_list" or (name in _BLOCKS and isinstance(value, list))


def _dumped(value: object) -> object:
    if isinstance(value, list):
        return [_dumped(item) for item in value]
    return ast.dump(value) if isinstance(value, ast.AST) else value


def _is_text(node: ast.AST) -> bool:
    """Whether a statement is a mere string: documentation."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _lines(text: str) -> list[_Unit]:
    is_script = _is_script(text)
    units = []
    for number, line in enumerate(text.splitlines(), 1):
        marked = _MARK.fullmatch(line) is not None
        key = line if marked else _mark(_bare(line, is_script))
        if key:
            units.append(_Unit(key, number, ("" if marked else line.strip(),)))
    return units


def _raw_lines(text: str) -> list[_Unit]:
    return [_Unit(line, number, (line.strip(),)) for number, line in enumerate(text.splitlines(), 1)]


def _bare(line: str, is_script: bool) -> str:
    """What counts of a line."""
    if is_script:
        return line.rstrip()
    found = _CODE.match(line)
    return "" if found is None else found[0].rstrip()


def _mark(bare: str) -> str:
    if not bare:
        return ""
    return "…" + urlsafe_b64encode(xxhash.xxh3_64_digest(bare.encode("utf-8", "surrogatepass")))[:3].decode()


def _is_script(text: str) -> bool:
    return text.lstrip("\n").startswith("#!")
