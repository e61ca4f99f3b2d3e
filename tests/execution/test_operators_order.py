"""Whatever the order in which tasks end, every operator gives what it gives of items that are all there."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from typing import Any

import pytest
from flows import Flow, Reader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbflow.execution.channels.channel import Channel
from nbflow.execution.channels.items import Lazy

# Items are pairs of a key and a number; an operator gets channels of them, the first its own.
OPERATORS: dict[str, Callable[..., Any]] = {
    "map": lambda a, b: a.map(lambda item: item[1] * 2),
    "filter": lambda a, b: a.filter(lambda item: item[1] % 2),
    "flat_map": lambda a, b: a.flat_map(lambda item: [item[0]] * item[1]),
    "flat_map of flat_map": lambda a, b: a.flat_map(lambda item: range(item[1])).flat_map(range),
    "flatten": lambda a, b: a.flatten(),
    "transpose": lambda a, b: a.map(lambda item: (item[0], list(range(item[1])))).transpose(),
    "take": lambda a, b: a.take(3),
    "until": lambda a, b: a.until(lambda item: item[1] == 2),
    "unique": lambda a, b: a.unique(),
    "distinct": lambda a, b: a.distinct(lambda item: item[0]),
    "if_empty": lambda a, b: a.filter(lambda item: item[1] > 2).if_empty("none"),
    "collect": lambda a, b: a.collect(),
    "to_list": lambda a, b: a.to_list(),
    "to_sorted_list": lambda a, b: a.to_sorted_list(lambda item: item[1]),
    "first": lambda a, b: a.first(lambda item: item[1] % 2),
    "last": lambda a, b: a.last(),
    "count": lambda a, b: a.count(lambda item: item[1] % 2),
    "reduce": lambda a, b: a.reduce(lambda total, item: (*total, *item)),
    "min": lambda a, b: a.min(lambda item: item[1]),
    "max": lambda a, b: a.max(lambda item: item[1]),
    "sum": lambda a, b: a.sum(lambda item: item[1]),
    "group_tuple": lambda a, b: a.group_tuple(),
    "group_tuple with a size": lambda a, b: a.group_tuple(size=2),
    "group_tuple with a remainder": lambda a, b: a.group_tuple(size=2, remainder=True),
    "collate": lambda a, b: a.collate(2),
    "collate with a step": lambda a, b: a.collate(3, 2),
    "buffer": lambda a, b: a.buffer(lambda item: item[1] == 1, remainder=True),
    "buffer with a size": lambda a, b: a.buffer(size=2, skip=1),
    "join": lambda a, b: a.join(b),
    "join with a remainder": lambda a, b: a.join(b, remainder=True),
    "join of unique keys": lambda a, b: a.unique(_key).join(b.unique(_key), fail_on_duplicate=True),
    "join of unique keys with a remainder": lambda a, b: a.unique(_key).join(
        b.unique(_key), fail_on_duplicate=True, remainder=True
    ),
    "combine": lambda a, b: a.combine(b),
    "combine by a key": lambda a, b: a.combine(b, by=0),
    "combine with a list": lambda a, b: a.combine([1, 2]),
    "cross": lambda a, b: a.cross(b),
    "merge": lambda a, b: a.merge(b),
    "merge with a value": lambda a, b: a.merge(b.count()),
    "mix": lambda a, b: a.mix(b, a),
    "mix of flat_map": lambda a, b: a.flat_map().mix(b.flat_map()).collate(2),
    "concat": lambda a, b: a.concat(b, a),
    "branch": lambda a, b: a.branch(odd=lambda item: item[1] % 2, even=True).even,
    "multi_map": lambda a, b: a.multi_map(one=lambda item: item[1], other=lambda item: item[0]).one,
    "tap": lambda a, b: a.tap(lambda channel: None),
    "view": lambda a, b: a.view(lambda item: ""),
    "split_csv": lambda a, b: a.map(lambda item: "x,y\n" * item[1]).split_csv(),
    "split_text": lambda a, b: a.map(lambda item: "x\ny\n" * item[1]).split_text(by=3),
    "split_fasta": lambda a, b: a.map(lambda item: f">{item[0]}\nAC\n" * item[1]).split_fasta(),
    "split_fastq": lambda a, b: a.map(lambda item: f"@{item[0]}\nA\n+\nI\n" * item[1]).split_fastq(by=2),
    "split_json": lambda a, b: a.map(lambda item: str(list(range(item[1])))).split_json(),
}
ELSEWHERE = {"collect_file"}  # test_operators_files.py

pairs = st.lists(st.tuples(st.sampled_from("kl"), st.integers(0, 3)), max_size=6)


def _key(item: tuple[Any, ...]) -> Any:
    return item[0]


class Unread(Lazy):
    """An item that is read when somebody looks at it, as a task's outputs are."""

    def __init__(self, item: Any) -> None:
        self.item = item

    def load(self) -> Any:
        return self.item


def test_every_operator_is_here():
    named = {name.split(" ")[0] for name in OPERATORS} | ELSEWHERE
    methods = {name for name, _ in inspect.getmembers(Channel, inspect.isfunction) if not name.startswith("_")}
    assert methods - {"to_frame"} == named


@pytest.mark.parametrize("name", OPERATORS)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(left=pairs, right=pairs, seed=st.integers(0, 2**32), window=st.integers(1, 6))
def test_what_it_holds_does_not_depend_on_when_tasks_end(name, left, right, seed, window):
    operator = OPERATORS[name]
    flow = Flow(window)
    try:
        plain = list(operator(flow.of(*left), flow.of(*right)))
        flow.engine.opened = flow.engine.connect
        late = operator(flow.later(flow.of(*left), Unread), flow.later(flow.of(*right), Unread))
        after = flow.later(late)
        readers = [Reader(late), Reader(after)]
        flow.run_all(random.Random(seed))
        for channel, reader in zip((late, after), readers, strict=True):
            assert reader.result() == plain
            assert list(channel) == plain, "read again"
        assert flow.engine.in_flight == 0
    finally:
        flow.close()
