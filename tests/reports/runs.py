"""Runs for reports, made of rows as a reader gives them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nbflow.core.parts import Part
from nbflow.core.task.entry import COMPLETED, OutputRecord, TaskEntry
from nbflow.reports.view import Flow, RunView
from nbflow.storage.nextflow.history import RunRecord
from nbflow.storage.rows import TaskRow

SESSION = "11111111-1111-4111-8111-111111111111"
BEGAN = datetime(2026, 3, 1, 12, 0, 0)  # the history's times are local
MOMENT = round(BEGAN.timestamp() * 1000)
LAUNCH_DIR = Path("/data/project")

#: What a body or a name may hold to break a page, a drawing or a file of columns.
NASTY = (
    "</script><script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "a\tb\nc",
    "&lt;`${x}`]]>-->",
    "日本語 𝄞 é",
)


def task(
    name: str,
    status: str = COMPLETED,
    *,
    key: int | str = 0,
    at: int = 0,
    waits: int = 500,
    runs: int = 2000,
    parts: Sequence[Part] = (),
    outputs: Sequence[OutputRecord] = (),
    **trace: Any,
) -> TaskRow:
    """A task that was submitted so many milliseconds after the run began."""
    task_hash = key if isinstance(key, str) else f"{key:032x}"
    process = name.partition(" (")[0]
    submit, start = MOMENT + at, MOMENT + at + waits
    known: dict[str, Any] = {"name": name, "process": process, "submit": submit}
    if status != "SUBMITTED":
        known |= {"start": start}
    if status not in ("SUBMITTED", "RUNNING"):
        known |= {
            "task_id": 1, "exit": 1 if status == "FAILED" else 0, "attempt": 1, "cpus": 1, "complete": start + runs,
            "duration": waits + runs, "realtime": runs, "%cpu": 95.5, "peak_rss": 30_000_000, "rchar": 5_000_000,
            "wchar": 1_000, "script": f"body of {process}", "memory": None,
        }  # fmt: skip
    entry = None
    if status not in ("SUBMITTED", "RUNNING"):
        entry = TaskEntry(
            status, 0, runs, "happy_turing", "boot", tuple(outputs), process=process, name=name, parts=tuple(parts)
        )
    where = LAUNCH_DIR / "work" / task_hash[:2] / task_hash[2:]
    return TaskRow(task_hash, SESSION, "happy_turing", status, where, {**known, **trace}, entry, "has not run before")


def run(
    tasks: Iterable[TaskRow],
    *,
    live: bool = False,
    status: str | None = "OK",
    flows: Iterable[Flow] = (),
    seconds: int = 60,
) -> RunView:
    """A run of some tasks."""
    record = RunRecord(
        BEGAN,
        None if live else f"{seconds}s",
        "happy_turing",
        None if live else status,
        None,
        SESSION,
        "nbflow run a.ipynb",
    )
    now = BEGAN + timedelta(seconds=seconds)
    return RunView(record, live, now, LAUNCH_DIR, LAUNCH_DIR / "work", list(tasks), list(flows))


def mixed() -> RunView:
    """A live run with tasks of every status."""
    many = [task(f"fit ({n})", "CACHED" if n < 4 else "COMPLETED", key=n, at=200 * n) for n in range(12)]
    rest = [
        task("split", key=90),
        task("score (1)", "FAILED", key=91, at=3000),
        task("score (2)", "ABORTED", key=92, at=3000),
        task("report (1)", "RUNNING", key=93, at=9000),
        task("report (2)", "SUBMITTED", key=94, at=9000),
    ]
    flows = [
        Flow("fit", ("x",), (("split", "parts"),)),
        Flow("score", ("fit",), (("fit", ""),)),
        Flow("report", (), (("score", "s"),)),
    ]
    return run([*many, *rest], live=True, flows=flows)


def large(count: int) -> RunView:
    """A run of many tasks of three processes, four at a time."""
    names = ("align", "sort_and_index", "call")
    tasks = [
        task(
            f"{names[n % 3]} (sample_{n:05})", "CACHED" if n % 7 == 0 else "FAILED" if n % 997 == 0 else "COMPLETED",
            key=f"{n * 2654435761 % 2**128:032x}", at=0, waits=n * 30, runs=110 + n % 13, peak_rss=10**7 + n * 1000,
        )
        for n in range(count)
    ]  # fmt: skip
    return run(tasks, seconds=count * 30 // 1000 + 2)
