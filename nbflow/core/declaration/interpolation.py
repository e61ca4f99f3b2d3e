"""Text with ``{expression}`` parts, as in an f-string: what it reads, and what it says once the values are known.

Alone decides where an expression begins and ends, and what stays text. It evaluates the expressions that the user wrote,
in the namespace that it is given, and knows neither directives nor outputs.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType

from nbflow.errors import DeclarationError, InputError

_BUILTINS = frozenset(dir(builtins))
_CONVERSIONS: dict[str, Callable[[object], str]] = {"s": str, "r": repr, "a": ascii}
_STRING = re.compile(
    r"(?:[rRbBuU]{0,2})(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\")",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Field:
    """One ``{...}``: its source, what its expression reads, its code, ``!r`` and ``:spec``."""

    source: str
    reads: frozenset[str]
    code: CodeType
    conversion: str
    spec: tuple[str | Field, ...]


def names(text: str) -> frozenset[str]:
    """Names that the expressions of a text read; builtins among them, since an input may be called ``id``.

    Parameters
    ----------
    text : str
        As in ``"{4 * task.attempt} GB"``.

    Raises
    ------
    DeclarationError
        If an expression is not closed or not Python.
    """
    return names_of(_parse(text))


def render(text: str, namespace: Mapping[str, object]) -> str:
    """The text with each ``{expression}`` replaced by its value; ``{{`` and ``}}`` stand for braces.

    Raises
    ------
    DeclarationError
        If an expression is not closed or not Python.
    InputError
        If an expression reads a name that is not there, or fails.
    """
    return _render(_parse(text), text, namespace)


def evaluate(text: str, namespace: Mapping[str, object]) -> object:
    """The value itself if the text is one lone ``{expression}``, else the rendered text.

    Raises
    ------
    DeclarationError, InputError
        As `render`.
    """
    pieces = _parse(text)
    match pieces:
        case (Field(conversion="", spec=()) as field,):
            return _value(field, text, namespace)
    return _render(pieces, text, namespace)


@lru_cache(maxsize=1024)
def _parse(text: str, depth: int = 0) -> tuple[str | Field, ...]:
    return tuple(_split(text, depth))


def _split(text: str, depth: int) -> Iterator[str | Field]:
    at = 0
    plain = ""
    while at < len(text):
        if text[at : at + 2] in ("{{", "}}"):
            plain, at = plain + text[at], at + 2
        elif text[at] == "{":
            if plain:
                yield plain
            field, at = read_field(text, at, depth)
            plain = ""
            yield field
        elif text[at] == "}":
            raise DeclarationError(f"a single `}}` in `{text}`; write `}}}}` for the character itself")
        else:
            plain, at = plain + text[at], at + 1
    if plain:
        yield plain


def read_field(text: str, start: int, depth: int) -> tuple[Field, int]:
    """The ``{...}`` that begins at `start`, inside as many others as `depth`, and where it ends.

    Raises
    ------
    DeclarationError
        If it is not closed or not Python.
    """
    if depth > 1:
        raise DeclarationError(f"`{text}` nests expressions too deeply; compute the text in a cell above")
    at, marks = scan(text, start + 1, "!:}")
    expression, conversion, spec = text[start + 1 : at], "", ""
    if marks == "!":
        conversion, at = text[at + 1 : at + 2], at + 2
        if conversion not in _CONVERSIONS or text[at : at + 1] not in (":", "}"):
            raise DeclarationError(f"`!` in `{text}` must be followed by r, s or a, as in `{{x!r}}`")
    if text[at] == ":":
        end = _spec_end(text, at + 1)
        spec, at = text[at + 1 : end], end
    node = _expression(expression, text)
    code = compile(ast.Expression(node), "<option>", "eval")
    return Field(text[start : at + 1], _free(node), code, conversion, _parse(spec, depth + 1)), at + 1


def scan(text: str, at: int, stops: str) -> tuple[int, str]:
    """Where the expression ends: the first of `stops` outside brackets and quotes."""
    depth = 0
    while at < len(text):
        string = _STRING.match(text, at)
        character = text[at]
        if string and (string[0][0] in "'\"" or not (text[at - 1].isalnum() or text[at - 1] == "_")):
            at = string.end()
            continue
        if depth == 0 and character in stops and not text.startswith("!=", at):
            return at, character
        depth += (character in "([{") - (character in ")]}")
        at += 2 if text.startswith("!=", at) else 1
    raise DeclarationError(
        f"`{{` is not closed in `{text}`; close it with `}}`, or write `{{{{` for the character itself"
    )


def _spec_end(text: str, at: int) -> int:
    depth = 0
    for index in range(at, len(text)):
        if text[index] == "}" and depth == 0:
            return index
        depth += (text[index] == "{") - (text[index] == "}")
    raise DeclarationError(f"`{{` is not closed in `{text}`; close it with `}}`")


def _expression(source: str, text: str) -> ast.expr:
    try:
        node = ast.parse(f"({source.strip() or '*'}\n)", mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise DeclarationError(
            f"`{{{source}}}` in `{text}` is not a Python expression; write `{{{{` and `}}}}` for the characters themselves"
        ) from error
    for inner in ast.walk(node):
        if isinstance(inner, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)):
            raise DeclarationError(f"`{{{source}}}` in `{text}` must not use `:=`, `await` or `yield`")
    return node


def _value(field: Field, text: str, namespace: Mapping[str, object]) -> object:
    known = {name: namespace[name] for name in field.reads if name in namespace}
    missing = field.reads - known.keys() - _BUILTINS
    if missing:
        name = min(missing)
        raise InputError(f"`{name}` in `{text}` is not known here; it knows {_list(namespace)}", name=name)
    try:
        # One dict for globals and locals, else a comprehension or lambda would not see the names.
        return eval(field.code, {**known, "__builtins__": builtins})
    except Exception as error:
        raise InputError(f"`{field.source}` in `{text}` failed: {type(error).__name__}: {error}") from error


def formatted(field: Field, text: str, namespace: Mapping[str, object]) -> str:
    """What a ``{...}`` of a text says.

    Raises
    ------
    InputError
        If its expression reads a name that is not there, or fails.
    """
    value = _value(field, text, namespace)
    if field.conversion:
        value = _CONVERSIONS[field.conversion](value)
    try:
        return format(value, _render(field.spec, text, namespace))
    except (TypeError, ValueError) as error:
        raise InputError(f"`{field.source}` in `{text}` cannot be formatted: {error}") from error


def _render(pieces: tuple[str | Field, ...], text: str, namespace: Mapping[str, object]) -> str:
    return "".join(piece if isinstance(piece, str) else formatted(piece, text, namespace) for piece in pieces)


def names_of(pieces: tuple[str | Field, ...]) -> frozenset[str]:
    """Names that the expressions in a text read."""
    found: frozenset[str] = frozenset()
    for piece in pieces:
        if isinstance(piece, Field):
            found |= piece.reads | names_of(piece.spec)
    return found


def _free(node: ast.AST) -> frozenset[str]:
    """Names that an expression reads from outside: not the variables of its own comprehensions and lambdas."""
    if isinstance(node, ast.Name):
        return frozenset((node.id,))
    inner: frozenset[str] = frozenset().union(*(_free(child) for child in ast.iter_child_nodes(node)))
    if isinstance(node, ast.Lambda):
        own = {argument.arg for argument in ast.walk(node.args) if isinstance(argument, ast.arg)}
        outside = [default for default in (*node.args.defaults, *node.args.kw_defaults) if default is not None]
        return (inner - own).union(*(_free(default) for default in outside))
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
        own = {name.id for part in node.generators for name in ast.walk(part.target) if isinstance(name, ast.Name)}
        return (inner - own) | _free(node.generators[0].iter)
    return inner


def _list(namespace: Mapping[str, object]) -> str:
    shown = sorted(name for name in namespace if not name.startswith("_"))
    return ", ".join(f"`{name}`" for name in shown[:12]) + (", ..." if len(shown) > 12 else "") if shown else "no names"
