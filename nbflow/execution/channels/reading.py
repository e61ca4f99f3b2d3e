"""Reading a node's items, in the order of the input: from the thread that asks for them, whoever makes them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from nbflow.execution.channels.flow import Node
from nbflow.execution.channels.items import HOLE, loaded
from nbflow.execution.channels.order import Order

AHEAD: Final = 256
"""Items that are made ahead of who reads them."""


def read(node: Node) -> Iterator[Any]:
    """The items of a node, waiting for each.

    Raises
    ------
    BaseException
        What ended the channel, where it failed.
    """
    return (loaded(item) for _, item in pairs(node))


def pairs(node: Node) -> Iterator[tuple[int, Any]]:
    """Position and item of all its items, unread, waiting for each."""
    return _there(node, node.kept()) if node.done and node.keeps else _Reader(node).pairs()


def _there(node: Node, held: object) -> Iterator[tuple[int, Any]]:
    for rank in range(node.length or 0):
        position = node.order.at(rank)
        assert position is not None
        assert held is not None
        if (item := node.get(position)) is not HOLE:
            yield position, item


class _Reader(Node):
    """Who takes items one by one in another thread; the engine goes only so far ahead."""

    ordered = True

    def __init__(self, upstream: Node) -> None:
        super().__init__(upstream.engine, upstream, order=Order())
        self._ready: deque[tuple[int, Any]] = deque()

    def takes(self, side: int) -> bool:
        return len(self._ready) < AHEAD

    def accept(self, position: int, item: Any) -> None:
        self._ready.append((position, item))
        self.engine.notify()

    def skip(self, side: int, position: int) -> None:
        """Nothing: a hole is no item."""

    def upstream_length(self, side: int, length: int) -> None:
        """Nothing: it has read all when all has been given."""

    def upstream_done(self, side: int) -> None:
        self.end(0)

    def pairs(self) -> Iterator[tuple[int, Any]]:
        """Position and item of each, waiting for it."""
        self.engine.post(self.connect)
        while True:
            if not self._ready:
                self.engine.wait_until(lambda: self._ready or self.over)
            if not self._ready:
                self.raise_failure()
                return
            pair = self._ready.popleft()
            if len(self._ready) == AHEAD // 2:
                self.engine.wake()
            yield pair
