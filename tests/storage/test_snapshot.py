"""Snapshots: nothing that was committed is missing, and the owner never notices."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import tarfile
import time
from pathlib import Path

import pytest

from nbflow.errors import CacheError
from nbflow.storage.database import snapshot
from nbflow.storage.database.leveldb import LevelStore
from nbflow.storage.database.snapshot import open_snapshot

JAVA_DB = Path(__file__).parent / "data" / "java-leveldb.tar.gz"

# Scattered keys and 9 KB a value: several compactions a second at a thousand puts a second.
WRITER = """
import os, time
from pathlib import Path
from nbflow.storage.database.leveldb import LevelStore
store = LevelStore.open(Path(sys.argv[1]))
count = os.open(sys.argv[2], os.O_RDWR | os.O_CREAT)
begin, number = time.monotonic(), 0
while not os.path.exists(sys.argv[3]) and time.monotonic() - begin < 60:
    if number < 1000 * (time.monotonic() - begin):
        store.put(b"%016d" % (number * 7919 % 1000003), b"%016d" % number + os.urandom(9000))
        number += 1
        os.pwrite(count, b"%016d" % number, 0)
    else:
        time.sleep(0.0005)
store.close()
print(number, round(number / (time.monotonic() - begin)))
"""

READERS = """
import threading
from pathlib import Path
from nbflow.storage.database.snapshot import open_snapshot
db, count, scratch = map(Path, sys.argv[1:4])
lost, failed = [], []
def read():
    for _ in range(2):
        committed = int(count.read_bytes())
        try:
            with open_snapshot(db, scratch) as store:
                found = {key: value[:16] for key, value in store.iterate()}
        except BaseException as error:
            failed.append(error)
            raise
        wanted = {b"%016d" % (n * 7919 % 1000003): b"%016d" % n for n in range(committed)}
        lost.extend(key for key, value in wanted.items() if found.get(key) != value)
