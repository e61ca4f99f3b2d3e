"""Publishes the output files of tasks, as the directive ``publish_dir`` says; of cached tasks too.

Alone says which file goes where. Writes no file itself (`storage.publish` does).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from nbflow.core.declaration.file_rules import FileRules
from nbflow.core.declaration.globs import render_glob
from nbflow.core.declaration.publish_values import PublishRule
from nbflow.core.task.entry import TaskEntry
from nbflow.errors import InputError, NbflowWarning
from nbflow.execution.order import Order, task_view
from nbflow.execution.outputs.collect import outermost
from nbflow.execution.outputs.matching import matching
from nbflow.storage.publish import publish

_OWN = (".command.", ".nbflow")
_ALL = FileRules(hidden=True, include_inputs=True)


def publish_outputs(order: Order, entry: TaskEntry) -> str:
    """Publish the outputs of a task that is done.

    Parameters
    ----------
    order : Order
        The task.
    entry : TaskEntry
        What came of it.

    Returns
    -------
    str
        What could not be published, and why; empty where all was.
    """
    paths = output_paths(entry)
    try:
        return "; ".join(why for rule in order.directives.publish_dir for why in _publish(order, rule, paths))
    except InputError as problem:
        return f"publish_dir: {problem}"


def _publish(order: Order, rule: PublishRule, paths: tuple[str, ...]) -> Iterator[str]:
    namespace = _namespace(order, rule)
    directory = rule.directory(namespace)
    if directory is None:
        return
    for path in _matched(order, rule, paths, namespace):
        name = rule.name(path, namespace)
        why = None if name is None else _put(order, rule, path, Path(order.call.scene.launch_dir, directory, name))
        if why and rule.fail_on_error:
            yield why
        elif why:
            _warn(f"{order.task.name}: {why}")


def _put(order: Order, rule: PublishRule, path: str, place: Path) -> str | None:
    target = Path(os.path.normpath(place))
    if order.work_dir in (target, *target.parents):
        return f"{target} lies in the task's own work directory; publish to another directory"
    other = order.call.places.take(str(target), order.task)
    if other is not None:
        _warn(
            f"{other} and {order.task.name} publish the same file, {target}, and only one of them is kept; give each a place of "
            'its own, as in `path: "results/{task.name}"`'
        )
    try:
        publish(order.work_dir / path, target, rule.mode, rule.overwrite)
    except OSError as error:
        return f"{path} could not be published as {target}: {error.strerror or error}"
    return None


def _warn(text: str) -> None:
    warnings.warn(text, NbflowWarning, stacklevel=2)


def output_paths(entry: TaskEntry) -> tuple[str, ...]:
    """The output files of a task, relative to its work directory; those inside a directory that is one too are left out."""
    return outermost(path for output in entry.outputs for path in output.paths if not path.startswith(_OWN))


def _namespace(order: Order, rule: PublishRule) -> Mapping[str, Any]:
    task = task_view(order, order.directives)
    return order.call.namespace(order.own, rule.names, task) if rule.names else {"task": task}


def _matched(order: Order, rule: PublishRule, paths: Iterable[str], namespace: Mapping[str, Any]) -> Iterator[str]:
    if rule.pattern is None:
        yield from paths
        return
    patterns = render_glob(rule.pattern, frozenset(order.inputs), namespace)
    found = {path for pattern in patterns for path in matching(str(order.work_dir), pattern, _ALL)}
    yield from (path for path in paths if path in found)
