"""What definitions read: the global names of compiled code, and the parts of a syntax tree that have scopes.

Alone knows Python's scoping, which it leaves to the compiler. Knows no order of statements, no values and no files.
"""

from __future__ import annotations

import ast
import dis
from collections.abc import Iterable, Iterator
from functools import lru_cache
from types import CodeType

_READ_OPS = frozenset({"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS", "DELETE_GLOBAL"})
CLASS_DUNDERS = frozenset({"__name__", "__module__", "__qualname__", "__annotations__", "__conditional_annotations__"})
"""Names that a class body finds in itself."""


@lru_cache(maxsize=4096)
def global_names(code: CodeType) -> tuple[frozenset[str], frozenset[str]]:
    """Find the global names that compiled code reads, and those that it stores, nested code included.

    Parameters
    ----------
    code : types.CodeType
        Of a function, class or lambda: Python's own scoping has been applied to it.

    Returns
    -------
    tuple of two frozensets of str
        Names read (or deleted), names stored.
    """
    reads: set[str] = set()
    stores: set[str] = set()
    local = set(CLASS_DUNDERS)
    for instruction in dis.get_instructions(code):
        if instruction.opname == "STORE_GLOBAL":
            stores.add(instruction.argval)
        elif instruction.opname == "STORE_NAME":
            local.add(instruction.argval)
        elif instruction.opname in _READ_OPS and (instruction.argval not in local or "GLOBAL" in instruction.opname):
            reads.add(instruction.argval)
    for nested in _nested(code):
        more_reads, more_stores = global_names(nested)
        reads |= more_reads
        stores |= more_stores
    return frozenset(reads), frozenset(stores)


def _nested(code: CodeType) -> Iterator[CodeType]:
    return (constant for constant in code.co_consts if isinstance(constant, CodeType))


def names_when_called(statement: ast.stmt) -> tuple[frozenset[str], frozenset[str]]:
    """Find the globals that a definition reads and stores in what it leaves for later: functions' bodies, methods."""
    module = ast.fix_missing_locations(ast.Module([statement], []))
    code = compile(module, "<names>", "exec", dont_inherit=True)
    if isinstance(statement, ast.ClassDef):
        (code,) = _nested(code)
    found = [global_names(nested) for nested in _nested(code)]
    return frozenset().union(*(reads for reads, _ in found)), frozenset().union(*(stores for _, stores in found))


def bare_function(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> ast.stmt:
    """A function without what is evaluated outside of it: defaults, decorators, annotations."""
    arguments = ast.arguments(
        posonlyargs=[ast.arg(argument.arg) for argument in node.args.posonlyargs],
        args=[ast.arg(argument.arg) for argument in node.args.args],
        vararg=ast.arg(node.args.vararg.arg) if node.args.vararg else None,
        kwonlyargs=[ast.arg(argument.arg) for argument in node.args.kwonlyargs],
        kw_defaults=[None] * len(node.args.kwonlyargs),
        kwarg=ast.arg(node.args.kwarg.arg) if node.args.kwarg else None,
        defaults=[],
    )
    if isinstance(node, ast.Lambda):
        return ast.copy_location(ast.Expr(ast.Lambda(arguments, node.body)), node)
    bare = type(node)(name=node.name, args=arguments, body=node.body, decorator_list=[])
    return ast.copy_location(bare, node)


def bare_class(node: ast.ClassDef) -> ast.ClassDef:
    """Copy a class without what is evaluated outside of it."""
    return ast.copy_location(ast.ClassDef(node.name, [], [], node.body, []), node)


def function_annotations(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.expr]:
    """List the annotations of a function's parameters and result."""
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    found = [argument.annotation for argument in every if argument is not None]
    return [annotation for annotation in (*found, node.returns) if annotation is not None]


def stored_names(nodes: Iterable[ast.AST], context: type[ast.expr_context] = ast.Store) -> set[str]:
    """Collect the names that stand in this context anywhere below the nodes."""
    return {
        node.id
        for root in nodes
        for node in ast.walk(root)
        if isinstance(node, ast.Name) and isinstance(node.ctx, context)
    }
