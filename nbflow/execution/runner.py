"""The story of a task: its hash, what is remembered under it, the decision, the execution, the entry.

Alone brings cache, work directories and executor together; gets all three handed in. Decides nothing itself
(`core.resume` does) and shows nothing.
"""

from __future__ import annotations

import itertools
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from nbflow.core.declaration.directive_values import INLINE
from nbflow.core.task.attempts import Action
from nbflow.core.task.entry import COMPLETED, FAILED, read_entry
from nbflow.core.task.hash import Task
from nbflow.core.task.resume import Reason
from nbflow.errors import NbflowError, TaskFailedError
from nbflow.execution.calls.call import Call
from nbflow.execution.ended import Ended, Finished
from nbflow.execution.execution import Execution
from nbflow.execution.executor import Executor
from nbflow.execution.finish import Finish
from nbflow.execution.inline.kernel_body import Console, Kernel
from nbflow.execution.job import Job, Outcome
from nbflow.execution.local.usage import Usage
from nbflow.execution.lookup import Claim, Done, Lookup
from nbflow.execution.order import Order
from nbflow.execution.outputs.publish import publish_outputs
from nbflow.execution.outputs.store import link_stored, store_of, stored_files
from nbflow.execution.prepare import prepare
from nbflow.execution.progress import Progress
from nbflow.execution.result import Result, Stored
from nbflow.execution.run import Run
from nbflow.execution.stage import Stage
from nbflow.storage import workdir
from nbflow.storage.layout import Layout
from nbflow.storage.shared import SharedFiles
from nbflow.storage.values import DamagedValueError


