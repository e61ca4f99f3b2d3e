"""Memory of the kernel that tasks leave behind: executed ones, and cached ones again and again.

LevelDB maps its tables, some 1.3 KB a task, into memory. They are the system's page cache, which it takes back when it
needs to: counted apart.
"""

from __future__ import annotations

import gc

import psutil

from tests.benchmarks.hits import PROCESS
from tests.benchmarks.measure import Row
from tests.benchmarks.stand import notebook

TASKS = 10_000
_FIRST = 10_000
"""Tasks before: they fill LevelDB's buffers, some 12 MB however many tasks there are."""


def rows() -> list[Row]:
    """Measure."""
    with notebook(instant=True) as stand:
        stand.cell("big = 20")
        stand.cell(PROCESS)
        stand.cell(f"first = fit(channel.from_list(range({_FIRST})), depth=4)")
        moments = [_memory()]
        stand.cell(f"scores = fit(channel.from_list(range({TASKS})), depth=5)")
        moments.append(_memory())
        stand.cell(f"again = fit(channel.from_list(range({TASKS})), depth=5)")
        moments.append(_memory())
    return [*_rows("executed", *moments[:2]), *_rows("cached", *moments[1:])]


def _rows(kind: str, before: tuple[int, int], after: tuple[int, int]) -> list[Row]:
    own, mapped = ((now - then) / TASKS for then, now in zip(before, after, strict=True))
    return [
        Row(f"memory of a task, {kind}, {TASKS:,} of them", "B", own, None, "1024"),
        Row(f"page cache of a task, {kind}", "B", mapped, None, ""),
    ]


def _memory() -> tuple[int, int]:
    """Bytes that are the kernel's own, and those of files that it has mapped."""
    gc.collect()
    facts = psutil.Process().memory_info()
    return facts.rss - facts.shared, facts.shared
