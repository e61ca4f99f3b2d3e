"""How benchmarks measure: wall and CPU time side by side, medians, interleaved with the peer.

The machine may be busy with other things: so each figure stands beside a peer's of the same moments, and CPU time, which
suffers less from others than wall time, beside wall time. Asserts nothing.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import psutil


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took, in seconds: by the clock, and of processors in this process and all below it."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table.

    Attributes
    ----------
    what : str
        What was measured.
    unit : str
        ``us``, ``ms``, ``%`` or ``B``.
    wall, cpu : float or None
        nbflow's figures in that unit; the second only for times.
    budget : str
        What the design allows.
    peer : str
        What it is compared with.
    peer_wall : float or None
        The peer's figure.
    """

    what: str
    unit: str
    wall: float
    cpu: float | None = None
    budget: str = ""
    peer: str = ""
    peer_wall: float | None = None

    def fields(self) -> dict[str, object]:
        """The row as JSON takes it."""
        return asdict(self)


def cost(work: Callable[[], object], *, everything_below: bool = False) -> Cost:
    """Do something once.

    Parameters
    ----------
    work : callable
        What to measure.
    everything_below : bool
        Whether the CPU time of all child processes counts too.
    """
    cpu = _cpu_below if everything_below else time.process_time
    begun, used = time.perf_counter(), cpu()
    work()
    return Cost(time.perf_counter() - begun, cpu() - used)


def interleaved(works: Sequence[Callable[[], object]], rounds: int, *, everything_below: bool = False) -> list[Cost]:
    """Do several things in turn, some rounds; the medians of each."""
    costs: list[list[Cost]] = [[] for _ in works]
    for _ in range(rounds):
        for taken, work in zip(costs, works, strict=True):
            taken.append(cost(work, everything_below=everything_below))
    return [median(taken) for taken in costs]


def median(costs: Sequence[Cost]) -> Cost:
    """The median of wall and of CPU times."""
    return Cost(statistics.median(c.wall for c in costs), statistics.median(c.cpu for c in costs))


def _cpu_below() -> float:
    """CPU seconds of this process and all that descend from it, those that were waited for included."""
    total = 0.0
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        try:
            total += sum(process.cpu_times()[:4])
        except psutil.Error:
            continue  # it has just ended, and counts with whoever waited for it
    return total


def load() -> str:
    """What else the machine does: the load averages and the number of CPUs."""
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs"