class Runner(Lookup):
    """Runs tasks, or takes them from the cache. Its methods may be called from any thread.

    Parameters
    ----------
    run : Run
        The run that it works for.
    layout : Layout
        Where work directories lie.
    executor : Executor
        Where tasks run.
    progress : callable
        Returns the counters that tasks are counted in now.
    resolve_class : callable
        Finds the notebook's class of a name, if its code has a given digest.
    ran : callable
        Told of each task that was executed.
    console : callable
        The notebook's, for bodies that run in the kernel.
    say : callable
        Shows the user a line; called from any thread.
    """

    def __init__(
        self,
        run: Run,
        layout: Layout,
        executor: Executor,
        progress: Callable[[], Progress],
        resolve_class: Callable[[str, str], type],
        ran: Callable[[Result], None],
        console: Console,
        say: Callable[[str], None],
    ) -> None:
        super().__init__(run.cache, run.boot, layout, resolve_class)
        self.run = run
        self._executor = executor
        self._progress = progress
        self._ran = ran
        self._stage = Stage(layout.stage_dir(run.session), run.boot)
        self._files = SharedFiles()
        self._kernel = Kernel(console)
        self._say = say
        self._finish = Finish(run)
        self.unsaved = self._finish.unsaved
        self._lock = threading.Lock()
        self._executions: set[Execution] = set()
        self._under_way: dict[bytes, Execution] = {}
        self._numbers = itertools.count(1)

    # The story ------------------------------------------------------------------------------------------------------

    def start(
        self,
        call: Call,
        own: Mapping[str, Any],
        number: int | None,
        done: Done,
        begun: Callable[[Path], None] | None = None,
    ) -> None:
        """Take a task from the cache, or execute it; see `Lookup.start`."""
        read = call.read(own)
        task = call.task(own, read.digests, number)
        progress = self._progress()
        if call.forced is None and self._joins(task, progress, done):
            return
        found = self.find(call, task, self._create)
        order = Order(call, task, own, read, found.key, found.work_dir)
        result = found if isinstance(found, Result) else self._from_store(order, found)
        if result is not None:
            self._reused(result, progress)
            self._publish(order, result, (done,))
            return
        assert isinstance(found, Claim)
        progress.submitted(task.process)
        self._execute(Execution(order, found, number, progress, done, begun))

    def values(self, key: bytes) -> dict[str, Any]:
        """As `Lookup.values`; a task whose outputs cannot be read will not be taken from the cache again."""
        try:
            return super().values(key)
        except DamagedValueError:
            self._supersede((key,))
            raise

    def stage(self, call: Call) -> None:
        """Put what a call takes along on disk now, before the notebook goes on and changes it."""
        if call.process.directives.executor == INLINE:
            self._kernel.note(call)
        elif not call.process.is_script:
            self._stage.put(call)

    @property
    def idle(self) -> bool:
        """Whether no task of it is under way."""
        return not self._executions

    def cancel(self) -> None:
        """End all tasks that wait or run; who asks for one of them from now on gets it run anew."""
        self._make_last()
        with self._lock:
            self._under_way.clear()
        self._executor.cancel_all()

    def finish(self) -> None:
        """End all tasks that wait; see `Lookup.finish`."""
        self._make_last()
        self._executor.cancel_waiting()

    def _make_last(self) -> None:
        with self._lock:
            for execution in self._executions:
                execution.is_last = True

    def close(self) -> None:
        """Write what is still to be written of the run."""
        self._finish.close()
        self.run.cache.count_run(self.run.index.reused())

    def flush(self) -> None:
        """Write the run's index, so that others see the run as it is."""
        self.run.index.flush()

    # Noting ---------------------------------------------------------------------------------------------------------

    def _create(self, work_dir: Path) -> bool:
        with workdir.disk(self._work_root):
            return workdir.create(work_dir)

    def found_whole(self, key: bytes, payload: bytes) -> None:
        """All content of a task was read since the machine was started: it need not be read again."""
        self._rewrite(key, payload, boot=self.run.boot)

    def _rewrite(self, key: bytes, payload: bytes, **changes: Any) -> None:
        entry = read_entry(payload, whole=True)._replace(**changes)
        self.run.cache.update(key, entry.to_bytes())

    # Taking ---------------------------------------------------------------------------------------------------------

    def _reused(self, result: Result, progress: Progress) -> None:
        self.run.index.append(result.key, True)
        progress.reused(result.task.process, result.key.hex(), result.task.name, result.entry.realtime / 1000)

    def _from_store(self, order: Order, claim: Claim) -> Result | None:
        """The task as its store directory has it; None where it has not all of its outputs, or a rerun was asked for."""
        store = store_of(order)
        paths = None if store is None or claim.reason.reason is Reason.FORCED else stored_files(order, store)
        if store is None or paths is None:
            return None
        with self._given_back(order), workdir.disk(self._work_root):
            link_stored(order, store, paths)
        now = time.time()
        job = Job(order.key.hex(), order.task.name, order.work_dir, "script", (), {})
        finished = Finished(order, job, Outcome(0, now, now, Usage()), now, next(self._numbers))
        entry = self._finish.stored(finished)
        return Result(order.task, order.key, str(order.work_dir), entry, stored=str(store))

    def _joins(self, task: Task, progress: Progress, done: Done) -> bool:
        """Whether the same task is under way already; then its result will be this one's too."""
        if task.base not in self._under_way:
            return False
        with self._lock:
            execution = self._under_way.get(task.base)
            if execution is not None:
                progress.submitted(task.process)
                execution.claim.waiting.append(partial(self._shared, progress, done))
        return execution is not None

    def _shared(self, progress: Progress, done: Done, result: Result) -> None:
        if result.error is None:
            progress.cached(result.task.process, result.key.hex(), result.task.name)
        elif result.ignored:
            progress.ignored(result.task.process, running=False)
        else:
            progress.aborted(result.task.process, running=False)
        done(result)

    # Executing ------------------------------------------------------------------------------------------------------

    def _execute(self, execution: Execution) -> None:
        job = self._prepared(execution)
        with self._lock:
            self._under_way.setdefault(execution.order.task.base, execution)
            self._executions.add(execution)
        try:
            self._submit(execution, job)
        except BaseException:
            self._forget(execution)
            raise

    def _prepared(self, execution: Execution) -> Job:
        order = execution.order
        try:
            with self._given_back(order), workdir.disk(self._work_root):
                job = prepare(order, self._stage.take, self._files, self._kernel)
        except BaseException:
            execution.progress.aborted(order.task.process, running=False)
            raise
        if execution.begun is not None:
            execution.begun(order.work_dir)
        return job

    @contextmanager
    def _given_back(self, order: Order) -> Iterator[None]:
        """A work directory that could not be made ready is free again: nothing has run there."""
        try:
            yield
        except BaseException:
            shutil.rmtree(order.work_dir, ignore_errors=True)
            raise

    def _submit(self, execution: Execution, job: Job) -> None:
        order = execution.order
        self.run.index.append(order.key, False)
        execution.submitted = time.time()
        about = {"hash": order.key.hex(), "name": order.task.name, "reason": execution.claim.reason.sentence}
        attempt = {} if order.attempt.number == 1 else {"attempt": order.attempt.number}
        self.run.events.append({"event": "submitted", **about, **attempt, "at": execution.submitted})
        try:
            self._executor.submit(job, partial(self._ended, execution), partial(self._started, execution))
        except BaseException:
            execution.progress.aborted(order.task.process, running=False)
            raise

    def _forget(self, execution: Execution) -> tuple[Done, ...]:
        """The execution is over; who waits for it."""
        with self._lock:
            self._executions.discard(execution)
            base = execution.order.task.base
            if self._under_way.get(base) is execution:
                del self._under_way[base]
            return (execution.done, *execution.claim.waiting)

    def _started(self, execution: Execution, job: Job) -> None:
        task = execution.order.task
        execution.progress.started(task.process, job.hash, task.name)
        self.run.events.append({"event": "started", "hash": job.hash, "at": time.time()})

    def _ended(self, execution: Execution, job: Job, outcome: Outcome) -> None:
        finished = Finished(execution.order, job, outcome, execution.submitted, next(self._numbers))
        was_running = outcome.exit is not None or outcome.completed > outcome.started
        self._finish.start(finished, execution.recover, partial(self._settled, execution, was_running))

    def _settled(self, execution: Execution, was_running: bool, ended: Ended) -> None:
        """The entry of an attempt is saved: begin the next one, or tell all who wait."""
        order, error = execution.order, ended.error
        self.run.events.append(
            {"event": "ended", "hash": order.key.hex(), "status": ended.entry.status, "at": time.time()}
        )
        if error is not None and DamagedValueError.__name__ in str(error):
            self._stage.forget(order.call)
            self._look_at(order.own)
        if ended.action is not None:
            self._note(order, ended)
        if ended.action is Action.RETRY:
            execution.progress.retried(order.task.process, running=was_running)
            error = self._retry(execution, ended)
            if error is None:
                return
        else:
            self._count(execution, ended, was_running)
        self._tell(execution, order, ended, error)

    def _tell(self, execution: Execution, order: Order, ended: Ended, error: TaskFailedError | None) -> None:
        claim = execution.claim
        if error is None and claim.reason.reason in (Reason.FORCED, Reason.CACHE_OFF, Reason.UNKNOWN_READS):
            self._supersede(claim.passed)
        if error is not None:
            error.lets_others_end = ended.action is Action.FINISH
        ignored = ended.action is Action.IGNORE
        result = Result(order.task, order.key, str(order.work_dir), ended.entry, claim.reason, error, ignored)
        self._ran(result)
        self._publish(order, result, self._forget(execution))

    def _publish(self, order: Order, result: Result, waiting: tuple[Done, ...]) -> None:
        """Publish the outputs of a task, if its process does; then tell all who wait for it."""
        if result.error is not None or not order.call.process.directives.publish_dir:
            _tell_all(waiting, result)
        else:
            self._finish.later(lambda: _tell_all(waiting, self._published(order, result)))

    def _published(self, order: Order, result: Result) -> Result:
        problem = publish_outputs(order, result.entry)
        if problem:
            said = f"{result.task.name} is done, but {problem}. Correct publish_dir, or write `fail_on_error: false`"
            result.error = TaskFailedError(said, task=result.task.name, work_dir=result.work_dir)
        return result

    def _retry(self, execution: Execution, ended: Ended) -> TaskFailedError | None:
        """Begin the next attempt; what keeps it from beginning becomes the task's error."""
        order = execution.order
        try:
            key, work_dir = self.next_try(order.task, order.key, self._create)
            execution.next_attempt(key, work_dir, ended)
            self._submit(execution, self._prepared(execution))
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
        task, progress = execution.order.task, execution.progress
        if ended.entry.status == COMPLETED:
            progress.completed(task.process, execution.order.key.hex(), task.name)
        elif ended.action is Action.IGNORE:
            progress.ignored(task.process, running=was_running)
        elif was_running and ended.entry.status == FAILED:
            progress.failed(task.process, execution.order.key.hex(), task.name)
        else:
            progress.aborted(task.process, running=was_running)

    def _look_at(self, own: Mapping[str, Any]) -> None:
        """Read the stored values that a task could not read, so that those damaged are not reused again."""
        for value in own.values():
            if isinstance(value, Stored):
                with suppress(DamagedValueError):  # noted by `values`; the task has failed with it
                    self.values(value.key)

    def _supersede(self, passed: tuple[bytes, ...]) -> None:
        """What ran before a forced run must not be taken for it later."""
        for key in passed:
            payload = self.run.cache.get(key)
            if payload is not None and _counts(payload):
                self._rewrite(key, payload, superseded=True)


def _tell_all(waiting: tuple[Done, ...], result: Result) -> None:
    for each in waiting:
        each(result)


def _counts(payload: bytes) -> bool:
    try:
        return not read_entry(payload).superseded
    except ValueError:
        return False
