"""Operators between real processes: items move on as they come, and a second run takes everything from the cache."""

from __future__ import annotations

import os
from uuid import uuid4

import pytest

from tests.notebook.lab import Lab

DECLARED = """
%%process count(id, path: Path) -> id, n: int
n = len(path.read_text().split())
----
%%process upper(id, path: Path) -> id, out: Path = file("{id}.up")
Path(f"{id}.up").write_text(path.read_text().upper())
----
%%process merge(key, numbers) -> key, total
total = sum(numbers)
----
%%process report(id, n, out: Path, key, total) -> line
line = f"{id} {n} {out.read_text()} of {key}: {total}"
----
%%process table(path: Path) -> rows
rows = path.read_text().splitlines()
"""

FLOW = """
samples = channel.from_path("samples/*.txt").map(lambda path: (path.stem, path))
counts, uppers = count(samples), upper(samples)
groups = merge(counts.map(lambda r: (r.id[0], r.n)).group_tuple())
lines = report(counts.join(uppers).combine(groups).filter(lambda item: item[0][0] == item[3]))
rows = table(lines.collect_file(name="lines.txt", newline=True))
"""


def declare(lab: Lab) -> None:
    for cell in DECLARED.split("----\n"):
        lab.ok(cell)


def statuses(lab: Lab) -> dict[str, list[str]]:
    lab.ok("import nbflow")
    found: dict[str, list[str]] = {}
    for process, status in lab.value("[(task.process, task.status) for task in nbflow.tasks()]"):
        found.setdefault(process, []).append(status)
    return {process: sorted(each) for process, each in found.items() if f"%%process {process}(" in DECLARED}


def test_outputs_flow_through_operators_into_processes_and_the_second_run_is_all_cached(lab: Lab) -> None:
    for name, text in {"a1": "x y", "a2": "z", "b1": "v w u"}.items():
        lab.write(f"samples/{name}.txt", text)
    expected = ["a1 2 X Y of a: 3", "a2 1 Z of a: 3", "b1 3 V W U of b: 3"]
    tasks = {"count": 3, "upper": 3, "merge": 2, "report": 3, "table": 1}
    for status in ("COMPLETED", "CACHED"):
        declare(lab)
        lab.ok(FLOW)
        assert lab.value("list(lines)") == expected
        assert lab.value("list(rows)") == [expected]
        assert statuses(lab) == {process: [status] * number for process, number in tasks.items()}
        lab.restart()

    lab.write("samples/b2.txt", "one")  # another sample: only its own tasks run, and what sums over it
    declare(lab)
    lab.ok(FLOW)
    assert lab.value("list(lines)")[2:] == ["b1 3 V W U of b: 4", "b2 1 ONE of b: 4"]
    assert statuses(lab) == {
        "count": ["CACHED"] * 3 + ["COMPLETED"],
        "upper": ["CACHED"] * 3 + ["COMPLETED"],
        "merge": ["CACHED", "COMPLETED"],
        "report": ["CACHED"] * 2 + ["COMPLETED"] * 2,
        "table": ["COMPLETED"],
    }


STEPS = """
%%process one(n) -> n
#| cache: false
if n == slow:
    open(gate).read()
----
%%process two(n) -> n
#| cache: false
if n != slow:
    open(gate, "w").close()
"""


@pytest.mark.parametrize(
    ("slow", "flow"),
    [
        (2, "two(one(channel.of(1, 2)))"),
        (1, "two(one(channel.of(1, 2)))"),
        (1, "two(one(channel.of(1, 2)).flat_map(lambda n: [n]))"),
        (1, "two(one(channel.of(1)).mix(one(channel.of(2))))"),
        (1, "two(one(channel.of(1, 2)).combine(['x']).map(lambda pair: pair[0]))"),
        (1, "two(one(channel.of(1, 2)).join(channel.of(2, 1), fail_on_duplicate=True))"),
        (2, "two(one(channel.of(1, 2)).join(channel.of(2, 1)))"),
        (2, "two(one(channel.of(1, 2)).collate(1).map(lambda items: items[0]))"),
    ],
)
def test_step_two_of_one_item_runs_while_step_one_of_the_other_waits(lab: Lab, slow: int, flow: str) -> None:
    """The slow item's first step waits for the other item's second step: it would wait for ever if that waited for it."""
    gate = str(lab.launch_dir / uuid4().hex)
    os.mkfifo(gate)
    lab.ok(f"slow, gate = {slow}, {gate!r}")
    for cell in STEPS.split("----\n"):
        lab.ok(cell)
    lab.ok(f"made = {flow}")
    assert lab.value("list(made)") == [1, 2]


def test_a_value_channel_that_holds_nothing_runs_no_task(lab: Lab) -> None:
    lab.ok("%%process add(a, b=0) -> c\nc = a + b")
    assert lab.value("list(add(channel.of(1, 2), b=channel.empty().first()))") == []
    assert lab.value("list(add(channel.of(1, 2), b=channel.of(5).first()))") == [6, 7]


def test_an_output_named_as_an_operator_is_the_output(lab: Lab) -> None:
    lab.ok("%%process three(a) -> count, value, last\ncount, value, last = a, a + 1, a + 2")
    lab.ok("r = three(channel.of(1, 5))")
    assert lab.value("[list(r.count), list(r.value), list(r['last'])]") == [[1, 5], [2, 6], [3, 7]]
    assert lab.value("r.map(lambda item: item.last).count().value") == 2
    assert "`count` is an output of the process here" in lab.fails("r.count()", "TypeError")
    assert "no output `third`" in lab.fails("r['third']", "KeyError")
    assert "did you mean `group_tuple`" in lab.fails("r.groupTuple", "AttributeError")


def test_the_cell_waits_for_view_and_shows_items_in_order(lab: Lab) -> None:
    lab.ok("%%process twice(a) -> b\nb = a * 2")
    assert "2\n4\n6\n" in lab.ok("made = twice(channel.of(1, 2, 3)).view()").out
    assert "raised in `view` of a channel, for the item 'a'" in str(
        lab.run("channel.of('a').view(lambda item: 1 / item);").error.__notes__
    )


def test_two_channels_in_one_call_are_an_error_that_asks_how_they_pair(lab: Lab) -> None:
    lab.ok("%%process plus(a, b) -> c\nc = a + b")
    said = lab.fails("plus(channel.of(1), channel.of(2))", "InputError")
    assert "a.join(b)" in said.replace("`", "")
    assert lab.value("list(plus(channel.of(1, 2).merge(channel.of(10, 20))))") == [11, 22]


def test_a_function_that_fails_fails_the_cell_with_its_own_traceback(lab: Lab) -> None:
    lab.ok("%%process same(a) -> b\nb = a")
    lab.ok("def burst(item):\n    return item['x']")
    cell = lab.run("made = same(channel.of(1).map(burst))")
    assert isinstance(cell.error, TypeError)
    assert "raised in `map` of a channel, for the item 1" in cell.error.__notes__
    assert "return item['x']" in cell.out
