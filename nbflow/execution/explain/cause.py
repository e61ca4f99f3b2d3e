"""How an execution failed: the facts of it, gathered from what is left behind, and its error made of them.

Alone reads what a failed task printed. The words of the report are those of `failure` beside it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Any

from nbflow.core.secrets import hidden
from nbflow.errors import TaskAbortedError, TaskFailedError
from nbflow.execution.ended import Finished
from nbflow.execution.explain.failure import FailureFacts, Frame, failure, signal_name

_HINTS: Mapping[int | None, str] = {
    126: "Hint: exit status 126 says that a command is there and may not be executed; make it executable (chmod +x)",
    127: "Hint: exit status 127 says that a command was not found; install it, or add its directory to PATH",
}


def failure_of(finished: Finished, told: Mapping[str, Any]) -> TaskFailedError | None:
    """The error of an execution that failed; None where it did not.

    Parameters
    ----------
    finished : Finished
        The execution.
    told : mapping of str to object
        What the worker, or whoever looked for a script's outputs, says of it.
    """
    outcome, error = finished.outcome, told.get("error")
    if outcome.reason is None and outcome.exit == 0 and error is None:
        return None
    facts = _facts(finished, error or {})
    made = failure(facts)
    if outcome.reason == "cancelled":
        return TaskAbortedError(str(made), task=made.task, work_dir=made.work_dir, exit=made.exit, shown=made.shown)
    return made


def _facts(finished: Finished, error: Mapping[str, Any]) -> FailureFacts:
    order, process = finished.order, finished.order.call.process
    script = process.is_script
    hide = partial(hidden, secrets=order.call.capture.secrets.values())
    return FailureFacts(
        task=order.task.name,
        cause=hide(_cause(finished, error)),
        frames=tuple(Frame(filename, line, name, source) for filename, line, name, source in error.get("frames", ())),
        origin=error.get("origin", ""),
        sources={process.filename: process.cell},
        command=process.shown if script else "",
        exit=finished.outcome.exit,
        out=hide(tail(finished, ".command.out")),
        err=hide(tail(finished, ".command.err")) if script or not error else "",
        work_dir=order.work_dir,
        hint=error.get("hint", "") or _hint(finished),
    )


def _cause(finished: Finished, error: Mapping[str, Any]) -> str:
    name, outcome = finished.order.task.process, finished.outcome
    if outcome.reason is not None:
        return f"Process `{name}` was ended: {outcome.detail or outcome.reason}"
    if error:
        return (
            f"{error['ename']}: {error['evalue']}" if error["ename"] not in ("", "TaskFailedError") else error["evalue"]
        )
    if outcome.exit is not None and outcome.exit > 128:
        return f"Process `{name}` was ended by {signal_name(outcome.exit - 128)} (exit status {outcome.exit})"
    if not finished.order.work_dir.exists():
        return f"Process `{name}` lost its work directory, which was deleted while it ran; run the cell again"
    return f"Process `{name}` terminated with an error exit status ({outcome.exit})"


def _hint(finished: Finished) -> str:
    """What to do about an exit status that means the same in every shell (POSIX, 2.8.2)."""
    return _HINTS.get(finished.outcome.exit, "") if finished.order.call.process.is_script else ""


def unsaid(cause: str) -> dict[str, Any]:
    """A failure that nobody has told of, in the words in which a worker tells of one."""
    return {"ename": "", "evalue": cause, "frames": (), "hint": ""}


def tail(finished: Finished, name: str, limit: int = 64 << 10) -> str:
    """The end of a file of the work directory; empty where there is none."""
    try:
        with open(f"{finished.order.work_dir}/{name}", "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            return os.pread(file.fileno(), limit, max(0, size - limit)).decode("utf-8", "replace")
    except OSError:
        return ""
