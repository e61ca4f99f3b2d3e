"""LevelDB: one owner, nothing lost at a kill, damage set aside, and files that Nextflow reads."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest

from nbflow.errors import CacheError, CacheLockedError
from nbflow.storage.database import leveldb
from nbflow.storage.database.leveldb import LevelStore
from nbflow.storage.database.marker import is_marked, mark_session


@pytest.fixture
def db(tmp_path):
    return tmp_path / "session" / "db"


def fill(db: Path, first: int = 0, count: int = 6000) -> None:
    """Write enough for tables to be made: 900 bytes an entry, as a task has."""
    store = LevelStore.open(db)
    for number in range(first, first + count):
        store.put(key(number), value(number))
    store.close()


def key(number: int) -> bytes:
    return b"%016d" % number


def value(number: int) -> bytes:
    return random.Random(number).randbytes(900)


def contents(db: Path) -> dict[bytes, bytes]:
    store = LevelStore.open(db)
    held = dict(store.iterate())
    store.close()
    return held


def files(db: Path) -> dict[str, bytes]:
    """Return what the database consists of, without LevelDB's own diary."""
    return {file.name: file.read_bytes() for file in db.iterdir() if not file.name.startswith("LOG")}


def other_process_opens(python, db: Path) -> bool:
    text = "from pathlib import Path; from nbflow.storage.database.leveldb import LevelStore; LevelStore.open(Path(sys.argv[1])).close()"
    done = subprocess.run(python(text, db), capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "CacheLockedError" in done.stderr, done.stderr
    return done.returncode == 0


def test_level_store_keeps_the_contract(check_store, db):
    check_store(lambda: LevelStore.open(db))


def test_what_was_written_is_there_after_reopening(db):
    fill(db)
    assert contents(db) == {key(number): value(number) for number in range(6000)}


@pytest.mark.parametrize("alias", ["same", "dot", "link", "relative"])
def test_a_second_open_in_the_process_is_refused_and_the_lock_holds(db, alias, python, tmp_path, monkeypatch):
    store = LevelStore.open(db)
    (tmp_path / "link").symlink_to(db)
    monkeypatch.chdir(db.parent)
    path = {"same": db, "dot": db / ".." / "db", "link": tmp_path / "link", "relative": Path("db")}[alias]
    with pytest.raises(CacheLockedError, match="already open in this process"):
        LevelStore.open(path)
    with pytest.raises(CacheLockedError):
        LevelStore.open_copy(path)
    assert not other_process_opens(python, db)
    store.put(b"k", b"v")
    store.close()
    assert other_process_opens(python, db)


def test_closing_makes_the_path_free_again(db):
    before = set(leveldb._open)
    for _ in range(3):
        LevelStore.open(db).close()
    assert set(leveldb._open) == before


def test_tables_have_javas_suffix_after_close_and_open_again(db):
    for round_number in range(4):
        fill(db, first=round_number * 6000)
        names = os.listdir(db)
        assert any(name.endswith(".sst") for name in names)
        assert not any(name.endswith(".ldb") for name in names)
    assert len(contents(db)) == 24000


def test_a_database_that_nbflow_did_not_make_is_never_opened(db):
    fill(db)
    (db.parent / "nbflow.json").unlink()
    before = {file.name: file.read_bytes() for file in db.iterdir()}  # the diary too: not even a try is made
    with pytest.raises(CacheError, match="made by Nextflow"):
        LevelStore.open(db)
    assert {file.name: file.read_bytes() for file in db.iterdir()} == before
    assert not is_marked(db.parent)


def test_a_copy_is_read_and_never_written(db, tmp_path):
    fill(db, count=10)
    shutil.copytree(db, tmp_path / "copy")
    store = LevelStore.open_copy(tmp_path / "copy")
    assert store.get(key(3)) == value(3)
    with pytest.raises(CacheError, match="snapshot"):
        store.put(b"k", b"v")
    store.close()


def test_a_copy_that_is_no_database_is_an_error(tmp_path):
    before = set(leveldb._open)
    with pytest.raises(CacheError, match="could not open"):
        LevelStore.open_copy(tmp_path)
    with pytest.raises(CacheError, match="could not open"):
        LevelStore.open_copy(tmp_path / "absent")
    assert set(leveldb._open) == before


def test_a_directory_that_cannot_be_made_is_an_error_that_names_the_way_out(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match="NXF_CACHE_DIR"):
        LevelStore.open(tmp_path / "file" / "session" / "db")


def test_after_a_fork_the_child_cannot_use_it_and_the_parent_can(db):
    store = LevelStore.open(db)
    store.put(b"k", b"v")
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads
        child = os.fork()
    if child == 0:
        os.write(writer, child_sees(store))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 1000).decode() == "CacheError CacheError CacheError CacheLockedError"
    store.put(b"k", b"after")
    assert store.get(b"k") == b"after"
    store.close()
    assert contents(db) == {b"k": b"after"}


