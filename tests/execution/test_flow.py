"""Items keep the order of the input whatever the timing; failures reach all that depends on them; nothing waits for ever."""

from __future__ import annotations

import gc
import random
import weakref
from collections.abc import Iterator

import pytest
from flows import Flow, Reader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbflow.errors import InputError
from nbflow.execution.channels.channel import Channel
from nbflow.execution.channels.reading import AHEAD


@pytest.fixture
def flow() -> Iterator[Flow]:
    made = Flow()
    yield made
    made.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(items=st.lists(st.integers(0, 9), max_size=12), seed=st.integers(0, 2**32), window=st.integers(1, 5))
def test_what_a_channel_holds_never_depends_on_timing(items, seed, window):
    flow = Flow(window)
    try:
        first = flow.later(flow.source(items), lambda item: item + 1)
        evens = first.filter(lambda item: item % 2 == 0)
        second = flow.later(evens.map(lambda item: item * 10))
        beside = flow.later(first, str)
        total = second.collect()
        channels = (second, beside, total)
        readers = [Reader(channel) for channel in channels]
        flow.run_all(random.Random(seed))
        expected = [(item + 1) * 10 for item in items if (item + 1) % 2 == 0]
        assert [reader.result() for reader in readers] == [expected, [str(item + 1) for item in items], [expected]]
        assert [list(channel) for channel in channels] == [expected, [str(item + 1) for item in items], [expected]]
        assert flow.engine.in_flight == 0
    finally:
        flow.close()


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 8), bad=st.integers(0, 7), seed=st.integers(0, 2**32))
def test_a_failure_reaches_all_that_depends_on_it_and_nothing_waits_for_ever(count, bad, seed):
    flow = Flow(3)

    def burst(item: int) -> int:
        if item == bad:
            raise ValueError(item)
        return item

    try:
        tasks = flow.later(flow.source(range(count)))
        mapped = tasks.map(burst)
        after = flow.later(mapped)
        readers = [
            Reader(channel) for channel in (mapped, after, after.collect(), mapped.flat_map(), mapped.mix(after))
        ]
        flow.run_all(random.Random(seed))
        for reader in readers:
            if bad < count:
                with pytest.raises(ValueError, match=str(bad)):
                    reader.result()
                assert reader.items == list(range(len(reader.items))), "what was there is in order"
            else:
                reader.result()
    finally:
        flow.close()


def test_a_consumer_that_comes_late_gets_all_items(flow):
    mapped = flow.of(0, 1, 2, 3, 4).map(lambda item: item * 2)
    assert list(mapped) == [0, 2, 4, 6, 8]
    late = mapped.map(str)
    assert list(late) == ["0", "2", "4", "6", "8"]
    assert list(late.flat_map(lambda item: [item, item])) == [each for item in late for each in (item, item)]
    assert late.collect().value == ["0", "2", "4", "6", "8"]


def test_a_consumer_that_was_there_first_but_is_read_late_gets_all_items(flow):
    mapped = flow.of(0, 1, 2).map(lambda item: item * 2)
    one, other = mapped.map(str), mapped.map(float)
    del mapped
    assert list(one) == ["0", "2", "4"]
    assert list(other) == [0.0, 2.0, 4.0]


def test_a_function_is_called_once_for_each_item_however_many_consumers_there_are(flow):
    calls: list[int] = []
    mapped = flow.source(range(20)).map(lambda item: calls.append(item) or item)
    for reader in [Reader(channel) for channel in (mapped, mapped.filter(bool), mapped.collect())]:
        reader.result()
    assert sorted(calls) == list(range(20))


def test_no_more_items_are_drawn_than_the_window_allows():
    flow = Flow(window=4)
    drawn: list[int] = []
    flow.later(flow.source(range(1000)).map(lambda item: drawn.append(item) or item))
    flow.idle()
    tasks = flow.laters[0]
    assert len(tasks.taken) == 4
    assert len(drawn) <= 5
    flow.finish(2)
    assert len(tasks.taken) == 4
    flow.close()


