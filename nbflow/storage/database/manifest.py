"""Reads a LevelDB MANIFEST: which files a database consists of.

Alone here: the parts of LevelDB's format that say so (its `doc/log_format.md` and `db/version_edit.cc`). It opens
CURRENT and the MANIFEST to read them, no other file, and knows no library. Checksums are LevelDB's own to check when it
opens the database.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TABLE = re.compile(r"(\d+)\.(?:ldb|sst)")
_BLOCK = 32768
_HEADER = struct.Struct("<IHB")
_FULL, _FIRST, _LAST = 1, 2, 4
_COMPARATOR, _LOG, _NEXT_FILE, _LAST_SEQUENCE, _POINTER, _DELETED, _NEW, _PREVIOUS_LOG = 1, 2, 3, 4, 5, 6, 7, 9


@dataclass(frozen=True, slots=True)
class LiveFiles:
    """What a database consists of at one moment.

    Attributes
    ----------
    tables : dict of int to int
        Size in bytes of each table, by its file number.
    first_log : int
        Logs with this number and above hold what is in no table yet.
    previous_log : int
        A log below that one that counts too, or 0.
    length : int
        Bytes of the MANIFEST up to the end of its last whole record.
    """

    tables: dict[int, int]
    first_log: int
    previous_log: int
    length: int


def read_manifest(db_dir: Path) -> tuple[str, bytes]:
    """Return the name and the content of the MANIFEST that CURRENT names.

    Raises
    ------
    ValueError
        CURRENT names none.
    OSError
        One of the two cannot be read.
    """
    current = (db_dir / "CURRENT").read_bytes().strip()
    if not re.fullmatch(rb"MANIFEST-\d+", current):
        raise ValueError(f"CURRENT names {current[:40]!r} and no MANIFEST")
    name = current.decode("ascii")
    return name, (db_dir / name).read_bytes()


def live_files(manifest: bytes) -> LiveFiles:
    """Read a MANIFEST, which may end in half a record if its writer is at work.

    Raises
    ------
    ValueError
        It is not a MANIFEST, or a damaged one.
    """
    tables: dict[int, int] = {}
    numbers = {_LOG: 0, _PREVIOUS_LOG: 0}
    length = 0
    try:
        for record, end in _records(manifest):
            _apply(record, tables, numbers)
            length = end
    except IndexError as error:
        raise ValueError("a record of the MANIFEST is cut off") from error
    if length == 0:
        raise ValueError("the MANIFEST holds no record")
    return LiveFiles(tables, numbers[_LOG], numbers[_PREVIOUS_LOG], length)


def check_files(db_dir: Path) -> None:
    """Find damage that LevelDB overlooks at its opening, and acts on later; an empty directory is sound.

    Where CURRENT is lost it makes a new database and deletes the tables of the old one; that a table is cut short it
    sees only when a key is looked up, or when a compaction fails and stops all writing. Sure only while nobody writes.

    Raises
    ------
    ValueError
        What is wrong.
    """
    sizes = {file.name: file.stat().st_size for file in db_dir.iterdir()}
    tables = {int(match[1]): size for name, size in sizes.items() if (match := _TABLE.fullmatch(name))}
    if "CURRENT" not in sizes:
        if tables or any(name.endswith(".log") for name in sizes):
            raise ValueError("CURRENT is missing")
        return
    for number, size in live_files(read_manifest(db_dir)[1]).tables.items():
        if tables.get(number, -1) < size:
            raise ValueError(f"table {number} is missing or cut short")


def _records(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield each whole record and where it ends."""
    parts: list[bytes] = []
    for kind, payload, end in _fragments(data):
        if kind in (_FULL, _FIRST):
            parts = []
        parts.append(payload)
        if kind in (_FULL, _LAST):
            yield b"".join(parts), end


def _fragments(data: bytes) -> Iterator[tuple[int, bytes, int]]:
    position = 0
    while position + _HEADER.size <= len(data):
        left = _BLOCK - position % _BLOCK
        if left < _HEADER.size:
            position += left
            continue
        _, size, kind = _HEADER.unpack_from(data, position)
        start = position + _HEADER.size
        # Zeros follow where Java's LevelDB has mapped more of the file than it has written.
        if kind == 0 or start + size > len(data):
            return
        position = start + size
        yield kind, data[start:position], position


def _apply(record: bytes, tables: dict[int, int], numbers: dict[int, int]) -> None:
    edit = _Edit(record)
    while edit.more():
        tag = edit.number()
        if tag in (_LOG, _PREVIOUS_LOG, _NEXT_FILE, _LAST_SEQUENCE):
            numbers[tag] = edit.number()
        elif tag == _COMPARATOR:
            edit.skip_text()
        elif tag == _POINTER:
            edit.number()
            edit.skip_text()
        elif tag == _DELETED:
            edit.number()
            tables.pop(edit.number(), None)
        elif tag == _NEW:
            edit.number()
            number, size = edit.number(), edit.number()
            tables[number] = size
            edit.skip_text()
            edit.skip_text()
        else:
            raise ValueError(f"the MANIFEST holds an unknown tag {tag}")


class _Edit:
    """Reads the numbers and texts of one record in turn."""

    def __init__(self, record: bytes) -> None:
        self._record = record
        self._position = 0

    def more(self) -> bool:
        return self._position < len(self._record)

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self._record[self._position]
            self._position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def skip_text(self) -> None:
        size = self.number()
        self._position += size
