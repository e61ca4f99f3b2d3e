"""An execution: a task on its way, attempt by attempt, until one succeeds or no other is made.

Only the record, and what is done about a failed attempt. Starts nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from nbflow.core.task.attempts import Action, Attempt, Limits, action
from nbflow.errors import InputError, TaskFailedError
from nbflow.execution.ended import Ended, Finished
from nbflow.execution.lookup import Claim, Done
from nbflow.execution.order import Order, task_view
from nbflow.execution.progress import Progress


@dataclass(slots=True, eq=False)
class Execution:
    """A task that is executed.

    Attributes
    ----------
    order : Order
        The attempt that is under way.
    claim : Claim
        Why it is executed, and who waits for it.
    number : int or None
        Its place among the tasks of the call.
    progress : Progress
        What it is counted in.
    done : callable
        Called once with what became of it.
    begun : callable or None
        Called with the work directory of each attempt.
    submitted : float
        When the attempt was submitted, seconds since the epoch.
    is_last : bool
        Whether no other attempt is made, whatever the directives say.
    """

    order: Order
    claim: Claim
    number: int | None
    progress: Progress
    done: Done
    begun: Callable[[Path], None] | None = None
    submitted: float = 0.0
    is_last: bool = False

    def recover(self, finished: Finished, error: TaskFailedError) -> Action:
        """What is done about the failure of an attempt; what is wrong with its directives is noted with the error."""
        order = finished.order
        number = order.call.failures.count()
        if self.is_last:
            return Action.TERMINATE
        try:
            return _wanted(order, finished.outcome.exit, number)
        except InputError as problem:
            error.add_note(f"The directive error_strategy could not be followed: {problem}")
            return Action.TERMINATE

    def next_attempt(self, key: bytes, work_dir: Path, ended: Ended) -> None:
        """Let the next attempt be under way: the same task with another work directory."""
        order = self.order
        attempt = Attempt(order.attempt.number + 1, ended.entry.exit, ended.trace, str(ended.error))
        task = order.task._replace(name=order.call.name(order.own, self.number, attempt))
        self.order = replace(order, key=key, work_dir=work_dir, attempt=attempt, task=task)


def _wanted(order: Order, status: int | None, process_errors: int) -> Action:
    directives = order.directives
    task = task_view(order, directives, exit_status=status)
    strategy = directives.strategy(order.call.namespace(order.own, directives.strategy_names, task))
    limits = Limits(int(directives.max_retries), int(directives.max_errors))  # type: ignore[arg-type]
    return action(strategy, limits, order.attempt.number, process_errors)
