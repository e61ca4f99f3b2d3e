"""A body's text as what counts of it: its names, its strings, and the normal form that is hashed.

Alone decides what of Python code counts: not layout, comments, quotes or docstrings. Knows no values and no namespaces.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import CO_COROUTINE

from nbflow.core.code.assignment import ImportBinding, names_of
from nbflow.core.code.cells import FUTURES
from nbflow.core.code.ipython_syntax import HELPERS, is_timer, portable
from nbflow.core.code.mentions import Mentions
from nbflow.core.code.scan import mentions_of
from nbflow.core.code.scope import function_annotations
from nbflow.errors import DeclarationError

_LAYOUT_TOKENS = frozenset(
    {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENDMARKER, tokenize.INDENT, tokenize.DEDENT}
)
_WITH_DOCSTRING = (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_NAMED_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_IGNORED_FIELDS = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
_SCOPES = {ast.FunctionDef: "function", ast.AsyncFunctionDef: "function", ast.ClassDef: "class"}


@dataclass(frozen=True, slots=True)
class Body:
    """What is known of a Python body before it runs.

    Attributes
    ----------
    text : str
        Portable Python: what the worker compiles. Its lines are those of the text given.
    tree : ast.Module
        Its syntax tree.
    reads : frozenset of str
        Names that some path may read before the body binds them; builtins among them.
    definite_reads : frozenset of str
        Those that every run reads at the top level: an undefined one is an error before running.
    binds : tuple of str
        Names bound at the top level, in order, without imports.
    imports : tuple of ImportBinding
        Names that import statements of the top level bind, also inside ``if`` and ``try``.
    star_imports : tuple of str
        Modules of ``from module import *``.
    strings : frozenset of str
        Its string constants: any of them may name a file.
    is_async : bool
        Whether it awaits at the top level.
    shows_last : bool
        Whether its last statement is an expression to display.
    unknown : tuple of str
        Why it may read what its names do not tell, in sentences.
    flags : int
        Compiler flags of the future statements in force, its own among them.
    """

    text: str
    tree: ast.Module
    reads: frozenset[str]
    definite_reads: frozenset[str]
    binds: tuple[str, ...]
    imports: tuple[ImportBinding, ...]
    star_imports: tuple[str, ...]
    strings: frozenset[str]
    is_async: bool
    shows_last: bool
    unknown: tuple[str, ...] = ()
    flags: int = 0


def parse_body(text: str, filename: str, *, in_kernel: bool = False, flags: int = 0) -> Body:
    """Parse the Python body of a process.

    Parameters
    ----------
    text : str
        The cell's body after IPython's transformer: magics are calls of ``get_ipython()``. Blank lines in front make its
        line numbers those of the cell.
    filename : str
        What tracebacks call it, as in ``%%process train``.
    in_kernel : bool
        Whether it runs where IPython is: then it may use any magic.
    flags : int
        Compiler flags of the future statements that earlier cells have put in force.

    Returns
    -------
    Body

    Raises
    ------
    DeclarationError
        When it is not Python, or uses a magic that cannot run in a process of its own.
    """
    try:
        source = _source(text, in_kernel)
        tree = ast.parse(source, filename)
        code = compile(source, filename, "exec", flags=flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        names = names_of(tree)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise _not_python(error) from error
    shell = {"get_ipython"} & names.reads if in_kernel else set()
    return Body(
        text=source,
        tree=tree,
        reads=names.reads - HELPERS - shell,
        definite_reads=names.definite_reads - HELPERS - shell,
        binds=names.binds,
        imports=names.imports,
        star_imports=names.star_imports,
        strings=string_constants(tree),
        is_async=bool(code.co_flags & CO_COROUTINE),
        shows_last=_shows_last(tree, source),
        unknown=("IPython's magics and `get_ipython()` may read anything",) if shell else (),
        flags=flags | (code.co_flags & FUTURES),
    )


def _source(text: str, in_kernel: bool) -> str:
    # Rewritten where that can be, in the kernel too: the hash must not depend on where a body runs.
    try:
        return portable(text)
    except DeclarationError:
        if in_kernel:
            return text
        raise


def _not_python(error: Exception) -> DeclarationError:
    line = error.lineno if isinstance(error, SyntaxError) else None
    reason = error.msg if isinstance(error, SyntaxError) else str(error)
    return DeclarationError(f"the body is not valid Python: {reason}. Correct it, or start a script with #!", line=line)


def _shows_last(tree: ast.Module, text: str) -> bool:
    return bool(tree.body) and isinstance(tree.body[-1], ast.Expr) and not _ends_quietly(text)


def _ends_quietly(text: str) -> bool:
    """Whether a semicolon ends the text: IPython's sign not to display the value."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    last = [token for token in tokens if token.type not in _LAYOUT_TOKENS][-1:]
    return bool(last) and last[0].string == ";"


def string_constants(tree: ast.AST) -> frozenset[str]:
    """Collect every string constant of a tree."""
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return frozenset(node.value for node in nodes if isinstance(node.value, str))


def normal_form(node: ast.AST, *, annotations: bool | None = None, docstrings: bool | None = None) -> bytes:
    """Write code as bytes that are equal exactly when the code counts as the same.

    Layout, comments, quotes, parentheses and the order of constants in a set literal do not count; the order in a dict
    literal does. Constants count by type and written value. Annotations of local variables are never evaluated, so
    they do not count; those of classes always do.

    Parameters
    ----------
    node : ast.AST
        A tree or a part of one.
    annotations : bool or None
        Whether annotations of functions and of the top level count; None: unless nothing can observe them.
    docstrings : bool or None
        Whether docstrings count; None: if the code itself reads docstrings.

    Returns
    -------
    bytes
        The same on every Python version for the same text.
    """
    if annotations is None or docstrings is None:
        mentions = mentions_of(node)
        annotations = _may_observe_annotations(node, mentions) if annotations is None else annotations
        docstrings = mentions.reads_docstrings if docstrings is None else docstrings
    return b"".join(_Writer(annotations, docstrings).write(node))


