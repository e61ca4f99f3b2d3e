"""What is done about a failed task: Nextflow's table (facts 6; ``TaskProcessorTest``), and its other strategies."""

from __future__ import annotations

import pytest

from nbflow.core.task.attempts import Action, Limits, action


@pytest.mark.parametrize(
    ("retries", "errors", "task", "process", "expected"),
    [
        (1, 3, 0, 0, Action.RETRY),
        (1, 3, 1, 0, Action.RETRY),
        (1, 3, 2, 0, Action.TERMINATE),
        (1, 3, 0, 1, Action.RETRY),
        (1, 3, 0, 2, Action.RETRY),
        (1, 3, 0, 3, Action.TERMINATE),
        (3, -1, 0, 0, Action.RETRY),
        (3, -1, 1, 1, Action.RETRY),
        (3, -1, 2, 2, Action.RETRY),
        (3, -1, 3, 9, Action.RETRY),
        (3, -1, 4, 9, Action.TERMINATE),
        (0, -1, 1, 1, Action.TERMINATE),
        (9, 0, 1, 1, Action.TERMINATE),
    ],
)
def test_a_task_is_retried_within_the_limits(
    retries: int, errors: int, task: int, process: int, expected: Action
) -> None:
    assert action("retry", Limits(retries, errors), task, process) is expected


@pytest.mark.parametrize("strategy", ["terminate", "finish", "ignore"])
def test_the_other_strategies_know_no_limits(strategy: str) -> None:
    for failures in (1, 100):
        assert action(strategy, Limits(1, 1), failures, failures).value == strategy.upper()
