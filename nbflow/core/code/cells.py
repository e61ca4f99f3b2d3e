"""The text of a function: its syntax tree, found by its code object and checked against it.

Alone reads `linecache`, where IPython keeps the text of cells. Knows nothing of digests.
"""

from __future__ import annotations

import ast
import linecache
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType

FUTURES = 0x1FF0000
"""The flags of a code object that future statements set: ``CO_FUTURE_*`` of Python's ``Include/cpython/code.h``."""

_INSTALLED = re.compile(r"[/\\](site|dist)-packages[/\\]|^" + re.escape(os.path.dirname(os.__file__)))
_texts: dict[str, tuple[object, str]] = {}

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True, slots=True)
class Found:
    """The text of a function.

    Attributes
    ----------
    node : FunctionDef, AsyncFunctionDef or Lambda
        Its definition.
    tree : ast.Module
        The cell or file that it stands in.
    text : str
        Text of the cell or file.
    """

    node: Definition
    tree: ast.Module
    text: str


@lru_cache(maxsize=4096)
def _found(code: CodeType, text: str, filename: str) -> Found | None:
    tree, definitions = _definitions(text, filename, code.co_flags & FUTURES)
    for compiled, node in definitions:
        if compiled == code and tree is not None:
            return Found(node, tree, text)
    return None


def find_definition(code: CodeType) -> Found | None:
    """Find the definition that a code object was compiled from.

    Parameters
    ----------
    code : types.CodeType
        Of a function or lambda.

    Returns
    -------
    Found or None
        None if no text is known, or if what it says is not this code: text that was edited since, or code that was
        rewritten.
    """
    text = cell_text(code.co_filename)
    return _found(code, text, code.co_filename) if text else None


def cell_text(filename: str) -> str:
    """Text of the cell or file of that name, as it was when it was compiled; empty if it is not known.

    Installed code has none here: it counts by its version.
    """
    entry = linecache.cache.get(filename)
    known = _texts.get(filename)
    if known is not None and known[0] is entry:
        return known[1]
    text = "" if _INSTALLED.search(filename) else "".join(linecache.getlines(filename))
    _texts[filename] = (linecache.cache.get(filename), text)
    return text


def is_cell(filename: str) -> bool:
    """Whether `cell_text` knows that text from IPython and not from a file: a file's has a time of change."""
    entry = linecache.cache.get(filename)
    return entry is not None and len(entry) > 1 and entry[1] is None


@lru_cache(maxsize=512)
def _definitions(text: str, filename: str, futures: int) -> tuple[ast.Module | None, list[tuple[CodeType, Definition]]]:
    flags = futures | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        tree = ast.parse(text, filename)
        code = compile(text, filename, "exec", flags=flags, dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError):
        return None, []
    nodes = [node for node in ast.walk(tree) if isinstance(node, _DEFINITIONS)]
    found = []
    for compiled in _functions(code):
        node = _node_of(compiled, nodes)
        if node is not None:
            found.append((compiled, node))
    return tree, found


def _functions(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _functions(constant)


def _node_of(code: CodeType, nodes: list[Definition]) -> Definition | None:
    candidates = [node for node in nodes if _first_line(node) == code.co_firstlineno and _name(node) == code.co_name]
    if len(candidates) > 1:
        candidates = _around(code, candidates)
    return candidates[0] if candidates else None


def _first_line(node: Definition) -> int:
    decorators = [] if isinstance(node, ast.Lambda) else node.decorator_list
    return min([node.lineno, *(decorator.lineno for decorator in decorators)])


def _name(node: Definition) -> str:
    return "<lambda>" if isinstance(node, ast.Lambda) else node.name


def _around(code: CodeType, candidates: list[Definition]) -> list[Definition]:
    """Tell definitions on one line apart: by the columns of the code, the innermost definition around them."""
    # The first instructions stand for the call itself and have no place of their own.
    places = [place for place in code.co_positions() if None not in place and place[2] != place[3]]
    inside = [node for node in candidates if places and all(_holds(node, place) for place in places[-1:])]
    return sorted(inside, key=_extent)


def _holds(node: Definition, place: tuple[int | None, int | None, int | None, int | None]) -> bool:
    body = node.body if isinstance(node, ast.Lambda) else node
    line, end_line, column, end_column = place
    assert None not in (line, end_line, column, end_column)
    starts = (body.lineno, body.col_offset) <= (line, column)
    return starts and (end_line, end_column) <= (body.end_lineno, body.end_col_offset)


def _extent(node: Definition) -> tuple[int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return node.end_lineno - node.lineno, node.end_col_offset - node.col_offset


def definition_of_class(found: Found, qualname: str) -> ast.ClassDef | None:
    """Find the class of that qualified name in the cell of one of its methods."""
    for node in ast.walk(found.tree):
        if isinstance(node, ast.ClassDef) and node.name == qualname.rpartition(".")[2] and found.node in node.body:
            return node
    return None
