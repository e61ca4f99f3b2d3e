"""Publishes what a task gave: outputs and imports as names of the notebook."""

from __future__ import annotations

import importlib
from typing import Any

from nbflow.core.task.entry import TaskEntry


def publish(namespace: dict[str, Any], entry: TaskEntry, values: dict[str, Any]) -> None:
    """Bind the outputs of a cell that ran once, and what its import statements bound.

    Parameters
    ----------
    namespace : dict
        The notebook's.
    entry : TaskEntry
        The task's entry.
    values : dict of str to object
        Its outputs.
    """
    for name, module, attribute in entry.imports:
        if name not in values:
            namespace[name] = imported(module, attribute)
    namespace.update(values)


def imported(module: str, attribute: str | None) -> Any:
    """What ``import module`` or ``from module import attribute`` binds."""
    found = importlib.import_module(module)
    if attribute is None:
        return found
    if not hasattr(found, attribute):
        return importlib.import_module(f"{module}.{attribute}")
    return getattr(found, attribute)
