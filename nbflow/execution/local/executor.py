"""The local executor: jobs on this machine, within its CPUs and memory, as Nextflow's local executor does it.

Decides what starts when and what must end. One thread of its own holds all state, so nothing here is locked; it waits
for the supervisor, for the warm templates and for the next time limit at once. Starts nothing itself.
"""

from __future__ import annotations

import selectors
import signal
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from nbflow.core.units import format_duration, format_memory
from nbflow.errors import ExecutorError
from nbflow.execution.callbacks import call_back
from nbflow.execution.executor import Done, Started
from nbflow.execution.job import Ended, Job, Lost, Outcome, Report, Running
from nbflow.execution.local.machine import Machine
from nbflow.execution.local.usage import Usage, total_memory, usable_cpus

GRACE = 2.0
"""Seconds between SIGTERM and SIGKILL."""

_CANCELLED = "it was cancelled"
_Reason = Literal["time", "cancelled", "lost"]


@dataclass(slots=True)
class _Ticket:
    """A job on its way: queued until `placed`, running from `began`."""

    job: Job
    done: Done
    started: Started | None
    placed: bool = False
    pid: int | None = None
    began: float | None = None
    reason: _Reason | None = None
    detail: str = ""
    deadline: float | None = None
    """Monotonic second at which the next signal is due."""


