"""The contract that every store keeps, for the tests of each of them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from nbflow.errors import CacheError
from nbflow.storage.database.store import Store

REPOSITORY = Path(__file__).parents[2]


def _check_single_keys(store: Store) -> None:
    assert store.get(b"absent") is None
    store.put(b"k", b"1")
    store.put(b"k", b"2")
    store.put(b"", b"")
    assert (store.get(b"k"), store.get(b"")) == (b"2", b"")
    store.delete(b"k")
    store.delete(b"never there")
    assert store.get(b"k") is None
    store.delete(b"")


def _check_batches(store: Store) -> None:
    store.write_batch([])
    store.write_batch(iter([(b"b", b"1"), (b"\xff" * 16, b"\x00"), (b"a", b"2"), (b"b", b"3")]))
    assert list(store.iterate()) == [(b"a", b"2"), (b"b", b"3"), (b"\xff" * 16, b"\x00")]
    store.write_batch([(b"a", None), (b"c", b"4"), (b"c", None), (b"b", b"5")])
    assert list(store.iterate()) == [(b"b", b"5"), (b"\xff" * 16, b"\x00")]
    store.write_batch([(key, None) for key, _ in store.iterate()])


def _check_iteration_is_of_one_moment(store: Store) -> None:
    pairs = [(f"{number:05}".encode(), b"v") for number in range(2500)]
    store.write_batch(reversed(pairs))
    iteration = store.iterate()
    assert next(iteration) == pairs[0]
    store.write_batch([(pairs[2000][0], None), (b"99999", b"new")])
    assert list(iteration) == pairs[1:]
    assert list(store.iterate())[-1] == (b"99999", b"new")


def _check_threads(store: Store) -> None:
    def write(name: str) -> None:
        for number in range(200):
            store.put(f"{name}{number}".encode(), name.encode())

    threads = [threading.Thread(target=write, args=(name,)) for name in "xyz"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(1 for key, value in store.iterate() if key[:1] == value) == 600


def _check_closed(store: Store) -> None:
    iteration = store.iterate()
    store.close()
    store.close()
    for call in (
        lambda: store.get(b"k"),
        lambda: store.put(b"k", b"v"),
        lambda: store.delete(b"k"),
        lambda: store.write_batch([(b"k", b"v")]),
        lambda: list(store.iterate()),
    ):
        with pytest.raises(CacheError, match="closed"):
            call()
    del iteration


def _check_store(make: Callable[[], Store]) -> None:
    store = make()
    _check_single_keys(store)
    _check_batches(store)
    _check_iteration_is_of_one_moment(store)
    _check_threads(store)
    _check_closed(store)


@pytest.fixture
def check_store() -> Callable[[Callable[[], Store]], None]:
    """Run the whole contract on a fresh, empty store of the given making."""
    return _check_store


@pytest.fixture
def python() -> Callable[..., list[str]]:
    """Return the command line of another Python process that runs a text with nbflow at hand."""

    def command(text: str, *arguments: object) -> list[str]:
        head = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})\n"
        return [sys.executable, "-c", head + text, *map(str, arguments)]

    return command
