"""IPython's magics and shell commands in a body, as Python that runs without IPython.

Alone knows which magics a body may use. Gets what IPython's transformer made of them: calls of ``get_ipython()``.
Knows no values: what a command interpolates becomes an f-string, so that its names are read like any others.

A body that is rewritten calls three functions, which the worker puts among the builtins:

``__nbflow_system__(command, expand=None)``
    runs a shell command; its output is the task's;
``__nbflow_getoutput__(command, expand=None)``
    runs one and returns its output as a list of lines;
``__nbflow_time__()``
    returns a started clock, which is a context manager and can be called with a value, which it returns; both print
    the time taken.

`expand` is a function of no arguments that returns the command with its names filled in; if it raises, the command runs
as it is written, which is IPython's rule.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from string import Formatter

from nbflow.errors import DeclarationError

SYSTEM = "__nbflow_system__"
GETOUTPUT = "__nbflow_getoutput__"
TIMER = "__nbflow_time__"
HELPERS = frozenset({SYSTEM, GETOUTPUT, TIMER})
"""Names that the worker provides to rewritten bodies."""

_CALLS = {"system": SYSTEM, "getoutput": GETOUTPUT}
_WAY_OUT = "Put it in a plain cell above, or run the process in the kernel with `#| executor: inline`"
# IPython's own pattern: a dollar inside single quotes is the shell's.
_DOLLAR = re.compile(r"(.*?)\$(\$?[\w\.]+)(?=([^']*'[^']*')*[^']*$)", re.DOTALL)


def is_timer(node: ast.AST) -> bool:
    """Whether a node is the call that starts a ``%time`` clock."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == TIMER


def portable(text: str) -> str:
    """Rewrite the calls that IPython's transformer made of magics and shell commands.

    Parameters
    ----------
    text : str
        Python, as IPython's transformer returns it.

    Returns
    -------
    str
        Python whose statements stand on the same lines, but for those of a ``%time`` of a compound statement.

    Raises
    ------
    SyntaxError
        When the text is not Python.
    DeclarationError
        When it uses a magic that has no meaning in a process of its own.
    """
    if "get_ipython()" not in text:
        return text
    tree = ast.parse(text)
    if len(tree.body) == 1:
        inner = _timed_cell(tree.body[0])
        if inner is not None:
            return portable("\n" + inner)
    edits = [edit for statement in ast.walk(tree) for edit in _edits(statement)]
    return _apply(text, edits)


def _timed_cell(statement: ast.stmt) -> str | None:
    """The text under ``%%time``; the line that nbflow shows has the time already."""
    call = _magic_call(statement.value) if isinstance(statement, ast.Expr) else None
    if call is None or call[0] != "run_cell_magic" or call[1][0] != "time":
        return None
    return call[1][2]


def _magic_call(node: ast.AST | None) -> tuple[str, list[str]] | None:
    """The method and constant arguments of a ``get_ipython().method(...)`` call."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    shell = node.func.value
    if not (isinstance(shell, ast.Call) and isinstance(shell.func, ast.Name) and shell.func.id == "get_ipython"):
        return None
    constants = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
    arguments = [constant for constant in constants if isinstance(constant, str)]
    return (node.func.attr, arguments) if len(arguments) == len(node.args) else None


def _edits(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    """The pieces of text to replace: a statement as a whole before the call inside it."""
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            call = _magic_call(child)
            if call is not None:
                yield (
                    child,
                    _replacement(call, child.lineno, is_statement=isinstance(node, ast.Expr) and field == "value"),
                )


def _replacement(call: tuple[str, list[str]], line: int, *, is_statement: bool) -> str:
    method, arguments = call
    if method in _CALLS:
        return _command(_CALLS[method], arguments[0])
    magic = arguments[0] if arguments else method
    if method == "run_line_magic" and magic == "time":
        return _timed(arguments[1], line, is_statement=is_statement)
    if method == "run_line_magic" and magic == "matplotlib" and is_statement:
        return "pass"  # figures are captured in any case
    sign = "%%" if method == "run_cell_magic" else "%"
    raise DeclarationError(
        f"a process cannot use the magic {sign}{magic}: it runs without IPython. {_WAY_OUT}", line=line
    )


def _timed(code: str, line: int, *, is_statement: bool) -> str:
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        raise DeclarationError(f"%time needs a Python statement, not {code!r}. {_WAY_OUT}", line=line) from error
    if len(tree.body) == 1 and isinstance(tree.body[0], ast.Expr):
        return f"{TIMER}()({ast.unparse(tree.body[0].value)})"
    if not is_statement:
        raise DeclarationError(f"%time has no value to assign in {code!r}. Time an expression", line=line)
    if any(hasattr(statement, "body") for statement in tree.body):
        raise DeclarationError(
            f"%time cannot time the compound statement {code!r}. Start the body with %%time", line=line
        )
    return f"with {TIMER}(): {'; '.join(ast.unparse(statement) for statement in tree.body)}"


def _command(function: str, command: str) -> str:
    expanded = _expanded(command)
    return f"{function}({command!r})" if expanded is None else f"{function}({command!r}, lambda: {expanded})"


def _expanded(command: str) -> str | None:
    """The command as the text of an f-string; None when it interpolates nothing, or something that is not Python."""
    try:
        pieces = list(_pieces(command))
    except (SyntaxError, ValueError):
        return None
    if [kind for kind, _ in pieces if kind == "code"] == [] and "".join(text for _, text in pieces) == command:
        return None
    return "''.join((" + "".join(f"{_piece(kind, text)}, " for kind, text in pieces) + "))"


def _piece(kind: str, text: str) -> str:
    return repr(text) if kind == "text" else f"format({text})"


def _pieces(command: str) -> Iterator[tuple[str, str]]:
    """Split as IPython does: `{expression}` anywhere, `$name` outside single quotes, `$$` for a dollar."""
    for literal, expression, spec, conversion in Formatter().parse(command):
        yield from _dollars(literal)
        if expression is not None:
            code = f"{expression}:{spec}" if spec else expression
            ast.parse(code, mode="eval")
            yield "code", f"({code})" if conversion is None else f"f'{{({code})!{conversion}}}'"


def _dollars(literal: str) -> Iterator[tuple[str, str]]:
    start = 0
    for match in _DOLLAR.finditer(literal):
        before, name = match.group(1, 2)
        start = match.end()
        if name.startswith("$"):
            yield "text", before + name
        else:
            yield "text", before
            ast.parse(name, mode="eval")
            yield "code", name
    yield "text", literal[start:]


def _apply(text: str, edits: list[tuple[ast.expr, str]]) -> str:
    lines = [line.encode() for line in text.splitlines(keepends=True)]
    for node, new in sorted(edits, key=lambda edit: (edit[0].lineno, edit[0].col_offset), reverse=True):
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        first, last = node.lineno - 1, node.end_lineno - 1
        tail = lines[last][node.end_col_offset :]
        padding = b"\n" * (last - first)
        lines[first : last + 1] = [lines[first][: node.col_offset] + new.encode() + padding + tail]
    return b"".join(lines).decode()
