"""The task cache: entries in Nextflow's form, counted by the runs that name them, damage a miss."""

from __future__ import annotations

import threading
import warnings

import pytest

from nbflow.errors import CacheError
from nbflow.storage.database.cache import TaskCache
from nbflow.storage.database.leveldb import LevelStore
from nbflow.storage.database.store import MemoryStore
from nbflow.storage.nextflow.kryo import decode_record, encode_record

A, B, C = (bytes([letter]) * 16 for letter in b"abc")


@pytest.fixture(params=["memory", "leveldb"])
def store(request, tmp_path):
    made = MemoryStore() if request.param == "memory" else LevelStore.open(tmp_path / "session" / "db")
    yield made
    made.close()


def count(store, task_hash) -> int:
    return decode_record(store.get(task_hash)).refcount


def test_what_was_put_is_got(store):
    cache = TaskCache(store)
    assert cache.get(A) is None
    cache.put(A, b"trace", b"payload")
    assert cache.get(A) == b"payload"
    record = cache.get_record(A)
    assert (bytes(record.trace), bytes(record.context), record.refcount) == (b"trace", b"payload", 1)
    cache.put(A, b"trace 2", b"payload 2")
    assert cache.get(A) == b"payload 2"


def test_an_entry_is_nextflows_list_under_the_raw_hash(store):
    TaskCache(store).put(A, b"trace", b"payload")
    assert dict(store.iterate()) == {A: encode_record(b"trace", b"payload", 1)}


def test_an_entry_that_nextflow_wrote_has_no_payload(store):
    store.put(A, encode_record(b"trace", None, 1))
    assert TaskCache(store).get(A) is None
    assert TaskCache(store).get_record(A).context is None


def test_each_run_that_names_an_entry_counts_once(store):
    TaskCache(store).put(A, b"t", b"p")
    for expected in (2, 3):
        TaskCache(store).count_run({A})
        assert count(store, A) == expected
    assert TaskCache(store).get(A) == b"p"


def test_an_entry_executed_again_counts_from_one(store):
    run = TaskCache(store)
    run.put(A, b"t", b"p")
    run.count_run({A})
    run.put(A, b"t", b"again")
    assert (count(store, A), run.get(A)) == (1, b"again")


def test_hits_of_entries_that_are_gone_are_no_error(store):
    run = TaskCache(store)
    run.put(C, b"t", b"p")
    run.count_run({A, B})
    assert [key for key, _ in run.entries()] == [C]


def test_counts_are_written_in_batches():
    batches = []

    class Counting(MemoryStore):
        def write_batch(self, changes):
            batches.append(list(changes))
            super().write_batch(batches[-1])

    store = Counting()
    TaskCache(store).put(A, b"t", b"p")
    TaskCache(store).put(B, b"t", b"p")
    run = TaskCache(store)
    batches.clear()
    run.count_run({A, B})
    assert [sorted(key for key, _ in batch) for batch in batches] == [[A, B]]


def test_recount_makes_the_count_the_number_of_runs_that_name_the_entry(store):
    for task_hash, drifted in ((A, 7), (B, 0), (C, 1)):
        store.put(task_hash, encode_record(b"t", task_hash, drifted))
    counts = TaskCache(store).recount({"happy_turing": [A, A, B], "sad_gauss": iter([A])})
    assert counts == {A: 2, B: 1, C: 0}
    assert {key: count(store, key) for key in (A, B, C)} == counts
    assert TaskCache(store).get(B) == B


def test_delete_removes_entries_and_only_them(store):
    cache = TaskCache(store)
    for task_hash in (A, B, C):
        cache.put(task_hash, b"t", b"p")
    cache.delete([A, C, bytes(16)])
    assert [key for key, _ in cache.entries()] == [B]


@pytest.mark.parametrize(
    "raw", [b"", b"\x00", b"\xd8\x07noise" * 20, b"\x01\x00java"], ids=["empty", "a zero", "noise", "java"]
)
def test_a_damaged_entry_is_a_miss_with_a_warning_that_names_it(raw):
    store = MemoryStore()
    cache = TaskCache(store)
    cache.put(B, b"t", b"p")
    store.put(A, raw)
    with pytest.warns(RuntimeWarning, match=f"task {A.hex()} is damaged"):
        assert cache.get(A) is None
    with pytest.warns(RuntimeWarning, match="damaged"):
        assert [key for key, _ in cache.entries()] == [B]
    run = TaskCache(store)
    with pytest.warns(RuntimeWarning, match="damaged"):
        run.count_run({A, B})
    assert (count(store, B), store.get(A)) == (2, raw)


def test_an_entry_cut_off_anywhere_is_a_miss():
    store = MemoryStore()
    raw = encode_record(b"trace" * 50, b"payload" * 50, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for size in range(len(raw)):
            store.put(A, raw[:size])
            assert TaskCache(store).get(A) is None, size


def test_a_closed_store_is_an_error_and_no_miss(store):
    cache = TaskCache(store)
    cache.put(A, b"t", b"p")
    store.close()
    with pytest.raises(CacheError, match="closed"):
        cache.get(A)


def test_threads_may_count_and_put_at_once(store):
    hashes = [number.to_bytes(16, "big") for number in range(400)]
    first = TaskCache(store)
    for task_hash in hashes[:200]:
        first.put(task_hash, b"t", b"old")
    run = TaskCache(store)

    def work(offset):
        for number in range(offset, 400, 4):
            if number < 200:
                run.count_run({hashes[number]})
            else:
                run.put(hashes[number], b"t", b"new")

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [count(store, task_hash) for task_hash in hashes] == [2] * 200 + [1] * 200
