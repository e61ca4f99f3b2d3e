"""What a run would do: tasks are looked up, and none is executed.

Alone here: the list of what would be taken and what would run. Writes nothing. That a task would be taken, or why not, is decided as for a run (`lookup`, `core.task.resume`).
"""

from __future__ import annotations

import ast
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from nbflow.core.parts import Part, combine, shorten
from nbflow.core.task.entry import COMPLETED, FileRecord, OutputRecord, TaskEntry
from nbflow.core.task.hash import Task
from nbflow.core.task.resume import Execute, Reason
from nbflow.errors import NotMadeError
from nbflow.execution.calls.call import Call
from nbflow.execution.explain.reasons import Reasons
from nbflow.execution.lookup import Claim, Done, Lookup
from nbflow.execution.order import Order
from nbflow.execution.outputs.store import find_stored
from nbflow.execution.result import Result
from nbflow.execution.scripts.gather import find_outputs
from nbflow.execution.unmade import Unmade, unmade_task
from nbflow.storage.database.cache import TaskCache
from nbflow.storage.evidence import kept_digest
from nbflow.storage.layout import Layout

CACHED, STORED, RUN, DEPENDS = "cached", "stored", "run", "depends"

_MOST_TAKEN = 10
"""Tasks of one process that are cached, or stored, that are listed one by one."""
_LABEL = 40
_NEVER_CHANGED = (str, bytes, int, float, complex, bool, tuple, frozenset, type, type(None), ModuleType, FunctionType)


@dataclass(slots=True)
class Preview:
    """What would become of the tasks and cells of a notebook.

    Attributes
    ----------
    session : str
        Which session it is held against, in words.
    choice : str
        Why that one.
    """

    session: str = ""
    choice: str = ""
    _rows: dict[tuple[str, str], tuple[str, str, Callable[[], str]]] = field(default_factory=dict)

    def cached(self, result: Result) -> None:
        """A task would be taken from the cache."""
        whence = f"executed by {result.entry.run or 'an earlier run'}"
        self._rows.setdefault((result.task.process, result.key.hex()), (result.task.name, CACHED, lambda: whence))

    def stored(self, result: Result) -> None:
        """A task would be taken from its store directory."""
        where = f"all its outputs lie in {result.stored} (store_dir)"
        self._rows.setdefault((result.task.process, result.key.hex()), (result.task.name, STORED, lambda: where))

    def would_run(self, task: Task, key: bytes, reason: Callable[[], str]) -> None:
        """A task would run; the reason is asked for when all tasks are known."""
        self._rows.setdefault((task.process, key.hex()), (task.name, RUN, reason))

    def depends(self, what: str, task: str) -> None:
        """A process or a cell needs the outputs of a task that would run."""
        self._rows.setdefault((what, DEPENDS), (shorten(what, _LABEL), DEPENDS, lambda: f"on `{task}`"))

    def rows(self) -> Iterator[tuple[str, str, str]]:
        """Yield task or cell, verdict and reason; of many that a process would take the first ones, and their number."""
        taken: Counter[tuple[str, str]] = Counter()
        for (process, _), (name, verdict, reason) in self._rows.items():
            taken[process, verdict] += verdict in (CACHED, STORED)
            if taken[process, verdict] <= _MOST_TAKEN:
                yield name, verdict, reason()
        for (process, verdict), count in taken.items():
            if count > _MOST_TAKEN:
                yield (f"{process}, {count - _MOST_TAKEN:,} more", verdict, "")

    @property
    def summary(self) -> str:
        """The counts, in a sentence."""
        verdicts = [verdict for _, verdict, _ in self._rows.values()]
        taken, stored, would_run, depend = (verdicts.count(each) for each in (CACHED, STORED, RUN, DEPENDS))
        tail = f"; {depend} depend on what would run, and run again where its outputs change" if depend else ""
        kept = f", {stored:,} from store directories" if stored else ""
        return (
            f"{taken:,} would be taken from the cache{kept}, {would_run:,} would run{tail}. Nothing was run or written"
        )


