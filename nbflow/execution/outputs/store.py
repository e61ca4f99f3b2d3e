"""Output files that are kept for good, as the directive ``store_dir`` says: what lies there is not made again.

Alone decides whether all outputs of a task lie in its store directory. A task's work directory holds links to what lies there,
so that its entry is like any other.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nbflow.core.declaration.directive_values import Dynamic
from nbflow.core.declaration.publish_values import directory
from nbflow.core.task.resume import Execute, Reason
from nbflow.errors import InputError, TaskFailedError
from nbflow.execution.order import Order, output_specs, task_view
from nbflow.execution.outputs.collect import collect, outermost
from nbflow.storage import workdir
from nbflow.storage.publish import publish
from nbflow.storage.workdir import EXIT


def store_of(order: Order) -> Path | None:
    """The store directory of a task, absolute; None where its process has none.

    Raises
    ------
    InputError
        If its expression fails, or gives no path.
    """
    wanted = order.call.process.directives.store_dir
    if wanted is None or order.call.process.is_stub:
        return None  # what a stub made must never be taken for the real thing, nor the other way round
    names = wanted.names if isinstance(wanted, Dynamic) else frozenset[str]()
    task = task_view(order, order.directives) if "task" in names else None
    namespace = order.call.namespace(order.own, names, task)
    return Path(os.path.normpath(Path(order.call.scene.launch_dir, directory("store_dir", wanted, namespace))))


def find_stored(order: Order, reason: Execute) -> tuple[Path, tuple[str, ...]] | None:
    """Find a task that would run in its store directory.

    Parameters
    ----------
    order : Order
        The task; its work directory need not be there.
    reason : Execute
        Why it would run: what a rerun was asked for is made anew.

    Returns
    -------
    tuple of pathlib.Path and tuple of str, or None
        The store directory, and the task's outputs, relative to it; None unless all are there, and at least one.

    Raises
    ------
    InputError
        If the directive's expression fails, or gives no path.

    Notes
    -----
    In Nextflow a process whose outputs are all optional never runs, since nothing is missing (its documentation says so). Here
    at least one file must be there.
    """
    store = store_of(order)
    if store is None or reason.reason is Reason.FORCED or not store.is_dir():
        return None
    outputs = [output for output in output_specs(order, order.directives) or () if output.patterns]
    try:
        found = [path for output in outputs for path in collect(store, output, ()).paths]
    except TaskFailedError:
        return None
    return (store, tuple(dict.fromkeys(found))) if found else None


def link_stored(order: Order, store: Path, paths: Iterable[str]) -> None:
    """Let a work directory hold what lies in the store directory, as if its task had run.

    Raises
    ------
    InputError
        If another task of the call keeps the same file there.
    """
    for path in outermost(paths):
        _take(order, store / path)
        publish(store / path, order.work_dir / path, "symlink", overwrite=True)
    workdir.write(f"{order.work_dir}/{EXIT}", "0")


def keep_in_store(order: Order, told: Mapping[str, Any]) -> None:
    """Move the outputs of a task that has run to its store directory, if its process has one.

    Raises
    ------
    InputError
        If another task of the call keeps the same file there.
    OSError
        If one cannot be written there.
    """
    store = store_of(order)
    if store is not None:
        paths = (path for made in told.get("outputs", ()) for path in made["paths"])
        for path in outermost(paths):
            _take(order, store / path)
            publish(order.work_dir / path, store / path, "move", overwrite=True)


def _take(order: Order, place: Path) -> None:
    other = order.call.places.take(str(place), order.task)
    if other is not None:
        raise InputError(
            f"{other} and {order.task.name} keep the same file in their store directory, {place}; give each a name of its own, as in "
            f'`file("{{id}}.txt")`, or a directory, as in `store_dir: "store/{{id}}"`',
            name="store_dir",
        )
