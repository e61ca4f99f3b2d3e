"""Text with ``{expression}`` parts, as in an f-string: what it reads, and what it says once the values are known.

Alone decides where an expression begins and ends, and what stays text. It evaluates the expressions that the user wrote,
in the namespace that it is given, and knows neither directives nor outputs.
"""

from __future__ import annotations

import ast
import builtins
import glob
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from types import CodeType

from nbflow.errors import DeclarationError, InputError

_BUILTINS = frozenset(dir(builtins))
_CONVERSIONS: dict[str, Callable[[object], str]] = {"s": str, "r": repr, "a": ascii}
_STRING = re.compile(
    r"(?:[rRbBuU]{0,2})(?:'''(?:\\.|[^\\])*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\")",
    re.DOTALL,
)
_MARK = re.compile("\0(\\d+)\0")
_LEADING_NAME = re.compile(r"\s*([^\W\d]\w*)")


@dataclass(frozen=True, slots=True)
class _Field:
    """One ``{...}``: its source, what its expression reads, its code, ``!r`` and ``:spec``."""

    source: str
    reads: frozenset[str]
    code: CodeType
    conversion: str
    spec: tuple[str | _Field, ...]


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
    return _names_of(_parse(text))


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
        case (_Field(conversion="", spec=()) as field,):
            return _value(field, text, namespace)
    return _render(pieces, text, namespace)


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
        if isinstance(piece, _Field):
            marked += f"\0{len(values)}\0"
            values.append(glob.escape(_format(piece, text, namespace)))
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
    return _names_of(_split_glob(text, inputs | {"task"}))


@lru_cache(maxsize=1024)
def _parse(text: str, depth: int = 0) -> tuple[str | _Field, ...]:
    return tuple(_split(text, depth))


def _split(text: str, depth: int) -> Iterator[str | _Field]:
    at = 0
    plain = ""
    while at < len(text):
        if text[at : at + 2] in ("{{", "}}"):
            plain, at = plain + text[at], at + 2
        elif text[at] == "{":
            if plain:
                yield plain
            field, at = _field(text, at, depth)
            plain = ""
            yield field
        elif text[at] == "}":
            raise DeclarationError(f"a single `}}` in `{text}`; write `}}}}` for the character itself")
        else:
            plain, at = plain + text[at], at + 1
    if plain:
        yield plain


def _field(text: str, start: int, depth: int) -> tuple[_Field, int]:
    if depth > 1:
        raise DeclarationError(f"`{text}` nests expressions too deeply; compute the text in a cell above")
    at, marks = _scan(text, start + 1, "!:}")
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
    return _Field(text[start : at + 1], _free(node), code, conversion, _parse(spec, depth + 1)), at + 1


def _scan(text: str, at: int, stops: str) -> tuple[int, str]:
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


def _value(field: _Field, text: str, namespace: Mapping[str, object]) -> object:
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


def _format(field: _Field, text: str, namespace: Mapping[str, object]) -> str:
    value = _value(field, text, namespace)
    if field.conversion:
        value = _CONVERSIONS[field.conversion](value)
    try:
        return format(value, _render(field.spec, text, namespace))
    except (TypeError, ValueError) as error:
        raise InputError(f"`{field.source}` in `{text}` cannot be formatted: {error}") from error


def _render(pieces: tuple[str | _Field, ...], text: str, namespace: Mapping[str, object]) -> str:
    return "".join(piece if isinstance(piece, str) else _format(piece, text, namespace) for piece in pieces)


def _names_of(pieces: tuple[str | _Field, ...]) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for piece in pieces:
        if isinstance(piece, _Field):
            found |= piece.reads | _names_of(piece.spec)
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


@lru_cache(maxsize=1024)
def _split_glob(text: str, known: frozenset[str]) -> tuple[str | _Field, ...]:
    """Interpolated fields and the glob text between them."""
    pieces: list[str | _Field] = []
    at = start = 0
    while at < len(text):
        lead = _LEADING_NAME.match(text, at + 1) if text[at] == "{" else None
        if lead and lead[1] in known and not _is_alternatives(text, at):
            plain = text[start:at]
            field, at = _field(text, at, 0)
            start = at
            pieces += [plain, field]
        else:
            at += 1
    return (*pieces, text[start:])


def _is_alternatives(text: str, start: int) -> bool:
    """Whether the braces hold a list, as in ``{a,b}``: even where ``a`` is an input."""
    _, mark = _scan(text, start + 1, "!:},")
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
