"""The contract of the executor family: every executor passes every check.

An executor's test calls each of `CHECKS` with a factory ``factory(cpus, memory)`` and the `make_job` fixture.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import pairwise
from queue import Queue
from uuid import uuid4

import pytest
from live_processes import PATIENCE, alive, runs, wait_until

from nbflow.errors import ExecutorError
from nbflow.execution.executor import Executor
from nbflow.execution.job import Job, Outcome

Factory = Callable[..., Executor]
MakeJob = Callable[..., Job]


class Ends:
    """Collects what an executor reports."""

    def __init__(self) -> None:
        self._queue: Queue[tuple[Job, Outcome]] = Queue()

    def done(self, job: Job, outcome: Outcome) -> None:
        self._queue.put((job, outcome))

    def next(self) -> tuple[Job, Outcome]:
        return self._queue.get(timeout=PATIENCE)

    def take(self, count: int) -> dict[str, Outcome]:
        taken = [self.next() for _ in range(count)]
        outcomes = {job.hash: outcome for job, outcome in taken}
        assert len(outcomes) == count, "a job was reported twice"
        return outcomes

    def nothing_more(self) -> bool:
        return self._queue.empty()


def run_one(executor: Executor, job: Job) -> Outcome:
    ends = Ends()
    executor.submit(job, ends.done)
    ended, outcome = ends.next()
    assert ended is job
    return outcome


def wait_for_file(job: Job, name: str) -> str:
    path = job.work_dir / name
    assert wait_until(lambda: path.exists() and path.read_text().endswith("\n")), f"{name} did not appear"
    return path.read_text().strip()


def check_success(factory: Factory, make_job: MakeJob) -> None:
    executor = factory()
    job = make_job("echo made > out; sleep 0.05")
    outcome = run_one(executor, job)
    assert (outcome.exit, outcome.reason, outcome.detail) == (0, None, "")
    assert outcome.completed - outcome.started >= 0.04
    assert (job.work_dir / "out").read_text() == "made\n"
    assert (job.work_dir / ".exitcode").read_text() == "0"


def check_failure(factory: Factory, make_job: MakeJob) -> None:
    outcome = run_one(factory(), make_job("exit 3"))
    assert (outcome.exit, outcome.reason) == (3, None)


def check_killed_from_outside(factory: Factory, make_job: MakeJob) -> None:
    """A signal that nbflow did not send is the task's own end, shown as a shell shows it."""
    outcome = run_one(factory(), make_job("kill -9 $$"))
    assert (outcome.exit, outcome.reason) == (137, None)


def check_started_before_done(factory: Factory, make_job: MakeJob) -> None:
    seen: Queue[str] = Queue()
    factory().submit(make_job("true"), lambda job, outcome: seen.put("done"), lambda job: seen.put("started"))
    assert [seen.get(timeout=PATIENCE), seen.get(timeout=PATIENCE)] == ["started", "done"]


def check_running_jobs_are_told_with_their_first_process(factory: Factory, make_job: MakeJob) -> None:
    executor, ends = factory(), Ends()
    job = make_job("echo $$ > pid; sleep 600")
    assert executor.running() == []
    executor.submit(job, ends.done)
    pid = int(wait_for_file(job, "pid"))
    assert wait_until(lambda: [(one.job_hash, one.pid) for one in executor.running()] == [(job.hash, pid)])
    executor.cancel(job.hash)
    ends.next()
    assert executor.running() == []


def check_time_limit(factory: Factory, make_job: MakeJob) -> None:
    job = make_job("echo $$ > pid; sleep 600; echo never > after", time=0.3)
    outcome = run_one(factory(), job)
    assert outcome.reason == "time"
    assert outcome.detail == "Process exceeded running time limit (300ms)"
    assert outcome.exit != 0
    assert not runs(int((job.work_dir / "pid").read_text()))
    assert not (job.work_dir / "after").exists()


def check_time_limit_of_one_that_ignores_sigterm(factory: Factory, make_job: MakeJob) -> None:
    job = make_job("trap '' TERM; echo $$ > pid; while true; do sleep 0.05; done", time=0.2)
    assert run_one(factory(), job).reason == "time"
    assert not runs(int((job.work_dir / "pid").read_text()))


