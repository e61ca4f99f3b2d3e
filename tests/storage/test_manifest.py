"""The MANIFEST says which files are the database, whole or cut off at any byte."""

from __future__ import annotations

import os
import random

import pytest

from nbflow.storage.database.leveldb import LevelStore
from nbflow.storage.database.manifest import check_files, live_files, read_manifest


@pytest.fixture
def db(tmp_path):
    directory = tmp_path / "session" / "db"
    for _ in range(2):
        store = LevelStore.open(directory)
        for number in range(6000):
            store.put(b"%016d" % (number * 7919 % 6007), random.Random(number).randbytes(900))
        store.close()
    return directory


def test_it_names_the_tables_and_the_log_that_are_there(db):
    name, content = read_manifest(db)
    live = live_files(content)
    assert name in {path.name for path in db.glob("MANIFEST-*")}
    assert live.length == len(content)
    # One more may be there that LevelDB was writing when it was closed.
    assert live.tables.items() <= {int(path.stem): path.stat().st_size for path in db.glob("*.sst")}.items()
    # So may a newer log, if a table was being written of the older one.
    assert live.first_log in {int(path.stem) for path in db.glob("*.log")}


def test_zeros_after_the_last_record_end_it(db):
    _, content = read_manifest(db)
    assert live_files(content + bytes(100_000)) == live_files(content)


def test_cut_off_anywhere_it_tells_of_the_moment_of_its_last_whole_record():
    records = [
        _log_of(b"\x02" + _varint(number) + b"\x07\x00" + _varint(number) + b"\x10\x01a\x01b") for number in range(9)
    ]
    content, ends = b"".join(records), [len(record) for record in records]
    for size in range(ends[0]):
        with pytest.raises(ValueError, match="MANIFEST"):
            live_files(content[:size])
    for size in range(ends[0], len(content)):
        whole = size // ends[0]
        live = live_files(content[:size])
        assert (live.length, live.first_log, len(live.tables)) == (whole * ends[0], whole - 1, whole)


def test_records_longer_than_a_block_are_put_together():
    store_name = b"leveldb.BytewiseComparator"
    record = b"\x01" + bytes([len(store_name)]) + store_name + b"\x02\x09\x09\x00"
    for number in range(6000):
        record += b"\x07\x00" + _varint(number) + _varint(number * 3) + b"\x02ab" + b"\x01c"
    live = live_files(_log_of(record))
    assert live.tables == {number: number * 3 for number in range(6000)}
    assert (live.first_log, live.previous_log) == (9, 0)


def test_deleted_tables_and_positions_are_taken_account_of():
    record = b"\x07\x00\x05\x10\x01a\x01b\x07\x01\x06\x20\x01a\x01b\x05\x01\x02xy\x06\x00\x05\x03\x08\x04\x63"
    assert live_files(_log_of(record)).tables == {6: 32}


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"\xff" * 6, b"MANIFEST" * 5000])
def test_what_is_no_manifest_is_an_error(content):
    with pytest.raises(ValueError, match="MANIFEST"):
        live_files(content)


def test_random_bytes_never_raise_anything_else(db):
    _, content = read_manifest(db)
    dice = random.Random(3)
    for _ in range(5000):
        damaged = bytearray(content)
        for _ in range(dice.randrange(1, 4)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        try:
            live_files(bytes(damaged))
        except ValueError:
            continue


@pytest.mark.parametrize("current", [b"", b"MANIFEST-\n", b"../other\n", b"\xff\xfe\n", b"MANIFEST-1\nMANIFEST-2\n"])
def test_current_must_name_a_manifest(tmp_path, current):
    (tmp_path / "CURRENT").write_bytes(current)
    with pytest.raises(ValueError, match="no MANIFEST"):
        read_manifest(tmp_path)


def test_a_sound_database_and_an_empty_directory_pass_the_check(db, tmp_path):
    (db / "._000005.ldb").touch()  # as macOS leaves them on foreign file systems
    check_files(db)
    (tmp_path / "empty").mkdir()
    check_files(tmp_path / "empty")


def test_a_table_lost_or_cut_short_by_a_byte_is_found(db):
    table = min(db.glob("*.sst"))
    os.truncate(table, table.stat().st_size - 1)
    with pytest.raises(ValueError, match=f"table {int(table.stem)} is missing or cut short"):
        check_files(db)
    table.unlink()
    with pytest.raises(ValueError, match="missing or cut short"):
        check_files(db)


def test_tables_or_logs_without_current_are_found(tmp_path):
    (tmp_path / "000003.log").touch()
    with pytest.raises(ValueError, match="CURRENT is missing"):
        check_files(tmp_path)


def _varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def _log_of(record: bytes) -> bytes:
    """Write one record as LevelDB does, in fragments that fill blocks of 32 KB; checksums are not looked at."""
    pieces = [record[start : start + 32761] for start in range(0, len(record), 32761)]
    kinds = [1] if len(pieces) == 1 else [2, *[3] * (len(pieces) - 2), 4]
    return b"".join(
        bytes(4) + len(piece).to_bytes(2, "little") + bytes([kind]) + piece
        for piece, kind in zip(pieces, kinds, strict=True)
    )