def child_sees(store: LevelStore) -> bytes:
    errors = []
    for call in (
        lambda: store.get(b"k"),
        lambda: store.put(b"k", b"child"),
        lambda: list(store.iterate()),
        lambda: LevelStore.open(store._dir),
    ):
        try:
            call()
            errors.append("none")
        except CacheError as error:
            errors.append(type(error).__name__)
    store.close()
    return " ".join(errors).encode()


def test_a_file_that_leveldb_deletes_as_it_opens_does_no_harm(db, monkeypatch):
    store = LevelStore.open(db)
    listing = os.listdir
    monkeypatch.setattr(os, "listdir", lambda place: [*listing(place), *(["000099.ldb"] if place == db else [])])
    leveldb._keep_from_programs(db)
    store.close()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_programs_do_not_inherit_its_descriptors(db):
    store = LevelStore.open(db)
    listing = subprocess.run(["ls", "-l", "/proc/self/fd"], close_fds=False, capture_output=True, text=True, check=True)
    assert str(db) not in listing.stdout
    store.close()


WRITER = """
from pathlib import Path
from nbflow.storage.database.leveldb import LevelStore
store = LevelStore.open(Path(sys.argv[1]))
number = 0
while True:
    store.put(b"%016d" % number, bytes(900))
    number += 1
    if number % 100 == 0:
        print(number, flush=True)
"""


def test_a_killed_writer_loses_nothing_and_leaves_no_lock(db, python):
    for delay in (0.0, 0.15, 0.4):
        process = subprocess.Popen(python(WRITER, db), stdout=subprocess.PIPE, text=True)
        written = int(process.stdout.readline())
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        written = int((process.stdout.read().splitlines() or [written])[-1])
        process.wait()
        process.stdout.close()
        held = contents(db)
        assert all(held[key(number)] == bytes(900) for number in range(written))


OWNER = """
from pathlib import Path
from nbflow.storage.database.leveldb import LevelStore
store = LevelStore.open(Path(sys.argv[1]))
print("open", flush=True)
sys.stdin.readline()
"""