def check_cancel_running(factory: Factory, make_job: MakeJob) -> None:
    executor, ends = factory(), Ends()
    job = make_job("echo $$ > pid; sleep 600")
    executor.submit(job, ends.done)
    pid = int(wait_for_file(job, "pid"))
    executor.cancel(job.hash)
    assert ends.next()[1].reason == "cancelled"
    assert not runs(pid)
    executor.cancel(job.hash)
    assert run_one(executor, make_job("true")).exit == 0


def check_cancel_while_it_starts(factory: Factory, make_job: MakeJob) -> None:
    executor, ends = factory(), Ends()
    for _ in range(20):
        sleeper = f"sleep 600.{uuid4().int % 10**12:012d}"
        job = make_job(f"exec {sleeper}")
        executor.submit(job, ends.done)
        while not (job.work_dir / ".command.out").exists():
            pass  # it is about to be executed, which nobody was told yet
        executor.cancel(job.hash)
        assert ends.next()[1].reason == "cancelled"
        assert alive(sleeper) == []


def check_cancel_queued(factory: Factory, make_job: MakeJob) -> None:
    executor, ends = factory(cpus=1), Ends()
    first, second = make_job("echo $$ > pid; sleep 600"), make_job("true")
    executor.submit(first, ends.done)
    executor.submit(second, ends.done)
    wait_for_file(first, "pid")
    executor.cancel(second.hash)
    ended, outcome = ends.next()
    assert ended is second
    assert (outcome.exit, outcome.reason) == (None, "cancelled")
    assert outcome.started == outcome.completed
    assert not (second.work_dir / ".command.out").exists()
    executor.cancel(first.hash)
    assert ends.next()[0] is first


def check_cancel_all(factory: Factory, make_job: MakeJob) -> None:
    executor, ends = factory(cpus=2), Ends()
    jobs = [make_job("sleep 600") for _ in range(10)]
    for job in jobs:
        executor.submit(job, ends.done)
    executor.cancel_all()
    assert {outcome.reason for outcome in ends.take(10).values()} == {"cancelled"}
    assert run_one(executor, make_job("true")).exit == 0
    assert ends.nothing_more()


def check_cancel_waiting(factory: Factory, make_job: MakeJob) -> None:
    executor, ends = factory(cpus=1), Ends()
    first, second = make_job("echo $$ > pid; until [ -e go ]; do sleep 0.01; done"), make_job("true")
    executor.submit(first, ends.done)
    executor.submit(second, ends.done)
    wait_for_file(first, "pid")
    executor.cancel_waiting()
    ended, outcome = ends.next()
    assert ended is second
    assert (outcome.exit, outcome.reason) == (None, "cancelled")
    (first.work_dir / "go").touch()
    ended, outcome = ends.next()
    assert ended is first
    assert (outcome.exit, outcome.reason) == (0, None)
    assert run_one(executor, make_job("true")).exit == 0


def check_forks_of_a_process(factory: Factory, make_job: MakeJob) -> None:
    executor, ends = factory(cpus=2), Ends()
    for _ in range(10):
        executor.submit(make_job("sleep 0.02", process="one", max_forks=1), ends.done)
    spans = sorted((outcome.started, outcome.completed) for outcome in ends.take(10).values())
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def check_waiting_forks_block_nobody(factory: Factory, make_job: MakeJob) -> None:
    executor, ends = factory(cpus=2), Ends()
    text = "echo $$ > pid; until [ -e go ]; do sleep 0.01; done"
    first, second = (make_job(text, process="one", max_forks=1) for _ in range(2))
    other = make_job("true", process="other")
    for job in (first, second, other):
        executor.submit(job, ends.done)
    assert ends.next()[0] is other
    for job in (first, second):
        (job.work_dir / "go").touch()
        assert ends.next()[0] is job


def check_budget(factory: Factory, make_job: MakeJob) -> None:
    """200 jobs of one or two CPUs: at no moment more than two CPUs are in use, and all are done."""
    executor, ends = factory(cpus=2), Ends()
    jobs = {job.hash: job for job in (make_job("true", cpus=1 + (number % 7 == 0)) for number in range(200))}
    for job in jobs.values():
        executor.submit(job, ends.done)
    outcomes = ends.take(200)
    assert {outcome.exit for outcome in outcomes.values()} == {0}
    # Ends sort before starts of the same instant: the CPU was free by then.
    changes = sorted(
        change
        for task_hash, outcome in outcomes.items()
        for change in ((outcome.started, jobs[task_hash].cpus), (outcome.completed, -jobs[task_hash].cpus))
    )
    used = most = 0
    for _, change in sorted(changes):
        used += change
        most = max(most, used)
    assert most == 2


