"""Makes the object that a process's name is bound to.

Alone compiles the function that a process is inside another body: it needs the namespace that the function reads.
"""

from __future__ import annotations

import ast
import inspect
import linecache
from types import FunctionType
from typing import Any

from nbflow.core.declaration.function_form import function_text
from nbflow.core.declaration.process import Process
from nbflow.execution.calls.bound import BoundProcess, Desk


def bind_process(process: Process, signature: inspect.Signature, namespace: dict[str, Any], desk: Desk) -> BoundProcess:
    """Bind a process to the session that it runs in.

    Parameters
    ----------
    process : Process
        What was declared.
    signature : inspect.Signature
        Its parameters, defaults and types evaluated.
    namespace : dict
        The notebook's.
    desk : Desk
        The session.
    """
    return BoundProcess(process, signature, _function(process, signature, namespace), desk)


def _function(process: Process, signature: inspect.Signature, namespace: dict[str, Any]) -> FunctionType:
    text = function_text(process)
    filename = f"<process {process.name} {hash(text):x}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    made: dict[str, Any] = {}
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | (process.body.flags if process.body is not None else 0)
    exec(compile(text, filename, "exec", flags, dont_inherit=True), namespace, made)
    function: FunctionType = made[process.name]
    defaults = [
        p.default for p in signature.parameters.values() if p.default is not p.empty and p.kind is not p.KEYWORD_ONLY
    ]
    function.__defaults__ = tuple(defaults) or None
    keyword = {
        p.name: p.default
        for p in signature.parameters.values()
        if p.default is not p.empty and p.kind is p.KEYWORD_ONLY
    }
    function.__kwdefaults__ = keyword or None
    return function
