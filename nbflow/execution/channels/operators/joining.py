"""The node that joins two channels by a key: each item with one partner."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from typing import Any

from nbflow.errors import InputError
from nbflow.execution.channels.engine import Engine
from nbflow.execution.channels.flow import Node
from nbflow.execution.channels.items import loaded
from nbflow.execution.channels.kinds import Growing, blame
from nbflow.execution.channels.order import Order, Woven
from nbflow.execution.channels.rows import Row, keyed, same

_SHOWN = 10


class Join(Growing):
    """Two items with the same key, as soon as it is sure that they go together.

    Parameters
    ----------
    engine : Engine
        The thread that moves its items.
    left, right : Node
        Where they come from.
    by : tuple of int and str
        The key's parts.
    remainder : bool
        Whether items without a partner follow.
    strict : bool
        Whether an item without a partner is an error.
    unique : bool
        Whether a repeated key is an error; then no item waits for those before it.
    """

    def __init__(
        self,
        engine: Engine,
        left: Node,
        right: Node,
        *,
        by: tuple[int | str, ...],
        remainder: bool,
        strict: bool,
        unique: bool,
    ) -> None:
        super().__init__(engine, left, right)
        # After those of the first node come those without a partner, as if one more item had made them all.
        self.order = Woven([left.order, Order()])
        self.ordered = not unique
        self._by = by
        self._remainder = remainder
        self._strict = strict
        self._unique = unique
        self._alone: tuple[dict[Hashable, deque[tuple[int, Row, Row]]], ...] = ({}, {})
        self._keys: tuple[set[Hashable], set[Hashable]] = (set(), set())
        self._shapes: list[Row | None] = [None, None]
        self._ends = 0

    def takes(self, side: int) -> bool:
        return self.wants() and not self._queue

    def accept_from(self, side: int, position: int, item: Any) -> None:
        try:
            key, rest = keyed(loaded(item), self._by)
            found = same(key.values)
            self._check_repeated(side, key, found)
        except BaseException as error:
            blame(error, "join", item)
            raise
        if self._shapes[side] is None:
            self._shapes[side] = rest
        partners = self._alone[1 - side].get(found)
        if partners:
            partner = partners.popleft()
            if not partners:
                del self._alone[1 - side][found]
            self._pair((position, key, rest), partner, side)
        else:
            self._alone[side].setdefault(found, deque()).append((position, key, rest))

    def _check_repeated(self, side: int, key: Row, found: Hashable) -> None:
        if not self._unique:
            return
        if found in self._keys[side]:
            which = ("this channel", "the other channel")[side]
            raise InputError(
                f"`join`: the key {_shown(key)} comes twice in {which}, which fail_on_duplicate=True refuses; "
                "combine(other, by=...) gives all pairs of a key"
            )
        self._keys[side].add(found)

    def _pair(self, one: tuple[int, Row, Row], two: tuple[int, Row, Row], side: int) -> None:
        left, right = (one, two) if side == 0 else (two, one)
        position, key, rest = left
        self.put(_item(key + rest + right[2]), (0, position))
        self.close(0, position)

    def upstream_length(self, side: int, length: int) -> None:
        """Nothing: the sides end when what is without a partner has been looked at."""

    def skip(self, side: int, position: int) -> None:
        if side == 0:
            self.close(0, position)

    def upstream_done(self, side: int) -> None:
        self._ends += 1
        if self._ends < len(self.upstreams):
            return
        if self._strict:
            self._refuse_alone()
        for position in [entry[0] for entries in self._alone[0].values() for entry in entries]:
            self.close(0, position)
        self.order.end(0, self.upstreams[0].length or 0)
        self._pass_order_on()
        if self._remainder:
            self._put_alone()
        self.order.end(1, 1)
        self.finish()

    def _put_alone(self) -> None:
        """What is without a partner follows, that of the first node and then that of the second, each in its order."""
        for side in (0, 1):
            entries = [entry for entries in self._alone[side].values() for entry in entries]
            ranks = self._ranks(side)
            entries.sort(key=lambda entry: ranks[entry[0]])
            self.pour([self._padded(side, key, rest) for _, key, rest in entries], (1, 0))

    def _ranks(self, side: int) -> dict[int, int]:
        node = self.upstreams[side]
        return {node.order.at(rank) or 0: rank for rank in range(node.length or 0)}

    def _padded(self, side: int, key: Row, rest: Row) -> Any:
        shape = self._shapes[1 - side] or Row((None,))
        missing = shape.with_values(None for _ in shape.values)
        return _item(key + rest + missing if side == 0 else key + missing + rest)

    def _refuse_alone(self) -> None:
        alone = [entry[1] for side in self._alone for entries in side.values() for entry in entries]
        if alone:
            shown = ", ".join(_shown(key) for key in alone[:_SHOWN]) + (", ..." if len(alone) > _SHOWN else "")
            raise InputError(
                f"`join`: {len(alone)} items have no partner, which fail_on_mismatch=True refuses; their keys: {shown}"
            )


def _item(made: Row) -> Any:
    return made.values[0] if len(made.values) == 1 else made.item()


def _shown(key: Row) -> str:
    return repr(key.values[0] if len(key.values) == 1 else key.values)
