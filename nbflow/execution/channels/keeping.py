"""How long the items of a node are kept: as long as somebody holds what keeps them, and no longer.

Knows neither where items come from nor where they go.
"""

from __future__ import annotations

import weakref
from typing import Any

from nbflow.execution.channels.items import PENDING


class _Kept:
    """The items of a node, by position."""

    __slots__ = ("__weakref__", "items")

    def __init__(self) -> None:
        self.items: list[Any] = []


class Keeping:
    """What keeps items by position for those who may ask for them again."""

    def __init__(self) -> None:
        self._kept: weakref.ref[_Kept] | None = None
        self._connected = False

    def kept(self) -> object:
        """What keeps its items for as long as it is held; to be asked for before the first item moves."""
        kept = self._kept() if self._kept else None
        if kept is None:
            assert not self._connected, "the items of this channel have moved on, and nothing keeps them"
            kept = _Kept()
            self._kept = weakref.ref(kept)
        return kept

    @property
    def keeps(self) -> bool:
        """Whether its resolved items can be asked for."""
        return self._kept is not None and self._kept() is not None

    def get(self, position: int) -> Any:
        """The item at a position, `HOLE` where it was dropped, `PENDING` where it is not there."""
        kept = self._kept() if self._kept else None
        return kept.items[position] if kept and position < len(kept.items) else PENDING

    def keep(self, position: int, item: Any) -> None:
        """Store an item, if somebody may ask for it; a subclass may store less than the item."""
        kept = self._kept() if self._kept else None
        if kept is not None:
            missing = position + 1 - len(kept.items)
            kept.items.extend([PENDING] * missing)
            kept.items[position] = item
