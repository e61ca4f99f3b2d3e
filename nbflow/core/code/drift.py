"""Drift: whether the kernel's copy of a local module still is what its file says.

Alone compares loaded modules with files. Imports nothing; a module that is not loaded cannot differ.
"""

from __future__ import annotations

import ast
import sys
from functools import lru_cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

from nbflow.core.code.definitions import code_object_bytes
from nbflow.core.code.modules import LocalFile


def drifted(file: LocalFile) -> bool:
    """Whether functions, methods or literal constants of the loaded module differ from those of its file.

    Parameters
    ----------
    file : LocalFile
        A file of a local module.

    Returns
    -------
    bool
        False also where nothing can be compared.
    """
    module = sys.modules.get(file.module)
    if module is None or file.tree is None:
        return False
    expected = _functions_of(file)
    for qualname, code in _loaded_functions(module):
        if expected.get(qualname, code) != code:
            return True
    loaded = {qualname for qualname, _ in _loaded_functions(module)}
    if any("." not in qualname and qualname not in loaded and not hasattr(module, qualname) for qualname in expected):
        return True
    return any(_differs(module, name, value) for name, value in _literals(file.tree).items())


def _differs(module: ModuleType, name: str, value: Any) -> bool:
    found = getattr(module, name, None)
    return type(found) is not type(value) or repr(found) != repr(value)


def _loaded_functions(module: ModuleType) -> list[tuple[str, bytes]]:
    """Functions under their own names and methods of classes, as they are now."""
    found = []
    for name, value in list(vars(module).items()):
        if isinstance(value, FunctionType):
            found.append((name, code_object_bytes(value.__code__)))
        elif isinstance(value, type) and value.__module__ == module.__name__:
            methods = [(key, getattr(item, "__func__", item)) for key, item in vars(value).items()]
            found += [
                (f"{name}.{key}", _bytes(item.__code__)) for key, item in methods if isinstance(item, FunctionType)
            ]
    return found


@lru_cache(maxsize=4096)
def _bytes(code: CodeType) -> bytes:
    return code_object_bytes(code)


def _functions_of(file: LocalFile) -> dict[str, bytes]:
    return _compiled(file.path, file.content)


@lru_cache(maxsize=256)
def _compiled(path: str, content: bytes) -> dict[str, bytes]:
    """Top-level functions and methods of the file, by qualified name; those that decorators replace are left out."""
    with open(path, "rb") as file:
        source = file.read()
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    decorated = {node.name for node in nodes if node.decorator_list}
    found: dict[str, bytes] = {}
    twice: set[str] = set()
    for constant in compile(source, path, "exec", dont_inherit=True).co_consts:
        for code in (constant, *getattr(constant, "co_consts", ())) if isinstance(constant, CodeType) else ():
            if isinstance(code, CodeType) and not code.co_name.startswith("<") and "<locals>" not in code.co_qualname:
                twice |= {code.co_qualname} & found.keys()
                found[code.co_qualname] = _bytes(code)
    return {
        name: code for name, code in found.items() if name not in twice and name.rpartition(".")[2] not in decorated
    }


def _literals(tree: ast.Module) -> dict[str, Any]:
    """Names that are bound once, at the top level, to a literal: what the module holds if nothing changed it."""
    bound = [node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)]
    found = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            (target,) = statement.targets
            if (
                isinstance(target, ast.Name)
                and isinstance(statement.value, ast.Constant)
                and bound.count(target.id) == 1
            ):
                found[target.id] = statement.value.value
    return found
