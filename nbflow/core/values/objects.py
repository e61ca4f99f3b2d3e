"""How an object opens: by the reduce protocol, as the trip to a worker will see it; and code that is known by name.

Alone calls `__reduce_ex__` and reads `copyreg`. Knows nothing of digests of code (a caller may give them) and nothing
of libraries.
"""

from __future__ import annotations

import array
import copyreg
import datetime
import pickle
import sys
import types
import typing
from collections import OrderedDict
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, ForwardRef

from nbflow.core.values.plain import Node, counted, fingerprint, scalar, shaped, tagged, text
from nbflow.core.values.refusals import Refusal, unpicklable

_PROTOCOL = 5

BY_VALUE = frozenset(
    {
        "datetime.datetime",
        "datetime.time",
        "datetime.timezone",
        "zoneinfo.ZoneInfo",
        "builtins.slice",
        "types.GenericAlias",
        "types.UnionType",
        "typing.Union",  # the same class, since Python 3.14
        "pandas.Timestamp",
        "pandas._libs.tslibs.timestamps.Timestamp",
        "pandas.Timedelta",
        "pandas._libs.tslibs.timedeltas.Timedelta",
        "pandas.Period",
        "pandas._libs.tslibs.period.Period",
        "pandas.Interval",
        "pandas._libs.interval.Interval",
        "pandas.api.typing.NaTType",
        "pandas._libs.tslibs.nattype.NaTType",
    }
)
"""Classes whose instances never change, so that sharing one instance means nothing."""


def _reduced(value: object) -> str | tuple[Any, ...]:
    cls = type(value)
    registered = copyreg.dispatch_table.get(cls)
    try:
        answer = registered(value) if registered is not None else value.__reduce_ex__(_PROTOCOL)
    # A class may raise anything here; whatever it raises means that the value cannot travel.
    except Exception as error:
        raise unpicklable(value, error) from error
    if not isinstance(answer, str | tuple):
        raise unpicklable(value, TypeError(f"its __reduce_ex__ returned {type(answer).__name__}"))
    return answer


def open_object(value: object) -> Node:
    """Open any object by the reduce protocol.

    Parameters
    ----------
    value : object
        Anything that pickle could take.

    Returns
    -------
    Node
        The instance's `__dict__` stands in it by its items: pickle gives the receiver another dict, so that it can
        never be shared with one outside. A class's own `__setstate__` may keep the very dict that it is given.

    Raises
    ------
    Refusal
        If the object cannot be taken apart.
    """
    answer = _reduced(value)
    cls = type(value)
    if isinstance(answer, str):
        home = str(getattr(value, "__module__", None) or pickle.whichmodule(value, answer))  # type: ignore[attr-defined]
        return Node(tagged("named", text(home), text(answer)), owner=cls, home=home)
    function, arguments, state, items, pairs, setter = answer + (None,) * (6 - len(answer))
    made = [function, *arguments]
    if function is copyreg.__newobj__ and arguments and arguments[0] is cls:  # type: ignore[attr-defined]
        made = list(arguments[1:])
    listed_state = type(state) is dict and not hasattr(cls, "__setstate__")
    told = list(chain.from_iterable(state.items())) if listed_state else [state]
    listed = list(items) if items is not None else []
    paired = list(chain.from_iterable(pairs)) if pairs is not None else []
    shape = (
        made[:1] == [function],
        len(made),
        listed_state,
        len(told),
        len(listed),
        len(paired),
        setter is None,
    )
    return Node(shaped("object", shape), [*made, *told, *listed, *paired, setter], cls)


def open_datetime(value: datetime.datetime) -> Node:
    """Open an exact datetime: its fields and fold, then its time zone."""
    return Node(
        tagged("datetime", value.replace(tzinfo=None).isoformat().encode(), bytes([value.fold])), [value.tzinfo]
    )


def open_time(value: datetime.time) -> Node:
    """Open an exact time of day: its fields and fold, then its time zone."""
    return Node(tagged("time", value.replace(tzinfo=None).isoformat().encode(), bytes([value.fold])), [value.tzinfo])


def open_method(value: types.MethodType) -> Node:
    """Open a bound method: its function's code, and the object that it is bound to."""
    return Node(counted("method", 2), [value.__func__, value.__self__])


def open_builtin_method(value: Any) -> Node:
    """Open a built-in method bound to an object, as `[].append`: its name, and the object."""
    return Node(tagged("builtin method", text(value.__name__)), [value.__self__])


def open_code(value: Any) -> Node:
    """Open code that is not known by name alone."""
    if isinstance(value, types.FunctionType):
        return open_function(value)
    if isinstance(value, types.BuiltinFunctionType):
        return open_builtin_method(value)
    return Node(tagged("cached function", scalar(repr(value.cache_parameters()))), [value.__wrapped__])