threads = [threading.Thread(target=read) for _ in range(5)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(len(lost), len(failed))
"""


@pytest.fixture
def db(tmp_path):
    return tmp_path / "session" / "db"


@pytest.fixture
def scratch(tmp_path):
    return tmp_path / "scratch"


def fill(db: Path, count: int = 12000) -> None:
    store = LevelStore.open(db)
    for number in range(count):
        store.put(b"%016d" % number, random.Random(number).randbytes(900))
    store.close()


def unpack_java(db: Path) -> None:
    db.parent.mkdir()
    with tarfile.open(JAVA_DB) as archive:
        archive.extractall(db.parent, filter="data")


def state(db: Path) -> dict[str, tuple[bytes, int]]:
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in db.iterdir()}


def test_twenty_readers_of_a_writer_at_work_lose_nothing(db, scratch, python, tmp_path):
    count, stop = tmp_path / "count", tmp_path / "stop"
    writer = subprocess.Popen(python(WRITER, db, count, stop), stdout=subprocess.PIPE, text=True)
    while not count.exists() or not count.read_bytes():
        time.sleep(0.01)
    time.sleep(1)
    readers = [
        subprocess.Popen(python(READERS, db, count, scratch), stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    answers = [reader.communicate()[0].strip() for reader in readers]
    assert writer.poll() is None
    with pytest.raises(CacheError):  # the owner has kept its lock through all of it
        LevelStore.open(db)
    stop.touch()
    written = int(writer.communicate()[0].split()[0])
    assert answers == ["0 0"] * 4
    assert writer.returncode == 0
    assert list(scratch.iterdir()) == []
    store = LevelStore.open(db)
    assert {value[:16] for _, value in store.iterate()} == {b"%016d" % number for number in range(written)}
    store.close()


def test_a_table_made_between_any_two_steps_of_the_copying_loses_nothing(db, scratch, monkeypatch):
    owner = LevelStore.open(db)
    owner.put(b"first", b"v")
    real, left = snapshot._names, iter(range(6))

    def names_after_a_flush(directory, pattern):
        for number in range(6000) if directory == db and next(left, None) is not None else ():
            owner.put(b"%016d" % number, bytes(900))
        return real(directory, pattern)

    monkeypatch.setattr(snapshot, "_names", names_after_a_flush)
    with open_snapshot(db, scratch) as store:
        assert store.get(b"first") == b"v"
    assert next(left, 6) >= 2
    assert owner.get(b"first") == b"v"
    owner.close()


def test_it_shows_one_moment_and_the_owner_goes_on(db, scratch):
    owner = LevelStore.open(db)
    owner.put(b"k", b"before")
    with open_snapshot(db, scratch) as store:
        owner.put(b"k", b"after")
        owner.put(b"new", b"v")
        assert dict(store.iterate()) == {b"k": b"before"}
        assert store.get(b"k") == b"before"
        with pytest.raises(CacheError, match="never written"):
            store.put(b"k", b"v")
    assert dict(owner.iterate()) == {b"k": b"after", b"new": b"v"}
    owner.close()


def test_the_owners_files_stay_as_they_are(db, scratch):
    fill(db)
    before = state(db)
    with open_snapshot(db, scratch) as store:
        assert sum(1 for _ in store.iterate()) == 12000
    assert state(db) == before


def fail_in_mid_read(db, scratch):
    with open_snapshot(db, scratch) as store:
        next(store.iterate())
        raise ZeroDivisionError


def test_an_error_inside_leaves_nothing_behind(db, scratch):
    fill(db, 10)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            fail_in_mid_read(db, scratch)
    assert list(scratch.iterdir()) == []


def test_a_database_that_is_not_there_reads_as_empty(db, scratch):
    with open_snapshot(db, scratch) as store:
        assert list(store.iterate()) == []
    db.mkdir(parents=True)
    with open_snapshot(db, scratch) as store:
        assert list(store.iterate()) == []
    assert list(db.iterdir()) == []


def test_where_links_are_impossible_it_copies(db, scratch, monkeypatch):
    fill(db)

    def refuse(source, target):
        raise OSError(errno.EXDEV, "another file system")

    monkeypatch.setattr(os, "link", refuse)
    with open_snapshot(db, scratch) as store:
        assert sum(1 for _ in store.iterate()) == 12000


def test_java_leveldb_copied_while_its_writer_was_at_work_is_read_whole(db, scratch):
    unpack_java(db)
    before = state(db)
    with open_snapshot(db, scratch) as store:
        found = dict(store.iterate())
    assert found == {b"%016d" % number: b"value of %d " % number * 12 for number in range(320)}
    assert state(db) == before


def test_java_tables_are_never_shared_with_the_copy(db, scratch):
    unpack_java(db)
    with open_snapshot(db, scratch):
        assert all(file.stat().st_nlink == 1 for file in db.iterdir())


@pytest.mark.parametrize("victim", ["CURRENT", "MANIFEST-*"])
def test_a_damaged_database_shows_what_can_be_read(db, scratch, victim):
    fill(db)
    next(db.glob(victim)).write_bytes(b"\x00\x01\x02" * 50)
    before = state(db)
    with pytest.warns(RuntimeWarning, match="damaged"), open_snapshot(db, scratch) as store:
        assert sum(1 for _ in store.iterate()) == 12000
    assert state(db) == before


def test_a_lost_table_costs_its_entries_alone(db, scratch):
    fill(db)
    min(db.glob("*.sst")).unlink()
    with pytest.warns(RuntimeWarning, match="a table is missing"), open_snapshot(db, scratch) as store:
        found = dict(store.iterate())
    assert 0 < len(found) < 12000
    assert all(value == random.Random(int(key)).randbytes(900) for key, value in found.items())


def test_rubbish_shows_nothing(db, scratch):
    db.mkdir(parents=True)
    (db / "CURRENT").write_bytes(b"MANIFEST-000002\n")
    with pytest.warns(RuntimeWarning, match="damaged"), open_snapshot(db, scratch) as store:
        assert list(store.iterate()) == []


def test_a_table_that_a_crashed_owner_made_anew_is_held_anew(db, tmp_path):
    fill(db)
    copy = snapshot._Copy(db, tmp_path)
    copy._hold_tables()
    table = min(db.glob("*.sst"))
    table.unlink()
    table.write_bytes(b"another table of that number")
    copy._hold_tables()
    assert (tmp_path / table.name).read_bytes() == b"another table of that number"


READER = """
import time
from pathlib import Path
from nbflow.storage.database.snapshot import open_snapshot
with open_snapshot(Path(sys.argv[1]), Path(sys.argv[2])) as store:
    print(len(list(store.iterate())), flush=True)
    time.sleep(60)
"""


def test_the_next_reader_removes_what_a_killed_one_left_but_not_a_living_ones(db, scratch, python):
    fill(db, 10)
    readers = [subprocess.Popen(python(READER, db, scratch), stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for reader in readers:
        assert reader.stdout.readline() == "10\n"
    readers[0].send_signal(signal.SIGKILL)
    readers[0].wait()
    assert len(list(scratch.glob("snapshot-*.lock"))) == 2
    with open_snapshot(db, scratch):
        assert len(list(scratch.glob("snapshot-*.lock"))) == 2
    assert len(list(scratch.glob("snapshot-*"))) == 2
    readers[1].kill()
    for reader in readers:
        reader.communicate()


def test_a_database_that_changes_faster_than_it_can_be_copied_is_rebuilt_from_copies(db, scratch, monkeypatch):
    fill(db, 10)
    monkeypatch.setattr(snapshot, "_PAUSE", 0)
    monkeypatch.setattr(snapshot._Copy, "_is_whole", lambda self, live: False)
    with pytest.warns(RuntimeWarning, match="what can be read of it is shown"), open_snapshot(db, scratch) as store:
        assert sum(1 for _ in store.iterate()) == 10
