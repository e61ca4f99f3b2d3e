"""Makes a work directory ready to run: the only place that writes a task's files before it starts.

What it writes is enough to run the task again by hand. Decides nothing about the cache and starts nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from nbflow.core.declaration.directive_values import INLINE
from nbflow.core.declaration.directives import Directives
from nbflow.core.declaration.file_rules import file_rules
from nbflow.core.declaration.interpolation import render_glob
from nbflow.core.declaration.outputs import Output
from nbflow.core.script import shell
from nbflow.core.script.environment import environment
from nbflow.core.script.epilogue import BEGIN, captures, epilogue
from nbflow.core.task.hash import Task
from nbflow.execution import script, spec
from nbflow.execution.calls.call import Call, OwnInputs
from nbflow.execution.channels.flow import loaded
from nbflow.execution.inline.kernel_body import Kernel
from nbflow.execution.job import Job
from nbflow.execution.result import Stored
from nbflow.execution.script_inputs import script_inputs
from nbflow.storage import values, workdir
from nbflow.storage.shared import SharedFiles

Stage = Callable[[Call], spec.Capture]
"""Makes sure that a call's captured values lie on disk, and says where."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run.

    Attributes
    ----------
    call : Call
        The call.
    task : Task
        One of its tasks.
    own : dict of str to object
        The inputs that this task alone has.
    read : OwnInputs
        What was read of them.
    key : bytes
        The task hash: 16 bytes.
    work_dir : pathlib.Path
        Made for it, empty.
    """

    call: Call
    task: Task
    own: Mapping[str, Any]
    read: OwnInputs
    key: bytes
    work_dir: Path

    @property
    def inputs(self) -> dict[str, Any]:
        """All inputs by name, read where they lie in work directories."""
        fixed = {name: self.call.capture.values[name] for name in self.call.capture.fixed}
        return {**fixed, **{name: loaded(value) for name, value in self.own.items()}}

    def changed_files(self) -> list[str]:
        """The files that it was given and that are not as they were: a task may get no mixture of two versions."""
        files = self.call.capture.reader.files
        names = {path: name for name, path in {**self.call.capture.staged, **self.read.staged}.items()}
        return [names.get(path, path) for path in files.changed({**self.call.capture.states, **self.read.states})]


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
    directives = order.call.directives(order.own)
    environ = _environment(order, directives)
    shared.write(f"{order.work_dir}/{script.ENVIRON}", _environ_text(frozenset(environ.items())), 0o400)
    argv: tuple[str, ...] = ()
    body: Callable[[], int] | None = None
    if order.call.process.is_script:
        argv, environ = _prepare_script(order, directives, shared, environ)
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
    )


@lru_cache(maxsize=4)
def _environ_text(environ: frozenset[tuple[str, str]]) -> str:
    return script.environ_text(dict(environ))


def _plain(value: Any, kind: type) -> Any:
    return kind(value)


def _environment(order: Order, directives: Directives) -> dict[str, str]:
    return {**order.call.scene.environ, **{name: str(value) for name, value in directives.env.items()}}


def _task_facts(order: Order, directives: Directives) -> dict[str, Any]:
    facts = order.task, order.key.hex()
    return {
        "name": facts[0].name,
        "process": facts[0].process,
        "hash": facts[1],
        "attempt": 1,
        "cpus": directives.cpus,
        "memory": directives.memory,
        "time": directives.time,
        "work_dir": str(order.work_dir),
    }


# A Python body ------------------------------------------------------------------------------------------------------


def _prepare_python(order: Order, directives: Directives, stage: Stage, shared: SharedFiles) -> None:
    work_dir = order.work_dir
    staged = _staged(order)
    workdir.stage_all(work_dir, staged)
    worker = _worker_spec(order, directives, stage(order.call), staged)
    workdir.write(f"{work_dir}/{spec.JOB}", worker.to_json())
    _write_commands(order, script.python_wrapper(sys.executable), shared)


def _item(order: Order) -> spec.Capture:
    """The inputs that the task alone has; those that are not small are written."""
    own = {name: value.reference() if isinstance(value, Stored) else value for name, value in order.own.items()}
    packed = values.pack(own, values.References(stand_ins=order.call.capture.stand_ins))
    if packed.text is None:
        private = f"{order.work_dir}/{workdir.PRIVATE}"
        values.write(packed, f"{order.work_dir}/{spec.ITEM}", buffers_dir=private)
    return spec.Capture(spec.ITEM, workdir.PRIVATE, text=packed.text)


def _write_commands(order: Order, wrapper: str, shared: SharedFiles) -> None:
    shared.write(f"{order.work_dir}/{script.SCRIPT}", f"#!/usr/bin/env python3\n{order.call.process.shown}\n")
    shared.write(f"{order.work_dir}/.command.run", wrapper)


def _prepare_inline(order: Order, directives: Directives, shared: SharedFiles, kernel: Kernel) -> Callable[[], int]:
    staged = _staged(order)
    workdir.stage_all(order.work_dir, staged)
    _write_commands(order, script.inline_wrapper(), shared)
    worker = _worker_spec(order, directives, None, staged)
    env = {name: str(value) for name, value in directives.env.items()}
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
        outputs=_output_specs(order, directives),
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
        task=_task_facts(order, directives),
        seed=order.task.seed,
        flags=body.flags,
    )


# A script -----------------------------------------------------------------------------------------------------------


def _prepare_script(
    order: Order, directives: Directives, shared: SharedFiles, environ: dict[str, str]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Its command line, and the environment that it runs in."""
    process, work_dir = order.call.process, order.work_dir
    given = script_inputs(
        {**order.call.capture.values, **order.inputs}, order.call.capture.reader.files, order.task.name
    )
    variables = given.variables | shell.task_variables(_task_facts(order, directives))
    interpreter = shell.interpreter(process.text) or script.BASH
    workdir.stage_all(work_dir, given.staged)
    exports, steps = "", ""
    after = epilogue(captures(process.captured))
    if shell.is_bash(interpreter):
        # As Nextflow runs it: it stops at the first error and at an unset variable.
        interpreter = (*interpreter, "-ue")
        text = shell.script(process.text, shell.prologue(variables) + (BEGIN if after else ""), after)
    else:
        text = shell.script(process.text, "")
        environ, exports = _set_variables(variables, work_dir, environ)
        steps = script.steps(interpreter, after) if after else ""
    workdir.write(f"{work_dir}/{script.SCRIPT}", text)
    command = (*interpreter, script.SCRIPT)
    if steps:
        workdir.write(f"{work_dir}/{script.STEPS}", steps)
        command = (*script.BASH, script.STEPS)
    write = workdir.write if given.staged or exports else shared.write
    write(f"{work_dir}/.command.run", script.script_wrapper(given.staged, command, exports))
    return command, environ


