"""A call of a process: what all its tasks share, and how each of them is told from the others.

Knows what a task is made of, and not where it runs or what is remembered of it.
"""

from __future__ import annotations

import threading
from collections import ChainMap
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple

from nbflow.core.code.sharing import sharing_parts
from nbflow.core.declaration.directives import Directives
from nbflow.core.declaration.process import Process
from nbflow.core.parts import Part
from nbflow.core.task.attempts import FIRST, Attempt
from nbflow.core.task.capture import Capture, Scene
from nbflow.core.task.hash import Task, task_digest
from nbflow.core.task.previews import preview_of_input, previewed
from nbflow.core.task.resume import Execute, Reason
from nbflow.core.values.inputs import Files
from nbflow.execution.channels.items import loaded
from nbflow.execution.result import Stored


class OwnInputs(NamedTuple):
    """What was read of the inputs that a task has of its own.

    Attributes
    ----------
    digests : dict of str to bytes
        By name.
    staged : dict of str to str
        Files to stage for it: name in the work directory, absolute path.
    states : dict of str to bytes
        The state of the files that were read, by absolute path.
    """

    digests: dict[str, bytes]
    staged: dict[str, str]
    states: dict[str, bytes]


class Failures:
    """Counts the failures of a call's tasks, from any thread."""

    def __init__(self) -> None:
        self._number = 0
        self._lock = threading.Lock()

    def count(self) -> int:
        """Count one more; how many there have been now."""
        with self._lock:
            self._number += 1
            return self._number


class Places:
    """Which task of a call has put a file where, from any thread: two must not put theirs in one place."""

    def __init__(self) -> None:
        self._takers: dict[str, Task] = {}
        self._lock = threading.Lock()

    def take(self, place: str, task: Task) -> str | None:
        """Note that a task puts a file somewhere; the name of another one that has done so."""
        with self._lock:
            other = self._takers.setdefault(place, task)
            return None if other.base == task.base else other.name


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a process.

    Attributes
    ----------
    process : Process
        The process.
    capture : Capture
        What its tasks share.
    scene : Scene
        The moment of the call.
    forced : Execute or None
        Why its tasks run whatever is remembered; None where they may be taken from the cache.
    """

    process: Process
    capture: Capture
    scene: Scene
    forced: Execute | None
    wanted: Mapping[str, str] | None = field(init=False)
    """How each declared output is declared; see `Process.wanted`."""
    failures: Failures = field(init=False, default_factory=Failures)
    """How often its tasks have failed."""
    places: Places = field(init=False, default_factory=Places)
    """Where its tasks have put files."""
    _previewed: list[tuple[Part, ...]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        object.__setattr__(self, "wanted", self.process.wanted)

    def read(self, own: Mapping[str, Any]) -> OwnInputs:
        """Digest the inputs that a task has of its own."""
        reader = self.capture.reader.fresh()
        digests = {
            name: value.digest() if isinstance(value, Stored) else reader.digest(value, name)
            for name, value in own.items()
        }
        return OwnInputs(digests, reader.staged, reader.states)

    def task(self, own: Mapping[str, Any], digests: Mapping[str, bytes], number: int | None) -> Task:
        """The task that a set of own inputs makes."""
        process = self.process.name
        inputs = {**self.capture.inputs, **digests}
        return Task(process, self.name(own, number), task_digest(self.capture.digest, inputs, self._sharing(own)))

    def _sharing(self, own: Mapping[str, Any]) -> Iterable[Part]:
        """Which own inputs hold an object in common; what other tasks have made is read one by one, and shares nothing."""
        if len(own) < 2:
            return ()
        given = {name: value for name, value in own.items() if not isinstance(value, Stored)}
        return sharing_parts({}, given, self.capture.reader.fresh().digest)

    def name(self, own: Mapping[str, Any], number: int | None, attempt: Attempt = FIRST) -> str:
        """The name of a task: its process, and its tag or its place among the tasks of the call."""
        if self.process.directives.tag is not None:
            return f"{self.process.name} ({self.directives(own, attempt).tag})"
        return self.process.name if number is None else f"{self.process.name} ({number})"

    def directives(self, own: Mapping[str, Any], attempt: Attempt = FIRST) -> Directives:
        """The directives of one attempt of a task: expressions evaluated over its inputs, the globals and `task`."""
        directives = self.process.directives
        if not directives.is_dynamic:
            return directives
        return directives.with_values(self.namespace(own, directives.names, _facts(self.process, attempt)))

    def namespace(self, own: Mapping[str, Any], names: Container[str], task: object) -> Mapping[str, object]:
        """What expressions see: inputs, captured globals, `task`, and what else the notebook has.

        Parameters
        ----------
        own : mapping of str to object
            The inputs that the task has of its own.
        names : container of str
            The names that the expressions read: no other input is loaded.
        task : object
            What `task` is.
        """
        inputs = {name: loaded(value) for name, value in own.items() if name in names}
        return ChainMap(inputs, self.capture.values, {"task": task}, self.scene.namespace)

    def parts(self, own: Mapping[str, Any], digests: Mapping[str, bytes]) -> tuple[Part, ...]:
        """All parts of a task's hash, with what an entry keeps of them."""
        files = self.capture.reader.files
        mine = (Part("input", name, digests[name], _preview(value, name, files)) for name, value in own.items())
        return (*self._shared_parts(), *mine, *self._sharing(own))

    def _shared_parts(self) -> tuple[Part, ...]:
        """Those that all tasks share, made once, and only where a task was executed."""
        if not self._previewed:
            captured, source = self.capture, "\n" * (self.process.first_line - 1) + self.process.shown
            self._previewed.append(previewed(captured.parts, source, captured.values, captured.reader.files))
        return self._previewed[0]


def _facts(process: Process, attempt: Attempt) -> SimpleNamespace:
    """What `task` holds before anything of the task is known but which attempt it is."""
    before = None if attempt.previous_trace is None else SimpleNamespace(**attempt.previous_trace)
    facts = {**attempt._asdict(), "previous_trace": before}
    return SimpleNamespace(process=process.name, attempt=facts.pop("number"), **facts)


def _preview(value: Any, name: str, files: Files) -> str:
    if isinstance(value, Stored):  # large: it stays where it is
        key = value.key.hex()
        return f"{value.field or 'output'} of {value.process} [{key[:2]}/{key[2:8]}]"
    return preview_of_input(value, name, files)


def forced(process: Process, capture: Capture, *, rerun: bool) -> Execute | None:
    """Why the tasks of a call run whatever is remembered, if they do."""
    if rerun:
        return Execute(Reason.FORCED)
    if process.directives.cache is False:
        return Execute(Reason.CACHE_OFF)
    if capture.unknown:
        return Execute(Reason.UNKNOWN_READS, "; ".join(capture.unknown))
    return None
