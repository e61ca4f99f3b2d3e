"""How far the tasks of one cell are: counters by process, fed by the runner and read by whoever shows them.

Alone here: what is counted and how tasks move between the counts. Must not know how it is shown, nor look at the clock.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunningTask:
    """A task that runs.

    Attributes
    ----------
    hash : str
        Its task hash, 32 hex.
    label : str
        Its name, as in ``align (s1)``.
    since : float
        When it was started, seconds since the epoch.
    """

    hash: str
    label: str
    since: float


@dataclass(frozen=True, slots=True)
class ProcessCounts:
    """The tasks of one process at one moment.

    Attributes
    ----------
    name : str
        The process name.
    total : int or None
        How many tasks it will have; None while its channel may still bring more.
    submitted : int
        How many it has so far.
    waiting, running, completed, cached, failed, ignored, aborted : int
        Where these are; together they make ``submitted``. ``completed`` were executed, ``cached`` reused, ``ignored``
        failed without consequence, ``aborted`` ended before they could finish.
    retried : int
        How many attempts failed and were followed by another one.
    saved : float
        Seconds that the reused tasks took when they were executed.
    runs : tuple of (str, int)
        The runs that the reused tasks were executed in, and how many in each.
    took, took_squared : float
        Sums of the seconds that the completed tasks ran, and of their squares.
    tasks : tuple of RunningTask
        Those that run, the oldest first.
    hash : str
        Task hash (32 hex) of the task that moved last; of the last failed one where there is one.
    label : str
        The name of that task, as in ``align (s1)``.
    """

    name: str
    total: int | None = None
    submitted: int = 0
    waiting: int = 0
    running: int = 0
    completed: int = 0
    cached: int = 0
    failed: int = 0
    ignored: int = 0
    aborted: int = 0
    retried: int = 0
    saved: float = 0.0
    runs: tuple[tuple[str, int], ...] = ()
    took: float = 0.0
    took_squared: float = 0.0
    tasks: tuple[RunningTask, ...] = ()
    hash: str = ""
    label: str = ""

    @property
    def ended(self) -> int:
        """How many tasks are over, in whatever way."""
        return self.completed + self.cached + self.failed + self.ignored + self.aborted

    @property
    def settled(self) -> bool:
        """Whether no task is left and none will come."""
        return self.total is not None and self.ended == self.total


class _Counter:
    """The mutable twin of ProcessCounts: a record for each change would cost more than a cache hit."""

    __slots__ = (
        *("aborted", "cached", "completed", "expected", "failed", "hash", "ignored", "label", "retried", "runs"),
        *("saved", "submitted", "tasks", "took", "took_squared"),
    )

    def __init__(self) -> None:
        self.submitted = self.completed = self.cached = 0
        self.failed = self.ignored = self.aborted = self.retried = 0
        self.saved = self.took = self.took_squared = 0.0
        self.hash = self.label = ""
        self.expected: list[Callable[[], int | None]] = []
        self.runs: dict[str, int] = {}
        self.tasks: dict[str, RunningTask] = {}

    @property
    def total(self) -> int | None:
        """How many tasks there will be; None while a channel cannot tell."""
        expected = [tell() for tell in self.expected]
        known = [number for number in expected if number is not None]
        return max(self.submitted, sum(known)) if len(known) == len(expected) else None

    def freeze(self, name: str) -> ProcessCounts:
        over = self.completed + self.cached + self.failed + self.ignored + self.aborted
        return ProcessCounts(
            name=name,
            total=self.total,
            submitted=self.submitted,
            waiting=self.submitted - len(self.tasks) - over,
            running=len(self.tasks),
            completed=self.completed,
            cached=self.cached,
            failed=self.failed,
            ignored=self.ignored,
            aborted=self.aborted,
            retried=self.retried,
            saved=self.saved,
            runs=tuple(self.runs.items()),
            took=self.took,
            took_squared=self.took_squared,
            tasks=tuple(self.tasks.values()),
            hash=self.hash,
            label=self.label,
        )


class Progress:
    """Counters of one cell's tasks. All methods may be called from any thread.

    Parameters
    ----------
    first : callable or None
        Called once, in the thread that submits the first task, before ``submitted`` or ``opened`` returns.
    """

    def __init__(self, first: Callable[[], None] | None = None) -> None:
        self._lock = threading.Lock()
        self._counters: dict[str, _Counter] = {}
        self._first = first
        self._version = 0

    @property
    def version(self) -> int:
        """A number that grows with each change: equal versions mean equal snapshots."""
        return self._version

    def snapshot(self) -> tuple[ProcessCounts, ...]:
        """All processes' counts at one moment, in the order in which the processes first appeared."""
        with self._lock:
            return tuple(counter.freeze(name) for name, counter in self._counters.items())

    def opened(self, process: str, expected: Callable[[], int | None]) -> None:
        """A channel begins to feed the process.

        Parameters
        ----------
        process : str
            Its name.
        expected : callable
            Tells how many tasks that channel gives; None while it is not known. Called from any thread.
        """
        with self._lock:
            self._counter(process).expected.append(expected)
        self._tell_first()

    def submitted(self, process: str, count: int = 1) -> None:
        """Tasks were taken up; they wait until one of the methods below is called for each."""
        with self._lock:
            self._counter(process).submitted += count
        self._tell_first()

    def cached(self, process: str, hash: str, label: str, saved: float = 0.0) -> None:
        """A waiting task was reused; executing it took `saved` seconds in its time."""
        with self._lock:
            counter = self._counter(process, hash, label)
            counter.cached += 1
            counter.saved += saved

    def reused(self, process: str, hash: str, label: str, saved: float, run: str = "") -> None:
        """A task was taken up and reused at once: ``submitted`` and ``cached`` in one, for there are many.

        Parameters
        ----------
        process, hash, label : str
            As elsewhere.
        saved : float
            Seconds that executing it took.
        run : str
            Name of the run in which that was; empty where it was none.
        """
        with self._lock:
            counter = self._counter(process, hash, label)
            counter.submitted += 1
            counter.cached += 1
            counter.saved += saved
            if run:
                counter.runs[run] = counter.runs.get(run, 0) + 1
        self._tell_first()

    def started(self, process: str, hash: str, label: str, since: float = 0.0) -> None:
        """A waiting task runs, since then (seconds since the epoch)."""
        with self._lock:
            self._counter(process, hash, label).tasks[hash] = RunningTask(hash, label, since)

    def completed(self, process: str, hash: str, label: str, took: float = 0.0) -> None:
        """A running task ended well, after so many seconds."""
        with self._lock:
            counter = self._counter(process, hash, label)
            counter.tasks.pop(hash, None)
            counter.completed += 1
            counter.took += took
            counter.took_squared += took * took

    def failed(self, process: str, hash: str, label: str) -> None:
        """A running task failed."""
        with self._lock:
            counter = self._counter(process)
            counter.tasks.pop(hash, None)
            counter.failed += 1
            counter.hash, counter.label = hash, label

    def ignored(self, process: str, hash: str = "") -> None:
        """A task failed, which is passed over; without a hash one that waited for another one's end."""
        with self._lock:
            counter = self._counter(process)
            counter.tasks.pop(hash, None)
            counter.ignored += 1

    def retried(self, process: str, hash: str) -> None:
        """A task waits again: it failed, and gets another attempt."""
        with self._lock:
            counter = self._counter(process)
            counter.tasks.pop(hash, None)
            counter.retried += 1

    def aborted(self, process: str, hash: str = "") -> None:
        """A running or waiting task was ended; without a hash one that waited for another one's end."""
        with self._lock:
            counter = self._counter(process)
            counter.tasks.pop(hash, None)
            counter.aborted += 1

    def _counter(self, process: str, hash: str = "", label: str = "") -> _Counter:
        self._version += 1
        counter = self._counters.get(process)
        if counter is None:
            counter = self._counters[process] = _Counter()
        if hash and not counter.failed:
            counter.hash, counter.label = hash, label
        return counter

    def _tell_first(self) -> None:
        if self._first is None:
            return
        with self._lock:
            first, self._first = self._first, None
        if first is not None:
            first()
