"""Operators that put several items into one: they take them in the order of the input."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from typing import Any

from nbflow.errors import InputError
from nbflow.execution.channels.arguments import By, Function, condition, flag, indices, refused, sorting, whole
from nbflow.execution.channels.handle import ChannelT, Handle
from nbflow.execution.channels.items import loaded
from nbflow.execution.channels.kinds import Step, Stepped
from nbflow.execution.channels.rows import Row, positions, row, same


class Grouping(Handle[ChannelT]):
    """The operators of a channel that put several items into one."""

    def group_tuple(
        self,
        by: By = 0,
        *,
        size: int | Callable[[Any], int] | None = None,
        remainder: bool = False,
        sort: bool | Callable[[Any], Any] = False,
    ) -> ChannelT:
        """One tuple for all that have the same key: the key as it is, of the other parts a list each.

        Groups come in the order in which their keys came first, with a size in the order in which they become full.

        Parameters
        ----------
        by : int, str, or list of these
            Positions or field names of the key.
        size : int, callable or None
            How many items make a group, which then goes on at once; or a function that gives the size for a key. None: as
            many as there are, which is known when all have come.
        remainder : bool
            Whether groups that did not become full come at the end; else they are dropped.
        sort : bool or callable
            Whether the lists are sorted, each by itself, or the key that they are sorted by. Without it, their order is that
            of the input.

        Examples
        --------
        >>> list(channel.of((1, "A"), (2, "C"), (1, "B")).group_tuple())
        [(1, ['A', 'B']), (2, ['C'])]
        """
        flag("group_tuple", remainder=remainder)
        if size is not None and not callable(size):
            whole("group_tuple", "size", size, 1)
        if remainder and size is None:
            raise InputError(
                "`group_tuple`: `remainder` goes with `size`: without a size no group is incomplete", name="remainder"
            )
        step = _GroupTuple(indices("group_tuple", by), size, sorting("group_tuple", sort), remainder=remainder)
        return self._grouped("group_tuple", step)

    def collate(self, size: int, step: int | None = None, *, remainder: bool = True) -> ChannelT:
        """Lists of `size` items that follow each other.

        Parameters
        ----------
        size : int
            How many items a list has.
        step : int or None
            How many items after the one the next list begins; by default each item is in one list.
        remainder : bool
            Whether lists that did not become full come at the end; else they are dropped.

        Examples
        --------
        >>> list(channel.from_list(range(5)).collate(2))
        [[0, 1], [2, 3], [4]]
        >>> list(channel.from_list(range(4)).collate(3, 1))
        [[0, 1, 2], [1, 2, 3], [2, 3], [3]]
        """
        flag("collate", remainder=remainder)
        whole("collate", "size", size, 1)
        every = size if step is None else whole("collate", "step", step, 1)
        return self._grouped("collate", _Collate(size, every, remainder=remainder))

    def buffer(self, *conditions: object, size: int | None = None, skip: int = 0, remainder: bool = False) -> ChannelT:
        """Lists of items from one that opens a list to one that closes it, both included.

        Parameters
        ----------
        *conditions : callable, type, re.Pattern or object
            One condition closes a list, and the next item opens another; of two, the first opens, and items between lists
            are dropped. Conditions are as for `filter`.
        size : int or None
            Instead of conditions: how many items a list has.
        skip : int
            With `size`: how many items are dropped before each list.
        remainder : bool
            Whether a list that was not closed comes at the end; else it is dropped.

        Examples
        --------
        >>> list(channel.of(1, 2, 3, 1, 2, 3).buffer(lambda n: n == 2))
        [[1, 2], [3, 1, 2]]
        >>> list(channel.of(1, 2, 3, 4, 5, 6).buffer(size=2, skip=1))
        [[2, 3], [5, 6]]
        """
        flag("buffer", remainder=remainder)
        whole("buffer", "skip", skip, 0)
        if (size is None) == (not conditions) or len(conditions) > 2 or (skip and size is None):
            raise InputError(
                "`buffer` takes one condition (closing), two (opening, closing), or `size` and perhaps `skip`"
            )
        if size is not None:
            return self._grouped("buffer", _Runs(whole("buffer", "size", size, 1), skip, remainder=remainder))
        *opening, closing = (condition("buffer", each) for each in conditions)
        return self._grouped("buffer", _Buffer(opening[0] if opening else None, closing, remainder=remainder))

    def _grouped(self, operator: str, step: Step) -> ChannelT:
        return self._channel(Stepped(self._node.engine, self._node, operator, step))


class _GroupTuple(Step):
    def __init__(
        self, by: tuple[int | str, ...], size: int | Function | None, sort: Function | None, *, remainder: bool
    ) -> None:
        self._by = by
        self._size = size
        self._sort = sort
        self._remainder = remainder
        self._groups: dict[Hashable, Row] = {}

    def feed(self, item: Any) -> tuple[Any, ...]:
        whole = row(loaded(item))
        if whole is None:
            raise InputError(f"an item is a {type(loaded(item)).__name__}: `group_tuple` takes tuples or records")
        keys = positions(whole, self._by)
        raw = tuple(whole.values[at] for at in keys)
        found = same(raw)
        group = self._groups.get(found)
        if group is None:
            group = whole.with_values(value if at in keys else [] for at, value in enumerate(whole.values))
            self._groups[found] = group
        count = self._add(group, whole, keys)
        if self._size is None or count < self._size_of(raw):
            return ()
        del self._groups[found]
        return (self._item(group, keys),)

    def _add(self, group: Row, whole: Row, keys: list[int]) -> int:
        if len(whole.values) != len(group.values):
            raise InputError(
                f"an item has {len(whole.values)} parts, and another of its group has {len(group.values)}: make them equal with .map()"
            )
        lists = [at for at in range(len(whole.values)) if at not in keys]
        if not lists:
            raise InputError("an item is nothing but its key: there is nothing to group; see `unique`")
        for at in lists:
            group.values[at].append(whole.values[at])
        return len(group.values[lists[0]])

    def _size_of(self, raw: tuple[Any, ...]) -> int:
        if not callable(self._size):
            assert self._size is not None
            return self._size
        size = self._size(raw[0] if len(raw) == 1 else raw)
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise refused("group_tuple", "size", "a function that gives a whole number from 1 on", size)
        return size

    def _item(self, group: Row, keys: list[int]) -> Any:
        if self._sort is not None:
            for at, value in enumerate(group.values):
                if at not in keys:
                    value.sort(key=self._sort)
        return group.item()

    def finish(self) -> Iterator[Any]:
        if self._size is None or self._remainder:
            while self._groups:
                found = next(iter(self._groups))
                group = self._groups.pop(found)
                yield self._item(group, positions(group, self._by))


class _Collate(Step):
    def __init__(self, size: int, every: int, *, remainder: bool) -> None:
        self._size = size
        self._every = every
        self._remainder = remainder
        self._lists: list[list[Any]] = []
        self._number = 0

    def feed(self, item: Any) -> tuple[Any, ...]:
        if self._number % self._every == 0:
            self._lists.append([])
        self._number += 1
        value = loaded(item)
        for each in self._lists:
            each.append(value)
        if self._lists and len(self._lists[0]) == self._size:
            return (self._lists.pop(0),)
        return ()

    def finish(self) -> list[Any]:
        return self._lists if self._remainder else []


class _Runs(Step):
    def __init__(self, size: int, skip: int, *, remainder: bool) -> None:
        self._size = size
        self._skip = skip
        self._remainder = remainder
        self._number = 0
        self._items: list[Any] = []

    def feed(self, item: Any) -> tuple[Any, ...]:
        self._number += 1
        if self._number > self._skip:
            self._items.append(loaded(item))
        if self._number < self._skip + self._size:
            return ()
        full, self._items, self._number = self._items, [], 0
        return (full,)

    def finish(self) -> list[Any]:
        return [self._items] if self._remainder and self._items else []


class _Buffer(Step):
    def __init__(self, opening: Function | None, closing: Function, *, remainder: bool) -> None:
        self._opening = opening
        self._closing = closing
        self._remainder = remainder
        self._items: list[Any] = []
        self._open = opening is None

    def feed(self, item: Any) -> tuple[Any, ...]:
        if not self._open and self._opening is not None:
            self._open = bool(self._opening(item))
        if not self._open:
            return ()
        self._items.append(loaded(item))
        if not self._closing(item):
            return ()
        full, self._items, self._open = self._items, [], self._opening is None
        return (full,)

    def finish(self) -> list[Any]:
        return [self._items] if self._remainder and self._items else []
