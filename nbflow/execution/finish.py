"""What comes after a task: its outputs are gathered, its files completed, its entry saved, the entry last.

Alone turns the outcome of an execution into a task entry. Files of scripts are hashed in threads of its own, for they may
be large; all else is quick.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from nbflow.core.parts import shorten
from nbflow.core.task.entry import ABORTED, AUTO, COMPLETED, FAILED, FileRecord, OutputRecord, TaskEntry
from nbflow.errors import CacheError, NbflowError, NbflowWarning, TaskAbortedError, TaskFailedError
from nbflow.execution import spec
from nbflow.execution.explain.failure import FailureFacts, Frame, failure, signal_name
from nbflow.execution.job import Job, Outcome
from nbflow.execution.local import usage
from nbflow.execution.order import Order
from nbflow.execution.run import Run
from nbflow.execution.scripts.gather import gather_script
from nbflow.storage import workdir
from nbflow.storage.nextflow.trace import NONE_EXIT, encode_trace, masked_env, trace_text
from nbflow.storage.summaries import summary_line
from nbflow.storage.values import Dumped

_SCRIPT_KEPT = 4000
_SILENT = "the body ended its process before its outputs could be taken, as os._exit() or os.exec*() do; let it run to its end"
_LOG_LIMIT = 1 << 20
_STREAMS = (".command.out", ".command.err")


@dataclass(frozen=True, slots=True)
class Finished:
    """An execution that has ended.

    Attributes
    ----------
    order : Order
        What was to be run.
    job : Job
        What the executor was handed.
    outcome : Outcome
        What it said.
    submitted : float
        When it was submitted, seconds since the epoch.
    number : int
        The task's number in the run, from 1.
    """

    order: Order
    job: Job
    outcome: Outcome
    submitted: float
    number: int


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of it: its saved entry, and how it failed if it did."""

    entry: TaskEntry
    error: TaskFailedError | None


class Finish:
    """Finishes the executions of one run.

    Parameters
    ----------
    run : Run
        What is written to.

    Attributes
    ----------
    unsaved : dict of bytes to TaskEntry
        Entries that the cache could not take, by task hash: a full disk must not lose what was computed.
    """

    def __init__(self, run: Run) -> None:
        self._run = run
        self._threads = ThreadPoolExecutor(2, "nbflow-finish")
        self.unsaved: dict[bytes, TaskEntry] = {}

    def start(self, finished: Finished, done: Callable[[Ended], None]) -> None:
        """Finish an execution, and say what became of it, from this or another thread."""
        if finished.order.call.process.is_script:
            self._threads.submit(lambda: done(self._finish_surely(finished)))
        else:
            done(self._finish_surely(finished))

    def close(self) -> None:
        """Wait for what is under way."""
        self._threads.shutdown()

    def _finish_surely(self, finished: Finished) -> Ended:
        """Whatever goes wrong here is the task's failure: somebody waits for it."""
        try:
            return self._finish(finished)
        except Exception as error:  # noqa: BLE001  # its report is the task's error
            failed = _failure(
                finished, {"error": _unsaid(f"nbflow could not finish it: {type(error).__name__}: {error}")}
            )
            return Ended(self._entry(finished, FAILED, {}), failed)

    def _finish(self, finished: Finished) -> Ended:
        told = _told(finished)
        error = _failure(finished, told)
        status = COMPLETED if error is None else ABORTED if isinstance(error, TaskAbortedError) else FAILED
        entry = self._entry(finished, status, told if error is None else {})
        if entry.unsure:
            _warn(finished, f"its input {', '.join(entry.unsure)} changed while it ran; write to another file")
        try:
            _write_log(finished)
            trace = _trace(finished, status)
            self._run.cache.put(finished.order.key, encode_trace(trace), entry.to_bytes())
            self._run.summaries.extend([summary_line(finished.order.key.hex(), trace, entry)])
        except (OSError, CacheError) as problem:
            self._keep(finished, entry, problem)
        else:
            # Where its work directory had been deleted, the hash is taken again: what was kept of then is no longer so.
            self.unsaved.pop(finished.order.key, None)
        return Ended(entry, error)

    def _keep(self, finished: Finished, entry: TaskEntry, problem: Exception) -> None:
        """The result reaches the notebook although it could not be saved; the next run makes it again."""
        self.unsaved[finished.order.key] = entry
        if entry.status != COMPLETED:
            return  # its own error tells more
        _warn(finished, str(problem))

    def _entry(self, finished: Finished, status: str, told: Mapping[str, Any]) -> TaskEntry:
        order, outcome = finished.order, finished.outcome
        wanted = order.call.process.wanted or {}
        return TaskEntry(
            status=status,
            exit=outcome.exit,
            realtime=_milliseconds(outcome.completed - outcome.started),
            run=self._run.name,
            boot=self._run.boot,
            outputs=tuple(_output(made, wanted) for made in told.get("outputs", ())),
            files=(*(FileRecord(**record) for record in told.get("files", ())), *_container(told.get("values"))),
            imports=tuple((name, module, attribute) for name, module, attribute in told.get("imports", ())),
            left_out=tuple(told.get("left_out", ())),
            shown=_has_shown(finished),
            python=told.get("python", ""),
            unsure=() if status != COMPLETED else tuple(order.changed_files()),
            process=order.task.process,
            name=order.task.name,
            parts=order.call.parts(order.own, order.read.digests),
        )


