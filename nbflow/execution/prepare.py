"""Makes a work directory ready to run: the only place that writes a task's files before it starts.

What it writes is enough to run the task again by hand. Decides nothing about the cache and starts nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from nbflow.core.declaration.directive_values import INLINE
from nbflow.core.declaration.directives import Directives
from nbflow.core.script.bin_scripts import with_bin
from nbflow.execution import spec
from nbflow.execution.calls.call import Call
from nbflow.execution.inline.kernel_body import Kernel
from nbflow.execution.job import Job
from nbflow.execution.order import Order, output_specs, task_facts
from nbflow.execution.result import Stored
from nbflow.execution.scripts import wrapper
from nbflow.execution.scripts.prepare import prepare_script
from nbflow.storage import values, workdir
from nbflow.storage.shared import SharedFiles

Stage = Callable[[Call], spec.Capture]
"""Makes sure that a call's captured values lie on disk, and says where."""


def prepare(order: Order, stage: Stage, shared: SharedFiles, kernel: Kernel) -> Job:
    """Write what a task needs to run.

    Parameters
    ----------
    order : Order
        What is to be run.
    stage : callable
        Puts captured values on disk.
    shared : SharedFiles
        Writes what many tasks have.
    kernel : Kernel
        Runs the bodies that run in this very process.

    Returns
    -------
    Job
        For an executor.

    Raises
    ------
    InputError
        If an input cannot be given to the task.
    """
    directives = order.directives
    environ, secrets = _environment(order, directives), order.call.capture.secrets
    written = frozenset(item for item in environ.items() if item[0] not in secrets)
    shared.write(f"{order.work_dir}/{wrapper.ENVIRON}", _environ_text(written), 0o400)
    environ |= secrets
    argv: tuple[str, ...] = ()
    body: Callable[[], int] | None = None
    if order.call.process.is_script:
        argv, environ = prepare_script(order, directives, shared, environ)
    elif directives.executor == INLINE:
        body = _prepare_inline(order, directives, shared, kernel)
    else:
        _prepare_python(order, directives, stage, shared)
    return Job(
        hash=order.key.hex(),
        name=order.task.name,
        work_dir=order.work_dir,
        kind="script" if order.call.process.is_script else "python",
        argv=argv,
        environ=environ,
        cpus=_plain(directives.cpus, int),
        memory=None if directives.memory is None else _plain(directives.memory, int),
        time=None if directives.time is None else _plain(directives.time, float),
        sys_path=order.call.scene.sys_path,
        preload=order.call.capture.reach.modules_to_import if order.call.capture.reach else (),
        body=body,
        process=order.task.process,
        max_forks=directives.max_forks,
    )


@lru_cache(maxsize=4)
def _environ_text(environ: frozenset[tuple[str, str]]) -> str:
    return wrapper.environ_text(dict(environ))


def _plain(value: Any, kind: type) -> Any:
    return kind(value)


def _environment(order: Order, directives: Directives) -> dict[str, str]:
    scene = order.call.scene
    return with_bin({**scene.environ, **{name: str(value) for name, value in directives.env.items()}}, scene.launch_dir)


# A Python body ------------------------------------------------------------------------------------------------------


def _prepare_python(order: Order, directives: Directives, stage: Stage, shared: SharedFiles) -> None:
    work_dir = order.work_dir
    staged = _staged(order)
    workdir.stage_all(work_dir, staged)
    worker = _worker_spec(order, directives, stage(order.call), staged)
    workdir.write(f"{work_dir}/{spec.JOB}", worker.to_json())
    _write_commands(order, wrapper.python_wrapper(sys.executable, directives.secret), shared)


def _item(order: Order) -> spec.Capture:
    """The inputs that the task alone has; those that are not small are written."""
    own = {name: value.reference() if isinstance(value, Stored) else value for name, value in order.own.items()}
    packed = values.pack(own, values.References(stand_ins=order.call.capture.stand_ins))
    if packed.text is None:
        private = f"{order.work_dir}/{workdir.PRIVATE}"
        values.write(packed, f"{order.work_dir}/{spec.ITEM}", buffers_dir=private)
    return spec.Capture(spec.ITEM, workdir.PRIVATE, text=packed.text)


def _write_commands(order: Order, text: str, shared: SharedFiles) -> None:
    shared.write(f"{order.work_dir}/{wrapper.SCRIPT}", f"#!/usr/bin/env python3\n{order.call.process.shown}\n")
    shared.write(f"{order.work_dir}/.command.run", text)


def _prepare_inline(order: Order, directives: Directives, shared: SharedFiles, kernel: Kernel) -> Callable[[], int]:
    staged = _staged(order)
    workdir.stage_all(order.work_dir, staged)
    _write_commands(order, wrapper.inline_wrapper(), shared)
    worker = _worker_spec(order, directives, None, staged)
    env = {**{name: str(value) for name, value in directives.env.items()}, **order.call.capture.secrets}
    return kernel.body(order.call, order.own, order.work_dir, worker, env)


def _staged(order: Order) -> dict[str, str]:
    """The call's files, and those that this task's own inputs name."""
    return {**order.call.capture.staged, **order.read.staged}


def _worker_spec(
    order: Order, directives: Directives, capture: spec.Capture | None, staged: dict[str, str]
) -> spec.WorkerSpec:
    process, captured = order.call.process, order.call.capture
    body, reached = process.body, captured.reach
    assert body is not None
    assert reached is not None
    return spec.WorkerSpec(
        name=process.name,
        hash=order.key.hex(),
        filename=process.filename,
        source=body.text,
        launch_dir=order.call.scene.launch_dir,
        sys_path=order.call.scene.sys_path,
        is_async=body.is_async,
        shows_last=body.shows_last,
        outputs=output_specs(order, directives),
        binds=body.binds,
        imports=tuple((bound.name, bound.module, bound.attribute) for bound in body.imports),
        capture=capture,
        item=_item(order) if order.own else None,
        staged=staged,
        modules=reached.submodules,
        module_aliases=reached.module_aliases,
        sources=reached.sources,
        checks=captured.checks,
        classes={name: digest.hex() for name, digest in reached.notebook_classes.items()},
        task=task_facts(order, directives),
        seed=order.task.seed,
        flags=body.flags,
        secrets=directives.secret,
    )
