"""How long the tasks of a cell will still take: an estimate, or none where it would be a guess.

Pure: counts and a moment in, seconds out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nbflow.execution.progress import ProcessCounts

#: Completed tasks of a process from which the time of another one is told.
ENOUGH = 3
#: How sure the mean must be: its standard error, as a part of itself.
UNSURE = 0.25
#: How many times the mean a running task may take until it shows that the mean tells nothing of it.
LATE = 3


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long it will still take.

    Attributes
    ----------
    seconds : float
        Seconds.
    is_least : bool
        Whether more is to come of which nothing can be told.
    """

    seconds: float
    is_least: bool = False


def remaining(processes: Sequence[ProcessCounts], now: float, lanes: float) -> Estimate | None:
    """Estimate how long it takes until all tasks have ended.

    Each process's tasks are taken to last as long as those of it that were completed, and none to be cached.

    Parameters
    ----------
    processes : sequence of ProcessCounts
        The counts.
    now : float
        Seconds since the epoch.
    lanes : float
        How many tasks run side by side, as seen of late.

    Returns
    -------
    Estimate or None
        None where nothing is left, and where it would be a guess: too few tasks of a process whose tasks run or wait were
        completed, their times differ too much, or one runs far longer than the others did.
    """
    left = [counts for counts in processes if not counts.settled]
    begun = [counts for counts in left if counts.running or counts.waiting]
    if not begun or not all(_is_known(counts, now) for counts in begun):
        return None
    known = [counts for counts in left if _is_known(counts, now)]
    running = [_rest(counts, task.since, now) for counts in known for task in counts.tasks]
    waiting = [(_to_start(counts), _mean(counts)) for counts in known]
    work = sum(running) + sum(number * mean for number, mean in waiting)
    # However many run side by side, what waits takes a task's time at least.
    longest = max(*running, *(mean for number, mean in waiting if number), 0.0, 0.0)
    is_least = len(known) < len(left) or any(counts.total is None for counts in known)
    return Estimate(max(work / max(1.0, lanes), longest), is_least)


def _is_known(counts: ProcessCounts, now: float) -> bool:
    if counts.completed < ENOUGH:
        return False
    mean = _mean(counts)
    variance = max(0.0, counts.took_squared / counts.completed - mean * mean)
    late = any(now - task.since > LATE * mean + 1 for task in counts.tasks)
    return math.sqrt(variance / counts.completed) <= UNSURE * mean and not late


def _mean(counts: ProcessCounts) -> float:
    return counts.took / counts.completed


def _rest(counts: ProcessCounts, since: float, now: float) -> float:
    """What a running task will still take, which is something as long as it runs."""
    mean = _mean(counts)
    return max(mean - (now - since), mean / 10)


def _to_start(counts: ProcessCounts) -> int:
    whole = counts.submitted if counts.total is None else counts.total
    return whole - counts.ended - counts.running
