"""What an executor is handed, what it hands back, and what it hears of a job on the way.

Only records: knows no process, no pool and no notebook.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nbflow.execution.local.usage import Usage


@dataclass(frozen=True, slots=True)
class Job:
    """One execution of a task, complete in its work directory.

    Attributes
    ----------
    hash : str
        The task hash, 32 hex; no two jobs under way have the same.
    name : str
        The task's name, as in ``fit (3)``.
    work_dir : pathlib.Path
        Absolute; holds what the task needs. Who runs it leaves ``.command.out``, ``.command.err`` and ``.exitcode`` there.
    kind : {"python", "script"}
        Whether a worker or a program runs it.
    argv : tuple of str
        A script's command, looked up on the PATH of `environ`; a worker needs none.
    environ : mapping of str to str
        The whole environment of the task.
    cpus : int
        CPUs that it takes of the executor's budget, at least 1.
    memory : int or None
        Bytes that it takes of the budget.
    time : float or None
        Seconds that it may run.
    sys_path : tuple of str
        The kernel's module search path at the call, for a Python task.
    preload : tuple of str
        Installed modules that a Python task imports and that may be loaded before it starts.
    body : callable or None
        Runs the task in this very process and returns its exit status; None where a process of its own does.
    process : str
        The process that it is a task of.
    max_forks : int or None
        How many jobs of that process may run side by side.
    """

    hash: str
    name: str
    work_dir: Path
    kind: Literal["python", "script"]
    argv: tuple[str, ...]
    environ: Mapping[str, str]
    cpus: int = 1
    memory: int | None = None
    time: float | None = None
    sys_path: tuple[str, ...] = ()
    preload: tuple[str, ...] = ()
    body: Callable[[], int] | None = None
    process: str = ""
    max_forks: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an execution ended.

    Attributes
    ----------
    exit : int or None
        Exit status, 128 + N for signal N as a shell says it; None if none is known or it never started.
    started, completed : float
        Seconds since the epoch; equal for a job that never started.
    usage : Usage
        What it used of the machine.
    reason : {"time", "cancelled", "lost"} or None
        Why the executor, and not the task, ended it: past its time limit, on request, or with the process
        that ran it gone. None when it ended by itself, well or not.
    detail : str
        The reason in words.
    pid : int or None
        The process that ran it; None where it had none of its own.
    """

    exit: int | None
    started: float
    completed: float
    usage: Usage
    reason: Literal["time", "cancelled", "lost"] | None = None
    detail: str = ""
    pid: int | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A job's first process runs, since when (seconds since the epoch)."""

    job_hash: str
    pid: int
    at: float


@dataclass(frozen=True, slots=True)
class Ended:
    """A job has ended: its exit status as a shell says it, what it used, when."""

    job_hash: str
    status: int
    usage: Usage
    at: float


@dataclass(frozen=True, slots=True)
class Lost:
    """A job can no longer report: it was not started, or what ran it has gone."""

    job_hash: str
    detail: str


Report = Running | Ended | Lost
