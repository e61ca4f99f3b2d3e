"""How long a cell will still take, and when nothing is said of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nbflow.execution.progress import ProcessCounts, RunningTask
from nbflow.execution.remaining import Estimate, remaining

NOW = 1000.0


def process(*took: float, total: int | None = 10, running: tuple[float, ...] = (), **more: int) -> ProcessCounts:
    """A process whose completed tasks took so long, and whose running ones have this age."""
    tasks = tuple(RunningTask(f"{place:032x}", "p", NOW - age) for place, age in enumerate(running))
    submitted = 10 if total is None else total
    over = len(took) + more.get("cached", 0) + more.get("failed", 0)
    counts = ProcessCounts("p", total, submitted, completed=len(took), running=len(tasks), tasks=tasks, **more)
    sums = {"took": sum(took), "took_squared": sum(seconds * seconds for seconds in took)}
    return replace(counts, waiting=submitted - len(tasks) - over, **sums)


def test_what_waits_and_what_runs_is_shared_among_those_side_by_side() -> None:
    # 4 done, 2 run and have 6 s and 4 s to go, 4 wait for 10 s each: 50 s of work for two.
    counts = process(10, 10, 10, 10, running=(4, 6))
    assert remaining([counts], NOW, 2) == Estimate(25)
    assert remaining([counts], NOW, 1) == Estimate(50)


def test_it_takes_at_least_what_one_task_takes() -> None:
    assert remaining([process(10, 10, 10, total=4)], NOW, 8) == Estimate(10)
    assert remaining([process(10, 10, 10, total=4, running=(7,))], NOW, 8) == Estimate(3)


def test_a_running_task_still_takes_something() -> None:
    assert remaining([process(10, 10, 10, total=4, running=(12,))], NOW, 1) == Estimate(1)


def test_cached_and_failed_tasks_are_over() -> None:
    counts = process(10, 10, 10, cached=5, failed=1)
    assert remaining([counts], NOW, 1) == Estimate(10)


@pytest.mark.parametrize(
    "counts",
    [
        process(total=10),
        process(10, 10),
        process(1, 1, 40, 1),
        process(10, 10, 10, running=(60,)),
        process(*[1] * 10),
    ],
    ids=["nothing completed", "too few", "times that differ", "one that takes far longer", "nothing left"],
)
def test_a_guess_is_not_told(counts: ProcessCounts) -> None:
    assert remaining([counts], NOW, 2) is None


def test_what_cannot_be_told_of_one_makes_the_others_the_least() -> None:
    known, unknown = process(10, 10, 10, total=5), ProcessCounts("report", 1)
    assert remaining([known, unknown], NOW, 1) == Estimate(20, is_least=True)
    assert remaining([unknown], NOW, 1) is None


def test_nothing_is_told_while_tasks_wait_of_which_nothing_is_known() -> None:
    known, unknown = process(10, 10, 10, total=5), process(total=20)
    assert remaining([known, unknown], NOW, 1) is None


def test_nothing_is_told_while_no_task_runs_or_waits() -> None:
    over = process(*[1] * 10, total=None)
    assert remaining([over, ProcessCounts("report", None)], NOW, 1) is None


def test_what_is_still_to_come_of_a_process_that_is_known_counts() -> None:
    counts = replace(process(10, 10, 10, total=4), total=6)
    assert remaining([counts], NOW, 1) == Estimate(30)


def test_a_channel_that_may_bring_more_makes_it_the_least() -> None:
    assert remaining([process(10, 10, 10, total=None)], NOW, 1) == Estimate(70, is_least=True)


def test_processes_that_are_through_do_not_count() -> None:
    through = process(*[3] * 10)
    assert remaining([through, process(10, 10, 10, total=4)], NOW, 1) == Estimate(10)
