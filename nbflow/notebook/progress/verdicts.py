"""What is said of the tasks of a cell when it is over: the line of a single task, the reasons below a summary of several.

Alone here: which task speaks for its process, and in which words. Pure: why a task ran is asked of who knows. Must not know how
a line is shown (`nbflow.notebook.progress.render` does).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from nbflow.execution.channels.flow import Node
from nbflow.execution.channels.task_node import TaskNode
from nbflow.execution.result import Result
from nbflow.notebook.progress.render import Verdict, duration, short_hash


class Why(Protocol):
    """Says why a task was executed; of a task of a channel, given with its node, without those beside it."""

    def __call__(self, result: Result, node: TaskNode | None = None) -> str:
        """The reason in words."""
        ...


def verdict(result: Result, why: Why) -> Verdict:
    """What became of a task that its cell ran alone."""
    name, key = result.task.name, short_hash(result.key.hex())
    took = duration(result.entry.realtime / 1000)
    left_out = f" · not kept: {'; '.join(result.entry.left_out)}" if result.entry.left_out else ""
    if result.stored:
        return Verdict("cached", f"{name}: taken from `{result.stored}` (store_dir), where all its outputs lie")
    if result.cached:
        return Verdict("cached", f"{name}: reused from [{key}] ({result.entry.run}) · saved {took}{left_out}")
    ran = f"{name}: ran [{key}], {took} · {why(result)}{left_out}"
    return Verdict("completed" if result.error is None else "failed", ran)


def reasons(nodes: Sequence[Node], results: Sequence[Result], why: Why) -> list[str]:
    """For each process, why its first task ran, and how many were taken from store directories.

    Parameters
    ----------
    nodes : sequence of Node
        The channels of tasks that the cell opened.
    results : sequence of Result
        What came of the tasks that it waited for one by one.
    why : callable
        Says why a task ran.
    """
    said: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, TaskNode) and (first := node.first_run) is not None:
            said[first.task.process] = f"{first.task.name}: {why(first, node)}"
    ran = {result.task.process: result for result in reversed(results) if result.reason is not None}
    said |= {process: f"{result.task.name}: {why(result)}" for process, result in ran.items()}
    return [*said.values(), *_from_stores(nodes)]


def _from_stores(nodes: Iterable[Node]) -> Iterator[str]:
    """Which processes took tasks from their store directories, whatever has changed since they were put there."""
    stored = Counter[str]()
    for node in nodes:
        if isinstance(node, TaskNode):
            stored[node.call.process.name] += node.stored
    return (
        f"{name}: {number:,} taken from its store directory (`store_dir`)" for name, number in stored.items() if number
    )
