"""The filter of ``log -F``: a Python expression over the fields of a row.

Alone decides what such an expression may say: fields, constants, comparisons, arithmetic, a few functions, and methods
of strings. It can reach nothing else, so a filter that somebody sent is safe to run.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Protocol

from nbflow.errors import NbflowError
from nbflow.storage.nextflow.trace import NONE_EXIT, field_of
from nbflow.storage.rows import LOG_FIELDS

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    function.__name__: function for function in (len, min, max, abs, round, sum, any, all, str, int, float)
}
_METHODS = frozenset({"startswith", "endswith", "lower", "upper", "strip", "split", "find", "count", "removeprefix"})
_ALLOWED = (
    (ast.Expression, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Compare, ast.IfExp, ast.Call, ast.Attribute, ast.Constant)
    + (ast.Name, ast.List, ast.Tuple, ast.Set, ast.Subscript, ast.Slice, ast.GeneratorExp, ast.comprehension)
    + (ast.boolop, ast.unaryop, ast.operator, ast.cmpop, ast.expr_context)
)


class Row(Protocol):
    """What a filter looks at: a `TaskRow`, or what stands for one."""

    @property
    def name(self) -> str:
        """The task's name."""
        ...

    def value(self, field: str) -> object:
        """A field's value."""
        ...


class _Unknown:
    """The value of a field that a task does not have: no comparison with it holds, and what is made of it is unknown."""

    def __eq__(self, other: object) -> bool:
        return other is None or isinstance(other, _Unknown)

    def __hash__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return False

    def _never(self, other: object) -> bool:
        return False

    def _itself(self, *_: object) -> _Unknown:
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __getattr__(self, name: str) -> Callable[..., _Unknown]:
        return self._itself

    __lt__ = __le__ = __gt__ = __ge__ = __contains__ = _never
    __add__ = __sub__ = __mul__ = __truediv__ = __floordiv__ = __mod__ = __getitem__ = __neg__ = _itself
    __radd__ = __rsub__ = __rmul__ = __rtruediv__ = __rfloordiv__ = __rmod__ = __abs__ = __round__ = _itself


_UNKNOWN = _Unknown()


class RowFilter:
    """Tells for which rows an expression holds.

    Parameters
    ----------
    expression : str
        As in ``status == 'FAILED' and realtime > 60_000``: times in milliseconds, sizes in bytes, as `TaskRow.value`
        gives them. A comparison with a value that a task does not have does not hold.
    more : collection of str
        Fields that the rows have beside those of ``nbflow log``.

    Raises
    ------
    NbflowError
        It is no Python expression, says more than a filter may, or names a field that is not there.
    """

    def __init__(self, expression: str, more: Collection[str] = ()) -> None:
        self._text = expression.strip()
        tree = _parsed(self._text)
        own = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        self._fields = sorted(read - own - _FUNCTIONS.keys())
        for name in self._fields:
            if field_of(name) not in LOG_FIELDS and name not in more:
                raise unknown_field(name)
        self._holds = _function(_Is().visit(tree).body, self._fields)

    def __call__(self, row: Row) -> bool:
        """Whether it holds for a row.

        Raises
        ------
        NbflowError
            It fails there: a text is compared with a number, for instance.
        """
        values = [_value(row, name) for name in self._fields]
        try:
            return bool(self._holds(*values))
        except Exception as error:
            pairs = zip(self._fields, values, strict=True)
            shown = ", ".join(f"{name} is {value!r}" for name, value in pairs if value is not _UNKNOWN)
            raise NbflowError(f"the filter {self._text!r} fails for task {row.name}: {error}. There {shown}") from error


def unknown_field(name: str) -> NbflowError:
    """The error for a field that is not there, with the nearest that is."""
    near = difflib.get_close_matches(name, LOG_FIELDS, 1)
    meant = f"did you mean {near[0]!r}? " if near else ""
    return NbflowError(f"no field {name!r}; {meant}list the fields with: nbflow log -l")


def _parsed(text: str) -> ast.Expression:
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError) as error:
        raise NbflowError(
            f"the filter {text!r} is no Python expression: write one such as \"status == 'FAILED' and exit > 1\""
        ) from error
    for node in ast.walk(tree):
        is_odd = isinstance(node, ast.Attribute) and node.attr not in _METHODS
        if is_odd or not isinstance(node, _ALLOWED):
            said = f".{node.attr}" if isinstance(node, ast.Attribute) else type(node).__name__
            raise NbflowError(
                f"the filter {text!r} says more than a filter may ({said}): fields, comparisons, arithmetic, "
                f"{', '.join(_FUNCTIONS)}, and of a text {', '.join(sorted(_METHODS))}"
            )
    return tree


def _function(expression: ast.expr, fields: Iterable[str]) -> Callable[..., Any]:
    """Make a function of the fields that an expression names, which knows nothing else: for a hundred thousand rows."""
    arguments = ast.arguments(
        posonlyargs=[], args=[ast.arg(name) for name in fields], kwonlyargs=[], kw_defaults=[], defaults=[]
    )
    tree = ast.Expression(ast.Lambda(arguments, expression))
    code = compile(ast.fix_missing_locations(tree), "<filter>", "eval")
    function: Callable[..., Any] = eval(code, {**_FUNCTIONS, "__builtins__": {}})
    return function


class _Is(ast.NodeTransformer):
    """``x is None`` means what ``x == None`` does: an unknown value is not None itself."""

    def visit_Is(self, node: ast.Is) -> ast.cmpop:
        return ast.Eq()

    def visit_IsNot(self, node: ast.IsNot) -> ast.cmpop:
        return ast.NotEq()


def _value(row: Row, name: str) -> Any:
    value = row.value(name)
    return _UNKNOWN if value is None or (name == "exit" and value == NONE_EXIT) else value
