"""What an executor is: it takes jobs and says how they ended.

Only the shape that the runner relies on. Knows no process, no cache and no notebook. Every executor passes the
family's contract test.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from nbflow.execution.job import Job, Outcome, Running

Started = Callable[[Job], None]
Done = Callable[[Job, Outcome], None]


class Executor(Protocol):
    """Runs jobs, as many side by side as its budget allows."""

    @property
    def slots(self) -> int:
        """How many tasks of one CPU run side by side."""
        ...

    def running(self) -> list[Running]:
        """The jobs that run in processes of their own on this machine, each with the first of them."""
        ...

    def submit(self, job: Job, done: Done, started: Started | None = None) -> None:
        """Take a job; return at once.

        Parameters
        ----------
        job : Job
            Its work directory is ready.
        done : callable
            Called exactly once with the job and its outcome, from a thread of the executor: it must not wait.
        started : callable, optional
            Called when the job leaves the queue and runs, from the same thread.

        Raises
        ------
        ExecutorError
            The job asks for more than there is, has the hash of one that is under way, or the executor is closed.
        """
        ...

    def cancel(self, job_hash: str) -> None:
        """End a job, queued or running; its outcome's reason is ``cancelled``. Unknown ones are ignored."""
        ...

    def cancel_all(self) -> None:
        """End all jobs that were submitted before this call."""
        ...

    def cancel_waiting(self) -> None:
        """End the jobs submitted before this call that do not run yet; those that run go on to their end."""
        ...

    def close(self) -> None:
        """End all jobs and every process; return when none is left and each `done` was called. Twice is harmless."""
        ...
