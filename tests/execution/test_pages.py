"""What a fork has written to is known, and can be had before it is written to."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
import traceback
from collections.abc import Callable, Iterator

import pytest

from nbflow.execution.local import pages

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of pages")
PAGES = 64


@pytest.fixture
def memory() -> Iterator[tuple[mmap.mmap, int]]:
    """Private memory that is there, and its address."""
    with mmap.mmap(-1, PAGES * mmap.PAGESIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as made:
        made.write(b"x" * len(made))
        held = ctypes.c_char.from_buffer(made)
        address = ctypes.addressof(held)
        del held
        yield made, address


def in_a_fork(check: Callable[[], None]) -> None:
    pid = os.fork()
    if pid == 0:
        try:
            check()
            os._exit(0)
        except BaseException:  # noqa: BLE001  # the parent sees the status
            traceback.print_exc()
        finally:
            os._exit(1)
    assert os.waitpid(pid, 0)[1] == 0


def own_of(address: int) -> set[int]:
    """Which pages of the memory are told as written to."""
    end = address + PAGES * mmap.PAGESIZE
    told = (page for begin, size in pages.written() for page in range(begin, begin + size, mmap.PAGESIZE))
    return {(page - address) // mmap.PAGESIZE for page in told if address <= page < end}


def test_pages_that_were_written_to_are_told_and_no_others(memory: tuple[mmap.mmap, int]) -> None:
    content, address = memory

    def check() -> None:
        for page in (3, 4, 40):
            content[page * mmap.PAGESIZE] = 1
        assert own_of(address) == {3, 4, 40}

    in_a_fork(check)


def test_pages_can_be_had_ahead_and_hold_what_they_held(memory: tuple[mmap.mmap, int]) -> None:
    content, address = memory

    def check() -> None:
        assert own_of(address) == set()
        pages.make_own([(address + 5 * mmap.PAGESIZE, 2 * mmap.PAGESIZE)])
        assert own_of(address) == {5, 6}
        assert content[:] == b"x" * len(content)

    in_a_fork(check)


def test_memory_that_is_gone_is_passed_over(memory: tuple[mmap.mmap, int]) -> None:
    _, address = memory

    def check() -> None:
        pages.make_own([(1 << 46, mmap.PAGESIZE), (address, mmap.PAGESIZE)])
        assert own_of(address) == {0}

    in_a_fork(check)


def test_no_more_pages_are_told_than_are_worth_it() -> None:
    size = 3 * pages.MOST * mmap.PAGESIZE
    with mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as content:
        in_a_fork(lambda: check_most(content))


def check_most(content: mmap.mmap) -> None:
    content.write(b"y" * len(content))
    assert sum(size for _, size in pages.written()) == pages.MOST * mmap.PAGESIZE
