"""The inline executor: jobs run in the kernel itself, one after the other, in the thread that runs the cells.

What it cannot do: time limits, and ending a body that runs, which an interrupt of the kernel alone does. Requests for CPUs
and memory mean nothing here. Knows no body: a job brings what runs it.
"""

from __future__ import annotations

import resource
import threading
import time
from dataclasses import dataclass
from functools import partial
from typing import Literal

from nbflow.errors import ExecutorError
from nbflow.execution.executor import Done, Executor, Started
from nbflow.execution.inline.foreground import Foreground
from nbflow.execution.job import Job, Outcome, Running
from nbflow.execution.local.usage import Usage


@dataclass(slots=True)
class _Ticket:
    """A job that waits or runs."""

    job: Job
    done: Done
    started: Started | None
    runs: bool = False


class InlineExecutor:
    """Runs jobs whose `Job.body` is set.

    Parameters
    ----------
    foreground : Foreground
        Where jobs wait for the thread that runs them.
    """

    def __init__(self, foreground: Foreground) -> None:
        self._foreground = foreground
        self._known: dict[str, _Ticket] = {}
        self._lock = threading.Lock()
        self._closed = False

    @property
    def slots(self) -> int:
        """One: a kernel runs one thing at a time."""
        return 1

    def running(self) -> list[Running]:
        """None: a body that runs in the kernel has no process of its own."""
        return []

    def submit(self, job: Job, done: Done, started: Started | None = None) -> None:
        """Take a job; see `Executor.submit`."""
        ticket = _Ticket(job, done, started)
        with self._lock:
            if self._closed:
                raise ExecutorError(f"{job.name!r} cannot run: the inline executor is closed; restart the session")
            if job.hash in self._known:
                raise ExecutorError(f"{job.name!r} is already under way as {job.hash}; wait for it to end")
            self._known[job.hash] = ticket
        self._foreground.put(partial(self._run, ticket))

    def cancel(self, job_hash: str) -> None:
        """Take a job out of the queue; one that runs is not ended."""
        with self._lock:
            tickets = [ticket for name, ticket in self._known.items() if name == job_hash and not ticket.runs]
        self._give_up(tickets)

    def cancel_all(self) -> None:
        """Take all jobs out of the queue; see `cancel`."""
        with self._lock:
            tickets = [ticket for ticket in self._known.values() if not ticket.runs]
        self._give_up(tickets)

    def cancel_waiting(self) -> None:
        """Take all jobs out of the queue; see `Executor.cancel_waiting`."""
        self.cancel_all()

    def close(self) -> None:
        """Take no more jobs, and end those that wait."""
        self._closed = True
        self.cancel_all()

    def _give_up(self, tickets: list[_Ticket]) -> None:
        now = time.time()
        for ticket in tickets:
            self._report(ticket, Outcome(None, now, now, Usage(), "cancelled", "it was cancelled before it started"))

    def _run(self, ticket: _Ticket) -> None:
        with self._lock:
            if self._known.get(ticket.job.hash) is not ticket:
                return  # cancelled
            ticket.runs = True
        began, used = time.time(), resource.getrusage(resource.RUSAGE_SELF)
        status: int | None = None
        reason: Literal["cancelled"] | None = "cancelled"
        assert ticket.job.body is not None, "only inline jobs come here"
        try:
            if ticket.started is not None:
                ticket.started(ticket.job)
            status, reason = ticket.job.body(), None
        finally:  # an interrupt goes on to the cell, once the job is reported
            detail = "it was interrupted" if reason else ""
            self._report(ticket, Outcome(status, began, time.time(), _used_since(used), reason, detail))

    def _report(self, ticket: _Ticket, outcome: Outcome) -> None:
        with self._lock:
            if self._known.pop(ticket.job.hash, None) is None:
                return  # somebody else was faster
        ticket.done(ticket.job, outcome)


def _used_since(before: resource.struct_rusage) -> Usage:
    now = resource.getrusage(resource.RUSAGE_SELF)
    return Usage(user=now.ru_utime - before.ru_utime, system=now.ru_stime - before.ru_stime)


class Executors:
    """Hands each job to the executor that its process names.

    Parameters
    ----------
    local, inline : Executor
        The two that there are.
    """

    def __init__(self, local: Executor, inline: Executor) -> None:
        self._local, self._inline = local, inline

    @property
    def slots(self) -> int:
        """How many tasks of one CPU run side by side."""
        return self._local.slots

    def running(self) -> list[Running]:
        """The jobs that run in processes of their own; see `Executor.running`."""
        return [*self._local.running(), *self._inline.running()]

    def submit(self, job: Job, done: Done, started: Started | None = None) -> None:
        """Take a job; see `Executor.submit`."""
        (self._local if job.body is None else self._inline).submit(job, done, started)

    def cancel(self, job_hash: str) -> None:
        """End a job; see `Executor.cancel`."""
        self._local.cancel(job_hash)
        self._inline.cancel(job_hash)

    def cancel_all(self) -> None:
        """End all jobs; see `Executor.cancel_all`."""
        self._local.cancel_all()
        self._inline.cancel_all()

    def cancel_waiting(self) -> None:
        """End the jobs that do not run yet; see `Executor.cancel_waiting`."""
        self._local.cancel_waiting()
        self._inline.cancel_waiting()

    def close(self) -> None:
        """End all jobs and every process; see `Executor.close`."""
        self._inline.close()
        self._local.close()
