"""Type annotations of inputs and outputs: evaluated once, checked against values, never used to convert them.

The one exception is a `str` given where a `Path` is expected. Knows nothing of processes or cells.
"""

from __future__ import annotations

import ast
import builtins
import collections.abc
import difflib
import inspect
import numbers
import pathlib
import types
import typing
from collections.abc import Iterable, Mapping

from nbflow.core.declaration.line import Declaration, Input
from nbflow.core.declaration.outputs import Output
from nbflow.errors import DeclarationError

_ALWAYS_KNOWN: Mapping[str, object] = {
    "Path": pathlib.Path,
    **{name: getattr(typing, name) for name in ("Any", "Literal", "Optional", "Union")},
}
_CHECKED_ITEMS = (list, tuple, set, frozenset, collections.abc.Sequence, collections.abc.Set)
_NUMBERS: Mapping[object, type] = {int: numbers.Integral, float: numbers.Real, complex: numbers.Complex}


def signature(declaration: Declaration, namespace: dict[str, object]) -> inspect.Signature:
    """The signature to call a process by; its defaults and annotations are evaluated here, once.

    Parameters
    ----------
    declaration : Declaration
        With a parameter list.
    namespace : dict
        The notebook's; `Path`, `Any`, `Literal`, `Optional` and `Union` need no import.

    Raises
    ------
    DeclarationError
        If a default or an annotation cannot be evaluated.
    """
    return inspect.Signature([_parameter(item, declaration.name, namespace) for item in declaration.inputs or ()])


def _parameter(item: Input, process: str, namespace: dict[str, object]) -> inspect.Parameter:
    where = f"`{item.name}` of `{process}`"
    empty = inspect.Parameter.empty
    default = empty if item.default is None else evaluate(item.default, namespace, f"the default of {where}")
    annotation = empty if item.annotation is None else evaluate(item.annotation, namespace, f"the type of {where}")
    return inspect.Parameter(item.name, item.kind, default=default, annotation=annotation)


def evaluate(text: str, namespace: dict[str, object], what: str) -> object:
    """Evaluate an annotation or a default as typed in a declaration.

    Parameters
    ----------
    text : str
        Python expression.
    namespace : dict
        Its globals.
    what : str
        For the error, as in "the type of `x` of `fit`".

    Raises
    ------
    DeclarationError
        If it fails.
    """
    known = {name: value for name, value in _ALWAYS_KNOWN.items() if name not in namespace}
    try:
        return eval(compile(text, "<declaration>", "eval"), namespace, known)
    except NameError as error:
        near = difflib.get_close_matches(error.name or "", [*namespace, *known, *dir(builtins)], 1)
        proposed = f"write `{near[0]}`, or run" if near else "run"
        raise DeclarationError(f"{what}: {error}; {proposed} the cell that defines it first") from error
    except Exception as error:
        raise DeclarationError(f"{what}, `{text}`, fails: {type(error).__name__}: {error}") from error


def names_in_types(outputs: Iterable[Output]) -> frozenset[str]:
    """Names that the annotations of outputs read, and that whoever checks the outputs must know.

    Parameters
    ----------
    outputs : iterable of Output
        As declared.
    """
    trees = [ast.parse(output.annotation, mode="eval") for output in outputs if output.annotation]
    found = {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return frozenset(found - _ALWAYS_KNOWN.keys() - set(dir(builtins)))


def coerce(value: object, annotation: object) -> object:
    """The one conversion: a `str` given for a `Path` becomes one, in ``list[Path]`` and ``Path | None`` too."""
    if isinstance(value, str) and _accepts_path(annotation) and check_annotation(value, annotation) is not None:
        return pathlib.Path(value)
    origin = typing.get_origin(annotation)
    if type(value) in (list, tuple) and origin in (type(value), collections.abc.Sequence):
        items = typing.cast("list[object] | tuple[object, ...]", value)
        expected = _item_annotations(annotation, len(items))
        return type(value)(map(coerce, items, expected)) if len(expected) == len(items) else value  # type: ignore[call-arg]
    return value


def _item_annotations(annotation: object, count: int) -> tuple[object, ...]:
    arguments = typing.get_args(annotation)
    fixed = typing.get_origin(annotation) is tuple and arguments[-1:] != (Ellipsis,)
    return arguments if fixed else arguments[:1] * count


def _accepts_path(annotation: object) -> bool:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return any(_accepts_path(item) for item in typing.get_args(annotation))
    return annotation in (pathlib.Path, pathlib.PurePath, pathlib.PosixPath)


def check_annotation(value: object, annotation: object) -> str | None:
    """Say what is wrong with a value, given its annotation.

    Parameters
    ----------
    value : object
        As it is; nothing is converted.
    annotation : object
        A class, ``X | None``, ``list[int]`` and the like (items are checked one level at a time), ``Literal``, ``Any``.
        What is not understood accepts everything.

    Returns
    -------
    str or None
        As in ``expected int, got str 'a'``; None if the value fits.

    Notes
    -----
    As in Python's typing, an int is accepted for a float, and a bool for an int. NumPy's integers are accepted for int.
    """
    return None if _fits(value, annotation) else f"expected {_show(annotation)}, got {_describe(value)}"


def _fits(value: object, annotation: object) -> bool:
    if type(value) is annotation:
        return True
    if annotation is None:
        return value is None
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, item) for item in typing.get_args(annotation))
    if origin is typing.Literal:
        return any(type(value) is type(item) and value == item for item in typing.get_args(annotation))
    if origin in (typing.Annotated, typing.Final):
        return _fits(value, typing.get_args(annotation)[0])
    if isinstance(annotation, typing.NewType):
        return _fits(value, annotation.__supertype__)
    if origin is type:
        return isinstance(value, type)
    if isinstance(origin, type):
        return _is_instance(value, origin) and _items_fit(value, origin, typing.get_args(annotation))
    return _is_instance(value, annotation) if isinstance(annotation, type) else True


def _is_instance(value: object, cls: type) -> bool:
    try:
        return isinstance(value, _NUMBERS.get(cls, cls))
    except TypeError:
        # Protocols and TypedDicts cannot be asked.
        return True


def _items_fit(value: object, origin: type, arguments: tuple[object, ...]) -> bool:
    if not arguments:
        return True
    if isinstance(value, Mapping) and len(arguments) == 2:
        return all(_fits(key, arguments[0]) and _fits(item, arguments[1]) for key, item in value.items())
    if isinstance(value, tuple) and origin is tuple and arguments[-1] is not Ellipsis:
        return len(value) == len(arguments) and all(map(_fits, value, arguments))
    if isinstance(value, (list, tuple, set, frozenset)) and origin in _CHECKED_ITEMS:
        return all(_fits(item, arguments[0]) for item in value)
    return True


def _show(annotation: object) -> str:
    return annotation.__name__ if type(annotation) is type else str(annotation).replace("typing.", "")


def _describe(value: object) -> str:
    shown = repr(value) if isinstance(value, (str, int, float, bytes, pathlib.PurePath)) else ""
    return f"{type(value).__name__} {shown if len(shown) <= 60 else shown[:59] + '…'}".rstrip()
