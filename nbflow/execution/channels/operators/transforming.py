"""Operators that turn each item into others: each by itself, as soon as it is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from nbflow.errors import InputError
from nbflow.execution.channels.arguments import By, Function, condition, flag, function, indices
from nbflow.execution.channels.handle import ChannelT, Handle
from nbflow.execution.channels.items import HOLE, loaded
from nbflow.execution.channels.kinds import Each, Several
from nbflow.execution.channels.rows import Row, positions, row


class Transforming(Handle[ChannelT]):
    """The operators of a channel that turn each item into others."""

    def map(self, function: Callable[[Any], Any]) -> ChannelT:
        """Give each item to a function; the channel of what it returns.

        None is an item like any other: drop it with `filter`. Operators run when somebody needs their items, the function
        once for each, however many need it. It must not change its item: others are given the same object.

        Parameters
        ----------
        function : callable
            Takes an item.

        Examples
        --------
        >>> list(channel.of(1, 2, 3).map(lambda n: n * n))
        [1, 4, 9]
        """
        return self._each("map", _value_of(_checked("map", function)))

    def filter(self, condition: object) -> ChannelT:
        """Keep the items for which a condition holds.

        Parameters
        ----------
        condition : callable, type, re.Pattern or object
            A predicate; or a type that items must have, a regular expression that their whole text must match, or
            a value that they must equal.

        Examples
        --------
        >>> list(channel.of("a", "b", "aa", 3).filter(re.compile("a.*")))
        ['a', 'aa']
        """
        holds = _condition("filter", condition)
        return self._each("filter", lambda item: item if holds(item) else HOLE)

    def flat_map(self, function: Callable[[Any], Any] | None = None) -> ChannelT:
        """Give each item to a function; the channel of all that is in what it returns.

        A dict gives its pairs, None gives nothing, and what cannot be iterated over, and text, is one item. A generator is
        drawn from as items are wanted.

        Parameters
        ----------
        function : callable or None
            Takes an item; without one the items themselves are taken apart.

        Examples
        --------
        >>> list(channel.of(1, 2).flat_map(lambda n: [n, n * 10]))
        [1, 10, 2, 20]
        """
        make = _of(_checked("flat_map", function)) if function is not None else loaded
        return self._several("flat_map", lambda item: _spread(make(item)))

    def flatten(self) -> ChannelT:
        """Take lists and tuples apart, also those that lie in one another.

        Examples
        --------
        >>> list(channel.of([1, [2, 3]], 4, [5, [6]]).flatten())
        [1, 2, 3, 4, 5, 6]
        """
        return self._several("flatten", lambda item: _flat(loaded(item)))

    def transpose(self, by: By | None = None, *, remainder: bool = False) -> ChannelT:
        """Take the lists in each tuple apart: one tuple for each of their elements. It undoes `group_tuple`.

        Parameters
        ----------
        by : int, str, or list of these
            Positions or field names of the lists to be taken apart; by default all lists in the tuple.
        remainder : bool
            Whether to go on to the end of the longest list, with None for what the shorter ones lack; else to the end of
            the shortest.

        Examples
        --------
        >>> list(channel.of((1, ["A", "B"]), (2, ["C"])).transpose())
        [(1, 'A'), (1, 'B'), (2, 'C')]
        """
        flag("transpose", remainder=remainder)
        chosen = None if by is None else indices("transpose", by)
        return self._several("transpose", lambda item: _transposed(loaded(item), chosen, remainder=remainder))

    def _each(self, operator: str, make: Function) -> ChannelT:
        return self._channel(Each(self._node.engine, self._node, operator, make), is_value=self._is_value)

    def _several(self, operator: str, make: Callable[[Any], Iterable[Any]]) -> ChannelT:
        return self._channel(Several(self._node.engine, self._node, operator, make))


_checked, _condition = function, condition  # the parameters of the methods are called so too


def _of(make: Function) -> Function:
    return lambda item: make(loaded(item))


def _value_of(make: Function) -> Function:
    def made(item: Any) -> Any:
        value = make(loaded(item))
        if isinstance(value, Handle):
            raise InputError(
                "the function returned a channel, which cannot be an item: give the process the channel itself, "
                "as in `fit(items)`, or the items of both to one operator, as in `a.combine(b)`"
            )
        return value

    return made


def _spread(made: Any) -> Iterable[Any]:
    if made is None:
        return ()
    if isinstance(made, Mapping):
        return iter(made.items())
    if isinstance(made, (set, frozenset)):
        raise InputError("a set has no order, so the channel would differ from run to run: return sorted(...)")
    if isinstance(made, (str, bytes, bytearray)) or not isinstance(made, Iterable):
        return (made,)
    return made


def _flat(item: Any) -> Iterator[Any]:
    if isinstance(item, (list, tuple)):
        for each in item:
            yield from _flat(each)
    else:
        yield item


def _transposed(item: Any, by: tuple[int | str, ...] | None, *, remainder: bool) -> Iterator[Any]:
    whole = row(item)
    lists = [] if whole is None else _lists(whole, by)
    if whole is None or not lists:
        yield item
        return
    sizes = [len(whole.values[at]) for at in lists]
    for number in range(max(sizes) if remainder else min(sizes)):
        values = list(whole.values)
        for at in lists:
            values[at] = whole.values[at][number] if number < len(whole.values[at]) else None
        yield whole.with_values(values).item()


def _lists(whole: Row, by: tuple[int | str, ...] | None) -> list[int]:
    if by is None:
        return [at for at, value in enumerate(whole.values) if isinstance(value, list)]
    chosen = positions(whole, by)
    for at in chosen:
        if not isinstance(whole.values[at], (list, tuple)):
            raise InputError(
                f"an item has a {type(whole.values[at]).__name__} at position {at}, where `by` expects a list"
            )
    return chosen
