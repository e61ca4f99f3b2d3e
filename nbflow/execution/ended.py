"""What is known of an execution when it has ended, and what became of it. Records only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbflow.core.task.attempts import Action
from nbflow.core.task.entry import TaskEntry
from nbflow.errors import TaskFailedError
from nbflow.execution.job import Job, Outcome
from nbflow.execution.order import Order


@dataclass(frozen=True, slots=True)
class Finished:
    """An execution that has ended.

    Attributes
    ----------
    order : Order
        What was to be run.
    job : Job
        What the executor was handed.
    outcome : Outcome
        What it said.
    submitted : float
        When it was submitted, seconds since the epoch.
    number : int
        The task's number in the run, from 1.
    """

    order: Order
    job: Job
    outcome: Outcome
    submitted: float
    number: int


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of it.

    Attributes
    ----------
    entry : TaskEntry
        As it was saved.
    trace : mapping of str to object
        Its trace record.
    error : TaskFailedError or None
        How it failed, if it did.
    action : Action or None
        What is done about that; None where it did not fail by itself.
    """

    entry: TaskEntry
    trace: Mapping[str, Any]
    error: TaskFailedError | None = None
    action: Action | None = None
