"""What is written of an execution for who looks at it: its trace record, ``.command.log`` and ``.command.trace``.

Alone says what each field of a record is. Decides nothing: no result depends on these.
"""

from __future__ import annotations

import os
from typing import Any

from nbflow.core.parts import shorten
from nbflow.core.task.attempts import Action
from nbflow.execution.ended import Finished
from nbflow.execution.explain.cause import tail
from nbflow.execution.local import usage
from nbflow.storage import workdir
from nbflow.storage.nextflow.trace import NONE_EXIT, masked_env, trace_text

STREAMS = (".command.out", ".command.err")
_SCRIPT_KEPT = 4000
_LOG_LIMIT = 1 << 20


def write_log(finished: Finished) -> None:
    """Complete the work directory as Nextflow's: ``.command.log`` (what was printed, its end) and ``.command.trace``."""
    work_dir, outcome = finished.order.work_dir, finished.outcome
    if not _link_log(finished):
        text = "".join(tail(finished, name, _LOG_LIMIT) for name in STREAMS)
        workdir.write(f"{work_dir}/.command.log", text)
    fields = usage.trace_fields(outcome.usage, outcome.completed - outcome.started)
    workdir.write(f"{work_dir}/.command.trace", trace_text(fields))


def _link_log(finished: Finished) -> bool:
    """Whether the log can be a stream itself, since the other one is empty."""
    whole = [name for name in STREAMS if size_of(finished, name)] or STREAMS[:1]
    if len(whole) > 1:
        return False
    try:
        os.link(f"{finished.order.work_dir}/{whole[0]}", f"{finished.order.work_dir}/.command.log")
    except OSError:
        return False  # it never ran, or this file system has no links
    return True


def size_of(finished: Finished, name: str) -> int:
    """Bytes of a file of the work directory; 0 where there is none."""
    try:
        return os.stat(f"{finished.order.work_dir}/{name}").st_size
    except OSError:
        return 0


def trace_record(finished: Finished, status: str, action: Action | None) -> dict[str, Any]:
    """The trace record of an execution, with Nextflow's fields.

    Parameters
    ----------
    finished : Finished
        The execution.
    status : str
        ``COMPLETED``, ``FAILED`` or ``ABORTED``.
    action : Action or None
        What is done about its failure.
    """
    order, job, outcome = finished.order, finished.job, finished.outcome
    tag = order.call.process.directives.tag
    key = order.key.hex()
    seconds = outcome.completed - outcome.started
    return {
        "task_id": finished.number,
        "status": status,
        "hash": f"{key[:2]}/{key[2:8]}",
        "name": order.task.name,
        "exit": NONE_EXIT if outcome.exit is None else outcome.exit,
        "submit": milliseconds(finished.submitted),
        "start": milliseconds(outcome.started),
        "process": order.task.process,
        "tag": order.task.name.partition(" (")[2][:-1] if tag is not None else None,
        "attempt": order.attempt.number,
        "script": shorten(order.call.process.shown, _SCRIPT_KEPT),
        "workdir": str(order.work_dir),
        "cpus": job.cpus,
        "memory": job.memory,
        "time": None if job.time is None else milliseconds(job.time),
        "env": masked_env({name: str(value) for name, value in order.call.process.directives.env.items()}) or None,
        "error_action": None if action is None else action.value,
        "complete": milliseconds(outcome.completed),
        "duration": milliseconds(outcome.completed - finished.submitted),
        "native_id": outcome.pid,
        **usage.trace_fields(outcome.usage, seconds),
    }


def milliseconds(seconds: float) -> int:
    """Seconds as a trace record has them."""
    return round(seconds * 1000)
