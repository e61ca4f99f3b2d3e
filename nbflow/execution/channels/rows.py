"""Items that have parts: tuples, lists and records, their keys, and how they are put together.

Pure. Alone decides what of an item is its key, when two keys are one, and when a result is a record again. A result is
a record (a named tuple, or a dict of dicts) if all items that it is made of are records and no name comes twice; a named tuple
equals the plain tuple of its values, so who goes by position need not care.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nbflow.core.record import fields_of, make_record
from nbflow.errors import InputError

_TUPLE: Final = ""
_DICT: Final = "dict"


@dataclass(frozen=True, slots=True)
class Row:
    """Values with or without names.

    Attributes
    ----------
    values : tuple
        The values.
    names : tuple of str or None
        Their names; None where they have none.
    kind : str
        ``dict``, the name of a named tuple's class, or nothing.
    """

    values: tuple[Any, ...]
    names: tuple[Any, ...] | None = None
    kind: str = _TUPLE

    def __add__(self, other: Row) -> Row:
        """Both together; names only if both have them and they differ."""
        values = (*self.values, *other.values)
        if self.names is None or other.names is None:
            return Row(values)
        names = (*self.names, *other.names)
        if len(set(names)) < len(names) or (_DICT in (self.kind, other.kind) and self.kind != other.kind):
            return Row(values)
        return Row(values, names, self.kind)

    def pick(self, positions: Iterable[int]) -> Row:
        """Some of the values."""
        chosen = tuple(positions)
        names = None if self.names is None else tuple(self.names[position] for position in chosen)
        return Row(tuple(self.values[position] for position in chosen), names, self.kind)

    def with_values(self, values: Iterable[Any]) -> Row:
        """Other values under the same names."""
        return Row(tuple(values), self.names, self.kind)

    def item(self) -> Any:
        """The tuple, named tuple or dict."""
        if self.names is None:
            return self.values
        if self.kind == _DICT:
            return dict(zip(self.names, self.values, strict=True))
        return make_record(self.kind, self.names, self.values)


def row(item: Any) -> Row | None:
    """The parts of a tuple, list or dict; None for anything else."""
    if isinstance(item, (tuple, list)):
        fields = fields_of(item)
        return Row(tuple(item), fields, type(item).__name__ if fields else _TUPLE)
    if isinstance(item, Mapping):
        return Row(tuple(item.values()), tuple(item), _DICT)
    return None


def parts(item: Any) -> Row:
    """What an item adds to a combined one: the parts of a tuple or dict; anything else, lists too, is one value."""
    found = None if isinstance(item, list) else row(item)
    return Row((item,)) if found is None else found


def keyed(item: Any, by: Sequence[int | str]) -> tuple[Row, Row]:
    """An item's key and the rest of it; an item without parts is its own key.

    Raises
    ------
    InputError
        If it has no such part.
    """
    whole = row(item)
    if whole is None:
        if tuple(by) != (0,):
            raise InputError(f"an item is a {type(item).__name__}, which has no {_shown(by)}: give tuples or records")
        return Row((item,)), Row(())
    chosen = [_position(whole, each) for each in by]
    return whole.pick(chosen), whole.pick(at for at in range(len(whole.values)) if at not in chosen)


def positions(whole: Row, by: Sequence[int | str]) -> list[int]:
    """Where in an item its parts of some names or positions are."""
    return [_position(whole, each) for each in by]


def _position(whole: Row, each: int | str) -> int:
    if isinstance(each, str):
        if whole.names is not None and each in whole.names:
            return whole.names.index(each)
        has = f"only {', '.join(map(str, whole.names))}" if whole.names else "no names"
        raise InputError(f"an item has no field `{each}` (it has {has}): name another one in `by`")
    if whole.kind == _DICT:
        raise InputError(
            f"an item is a dict, which has no position {each}: name its key, as in by={whole.names and whole.names[0]!r}"
        )
    if each >= len(whole.values):
        raise InputError(f"an item has {len(whole.values)} parts, so none at position {each}: choose another `by`")
    return each


def _shown(by: Sequence[int | str]) -> str:
    return ", ".join(f"field `{each}`" if isinstance(each, str) else f"position {each}" for each in by)


def same(value: Any) -> Hashable:
    """What is equal exactly when two keys are: lists and dicts count by what they hold.

    Raises
    ------
    InputError
        If values of its type cannot be told apart surely.
    """
    if isinstance(value, Mapping):
        return (_DICT, frozenset((same(name), same(each)) for name, each in value.items()))
    if isinstance(value, (tuple, list)):
        return (isinstance(value, list), *map(same, value))
    if isinstance(value, (set, frozenset)):
        return frozenset(map(same, value))
    try:
        hash(value)
    except TypeError as error:
        raise InputError(
            f"a {type(value).__name__} cannot be a key: give a function or a part by which items can be told apart"
        ) from error
    return value  # type: ignore[no-any-return]
