"""Operators that put the items of several channels together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nbflow.errors import InputError
from nbflow.execution.channels.arguments import By, flag, indices, key, refused
from nbflow.execution.channels.flow import Node, Source
from nbflow.execution.channels.handle import ChannelT, Handle, channel_argument
from nbflow.execution.channels.kinds import Mixed
from nbflow.execution.channels.operators.joining import Join
from nbflow.execution.channels.operators.pairing import Concat, Merge, Pairs
from nbflow.execution.channels.rows import keyed, parts, row


class Combining(Handle[ChannelT]):
    """The operators of a channel that put its items together with those of others."""

    def join(
        self,
        other: Handle[Any],
        by: By = 0,
        *,
        remainder: bool = False,
        fail_on_mismatch: bool = False,
        fail_on_duplicate: bool = False,
    ) -> ChannelT:
        """One tuple for each two items with the same key: the key, the rest of the one, the rest of the other.

        The order is that of this channel. Of items that repeat a key the first go with each other, then the second. Where two
        records (named tuples or dicts) share no other names, the result is a record too.

        Parameters
        ----------
        other : Channel
            The other channel.
        by : int, str, or list of these
            Positions or field names of the key in both.
        remainder : bool
            Whether items without a partner come at the end, with None for what the other channel's have; else they are
            dropped.
        fail_on_mismatch : bool
            Whether an item without a partner is an error.
        fail_on_duplicate : bool
            Whether a key that comes twice in one channel is an error. As every key is then sure to have one partner, items
            go on as soon as both are there, without waiting for those before them.

        Examples
        --------
        >>> list(channel.of(("X", 1), ("Y", 2)).join(channel.of(("Y", 5), ("X", 4))))
        [('X', 1, 4), ('Y', 2, 5)]
        """
        flag("join", remainder=remainder, fail_on_mismatch=fail_on_mismatch, fail_on_duplicate=fail_on_duplicate)
        if remainder and fail_on_mismatch:
            raise InputError(
                "`join`: `remainder` and `fail_on_mismatch` contradict each other; give one", name="remainder"
            )
        chosen = indices("join", by)
        partners = channel_argument("join", "other", other).node
        joined = Join(
            self._node.engine,
            self._node,
            partners,
            by=chosen,
            remainder=remainder,
            strict=fail_on_mismatch,
            unique=fail_on_duplicate,
        )
        return self._channel(joined)

    def combine(self, other: Handle[Any] | Sequence[Any], by: By | None = None) -> ChannelT:
        """Each item with each of another channel, or with each that has the same key.

        Tuples and records are put together to one; a list is one value. The order is that of this channel, and
        for each of its items that of the other.

        Parameters
        ----------
        other : Channel, list, tuple or range
            The other items.
        by : int, str, list of these, or None
            Positions or field names of the key in both, which then comes first.

        Examples
        --------
        >>> list(channel.of(1, 2).combine(channel.of("a", "b")))
        [(1, 'a'), (1, 'b'), (2, 'a'), (2, 'b')]
        >>> list(channel.of((1, "alpha")).combine(channel.of((1, "x"), (2, "p"), (1, "y")), by=0))
        [(1, 'alpha', 'x'), (1, 'alpha', 'y')]
        """
        node = self._other_items(other)
        if by is None:
            return self._pairs("combine", node, _whole, lambda one, two: (parts(one) + parts(two)).item())
        chosen = indices("combine", by)
        return self._pairs(
            "combine", node, lambda item: keyed(item, chosen)[0].values, lambda *two: _joined(chosen, *two)
        )

    def cross(self, other: Handle[Any], by: Callable[[Any], Any] | None = None) -> ChannelT:
        """The pairs of an item and one of another channel that has the same key, each as it is.

        Parameters
        ----------
        other : Channel
            The other channel.
        by : callable or None
            Gives the key of an item of either; by default its first part, or the item itself if it has none.

        Examples
        --------
        >>> list(channel.of((1, "alpha")).cross(channel.of((1, "x"), (2, "p"), (1, "y"))))
        [((1, 'alpha'), (1, 'x')), ((1, 'alpha'), (1, 'y'))]
        """
        find = _first_part if by is None else key("cross", by)
        return self._pairs("cross", channel_argument("cross", "other", other).node, find, lambda *two: two)

    def merge(self, *others: Handle[Any]) -> ChannelT:
        """The first items of all channels in one, then the second, as far as all have some.

        Tuples and records are put together to one. Value channels give their item every time; if this is one, so is
        the result.

        Parameters
        ----------
        *others : Channel
            The other channels.

        Examples
        --------
        >>> list(channel.of(1, 3, 5).merge(channel.of(2, 4)))
        [(1, 2), (3, 4)]
        """
        nodes = self._nodes("merge", others)
        values = [channel.is_value and not self._is_value for channel in (self, *others)]
        merged = Merge(self._node.engine, nodes, values, only_one=self._is_value)
        return self._channel(merged, is_value=self._is_value)

    def mix(self, *others: Handle[Any]) -> ChannelT:
        """The items of all channels, each as soon as it is there.

        They are read in the order of the arguments: all of this channel, then all of the next. So it does not depend on
        timing what the channel holds, although items do not wait for each other.

        Parameters
        ----------
        *others : Channel
            The other channels.

        Examples
        --------
        >>> list(channel.of(1, 2).mix(channel.of("a", "b"), channel.value("z")))
        [1, 2, 'a', 'b', 'z']
        """
        return self._channel(Mixed(self._node.engine, *self._nodes("mix", others)))

    def concat(self, *others: Handle[Any]) -> ChannelT:
        """The items of this channel, then those of the next, which wait until the one before has ended.

        What it holds is what `mix` gives; use that unless what follows shall wait.

        Parameters
        ----------
        *others : Channel
            The other channels.

        Examples
        --------
        >>> list(channel.of("a", "b").concat(channel.of(1, 2)))
        ['a', 'b', 1, 2]
        """
        return self._channel(Concat(self._node.engine, *self._nodes("concat", others)))

    def _nodes(self, operator: str, others: Sequence[object]) -> tuple[Node, ...]:
        if not others:
            raise InputError(f"`{operator}` takes at least one other channel")
        return (self._node, *(channel_argument(operator, "others", other).node for other in others))

    def _other_items(self, other: object) -> Node:
        if isinstance(other, Handle):
            return other.node
        if not isinstance(other, (list, tuple, range)):
            raise refused("combine", "other", "a channel, or a list of items", other)
        return Source(self._node.engine, tuple(other))

    def _pairs(
        self, operator: str, other: Node, find: Callable[[Any], Any], pair: Callable[[Any, Any], Any]
    ) -> ChannelT:
        return self._channel(Pairs(self._node.engine, self._node, other, operator, find, pair))


def _whole(_item: Any) -> tuple[()]:
    return ()


def _first_part(item: Any) -> Any:
    whole = row(item)
    if whole is None:
        return item
    return whole.values[0] if whole.values else None


def _joined(by: tuple[int | str, ...], one: Any, two: Any) -> Any:
    key, rest = keyed(one, by)
    made = key + rest + keyed(two, by)[1]
    return made.values[0] if len(made.values) == 1 else made.item()
