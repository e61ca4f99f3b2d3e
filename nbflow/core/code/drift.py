"""Drift: whether the kernel's copy of a local module still is what its file says, and what was put into it from outside.

Alone compares loaded modules with files. Imports nothing; a module that is not loaded cannot differ.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

from nbflow.core.code.definitions import code_object_bytes
from nbflow.core.code.dispatchers import is_dispatcher
from nbflow.core.code.modules import LocalFile

_CONTAINERS = (dict, list, tuple, set, frozenset)
_MOST_ENTRIES = 1000
_LITERALS = (ast.Constant, ast.Dict, ast.List, ast.Tuple)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_CODE = (FunctionType, type)
_HOLDERS = (*_CONTAINERS, *_CODE)


class _Expected(NamedTuple):
    """What a module holds if nothing changed it: digests of functions by qualified name, literals by name."""

    functions: dict[str, bytes]
    literals: dict[str, str]


_expected: dict[bytes, _Expected] = {}


def drifted(file: LocalFile) -> bool:
    """Whether functions, methods or literals of the loaded module differ from those of its file.

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
    expected = _expected_of(file, file.tree)
    loaded = _loaded_functions(module)
    if any(expected.functions.get(qualname, code) != code for qualname, code in loaded.items()):
        return True
    if any("." not in name and name not in loaded and not hasattr(module, name) for name in expected.functions):
        return True
    return any(repr(getattr(module, name, None)) != written for name, written in expected.literals.items())


def code_from_elsewhere(name: str, *, heirs: bool = False) -> set[str]:
    """Name the modules whose functions and classes were put into a loaded module: into its containers and registries.

    Parameters
    ----------
    name : str
        Of the loaded module.
    heirs : bool
        Whether subclasses of its classes count as put into them.

    Returns
    -------
    set of str
        Names of modules, ``__main__`` for the notebook; without the module itself.
    """
    module = sys.modules.get(name)
    if module is None:
        return set()
    found = {name}
    for key, value in list(vars(module).items()):
        if isinstance(value, _HOLDERS) and key != "__builtins__":
            found.update(str(code.__module__) for code in _held_by(value, name, heirs))
    return found - {name}


def _held_by(value: Any, module: str, heirs: bool) -> Iterator[Any]:
    """Functions and classes inside a value of a module, one level deep, or inside its own classes."""
    if isinstance(value, _CONTAINERS):
        items = islice(tuple(value.values() if isinstance(value, dict) else value), _MOST_ENTRIES)
        yield from (item for item in items if isinstance(item, _CODE))
    elif is_dispatcher(value):
        yield from value.registry.values()
    elif isinstance(value, type) and value.__module__ == module:
        yield from type.__subclasses__(value) if heirs else ()
        for inner in list(vars(value).values()):
            if isinstance(inner, _CONTAINERS):
                yield from _held_by(inner, module, heirs)


def _loaded_functions(module: ModuleType) -> dict[str, bytes]:
    """Functions under their own names and methods of classes, as they are now."""
    found = {}
    for name, value in list(vars(module).items()):
        if isinstance(value, FunctionType):
            found[name] = _bytes(value.__code__)
        elif isinstance(value, type) and value.__module__ == module.__name__:
            for key, item in list(vars(value).items()):
                function = item.__func__ if isinstance(item, (staticmethod, classmethod)) else item
                if isinstance(function, FunctionType):
                    found[f"{name}.{key}"] = _bytes(function.__code__)
    return found


@lru_cache(maxsize=8192)
def _bytes(code: CodeType) -> bytes:
    return code_object_bytes(code)


def _expected_of(file: LocalFile, tree: ast.Module) -> _Expected:
    # By content: whatever path the same text has, it says the same.
    if file.content not in _expected:
        _expected[file.content] = _Expected(_functions_of(tree), _literals_of(tree))
    return _expected[file.content]


def _functions_of(tree: ast.Module) -> dict[str, bytes]:
    """Top-level functions and methods, by qualified name; those that decorators replace are left out."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    decorated = {node.name for node in nodes if node.decorator_list}
    found: dict[str, bytes] = {}
    twice: set[str] = set()
    for constant in compile(tree, "<file>", "exec", dont_inherit=True).co_consts:
        for code in (constant, *getattr(constant, "co_consts", ())) if isinstance(constant, CodeType) else ():
            if isinstance(code, CodeType) and not code.co_name.startswith("<") and "<locals>" not in code.co_qualname:
                twice |= {code.co_qualname} & found.keys()
                found[code.co_qualname] = _bytes(code)
    return {
        name: code for name, code in found.items() if name not in twice and name.rpartition(".")[2] not in decorated
    }


def _literals_of(tree: ast.Module) -> dict[str, str]:
    """Names that stand once at the top level, where a literal is bound to them, as they are written.

    Empty containers are left out: those are mostly filled as the module works.
    """
    names = [node for node in _outside_functions(tree) if isinstance(node, ast.Name)]
    bound = Counter(name.id for name in names if not isinstance(name.ctx, ast.Load))
    used = Counter(name.id for name in names)  # who reads a container may change it
    found = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, _LITERALS):
            target, value = statement.targets[0], _value_of(statement.value)
            count = bound if isinstance(statement.value, ast.Constant) else used
            if isinstance(target, ast.Name) and count[target.id] == 1 and value not in ([], {}, ()):
                found[target.id] = repr(value)
    return found


def _outside_functions(tree: ast.Module) -> Iterator[ast.AST]:
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        yield node
        globals_of = (
            [inner for inner in ast.walk(node) if isinstance(inner, ast.Global)] if _is_definition(node) else []
        )
        yield from (ast.Name(name, ast.Store()) for inner in globals_of for name in inner.names)
        pending.extend(() if _is_definition(node) else ast.iter_child_nodes(node))


def _is_definition(node: ast.AST) -> bool:
    return isinstance(node, _DEFINITIONS)


def _value_of(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ()  # something inside is computed
