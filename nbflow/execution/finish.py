"""What comes after a task: its outputs are gathered, its files completed, its entry saved, the entry last.

Alone turns the outcome of an execution into a task entry. Files of scripts are hashed in threads of its own, for they may
be large; all else is quick.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from nbflow.core.task.attempts import Action
from nbflow.core.task.entry import ABORTED, AUTO, COMPLETED, FAILED, FileRecord, OutputRecord, TaskEntry
from nbflow.errors import CacheError, NbflowError, NbflowWarning, TaskAbortedError, TaskFailedError
from nbflow.execution import spec
from nbflow.execution.callbacks import call_back
from nbflow.execution.ended import Ended, Finished
from nbflow.execution.explain.cause import failure_of, unsaid
from nbflow.execution.outputs.store import keep_in_store
from nbflow.execution.run import Run
from nbflow.execution.scripts.gather import gather_script
from nbflow.execution.traces import STREAMS, milliseconds, size_of, trace_record, write_log
from nbflow.storage.nextflow.trace import encode_trace
from nbflow.storage.summaries import summary_line
from nbflow.storage.values import Dumped

_SILENT = "the body ended its process before its outputs could be taken, as os._exit() or os.exec*() do; let it run to its end"

Recover = Callable[[Finished, TaskFailedError], Action]
"""Says what is done about the failure of an execution."""


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

    def start(self, finished: Finished, recover: Recover, done: Callable[[Ended], None]) -> None:
        """Finish an execution, and say what became of it, from this or another thread.

        Parameters
        ----------
        finished : Finished
            The execution.
        recover : callable
            Says what is done about its failure.
        done : callable
            Called once with what became of it.
        """
        if finished.order.call.process.is_script:
            self.later(lambda: done(self._finish_surely(finished, recover)))
        else:
            done(self._finish_surely(finished, recover))

    def later(self, step: Callable[[], None]) -> None:
        """Do what may take long, with files say, in a thread for that."""
        self._threads.submit(call_back, step)

    def close(self) -> None:
        """Wait for what is under way."""
        self._threads.shutdown()

    def _finish_surely(self, finished: Finished, recover: Recover) -> Ended:
        """Whatever goes wrong here is the task's failure: somebody waits for it."""
        try:
            return self._finish(finished, recover)
        except Exception as error:  # noqa: BLE001  # its report is the task's error
            told = {"error": unsaid(f"nbflow could not finish it: {type(error).__name__}: {error}")}
            return self._ended(finished, recover, {}, failure_of(finished, told))

    def _finish(self, finished: Finished, recover: Recover) -> Ended:
        told = _told(finished)
        ended = self._ended(finished, recover, told, failure_of(finished, told))
        if ended.entry.unsure:
            _warn(finished, f"its input {', '.join(ended.entry.unsure)} changed while it ran; write to another file")
        self._save(finished, ended)
        return ended

    def stored(self, finished: Finished) -> TaskEntry:
        """Save the entry of a task that was not run, since its work directory holds all its outputs."""
        told = gather_script(finished.order)
        entry = self._entry(finished, COMPLETED, told)
        self._save(finished, Ended(entry, trace_record(finished, COMPLETED, None)))
        return entry

    def _save(self, finished: Finished, ended: Ended) -> None:
        try:
            write_log(finished)
            self._run.cache.put(finished.order.key, encode_trace(ended.trace), ended.entry.to_bytes())
            self._run.summaries.extend([summary_line(finished.order.key.hex(), ended.trace, ended.entry)])
        except (OSError, CacheError) as problem:
            self._keep(finished, ended.entry, problem)
        else:
            # Where its work directory had been deleted, the hash is taken again: what was kept of then is no longer so.
            self.unsaved.pop(finished.order.key, None)

    def _ended(
        self, finished: Finished, recover: Recover, told: Mapping[str, Any], error: TaskFailedError | None
    ) -> Ended:
        status = COMPLETED if error is None else ABORTED if isinstance(error, TaskAbortedError) else FAILED
        action = recover(finished, error) if error is not None and status == FAILED else None
        entry = self._entry(finished, status, told if error is None else {})
        return Ended(entry, trace_record(finished, status, action), error, action)

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
            realtime=milliseconds(outcome.completed - outcome.started),
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
    try:
        told = _told_of_success(finished)
        keep_in_store(finished.order, told)
    except (NbflowError, OSError) as error:
        return {"error": unsaid(str(error))}
    return told


def _told_of_success(finished: Finished) -> dict[str, Any]:
    if finished.order.call.process.is_script:
        return gather_script(finished.order)
    return _outcome_file(finished) or {"error": unsaid(_SILENT)}


def _outcome_file(finished: Finished) -> dict[str, Any]:
    try:
        with open(f"{finished.order.work_dir}/{spec.OUTCOME}", "rb", buffering=0) as file:
            told = json.loads(file.read())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


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
    return any(size_of(finished, name) for name in (*STREAMS, spec.EVENTS))
