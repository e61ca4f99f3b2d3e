"""Operators that make one item of all: they give value channels."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from nbflow.errors import InputError
from nbflow.execution.channels.arguments import Function, condition, flag, function, key, sorting
from nbflow.execution.channels.handle import ChannelT, Handle
from nbflow.execution.channels.items import loaded
from nbflow.execution.channels.kinds import Step, Stepped

_NOTHING: Final = object()


class Gathering(Handle[ChannelT]):
    """The operators of a channel that make one item of all."""

    def collect(
        self,
        function: Callable[[Any], Any] | None = None,
        *,
        flat: bool = True,
        sort: bool | Callable[[Any], Any] = False,
    ) -> ChannelT:
        """All items as one list: a value channel.

        Parameters
        ----------
        function : callable or None
            What is collected of each item; by default the item.
        flat : bool
            Whether an item that is a list adds its elements, and not itself. Tuples and records are never taken apart.
        sort : bool or callable
            Whether the list is sorted, or the key that it is sorted by. Without it, the order is that of the input.

        Returns
        -------
        Channel
            Its item is the list, empty where the channel is.

        Examples
        --------
        >>> channel.of(1, [2, 3]).collect().value
        [1, 2, 3]
        """
        flag("collect", flat=flat)
        make = loaded if function is None else _of(_checked("collect", function))
        return self._gathered("collect", _List(make, sorting("collect", sort), flat=flat))

    def to_list(self) -> ChannelT:
        """All items as one list, each as it is: a value channel.

        Examples
        --------
        >>> channel.of(1, [2, 3]).to_list().value
        [1, [2, 3]]
        """
        return self._gathered("to_list", _List(loaded, None, flat=False))

    def to_sorted_list(self, by: Callable[[Any], Any] | None = None) -> ChannelT:
        """All items as one sorted list: a value channel.

        Parameters
        ----------
        by : callable or None
            The key to sort by; ``functools.cmp_to_key`` makes one of a function that compares two items.

        Examples
        --------
        >>> channel.of(3, 1, 2).to_sorted_list().value
        [1, 2, 3]
        """
        return self._gathered("to_sorted_list", _List(loaded, key("to_sorted_list", by), flat=False))

    def first(self, condition: object = _NOTHING) -> ChannelT:
        """The first item, or the first for which a condition holds: a value channel.

        What comes later is not asked for: no function is called for it.

        Parameters
        ----------
        condition : callable, type, re.Pattern or object
            As for `filter`.

        Examples
        --------
        >>> channel.of(1, 2, 3).first(lambda n: n > 1).value
        2
        """
        return self._gathered("first", _First(_condition_or_any("first", condition)))

    def last(self) -> ChannelT:
        """The last item: a value channel.

        Examples
        --------
        >>> channel.of(1, 2, 3).last().value
        3
        """
        return self._gathered("last", _Reduce(lambda _, item: item, raw=True))

    def count(self, condition: object = _NOTHING) -> ChannelT:
        """How many items there are, or for how many a condition holds: a value channel.

        Parameters
        ----------
        condition : callable, type, re.Pattern or object
            As for `filter`.

        Examples
        --------
        >>> channel.of(4, 1, 7, 1).count(1).value
        2
        """
        return self._gathered("count", _Count(_condition_or_any("count", condition)))

    def reduce(self, function: Callable[[Any, Any], Any], seed: Any = _NOTHING) -> ChannelT:
        """What a function makes of the items, one after the other: a value channel.

        Parameters
        ----------
        function : callable
            Takes what there is so far and an item; returns what there is then.
        seed : object
            What there is before the first item; by default the first item is.

        Examples
        --------
        >>> channel.of(1, 2, 3).reduce(lambda total, n: total + n).value
        6
        """
        return self._gathered("reduce", _Reduce(_of_two(function), seed))

    def min(self, by: Callable[[Any], Any] | None = None) -> ChannelT:
        """The least item, the first of several: a value channel.

        Parameters
        ----------
        by : callable or None
            Gives of an item what is compared; by default all of it.

        Examples
        --------
        >>> channel.of("hello", "hi", "hey").min(len).value
        'hi'
        """
        return self._gathered("min", _Best(key("min", by), lambda one, other: bool(one < other)))

    def max(self, by: Callable[[Any], Any] | None = None) -> ChannelT:
        """The greatest item, the first of several: a value channel.

        Parameters
        ----------
        by : callable or None
            Gives of an item what is compared; by default all of it.

        Examples
        --------
        >>> channel.of("hello", "hi", "hey").max(len).value
        'hello'
        """
        return self._gathered("max", _Best(key("max", by), lambda one, other: bool(one > other)))

    def sum(self, function: Callable[[Any], Any] | None = None) -> ChannelT:
        """The sum of the items, of lists and tuples element by element: a value channel.

        Parameters
        ----------
        function : callable or None
            What is added of each item; by default the item.

        Examples
        --------
        >>> channel.of(4, 1, 7, 5).sum(lambda n: n * n).value
        91
        """
        make = key("sum", function, "function")
        return self._gathered("sum", _Sum(make))

    def _gathered(self, operator: str, step: Step) -> ChannelT:
        return self._channel(Stepped(self._node.engine, self._node, operator, step), is_value=True)


_checked = function  # the parameters of the methods are called so too


def _condition_or_any(operator: str, value: object) -> Function | None:
    return None if value is _NOTHING else condition(operator, value)


def _of_two(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    _checked("reduce", function)
    return function


def _of(make: Function) -> Function:
    return lambda item: make(loaded(item))


class _List(Step):
    def __init__(self, make: Function, sort: Function | None, *, flat: bool) -> None:
        self._make = make
        self._sort = sort
        self._flat = flat
        self._items: list[Any] = []

    def feed(self, item: Any) -> tuple[Any, ...]:
        made = self._make(item)
        if self._flat and isinstance(made, list):
            self._items += made
        else:
            self._items.append(made)
        return ()

    def finish(self) -> Iterable[Any]:
        if self._sort is not None:
            self._items.sort(key=self._sort)
        return (self._items,)


class _First(Step):
    def __init__(self, holds: Function | None) -> None:
        self._holds = holds

    def feed(self, item: Any) -> tuple[Any, ...]:
        self.ended = self._holds is None or bool(self._holds(item))
        return (item,) if self.ended else ()


class _Count(Step):
    def __init__(self, holds: Function | None) -> None:
        self._holds = holds
        self._count = 0

    def feed(self, item: Any) -> tuple[Any, ...]:
        self._count += self._holds is None or bool(self._holds(item))
        return ()

    def finish(self) -> tuple[Any, ...]:
        return (self._count,)


class _Reduce(Step):
    def __init__(self, function: Callable[[Any, Any], Any], seed: Any = _NOTHING, *, raw: bool = False) -> None:
        self._function = function
        self._made = seed
        self._raw = raw

    def feed(self, item: Any) -> tuple[Any, ...]:
        item = item if self._raw else loaded(item)
        self._made = item if self._made is _NOTHING else self._function(self._made, item)
        return ()

    def finish(self) -> tuple[Any, ...]:
        return () if self._made is _NOTHING else (self._made,)


class _Best(Step):
    def __init__(self, by: Function, better: Callable[[Any, Any], bool]) -> None:
        self._by = by
        self._better = better
        self._best: tuple[Any, ...] = ()
        self._its: Any = None

    def feed(self, item: Any) -> tuple[Any, ...]:
        found = self._by(loaded(item))
        if not self._best or self._better(found, self._its):
            self._best, self._its = (item,), found
        return ()

    def finish(self) -> tuple[Any, ...]:
        return self._best


class _Sum(Step):
    def __init__(self, make: Function) -> None:
        self._make = make
        self._total: Any = _NOTHING

    def feed(self, item: Any) -> tuple[Any, ...]:
        found = self._make(loaded(item))
        self._total = found if self._total is _NOTHING else _plus(self._total, found)
        return ()

    def finish(self) -> tuple[Any, ...]:
        return (0 if self._total is _NOTHING else self._total,)


def _plus(total: Any, item: Any) -> Any:
    if not isinstance(total, (list, tuple)) or not isinstance(item, (list, tuple)):
        return total + item
    if len(total) != len(item):
        raise InputError(f"lists of {len(total)} and {len(item)} elements cannot be added element by element")
    added = [one + other for one, other in zip(total, item, strict=True)]
    return added if isinstance(total, list) else tuple(added)
