"""What running tasks use of the machine at this moment: CPU and memory of all their processes.

Alone samples processes, and only when it is asked: a reading costs a few system calls for each process of a task, and
nothing for all others of the machine where the system tells a process's children.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from nbflow.execution.job import Running
from nbflow.execution.local.tree import descendants, process_table

_SHORT = 0.1
"""Seconds below which the system's clock of processes tells little."""


@dataclass(frozen=True, slots=True)
class Use:
    """What a task uses now.

    Attributes
    ----------
    cpu : float
        CPUs that it has kept busy since the last reading, or since it began.
    memory : int
        Bytes of resident memory of its processes; what they share counts in each of them.
    """

    cpu: float
    memory: int


def summed(uses: Iterable[Use]) -> Use:
    """What several tasks use together."""
    uses = list(uses)
    return Use(sum(use.cpu for use in uses), sum(use.memory for use in uses))


class Meter:
    """Reads the use of tasks, time and again. Used by one thread."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[float, float]] = {}

    def read(self, jobs: Sequence[Running]) -> dict[str, Use]:
        """Read what jobs use.

        Parameters
        ----------
        jobs : sequence of Running
            Those that run, each with its first process.

        Returns
        -------
        dict of str to Use
            By the jobs' hashes; without those that have ended.
        """
        trees = _trees([job.pid for job in jobs])
        found = {job.job_hash: use for job in jobs if (use := self._use(job, trees[job.pid])) is not None}
        self._before = {name: before for name, before in self._before.items() if name in found}
        return found

    def _use(self, job: Running, tree: Iterable[int]) -> Use | None:
        figures = [figure for pid in tree if (figure := _figures(pid)) is not None]
        if not figures:
            return None
        now, busy = time.time(), sum(seconds for seconds, _ in figures)
        then, busy_then = self._before.get(job.job_hash, (job.at, 0.0))
        self._before[job.job_hash] = now, busy
        # A child that nobody waited for takes its seconds with it.
        return Use(max(0.0, busy - busy_then) / max(now - then, _SHORT), sum(memory for _, memory in figures))


def _figures(pid: int) -> tuple[float, int] | None:
    """CPU seconds of a process and of the children that it waited for, and its memory; None if it has ended."""
    with suppress(psutil.Error, OSError):
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            waited_for = times.children_user + times.children_system
            return times.user + times.system + waited_for, process.memory_info().rss
    return None


def _trees(pids: Sequence[int]) -> dict[int, set[int]]:
    """Each of these processes with all below it."""
    try:
        return {pid: set(_below(pid)) for pid in pids}
    except NotImplementedError:
        table = process_table()
        return {pid: {pid} | descendants([pid], table) for pid in pids}


def _below(pid: int) -> Iterator[int]:
    """A process, and all below it."""
    waiting = [pid]
    while waiting:
        yield (pid := waiting.pop())
        waiting.extend(_children(pid))


def _children(pid: int) -> list[int]:
    """The children of a process as Linux tells them for each of its threads.

    Raises
    ------
    NotImplementedError
        This system does not tell.
    """
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        if os.path.exists(f"/proc/{os.getpid()}/task"):
            return []  # it has ended
        raise NotImplementedError from None
    found: list[int] = []
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:
                found += map(int, file.read().split())
        except OSError:
            if not os.path.exists(f"/proc/{os.getpid()}/task/{os.getpid()}/children"):
                raise NotImplementedError from None
    return found