def open_own(value: Any) -> Node:
    """Open an object of a class that says itself what identifies it: a method `__nbflow_digest__`."""
    return Node(counted("own", 1), [value.__nbflow_digest__()], type(value))


def _open_buffer(value: bytearray | memoryview | pickle.PickleBuffer) -> Node:
    view = memoryview(value)
    shape = tagged("buffer", type(value).__name__.encode(), view.format.encode(), repr(view.shape).encode())
    return Node(shape + fingerprint(view if view.c_contiguous else view.tobytes()))


def _open_array(value: array.array[Any]) -> Node:
    return Node(tagged("array", value.typecode.encode(), fingerprint(memoryview(value))))


def _open_slice(value: slice) -> Node:
    return Node(counted("slice", 3), [value.start, value.stop, value.step])


def _open_forward(value: ForwardRef) -> Node:
    """What it names and where; once it was evaluated it holds code, which pickle refuses, and what it stood for."""
    return Node(counted("forward", 3), [value.__forward_arg__, value.__forward_module__, value.__forward_is_class__])


_DICTS: tuple[dict[Any, Any], ...] = ({}, OrderedDict())
_VIEWS: tuple[type, ...] = tuple(type(view()) for each in _DICTS for view in (each.keys, each.values, each.items))


def _open_view(value: Any) -> Node:
    """Open a view of a dict: the trip makes it one of a dict of its own."""
    return Node(tagged("view", type(value).__name__.encode(), scalar(len(value))), list(value))


def _open_proxy(value: types.MappingProxyType[Any, Any]) -> Node:
    return Node(counted("mappingproxy", len(value)), list(chain.from_iterable(value.items())))


def _open_type_variable(value: Any) -> Node:
    kinds = (value.__covariant__, value.__contravariant__)
    return Node(tagged("type variable", text(value.__name__)), [value.__bound__, value.__constraints__, *kinds])


def _open_type_alias(value: Any) -> Node:
    try:
        meaning = value.__value__  # looked up now: what it names may be defined after it
    except NameError as error:
        raise Refusal(
            value, f"a type alias that cannot be looked up ({error}) cannot be hashed; define that first"
        ) from error
    return Node(tagged("type alias", text(value.__name__)), [meaning, value.__type_params__])


def _open_new_type(value: Any) -> Node:
    return Node(tagged("new type", text(value.__name__)), [value.__supertype__])


OPENERS: dict[type, Callable[[Any], Node]] = {
    types.MappingProxyType: _open_proxy,
    **dict.fromkeys(_VIEWS, _open_view),
    ForwardRef: _open_forward,
    types.MethodType: open_method,
    types.MethodWrapperType: open_builtin_method,
    datetime.datetime: open_datetime,
    datetime.time: open_time,
    slice: _open_slice,
    bytearray: _open_buffer,
    memoryview: _open_buffer,
    pickle.PickleBuffer: _open_buffer,
    array.array: _open_array,
    typing.TypeVar: _open_type_variable,
    typing.NewType: _open_new_type,
}
"""How values of a built-in class open, by exact class."""

if sys.version_info >= (3, 12):
    OPENERS[typing.TypeAliasType] = _open_type_alias


def named(value: object) -> bytes:
    """Encode a class, function or module by module and name."""
    # A method of a class that is written in C has no module of its own.
    module = getattr(value, "__module__", None) or getattr(getattr(value, "__objclass__", None), "__module__", "")
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", "")
    return tagged("name", text(str(module)), text(str(name)))


def _constants(code: types.CodeType) -> Iterable[bytes]:
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield code_bytes(constant)
        elif isinstance(constant, frozenset):
            yield b"".join(sorted(repr(item).encode() for item in constant))
        else:
            yield tagged("constant", type(constant).__name__.encode(), repr(constant).encode(errors="surrogatepass"))


def code_bytes(code: types.CodeType) -> bytes:
    """Encode a code object without its file and lines: what it does, in this version of Python."""
    numbers = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    names = (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    pieces = (code.co_code, repr(numbers).encode(), repr(names).encode(), code.co_exceptiontable)
    return tagged("code", *pieces, *_constants(code))


def is_by_name(function: Any) -> bool:
    """Whether a function can be found again by module and name, in a module that is not the notebook."""
    return function.__module__ not in (None, "__main__") and "<" not in str(function.__qualname__)


def open_function(value: types.FunctionType) -> Node:
    """Open a function that has no name elsewhere: its code object, defaults and closure.

    Only for callers who give no digests of code: globals that the function reads are not followed.
    """
    try:
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
    except ValueError:
        raise Refusal(
            value, "a function whose closure is not filled yet cannot be hashed; define it fully first"
        ) from None
    head = tagged("function", fingerprint(code_bytes(value.__code__)), text(value.__qualname__))
    return Node(head + counted("cells", len(cells)), [value.__defaults__, value.__kwdefaults__, *cells])
