"""Annotations of functions and classes as bytes, and the names that they mention as text.

Alone reads annotations. Knows no namespaces: whoever walks from name to name (`walk`) looks the names up.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from types import FunctionType
from typing import Any, ForwardRef, Literal, Protocol, get_args, get_origin


class Walker(Protocol):
    """Who asks for the digest of a function or class, and follows what it leads to."""

    def value(self, value: object, name: str) -> bytes:
        """Digest a value that hangs on code."""

    def code(self, value: object) -> bytes:
        """Digest other code."""

    def follow(self, function: FunctionType) -> None:
        """Take note of a function whose code will run."""

    def named(self, owner: object, names: frozenset[str]) -> None:
        """Take note of names that the annotations of a function or class mention as text."""


def annotations_digest(owner: Any, walker: Walker) -> bytes:
    """Digest the annotations of a function or class, as values: what they name was looked up when it was defined."""
    try:
        found = owner.__annotations__ if isinstance(owner, FunctionType) else _class_annotations(owner)
    except NameError:  # from Python 3.14 on they are looked up late
        return walker.code(owner.__annotate__)
    walker.named(owner, frozenset(_forward_names((found or {}).values())))
    return walker.value(dict(found), f"annotations of {owner.__qualname__}") if found else b""


def _forward_names(annotations: Iterable[Any]) -> Iterator[str]:
    """Names inside annotations that are text: whoever reads those looks them up when it needs them."""
    for annotation in annotations:
        if get_origin(annotation) is Literal:
            continue
        written = annotation.__forward_arg__ if isinstance(annotation, ForwardRef) else annotation
        if isinstance(written, str):
            yield from _names_in(written)
        else:
            yield from _forward_names(get_args(annotation))


def _names_in(written: str) -> Iterator[str]:
    try:
        tree = ast.parse(written.strip(), mode="eval")
    except (SyntaxError, ValueError):
        return  # text for a reader, which nobody can evaluate
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _names_in(node.value)


def _class_annotations(cls: type) -> Any:
    if sys.version_info >= (3, 14):
        return cls.__annotations__
    return vars(cls).get("__annotations__")