def check_waiting_big_job_blocks_nobody(factory: Factory, make_job: MakeJob) -> None:
    executor, ends = factory(cpus=2), Ends()
    first = make_job("echo $$ > pid; until [ -e go ]; do sleep 0.01; done")
    big, small = make_job("true", cpus=2), make_job("true")
    for job in (first, big, small):
        executor.submit(job, ends.done)
    assert ends.next()[0] is small
    (first.work_dir / "go").touch()
    assert [ends.next()[0], ends.next()[0]] == [first, big]


def check_memory_budget(factory: Factory, make_job: MakeJob) -> None:
    executor, ends = factory(cpus=4, memory=1000), Ends()
    first, second = make_job("until [ -e go ]; do sleep 0.01; done", memory=600), make_job("true", memory=600)
    executor.submit(first, ends.done)
    executor.submit(second, ends.done)
    assert run_one(executor, make_job("true", memory=400)).exit == 0
    assert ends.nothing_more()
    (first.work_dir / "go").touch()
    assert [ends.next()[0], ends.next()[0]] == [first, second]


def check_request_beyond_the_machine(factory: Factory, make_job: MakeJob) -> None:
    executor = factory(cpus=2, memory=2 * 1024**3)
    with pytest.raises(ExecutorError, match="Process requirement exceeds available CPUs -- req: 3; avail: 2"):
        executor.submit(make_job("true", cpus=3), Ends().done)
    with pytest.raises(ExecutorError, match="Process requirement exceeds available memory -- req: 4 GB; avail: 2 GB"):
        executor.submit(make_job("true", memory=4 * 1024**3), Ends().done)


def check_same_hash_twice(factory: Factory, make_job: MakeJob) -> None:
    executor, ends = factory(), Ends()
    job = make_job("sleep 600")
    executor.submit(job, ends.done)
    with pytest.raises(ExecutorError, match="already under way"):
        executor.submit(job, ends.done)
    executor.cancel(job.hash)
    assert ends.next()[1].reason == "cancelled"


def check_close_ends_all(factory: Factory, make_job: MakeJob) -> None:
    executor, ends = factory(cpus=2), Ends()
    jobs = [make_job("trap '' TERM; (sleep 600 & echo $! > pid; wait)") for _ in range(4)]
    for job in jobs:
        executor.submit(job, ends.done)
    pids = [int(wait_for_file(job, "pid")) for job in jobs[:2]]
    executor.close()
    assert {outcome.reason for outcome in ends.take(4).values()} == {"cancelled"}
    assert not any(runs(pid) for pid in pids)
    executor.close()
    with pytest.raises(ExecutorError, match="closed"):
        executor.submit(make_job("true"), ends.done)


def check_close_without_a_job(factory: Factory, make_job: MakeJob) -> None:
    executor = factory()
    assert executor.slots >= 1
    executor.close()


def check_done_may_submit(factory: Factory, make_job: MakeJob) -> None:
    executor, ends = factory(cpus=1), Ends()
    second = make_job("true")
    executor.submit(make_job("true"), lambda job, outcome: executor.submit(second, ends.done))
    assert ends.next()[0] is second


def check_failing_callback_stops_nobody(factory: Factory, make_job: MakeJob) -> None:
    def fail(job: Job, outcome: Outcome) -> None:
        raise RuntimeError("a callback's own mistake")

    reported: Queue[object] = Queue()
    hook, threading.excepthook = threading.excepthook, lambda args: reported.put(args.exc_value)
    try:
        executor = factory(cpus=1)
        executor.submit(make_job("true"), fail)
        assert run_one(executor, make_job("true")).exit == 0
        assert str(reported.get(timeout=PATIENCE)) == "a callback's own mistake"
    finally:
        threading.excepthook = hook


CHECKS = [value for name, value in list(globals().items()) if name.startswith("check_")]
