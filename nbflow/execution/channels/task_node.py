"""A process as a node of a flow: each item becomes a task, each position a task hash.

A million items must not live in memory as tasks: a position is kept as the 16 bytes under which its outputs are found.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import PurePath
from typing import Any

from nbflow.core.declaration.annotations import check_annotation, coerce
from nbflow.core.declaration.binding import Spread
from nbflow.core.declaration.directive_values import Dynamic
from nbflow.errors import InputError
from nbflow.execution.calls.call import Call
from nbflow.execution.channels.engine import Engine
from nbflow.execution.channels.flow import Node
from nbflow.execution.channels.items import HOLE, PENDING, loaded
from nbflow.execution.channels.reading import pairs
from nbflow.execution.lookup import Lookup
from nbflow.execution.result import Result, Stored

_SIZE = 16
_SCALARS = (str, int, float, complex, bool, bytes, PurePath, type(None))
_HOLE = bytes(_SIZE)


class TaskNode(Node):
    """The tasks of one call.

    Parameters
    ----------
    engine : Engine
        The thread that moves items.
    upstream : Node
        Gives the items that are spread over parameters.
    runner : Lookup
        Runs the tasks.
    call : Call
        What they share.
    spread : Spread
        How an item becomes arguments.
    awaited : mapping of str to Node
        Value channels: parameters whose one item all tasks share.
    defaults : mapping of str to object
        Of the parameters that an item may give.
    types : mapping of str to object
        Annotations of the parameters that items give.
    failed : callable
        Told of the first failure, so that the cell's other tasks are ended.
    printed : callable
        Told of each task, as it ends, whose output is to be shown (``debug``).
    single : bool
        Whether there is one task, since all its channels are value channels: it has the name of its process, as Nextflow's
        (``TaskProcessor.singleton``).
    """

    def __init__(
        self,
        engine: Engine,
        upstream: Node,
        runner: Lookup,
        call: Call,
        spread: Spread,
        awaited: Mapping[str, Node],
        defaults: Mapping[str, Any],
        types: Mapping[str, Any],
        failed: Callable[[Node, BaseException], None],
        printed: Callable[[Result], None],
        *,
        single: bool = False,
    ) -> None:
        super().__init__(engine, upstream)
        self.call = call
        self._process = call.process.name
        self.spread = spread
        self._runner = runner
        self._awaited = awaited
        self._defaults = defaults
        self._types = types
        self._failed = failed
        self._printed = printed
        self._single = single
        self._keys, self._unkept = bytearray(), bytearray()
        self.in_flight = self.stored = 0
        # Tasks that could not run anyhow must not take the room of other processes.
        self._room = 2 * (call.process.directives.max_forks or sys.maxsize)
        self.first_run: Result | None = None
        self._first_position = sys.maxsize
        self._inputs = upstream.kept()  # for `rows`
        self._held = [node.kept() for node in awaited.values()]

    # Keeping: 16 bytes a position -------------------------------------------------------------------------------------

    @property
    def keeps(self) -> bool:
        return True

    def kept(self) -> object:
        return self._inputs

    def keep(self, position: int, item: Any) -> None:
        start = position * _SIZE
        if len(self._keys) < start + _SIZE:
            self._keys.extend(bytes(start + _SIZE - len(self._keys)))
        self._keys[start : start + _SIZE] = _HOLE if item is HOLE else item.key

    def get(self, position: int) -> Any:
        if not self.is_resolved(position):
            return PENDING
        key = bytes(self._keys[position * _SIZE : (position + 1) * _SIZE])
        return HOLE if key == _HOLE else self._stored(key)

    def _stored(self, key: bytes) -> Stored:
        return Stored(key, self._process, None, self._runner)

    def has(self, key: bytes) -> bool:
        """Whether one of its tasks has a task hash, also one that failed or was ended."""
        return _is_among(key, self._keys) or _is_among(key, self._unkept)

    def expected(self) -> int | None:
        """How many tasks there will be; None while more items may come. Of a channel that failed none more than there are."""
        if self.over:
            return 0 if self.failure is not None else (self.length or 0) - self.holes
        upstream = self.upstream
        return (upstream.length or 0) - upstream.holes if upstream.done else None

    # Running ----------------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        if self._connected or self.failure is not None:
            return
        waiting = next((node for node in self._awaited.values() if not node.done), None)
        if waiting is None:
            self._connect_unless_empty()
        elif waiting.failure is not None:
            self.fail(waiting.failure)
        else:
            self.engine.run(waiting)
            self.engine.when_over(waiting, self.connect)

    def _connect_unless_empty(self) -> None:
        if all(node.length and node.get(0) is not HOLE for node in self._awaited.values()):
            super().connect()
        elif not self.over:
            self.end(0)  # a value channel that holds nothing: there is no task to run, as in Nextflow

    def takes(self, side: int) -> bool:
        return self.engine.has_room and self.in_flight < self._room

    def accept(self, position: int, item: Any) -> None:
        own = self._own(item)
        self._set_off(1)
        try:
            number = None if self._single else position + 1
            self._runner.start(self.call, own, number, partial(self._ended, position, self._is_shown(own)))
        except BaseException:
            self._set_off(-1)
            raise

    def _set_off(self, number: int) -> None:
        self.in_flight += number
        self.engine.in_flight += number

    def _own(self, item: Any) -> dict[str, Any]:
        shared = {name: node.get(0) for name, node in self._awaited.items()}
        given = self.arguments(item)
        for name, annotation in self._types.items():
            if name in given:
                given[name] = checked(self._process, name, loaded(given[name]), annotation)
        return {name: _light(value) for name, value in {**self._defaults, **shared, **given}.items()}

    def rows(self) -> Iterator[dict[str, Any]]:
        """Inputs and outputs of each task, by name, waiting for each."""
        for position, item in pairs(self):
            given = {**self._fixed_scalars(), **_named(self.arguments(self.upstream.get(position)))}
            yield {**given, **_named(self._runner.values(item.key))}

    def _fixed_scalars(self) -> dict[str, Any]:
        captured = self.call.capture
        fixed = {name: captured.values[name] for name in captured.fixed}
        return {name: value for name, value in {**self._defaults, **fixed}.items() if isinstance(value, _SCALARS)}

    def arguments(self, item: Any) -> dict[str, Any]:
        """The arguments that an item gives; one parameter takes a stored item without reading it."""
        return self.spread.arguments(item if len(self.spread.free) == 1 else loaded(item))

    def _is_shown(self, own: Mapping[str, Any]) -> bool:
        debug = self.call.process.directives.debug
        return bool(self.call.directives(own).debug) if isinstance(debug, Dynamic) else debug

    def _ended(self, position: int, shown: bool, result: Result) -> None:
        self.engine.run_or_post(partial(self._take, position, shown, result))

    def _take(self, position: int, shown: bool, result: Result) -> None:
        self._set_off(-1)
        if shown:
            self._printed(result)
        self.stored += bool(result.stored)
        if not result.cached and position < self._first_position:
            # The lowest and not the quickest: what the cell says of its tasks must not depend on timing.
            self.first_run, self._first_position = result, position
        if result.error is not None or self.failure is not None:
            self._unkept += result.key
        if result.failure is not None:
            self.fail(result.failure)
        elif self.failure is None:
            self.resolve(position, HOLE if result.ignored else self._stored(result.key))
        if self.over:
            self.engine.notify(ended=True)  # somebody may wait for the last of its tasks

    @property
    def is_quiet(self) -> bool:
        """Whether nothing more will come from it, and none of its tasks is under way."""
        return self.over and not self.in_flight

    def fail(self, error: BaseException) -> None:
        first = self.failure is None and not self.done
        super().fail(error)
        if first:
            self._failed(self, error)


class FieldNode(Node):
    """One output of a process's channel; keeps nothing, since upstream has it."""

    def __init__(self, engine: Engine, upstream: Node, field: str) -> None:
        super().__init__(engine, upstream)
        self.field = field

    @property
    def keeps(self) -> bool:
        return self.upstream.keeps

    def kept(self) -> object:
        return self.upstream.kept()

    def keep(self, position: int, item: Any) -> None:
        """Nothing: `get` asks upstream."""

    def get(self, position: int) -> Any:
        item = self.upstream.get(position)
        return self._select(item) if item is not PENDING and item is not HOLE else item

    def accept(self, position: int, item: Any) -> None:
        self.resolve(position, self._select(item))

    def _select(self, item: Any) -> Any:
        return item.select(self.field) if isinstance(item, Stored) else getattr(loaded(item), self.field)


def _is_among(key: bytes, keys: bytearray) -> bool:
    start = keys.find(key)
    while start >= 0 and start % _SIZE:
        start = keys.find(key, start + 1)
    return start >= 0


def _light(value: Any) -> Any:
    """An input, read unless it is a large value that another task stored: that one is known by its digest."""
    return value.load() if isinstance(value, Stored) and value.is_light else value


def _named(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: loaded(value) for name, value in values.items()}


def checked(process: str, name: str, value: Any, annotation: Any) -> Any:
    """A value that fits its parameter's annotation.

    Raises
    ------
    InputError
        If it does not.
    """
    if type(value) is annotation:
        return value  # most do, and this is asked of every item
    value = coerce(value, annotation)
    complaint = check_annotation(value, annotation)
    if complaint is not None:
        raise InputError(f"input `{name}` of `{process}`: {complaint}", name=name)
    return value
