"""A value in a few words, for people: what `why` shows as the value then and now.

Alone decides what of a value is shown. Its cost does not grow with the value, since hits pay it too, and it runs no code
of the user's: what has no known type is shown by the name of its type. Secrets, by their names, are masked.
"""

from __future__ import annotations

import enum
import re
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import PurePath
from types import FunctionType
from typing import Any
from uuid import UUID

from nbflow.core.parts import PREVIEW_LIMIT, shorten
from nbflow.core.secrets import MASK, is_secret

_MOST_ITEMS = 8
_DEPTH = 3
_MOST_BITS = 400
_PLAIN = frozenset({date, datetime, time, timedelta, Decimal, Fraction, UUID, range, slice})
_BRACKETS: dict[type, tuple[str, str]] = {list: ("[", "]"), tuple: ("(", ")"), set: ("{", "}"), frozenset: ("{", "}")}
_ARRAYS = ("numpy", "torch", "pandas", "polars", "scipy", "xarray", "jax", "cupy", "dask", "pyarrow", "awkward")
# What stands between a scheme and a host: user and password.
_LOGIN = re.compile(r"(?<=://)[^/@\s'\"]+:[^/@\s'\"]+(?=@)")


def preview(value: Any, name: str = "") -> str:
    """Show a value: its text where that is short, else what it is.

    Parameters
    ----------
    value : object
        Any.
    name : str
        What the user calls it; a name that tells of a secret hides the value.

    Returns
    -------
    str
        At most `PREVIEW_LIMIT` characters, in one line.
    """
    return MASK if is_secret(name) else shorten(_LOGIN.sub(MASK, _shown(value, _DEPTH)))


def _shown(value: Any, depth: int) -> str:
    kind = type(value)
    if kind in (str, bytes):
        return repr(value[: PREVIEW_LIMIT + 1])
    if kind is int:
        return repr(value) if value.bit_length() <= _MOST_BITS else f"int of {value.bit_length():,} bits"
    if kind in (float, complex, bool, type(None)):
        return repr(value)
    if isinstance(value, PurePath):
        return str(value)
    if kind in _PLAIN:
        return repr(value)
    if isinstance(value, enum.Enum):
        return f"{kind.__name__}.{value.name}"
    if kind is dict or kind in _BRACKETS:
        return _held(value, depth)
    return _known(value) if kind.__module__.partition(".")[0] in _ARRAYS else _object(value, depth)


def _held(value: Any, depth: int) -> str:
    if not depth or len(value) > _MOST_ITEMS:
        return f"{type(value).__name__} of {len(value):,}"
    if isinstance(value, dict):
        pairs = (f"{_shown(key, depth - 1)}: {_of_key(key, each, depth)}" for key, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    shown = [_shown(each, depth - 1) for each in value]
    items = ", ".join(sorted(shown) if isinstance(value, (set, frozenset)) else shown)
    opening, closing = _BRACKETS[type(value)]
    return f"{opening}{items}{',' if closing == ')' and len(value) == 1 else ''}{closing}" if value else repr(value)


def _of_key(key: object, value: Any, depth: int) -> str:
    return MASK if isinstance(key, str) and is_secret(key) else _shown(value, depth - 1)


def _known(value: Any) -> str:
    """An array, frame or number of a known library."""
    kind = type(value)
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape == () and dtype is not None:
        return repr(value)
    if isinstance(shape, tuple):
        return f"{kind.__name__} of shape {tuple(shape)}" + (f" and type {dtype}" if dtype is not None else "")
    return kind.__name__


def _object(value: Any, depth: int) -> str:
    """An object by its type, and what it holds where that is little."""
    kind = type(value)
    if isinstance(value, tuple) and isinstance(getattr(kind, "_fields", None), tuple):
        held = dict(zip(kind._fields, value, strict=False))
    else:
        held = _dict_of(value)
    if not depth or not held or len(held) > _MOST_ITEMS:
        return kind.__name__
    return f"{kind.__name__}({', '.join(f'{name}={_of_key(name, each, depth)}' for name, each in held.items())})"


def _dict_of(value: Any) -> dict[str, Any]:
    try:
        held = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return held if type(held) is dict and not isinstance(value, (type, FunctionType)) else {}
