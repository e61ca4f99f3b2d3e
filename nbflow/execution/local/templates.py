"""The warm templates of one machine: which of them can serve a Python task, and what came of it.

Alone decides when a template is started, kept or given up. Knows no queue and no script. Used by one thread.
"""

from __future__ import annotations

import selectors
import signal
import socket
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

from nbflow.errors import ExecutorError
from nbflow.execution.job import Ended, Job, Lost, Report, Running
from nbflow.execution.local.processes import Event, Started, Supervisor, shell_status
from nbflow.execution.local.template import Declined, Template, WorkerEnded, WorkerStarted
from nbflow.execution.local.usage import Usage

KEPT = 4
"""Templates that are kept warm: as many environments may alternate without a new start each time."""

_TRIES = 5
_FD = 3
_TAIL = 2000

Identity = tuple[frozenset[tuple[str, str]], tuple[str, ...]]


@dataclass(slots=True, eq=False)
class _Warm:
    """A template that runs, and the jobs that it serves."""

    name: str
    client: Template
    supervisor: Supervisor
    errors: IO[bytes]
    identity: Identity | None
    """What it can serve; None once it has declined: it then only ends what it has."""
    jobs: dict[str, Job] = field(default_factory=dict)


class Templates:
    """Runs Python jobs, each in a fork of a template that was started with the job's environment.

    Parameters
    ----------
    selector : selectors.BaseSelector
        Gets the descriptors to wait for; each key's data is what to call when it is readable.
    report : callable
        Told what happens to each job.

    Notes
    -----
    Libraries read the environment when they are loaded, so a template serves only jobs of the very environment and
    module search path that it was started with.
    """

    def __init__(self, selector: selectors.BaseSelector, report: Callable[[Report], None]) -> None:
        self._selector = selector
        self._report = report
        self._warm: list[_Warm] = []
        self._started = 0
        self._tries: dict[str, int] = {}

    def run(self, job: Job, supervisor: Supervisor) -> None:
        """Start a job.

        Raises
        ------
        ExecutorError
            The supervisor is gone.
        """
        warm = self._serving(job, supervisor)
        try:
            about = {"environ": job.environ, "own": supervisor.environment(job.hash)}
            warm.client.submit(job.hash, job.work_dir, **about, sys_path=job.sys_path, preload=job.preload)
        except ExecutorError:
            self._lose(warm)
            self._try_again(job, supervisor, "its template has ended")
        else:
            warm.jobs[job.hash] = job

    def note(self, event: Event) -> None:
        """Hear of a template's own process."""
        for warm in [warm for warm in self._warm if warm.name == event.id and not isinstance(event, Started)]:
            self._lose(warm)

    def lose_all(self, why: str) -> None:
        """The supervisor has gone, and all templates with it."""
        for warm in self._warm.copy():
            self._lose(warm, why)

    def close(self) -> None:
        """End all templates and their jobs, which are not reported any more."""
        for warm in self._warm.copy():
            self._give_up(warm)

    def _serving(self, job: Job, supervisor: Supervisor) -> _Warm:
        identity = (frozenset(job.environ.items()), job.sys_path)
        warm = next((warm for warm in self._warm if warm.identity == identity), None)
        if warm is None:
            self._make_room()
            warm = self._start(job, supervisor, identity)
        else:
            self._warm.remove(warm)
        # The latest used is the last, and the last to be given up.
        self._warm.append(warm)
        return warm

    def _make_room(self) -> None:
        idle = [warm for warm in self._warm if not warm.jobs]
        for warm in idle[: max(0, len(self._warm) - KEPT + 1)]:
            self._give_up(warm)

    def _start(self, job: Job, supervisor: Supervisor, identity: Identity) -> _Warm:
        self._started += 1
        name = f"template-{self._started}"
        ours, theirs = socket.socketpair()
        errors = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the template runs
        with theirs:
            fds = {_FD: theirs.fileno(), 2: errors.fileno()}
            supervisor.spawn(name, Template.command(_FD), cwd="/", environ=job.environ, fds=fds)
        warm = _Warm(name, Template(ours), supervisor, errors, identity)
        self._selector.register(warm.client, selectors.EVENT_READ, lambda: self._hear(warm))
        return warm

    def _hear(self, warm: _Warm) -> None:
        if warm not in self._warm:
            return
        try:
            events = warm.client.handle()
        except ExecutorError:
            self._lose(warm)
            return
        for event in events:
            self._take(warm, event)
        if warm.identity is None and not warm.jobs:
            self._give_up(warm)

    def _take(self, warm: _Warm, event: WorkerStarted | WorkerEnded | Declined) -> None:
        match event:
            case WorkerStarted():
                self._report(Running(event.id, event.pid, event.at))
            case WorkerEnded():
                self._end(warm, event)
            case Declined():
                warm.identity = None
                self._try_again(warm.jobs.pop(event.id), warm.supervisor, event.reason)

    def _end(self, warm: _Warm, event: WorkerEnded) -> None:
        if warm.jobs.pop(event.id, None) is None:
            return  # ended twice, as when its work directory was deleted and its hash taken again
        self._tries.pop(event.id, None)
        # A supervisor that is gone has nothing left to sweep.
        with suppress(ExecutorError):
            warm.supervisor.sweep(event.id, event.pid)
        usage = Usage.from_rusage(event.rusage, event.io)
        self._report(Ended(event.id, shell_status(event.status), usage, event.at))

    def _try_again(self, job: Job, supervisor: Supervisor, why: str) -> None:
        tries = self._tries[job.hash] = self._tries.get(job.hash, 0) + 1
        if tries < _TRIES:
            self.run(job, supervisor)
        else:
            del self._tries[job.hash]
            self._report(Lost(job.hash, f"no template of Python tasks could run it: {why}"))

    def _lose(self, warm: _Warm, why: str = "") -> None:
        if warm not in self._warm:
            return
        last_words = _tail(warm.errors)
        self._give_up(warm)
        why = why or "the template of Python tasks has ended"
        for job_hash in warm.jobs:
            self._tries.pop(job_hash, None)
            # Its worker died with the template; what that had started did not.
            with suppress(ExecutorError):
                warm.supervisor.kill(job_hash, signal.SIGKILL)
            self._report(Lost(job_hash, f"{why}; its last words: {last_words}" if last_words else why))

    def _give_up(self, warm: _Warm) -> None:
        self._warm.remove(warm)
        self._selector.unregister(warm.client)
        warm.client.close()
        warm.errors.close()


def _tail(file: IO[bytes]) -> str:
    file.seek(max(0, file.seek(0, 2) - _TAIL))
    return file.read().decode(errors="replace").strip()
