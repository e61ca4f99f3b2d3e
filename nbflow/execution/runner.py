"""The story of a task: its hash, what is remembered under it, the decision, the execution, the entry.

Alone brings cache, work directories and executor together; gets all three handed in. Decides nothing itself
(`core.resume` does) and shows nothing.
"""

from __future__ import annotations

import itertools
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from nbflow.core.declaration.directive_values import INLINE
from nbflow.core.task.entry import COMPLETED, TaskEntry, read_entry
from nbflow.core.task.hash import Task
from nbflow.core.task.resume import Reason
from nbflow.execution.calls.call import Call
from nbflow.execution.executor import Executor
from nbflow.execution.finish import Ended, Finish, Finished
from nbflow.execution.inline.kernel_body import Console, Kernel
from nbflow.execution.job import Job, Outcome
from nbflow.execution.lookup import Claim, Done, Lookup
from nbflow.execution.order import Order
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
    ) -> None:
        super().__init__(run.cache, run.boot, layout, resolve_class)
        self.run = run
        self._executor = executor
        self._progress = progress
        self._ran = ran
        self._stage = Stage(layout.stage_dir(run.session), run.boot)
        self._files = SharedFiles()
        self._kernel = Kernel(console)
        self._finish = Finish(run)
        self.unsaved = self._finish.unsaved
        self._lock = threading.Lock()
        self._under_way: dict[bytes, list[Done]] = {}
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
        if isinstance(found, Result):
            self._reused(found, progress)
            done(found)
            return
        progress.submitted(task.process)
        if begun is not None:
            begun(found.work_dir)
        self._execute(Order(call, task, own, read, found.key, found.work_dir), found, progress, done)

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
        return not self._under_way

    def cancel(self) -> None:
        """End all tasks that wait or run; who asks for one of them from now on gets it run anew."""
        with self._lock:
            self._under_way.clear()
        self._executor.cancel_all()

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

    def _joins(self, task: Task, progress: Progress, done: Done) -> bool:
        """Whether the same task is under way already; then its result will be this one's too."""
        if task.base not in self._under_way:
            return False
        with self._lock:
            waiting = self._under_way.get(task.base)
            if waiting is not None:
                progress.submitted(task.process)
                waiting.append(partial(self._shared, progress, done))
        return waiting is not None

    def _shared(self, progress: Progress, done: Done, result: Result) -> None:
        if result.error is None:
            progress.cached(result.task.process, result.key.hex(), result.task.name)
        else:
            progress.aborted(result.task.process, running=False)
        done(result)

    # Executing ------------------------------------------------------------------------------------------------------

    def _execute(self, order: Order, claim: Claim, progress: Progress, done: Done) -> None:
        task = order.task
        try:
            with workdir.disk(self._work_root):
                job = prepare(order, self._stage.take, self._files, self._kernel)
        except BaseException:
            shutil.rmtree(order.work_dir, ignore_errors=True)  # nothing has run there: it is free again
            progress.aborted(task.process, running=False)
            raise
        with self._lock:
            self._under_way.setdefault(task.base, claim.waiting)
        self.run.index.append(order.key, False)
        submitted = time.time()
        about = {"hash": order.key.hex(), "name": task.name, "reason": claim.reason.sentence}
        self.run.events.append({"event": "submitted", **about, "at": submitted})
        ended = partial(self._ended, order, claim, progress, done, submitted)
        try:
            self._executor.submit(job, ended, partial(self._started, order, progress))
        except BaseException:
            with self._lock:
                self._forget(task.base, claim)
            progress.aborted(task.process, running=False)
            raise

    def _forget(self, base: bytes, claim: Claim) -> None:
        if self._under_way.get(base) is claim.waiting:
            del self._under_way[base]

    def _started(self, order: Order, progress: Progress, job: Job) -> None:
        progress.started(order.task.process, job.hash, order.task.name)
        self.run.events.append({"event": "started", "hash": job.hash, "at": time.time()})

    def _ended(
        self,
        order: Order,
        claim: Claim,
        progress: Progress,
        done: Done,
        submitted: float,
        job: Job,
        outcome: Outcome,
    ) -> None:
        finished = Finished(order, job, outcome, submitted, next(self._numbers))
        was_running = outcome.exit is not None or outcome.completed > outcome.started
        self._finish.start(finished, partial(self._settled, order, claim, progress, done, was_running))

    def _settled(
        self, order: Order, claim: Claim, progress: Progress, done: Done, was_running: bool, ended: Ended
    ) -> None:
        """The entry is saved; tell all who wait."""
        task, entry, error = order.task, ended.entry, ended.error
        if error is not None and DamagedValueError.__name__ in str(error):
            self._stage.forget(order.call)
            self._look_at(order.own)
        if error is None and claim.reason.reason in (Reason.FORCED, Reason.CACHE_OFF, Reason.UNKNOWN_READS):
            self._supersede(claim.passed)
        self._count(progress, order, entry, was_running)
        result = Result(task, order.key, str(order.work_dir), entry, claim.reason, error)
        self._ran(result)
        with self._lock:
            self._forget(task.base, claim)
            waiting = tuple(claim.waiting)
        for each in (done, *waiting):
            each(result)

    def _count(self, progress: Progress, order: Order, entry: TaskEntry, was_running: bool) -> None:
        process, key, name = order.task.process, order.key.hex(), order.task.name
        self.run.events.append({"event": "ended", "hash": key, "status": entry.status, "at": time.time()})
        if entry.status == COMPLETED:
            progress.completed(process, key, name)
        elif was_running and entry.status == "FAILED":
            progress.failed(process, key, name)
        else:
            progress.aborted(process, running=was_running)

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


def _counts(payload: bytes) -> bool:
    try:
        return not read_entry(payload).superseded
    except ValueError:
        return False