def _warn(finished: Finished, why: str) -> None:
    warnings.warn(
        f"task {finished.order.task.name} cannot be remembered: {why}; it will run again next time",
        NbflowWarning,
        stacklevel=2,
    )


# What the task told -------------------------------------------------------------------------------------------------


def _told(finished: Finished) -> dict[str, Any]:
    """What the worker says of the outputs; for a script, what is found."""
    if finished.outcome.exit != 0 or finished.outcome.reason is not None:
        return _outcome_file(finished)
    if not finished.order.call.process.is_script:
        return _outcome_file(finished) or {"error": _unsaid(_SILENT)}
    try:
        return gather_script(finished.order)
    except (NbflowError, OSError) as error:
        return {"error": _unsaid(str(error))}


def _outcome_file(finished: Finished) -> dict[str, Any]:
    try:
        with open(f"{finished.order.work_dir}/{spec.OUTCOME}", "rb", buffering=0) as file:
            told = json.loads(file.read())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _unsaid(cause: str) -> dict[str, Any]:
    return {"ename": "", "evalue": cause, "frames": (), "hint": ""}


def _output(made: Mapping[str, Any], wanted: Mapping[str, str]) -> OutputRecord:
    name = made["name"]
    declared, paths = wanted.get(name, AUTO), tuple(made["paths"])
    return OutputRecord(name, made["kind"], made["digest"], declared, paths, made["classes"], made.get("shared", ""))


def _container(values: Mapping[str, Any] | None) -> list[FileRecord]:
    if values is None:
        return []
    dumped = Dumped(**{**values, "buffers": tuple(map(tuple, values["buffers"]))})
    buffers = [
        FileRecord(f".nbflow/{name}", size, mtime, name.partition(".")[0]) for name, size, mtime in dumped.buffers
    ]
    return [FileRecord(spec.VALUES, dumped.size, dumped.mtime_ns, dumped.checksum), *buffers]


def _has_shown(finished: Finished) -> bool:
    return any(_size(finished, name) for name in (*_STREAMS, spec.EVENTS))


def _size(finished: Finished, name: str) -> int:
    try:
        return os.stat(f"{finished.order.work_dir}/{name}").st_size
    except OSError:
        return 0


# Failure ------------------------------------------------------------------------------------------------------------


def _failure(finished: Finished, told: Mapping[str, Any]) -> TaskFailedError | None:
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
    return FailureFacts(
        task=order.task.name,
        cause=_cause(finished, error),
        frames=tuple(Frame(filename, line, name, source) for filename, line, name, source in error.get("frames", ())),
        origin=error.get("origin", ""),
        sources={process.filename: process.cell},
        command=process.shown if script else "",
        exit=finished.outcome.exit,
        out=_tail(finished, ".command.out"),
        err=_tail(finished, ".command.err") if script or not error else "",
        work_dir=order.work_dir,
        hint=error.get("hint", ""),
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


def _tail(finished: Finished, name: str, limit: int = 64 << 10) -> str:
    try:
        with open(f"{finished.order.work_dir}/{name}", "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            return os.pread(file.fileno(), limit, max(0, size - limit)).decode("utf-8", "replace")
    except OSError:
        return ""


# Files and trace ----------------------------------------------------------------------------------------------------


def _write_log(finished: Finished) -> None:
    """Complete the work directory as Nextflow's: ``.command.log`` (what was printed, its end) and ``.command.trace``."""
    work_dir, outcome = finished.order.work_dir, finished.outcome
    if not _link_log(finished):
        text = "".join(_tail(finished, name, _LOG_LIMIT) for name in _STREAMS)
        workdir.write(f"{work_dir}/.command.log", text)
    fields = usage.trace_fields(outcome.usage, outcome.completed - outcome.started)
    workdir.write(f"{work_dir}/.command.trace", trace_text(fields))


def _link_log(finished: Finished) -> bool:
    """Whether the log can be a stream itself, since the other one is empty."""
    whole = [name for name in _STREAMS if _size(finished, name)] or _STREAMS[:1]
    if len(whole) > 1:
        return False
    try:
        os.link(f"{finished.order.work_dir}/{whole[0]}", f"{finished.order.work_dir}/.command.log")
    except OSError:
        return False  # it never ran, or this file system has no links
    return True


def _trace(finished: Finished, status: str) -> dict[str, object]:
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
        "submit": _milliseconds(finished.submitted),
        "start": _milliseconds(outcome.started),
        "process": order.task.process,
        "tag": order.task.name.partition(" (")[2][:-1] if tag is not None else None,
        "attempt": 1,
        "script": shorten(order.call.process.shown, _SCRIPT_KEPT),
        "workdir": str(order.work_dir),
        "cpus": job.cpus,
        "memory": job.memory,
        "time": None if job.time is None else _milliseconds(job.time),
        "env": masked_env({name: str(value) for name, value in order.call.process.directives.env.items()}) or None,
        "error_action": "TERMINATE" if status == FAILED else None,
        "complete": _milliseconds(outcome.completed),
        "duration": _milliseconds(outcome.completed - finished.submitted),
        **usage.trace_fields(outcome.usage, seconds),
    }


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
