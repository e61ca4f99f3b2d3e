"""The kinds of nodes that operators are made of: one item for each, several for each, or step by step in the input's order.

Alone decides what an operator's function costs in waiting: each item by itself goes on as soon as it is done; what depends on
the items before it waits for these. What one item turns into is drawn from an iterator as it is wanted, so that it never
lies in memory as a whole. Knows no operator by name.
"""

from __future__ import annotations

import reprlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from nbflow.execution.channels.engine import Engine
from nbflow.execution.channels.failures import guarded
from nbflow.execution.channels.flow import Edge, Node
from nbflow.execution.channels.items import loaded
from nbflow.execution.channels.order import Order, Woven

_END: Final = object()
_SHOWN = reprlib.Repr()
_SHOWN.maxstring = _SHOWN.maxother = 120


def blame(error: BaseException, operator: str, *about: Any) -> None:
    """Note on an error which operator's function raised it, and for which item."""
    item = f", for the item {_SHOWN.repr(loaded(about[0]))}" if about else ""
    error.add_note(f"raised in `{operator}` of a channel{item}")


class Each(Node):
    """One item for each, or none, as soon as it is there.

    Parameters
    ----------
    engine : Engine
        The thread that moves its items.
    upstream : Node
        Where they come from.
    operator : str
        The operator's name, for errors.
    function : callable
        Takes an item as it came, perhaps unread; returns an item or `HOLE`.
    """

    def __init__(self, engine: Engine, upstream: Node, operator: str, function: Callable[[Any], Any]) -> None:
        super().__init__(engine, upstream)
        self._operator = operator
        self._function = function

    def accept(self, position: int, item: Any) -> None:
        try:
            made = self._function(item)
        except BaseException as error:
            blame(error, self._operator, item)
            raise
        self.resolve(position, made)


class Pouring(Node):
    """A node that is handed iterables, and draws from them one after the other as its items are wanted."""

    def __init__(self, engine: Engine, *upstreams: Node, order: Order) -> None:
        super().__init__(engine, *upstreams, order=order)
        self._queue: deque[tuple[Iterator[Any], Any]] = deque()
        self._count = 0
        self._closing = False

    def pour(self, items: Iterable[Any], tag: Any = None) -> None:
        """Have items follow those that were poured before; `tag` says where they come from."""
        self._queue.append((iter(items), tag))
        if len(self._queue) == 1:
            self.engine.add(self)

    def finish(self) -> None:
        """End the channel after what was poured."""
        self._closing = True
        self._end_if_empty()

    def _end_if_empty(self) -> None:
        if self._closing and not self._queue and not self.over:
            self.end(self._count)

    def takes(self, side: int) -> bool:
        return not self._queue and self.wants()

    def pull(self) -> bool:
        """Move one item of what was poured; False when there is none left."""
        if not self.over:
            guarded(self, self._draw)
        if self.over:
            self._queue.clear()
        return bool(self._queue)

    def _draw(self) -> None:
        items, tag = self._queue[0]
        item = next(items, _END)
        if item is not _END:
            self.put(item, tag)
            return
        self._queue.popleft()
        self.poured(tag)
        self._end_if_empty()

    def put(self, item: Any, tag: Any) -> None:
        """Make an item the next."""
        position = self._count
        self._count += 1
        self.place(position, tag)
        self.resolve(position, item)

    def place(self, position: int, tag: Any) -> None:
        """An item gets a position."""

    def poured(self, tag: Any) -> None:
        """All items of an iterable have been put."""

    def skip(self, side: int, position: int) -> None:
        """Nothing: a hole is no item."""

    def upstream_length(self, side: int, length: int) -> None:
        """Nothing: how many items there will be is another matter."""

    def reordered(self, side: int) -> None:
        """Nothing: items come in order, or the order is its own."""