@pytest.mark.parametrize(
    "many", [lambda made: made.flat_map(lambda item: [item] * 50), lambda made: made.group_tuple()]
)
def test_no_more_tasks_begin_than_the_window_allows_where_one_item_gives_many(many):
    flow = Flow(window=4)
    flow.later(many(flow.source([(number, number) for number in range(100)])))
    flow.idle()
    assert len(flow.laters[0].taken) == 4
    flow.close()


def test_what_lies_downstream_goes_before_what_is_still_to_be_drawn():
    """The second step of the first item runs while the first step of later ones waits."""
    flow = Flow(window=2)
    flow.later(flow.later(flow.source(range(100))))
    flow.idle()
    flow.finish(later=0)
    assert [item for _, item in flow.laters[1].taken] == [0]
    flow.close()


def test_an_item_can_be_read_before_the_channel_has_ended(flow):
    tasks = flow.tasks(0, 1, 2)
    flow.idle()
    flow.finish()
    assert next(iter(tasks)) == 0
    assert not tasks.node.done


def test_nobody_draws_far_ahead_of_who_reads(flow):
    drawn: list[int] = []
    items = iter(flow.source(range(100_000)).map(lambda item: drawn.append(item) or item))
    assert next(items) == 0
    flow.idle()
    assert len(drawn) <= AHEAD + 2
    assert [next(items) for _ in range(1000)] == list(range(1, 1001))
    flow.idle()
    assert len(drawn) <= 1000 + AHEAD + 2


def test_what_nobody_reads_any_more_is_gone(flow):
    class Item:
        pass

    made: list[weakref.ref[Item]] = []

    def make(_: int) -> Item:
        item = Item()
        made.append(weakref.ref(item))
        return item

    mapped = flow.source(range(1000)).map(make)
    for number, _ in enumerate(mapped):
        if number == 10:
            break
    flow.idle()
    assert sum(ref() is not None for ref in made) == len(made), "it can be read again"
    drawn = len(made)
    del mapped, _
    flow.idle()
    gc.collect()
    assert sum(ref() is not None for ref in made) == 0
    assert len(made) == drawn
    assert not [ref for ref in flow.engine._pulling if ref() is not None]


class Counted:
    """Knows how many there are of it."""

    live = most = 0

    def __init__(self, n: int) -> None:
        self.n = n
        Counted.live += 1
        Counted.most = max(Counted.most, Counted.live)

    def __del__(self) -> None:
        Counted.live -= 1


