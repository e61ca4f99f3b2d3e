"""A process as the plain function that it is inside another body.

Writes text only; whoever has the namespace compiles it.
"""

from __future__ import annotations

import ast

from nbflow.core.declaration.line import Declaration
from nbflow.core.declaration.process import Process


def function_text(process: Process) -> str:
    """The text of a function that does what the body does and returns its outputs.

    Parameters
    ----------
    process : Process
        With a Python body; a script's function, and that of a body with a star import, says that it cannot be called.
    """
    why_not = _why_not(process)
    if why_not:
        message = f"{why_not}, so process {process.name} cannot be called inside a body; call it in a cell, and pass its outputs in"
        return f"def {process.name}(*args, **kwargs):\n    raise RuntimeError({message!r})\n"
    assert process.body is not None
    keyword = "async def" if process.body.is_async else "def"
    header = f"{keyword} {process.name}({_parameters(process.declaration)}): ..."
    function = ast.parse(header).body[0]
    assert isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef))
    # As a tree: indenting lines of text would change the strings that go over several.
    body = [statement for statement in process.body.tree.body if not _is_future(statement)]
    function.body = [*body, *ast.parse(_return(process)).body]
    return ast.unparse(function) + "\n"


def _is_future(statement: ast.stmt) -> bool:
    """Whether it is a future statement: it holds for a whole file, and whoever compiles the function has its flags."""
    return isinstance(statement, ast.ImportFrom) and statement.module == "__future__"


def _why_not(process: Process) -> str:
    if process.body is None:
        return "a script is not a function"
    stars = (node for node in ast.walk(process.body.tree) if isinstance(node, ast.ImportFrom))
    return "a function cannot import *" if any(node.names[0].name == "*" for node in stars) else ""


def _parameters(declaration: Declaration) -> str:
    """The header without types and defaults: those were evaluated once, at the declaration."""
    if not declaration.inputs:
        return ""
    text = ast.parse(f"def f({declaration.parameters}): ...").body[0]
    assert isinstance(text, ast.FunctionDef)
    arguments = text.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        argument.annotation = None
    arguments.defaults, arguments.kw_defaults = [], [None] * len(arguments.kwonlyargs)
    return ast.unparse(arguments)


def _return(process: Process) -> str:
    body = process.body
    assert body is not None
    names = body.binds if process.outputs is None else tuple(output.name for output in process.outputs)
    if len(names) == 1:
        return f"return {names[0]}"
    record = "__import__('nbflow.core.record', fromlist=['make_record']).make_record"
    values = "".join(f"{name}, " for name in names)
    return f"return {record}({process.name!r}, {names!r}, ({values}))" if names else "return None"