class PreviewRunner(Lookup):
    """Looks tasks up, and lists them.

    Parameters
    ----------
    cache : TaskCache
        The session's entries, to be read only.
    boot : str
        Identity of the machine's start.
    layout : Layout
        Where work directories lie.
    resolve_class : callable
        Finds the notebook's class of a name, if its code has a given digest.
    reasons : Reasons
        Says why a task would run.
    preview : Preview
        The list.
    """

    def __init__(
        self,
        cache: TaskCache,
        boot: str,
        layout: Layout,
        resolve_class: Callable[[str, str], type],
        reasons: Reasons,
        preview: Preview,
    ) -> None:
        super().__init__(cache, boot, layout, resolve_class)
        self._reasons = reasons
        self._preview = preview
        self._entries: dict[bytes, TaskEntry] = {}
        self._values: dict[bytes, dict[str, Any]] = {}
        self._stored: dict[str, tuple[tuple[FileRecord, ...], str]] = {}
        self._items: dict[str, set[bytes]] = defaultdict(set)

    def start(
        self,
        call: Call,
        own: Mapping[str, Any],
        number: int | None,
        done: Done,
        begun: Callable[[Path], None] | None = None,
    ) -> None:
        """Take a task from the cache, or note that it would run, or that it lacks an input."""
        try:
            read = call.read(own)
            task = call.task(own, read.digests, number)
        except NotMadeError as error:
            done(self._dependent(call, number, error))
            return
        found = self.find(call, task, lambda work_dir: not os.path.lexists(work_dir))
        beside = self._items[task.process] if number is not None else set[bytes]()
        beside.add(found.key)
        if isinstance(found, Claim):
            order = Order(call, task, own, read, found.key, found.work_dir)
            done(self._from_store(order, found) or self._not_run(order, found, beside))
        else:
            self._preview.cached(found)
            done(found)

    def _not_run(self, order: Order, claim: Claim, beside: Container[bytes]) -> Result:
        parts = order.call.parts(order.own, order.read.digests)
        result = self._stand_in(order.call, order.task, order.key, claim.reason, parts)
        self._preview.would_run(order.task, order.key, lambda: self._reasons.sentence(result, beside.__contains__))
        return result

    def _from_store(self, order: Order, claim: Claim) -> Result | None:
        """The task as its store directory has it, as `Runner` would take it; nothing is linked to, so its outputs lie there."""
        there = find_stored(order, claim.reason)
        if there is None:
            return None
        store, key, task = there[0], order.key, order.task
        found = find_outputs(order, store)
        outputs = tuple(OutputRecord(each["name"], each["kind"], each["digest"]) for each in found.outputs)
        entry = TaskEntry(COMPLETED, 0, 0, "", self._boot, outputs, found.files, process=task.process, name=task.name)
        self._entries[key], self._values[key] = entry, found.values
        self._stored.update((f"{store}/{record.path}", (found.files, record.path)) for record in found.files)
        result = Result(task, key, self.place(key), entry, stored=str(store))
        self._preview.stored(result)
        return result

    def output_digest(self, path: str) -> str | None:
        """As `Lookup.output_digest`, of what a task was taken from its store directory with too."""
        stored = self._stored.get(path)
        return super().output_digest(path) if stored is None else kept_digest(*stored)

    def _dependent(self, call: Call, number: int | None, error: NotMadeError) -> Result:
        process = call.process.name
        name = process if number is None else f"{process} ({number})"
        self._preview.depends(name, error.task)
        key = combine("not made", [process.encode(), str(number).encode()])
        return self._stand_in(call, Task(process, name, key), key, Execute(Reason.NEW), ())

    def _stand_in(self, call: Call, task: Task, key: bytes, reason: Execute, parts: tuple[Part, ...]) -> Result:
        """What is told of a task that is not run."""
        body = call.process.body
        imports = () if body is None else tuple((each.name, each.module, each.attribute) for each in body.imports)
        entry = TaskEntry(
            "", None, 0, "", self._boot, imports=imports, process=task.process, name=task.name, parts=parts
        )
        names = (*call.process.output_names, *_changed_globals(call))
        self._entries[key], self._values[key] = entry, {name: Unmade(task.name) for name in names}
        return Result(task, key, self.place(key), entry, reason)

    def read(self, key: bytes) -> TaskEntry:
        """The entry of a task; of one that would run, what is known before."""
        return self._entries.get(key) or super().read(key)

    def values(self, key: bytes) -> dict[str, Any]:
        """The outputs of a task, by name; of one that would run, what stands for them."""
        return dict(self._values[key]) if key in self._values else super().values(key)


def _changed_globals(call: Call) -> Iterator[str]:
    """The globals that a body without declared outputs may change in place."""
    if call.process.body is not None and call.process.outputs is None:
        known = call.capture.values
        yield from (name for name in changed_names(call.process.body.tree.body, known) if name in known)


def changed_names(statements: Iterable[ast.stmt], namespace: Mapping[str, Any]) -> Iterator[str]:
    """Name the values that statements may change in place, as far as their text tells.

    Parameters
    ----------
    statements : iterable of ast.stmt
        They assign to parts of a value, or call a method of it and drop what it returns.
    namespace : mapping of str to object
        The values.
    """
    for statement in statements:
        for node in ast.walk(statement):
            name = _root_of_change(node)
            value = namespace.get(name)
            if unmade_task(value) is None and not isinstance(value, _NEVER_CHANGED):
                yield name


def _root_of_change(node: ast.AST) -> str:
    if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
        return _root(node)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Attribute):
        return _root(node.value.func)
    return ""


def _root(node: ast.expr) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
