"""What is to be run: a task, its inputs and what it must put out, once its work directory is known.

Only looks things up. Writes nothing, starts nothing and decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from nbflow.core.declaration.directives import Directives
from nbflow.core.declaration.file_rules import file_rules
from nbflow.core.declaration.globs import render_glob
from nbflow.core.declaration.outputs import Output
from nbflow.core.ext import Ext, ext_facts
from nbflow.core.task.attempts import FIRST, Attempt
from nbflow.core.task.hash import Task
from nbflow.execution import spec
from nbflow.execution.calls.call import Call, OwnInputs
from nbflow.execution.channels.items import loaded


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
    attempt : Attempt
        Which of its executions this is.
    """

    call: Call
    task: Task
    own: Mapping[str, Any]
    read: OwnInputs
    key: bytes
    work_dir: Path
    attempt: Attempt = FIRST

    @property
    def directives(self) -> Directives:
        """Those of this attempt: expressions evaluated over its inputs, the globals and `task`."""
        return self.call.directives(self.own, self.attempt)

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


def task_facts(order: Order, directives: Directives) -> dict[str, Any]:
    """What a task sees of itself, as `task`."""
    facts = order.task, order.key.hex()
    return {
        "name": facts[0].name,
        "process": facts[0].process,
        "tag": directives.tag,
        "hash": facts[1],
        "attempt": order.attempt.number,
        "cpus": directives.cpus,
        "memory": directives.memory,
        "time": directives.time,
        "work_dir": str(order.work_dir),
        "ext": ext_facts(directives.ext, order.call.capture.ext),
    }


def output_specs(order: Order, directives: Directives) -> tuple[spec.OutputSpec, ...] | None:
    """The declared outputs of a task, their globs interpolated; None where the body's own names are the outputs."""
    outputs = order.call.process.outputs
    if outputs is None:
        return None
    names = {**order.inputs, "task": task_view(order, directives)} if any(o.source for o in outputs) else {}
    return tuple(_output_spec(output, names) for output in outputs)


def task_view(order: Order, directives: Directives, **more: Any) -> SimpleNamespace:
    """`task` in an expression, which is evaluated here: its facts as attributes, and all of its `ext`.

    Expressions that may change a result count with the settings that they read (`core.task.ext_keys`).
    """
    return SimpleNamespace(**{**task_facts(order, directives), "ext": Ext(directives.ext), **more})


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
