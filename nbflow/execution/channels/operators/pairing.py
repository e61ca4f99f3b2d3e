"""The nodes that put items of several channels together by their place or by a key, each with each.

What each pair is made of is a function that they are given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final

from nbflow.execution.channels.engine import Engine
from nbflow.execution.channels.flow import Node
from nbflow.execution.channels.items import HOLE, loaded
from nbflow.execution.channels.kinds import Growing, Pouring, blame
from nbflow.execution.channels.order import Order
from nbflow.execution.channels.rows import Row, parts, same

_AHEAD: Final = 256
"""Items that one channel may be ahead of the others it is merged with."""


class Pairs(Growing):
    """Each item of the first node with each of the second that has the same key, as soon as both are there.

    Parameters
    ----------
    engine : Engine
        The thread that moves its items.
    left, right : Node
        Where they come from.
    operator : str
        The operator's name, for errors.
    find : callable
        The key of an item.
    pair : callable
        What two items make.
    """

    def __init__(
        self,
        engine: Engine,
        left: Node,
        right: Node,
        operator: str,
        find: Callable[[Any], Any],
        pair: Callable[[Any, Any], Any],
    ) -> None:
        super().__init__(engine, left, right)
        self._operator = operator
        self._find = find
        self._pair = pair
        self._lefts: dict[Hashable, list[tuple[int, Any]]] = {}
        self._rights: dict[Hashable, list[Any]] = {}
        self._early: dict[int, Any] = {}
        self._rank = 0
        self._rights_ended = False

    def accept_from(self, side: int, position: int, item: Any) -> None:
        try:
            value = loaded(item)
            key = same(self._find(value))
        except BaseException as error:
            blame(error, self._operator, item)
            raise
        if side == 0:
            self._take_left(position, key, value)
        else:
            self._early[position] = key, value
            self._take_rights()

    def _take_left(self, position: int, key: Hashable, left: Any) -> None:
        rights = self._rights.get(key, [])
        self.pour(map(self._both(left), tuple(rights)), (position, self._rights_ended))
        if not self._rights_ended:
            self._lefts.setdefault(key, []).append((position, left))

    def _take_rights(self) -> None:
        """Take what has come of the second node in its order, so that all items of the first meet it in that order."""
        while (position := self.upstreams[1].order.at(self._rank)) in self._early:
            assert position is not None
            self._rank += 1
            keyed_right = self._early.pop(position)
            if keyed_right is not HOLE:
                self._take_right(*keyed_right)

    def _take_right(self, key: Hashable, right: Any) -> None:
        self._rights.setdefault(key, []).append(right)
        for position, left in self._lefts.get(key, ()):
            self.pour(map(self._both(left), (right,)), (position, False))

    def _both(self, left: Any) -> Callable[[Any], Any]:
        return lambda right: self._pair(left, right)

    def takes(self, side: int) -> bool:
        # What is there of the second is drawn first: until it has ended, items of the first must be kept.
        return super().takes(side) and (side == 1 or self._rights_ended or not self.upstreams[1].done)

    def place(self, position: int, tag: Any) -> None:
        self.order.add(0, tag[0], position)

    def poured(self, tag: Any) -> None:
        position, last = tag
        if last:
            self.close(0, position)

    def skip(self, side: int, position: int) -> None:
        if side == 0:
            self.close(0, position)
        else:
            self._early[position] = HOLE
            self._take_rights()

    def reordered(self, side: int) -> None:
        if side == 1:
            self._take_rights()
        else:
            super().reordered(side)

    def upstream_length(self, side: int, length: int) -> None:
        super().upstream_length(side, length if side == 0 else 0)

    def upstream_done(self, side: int) -> None:
        if side == 1:
            self._rights_ended = True
            for lefts in self._lefts.values():
                for position, _ in lefts:
                    self.pour((), (position, True))
            self._lefts.clear()
        super().upstream_done(side)


class Merge(Pouring):
    """The first items of all nodes, then the second ones.

    Parameters
    ----------
    engine : Engine
        The thread that moves its items.
    nodes : sequence of Node
        Where they come from.
    values : sequence of bool
        Which of them give one item every time.
    only_one : bool
        Whether it ends after the first.
    """

    ordered = True

    def __init__(self, engine: Engine, nodes: Sequence[Node], values: Sequence[bool], *, only_one: bool) -> None:
        super().__init__(engine, *nodes, order=Order())
        self._values = values
        self._only_one = only_one
        self._waiting: list[deque[Any]] = [deque() for _ in nodes]
        self._ended = [False] * len(nodes)

    def takes(self, side: int) -> bool:
        return not self._closing and self.wants() and len(self._waiting[side]) < _AHEAD

    def accept_from(self, side: int, position: int, item: Any) -> None:
        if self._closing:
            return
        self._waiting[side].append(item)
        while all(self._waiting) and not self._closing:
            made = Row(())
            for number, (items, repeats) in enumerate(zip(self._waiting, self._values, strict=True)):
                more = parts(loaded(items[0] if repeats else items.popleft()))
                made = made + more if number else more
            self.put(made.item(), None)
            self._finish_if_short()

    def upstream_done(self, side: int) -> None:
        self._ended[side] = True
        self._finish_if_short()

    def _finish_if_short(self) -> None:
        short = any(ended and not items for ended, items in zip(self._ended, self._waiting, strict=True))
        if not self._closing and (short or (self._only_one and self._count)):
            self.finish()


class Concat(Pouring):
    """All items of the first node, then of the next, which wait for it."""

    ordered = True

    def __init__(self, engine: Engine, *nodes: Node) -> None:
        super().__init__(engine, *nodes, order=Order())
        self._waiting: list[list[Any]] = [[] for _ in nodes]
        self._ended = [False] * len(nodes)
        self._side = 0

    def takes(self, side: int) -> bool:
        return side == self._side and super().takes(side)

    def accept_from(self, side: int, position: int, item: Any) -> None:
        if side == self._side and not self._queue:
            self.put(item, None)
        elif side == self._side:
            self.pour((item,))
        else:
            self._waiting[side].append(item)

    def upstream_done(self, side: int) -> None:
        self._ended[side] = True
        while self._side < len(self._ended) and self._ended[self._side]:
            self._side += 1
            if self._side < len(self._ended):
                waiting, self._waiting[self._side] = self._waiting[self._side], []
                self.pour(waiting)
        if self._side == len(self._ended):
            self.finish()
