"""What runs jobs on this machine: one supervisor for all processes, and warm templates for Python tasks.

Alone knows which of the two runs a job. Knows no queue, no budget and no time limit. Used by one thread.
"""

from __future__ import annotations

import selectors
from contextlib import suppress

from nbflow.errors import ExecutorError
from nbflow.execution.job import Ended, Job, Lost, Report, Running
from nbflow.execution.local.processes import Event, Exited, NotStarted, Started, Supervisor
from nbflow.execution.local.templates import Templates
from nbflow.storage.workdir import EXIT

_STREAMS = (".command.out", ".command.err")


class Machine:
    """Starts and kills jobs, and collects what is reported of them.

    Parameters
    ----------
    selector : selectors.BaseSelector
        Gets the descriptors to wait for; each key's data is what to call when it is readable.
    """

    def __init__(self, selector: selectors.BaseSelector) -> None:
        self._selector = selector
        self._supervisor: Supervisor | None = None
        self._events: list[Report] = []
        self._scripts: set[str] = set()
        self._templates = Templates(selector, self._events.append)

    def start(self, job: Job) -> None:
        """Start a job; `take_events` says what came of it.

        Raises
        ------
        ExecutorError
            The supervisor could not be started, or is gone; the next job gets a new one.
        """
        try:
            self._launch(job)
        except ExecutorError as error:
            # It has gone since the last job, which no event has said yet.
            self._lose_all(str(error))
            self._launch(job)

    def _launch(self, job: Job) -> None:
        supervisor = self._supervise()
        if job.kind == "python":
            self._templates.run(job, supervisor)
        else:
            cwd, environ = str(job.work_dir), job.environ
            supervisor.spawn(job.hash, job.argv, cwd=cwd, environ=environ, streams=_STREAMS, status=EXIT, reaper=True)
            self._scripts.add(job.hash)

    def kill(self, job_hash: str, pid: int, number: int) -> None:
        """Send a signal to all processes of a job that runs."""
        if self._supervisor is None:
            return
        # If it has gone, so has the job, and the loss is heard of next.
        with suppress(ExecutorError):
            self._supervisor.kill(job_hash, number, pid)

    def take_events(self) -> list[Report]:
        """What has been reported since the last time."""
        events = self._events.copy()
        self._events.clear()
        return events

    def close(self) -> None:
        """End everything; what still ran is not reported any more."""
        self._templates.close()
        if self._supervisor is not None:
            self._selector.unregister(self._supervisor)
            self._supervisor.close()
            self._supervisor = None

    def _supervise(self) -> Supervisor:
        if self._supervisor is None:
            self._supervisor = Supervisor()
            self._selector.register(self._supervisor, selectors.EVENT_READ, self._hear_supervisor)
        return self._supervisor

    def _hear_supervisor(self) -> None:
        if self._supervisor is None:
            return
        try:
            events = self._supervisor.handle()
        except ExecutorError as error:
            self._lose_all(str(error))
            return
        for event in events:
            self._take(event)

    def _take(self, event: Event) -> None:
        if event.id not in self._scripts:
            self._templates.note(event)
            return
        match event:
            case Started():
                self._events.append(Running(event.id, event.pid, event.at))
                return
            case NotStarted():
                self._events.append(Lost(event.id, f"it could not be started: {event.error}"))
            case Exited():
                self._events.append(Ended(event.id, event.status, event.usage, event.at))
        self._scripts.discard(event.id)

    def _lose_all(self, why: str) -> None:
        self._events.extend(Lost(job_hash, why) for job_hash in self._scripts)
        self._scripts.clear()
        self._templates.lose_all(why)
        self.close()
