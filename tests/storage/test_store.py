"""The contract of stores, run on the one in memory."""

from __future__ import annotations

from nbflow.storage.database.store import MemoryStore


def test_memory_store_keeps_the_contract(check_store):
    check_store(MemoryStore)


def test_memory_stores_share_nothing():
    first, second = MemoryStore(), MemoryStore()
    first.put(b"k", b"v")
    assert second.get(b"k") is None