class LocalExecutor:
    """Runs scripts and Python tasks on this machine.

    Parameters
    ----------
    cpus : int, optional
        Budget of CPUs; by default those that this process may use.
    memory : int, optional
        Budget of memory in bytes; by default all of the machine's.
    grace : float
        Seconds that a task has between SIGTERM and SIGKILL.

    Notes
    -----
    Waiting jobs are looked through in the order of their submission, and one that does not fit now does not stop
    those behind it (Nextflow's ``TaskPollingMonitor``). Requests are a budget, not a limit that is enforced on a
    process; only `Job.time` is.
    """

    def __init__(self, cpus: int | None = None, memory: int | None = None, *, grace: float = GRACE) -> None:
        self._cpus = cpus or usable_cpus()
        self._memory = memory or total_memory()
        self._free_cpus, self._free_memory = self._cpus, self._memory
        self._forks = Counter[str]()
        self._grace = grace
        self._known: dict[str, _Ticket] = {}
        self._queue: deque[_Ticket] = deque()
        self._calls: deque[Callable[[], None]] = deque()
        self._ending = self._gone = False
        self._intake = threading.Lock()
        self._thread: threading.Thread | None = None
        self._selector = selectors.DefaultSelector()
        self._machine = Machine(self._selector)
        self._wakeup, self._bell = socket.socketpair()
        self._bell.setblocking(False)
        self._selector.register(self._wakeup, selectors.EVENT_READ, self._take_calls)

    @property
    def slots(self) -> int:
        """How many tasks of one CPU run side by side."""
        return self._cpus

    # ---- called from any thread

    def running(self) -> list[Running]:
        """The jobs that run; see `Executor.running`."""
        tickets = self._known.copy().values()
        return [
            Running(ticket.job.hash, ticket.pid, ticket.began)
            for ticket in tickets
            if ticket.pid is not None and ticket.began is not None
        ]

    def submit(self, job: Job, done: Done, started: Started | None = None) -> None:
        """Take a job; see `Executor.submit`."""
        self._check(job)
        ticket = _Ticket(job, done, started)
        with self._intake:
            if self._ending:
                raise ExecutorError(f"{job.name!r} cannot run: the local executor is closed; restart the session")
            if job.hash in self._known:
                raise ExecutorError(f"{job.name!r} is already under way as {job.hash}; wait for it to end")
            self._known[job.hash] = ticket
            self._call(lambda: self._queue.append(ticket))

    def cancel(self, job_hash: str) -> None:
        """End a job, queued or running; see `Executor.cancel`."""
        with self._intake:
            ticket = self._known.get(job_hash)
            if ticket is not None and not self._gone:
                self._call(lambda: self._cancel(ticket))

    def cancel_all(self) -> None:
        """End all jobs submitted so far; see `Executor.cancel_all`."""
        with self._intake:
            tickets = list(self._known.values())
            if tickets and not self._gone:
                self._call(lambda: self._cancel_each(tickets))

    def cancel_waiting(self) -> None:
        """End all jobs that do not run yet; see `Executor.cancel_waiting`."""
        with self._intake:
            tickets = list(self._known.values())
            if tickets and not self._gone:
                self._call(lambda: self._withdraw_each(tickets))

    def close(self) -> None:
        """Kill all tasks and every process; see `Executor.close`."""
        with self._intake:
            self._ending = True
            if self._thread is None:
                self._let_go()
            elif not self._gone:
                self._ring()
        if self._thread is not None and threading.current_thread() is not self._thread:
            self._thread.join()

    def _check(self, job: Job) -> None:
        if job.cpus > self._cpus:
            raise _exceeds(job, "CPUs", job.cpus, self._cpus, "cpus")
        if job.memory is not None and job.memory > self._memory:
            raise _exceeds(job, "memory", format_memory(job.memory), format_memory(self._memory), "memory")

    def _call(self, function: Callable[[], None]) -> None:
        """Have the executor's thread do something; `_intake` is held."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="nbflow-local-executor", daemon=True)
            self._thread.start()
        self._calls.append(function)
        self._ring()

    def _ring(self) -> None:
        try:
            self._bell.send(b"!")
        except BlockingIOError:
            pass  # it has been rung often enough

    # ---- the executor's thread

    def _run(self) -> None:
        try:
            while not self._ending:
                for key, _ in self._selector.select(self._patience()):
                    key.data()
                self._note(self._machine.take_events())
                self._enforce(time.monotonic())
                self._start_waiting()
        finally:
            reason: _Reason = "cancelled" if self._ending else "lost"
            self._machine.close()
            with self._intake:
                self._let_go()
            for ticket in self._known.copy().values():
                ticket.reason = ticket.reason or reason
                self._lose(ticket, "the local executor was closed")

    def _let_go(self) -> None:
        self._ending = self._gone = True
        for closed in (self._wakeup, self._bell, self._selector):
            closed.close()

    def _take_calls(self) -> None:
        self._wakeup.recv(4096)
        while self._calls:
            self._calls.popleft()()

    def _patience(self) -> float | None:
        deadlines = [ticket.deadline for ticket in self._known.copy().values() if ticket.deadline is not None]
        return max(0.0, min(deadlines) - time.monotonic()) if deadlines else None

    def _start_waiting(self) -> None:
        skipped = []
        while self._queue and self._free_cpus > 0:
            ticket = self._queue.popleft()
            if self._fits(ticket.job):
                self._place(ticket)
            else:
                skipped.append(ticket)
        self._queue.extendleft(reversed(skipped))

    def _fits(self, job: Job) -> bool:
        forks = job.max_forks is None or self._forks[job.process] < job.max_forks
        return forks and job.cpus <= self._free_cpus and (job.memory or 0) <= self._free_memory

    def _place(self, ticket: _Ticket) -> None:
        ticket.placed = True
        self._free_cpus -= ticket.job.cpus
        self._free_memory -= ticket.job.memory or 0
        self._forks[ticket.job.process] += 1
        try:
            self._machine.start(ticket.job)
        except ExecutorError as error:
            self._lose(ticket, str(error))

    def _note(self, events: list[Report]) -> None:
        for event in events:
            ticket = self._known.get(event.job_hash)
            if ticket is None:
                self._end_cancelled(event)
                continue
            match event:
                case Running():
                    self._begin(ticket, event)
                case Ended():
                    self._finish(ticket, event)
                case Lost():
                    self._lose(ticket, event.detail)

    def _end_cancelled(self, event: Report) -> None:
        if isinstance(event, Running):
            self._machine.kill(event.job_hash, event.pid, signal.SIGKILL)

    def _begin(self, ticket: _Ticket, event: Running) -> None:
        ticket.pid, ticket.began = event.pid, event.at
        if ticket.job.time is not None:
            ticket.deadline = time.monotonic() + ticket.job.time
        if ticket.started is not None:
            call_back(ticket.started, ticket.job)
        if ticket.reason is not None:
            self._terminate(ticket, ticket.reason, ticket.detail)

    def _enforce(self, now: float) -> None:
        due = [
            ticket for ticket in self._known.copy().values() if ticket.deadline is not None and ticket.deadline <= now
        ]
        for ticket in due:
            if ticket.reason is None:
                limit = format_duration(round((ticket.job.time or 0) * 1000))
                self._terminate(ticket, "time", f"Process exceeded running time limit ({limit})")
            else:
                ticket.deadline = None
                self._signal(ticket, signal.SIGKILL)

    def _terminate(self, ticket: _Ticket, reason: _Reason, detail: str) -> None:
        ticket.reason, ticket.detail = reason, detail
        ticket.deadline = time.monotonic() + self._grace
        self._signal(ticket, signal.SIGTERM)

    def _signal(self, ticket: _Ticket, number: int) -> None:
        assert ticket.pid is not None, "only what runs has a deadline or is terminated"
        self._machine.kill(ticket.job.hash, ticket.pid, number)

    def _cancel_each(self, tickets: list[_Ticket]) -> None:
        for ticket in tickets:
            self._cancel(ticket)

    def _cancel(self, ticket: _Ticket) -> None:
        if ticket.job.hash not in self._known or ticket.reason is not None:
            return
        if ticket.pid is not None:
            self._terminate(ticket, "cancelled", _CANCELLED)
        elif ticket.placed and ticket.job.kind == "script":
            # It may run already, which is on its way to be told: _begin ends it then.
            ticket.reason, ticket.detail = "cancelled", _CANCELLED
        else:
            self._withdraw(ticket)

    def _withdraw_each(self, tickets: list[_Ticket]) -> None:
        for ticket in tickets:
            if not ticket.placed and ticket.job.hash in self._known:
                self._withdraw(ticket)

    def _withdraw(self, ticket: _Ticket) -> None:
        if not ticket.placed:
            self._queue.remove(ticket)
        # One that a template is still loading modules for is not waited for: _note ends it when it starts.
        ticket.reason = "cancelled"
        self._lose(ticket, f"{_CANCELLED} before it started")

    def _finish(self, ticket: _Ticket, event: Ended) -> None:
        began = event.at if ticket.began is None else ticket.began
        self._report(
            ticket, Outcome(event.status, began, event.at, event.usage, ticket.reason, ticket.detail, ticket.pid)
        )

    def _lose(self, ticket: _Ticket, why: str) -> None:
        now = time.time()
        began = now if ticket.began is None else ticket.began
        self._report(
            ticket, Outcome(None, began, now, Usage(), ticket.reason or "lost", ticket.detail or why, ticket.pid)
        )

    def _report(self, ticket: _Ticket, outcome: Outcome) -> None:
        with self._intake:
            del self._known[ticket.job.hash]
        if ticket.placed:
            self._free_cpus += ticket.job.cpus
            self._free_memory += ticket.job.memory or 0
            self._forks[ticket.job.process] -= 1
        call_back(ticket.done, ticket.job, outcome)


def _exceeds(job: Job, what: str, wanted: object, there: object, directive: str) -> ExecutorError:
    return ExecutorError(
        f"{job.name!r}: Process requirement exceeds available {what} -- req: {wanted}; avail: {there}; "
        f"ask for less with `#| {directive}:`"
    )
