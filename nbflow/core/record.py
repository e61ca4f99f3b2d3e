"""Records: the named tuples in which several outputs of a task come back, and rows of a channel move.

A record made here can be pickled and read wherever nbflow is, for its class is made again from its names.
"""

from __future__ import annotations

from collections import namedtuple
from functools import lru_cache
from typing import Any


def make_record(name: str, fields: tuple[str, ...], values: tuple[Any, ...]) -> Any:
    """Make a named tuple.

    Parameters
    ----------
    name : str
        What its class is called: the process.
    fields : tuple of str
        Names of its items.
    values : tuple
        Its items.
    """
    return _record_class(name, fields)(*values)


@lru_cache(maxsize=1024)
def _record_class(name: str, fields: tuple[str, ...]) -> Any:
    base: Any = namedtuple
    reduce = {"__slots__": (), "__reduce__": lambda self: (make_record, (name, fields, tuple(self)))}
    return type(name, (base(name, fields),), reduce)


def fields_of(item: object) -> tuple[str, ...] | None:
    """The field names of a named tuple; None for anything else."""
    fields = getattr(item, "_fields", None)
    return fields if isinstance(item, tuple) and isinstance(fields, tuple) else None
