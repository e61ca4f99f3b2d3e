"""How items move: nodes that hold a channel's items by position, and the edges between them.

Alone decides in which order items are pushed on, and how long they are kept. A node's positions are resolved in any order but
always read in the order of the input (`order`), so that what a channel holds never depends on timing. Knows no process, no
cache and no executor: a node that runs tasks is a subclass elsewhere.

Notes
-----
Nodes change only in the engine's thread. A node owns the edges to the nodes that it takes items from; those know it weakly. So
what nobody reads and nothing runs is gone, with all that only it needs. Items are kept as long as a channel object is there by
which they can be read again, or a node that has not yet begun to take them.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from types import TracebackType
from typing import Any

from nbflow.execution.channels.engine import Engine
from nbflow.execution.channels.failures import from_user, guarded
from nbflow.execution.channels.items import HOLE, PENDING
from nbflow.execution.channels.keeping import Keeping
from nbflow.execution.channels.order import Order


class Node(Keeping):
    """The items of a channel, by position; by itself one for each position of the node that it takes items from.

    Parameters
    ----------
    engine : Engine
        The thread that moves its items.
    *upstreams : Node
        Where its items come from.
    order : Order or None
        In which order its positions are read; None for that of the node that it takes items from.
    """

    ordered = False
    """Whether it must be given items in the order of the input, holes left out."""

    def __init__(self, engine: Engine, *upstreams: Node, order: Order | None = None) -> None:
        super().__init__()
        self.engine = engine
        self.upstreams = upstreams
        self.order: Order = order or (upstreams[0].order if upstreams else Order())
        self.length: int | None = None
        self.failure: BaseException | None = None
        self.wanted = False
        self.holes = 0
        self._traceback: TracebackType | None = None
        self._first_open = 0
        self._resolved_beyond: set[int] = set()
        self._needs: list[object] = [upstream.kept() for upstream in upstreams]
        self._edges: list[Edge] = []
        self._subscribers: list[weakref.ref[Edge]] = []

    # Reading: from any thread -----------------------------------------------------------------------------------------

    @property
    def upstream(self) -> Node:
        """Where the items of a node with one such node come from."""
        return self.upstreams[0]

    def is_resolved(self, position: int) -> bool:
        """Whether it is known what is at a position."""
        return position < self._first_open or position in self._resolved_beyond

    @property
    def done(self) -> bool:
        """Whether every position is resolved."""
        return self.length is not None and self._first_open >= self.length

    @property
    def over(self) -> bool:
        """Whether nothing more will come: every position is resolved, or the channel failed."""
        return self.failure is not None or self.done

    @property
    def is_quiet(self) -> bool:
        """Whether it is over, and nothing that it began still goes on."""
        return self.over

    def raise_failure(self) -> None:
        """Raise what ended the channel, if it failed."""
        if self.failure is not None:
            raise self.failure.with_traceback(self._traceback)

    # Moving: in the engine's thread only ------------------------------------------------------------------------------

    def wants(self) -> bool:
        """Whether anybody wants more of its items."""
        if self.wanted:
            return True
        for reference in self._subscribers:  # no any(): it is asked for each item
            edge = reference()
            if edge is not None and edge.wants():
                return True
        return False

    def takes(self, side: int) -> bool:
        """Whether it wants more items of one of its upstreams."""
        return self.wants()

    def accept(self, position: int, item: Any) -> None:
        """Take an item from upstream; what a kind of node is, is what it does here."""
        raise NotImplementedError

    def accept_from(self, side: int, position: int, item: Any) -> None:
        """Take an item from one of several upstreams."""
        self.accept(position, item)

    def skip(self, side: int, position: int) -> None:
        """An upstream has no item at a position."""
        self.resolve(position, HOLE)

    def upstream_length(self, side: int, length: int) -> None:
        """It is known how many positions an upstream has."""
        self.end(length)

    def upstream_done(self, side: int) -> None:
        """All items of an upstream have been given."""

    def reordered(self, side: int) -> None:
        """It is known further in which order an upstream's positions are read."""
        self._pass_order_on()

    def _pass_order_on(self) -> None:
        for edge in self._consumers():
            edge.reordered()

    def resolved(self) -> Iterator[int]:
        """The positions resolved at this moment."""
        return chain(range(self._first_open), sorted(self._resolved_beyond))

    def resolve(self, position: int, item: Any) -> None:
        """Store an item and push it on."""
        self.keep(position, item)
        self._mark(position)
        if item is HOLE:
            self.holes += 1
        done = self.length is not None and self._first_open >= self.length
        self.engine.notify(ended=done)
        for edge in self._consumers():
            edge.push(position, item)
        if done:
            self._edges.clear()

    def _consumers(self) -> Iterator[Edge]:
        for reference in tuple(self._subscribers):
            edge = reference()
            if edge is not None:
                yield edge
            else:
                self._subscribers.remove(reference)

    def _mark(self, position: int) -> None:
        if position == self._first_open and not self._resolved_beyond:
            self._first_open += 1
            return
        self._resolved_beyond.add(position)
        while self._first_open in self._resolved_beyond:
            self._resolved_beyond.remove(self._first_open)
            self._first_open += 1

    def end(self, length: int) -> None:
        """Say how many positions there are."""
        self.length = length
        self.engine.notify(ended=True)
        for edge in self._consumers():
            edge.end()
        self._leave_if_over()

    def fail(self, error: BaseException) -> None:
        """End the channel with an error, and all that depends on it."""
        if self.failure is None and not self.done:
            self._traceback = from_user(error.__traceback__)
            self.failure = error
            self.engine.notify(ended=True)
            for edge in self._consumers():
                edge.node.fail(error)
            self._leave_if_over()

    def _leave_if_over(self) -> None:
        if self.over:
            self._edges.clear()

    def connect(self) -> None:
        """Begin to take items from upstream (once)."""
        if self._connected:
            return
        self._connected = True
        self._edges = [Edge(upstream, self, side) for side, upstream in enumerate(self.upstreams)]
        self._needs.clear()
        for edge in self.drawn(self._edges):
            edge.begin()

    def drawn(self, edges: Sequence[Edge]) -> Iterable[Edge]:
        """Its edges in the order in which they begin; the last is drawn from first."""
        return tuple(edges)


