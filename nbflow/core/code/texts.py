"""The text of functions and classes, for people: what `why` compares line by line.

Alone decides which lines are shown as the text of a definition. Nothing is hashed here.
"""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Callable, Iterator
from types import CodeType, FunctionType
from typing import Any

from nbflow.core.code.cells import Found, definition_of_class, find_definition


def text_of(value: Any) -> str:
    """The text of a function or class, its decorators included; empty where it is not known.

    Parameters
    ----------
    value : object
        A function, a class, or what wraps one.
    """
    if isinstance(value, type):
        return _text_of_class(value)
    code = getattr(getattr(value, "__wrapped__", value), "__code__", None)
    found = find_definition(code) if isinstance(code, CodeType) else None
    return "" if found is None else _segment(found, found.node)


def _text_of_class(cls: type) -> str:
    for function in _methods(cls):
        found = find_definition(function.__code__)
        node = None if found is None else definition_of_class(found, cls.__qualname__)
        if found is not None and node is not None:
            return _segment(found, node)
    return _as_if_written(cls)


def _methods(cls: type) -> Iterator[FunctionType]:
    for value in vars(cls).values():
        function = getattr(value, "fget", None) or getattr(value, "__func__", value)
        if isinstance(function, FunctionType):
            yield function


def _as_if_written(cls: type) -> str:
    """A class whose text no method leads to: what it holds, a line each."""
    annotated: dict[str, Any] = dict(getattr(cls, "__annotations__", {}))
    held = {name: value for name, value in vars(cls).items() if not name.startswith("__") and not callable(value)}
    named: Callable[[Any], str] = lambda kind: getattr(kind, "__name__", str(kind))  # noqa: E731
    lines = [f"    {name}: {named(annotated[name])}" for name in annotated if name not in held]
    lines += [f"    {name} = {_shown(value)}" for name, value in held.items()]
    bases = ", ".join(base.__name__ for base in cls.__bases__ if base is not object)
    return "\n".join([f"class {cls.__name__}{f'({bases})' if bases else ''}:", *lines])


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, (str, bytes, int, float, complex, type(None))) else type(value).__name__


def _segment(found: Found, node: ast.AST) -> str:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])  # type: ignore[attr-defined]
    lines = found.text.splitlines()[first - 1 : node.end_lineno]  # type: ignore[attr-defined]
    return textwrap.dedent("\n".join(lines))