def _may_observe_annotations(tree: ast.AST, mentions: Mentions) -> bool:
    """Whether something may look at annotations: a function that is only called inside another one hides its own."""
    functions = [node for node in ast.walk(tree) if isinstance(node, _NAMED_FUNCTIONS)]
    inner = {node for function in functions for node in function.body if isinstance(node, _NAMED_FUNCTIONS)}
    hidden = {node for node in inner if not node.decorator_list and node.name not in mentions.values}
    return mentions.reads_annotations or any(function_annotations(node) for node in functions if node not in hidden)


class _Writer:
    """Writes a tree in prefix order, with an explicit stack: generated code can be thousands of levels deep.

    An item of the stack stands with the kind of block around it: whether an annotation is evaluated depends on that.
    """

    def __init__(self, annotations: bool, docstrings: bool) -> None:
        self._annotations = annotations
        self._docstrings = docstrings

    def write(self, root: object) -> Iterator[bytes]:
        stack: list[tuple[object, str]] = [(root, "module")]
        while stack:
            item, scope = stack.pop()
            if isinstance(item, bytes):
                yield item
            elif isinstance(item, list):
                items = list(_without_timers(item))
                yield b"[%d " % len(items)
                stack.extend((inner, scope) for inner in reversed(items))
            elif isinstance(item, ast.AST) and not isinstance(item, ast.Constant):
                node = _timed(item)
                inside = _SCOPES.get(type(node), scope)
                stack.extend((piece, inside) for piece in reversed(self._pieces(node, scope)))
            else:
                yield _constant(item.value if isinstance(item, ast.Constant) else item)

    def _pieces(self, node: ast.AST, scope: str) -> list[object]:
        if isinstance(node, ast.Constant):
            return [_constant(node.value)]
        if isinstance(node, ast.JoinedStr):
            return [b"(JoinedStr ", _joined(node)]
        pairs = [(name, self._value(node, name, scope)) for name in node._fields if name not in _IGNORED_FIELDS]
        # Newer Pythons add fields that are empty in old code: empty ones do not count.
        pairs = [(name, value) for name, value in pairs if value is not None and value != []]
        pieces: list[object] = [b"(%s %d " % (type(node).__name__.encode(), len(pairs))]
        for name, value in pairs:
            pieces += [name.encode() + b"=", value]
        return pieces

    def _value(self, node: ast.AST, name: str, scope: str) -> object:
        value = getattr(node, name, None)
        if name in ("annotation", "returns") and not self._observable(node, scope):
            return None
        if name == "body" and isinstance(node, _WITH_DOCSTRING):
            return self._without_docstring(node)
        if isinstance(node, ast.Set):
            return _sorted_constants(node.elts)
        if isinstance(node, ast.Delete):
            return [element for target in node.targets for element in _flat(target)]
        if isinstance(value, ast.JoinedStr) and name == "format_spec" and not _joined(value):
            return None
        return value

    def _observable(self, node: ast.AST, scope: str) -> bool:
        if isinstance(node, ast.AnnAssign) and scope != "module":
            return scope == "class"  # Python never evaluates those of local variables
        return self._annotations

    def _without_docstring(
        self, node: ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    ) -> list[ast.stmt]:
        shown = isinstance(node, ast.Module) and len(node.body) == 1
        if self._docstrings or shown or ast.get_docstring(node, clean=False) is None:
            return node.body
        return node.body[1:]


def _timed(node: ast.AST) -> ast.AST:
    """What stands under ``%time``: being timed does not change what code computes."""
    while isinstance(node, ast.Call) and is_timer(node.func):
        (node,) = node.args
    return node


def _without_timers(items: list[object]) -> Iterator[object]:
    for item in items:
        if isinstance(item, ast.With) and is_timer(item.items[0].context_expr):
            yield from _without_timers(list(item.body))
        else:
            yield item


def _joined(node: ast.JoinedStr) -> list[object]:
    """An f-string by its pieces: how constants are split among them differs between Python versions."""
    pieces: list[object] = []
    text = ""
    for value in node.values:
        if isinstance(value, ast.Constant):
            text += str(value.value)
            continue
        pieces += [_constant(text), value] if text else [value]
        text = ""
    return [*pieces, _constant(text)] if text else pieces


def _flat(target: ast.expr) -> list[ast.expr]:
    """The names of ``del (a, b)``, which is ``del a, b``."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return [element for inner in target.elts for element in _flat(inner)]
    return [target]


def _sorted_constants(elements: list[ast.expr]) -> list[object]:
    """Elements of a set literal: in sorted order where no code runs between them and none equals another."""
    values = [element.value for element in elements if isinstance(element, ast.Constant)]
    if len(values) < len(elements) or len(set(values)) < len(values):
        return list(elements)
    return sorted(_constant(value) for value in values)  # type: ignore[return-value]


def _constant(value: object) -> bytes:
    """Type and written value, with its length: 1, True and 1.0 differ, as do 0.0 and -0.0."""
    if isinstance(value, str):
        written = value.encode("utf-8", "surrogatepass")
    elif isinstance(value, bytes):
        written = value
    elif isinstance(value, int):
        written = b"%x" % value  # decimal has a limit of digits
    else:
        written = repr(value).encode()
    return b"%s:%d:%s" % (type(value).__name__.encode(), len(written), written)