def test_what_another_process_has_open_is_never_taken_for_damaged(db, python):
    fill(db)
    owner = subprocess.Popen(python(OWNER, db), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert owner.stdout.readline() == "open\n"
    (db / "CURRENT").write_bytes(b"MANIFEST-999999\n")
    before = files(db)
    with pytest.raises(CacheLockedError, match="open in another process"):
        LevelStore.open(db)
    assert files(db) == before
    assert not list(db.parent.glob("db.damaged-*"))
    owner.kill()
    owner.communicate()


def remove_current(db):
    (db / "CURRENT").unlink()


def empty_current(db):
    (db / "CURRENT").write_bytes(b"")


def garble_current(db):
    (db / "CURRENT").write_bytes(b"\xff\xfe\n")


def remove_manifest(db):
    next(db.glob("MANIFEST-*")).unlink()


def cut_manifest(db):
    os.truncate(next(db.glob("MANIFEST-*")), 20)


def garble_manifest(db):
    manifest = next(db.glob("MANIFEST-*"))
    manifest.write_bytes(b"\x00\x01\x02" * 50)


@pytest.mark.parametrize(
    "damage", [remove_current, empty_current, garble_current, remove_manifest, cut_manifest, garble_manifest]
)
def test_a_damaged_head_is_set_aside_and_the_entries_are_taken_over(db, damage):
    fill(db)
    damage(db)
    left = files(db)
    with pytest.warns(RuntimeWarning, match=r"damaged.*db\.damaged-1.*taken over"):
        assert contents(db) == {key(number): value(number) for number in range(6000)}
    assert files(db.parent / "db.damaged-1") == left


def test_a_lost_table_costs_its_entries_alone(db):
    fill(db)
    fill(db, first=6000)
    min(db.glob("*.sst")).unlink()
    with pytest.warns(RuntimeWarning, match="damaged"):
        held = contents(db)
    assert 0 < len(held) < 12000
    assert all(content == value(int(name)) for name, content in held.items())


def test_a_table_cut_short_is_a_miss_with_a_warning_and_writing_goes_on(db):
    fill(db, count=12000)
    for table in db.glob("*.sst"):
        os.truncate(table, table.stat().st_size // 2)
    with pytest.warns(RuntimeWarning, match="cut short"):
        store = LevelStore.open(db)
    found = {number: store.get(key(number)) for number in range(12000)}
    assert all(content in (None, value(number)) for number, content in found.items())
    for number in range(20000, 32000):
        store.put(key(number), value(number))
    store.close()
    held = contents(db)
    assert all(held[key(number)] == value(number) for number in range(20000, 32000))


def test_flipped_bytes_never_crash_and_never_stop_the_writing(db):
    fill(db, count=12000)
    dice = random.Random(7)
    for table in db.glob("*.sst"):
        content = bytearray(table.read_bytes())
        for _ in range(200):
            content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        table.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        store = LevelStore.open(db)
        for number in range(12000):
            store.get(key(number))
        list(store.iterate())
        for number in range(12000):
            store.put(key(number), value(number))
        store.close()
        held = contents(db)
    assert all(held[key(number)] == value(number) for number in range(12000))


def overwrite(store: LevelStore, count: int) -> None:
    for number in range(count):
        store.put(key(number % 15000), value(number))


def overwrite_until(store: LevelStore, told: list[warnings.WarningMessage]) -> None:
    # LevelDB meets damage when it merges tables, in a thread of its own that may lag behind.
    while not told:
        overwrite(store, 30000)


def test_damage_that_stops_leveldb_from_writing_is_set_aside_in_mid_run(db):
    fill(db, count=12000)
    for table in db.glob("*.sst"):
        content = table.read_bytes()
        table.write_bytes(b"\xff" * (len(content) - 48) + content[-48:])
    store = LevelStore.open(db)
    with pytest.warns(RuntimeWarning, match=r"damaged.*db\.damaged-1") as told:
        overwrite_until(store, told.list)
    with pytest.raises(CacheLockedError, match="already open in this process"):
        LevelStore.open(db)
    store.close()
    held = contents(db)
    assert all(held[key(number % 15000)] == value(number) for number in range(15000, 30000))


def test_a_directory_full_of_rubbish_starts_empty_and_nothing_is_deleted(db):
    mark_session(db.parent)
    db.mkdir()
    for name in ("CURRENT", "MANIFEST-000002", "000003.log", "000005.ldb"):
        (db / name).write_bytes(random.Random(name).randbytes(5000))
    with pytest.warns(RuntimeWarning, match="damaged"):
        assert contents(db) == {}
    assert (db.parent / "db.damaged-1" / "000005.ldb").read_bytes() == random.Random("000005.ldb").randbytes(5000)


def test_each_damaged_database_is_kept_under_a_name_of_its_own(db):
    for _ in range(2):
        fill(db, count=5)
        empty_current(db)
        with pytest.warns(RuntimeWarning):
            contents(db)
    assert {path.name for path in db.parent.glob("db.damaged-*")} == {"db.damaged-1", "db.damaged-2"}


def test_a_database_that_may_not_be_read_is_an_error_and_stays_where_it_is(db):
    fill(db, count=5)
    (db / "LOCK").unlink()
    (db / "LOCK").mkdir()
    with pytest.raises(CacheError, match="could not open"):
        LevelStore.open(db)
    assert not list(db.parent.glob("db.damaged-*"))
