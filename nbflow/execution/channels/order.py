"""In which order the positions of a node are read: the input's, whatever the timing.

Pure. Positions are given out as items come, which depends on timing; ranks are what a reader counts by, and depend on the
input only.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence


class Order:
    """Positions in the order of their numbers: of items that are there, and of what keeps one position for each item."""

    def at(self, rank: int) -> int | None:
        """The position that is read at a rank; None while it is not known."""
        return rank


class Woven(Order):
    """Positions that were given out for the items of other nodes, any number for each, as they came.

    They are read in the order of the items that they were given out for: all of the first node, then of the next. As long as
    they come in that order nothing is kept.

    Parameters
    ----------
    orders : sequence of Order
        The orders of the nodes whose items they are made of.
    """

    def __init__(self, orders: Sequence[Order]) -> None:
        self._orders = orders
        self._lengths: list[int | None] = [None] * len(orders)
        self._side = 0
        self._rank = 0
        self._early: dict[tuple[int, int], array[int]] = {}
        self._closed: set[tuple[int, int]] = set()
        self._length = 0
        self._positions: array[int] | None = None

    def at(self, rank: int) -> int | None:
        """The position that is read at a rank; None while it is not known."""
        if self._positions is None:
            return rank if rank < self._length else None
        return self._positions[rank] if rank < len(self._positions) else None

    def add(self, side: int, source: int, position: int) -> None:
        """Give out a position for the item that another node has at `source`."""
        if side == self._side and source == self._orders[side].at(self._rank):
            self._append(position)
        else:
            self._early.setdefault((side, source), array("Q")).append(position)

    def close(self, side: int, source: int) -> bool:
        """Say that an item has got all its positions; whether ranks of earlier positions became known by it."""
        self._closed.add((side, source))
        return self.advance()

    def end(self, side: int, length: int) -> bool:
        """Say how many items another node has; whether ranks of earlier positions became known by it."""
        self._lengths[side] = length
        return self.advance()

    def advance(self) -> bool:
        """Go on as far as the orders of the other nodes are known; whether ranks of earlier positions became known."""
        grown = False
        while self._side < len(self._orders):
            if self._rank == self._lengths[self._side]:
                self._side, self._rank = self._side + 1, 0
                continue
            source = self._orders[self._side].at(self._rank)
            if source is None:
                break
            grown |= self._take_early(source)
            if (self._side, source) not in self._closed:
                break
            self._closed.remove((self._side, source))
            self._rank += 1
        return grown

    def _take_early(self, source: int) -> bool:
        early = self._early.pop((self._side, source), None)
        for position in early or ():
            self._append(position)
        return early is not None

    def _append(self, position: int) -> None:
        if self._positions is None:
            if position == self._length:
                self._length += 1
                return
            self._positions = array("Q", range(self._length))
        self._positions.append(position)