CHAINS = {
    "map": lambda items: items.map(Counted),
    "filter": lambda items: items.map(Counted).filter(lambda item: item.n % 2),
    "flat_map": lambda items: items.flat_map(lambda n: [Counted(n), Counted(n)]),
    "generator": lambda items: items.take(1).flat_map(lambda _: (Counted(number) for number in range(5_000))),
    "collate": lambda items: items.map(Counted).collate(10),
    "sliding": lambda items: items.map(Counted).collate(10, 3),
    "buffer": lambda items: items.map(Counted).buffer(size=7, skip=2),
    "distinct": lambda items: items.map(Counted).distinct(lambda item: item.n // 2),
    "take": lambda items: items.map(Counted).take(4_000),
    "until": lambda items: items.map(Counted).until(lambda item: item.n == 4_000),
    "merge": lambda items: items.map(Counted).merge(items.map(Counted)),
    "mix": lambda items: items.map(Counted).mix(items.map(Counted)),
    "concat": lambda items: items.map(Counted).concat(items.map(Counted)),
    "combine": lambda items: items.map(Counted).combine(["a", "b"]),
    "cross": lambda items: items.map(Counted).cross(items.take(10), lambda item: getattr(item, "n", item) % 10),
    "transpose": lambda items: items.map(lambda n: (n, [Counted(n), Counted(n)])).transpose(),
    "branch": lambda items: items.map(Counted).branch(a=lambda item: item.n % 2, b=True).a,
    "reduce": lambda items: items.map(Counted).reduce(lambda total, item: total + item.n, 0),
    "count": lambda items: items.map(Counted).count(),
    "last": lambda items: items.map(Counted).last(),
    "max": lambda items: items.map(Counted).max(lambda item: item.n),
    "if_empty": lambda items: items.map(Counted).if_empty(1),
    "several": lambda items: items.filter(bool).map(Counted).flat_map(lambda item: [item]).take(150_000).collate(10),
}


@pytest.mark.parametrize("name", CHAINS)
def test_items_of_a_long_channel_do_not_live_as_objects(flow, name):
    Counted.most = Counted.live
    before = Counted.live
    last = None
    for last in CHAINS[name](flow.source(range(200_000 if name == "several" else 5_000))):  # noqa: B007
        pass  # the channel itself is held by nobody
    assert last is not None
    assert Counted.most - before < 10 * AHEAD


@pytest.mark.parametrize(
    "stops", [lambda made: made.take(3), lambda made: made.first(), lambda made: made.until(lambda item: item == 3)]
)
def test_what_needs_no_more_items_draws_no_more(flow, stops):
    drawn: list[int] = []
    stopped = stops(flow.source(range(10**9)).map(lambda item: drawn.append(item) or item))
    assert len(list(stopped)) <= 3
    flow.idle()
    assert len(drawn) <= 4


def test_tasks_run_only_for_the_items_that_are_taken(flow):
    flow.later(flow.source(range(1000)).take(2))
    flow.idle()
    flow.finish()
    flow.finish()
    assert flow.laters[0].done
    assert flow.laters[0].length == 2


def test_an_endless_generator_is_drawn_only_as_far_as_needed(flow):
    def endless(_: object) -> Iterator[int]:
        number = 0
        while True:
            yield (number := number + 1)

    assert list(flow.of(0).flat_map(endless).take(3)) == [1, 2, 3]
    assert flow.of(0).flat_map(endless).first(lambda item: item > 100).value == 101


def test_a_step_that_waits_for_a_node_runs_also_when_the_node_fails_or_ends_in_a_step(flow):
    ran: list[str] = []
    collected = flow.tasks(0).collect()
    flow.tasks(0)
    flow.engine.connect(collected.node)
    flow.engine.post(lambda: flow.engine.when_over(collected.node, lambda: ran.append("collected")))
    flow.engine.post(lambda: flow.engine.when_over(flow.laters[1], lambda: ran.append("failed")))
    flow.idle()
    flow.finish(later=0)
    flow.engine.run_and_wait(lambda: flow.laters[1].fail(ValueError()))
    flow.idle()
    assert ran == ["collected", "failed"]


def test_reading_a_channel_inside_an_operators_function_is_an_error_and_no_deadlock(flow):
    other = flow.of(1, 2).map(str)
    made = flow.of(1).map(lambda item: (item, list(other)))
    with pytest.raises(InputError, match="cannot be read inside the function of an operator"):
        Reader(made).result()


def test_a_failed_channel_raises_the_same_for_every_reader_with_the_users_own_frames_only(flow):
    def burst(item: int) -> float:
        return 1 / item

    made = flow.of(1, 0).map(burst).map(str)
    depths = set()
    for _ in range(3):
        with pytest.raises(ZeroDivisionError) as caught:
            list(made)
        frames = [entry.name for entry in caught.traceback]
        depths.add(len(frames))
        assert frames[-1] == "burst"
        assert "accept" not in frames
    assert len(depths) == 1


def test_a_closed_engine_starts_again(flow):
    assert list(flow.of(1).map(str)) == ["1"]
    flow.engine.close()
    assert list(flow.of(2).map(str)) == ["2"]


def test_two_threads_read_one_channel(flow):
    made = flow.source(range(2000)).map(lambda item: item + 1)
    readers = [Reader(made) for _ in range(4)]
    for reader in readers:
        assert reader.result() == list(range(1, 2001))


def test_a_value_channel_that_holds_nothing_says_so(flow):
    for made in (
        flow.of().first(),
        flow.of().last(),
        flow.of().max(),
        flow.of(1).first().filter(lambda item: item > 1),
    ):
        with pytest.raises(InputError, match="holds nothing"):
            _ = made.value
    assert flow.of().first().if_empty(7).value == 7


def test_a_channel_without_a_cell_that_waits_for_it_is_viewed_at_once(flow, capsys):
    viewed = flow.of(1, 2).view()
    assert capsys.readouterr().out == "1\n2\n"
    assert isinstance(viewed, Channel)
