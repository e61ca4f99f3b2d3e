"""Operators: nodes that change, drop or gather the items of another node.

Alone says what each operator does with an item; `flow` moves them. Knows no process and no cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nbflow.execution.channels.flow import HOLE, Engine, Node, loaded


class Map(Node):
    """Each item by a function, called once for each."""

    def __init__(self, engine: Engine, upstream: Node, function: Callable[[Any], Any]) -> None:
        super().__init__(engine, upstream)
        self._function = function

    def accept(self, position: int, item: Any) -> None:
        self.resolve(position, self._function(loaded(item)))


class Filter(Node):
    """The items for which a predicate holds."""

    def __init__(self, engine: Engine, upstream: Node, predicate: Callable[[Any], Any]) -> None:
        super().__init__(engine, upstream)
        self._predicate = predicate

    def accept(self, position: int, item: Any) -> None:
        self.resolve(position, item if self._predicate(loaded(item)) else HOLE)


class Collect(Node):
    """All items as one list, in the order of the input."""

    def accept(self, position: int, item: Any) -> None:
        """Nothing: the list is made when all are there, and read from upstream."""

    def resolve(self, position: int, item: Any) -> None:
        if item is not HOLE:
            super().resolve(position, item)

    def end(self, length: int) -> None:
        self.engine.when_over(self._source, self._gather)

    @property
    def _source(self) -> Node:
        assert self.upstream is not None
        return self.upstream

    def _gather(self) -> None:
        if self._source.failure is not None:
            return
        items = (self._source.get(position) for position in range(self._source.length or 0))
        self.resolve(0, [loaded(item) for item in items if item is not HOLE])
        super().end(1)
