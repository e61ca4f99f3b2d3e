"""Every executor keeps the family's contract."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import executor_contract as contract
import pytest
from executor_contract import CHECKS

from nbflow.execution.executor import Executor
from nbflow.execution.inline.executor import InlineExecutor
from nbflow.execution.inline.foreground import Foreground
from nbflow.execution.job import Job
from nbflow.execution.local.executor import LocalExecutor


@pytest.fixture
def factory() -> Iterator[Callable[..., Executor]]:
    made: list[Executor] = []

    def make(cpus: int = 2, memory: int | None = None) -> Executor:
        made.append(LocalExecutor(cpus, memory, grace=0.3))
        return made[-1]

    yield make
    for executor in made:
        executor.close()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_local_executor(check: Callable[..., None], factory: Callable[..., Executor], make_job: object) -> None:
    check(factory, make_job)


# A kernel has no budget and runs one body at a time; a body that runs is ended by an interrupt of the kernel alone.
NOT_INLINE = {
    contract.check_running_jobs_are_told_with_their_first_process,
    contract.check_time_limit,
    contract.check_time_limit_of_one_that_ignores_sigterm,
    contract.check_cancel_running,
    contract.check_cancel_while_it_starts,
    contract.check_cancel_queued,
    contract.check_cancel_all,
    contract.check_cancel_waiting,
    contract.check_waiting_forks_block_nobody,
    contract.check_budget,
    contract.check_waiting_big_job_blocks_nobody,
    contract.check_memory_budget,
    contract.check_request_beyond_the_machine,
    contract.check_same_hash_twice,
    contract.check_close_ends_all,
}


class Kernel:
    """A thread that stands for the one that runs the cells."""

    def __init__(self) -> None:
        self._called = threading.Condition()
        self._ended = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.foreground = Foreground(self._ring, self.thread)
        self.thread.start()

    def _ring(self) -> None:
        with self._called:
            self._called.notify_all()

    def _run(self) -> None:
        while not self._ended:
            with self._called:
                self._called.wait_for(lambda: self._ended or self.foreground.calls)
            try:
                self.foreground.run()
            except Exception as error:  # noqa: BLE001  # a callback's own mistake, which a cell would show
                threading.excepthook(threading.ExceptHookArgs((type(error), error, None, self.thread)))

    def end(self) -> None:
        self._ended = True
        self._ring()
        self.thread.join()


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    made = Kernel()
    yield made
    made.end()


@pytest.fixture
def make_inline_job(make_job: Callable[..., Job]) -> Callable[..., Job]:
    def make(text: str, **options: object) -> Job:
        job = make_job(text, **options)

        def body() -> int:
            command = ["bash", ".command.run"]
            status = subprocess.call(command, cwd=job.work_dir, env=dict(job.environ), stdout=subprocess.DEVNULL)
            return 128 - status if status < 0 else status

        return replace(job, body=body)

    return make


@pytest.mark.parametrize(
    "check", [check for check in CHECKS if check not in NOT_INLINE], ids=lambda check: check.__name__
)
def test_inline_executor(check: Callable[..., None], kernel: Kernel, make_inline_job: Callable[..., Job]) -> None:
    check(lambda **_: InlineExecutor(kernel.foreground), make_inline_job)


def test_inline_jobs_wait_for_the_thread_that_runs_cells_and_can_be_taken_back(
    make_inline_job: Callable[..., Job],
) -> None:
    foreground = Foreground(lambda: None)
    executor, ends = InlineExecutor(foreground), contract.Ends()
    jobs = [make_inline_job("touch ran") for _ in range(4)]
    for job in jobs:
        executor.submit(job, ends.done)
    with pytest.raises(contract.ExecutorError, match="already under way"):
        executor.submit(jobs[0], ends.done)
    assert ends.nothing_more()
    executor.cancel(jobs[0].hash)
    assert ends.next()[1].reason == "cancelled"
    foreground.run()
    assert [outcome.exit for outcome in ends.take(3).values()] == [0, 0, 0]
    assert not (jobs[0].work_dir / "ran").exists()
    executor.submit(jobs[0], ends.done)
    executor.close()
    assert ends.next()[1].reason == "cancelled"
    with pytest.raises(contract.ExecutorError, match="closed"):
        executor.submit(jobs[1], ends.done)


def test_an_interrupted_inline_job_is_reported_and_the_interrupt_goes_on(make_inline_job: Callable[..., Job]) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    foreground = Foreground(lambda: None)
    executor, ends = InlineExecutor(foreground), contract.Ends()
    executor.submit(replace(make_inline_job("true"), body=interrupted), ends.done)
    with pytest.raises(KeyboardInterrupt):
        foreground.run()
    assert ends.next()[1].reason == "cancelled"
