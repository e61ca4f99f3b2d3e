"""What a process puts out: names, types and sources such as ``file("*.txt")``.

Alone knows the sources and their arguments. Knows nothing of the line they stand on, or of how outputs are collected.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Literal, cast

from nbflow.core.declaration.output_options import read_options
from nbflow.errors import DeclarationError

SourceKind = Literal["file", "files", "stdout", "env", "eval", "tuple", "record", "input"]

_EXAMPLES = {
    "file": 'file("result.txt")',
    "files": 'files("*.txt")',
    "stdout": "stdout()",
    "env": 'env("NAME")',
    "eval": 'eval("tool --version")',
    "tuple": 'tuple(id, file("result.txt"))',
    "record": 'record(id=id, result=file("result.txt"))',
}
_TYPES = {"file": "Path", "files": "list[Path]", "stdout": "str", "env": "str", "eval": "str", "tuple": "tuple"}
_PLAIN_TYPES = frozenset(("Path", "str", "int", "float", "bool", "bytes", "complex", "list", "tuple", "dict", "set"))
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class OutputSource:
    """Where an output comes from, if not from the variable of its name.

    Attributes
    ----------
    kind : str
        ``file``, ``files``, ``stdout``, ``env``, ``eval``, ``tuple`` or ``record`` as typed; ``input`` for an input in one
        of the last two.
    argument : str or None
        The glob, the variable's name, the command or the input; None for the others.
    options : mapping
        As in ``optional=True``.
    parts : tuple of Output
        What a tuple or record is made of: items of a tuple are called ``[0]``, ``[1]``, ...
    """

    kind: SourceKind
    argument: str | None = None
    options: Mapping[str, object] = field(default_factory=dict, hash=False)
    parts: tuple[Output, ...] = ()

    def leaves(self, name: str) -> Iterator[tuple[str, OutputSource]]:
        """The sources that it is made of, and how to call them; itself if it is no tuple or record."""
        if self.kind not in ("tuple", "record"):
            yield name, self
        for part in self.parts:
            assert part.source is not None
            yield from part.source.leaves(name + (part.name if part.name.startswith("[") else f".{part.name}"))


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a process: ``name[: annotation][= source]``."""

    name: str
    annotation: str | None = None
    source: OutputSource | None = None


def parse_output(name: str, annotation: str | None, source: ast.expr | None) -> Output:
    """Read one output.

    Parameters
    ----------
    name : str
        Its name.
    annotation : str or None
        Its type, as written.
    source : ast.expr or None
        What stands after its ``=``, as parsed by Python.

    Raises
    ------
    DeclarationError
        If that is no known source, its arguments cannot be used, or it gives another type.
    """
    output = Output(name, annotation, None if source is None else _source(name, source))
    _check_type(output)
    return output


def _source(name: str, node: ast.expr) -> OutputSource:
    match node:
        case ast.Call(func=ast.Name(id="tuple" | "record" as kind)):
            return OutputSource(cast(SourceKind, kind), parts=_parts(name, kind, node))
        case ast.Call(func=ast.Name(id=kind)) if kind in _EXAMPLES:
            argument = _argument(name, kind, node)
            return OutputSource(cast(SourceKind, kind), argument, read_options(name, kind, node))
    shown = ast.unparse(node)
    called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""
    near = difflib.get_close_matches(called, _EXAMPLES, 1)
    proposed = _EXAMPLES[near[0]] if near else " or ".join(_EXAMPLES.values())
    raise DeclarationError(f"output `{name} = {shown}` has no known source; write `{name} = {proposed}`")


def _parts(name: str, kind: str, call: ast.Call) -> tuple[Output, ...]:
    named: list[tuple[str | None, ast.expr]] = [(item.arg, item.value) for item in call.keywords]
    listed: list[tuple[str | None, ast.expr]]
    if kind == "tuple":
        listed = [(f"[{at}]", node) for at, node in enumerate(call.args)]
        fits = not named
    else:
        listed = [(node.id if isinstance(node, ast.Name) else None, node) for node in call.args] + named
        fits = all(field is not None and not field.startswith("_") for field, _ in listed)
    starred = any(isinstance(node, ast.Starred) for _, node in listed)
    if not fits or not listed or starred or len({field for field, _ in listed}) < len(listed):
        raise DeclarationError(
            f"output `{name} = {ast.unparse(call)}` must list what it is made of; write `{name} = {_EXAMPLES[kind]}`"
        )
    return tuple(_part(name, str(field), node) for field, node in listed)


def _part(name: str, field: str, node: ast.expr) -> Output:
    if isinstance(node, ast.Name):
        return Output(field, None, OutputSource("input", node.id))
    return Output(field, None, _source(f"{name}{field}" if field.startswith("[") else f"{name}.{field}", node))


def _argument(name: str, kind: str, call: ast.Call) -> str | None:
    if kind == "stdout":
        if call.args:
            raise DeclarationError(f"output `{name}`: stdout() takes no argument; write `{name} = stdout()`")
        return None
    match call.args:
        case [ast.Constant(value=str(text))] if text:
            return _checked_argument(name, kind, text)
        case [ast.JoinedStr()]:
            raise DeclarationError(
                f"output `{name}`: leave the f out; `{{...}}` in {kind}() is interpolated without it"
            )
    raise DeclarationError(f"output `{name}`: {kind}() takes one text, as in `{name} = {_EXAMPLES[kind]}`")


def _checked_argument(name: str, kind: str, text: str) -> str:
    if kind == "env" and not _VARIABLE.fullmatch(text):
        raise DeclarationError(f'output `{name}`: env("{text}") must name a variable, as in `{name} = env("NAME")`')
    if kind in ("file", "files"):
        path = PurePosixPath(text)
        if path.is_absolute() or ".." in path.parts:
            raise DeclarationError(
                f'output `{name}`: {kind}("{text}") lies outside the work directory; write a relative path, as in '
                f"`{name} = {_EXAMPLES[kind]}`"
            )
    return text


def _check_type(output: Output) -> None:
    """Refuse a type that the source never gives; what only Python can tell is not looked at."""
    source, annotation = output.source, (output.annotation or "").partition("[")[0].strip()
    if source is None or source.kind not in _TYPES or annotation not in _PLAIN_TYPES:
        return
    given = _TYPES[source.kind]
    if annotation != given.partition("[")[0]:
        raise DeclarationError(
            f"output `{output.name}: {output.annotation}`: {source.kind}() gives {given}; write `{output.name}: {given}`"
        )
