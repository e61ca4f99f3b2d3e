"""What a report is about: a run, its tasks and its calls, as they were at one moment.

Alone here reads; all else of the reports takes a `RunView`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from nbflow.core.units import format_duration
from nbflow.storage.browse import Reader
from nbflow.storage.nextflow.history import RunRecord
from nbflow.storage.nextflow.secrets import SecretStore
from nbflow.storage.rows import CACHED, TaskRow

_TAIL = 16 << 10
STATUSES = ("COMPLETED", "CACHED", "RUNNING", "SUBMITTED", "FAILED", "ABORTED")


class Flow(NamedTuple):
    """A call of a process with channels.

    Attributes
    ----------
    process : str
        What was called.
    inputs : tuple of str
        Its inputs that come from the channels.
    origins : tuple of (process, output)
        Whose outputs the channels hold, and which; an empty output stands for all.
    """

    process: str
    inputs: tuple[str, ...]
    origins: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class RunView:
    """A run at one moment.

    Attributes
    ----------
    record : RunRecord
        Its line in the history.
    live : bool
        Whether it goes on.
    now : datetime.datetime
        The moment, local time.
    launch_dir, work_root : pathlib.Path
        Where it was launched, and where its work directories lie.
    tasks : sequence of TaskRow
        In the order in which they were submitted or taken from the cache.
    flows : sequence of Flow
        Its calls with channels.
    secrets : sequence of str
        The values of the user's secrets, which no report may show though a task has printed them.
    """

    record: RunRecord
    live: bool
    now: datetime
    launch_dir: Path
    work_root: Path
    tasks: Sequence[TaskRow]
    flows: Sequence[Flow] = ()
    secrets: Sequence[str] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        """The run's name."""
        return self.record.run_name or self.record.session[:8]

    @property
    def anchor(self) -> str:
        """A text that ends the ids of what is drawn of it: a notebook may show several of one run."""
        return f"{self.name}-{self.now:%H%M%S%f}"

    @property
    def state(self) -> str:
        """How it stands, in words."""
        if self.live:
            return "goes on"
        return {"OK": "succeeded", "ERR": "failed"}.get(
            self.record.status or "", "was cut off: its kernel ended before it"
        )

    @property
    def elapsed(self) -> str:
        """How long it took, or has taken so far; ``-`` where that is not known."""
        if not self.live or self.record.timestamp is None:
            return self.record.duration or "-"
        return format_duration(max(0, round((self.now - self.record.timestamp).total_seconds())) * 1000)

    @property
    def told(self) -> str:
        """How it went, in a sentence."""
        took = f"{'so far' if self.live else 'took'} {self.elapsed}"
        counts = ", ".join(f"{count:,} {status.lower()}" for status, count in self.counts.items()) or "no tasks"
        return f"{counts}; the run {self.state}, {took}"

    @property
    def counts(self) -> Mapping[str, int]:
        """How many tasks have each status; those that none has are left out."""
        return counted(self.tasks)

    def by_process(self) -> dict[str, list[TaskRow]]:
        """The tasks of each process, the processes in the order of their first tasks."""
        found: dict[str, list[TaskRow]] = {}
        for task in self.tasks:
            found.setdefault(task.process, []).append(task)
        return found


def counted(tasks: Sequence[TaskRow]) -> dict[str, int]:
    """How many tasks have each status, in one order for all reports."""
    counts = Counter(task.status for task in tasks)
    return {status: counts[status] for status in (*STATUSES, *sorted(counts.keys() - {*STATUSES})) if counts[status]}


def view(reader: Reader, text: str) -> RunView:
    """Look at a run.

    Parameters
    ----------
    reader : Reader
        Reads the launch directory.
    text : str
        A run's name; ``last``; or a session's id or the beginning of one: its latest run.

    Raises
    ------
    UnknownSessionError
        If there is no such run.
    CacheError
        If the user's secrets cannot be read.
    """
    record = reader.select(text)[-1]
    live = reader.is_live(record)
    tasks = list(reader.rows([record]))
    flows = [flow for event in reader.calls_of(record) if (flow := read_flow(event)) is not None]
    layout, store = reader.layout, SecretStore(os.environ)
    secrets = tuple(store.values(store.names()).values())
    return RunView(record, live, datetime.now(), layout.launch_dir, layout.work_root, tasks, flows, secrets)


def read_flow(event: Mapping[str, Any]) -> Flow | None:
    """Read the event of a call; None where it has another shape, as another version may have written it."""
    try:
        origins = tuple((str(process), str(output)) for process, output in event["from"])
        return Flow(str(event["process"]), tuple(map(str, event["inputs"])), origins)
    except (KeyError, TypeError, ValueError):
        return None


def saved(tasks: Sequence[TaskRow]) -> int:
    """Milliseconds that cached tasks took when they were executed."""
    return sum(int(task.trace.get("realtime") or 0) for task in tasks if task.status == CACHED)


def last_lines(task: TaskRow, count: int) -> str:
    """The end of what a task printed: of its errors, or where there are none, of its output; empty where nothing is there."""
    for name in (".command.err", ".command.out"):
        try:
            with open(task.work_dir / name, "rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
                lines = file.read().decode("utf-8", "replace").splitlines()
        except OSError:
            continue
        if lines:
            return "\n".join(lines[-count:])
    return ""


def is_passed_over(task: TaskRow) -> bool:
    """Whether a task failed and the run went on: it got another attempt, or its failure was ignored."""
    return task.status == "FAILED" and task.trace.get("error_action") in ("RETRY", "IGNORE")
