"""The story of a task: its hash, what is remembered under it, the decision, the execution, the entry.

Alone brings cache, work directories and executor together; gets all three handed in. Decides nothing itself
(`core.resume` does) and shows nothing.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from nbflow.core.declaration.directive_values import INLINE
from nbflow.core.task.attempts import Action
from nbflow.core.task.entry import read_entry
from nbflow.core.task.hash import Task
from nbflow.core.task.resume import Reason
from nbflow.errors import TaskFailedError
from nbflow.execution.calls.call import Call
from nbflow.execution.ended import Ended, Finished
from nbflow.execution.execution import Execution
from nbflow.execution.executions import Executions
from nbflow.execution.executor import Executor
from nbflow.execution.finish import Finish
from nbflow.execution.inline.kernel_body import Console, Kernel
from nbflow.execution.job import Job, Outcome
from nbflow.execution.local.usage import Usage
from nbflow.execution.lookup import Claim, Done, Lookup
from nbflow.execution.order import Order
from nbflow.execution.outputs.publish import publish_outputs
from nbflow.execution.outputs.store import find_stored, link_stored
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
        self._progress = progress
        self._ran = ran
        self._stage = Stage(layout.stage_dir(run.session), run.boot)
        self._files = SharedFiles()
        self._kernel = Kernel(console)
        self._finish = Finish(run)
        self.unsaved = self._finish.unsaved
        next_try = partial(self.next_try, takes=self._create)
        self._executions = Executions(run, executor, self._finish, self._prepared, next_try, say, self._over)

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
        if isinstance(found, Claim):
            order = Order(call, task, own, read, found.key, found.work_dir)
            result = self._from_store(order, found)
            if result is None:
                progress.submitted(task.process)
                self._executions.begin(Execution(order, found, number, progress, done, begun))
                return
        else:
            result = found
        self._reused(result, progress)
        if call.process.directives.publish_dir:
            self._publish(Order(call, task, own, read, result.key, result.work_dir), result, (done,))
        else:
            done(result)

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

    def called(self, call: Call, fed: Iterable[str], origins: Iterable[tuple[str, str]]) -> None:
        """Note what flows between processes: nothing else in the run knows it, once the channels are gone."""
        self.run.events.append(
            {"event": "call", "process": call.process.name, "inputs": [*fed], "from": [*origins], "at": time.time()}
        )

    @property
    def idle(self) -> bool:
        """Whether no task of it is under way."""
        return self._executions.are_none

    def cancel(self) -> None:
        """End all tasks that wait or run; who asks for one of them from now on gets it run anew."""
        self._executions.cancel()

    def finish(self) -> None:
        """End all tasks that wait; see `Lookup.finish`."""
        self._executions.finish()

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
        took, run = result.entry.realtime / 1000, "" if result.stored else result.entry.run
        progress.reused(result.task.process, result.key.hex(), result.task.name, took, run)

    def _from_store(self, order: Order, claim: Claim) -> Result | None:
        """The task as its store directory has it; None where it has not all of its outputs, or a rerun was asked for."""
        there = find_stored(order, claim.reason)
        if there is None:
            return None
        store, paths = there
        with self._given_back(order), workdir.disk(self._work_root):
            link_stored(order, store, paths)
        now = time.time()
        job = Job(order.key.hex(), order.task.name, order.work_dir, "script", (), {})
        finished = Finished(order, job, Outcome(0, now, now, Usage()), now, self._executions.next_number())
        entry = self._finish.stored(finished)
        return Result(order.task, order.key, str(order.work_dir), entry, stored=str(store))

    def _joins(self, task: Task, progress: Progress, done: Done) -> bool:
        """Whether the same task is under way already; then its result will be this one's too."""

        def waits() -> Done:
            progress.submitted(task.process)
            return partial(self._shared, progress, done)

        return self._executions.join(task, waits)

    def _shared(self, progress: Progress, done: Done, result: Result) -> None:
        if result.error is None:
            progress.cached(result.task.process, result.key.hex(), result.task.name)
        elif result.ignored:
            progress.ignored(result.task.process)
        else:
            progress.aborted(result.task.process)
        done(result)

    # Executing ------------------------------------------------------------------------------------------------------

    def _prepared(self, order: Order) -> Job:
        with self._given_back(order), workdir.disk(self._work_root):
            return prepare(order, self._stage.take, self._files, self._kernel)

    @contextmanager
    def _given_back(self, order: Order) -> Iterator[None]:
        """A work directory that could not be made ready is free again: nothing has run there."""
        try:
            yield
        except BaseException:
            shutil.rmtree(order.work_dir, ignore_errors=True)
            raise

    def _over(
        self, execution: Execution, ended: Ended, error: TaskFailedError | None, waiting: tuple[Done, ...]
    ) -> None:
        """Tell all who wait for a task what came of it."""
        order, claim = execution.order, execution.claim
        if error is None and claim.reason.reason in (Reason.FORCED, Reason.CACHE_OFF, Reason.UNKNOWN_READS):
            self._supersede(claim.passed)
        if error is not None:
            error.lets_others_end = ended.action is Action.FINISH
            self._doubt_values(order, error)
        ignored = ended.action is Action.IGNORE
        result = Result(order.task, order.key, str(order.work_dir), ended.entry, claim.reason, error, ignored)
        self._ran(result)
        self._publish(order, result, waiting)

    def _doubt_values(self, order: Order, error: TaskFailedError) -> None:
        """A task could not read a value that was stored: it is written anew, or made anew, next time."""
        if DamagedValueError.__name__ in str(error):
            self._stage.forget(order.call)
            self._look_at(order.own)

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