class Step:
    """What an operator does with one item after the other, in the order of the input.

    Attributes
    ----------
    ended : bool
        Set by `feed` when no further item is needed: what lies upstream is then drawn no more.
    """

    ended = False

    def feed(self, item: Any) -> Iterable[Any]:
        """Take an item, perhaps unread, and return the items that it makes."""
        raise NotImplementedError

    def finish(self) -> Iterable[Any]:
        """Return the items that follow when the last one has been taken."""
        return ()


class Stepped(Pouring):
    """An operator whose result depends on the items before: it takes them in the order of the input.

    Parameters
    ----------
    engine : Engine
        The thread that moves its items.
    upstream : Node
        Where they come from.
    operator : str
        The operator's name, for errors.
    step : Step
        What it does; its own, for it has a state.
    """

    ordered = True

    def __init__(self, engine: Engine, upstream: Node, operator: str, step: Step) -> None:
        super().__init__(engine, upstream, order=Order())
        self._operator = operator
        self._step = step

    def connect(self) -> None:
        if not self._step.ended:
            super().connect()
        elif not self.over:
            self.finish()  # nothing is wanted from the start: take(0)

    def accept(self, position: int, item: Any) -> None:
        if self._closing:
            return
        try:
            made = self._step.feed(item)
        except BaseException as error:
            blame(error, self._operator, item)
            raise
        if isinstance(made, tuple) and not self._queue:
            for each in made:  # few and there, which is so for most: no need to draw them
                self.put(each, None)
        else:
            self.pour(made)
        if self._step.ended:
            self.finish()

    def takes(self, side: int) -> bool:
        return not self._closing and super().takes(side)

    def upstream_done(self, side: int) -> None:
        if self._closing:
            return
        try:
            self.pour(self._step.finish())
        except BaseException as error:
            blame(error, self._operator)
            raise
        self.finish()


class Growing(Pouring):
    """Any number of items for each, which go on as they come and are read in the order of what they come from.

    A tag is the pair of a side and the position there.
    """

    order: Woven

    def __init__(self, engine: Engine, *upstreams: Node) -> None:
        super().__init__(engine, *upstreams, order=Woven([upstream.order for upstream in upstreams]))
        self._open_sides = len(upstreams)

    def place(self, position: int, tag: Any) -> None:
        self.order.add(tag[0], tag[1], position)

    def close(self, side: int, position: int) -> None:
        """Say that an item of an upstream has got all its items."""
        if self.order.close(side, position):
            self._pass_order_on()

    def skip(self, side: int, position: int) -> None:
        self.close(side, position)

    def upstream_length(self, side: int, length: int) -> None:
        if self.order.end(side, length):
            self._pass_order_on()

    def reordered(self, side: int) -> None:
        if self.order.advance():
            self._pass_order_on()

    def upstream_done(self, side: int) -> None:
        self._open_sides -= 1
        if not self._open_sides:
            self.finish()


class Several(Growing):
    """The items of an iterable for each.

    Parameters
    ----------
    engine : Engine
        The thread that moves its items.
    upstream : Node
        Where they come from.
    operator : str
        The operator's name, for errors.
    function : callable
        Takes an item as it came, perhaps unread; returns an iterable.
    """

    def __init__(self, engine: Engine, upstream: Node, operator: str, function: Callable[[Any], Iterable[Any]]) -> None:
        super().__init__(engine, upstream)
        self._operator = operator
        self._function = function

    def accept(self, position: int, item: Any) -> None:
        self.pour(self._made(item), (0, position))

    def _made(self, item: Any) -> Iterator[Any]:
        try:
            yield from self._function(item)
        except GeneratorExit:
            raise
        except BaseException as error:
            blame(error, self._operator, item)
            raise

    def poured(self, tag: Any) -> None:
        self.close(*tag)


class Mixed(Growing):
    """The items of several nodes, each as soon as it is there; read all of the first, then of the next."""

    def accept_from(self, side: int, position: int, item: Any) -> None:
        self.put(item, (side, position))
        self.close(side, position)

    def takes(self, side: int) -> bool:
        return self.wants()

    def drawn(self, edges: Sequence[Edge]) -> Iterable[Edge]:
        return tuple(reversed(edges))  # in the order of reading, so that little must wait for its turn