def _set_variables(variables: Mapping[str, Any], work_dir: Path, environ: dict[str, str]) -> tuple[dict[str, str], str]:
    """The environment with a script's variables, and lines of its wrapper that set them; those too large go into files."""
    made = environment(variables)
    places = {name: f"{workdir.PRIVATE}/variable-{name}" for name in made.files}
    for name, text in made.files.items():
        workdir.write(f"{work_dir}/{places[name]}", text)
    return made.added_to(environ, places), made.exports(places)


# Both ---------------------------------------------------------------------------------------------------------------


def output_specs(order: Order) -> tuple[spec.OutputSpec, ...] | None:
    """The declared outputs of a task, their globs interpolated; None where the body's own names are the outputs."""
    return _output_specs(order, order.call.directives(order.own))


def _output_specs(order: Order, directives: Directives) -> tuple[spec.OutputSpec, ...] | None:
    outputs = order.call.process.outputs
    if outputs is None:
        return None
    names = (
        {**order.inputs, "task": _TaskView(_task_facts(order, directives))} if any(o.source for o in outputs) else {}
    )
    return tuple(_output_spec(output, names) for output in outputs)


class _TaskView:
    """`task` in an expression: its facts as attributes."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.__dict__.update(facts)


def _output_spec(output: Output, names: Mapping[str, Any]) -> spec.OutputSpec:
    source = output.source
    if source is None:
        return spec.OutputSpec(output.name, output.annotation)
    made = spec.OutputSpec(output.name, output.annotation, source.kind, argument=source.argument or "")
    if source.kind in ("file", "files"):
        literal = source.options.get("glob") is False
        patterns = render_glob(made.argument, frozenset(names), names, literal=literal)
        return replace(made, patterns=patterns, rules=file_rules(source.kind, made.argument, source.options))
    return replace(made, parts=tuple(_output_spec(part, names) for part in source.parts))
