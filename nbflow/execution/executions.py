"""Executions under way: attempts go to the executor, and come back to be finished, tried again, or told of.

Alone knows what is under way, and who waits for it. Decides neither what is executed (`runner` does) nor what is done about a
failure (`core.task.attempts` does).
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from nbflow.core.task.attempts import Action
from nbflow.core.task.entry import COMPLETED, FAILED
from nbflow.core.task.hash import Task
from nbflow.errors import NbflowError, TaskFailedError
from nbflow.execution.ended import Ended, Finished
from nbflow.execution.execution import Execution
from nbflow.execution.executor import Executor
from nbflow.execution.finish import Finish
from nbflow.execution.job import Job, Outcome
from nbflow.execution.lookup import Done
from nbflow.execution.order import Order
from nbflow.execution.run import Run

Over = Callable[[Execution, Ended, TaskFailedError | None, tuple[Done, ...]], None]
"""Told of an execution that is over, how it failed if it did, and who waits for it."""


class Executions:
    """The executions of a run. Its methods may be called from any thread.

    Parameters
    ----------
    run : Run
        What is written to.
    executor : Executor
        Where jobs run.
    finish : Finish
        Finishes what has ended.
    prepared : callable
        Makes the work directory of an attempt ready, and its job.
    next_try : callable
        Gives the task hash, and takes the work directory, of another attempt of a task.
    say : callable
        Shows the user a line.
    over : callable
        Told of each execution that is over.
    """

    def __init__(
        self,
        run: Run,
        executor: Executor,
        finish: Finish,
        prepared: Callable[[Order], Job],
        next_try: Callable[[Task, bytes], tuple[bytes, Path]],
        say: Callable[[str], None],
        over: Over,
    ) -> None:
        self._run = run
        self._executor = executor
        self._finish = finish
        self._prepared = prepared
        self._next_try = next_try
        self._say = say
        self._over = over
        self._lock = threading.Lock()
        self._all: set[Execution] = set()
        self._by_task: dict[bytes, Execution] = {}
        self._numbers = itertools.count(1)

    @property
    def are_none(self) -> bool:
        """Whether nothing is under way."""
        return not self._all

    def next_number(self) -> int:
        """The number of the next task that is written down, from 1."""
        return next(self._numbers)

    def begin(self, execution: Execution) -> None:
        """Let the first attempt of an execution begin.

        Raises
        ------
        NbflowError
            If it cannot; nothing is lost.
        """
        job = self._ready(execution)
        with self._lock:
            self._by_task.setdefault(execution.order.task.base, execution)
            self._all.add(execution)
        try:
            self._submit(execution, job)
        except BaseException:
            self._forget(execution)
            raise

    def join(self, task: Task, waits: Callable[[], Done]) -> bool:
        """Wait for a task with whoever waits for it; False where it is not under way.

        Parameters
        ----------
        task : Task
            The task.
        waits : callable
            Makes what is called with its result; called itself only if the task is under way.
        """
        if task.base not in self._by_task:
            return False
        with self._lock:
            execution = self._by_task.get(task.base)
            if execution is not None:
                execution.claim.waiting.append(waits())
        return execution is not None

    def cancel(self) -> None:
        """End all that wait or run; who asks for one of their tasks from now on gets it run anew."""
        self._make_last()
        with self._lock:
            self._by_task.clear()
        self._executor.cancel_all()

    def finish(self) -> None:
        """End all that wait; those that run come to their end, and none is tried again."""
        self._make_last()
        self._executor.cancel_waiting()

    def _make_last(self) -> None:
        with self._lock:
            for execution in self._all:
                execution.is_last = True

    # An attempt -----------------------------------------------------------------------------------------------------

    def _ready(self, execution: Execution) -> Job:
        try:
            job = self._prepared(execution.order)
        except BaseException:
            execution.progress.aborted(execution.order.task.process)
            raise
        if execution.begun is not None:
            execution.begun(execution.order.work_dir)
        return job

    def _submit(self, execution: Execution, job: Job) -> None:
        order = execution.order
        self._run.index.append(order.key, False)
        execution.submitted = time.time()
        about = {"hash": order.key.hex(), "name": order.task.name, "reason": execution.claim.reason.sentence}
        attempt = {} if order.attempt.number == 1 else {"attempt": order.attempt.number}
        self._run.events.append({"event": "submitted", **about, **attempt, "at": execution.submitted})
        try:
            self._executor.submit(job, partial(self._ended, execution), partial(self._started, execution))
        except BaseException:
            execution.progress.aborted(order.task.process)
            raise

    def _forget(self, execution: Execution) -> tuple[Done, ...]:
        """The execution is over; who waits for it."""
        with self._lock:
            self._all.discard(execution)
            base = execution.order.task.base
            if self._by_task.get(base) is execution:
                del self._by_task[base]
            return (execution.done, *execution.claim.waiting)

    def _started(self, execution: Execution, job: Job) -> None:
        task, now = execution.order.task, time.time()
        execution.progress.started(task.process, job.hash, task.name, now)
        self._run.events.append({"event": "started", "hash": job.hash, "at": now})

    def _ended(self, execution: Execution, job: Job, outcome: Outcome) -> None:
        finished = Finished(execution.order, job, outcome, execution.submitted, self.next_number())
        was_running = outcome.exit is not None or outcome.completed > outcome.started
        self._finish.start(finished, execution.recover, partial(self._settled, execution, was_running))

    def _settled(self, execution: Execution, was_running: bool, ended: Ended) -> None:
        """The entry of an attempt is saved: begin the next one, or tell all who wait."""
        order, error = execution.order, ended.error
        self._run.events.append(
            {"event": "ended", "hash": order.key.hex(), "status": ended.entry.status, "at": time.time()}
        )
        if ended.action is not None:
            self._note(order, ended)
        if ended.action is Action.RETRY:
            execution.progress.retried(order.task.process, order.key.hex())
            error = self._retry(execution, ended)
            if error is None:
                return
        else:
            self._count(execution, ended, was_running)
        self._over(execution, ended, error, self._forget(execution))

    def _retry(self, execution: Execution, ended: Ended) -> TaskFailedError | None:
        """Begin the next attempt; what keeps it from beginning becomes the task's error."""
        order = execution.order
        try:
            key, work_dir = self._next_try(order.task, order.key)
            execution.next_attempt(key, work_dir, ended)
            self._submit(execution, self._ready(execution))
        except (NbflowError, OSError) as problem:
            assert ended.error is not None
            ended.error.add_note(f"It could not be run again: {problem}")
            return ended.error
        return None

    def _note(self, order: Order, ended: Ended) -> None:
        """Say in a line what is done about a failure that does not end the run, as Nextflow does."""
        assert ended.error is not None
        what = {
            Action.RETRY: f"Execution is retried ({order.attempt.number})",
            Action.IGNORE: "Error is ignored",
        }.get(ended.action or Action.TERMINATE)
        if what is not None:
            key = order.key.hex()
            cause = ended.error.cause.partition("\n")[0]
            self._say(f"[{key[:2]}/{key[2:8]}] NOTE: {order.task.name}: {cause} -- {what}")

    def _count(self, execution: Execution, ended: Ended, was_running: bool) -> None:
        task, key, progress = execution.order.task, execution.order.key.hex(), execution.progress
        if ended.entry.status == COMPLETED:
            progress.completed(task.process, key, task.name, ended.entry.realtime / 1000)
        elif ended.action is Action.IGNORE:
            progress.ignored(task.process, key)
        elif was_running and ended.entry.status == FAILED:
            progress.failed(task.process, key, task.name)
        else:
            progress.aborted(task.process, key)
