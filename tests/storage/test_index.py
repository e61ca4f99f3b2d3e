"""The index of a run: Nextflow's 17 bytes a task, whole records at all times."""

from __future__ import annotations

import random
import resource
import signal
import threading

import pytest

from nbflow.errors import CacheError
from nbflow.storage.nextflow import index
from nbflow.storage.nextflow.index import IndexRecord, IndexWriter, read_index

HASHES = [bytes([number]) * 16 for number in range(1, 6)]


def test_the_bytes_are_nextflows(tmp_path):
    writer = IndexWriter(tmp_path / "index.happy_turing")
    writer.append(HASHES[0], False)
    writer.append(HASHES[1], True)
    writer.close()
    assert (tmp_path / "index.happy_turing").read_bytes() == HASHES[0] + b"\0" + HASHES[1] + b"\1"


def test_what_was_written_is_read_in_order(tmp_path):
    writer = IndexWriter(tmp_path / "index")
    for number, task_hash in enumerate(HASHES):
        writer.append(task_hash, number % 2 == 0)
    writer.close()
    assert read_index(tmp_path / "index") == [IndexRecord(h, n % 2 == 0) for n, h in enumerate(HASHES)]


def test_nothing_is_there_before_a_flush_and_all_after(tmp_path):
    writer = IndexWriter(tmp_path / "index")
    writer.append(HASHES[0], True)
    assert read_index(tmp_path / "index") == []
    writer.flush()
    writer.flush()
    assert read_index(tmp_path / "index") == [(HASHES[0], True)]
    writer.close()


def test_an_index_is_continued_behind_half_a_record(tmp_path):
    (tmp_path / "index").write_bytes(HASHES[0] + b"\0" + HASHES[1][:9])
    writer = IndexWriter(tmp_path / "index")
    writer.append(HASHES[2], True)
    writer.close()
    assert read_index(tmp_path / "index") == [(HASHES[0], False), (HASHES[2], True)]


@pytest.mark.parametrize("torn", range(1, 17))
def test_half_a_record_at_the_end_is_left_out_with_a_warning(tmp_path, torn):
    (tmp_path / "index").write_bytes(HASHES[0] + b"\1" + (HASHES[1] + b"\0")[:torn])
    with pytest.warns(UserWarning, match="half a record"):
        assert read_index(tmp_path / "index") == [(HASHES[0], True)]


def test_a_run_without_index_had_no_tasks(tmp_path):
    assert read_index(tmp_path / "index.absent") == []


def test_an_index_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(CacheError, match=str(tmp_path)):
        read_index(tmp_path)


def test_an_index_that_cannot_be_made_is_named(tmp_path):
    with pytest.raises(CacheError, match="absent"):
        IndexWriter(tmp_path / "absent" / "index")


@pytest.mark.parametrize("task_hash", [b"", b"x" * 15, b"x" * 17])
def test_a_hash_of_another_length_is_refused(tmp_path, task_hash):
    writer = IndexWriter(tmp_path / "index")
    with pytest.raises(ValueError, match="16 bytes"):
        writer.append(task_hash, True)
    writer.close()


def test_closing_twice_does_nothing(tmp_path):
    writer = IndexWriter(tmp_path / "index")
    writer.close()
    writer.close()


def test_records_of_several_threads_stay_whole(tmp_path):
    writer = IndexWriter(tmp_path / "index")

    def add(task_hash):
        for _ in range(500):
            writer.append(task_hash, True)
            writer.flush()

    threads = [threading.Thread(target=add, args=(task_hash,)) for task_hash in HASHES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    found = [record.task_hash for record in read_index(tmp_path / "index")]
    assert {task_hash: found.count(task_hash) for task_hash in HASHES} == dict.fromkeys(HASHES, 500)


@pytest.fixture
def small_files():
    """Let no file grow beyond 40 bytes: what a full disk looks like to a writer."""
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, limits[1]))
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_leaves_whole_records_and_a_later_flush_the_rest(tmp_path, small_files):
    writer = IndexWriter(tmp_path / "index")
    writer.append(HASHES[0], False)
    writer.flush()
    writer.append(HASHES[1], False)
    writer.append(HASHES[2], True)
    with pytest.raises(CacheError, match="space"):
        writer.flush()
    assert read_index(tmp_path / "index") == [(HASHES[0], False)]
    small_files()
    writer.close()
    assert read_index(tmp_path / "index") == [(HASHES[0], False), (HASHES[1], False), (HASHES[2], True)]


def test_reused_are_the_tasks_that_the_run_never_executed(tmp_path):
    writer = IndexWriter(tmp_path / "index")
    for task_hash, cached in ((HASHES[0], True), (HASHES[1], False), (HASHES[1], True), (HASHES[0], True)):
        writer.append(task_hash, cached)
    assert list(writer.reused()) == [HASHES[0]]
    writer.close()


def test_reused_tasks_of_a_long_run_come_in_order_each_once(tmp_path, monkeypatch):
    monkeypatch.setattr(index, "_AT_ONCE", 7)
    writer = IndexWriter(tmp_path / "index")
    hashes = [random.Random(number).randbytes(16) for number in range(50)]
    for number, task_hash in enumerate([*hashes, *hashes, b"\xff" * 16]):
        writer.append(task_hash, number >= 50 or number % 3 > 0)
    assert list(writer.reused()) == [*sorted(hashes[n] for n in range(50) if n % 3), b"\xff" * 16]
    writer.close()
