"""Memory of the kernel that tasks leave behind: executed ones, and cached ones again and again."""

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
        before = _resident()
        stand.cell(f"scores = fit(channel.from_list(range({TASKS})), depth=5)")
        executed = _resident()
        stand.cell(f"again = fit(channel.from_list(range({TASKS})), depth=5)")
        cached = _resident()
    return [
        Row(f"memory of an executed task, {TASKS:,} of them", "B", (executed - before) / TASKS, None, "1024"),
        Row(f"memory of a cached task, {TASKS:,} of them", "B", (cached - executed) / TASKS, None, "1024"),
    ]


def _resident() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)
