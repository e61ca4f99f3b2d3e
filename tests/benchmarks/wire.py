"""What a cell of 10,000 tasks sends to JupyterLab while it runs, and when it takes them from the cache.

Beside it what the same cell sends that prints a line a task, as scripts do that show how far they are.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.benchmarks.measure import Row
from tests.benchmarks.pages import lab, run_cell

TASKS = 10_000
_CELLS = (
    "%load_ext nbflow",
    "%%process fit(trees: int, *, depth: int = 3) -> score: float\nscore = trees / depth",
    f"scores = fit(channel.from_list(range({TASKS})))",
    "%unload_ext nbflow\n%load_ext nbflow",
    f"import time\nfor task in range({TASKS}):\n    time.sleep(0.004)\n    print('task', task, 'completed', flush=True)",
)


def rows() -> list[Row]:
    """Measure."""
    launch_dir = Path(tempfile.mkdtemp(prefix="notebook-"))
    bytes_at: Counter[int] = Counter()

    def heard(size: int) -> None:
        bytes_at[int(time.monotonic())] += size

    def sent(page: object, cell: int) -> Counter[int]:
        bytes_at.clear()
        run_cell(page, cell)
        return bytes_at.copy()

    with lab(launch_dir, _CELLS, heard) as page:
        run_cell(page, 0)
        run_cell(page, 1)
        executed = sent(page, 2)
        for cell in (3, 1):
            run_cell(page, cell)
        cached = sent(page, 2)
        printed = sent(page, 4)
    print_ = "a print a task"
    return [
        Row(
            "websocket in its busiest second, executed",
            "B",
            max(executed.values()),
            None,
            "",
            print_,
            max(printed.values()),
        ),
        Row("websocket, all 10,000 executed", "B", executed.total(), None, "", print_, printed.total()),
        Row("websocket, all 10,000 cached", "B", cached.total(), None, "", print_, printed.total()),
    ]
