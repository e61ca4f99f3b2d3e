"""The signature of a process: the ``%%process`` line.

Alone reads declarations, with Python's own grammar, and says what may be named what. Knows nothing of bodies, of
directives, or of how outputs are collected.
"""

from __future__ import annotations

import ast
import inspect
import io
import keyword
import re
import tokenize
from dataclasses import dataclass

from nbflow.core.declaration.outputs import Output, parse_output
from nbflow.errors import DeclarationError

FORMS = "`name`, `name -> output, ...` or `name(input, ...) -> output, ...`"

_KINDS = {
    "posonlyargs": inspect.Parameter.POSITIONAL_ONLY,
    "args": inspect.Parameter.POSITIONAL_OR_KEYWORD,
    "kwonlyargs": inspect.Parameter.KEYWORD_ONLY,
}


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a process.

    Attributes
    ----------
    name : str
        The parameter's name.
    annotation, default : str or None
        Python text, evaluated once, at the declaration.
    kind : inspect._ParameterKind
        Positional-only, positional-or-keyword or keyword-only.
    """

    name: str
    annotation: str | None = None
    default: str | None = None
    kind: inspect._ParameterKind = inspect.Parameter.POSITIONAL_OR_KEYWORD


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a ``%%process`` line declares.

    Attributes
    ----------
    name : str
        The process name.
    inputs : tuple of Input, or None
        None without a parameter list: the cell runs at once.
    outputs : tuple of Output, or None
        None without ``->``: the outputs are found. Empty after ``-> None``: there are none.
    """

    name: str
    inputs: tuple[Input, ...] | None = None
    outputs: tuple[Output, ...] | None = None

    @property
    def parameters(self) -> str | None:
        """The parameter list as Python text; None if there is none."""
        return None if self.inputs is None else _parameters_text(self.inputs)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the parameters, in order."""
        return tuple(item.name for item in self.inputs or ())


def parse_line(line: str) -> Declaration:
    """Read what follows ``%%process`` and its flags.

    Parameters
    ----------
    line : str
        As in ``train -> model, accuracy`` or ``fit(trees: int, *, depth: int = 3) -> score: float``.

    Returns
    -------
    Declaration

    Raises
    ------
    DeclarationError
        If it is no declaration, or a name cannot be used; the text says what to write instead.
    """
    head, tail = _split_arrow(line.strip())
    name, parameters = _split_head(head)
    inputs = None if parameters is None else parse_inputs(parameters, name)
    outputs = None if tail is None else parse_outputs(tail, name)
    return checked(Declaration(name, inputs, outputs))


def _split_arrow(line: str) -> tuple[str, str | None]:
    """The text before and after ``->``; a comment at the end is cut off."""
    depth, arrow, end = 0, None, len(line)
    for token in _tokens(line):
        if token.type == tokenize.COMMENT:
            end = token.start[1]
        if token.type != tokenize.OP:
            continue
        depth += (token.string in "([{") - (token.string in ")]}")
        if depth < 0:
            raise DeclarationError(f"`{token.string}` is never opened in `%%process {line}`")
        if token.string == "->" and depth == 0:
            if arrow is not None:
                raise DeclarationError(f"two `->` in `%%process {line}`; list the outputs with commas")
            arrow = token.start[1]
    if arrow is None:
        return line[:end].strip(), None
    return line[:arrow].strip(), line[arrow + 2 : end].strip()


def _tokens(line: str) -> list[tokenize.TokenInfo]:
    hidden = next((character for character in line if not (character.isprintable() or character == "\t")), None)
    if hidden is not None:
        raise DeclarationError(f"`%%process {line!a}` has the invisible character {hidden!a}; take it out")
    try:
        return list(tokenize.generate_tokens(io.StringIO(line).readline))
    except (tokenize.TokenError, SyntaxError) as error:
        reason = str(error.args[0])
        raise DeclarationError(f"`%%process {line}` is not closed or not Python: {reason}") from error


def _split_head(head: str) -> tuple[str, str | None]:
    if head.startswith("-"):
        raise DeclarationError(f"unknown flag `{head.split(maxsplit=1)[0]}`; `%%process --rerun name` is the only one")
    match = re.fullmatch(r"([^\s(]+)\s*(?:\((.*)\))?", head, re.DOTALL)
    if match is None:
        raise DeclarationError(f"`%%process {head}`".replace(" `", "`") + f" is no declaration; write {FORMS}")
    name = match[1]
    if not name.isidentifier() or keyword.iskeyword(name):
        raise DeclarationError(f"`{name}` cannot name a process; write `{_identifier(name)}`")
    if name == "task":
        raise DeclarationError("`task` cannot name a process: bodies read it for cpus, memory and the rest")
    if name == "channel":
        raise DeclarationError("`channel` cannot name a process: cells make channels with it, as in `channel.of(1, 2)`")
    return name, match[2]


def _identifier(name: str) -> str:
    proposed = re.sub(r"\W", "_", name).strip("_") or "process"
    return f"{proposed}_" if keyword.iskeyword(proposed) else f"p{proposed}" if proposed[0].isdigit() else proposed


def parse_inputs(parameters: str, name: str) -> tuple[Input, ...]:
    """Read a parameter list of a process."""
    source = f"def {name}({parameters}): pass"
    arguments = _arguments(source, f"`{name}({parameters})`")
    if arguments is None:
        raise DeclarationError(f"`{name}({parameters})` is not a Python parameter list, as in `{name}(a, b: int = 3)`")
    for star, found in (("*", arguments.vararg), ("**", arguments.kwarg)):
        if found is not None:
            raise DeclarationError(f"`{star}{found.arg}` of `{name}` is not possible; name each input")
    return _inputs(arguments, source)


def _inputs(arguments: ast.arguments, source: str) -> tuple[Input, ...]:
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults) + arguments.kw_defaults
    kinds = [kind for group, kind in _KINDS.items() for _ in getattr(arguments, group)]
    return tuple(
        Input(argument.arg, _text(argument.annotation, source), _text(default, source), kind)
        for argument, default, kind in zip([*positional, *arguments.kwonlyargs], defaults, kinds, strict=True)
    )


def _arguments(source: str, shown: str) -> ast.arguments | None:
    """The parameter list of a one-line ``def``; None if it is no single ``def``."""
    try:
        body = ast.parse(source).body
    except ValueError:
        return None
    except SyntaxError as error:
        if "argument" in error.msg or "parameter" in error.msg:
            raise DeclarationError(f"{shown}: {error.msg}") from error
        return None
    match body:
        case [ast.FunctionDef(args=arguments, returns=None)]:
            return arguments
    return None


def _text(node: ast.expr | None, source: str) -> str | None:
    return None if node is None else ast.get_source_segment(source, node)


def parse_outputs(text: str, name: str) -> tuple[Output, ...]:
    """Read what stands after the arrow of a process."""
    if text == "None":
        return ()
    if not text:
        raise DeclarationError(f"no output after `->` of `{name}`; name one, or write `-> None`, or leave `->` out")
    # Keyword-only parameters have the grammar of outputs: an annotation, a source, in any order.
    source = f"def {name}(*, {text}): pass"
    arguments = _arguments_of_outputs(source, text)
    for argument in arguments.kwonlyargs:
        if isinstance(argument.annotation, ast.Call):
            shown = _text(argument.annotation, source)
            raise DeclarationError(
                f"output `{argument.arg}: {shown}` has no type; a source stands after `=`: write `{argument.arg} = {shown}`"
            )
    return tuple(
        parse_output(argument.arg, _text(argument.annotation, source), default)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    )


def _arguments_of_outputs(source: str, text: str) -> ast.arguments:
    unnamed = _unnamed(text)
    if unnamed is not None:
        raise DeclarationError(f"output `{unnamed}` has no name; write `name = {unnamed}`")
    try:
        arguments = _arguments(source, f"`-> {text}`")
    except DeclarationError:
        arguments = None
    if arguments is None or arguments.args or arguments.posonlyargs or arguments.vararg or arguments.kwarg:
        raise DeclarationError(
            f"`-> {text}` is no list of outputs; write names with commas, each `name`, `name: Type` or "
            '`name: Type = file("*.txt")`'
        )
    return arguments


def _unnamed(text: str) -> str | None:
    """The first output that is an expression instead of a name, if Python can read the text as arguments of a call."""
    try:
        call = ast.parse(f"_({text})", mode="eval").body
    except (SyntaxError, ValueError):
        return None
    arguments = call.args if isinstance(call, ast.Call) else []
    return next((ast.unparse(item) for item in arguments if not isinstance(item, (ast.Name, ast.Starred))), None)


def checked(declaration: Declaration) -> Declaration:
    """The declaration, if its names can be used.

    Raises
    ------
    DeclarationError
        If one cannot.
    """
    _check_names(declaration.input_names, f"input of `{declaration.name}`")
    outputs = tuple(output.name for output in declaration.outputs or ())
    _check_names(outputs, f"output of `{declaration.name}`")
    for name in outputs:
        if name.startswith("_"):
            raise DeclarationError(f"output `{name}`: names with a leading `_` are private; write `{name.strip('_')}`")
        if declaration.inputs is None and name == declaration.name:
            raise DeclarationError(
                f"output `{name}` has the name of its process, and both would be bound in the notebook; rename one, "
                f"as in `%%process make_{name} -> {name}`"
            )
    return declaration


def _check_names(names: tuple[str, ...], what: str) -> None:
    for name in names:
        if names.count(name) > 1:
            raise DeclarationError(f"`{name}` is twice an {what}; rename one")
        if name == "task":
            raise DeclarationError(f"`task` cannot be an {what}: bodies read it for cpus, memory and the rest")


def _parameters_text(inputs: tuple[Input, ...]) -> str:
    pieces, before = [], None
    for item in inputs:
        if before is inspect.Parameter.POSITIONAL_ONLY is not item.kind:
            pieces.append("/")
        if item.kind is inspect.Parameter.KEYWORD_ONLY is not before:
            pieces.append("*")
        before = item.kind
        annotation = f": {item.annotation}" if item.annotation else ""
        default = f" = {item.default}" if item.annotation else f"={item.default}"
        pieces.append(item.name + annotation + (default if item.default else ""))
    return ", ".join([*pieces, "/"] if before is inspect.Parameter.POSITIONAL_ONLY else pieces)
