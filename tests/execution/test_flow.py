"""Items keep the order of the input whatever the timing; failures reach all that depends on them; nothing waits for ever."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbflow.execution.channels.flow import Engine, Node, Source
from nbflow.execution.channels.operators import Collect, Filter, Map

PATIENCE = 20


class Later(Node):
    """Resolves its items in an order that the test decides, from another thread, as tasks do."""

    def __init__(self, engine: Engine, upstream: Node, function: Callable[[Any], Any] = lambda item: item) -> None:
        super().__init__(engine, upstream)
        self.function = function
        self.taken: list[tuple[int, Any]] = []

    def accept(self, position: int, item: Any) -> None:
        self.engine.in_flight += 1
        self.taken.append((position, item))

    def finish(self, number: int = 0) -> None:
        position, item = self.taken.pop(number)
        self.engine.in_flight -= 1
        self.resolve(position, self.function(item))


def idle(engine: Engine) -> None:
    """Wait until the engine has moved all that it can move."""
    for _ in range(3):
        ended = threading.Event()
        engine.post(ended.set)
        assert ended.wait(PATIENCE)


def run_all(engine: Engine, nodes: list[Later], rng: random.Random) -> None:
    """Let tasks end, one at a time, in a random order, until none is left."""
    quiet = 0
    while quiet < 3:
        idle(engine)
        waiting = [node for node in nodes if node.taken]
        if not waiting:
            quiet += 1
            continue
        quiet = 0
        node = rng.choice(waiting)
        number = rng.randrange(len(node.taken))
        engine.run_and_wait(lambda node=node, number=number: node.finish(number))


@pytest.fixture
def engine() -> Iterator[Engine]:
    made = Engine()
    yield made
    made.close()


class Reader(threading.Thread):
    """Reads a node in a thread of its own."""

    def __init__(self, node: Node) -> None:
        super().__init__(daemon=True)
        self.node, self.items, self.error = node, [], None
        self.start()

    def run(self) -> None:
        try:
            for item in self.node:
                self.items.append(item)
        except BaseException as error:  # noqa: BLE001  # handed to the thread that asks
            self.error = error

    def result(self) -> list[Any]:
        self.join(PATIENCE)
        assert not self.is_alive(), f"still waits after {self.items}"
        if self.error is not None:
            raise self.error
        return self.items


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(items=st.lists(st.integers(0, 9), max_size=12), seed=st.integers(0, 2**32), window=st.integers(1, 5))
def test_what_a_channel_holds_never_depends_on_timing(items, seed, window):
    engine = Engine(window)
    try:
        first = Later(engine, Source(engine, items), lambda item: item + 1)
        evens = Filter(engine, first, lambda item: item % 2 == 0)
        second = Later(engine, Map(engine, evens, lambda item: item * 10))
        beside = Later(engine, first, str)
        total = Collect(engine, second)
        nodes = (second, beside, total)
        readers = [Reader(node) for node in nodes]
        run_all(engine, [first, second, beside], random.Random(seed))
        expected = [(item + 1) * 10 for item in items if (item + 1) % 2 == 0]
        assert [reader.result() for reader in readers] == [expected, [str(item + 1) for item in items], [expected]]
        assert [list(node) for node in nodes] == [expected, [str(item + 1) for item in items], [expected]], "read again"
        assert engine.in_flight == 0
    finally:
        engine.close()


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 8), bad=st.integers(0, 7), seed=st.integers(0, 2**32))
def test_a_failure_reaches_all_that_depends_on_it_and_nothing_waits_for_ever(count, bad, seed):
    engine = Engine(3)

    def burst(item: int) -> int:
        if item == bad:
            raise ValueError(item)
        return item

    try:
        tasks = Later(engine, Source(engine, range(count)))
        mapped = Map(engine, tasks, burst)
        after = Later(engine, mapped)
        collected = Collect(engine, after)
        readers = [Reader(node) for node in (mapped, after, collected)]
        run_all(engine, [tasks, after], random.Random(seed))
        for reader in readers:
            if bad < count:
                with pytest.raises(ValueError, match=str(bad)):
                    reader.result()
                assert reader.items == list(range(len(reader.items))), "what was there is in order"
            else:
                reader.result()
    finally:
        engine.close()


def test_a_consumer_that_comes_late_gets_all_items(engine):
    source = Source(engine, range(5))
    mapped = Map(engine, source, lambda item: item * 2)
    assert Reader(mapped).result() == [0, 2, 4, 6, 8]
    late = Map(engine, mapped, str)
    assert Reader(late).result() == ["0", "2", "4", "6", "8"]
    assert Reader(Collect(engine, late)).result() == [["0", "2", "4", "6", "8"]]


def test_a_function_is_called_once_for_each_item_however_many_consumers_there_are(engine):
    calls: list[int] = []
    mapped = Map(engine, Source(engine, range(20)), lambda item: calls.append(item) or item)
    readers = [Reader(node) for node in (mapped, Filter(engine, mapped, bool), Collect(engine, mapped))]
    for reader in readers:
        reader.result()
    assert sorted(calls) == list(range(20))


def test_no_more_items_are_drawn_than_the_window_allows():
    engine = Engine(window=4)
    drawn: list[int] = []
    tasks = Later(engine, Map(engine, Source(engine, range(1000)), lambda item: drawn.append(item) or item))
    engine.connect(tasks)
    idle(engine)
    assert len(tasks.taken) == 4
    assert len(drawn) <= 5
    engine.run_and_wait(lambda: tasks.finish(2))
    idle(engine)
    assert len(tasks.taken) == 4
    engine.close()


def test_what_lies_downstream_goes_before_what_is_still_to_be_drawn():
    """The second step of the first item runs while the first step of later ones waits."""
    engine = Engine(window=2)
    first = Later(engine, Source(engine, range(100)))
    second = Later(engine, first)
    engine.connect(second)
    idle(engine)
    engine.run_and_wait(first.finish)
    idle(engine)
    assert [item for _, item in second.taken] == [0]
    engine.close()


def test_an_item_can_be_read_before_the_channel_has_ended(engine):
    tasks = Later(engine, Source(engine, range(3)))
    engine.connect(tasks)
    idle(engine)
    engine.run_and_wait(tasks.finish)
    assert next(iter(tasks)) == 0
    assert not tasks.done


def test_a_step_that_waits_for_a_node_runs_also_when_the_node_fails_or_ends_in_a_step(engine):
    ran: list[str] = []
    tasks = Later(engine, Source(engine, range(1)))
    collected = Collect(engine, tasks)
    engine.connect(collected)
    engine.post(lambda: engine.when_over(collected, lambda: ran.append("collected")))
    failing = Later(engine, Source(engine, range(1)))
    engine.connect(failing)
    engine.post(lambda: engine.when_over(failing, lambda: ran.append("failed")))
    idle(engine)
    engine.run_and_wait(tasks.finish)
    engine.run_and_wait(lambda: failing.fail(ValueError()))
    idle(engine)
    assert ran == ["collected", "failed"]


def test_a_closed_engine_starts_again(engine):
    assert Reader(Map(engine, Source(engine, [1]), str)).result() == ["1"]
    engine.close()
    assert Reader(Map(engine, Source(engine, [2]), str)).result() == ["2"]
