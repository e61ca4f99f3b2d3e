"""What a process puts out: names, types and sources such as ``file("*.txt")``.

Alone knows the sources and their arguments. Knows nothing of the line they stand on, or of how outputs are collected.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal, cast

from nbflow.errors import DeclarationError

SourceKind = Literal["file", "files", "stdout", "env", "eval"]

_OPTIONS: Mapping[str, Mapping[str, type]] = {
    "file": {"optional": bool},
    "files": {"optional": bool},
    "stdout": {},
    "env": {},
    "eval": {},
}
_EXAMPLES = {
    "file": 'file("result.txt")',
    "files": 'files("*.txt")',
    "stdout": "stdout()",
    "env": 'env("NAME")',
    "eval": 'eval("tool --version")',
}


@dataclass(frozen=True, slots=True)
class OutputSource:
    """Where an output comes from, if not from the variable of its name.

    Attributes
    ----------
    kind : {"file", "files", "stdout", "env", "eval"}
        As typed.
    argument : str or None
        The glob, the variable's name or the command; None for ``stdout()``.
    options : mapping
        As in ``optional=True``.
    """

    kind: SourceKind
    argument: str | None = None
    options: Mapping[str, object] = field(default_factory=dict, hash=False)

    @property
    def optional(self) -> bool:
        """Whether nothing found is no failure."""
        return bool(self.options.get("optional", False))


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a process: ``name[: annotation][= source]``."""

    name: str
    annotation: str | None = None
    source: OutputSource | None = None


def parse_source(name: str, node: ast.expr) -> OutputSource:
    """Read what stands after the ``=`` of an output.

    Parameters
    ----------
    name : str
        The output's, for errors.
    node : ast.expr
        As parsed by Python.

    Raises
    ------
    DeclarationError
        If it is no known source or its arguments cannot be used.
    """
    match node:
        case ast.Call(func=ast.Name(id=kind)) if kind in _OPTIONS:
            return OutputSource(cast(SourceKind, kind), _argument(name, kind, node), _options(name, kind, node))
    shown = ast.unparse(node)
    called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
    near = difflib.get_close_matches(called, _OPTIONS, 1)
    proposed = _EXAMPLES[near[0]] if near else " or ".join(_EXAMPLES.values())
    raise DeclarationError(f"output `{name} = {shown}` has no known source; write `{name} = {proposed}`")


def _argument(name: str, kind: str, call: ast.Call) -> str | None:
    if kind == "stdout":
        if call.args:
            raise DeclarationError(f"output `{name}`: stdout() takes no argument; write `{name} = stdout()`")
        return None
    match call.args:
        case [ast.Constant(value=str(text))] if text:
            return _inside(name, kind, text) if kind in ("file", "files") else text
        case [ast.JoinedStr()]:
            raise DeclarationError(
                f"output `{name}`: leave the f out; `{{...}}` in {kind}() is interpolated without it"
            )
    raise DeclarationError(f"output `{name}`: {kind}() takes one text, as in `{name} = {_EXAMPLES[kind]}`")


def _inside(name: str, kind: str, pattern: str) -> str:
    path = PurePosixPath(pattern)
    if path.is_absolute() or ".." in path.parts:
        raise DeclarationError(
            f'output `{name}`: {kind}("{pattern}") lies outside the work directory; write a relative path, as in '
            f"`{name} = {_EXAMPLES[kind]}`"
        )
    return pattern


def _options(name: str, kind: str, call: ast.Call) -> Mapping[str, object]:
    found: dict[str, object] = {}
    for item in call.keywords:
        if item.arg is None or item.arg not in _OPTIONS[kind]:
            known = ", ".join(f"`{option}`" for option in _OPTIONS[kind]) or "none"
            raise DeclarationError(f"output `{name}`: {kind}() has no option `{item.arg}` yet; it has {known}")
        if not isinstance(item.value, ast.Constant) or not isinstance(item.value.value, _OPTIONS[kind][item.arg]):
            raise DeclarationError(f"output `{name}`: `{item.arg}` must be True or False, as in `{item.arg}=True`")
        found[item.arg] = item.value.value
    return found
