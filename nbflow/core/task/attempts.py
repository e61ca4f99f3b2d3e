"""Attempts of a task, and what is done when one has failed: Nextflow's error strategies as one pure rule.

Alone decides whether a failed task is run again, passed over, or ends the run. Runs nothing and knows no directive's text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple

from nbflow.core.declaration.failure_values import UNLIMITED


class Action(Enum):
    """What is done when a task has failed; the values are those of the trace field ``error_action``."""

    TERMINATE = "TERMINATE"
    FINISH = "FINISH"
    IGNORE = "IGNORE"
    RETRY = "RETRY"


class Attempt(NamedTuple):
    """One of the executions of a task that are tried until one succeeds.

    Attributes
    ----------
    number : int
        From 1.
    exit_status : int or None
        Exit status of the attempt before; None for the first, or where there was none.
    previous_trace : mapping or None
        Trace record of the attempt before.
    previous_exception : str or None
        What the attempt before failed with.
    """

    number: int = 1
    exit_status: int | None = None
    previous_trace: Mapping[str, Any] | None = None
    previous_exception: str | None = None


FIRST = Attempt()


@dataclass(frozen=True, slots=True)
class Limits:
    """How often tasks may fail.

    Attributes
    ----------
    retries : int
        How often one task is run again.
    errors : int
        Failures of all tasks of a process, from which on none is run again; `UNLIMITED` for any number.
    """

    retries: int = 1
    errors: int = UNLIMITED


def action(strategy: str, limits: Limits, task_errors: int, process_errors: int) -> Action:
    """What is done about a failure.

    Parameters
    ----------
    strategy : str
        ``terminate``, ``finish``, ``ignore`` or ``retry``.
    limits : Limits
        How often tasks may fail.
    task_errors, process_errors : int
        Failures of this task, and of all tasks of its process, this one counted.

    Notes
    -----
    The rule is Nextflow's (``TaskProcessor.checkErrorStrategy``; facts 6): a task that may not be retried terminates the run.
    """
    wanted = Action[strategy.upper()]
    if wanted is not Action.RETRY:
        return wanted
    few = limits.errors == UNLIMITED or process_errors < limits.errors
    return Action.RETRY if few and task_errors <= limits.retries else Action.TERMINATE
