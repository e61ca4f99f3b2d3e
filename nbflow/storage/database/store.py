"""What a store is: a sorted map from bytes to bytes, and the one that lives in memory.

Alone here: the contract that every store keeps. It must not know what the bytes mean, nor which library keeps them. A new
store is one new file that runs the contract test in ``tests/storage/conftest.py``.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Protocol

from nbflow.errors import CacheError

Item = tuple[bytes, bytes]
Change = tuple[bytes, bytes | None]


class Store(Protocol):
    """A sorted map from bytes to bytes that outlives the process.

    Notes
    -----
    Every method may be called from any thread. After :meth:`close`, every method but :meth:`close` raises CacheError.
    A stored value that has become unreadable counts as absent, with an NbflowWarning: whoever reads a cache must be
    able to go on without it.
    """

    def get(self, key: bytes) -> bytes | None:
        """Return the value of `key`, or None."""

    def put(self, key: bytes, value: bytes) -> None:
        """Set one value."""

    def delete(self, key: bytes) -> None:
        """Remove `key` if it is there."""

    def write_batch(self, changes: Iterable[Change]) -> None:
        """Apply all changes, or none: a value of None removes the key; of two for one key the later holds."""

    def iterate(self) -> Iterator[Item]:
        """Yield all pairs in the order of the keys, as they were when the iteration began."""

    def close(self) -> None:
        """Let go of what the store holds; a second time does nothing."""


class MemoryStore:
    """A store that is gone with its process: for tests, and for a snapshot of nothing."""

    def __init__(self) -> None:
        self._data: dict[bytes, bytes] | None = {}
        self._lock = threading.Lock()

    def get(self, key: bytes) -> bytes | None:
        """See Store."""
        with self._lock:
            return self._live().get(key)

    def put(self, key: bytes, value: bytes) -> None:
        """See Store."""
        self.write_batch([(key, value)])

    def delete(self, key: bytes) -> None:
        """See Store."""
        self.write_batch([(key, None)])

    def write_batch(self, changes: Iterable[Change]) -> None:
        """See Store."""
        changes = list(changes)
        with self._lock:
            data = self._live()
            for key, value in changes:
                if value is None:
                    data.pop(key, None)
                else:
                    data[key] = value

    def iterate(self) -> Iterator[Item]:
        """See Store."""
        with self._lock:
            return iter(sorted(self._live().items()))

    def close(self) -> None:
        """See Store."""
        with self._lock:
            self._data = None

    def _live(self) -> dict[bytes, bytes]:
        if self._data is None:
            raise CacheError("this store is closed; open the session again (%resume)")
        return self._data
