"""How labelled arrays open: xarray, by names, dimensions, values, attributes, encodings and indexes.

Alone knows this library's layout; finds it in `sys.modules` only. What it has worked out or cached beside the data is
not part of a value. What is not loaded lies in a file that may change, and is refused.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from nbflow.core.values.plain import Node, counted
from nbflow.core.values.refusals import Refusal

Opened = tuple[Callable[[Any], bytes | None] | None, Callable[[Any], Node] | None, bool]


def _data(variable: Any) -> list[object]:
    held = variable._data
    if isinstance(getattr(held, "array", None), sys.modules["pandas"].Index):
        # The library keeps one index in several places, or equal ones, as it happened to come by them.
        return [held.array.view(), variable.dtype, getattr(held, "level", None)]
    if not variable._in_memory and type(held).__module__.startswith("xarray."):
        raise Refusal(variable, "xarray data that is not loaded yet cannot be hashed; pass `load()` of it, or its path")
    return [variable.values if type(held).__module__.startswith("xarray.") else held]


def _open_variable(variable: Any) -> Node:
    data = _data(variable)
    facts = [variable.dims, dict(variable._attrs or {}), dict(variable._encoding or {})]
    return Node(counted("variable", len(data)), [*facts, *data], type(variable))


def _index_kinds(value: Any) -> dict[Any, Any]:
    return {name: (type(index), getattr(index, "dim", None)) for name, index in value._indexes.items()}


def _open_array(array: Any) -> Node:
    return Node(
        counted("data array", 1), [array.name, array._variable, array._coords, _index_kinds(array)], type(array)
    )


def _open_dataset(dataset: Any) -> Node:
    facts = [set(dataset._coord_names), dict(dataset._attrs or {}), dict(dataset._encoding or {})]
    return Node(counted("dataset", 1), [dataset._variables, *facts, _index_kinds(dataset)], type(dataset))


def handler(cls: type) -> Opened | None:
    """Find how values of a class open: (encode, open, by value) of a hashing handler, None if not xarray's class."""
    xarray = sys.modules.get("xarray")
    if xarray is None:
        return None
    openers = ((xarray.Dataset, _open_dataset), (xarray.DataArray, _open_array), (xarray.Variable, _open_variable))
    return next(((None, opener, False) for known, opener in openers if issubclass(cls, known)), None)
