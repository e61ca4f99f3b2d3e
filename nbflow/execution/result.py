"""What came of a task: where its outputs are, and how they are read.

A result holds no values: they are read from the work directory when they are asked for. Knows no executor.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nbflow.core.parts import combine
from nbflow.core.record import make_record
from nbflow.core.task.entry import OutputRecord, TaskEntry
from nbflow.core.task.hash import Task
from nbflow.core.task.resume import Execute
from nbflow.errors import TaskFailedError
from nbflow.execution.channels.items import Lazy
from nbflow.execution.spec import VALUES
from nbflow.storage.values import Resolvers, load
from nbflow.storage.workdir import PRIVATE, stdout_of

_LIGHT = 64 << 10
"""Bytes of stored values up to which an item is read at once."""


@dataclass(slots=True)
class Result:
    """What came of a task.

    Attributes
    ----------
    task : Task
        The task.
    key : bytes
        The task hash under which it was taken or ran: 16 bytes.
    place : str
        Its work directory, absolute.
    entry : TaskEntry
        Its entry.
    reason : Execute or None
        Why it ran; None where it was taken from the cache.
    error : TaskFailedError or None
        How it failed.
    stored : str
        The store directory that it was taken from (``store_dir``); empty where it was not.
    ignored : bool
        Whether the failure is passed over (``error_strategy: ignore``).
    """

    task: Task
    key: bytes
    place: str
    entry: TaskEntry
    reason: Execute | None = None
    error: TaskFailedError | None = None
    ignored: bool = False
    stored: str = ""

    @property
    def work_dir(self) -> Path:
        """Its work directory."""
        return Path(self.place)

    @property
    def failure(self) -> TaskFailedError | None:
        """How it failed, if that must be told: an ignored failure is none."""
        return None if self.ignored else self.error

    @property
    def cached(self) -> bool:
        """Whether it was taken from the cache."""
        return self.reason is None


class Tasks(Protocol):
    """Where results are read from."""

    def read(self, key: bytes) -> TaskEntry:
        """The entry of a task."""
        ...

    def values(self, key: bytes) -> dict[str, Any]:
        """The outputs of a task, by name."""
        ...

    def place(self, key: bytes) -> str:
        """The work directory of a task, absolute."""
        ...


@dataclass(slots=True)
class Stored(Lazy):
    """A channel item that lies in a work directory: the outputs of a task, or one of them.

    Attributes
    ----------
    key : bytes
        The task hash.
    process : str
        Name of the record that several outputs make.
    field : str or None
        The one output that is meant; None for all.
    tasks : Tasks
        Where it is read from.
    """

    key: bytes
    process: str
    field: str | None
    tasks: Tasks

    def outputs(self) -> tuple[OutputRecord, ...]:
        """The records of the outputs that are meant."""
        outputs = self.tasks.read(self.key).outputs
        return outputs if self.field is None else tuple(output for output in outputs if output.name == self.field)

    def load(self) -> Any:
        """The value: of the one output, or a record of several; None where there are none."""
        values = self.tasks.values(self.key)
        return values[self.field] if self.field is not None else gathered(self.process, values)

    @property
    def is_light(self) -> bool:
        """Whether reading it costs less than going around it."""
        entry = self.tasks.read(self.key)
        return sum(record.size for record in entry.files if record.path.startswith(PRIVATE)) <= _LIGHT

    def digest(self) -> bytes:
        """Digest of its content, as recorded when it was made."""
        outputs = self.outputs()
        if self.field is not None or len(outputs) == 1:
            return bytes.fromhex(outputs[0].digest)
        chunks = [(output.name.encode(), *map(bytes.fromhex, (output.digest, output.shared))) for output in outputs]
        return combine("record", [piece for each in chunks for piece in each])

    def reference(self) -> Any:
        """What stands for it in another task's inputs: read there, from where it lies."""
        if any(output.classes or output.kind != "value" for output in self.outputs()):
            return self.load()
        return _Reference(self.tasks.place(self.key), self.process, self.field)

    def select(self, field: str) -> Stored:
        """One output of it."""
        return Stored(self.key, self.process, field, self.tasks)


class _Reference:
    """A large value that stays where it is: pickled as the way to read it."""

    def __init__(self, work_dir: str, process: str, field: str | None) -> None:
        self._arguments = work_dir, process, field

    def __reduce__(self) -> Any:
        return _read_reference, self._arguments


def _read_reference(work_dir: str, process: str, field: str | None) -> Any:
    values: dict[str, Any] = load(
        f"{work_dir}/{VALUES}", buffers_dir=f"{work_dir}/{PRIVATE}", resolvers=Resolvers(work_dir=work_dir)
    )
    return values[field] if field is not None else gathered(process, values)


def gathered(process: str, values: dict[str, Any]) -> Any:
    """What a call returns: nothing, the value, or a record of several."""
    if len(values) > 1:
        return make_record(process, tuple(values), tuple(values.values()))
    return next(iter(values.values()), None)


def read_values(work_dir: str, entry: TaskEntry, resolve_class: Callable[[str, str], type]) -> dict[str, Any]:
    """The outputs of a task, by name, in the order in which they are returned.

    Parameters
    ----------
    work_dir : str
        Its work directory, absolute.
    entry : TaskEntry
        Its entry.
    resolve_class : callable
        Finds the notebook's class of a name, if its code has a given digest.

    Raises
    ------
    DamagedValueError
        If one cannot be read: then the task must run again.
    """
    kept = _kept(work_dir, resolve_class) if any(output.kind == "value" for output in entry.outputs) else {}
    return {output.name: _value(work_dir, output, kept) for output in entry.outputs}


def _kept(work_dir: str, resolve_class: Callable[[str, str], type]) -> dict[str, Any]:
    resolvers = Resolvers(resolve_class=resolve_class, work_dir=work_dir)
    kept: dict[str, Any] = load(f"{work_dir}/{VALUES}", buffers_dir=f"{work_dir}/{PRIVATE}", resolvers=resolvers)
    return kept


def _value(work_dir: str, output: OutputRecord, kept: dict[str, Any]) -> Any:
    if output.kind == "value":
        return kept[output.name]
    if output.kind == "stdout":
        return stdout_of(Path(work_dir))
    paths = [Path(work_dir, path) for path in output.paths]
    return paths if output.kind == "files" else next(iter(paths), None)
