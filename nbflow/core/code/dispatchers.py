"""Functions that ``functools.singledispatch`` makes: how they are known, and what of them is the user's.

Alone knows what functools keeps in them. Digests nothing and stores nothing.
"""

from __future__ import annotations

import functools
from types import FunctionType
from typing import Any

_WRAPPER = functools.singledispatch(lambda _: None).__code__  # type: ignore[attr-defined]
_BOOKS = frozenset({"register", "dispatch", "registry", "_clear_cache", "__wrapped__"})


def is_dispatcher(value: Any) -> bool:
    """Whether a value is a single-dispatch function."""
    return isinstance(value, FunctionType) and value.__code__ is _WRAPPER


def attributes_of_dispatcher(dispatcher: Any) -> dict[str, Any]:
    """What was set on a single-dispatch function beside what functools itself keeps there."""
    return {name: value for name, value in vars(dispatcher).items() if name not in _BOOKS}
