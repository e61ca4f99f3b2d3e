"""The outputs of a script: files that it made, what it printed, and inputs that it passes on.

Works on the work directory that the script left behind, in the kernel. Knows no processes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from nbflow.core.values.hashing import digest
from nbflow.execution.collect import collect
from nbflow.execution.prepare import Order
from nbflow.execution.spec import VALUES, OutputSpec, dumped_out
from nbflow.storage import values
from nbflow.storage.workdir import stdout_of


def gather_script(order: Order, outputs: Sequence[OutputSpec]) -> dict[str, Any]:
    """Find a script's outputs, in the words in which a worker tells a body's.

    Parameters
    ----------
    order : Order
        What ran.
    outputs : sequence of OutputSpec
        What it declares.

    Raises
    ------
    TaskFailedError
        If one is not there.
    """
    inputs = order.inputs
    staged = _staged(order)
    known = {part.name: part.digest for part in order.call.capture.parts if part.kind == "input"} | order.read.digests
    made: list[dict[str, Any]] = []
    files: list[dict[str, Any]] = []
    kept: dict[str, Any] = {}
    for output in outputs:
        if output.kind == "stdout":
            text = stdout_of(order.work_dir)
            made.append(_made(output.name, "stdout", digest(text).hex()))
        elif output.kind == "value":
            kept[output.name] = inputs[output.name]
            made.append(_made(output.name, "value", known[output.name].hex()))
        else:
            found = collect(order.work_dir, output, staged)
            files += [record._asdict() for record in found.files]
            made.append(_made(output.name, output.kind, found.digest, found.paths))
    return {"outputs": made, "files": files, "values": _kept(order, kept)}


def _made(name: str, kind: str, content: str, paths: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"name": name, "kind": kind, "digest": content, "paths": paths, "classes": False}


def _kept(order: Order, kept: Mapping[str, Any]) -> dict[str, Any] | None:
    if not kept:
        return None
    return dumped_out(values.dump(dict(kept), order.work_dir / VALUES, buffers_dir=order.work_dir / ".nbflow"))


def _staged(order: Order) -> list[str]:
    """Names of the links in the work directory that are its inputs."""
    return [path.name for path in order.work_dir.iterdir() if path.is_symlink()]