class Edge:
    """The way of items from one node to another: first those that are there, as the engine pulls them, then those to come."""

    def __init__(self, upstream: Node, node: Node, side: int) -> None:
        self.node = node
        self._upstream = upstream
        self._side = side
        self._backlog: Iterator[int] = iter(())
        self._held: object = upstream.kept()
        self._early: dict[int, Any] = {}
        self._rank = 0
        self._given = 0

    def begin(self) -> None:
        """Take the items that are there, and let upstream know that there is somebody to take more."""
        upstream = self._upstream
        upstream.connect()
        self._backlog = upstream.resolved()
        upstream._subscribers.append(weakref.ref(self))
        self._add_if_behind()
        if upstream.failure is not None:
            self.node.fail(upstream.failure.with_traceback(upstream._traceback))
        elif upstream.length is not None:
            self.end()

    def _add_if_behind(self) -> None:
        first = next(self._backlog, None)
        if first is None:
            self._held = None  # nothing is there that could be missed, and from now on items come by themselves
            return
        self._backlog = chain((first,), self._backlog)
        self.node.engine.add(self)

    def wants(self) -> bool:
        """Whether its node wants more items."""
        return self.node.takes(self._side)

    def pull(self) -> bool:
        """Move one item of those that were there; False when there is none left."""
        position = next(self._backlog, None)
        if position is None:
            self._held = None
            return False
        self.push(position, self._upstream.get(position))
        return True

    def push(self, position: int, item: Any) -> None:
        """Give an item to the node, in its turn if the node asks for that."""
        if not self.node.ordered:
            self._give(position, item)
            return
        self._early[position] = item
        self.reordered()

    def reordered(self) -> None:
        """Give what can be given now that more is known of the order."""
        if not self.node.ordered:
            guarded(self.node, self.node.reordered, self._side)
            return
        while (position := self._upstream.order.at(self._rank)) in self._early:
            assert position is not None
            self._rank += 1
            self._give(position, self._early.pop(position))

    def _give(self, position: int, item: Any) -> None:
        node = self.node
        if node.failure is not None or node.done:
            return
        self._given += 1
        try:
            if item is HOLE:
                node.skip(self._side, position)
            else:
                node.accept_from(self._side, position, item)
        except BaseException as error:  # noqa: BLE001  # as in `guarded`, which would cost as much as the rest here
            node.fail(error)
        if self._given == self._upstream.length:
            self._tell_if_done()

    def end(self) -> None:
        """Upstream knows how many positions it has."""
        if not self.node.over:
            guarded(self.node, self.node.upstream_length, self._side, self._upstream.length)
            self._tell_if_done()

    def _tell_if_done(self) -> None:
        if self._given == self._upstream.length and not self.node.over:
            guarded(self.node, self.node.upstream_done, self._side)


class Source(Node):
    """Items that are there: a sequence, which is read and not copied."""

    def __init__(self, engine: Engine, items: Sequence[Any]) -> None:
        super().__init__(engine)
        self._sequence = items
        self._first_open = self.length = len(items)

    @property
    def keeps(self) -> bool:
        return True

    def kept(self) -> object:
        return self._sequence

    def get(self, position: int) -> Any:
        return self._sequence[position] if position < len(self._sequence) else PENDING
