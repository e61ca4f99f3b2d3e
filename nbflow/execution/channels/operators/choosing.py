"""Operators that choose among the items by those before: they take them in the order of the input."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Final

from nbflow.execution.channels.arguments import Function, condition, key, whole
from nbflow.execution.channels.handle import ChannelT, Handle
from nbflow.execution.channels.items import loaded
from nbflow.execution.channels.kinds import Step, Stepped
from nbflow.execution.channels.rows import same

_NOTHING: Final = object()


class Choosing(Handle[ChannelT]):
    """The operators of a channel that choose among its items."""

    def take(self, n: int) -> ChannelT:
        """The first `n` items. What comes later is not asked for: no function is called for it.

        Tasks of a process that was called run all the same; take before the call what it shall run for.

        Parameters
        ----------
        n : int
            How many; -1 for all.

        Examples
        --------
        >>> list(channel.from_list(range(10)).take(3))
        [0, 1, 2]
        """
        return self._chosen("take", _Take(whole("take", "n", n, -1)))

    def until(self, condition: object) -> ChannelT:
        """The items before the first for which a condition holds; what comes later is not asked for.

        Parameters
        ----------
        condition : callable, type, re.Pattern or object
            As for `filter`.

        Examples
        --------
        >>> list(channel.of(3, 2, 1, 5, 1, 5).until(lambda n: n == 5))
        [3, 2, 1]
        """
        return self._chosen("until", _Until(_condition("until", condition)))

    def unique(self, by: Callable[[Any], Any] | None = None) -> ChannelT:
        """The items without those that came before.

        Parameters
        ----------
        by : callable or None
            Gives of an item what must be unique; by default all of it.

        Examples
        --------
        >>> list(channel.of(1, 1, 2, 3, 1).unique())
        [1, 2, 3]
        """
        return self._chosen("unique", _Unique(key("unique", by)))

    def distinct(self, by: Callable[[Any], Any] | None = None) -> ChannelT:
        """The items without those that equal the one before them.

        Parameters
        ----------
        by : callable or None
            Gives of an item what is compared; by default all of it.

        Examples
        --------
        >>> list(channel.of(1, 1, 2, 2, 1).distinct())
        [1, 2, 1]
        """
        return self._chosen("distinct", _Distinct(key("distinct", by)))

    def if_empty(self, default: object) -> ChannelT:
        """The items, or a default where there is none.

        Parameters
        ----------
        default : object
            The one item that an empty channel shall have; a function is called for it.

        Examples
        --------
        >>> list(channel.empty().if_empty("hello"))
        ['hello']
        """
        return self._chosen("if_empty", _IfEmpty(default))

    def _chosen(self, operator: str, step: Step) -> ChannelT:
        return self._channel(Stepped(self._node.engine, self._node, operator, step), is_value=self._is_value)


_condition = condition  # the parameters of the methods are called so too


class _Take(Step):
    def __init__(self, n: int) -> None:
        self._left = n
        self.ended = n == 0

    def feed(self, item: Any) -> tuple[Any, ...]:
        self._left -= 1
        self.ended = self._left == 0
        return (item,)


class _Until(Step):
    def __init__(self, stops: Function) -> None:
        self._stops = stops

    def feed(self, item: Any) -> tuple[Any, ...]:
        self.ended = bool(self._stops(item))
        return () if self.ended else (item,)


class _Unique(Step):
    def __init__(self, by: Function) -> None:
        self._by = by
        self._seen: set[Hashable] = set()

    def feed(self, item: Any) -> tuple[Any, ...]:
        found = same(self._by(loaded(item)))
        if found in self._seen:
            return ()
        self._seen.add(found)
        return (item,)


class _Distinct(Step):
    def __init__(self, by: Function) -> None:
        self._by = by
        self._before: object = _NOTHING

    def feed(self, item: Any) -> tuple[Any, ...]:
        found = same(self._by(loaded(item)))
        repeated, self._before = found == self._before, found
        return () if repeated else (item,)


class _IfEmpty(Step):
    def __init__(self, default: Any) -> None:
        self._default = default
        self._empty = True

    def feed(self, item: Any) -> tuple[Any, ...]:
        self._empty = False
        return (item,)

    def finish(self) -> tuple[Any, ...]:
        if not self._empty:
            return ()
        return (self._default() if callable(self._default) else self._default,)
