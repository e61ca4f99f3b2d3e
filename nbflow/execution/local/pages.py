"""The memory that a fork writes to, so that the next one can have it before it is needed.

After a fork the system copies each page when it is first written to. For a small task that takes longer than its work, and
a worker that waits for a task has the time. Alone reads what the system says of pages; where it says nothing, nothing is
known, and all works as well.
"""

from __future__ import annotations

import ctypes
import os
from array import array
from collections.abc import Iterable, Iterator
from mmap import PAGESIZE

from nbflow.execution.local.tree import LINUX

MOST = 1024
"""Pages that are worth it at most: a task that writes to more of its libraries takes longer anyway."""

Range = tuple[int, int]
"""Address and length in bytes."""

_POPULATE_WRITE = 23
_OWN = 1 << 63 | 1 << 56
"""Of an entry of the page map: the page is there, and in no other process."""

_madvise = ctypes.CDLL(None).madvise if LINUX else None
if _madvise is not None:
    _madvise.argtypes = (ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int)


def written() -> list[Range]:
    """The memory that this process no longer shares with the one that it was forked from, in order; at most `MOST` pages."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
            private = [line.split(None, 2)[0] for line in maps if " rw-p " in line]
        with open("/proc/self/pagemap", "rb", buffering=0) as table:
            own = [page for extent in private for page in _own_pages(table.fileno(), *extent.split("-"))]
    except OSError:
        return []  # another system, or one that keeps it for itself
    return list(_ranges(own[:MOST]))


def _own_pages(table: int, begin: str, end: str) -> Iterator[int]:
    first, last = int(begin, 16) // PAGESIZE, int(end, 16) // PAGESIZE
    entries = array("Q")
    entries.frombytes(os.pread(table, (last - first) * entries.itemsize, first * entries.itemsize))
    return (first + at for at, entry in enumerate(entries) if entry & _OWN == _OWN)


def _ranges(pages: Iterable[int]) -> Iterator[Range]:
    """Pages that lie side by side, together."""
    begin = end = -1
    for page in pages:
        if page != end:
            if end > begin:
                yield begin * PAGESIZE, (end - begin) * PAGESIZE
            begin = page
        end = page + 1
    if end > begin:
        yield begin * PAGESIZE, (end - begin) * PAGESIZE


def make_own(ranges: Iterable[Range]) -> None:
    """Have memory copied now that would be when it is written to; what is not there any more is passed over."""
    if _madvise is not None:
        for address, size in ranges:
            _madvise(address, size, _POPULATE_WRITE)
