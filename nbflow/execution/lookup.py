"""Finds what is remembered of a task: its entry, its outputs, or that it must run, and in which work directory.

Alone walks the tries of a task hash. Writes nothing and runs nothing; decides nothing itself (`core.task.resume` does).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import dropwhile
from pathlib import Path
from typing import Any

from nbflow.core.python import PYTHON
from nbflow.core.task.entry import TaskEntry, read_entry
from nbflow.core.task.hash import Task, tries
from nbflow.core.task.resume import Execute, Reason, decide
from nbflow.execution.calls.call import Call
from nbflow.execution.result import Result, read_values
from nbflow.storage.database.cache import TaskCache
from nbflow.storage.evidence import find, recorded_digest
from nbflow.storage.layout import Layout

Done = Callable[[Result], None]


@dataclass(frozen=True, slots=True)
class Claim:
    """A task that must run, and where.

    Attributes
    ----------
    key : bytes
        The task hash whose work directory is free.
    work_dir : pathlib.Path
        That work directory.
    reason : Execute
        Why it must run.
    passed : tuple of bytes
        The task hashes before it, whose work directories are in use.
    waiting : list of callable
        Who else waits for its result.
    """

    key: bytes
    work_dir: Path
    reason: Execute
    passed: tuple[bytes, ...]
    waiting: list[Done] = field(default_factory=list)


class Lookup:
    """Who starts tasks, as far as it looks for what is remembered of them. Its methods may be called from any thread.

    Parameters
    ----------
    cache : TaskCache
        The session's entries.
    boot : str
        Identity of the machine's start.
    layout : Layout
        Where work directories lie.
    resolve_class : callable
        Finds the notebook's class of a name, if its code has a given digest.

    Attributes
    ----------
    unsaved : mapping of bytes to TaskEntry
        Entries of this run that could not be saved.
    """

    def __init__(self, cache: TaskCache, boot: str, layout: Layout, resolve_class: Callable[[str, str], type]) -> None:
        self.cache = cache
        self.unsaved: Mapping[bytes, TaskEntry] = {}
        self._boot = boot
        self._layout = layout
        self._work_root = str(layout.work_root)
        self._resolve_class = resolve_class

    def start(
        self,
        call: Call,
        own: Mapping[str, Any],
        number: int | None,
        done: Done,
        begun: Callable[[Path], None] | None = None,
    ) -> None:
        """Take a task from the cache, or do what else is to be done with it.

        Parameters
        ----------
        call : Call
            The call that it belongs to.
        own : mapping of str to object
            The inputs that it alone has.
        number : int or None
            Its place among the tasks of the call, from 1.
        done : callable
            Called once with its result: at once for a hit, else perhaps from another thread.
        begun : callable or None
            Called with the work directory when it is executed.

        Raises
        ------
        NbflowError
            If it cannot be started; nothing is lost.
        """
        raise NotImplementedError

    def stage(self, call: Call) -> None:
        """A call takes along what the notebook holds now; called before the notebook goes on and changes it."""

    def called(self, call: Call, fed: Iterable[str], origins: Iterable[tuple[str, str]]) -> None:
        """A process was called with channels.

        Parameters
        ----------
        call : Call
            The call.
        fed : iterable of str
            The inputs that come from the channels.
        origins : iterable of (process, output)
            The processes whose outputs the channels hold, and which; no output stands for all.
        """

    @property
    def idle(self) -> bool:
        """Whether no task of it is under way."""
        return True

    def cancel(self) -> None:
        """End all tasks that wait or run."""

    def finish(self) -> None:
        """End all tasks that wait; those that run go on to their end, and none is tried again."""

    def flush(self) -> None:
        """Write what others should see of the run."""

    def close(self) -> None:
        """Write what is still to be written of the run."""

    def read(self, key: bytes) -> TaskEntry:
        """The entry of a task of this run."""
        if (unsaved := self.unsaved.get(key)) is not None:
            return unsaved
        payload = self.cache.get(key)
        if payload is None:
            raise KeyError(f"no entry of task {key.hex()}")
        return read_entry(payload)

    def values(self, key: bytes) -> dict[str, Any]:
        """The outputs of a task, by name.

        Raises
        ------
        DamagedValueError
            If one cannot be read.
        """
        return read_values(self.place(key), self.read(key), self._resolve_class)

    def output_digest(self, path: str) -> str | None:
        """Content digest (hex) of a task's output that lies at an absolute path, unchanged; None for other files."""
        root = f"{self._work_root}{os.sep}"
        key = path[len(root) : len(root) + 33].replace(os.sep, "", 1)
        if not path.startswith(root) or len(key) != 32:
            return None
        try:
            entry = self.read(bytes.fromhex(key))
        except (KeyError, ValueError):
            return None
        return recorded_digest(self.place(bytes.fromhex(key)), entry.files, path)

    def work_dir(self, key: bytes) -> Path:
        """The work directory of a task."""
        return self._layout.work_dir(key.hex())

    def place(self, key: bytes) -> str:
        """The work directory of a task, absolute."""
        text = key.hex()
        return f"{self._work_root}/{text[:2]}/{text[2:]}"

    def find(self, call: Call, task: Task, takes: Callable[[Path], bool]) -> Result | Claim:
        """Find a task's outputs, or else the work directory that it would run in.

        Parameters
        ----------
        call : Call
            The call that it belongs to.
        task : Task
            The task.
        takes : callable
            Takes a work directory, if it is free; says whether it was.
        """
        first, passed = call.forced, list[bytes]()
        for key in tries(task.base):
            decision = call.forced or self._decide(key, call)
            if isinstance(decision, tuple):
                return Result(task, key, decision[0], decision[1])
            if first is None or first.reason is Reason.NEW:
                first = decision
            work_dir = self.work_dir(key)
            if takes(work_dir):
                return Claim(key, work_dir, first, tuple(passed))
            passed.append(key)
            if first.reason is Reason.NEW:
                first = Execute(Reason.UNFINISHED)
        raise AssertionError("tries never end")

    def next_try(self, task: Task, after: bytes, takes: Callable[[Path], bool]) -> tuple[bytes, Path]:
        """The next task hash whose work directory is free, for another attempt of a task, and that directory.

        Parameters
        ----------
        task : Task
            The task.
        after : bytes
            The task hash of the attempt that failed.
        takes : callable
            Takes a work directory, if it is free; says whether it was.
        """
        later = dropwhile(lambda key: key != after, tries(task.base))
        next(later)
        return next((key, work_dir) for key in later if takes(work_dir := self.work_dir(key)))

    def _decide(self, key: bytes, call: Call) -> Execute | tuple[str, TaskEntry]:
        payload = self.cache.get(key)
        if payload is None:
            return Execute(Reason.NEW)
        try:
            entry = read_entry(payload)
        except ValueError as error:
            return Execute(Reason.DAMAGED_ENTRY, str(error))
        work_dir = self.place(key)
        thorough = entry.boot != self._boot
        decision = decide(entry, find(work_dir, entry.files, thorough=thorough), call.wanted, PYTHON)
        if isinstance(decision, Execute):
            return decision
        if thorough:
            self.found_whole(key, payload)
        return work_dir, entry

    def found_whole(self, key: bytes, payload: bytes) -> None:
        """All content of a task was read, and is what it was."""
