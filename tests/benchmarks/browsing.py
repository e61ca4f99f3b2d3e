"""The cache browser with 100,000 tasks: to open it, to scroll, to sort, to filter, and what it keeps in the kernel's memory."""

from __future__ import annotations

import gc
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import psutil

from nbflow.browsing.model import Model
from nbflow.storage.browse import Reader
from tests.benchmarks.measure import Row, interleaved
from tests.browsing.made import MadeSession

TASKS = 100_000
ROUNDS = 5


def rows() -> list[Row]:
    """Measure."""
    made = MadeSession(Path(tempfile.mkdtemp(prefix="notebook-")), TASKS)
    run, first = str(made.first.run_name), made.tasks[TASKS // 2][0].hex()
    del made.tasks[:]
    reader = Reader(made.layout)
    before = _memory()
    kept = Model(lambda: reader)
    kept.answer({"ask": "tasks", "run": run})
    memory = Row("kernel memory of a task in the open browser", "B", (_memory() - before) / TASKS, budget="1024")

    def ask(**question: object) -> Callable[[], object]:
        return lambda: kept.answer({"ask": "tasks", "run": run, **question})

    works: dict[str, tuple[Callable[[], object], str]] = {
        "open the browser": (lambda: _opened(reader, run), "500"),
        "scroll to another place": (ask(first=70_000, count=90), ""),
        "sort by realtime": (_each_time(ask, "sort", ("realtime", "peak_rss")), ""),
        "filter by text": (_each_time(ask, "text", ("align 0999", "align 0998")), ""),
        "filter by an expression": (_each_time(ask, "where", ("realtime > 9000", "realtime > 9001")), ""),
        "open a task": (lambda: kept.answer({"ask": "task", "run": run, "id": first}), ""),
    }
    costs = interleaved([work for work, _ in works.values()], ROUNDS)
    times = [
        Row(f"{what}, {TASKS:,} tasks", "ms", cost.wall * 1000, cost.cpu * 1000, budget)
        for (what, (_, budget)), cost in zip(works.items(), costs, strict=True)
    ]
    sent = len(json.dumps(kept.answer({"ask": "tasks", "run": run, "count": 90})))
    return [*times, memory, Row("bytes of a window of 90 tasks", "B", sent)]


def _opened(reader: Reader, run: str) -> object:
    """What a front end asks first, of a model that knows nothing yet."""
    model = Model(lambda: reader)
    return model.answer({"ask": "sessions"}), model.answer({"ask": "tasks", "run": run, "count": 80})


def _each_time(ask: Callable[..., Callable[[], object]], name: str, values: tuple[str, ...]) -> Callable[[], object]:
    """Ask for another one each time: what was asked last is remembered."""
    calls: list[int] = []

    def work() -> object:
        calls.append(1)
        return ask(**{name: values[len(calls) % len(values)]})()

    return work


def _memory() -> int:
    gc.collect()
    facts = psutil.Process().memory_info()
    return int(facts.rss - facts.shared)
