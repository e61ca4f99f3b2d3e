"""What moves: items, those that are read when they are needed, and the marks that stand where no item is."""

from __future__ import annotations

from typing import Any, Final


class _Mark:
    """A named constant that stands where no item is."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


PENDING: Final = _Mark("PENDING")
HOLE: Final = _Mark("HOLE")


class Lazy:
    """An item that is read when it is needed; no ABC, for each item of a channel is asked whether it is one."""

    __slots__ = ()

    def load(self) -> Any:
        """The item itself."""
        raise NotImplementedError


def loaded(item: Any) -> Any:
    """The item itself, read if it was not yet."""
    return item.load() if isinstance(item, Lazy) else item
