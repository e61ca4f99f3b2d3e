"""What operators give: Nextflow's documented results, their options, and how wrong arguments are refused."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import pytest

from nbflow.errors import InputError
from nbflow.execution.channels import operators
from nbflow.execution.channels.channels import ENGINE, channel

of = channel.of
Pair = namedtuple("Pair", "id n")
Other = namedtuple("Other", "id m")


@pytest.fixture(autouse=True, scope="module")
def _end_of_engine():
    yield
    ENGINE.close()


# The examples of Nextflow's reference of operators: what is on the right is what it prints there.
DOCUMENTED: dict[str, tuple[Callable[[], Any], list[Any]]] = {
    "buffer closing": (lambda: of(1, 2, 3, 1, 2, 3).buffer(lambda v: v == 2), [[1, 2], [3, 1, 2]]),
    "buffer opening, closing": (
        lambda: of(1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2).buffer(2, 4),
        [[2, 3, 4], [2, 3, 4]],
    ),
    "buffer size": (lambda: of(1, 2, 3, 1, 2, 3, 1).buffer(size=2), [[1, 2], [3, 1], [2, 3]]),
    "buffer remainder": (
        lambda: of(1, 2, 3, 1, 2, 3, 1).buffer(size=2, remainder=True),
        [[1, 2], [3, 1], [2, 3], [1]],
    ),
    "buffer skip": (
        lambda: of(1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 1, 2).buffer(size=3, skip=2),
        [[3, 4, 5], [3, 4, 5]],
    ),
    "collate": (lambda: of(1, 2, 3, 1, 2, 3, 1).collate(3), [[1, 2, 3], [1, 2, 3], [1]]),
    "collate without remainder": (
        lambda: of(1, 2, 3, 1, 2, 3, 1).collate(3, remainder=False),
        [[1, 2, 3], [1, 2, 3]],
    ),
    "collate step": (lambda: of(1, 2, 3, 4).collate(3, 1), [[1, 2, 3], [2, 3, 4], [3, 4], [4]]),
    "collect": (lambda: of(1, 2, 3, 4).collect(), [[1, 2, 3, 4]]),
    "collect with mapper": (lambda: of("hello", "ciao", "bonjour").collect(len), [[5, 4, 7]]),
    "combine by": (
        lambda: of([1, "alpha"], [2, "beta"]).combine(
            of([1, "x"], [1, "y"], [1, "z"], [2, "p"], [2, "q"], [2, "t"]), by=0
        ),
        [(1, "alpha", "x"), (1, "alpha", "y"), (1, "alpha", "z"), (2, "beta", "p"), (2, "beta", "q"), (2, "beta", "t")],
    ),
    "concat": (
        lambda: of("p", "q").concat(of(1, 2, 3), of("a", "b", "c")),
        ["p", "q", 1, 2, 3, "a", "b", "c"],
    ),
    "count": (lambda: of(9, 1, 7, 5).count(), [4]),
    "count number": (lambda: of(4, 1, 7, 1, 1).count(1), [3]),
    "count regex": (lambda: of("a", "c", "c", "q", "b").count(re.compile("c")), [2]),
    "count predicate": (lambda: of("a", "c", "c", "q", "b").count(lambda v: v <= "c"), [4]),
    "cross": (
        lambda: of([1, "alpha"], [2, "beta"]).cross(of([1, "x"], [1, "y"], [2, "p"])),
        [([1, "alpha"], [1, "x"]), ([1, "alpha"], [1, "y"]), ([2, "beta"], [2, "p"])],
    ),
    "cross with mapper": (
        lambda: of([1, "alpha"], [2, "beta"]).cross(of([1, "a"], [1, "b"], [2, "a"], [2, "b"]), lambda v: v[1][0]),
        [([1, "alpha"], [1, "a"]), ([1, "alpha"], [2, "a"]), ([2, "beta"], [1, "b"]), ([2, "beta"], [2, "b"])],
    ),
    "distinct": (lambda: of(1, 1, 2, 2, 2, 3, 1, 1, 2, 2, 3).distinct(), [1, 2, 3, 1, 2, 3]),
    "distinct with mapper": (lambda: of(1, 1, 2, 2, 2, 3, 1, 1, 2, 4, 6).distinct(lambda v: v % 2), [1, 2, 3, 2]),
    "filter regex": (lambda: of("a", "b", "aa", "bc", 3, 4.5).filter(re.compile("^a.*")), ["a", "aa"]),
    "filter type": (lambda: of("a", "b", "aa", "bc", 3, 4.5).filter(int), [3]),
    "filter predicate": (lambda: of(1, 2, 3, 4, 5).filter(lambda v: v % 2 == 1), [1, 3, 5]),
    "first": (lambda: of(1, 2, 3).first(), [1]),
    "first regex": (lambda: of("a", "aa", "aaa").first(re.compile("aa.*")), ["aa"]),
    "first type": (lambda: of(1, 2, "a", "b", 3).first(str), ["a"]),
    "first predicate": (lambda: of(1, 2, 3, 4, 5).first(lambda v: v > 3), [4]),
    "flat_map": (lambda: of(1, 2, 3).flat_map(lambda n: [n, n * 2, n * 3]), [1, 2, 3, 2, 4, 6, 3, 6, 9]),
    "flat_map of a map": (
        lambda: of(1, 2).flat_map(lambda n: {"number": n, "square": n * n}),
        [("number", 1), ("square", 1), ("number", 2), ("square", 4)],
    ),
    "flatten": (lambda: of([1, [2, 3]], 4, [5, [6]]).flatten(), [1, 2, 3, 4, 5, 6]),
    "group_tuple": (
        lambda: of((1, "A"), (1, "B"), (2, "C"), (3, "B"), (1, "C"), (2, "A"), (3, "D")).group_tuple(),
        [(1, ["A", "B", "C"]), (2, ["C", "A"]), (3, ["B", "D"])],
    ),
    "group_tuple by": (
        lambda: of((1, "A"), (1, "B"), (2, "C"), (3, "B"), (1, "C"), (2, "A"), (3, "D")).group_tuple(by=1),
        [([1, 2], "A"), ([1, 3], "B"), ([2, 1], "C"), ([3], "D")],
    ),
    "if_empty 1": (lambda: of(1, 2, 3).if_empty("Hello"), [1, 2, 3]),
    "if_empty 2": (lambda: channel.empty().if_empty("Hello"), ["Hello"]),
    "join": (
        lambda: of(["X", 1], ["Y", 2], ["Z", 3], ["P", 7]).join(of(["Z", 6], ["Y", 5], ["X", 4])),
        [("X", 1, 4), ("Y", 2, 5), ("Z", 3, 6)],
    ),
    "join remainder": (
        lambda: of(["X", 1], ["Y", 2], ["Z", 3], ["P", 7]).join(of(["Z", 6], ["Y", 5], ["X", 4]), remainder=True),
        [("X", 1, 4), ("Y", 2, 5), ("Z", 3, 6), ("P", 7, None)],
    ),
    "last": (lambda: of(1, 2, 3, 4, 5, 6).last(), [6]),
    "map": (lambda: of(1, 2, 3, 4, 5).map(lambda v: v * v), [1, 4, 9, 16, 25]),
    "max": (lambda: of(8, 6, 2, 5).max(), [8]),
    "max with mapper": (lambda: of("hello", "hi", "hey").max(len), ["hello"]),
    "merge": (lambda: of(1, 3, 5, 7, 9).merge(of(2, 4, 6)), [(1, 2), (3, 4), (5, 6)]),
    "min": (lambda: of(8, 6, 2, 5).min(), [2]),
    "min with mapper": (lambda: of("hello", "hi", "hey").min(len), ["hi"]),
    "mix": (lambda: of("1", "2", "3").mix(of("a", "b")).mix(channel.value("z")), ["1", "2", "3", "a", "b", "z"]),
    "reduce": (lambda: of(1, 2, 3, 4, 5).reduce(lambda a, b: a + b), [15]),
    "reduce with initial value": (
        lambda: of(1, 2, 3, 4, 5).reduce(lambda acc, v: f"{acc} {v}", "result:"),
        ["result: 1 2 3 4 5"],
    ),
    "split_csv": (lambda: of("10,20,30\n70,80,90").split_csv(), [["10", "20", "30"], ["70", "80", "90"]]),
    "split_csv header": (
        lambda: of("alpha,beta\n10,20\n70,80").split_csv(header=True),
        [{"alpha": "10", "beta": "20"}, {"alpha": "70", "beta": "80"}],
    ),
    "split_csv columns": (
        lambda: of("alpha,beta\n10,20\n70,80").split_csv(header=["col1", "col2"], skip=1),
        [{"col1": "10", "col2": "20"}, {"col1": "70", "col2": "80"}],
    ),
    "split_json array": (lambda: of('[1, null, ["A", {}], true]').split_json(), [1, None, ["A", {}], True]),
    "split_json object": (
        lambda: of('{"A": 1, "B": [1, 2, 3], "C": {"D": null}}').split_json(),
        [{"key": "A", "value": 1}, {"key": "B", "value": [1, 2, 3]}, {"key": "C", "value": {"D": None}}],
    ),
    "split_json path": (
        lambda: of('{"A": 1, "B": [2, 3, {"C": {"D": null, "E": 4}}]}').split_json(path="B[2].C"),
        [{"key": "D", "value": None}, {"key": "E", "value": 4}],
    ),
    "sum": (lambda: of(8, 6, 2, 5).sum(), [21]),
    "sum with mapper": (lambda: of(4, 1, 7, 5).sum(lambda v: v * v), [91]),
    "take": (lambda: of(range(1, 11)).take(3), [1, 2, 3]),
    "take -1": (lambda: of(1, 2, 3).take(-1), [1, 2, 3]),
    "to_list": (lambda: of(1, 2, 3, 4).to_list(), [[1, 2, 3, 4]]),
    "to_sorted_list": (lambda: of(3, 2, 1, 4).to_sorted_list(), [[1, 2, 3, 4]]),
    "to_sorted_list by": (
        lambda: of(("homer", 5), ("bart", 2), ("lisa", 10)).to_sorted_list(lambda v: -v[1]),
        [[("lisa", 10), ("homer", 5), ("bart", 2)]],
    ),
    "transpose": (
        lambda: of([1, ["A", "B", "C"]], [2, ["C", "A"]], [3, ["B", "D"]]).transpose(),
        [(1, "A"), (1, "B"), (1, "C"), (2, "C"), (2, "A"), (3, "B"), (3, "D")],
    ),
    "transpose 2": (
        lambda: of([1, [1], ["A"]], [2, [1, 2], ["B", "C"]], [3, [1, 2, 3], ["D", "E"]]).transpose(),
        [(1, 1, "A"), (2, 1, "B"), (2, 2, "C"), (3, 1, "D"), (3, 2, "E")],
    ),
    "transpose remainder": (
        lambda: of([1, [1], ["A"]], [3, [1, 2, 3], ["D", "E"]]).transpose(remainder=True),
        [(1, 1, "A"), (3, 1, "D"), (3, 2, "E"), (3, 3, None)],
    ),
    "unique": (lambda: of(1, 1, 2, 2, 2, 3, 1, 1, 2, 2, 3).unique(), [1, 2, 3]),
    "unique with mapper": (lambda: of(1, 1, 2, 2, 2, 3, 1, 1, 2, 4, 6).unique(lambda v: v % 2), [1, 2]),
    "until": (lambda: of(3, 2, 1, 5, 1, 5).until(lambda v: v == 5), [3, 2, 1]),
}

# What the reference says in words, and what is nbflow's own.
MORE: dict[str, tuple[Callable[[], Any], list[Any]]] = {
    "combine keeps the left's order": (
        lambda: of(1, 2).combine(of("a", "b")),
        [(1, "a"), (1, "b"), (2, "a"), (2, "b")],
    ),
    "combine joins tuples, not lists": (
        lambda: of((1, 2)).combine(of(("r", "b"), [3, 4])),
        [(1, 2, "r", "b"), (1, 2, [3, 4])],
    ),
    "combine with a value channel": (lambda: of(1, 2).combine(of(7, 8).collect()), [(1, [7, 8]), (2, [7, 8])]),
    "combine with nothing": (lambda: of(1, 2).combine(channel.empty()), []),
    "combine records": (lambda: of(Pair("a", 1)).combine(of(Other("a", 2)), by="id"), [("a", 1, 2)]),
    "join pairs repeated keys one by one": (
        lambda: of(("k", 1), ("k", 2), ("k", 3)).join(of(("k", 4), ("k", 5))),
        [("k", 1, 4), ("k", 2, 5)],
    ),
    "join with several keys": (lambda: of((1, "a", 2)).join(of((1, "b", 2)), by=(0, 2)), [(1, 2, "a", "b")]),
    "join of plain items": (lambda: of(1, 2, 3).join(of(2, 3, 4)), [2, 3]),
    "join of dicts": (lambda: of({"id": 1, "a": 2}).join(of({"id": 1, "b": 3}), by="id"), [{"id": 1, "a": 2, "b": 3}]),
    "join by a dict as key": (lambda: of(({"id": 1}, "a")).join(of(({"id": 1}, "b"))), [({"id": 1}, "a", "b")]),
    "join remainder of both": (
        lambda: of(("a", 1), ("b", 2)).join(of(("c", 3, 4), ("a", 5, 6)), remainder=True),
        [("a", 1, 5, 6), ("b", 2, None, None), ("c", None, 3, 4)],
    ),
    "join remainder with nothing": (lambda: of(("a", 1)).join(channel.empty(), remainder=True), [("a", 1, None)]),
    "group_tuple size": (
        lambda: of((1, "a"), (2, "b"), (1, "c"), (1, "d")).group_tuple(size=2),
        [(1, ["a", "c"])],
    ),
    "group_tuple size, remainder": (
        lambda: of((1, "a"), (2, "b"), (1, "c"), (1, "d")).group_tuple(size=2, remainder=True),
        [(1, ["a", "c"]), (2, ["b"]), (1, ["d"])],
    ),
    "group_tuple size by key": (
        lambda: of(("x", 1), ("y", 2), ("y", 3), ("x", 4)).group_tuple(size={"x": 2, "y": 2}.get),
        [("y", [2, 3]), ("x", [1, 4])],
    ),
    "group_tuple sort": (lambda: of((1, 3), (1, 2)).group_tuple(sort=True), [(1, [2, 3])]),
    "group_tuple of dicts as keys": (lambda: of(({"id": 1}, 2), ({"id": 1}, 3)).group_tuple(), [({"id": 1}, [2, 3])]),
    "group_tuple by two": (lambda: of((1, "a", 2), (1, "b", 2)).group_tuple(by=[0, 2]), [(1, ["a", "b"], 2)]),
    "collect takes lists apart": (lambda: of(1, [2, [3]]).collect(), [[1, 2, [3]]]),
    "collect keeps tuples": (lambda: of((1, 2), Pair(3, 4)).collect(), [[(1, 2), (3, 4)]]),
    "collect flat=False": (lambda: of(1, [2]).collect(flat=False), [[1, [2]]]),
    "collect sort": (lambda: of(3, 1, 2).collect(sort=True), [[1, 2, 3]]),
    "collect sort by": (lambda: of("bb", "a").collect(sort=len), [["a", "bb"]]),
    "collect of nothing": (lambda: channel.empty().collect(), [[]]),
    "map keeps None": (lambda: of(1, 2).map(lambda n: None), [None, None]),
    "flat_map of None": (lambda: of(1, 2).flat_map(lambda n: None if n == 1 else "text"), ["text"]),
    "filter(bool) is a predicate": (lambda: of(0, 1, "", "a").filter(bool), [1, "a"]),
    "merge with a value": (lambda: of(1, 2).merge(channel.value("v")), [(1, "v"), (2, "v")]),
    "merge of a value": (lambda: channel.value("v").merge(of(1, 2)), [("v", 1)]),
    "merge of three": (lambda: of((1, 2)).merge(of(3), of([4])), [(1, 2, 3, [4])]),
    "sum of lists": (lambda: of([1, 2], [3, 4]).sum(), [[4, 6]]),
    "sum of nothing": (lambda: channel.empty().sum(), [0]),
    "transpose by": (lambda: of((1, ["a", "b"], ["c"])).transpose(by=1), [(1, "a", ["c"]), (1, "b", ["c"])]),
    "transpose of what is no tuple": (lambda: of(1, (2, 3)).transpose(), [1, (2, 3)]),
    "if_empty of a function": (lambda: channel.empty().if_empty(list), [[]]),
    "take 0": (lambda: of(1).take(0), []),
    "unique of lists and dicts": (lambda: of([1], [1], {"a": 1}, {"a": 1}, (1,)).unique(), [[1], {"a": 1}, (1,)]),
    "min of equals is the first": (lambda: of((1, "a"), (1, "b")).min(lambda item: item[0]), [(1, "a")]),
}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_results_are_those_of_nextflows_reference(name: str) -> None:
    made, expected = DOCUMENTED[name]
    assert list(made()) == expected


@pytest.mark.parametrize("name", MORE)
def test_results(name: str) -> None:
    made, expected = MORE[name]
    assert list(made()) == expected


def test_records_stay_records() -> None:
    joined = of(Pair("a", 1)).join(of(Other("a", 2))).first().value
    assert (joined.id, joined.n, joined.m) == ("a", 1, 2)
    grouped = of(Pair("a", 1), Pair("a", 2)).group_tuple(by="id").first().value
    assert (grouped.id, grouped.n) == ("a", [1, 2])
    assert [row.n for row in of(grouped).transpose()] == [1, 2]
    same_names = of(Pair("a", 1)).join(of(Pair("a", 2))).first().value
    assert same_names == ("a", 1, 2)
    assert not hasattr(same_names, "id")
    assert list(of(Pair("a", 1)).combine(of(Other("b", 2)))) == [("a", 1, "b", 2)]


def test_which_operators_give_value_channels() -> None:
    made = of(3, 1, 2)
    for name in ("collect", "to_list", "to_sorted_list", "first", "last", "count", "min", "max", "sum"):
        assert getattr(made, name)().is_value, name
    assert made.reduce(lambda a, b: a + b).value == 6
    for kept in ("map", "filter", "unique", "distinct"):
        argument = () if kept in {"unique", "distinct"} else (lambda item: True,)
        assert getattr(channel.value(1), kept)(*argument).is_value, kept
        assert not getattr(made, kept)(*argument).is_value, kept
    assert not channel.value([1, 2]).flat_map().is_value


def test_branch_and_multi_map_give_channels_by_name() -> None:
    result = of(1, 2, 3, 40, 50).branch(small=lambda v: v < 10, large=lambda v: v < 50, other=True)
    assert [list(each) for each in result] == [[1, 2, 3], [40], [50]]
    assert list(result.small) == [1, 2, 3]
    inc, squared = of(1, 2, 3, 4).multi_map(inc=lambda v: v + 1, squared=lambda v: v * v)
    assert (list(inc), list(squared)) == ([2, 3, 4, 5], [1, 4, 9, 16])


def test_a_branchs_condition_is_asked_once_for_each_item() -> None:
    asked: list[int] = []
    result = of(1, 2).branch(one=lambda v: asked.append(v) or v == 1, other=True)
    assert list(result.one) + list(result.other) + list(result.one) == [1, 2, 1]
    assert asked == [1, 2]


def test_tap_gives_the_channel_itself_and_view_prints_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[Any] = []
    assert list(of("a", "b").tap(seen.append).map(str.upper)) == ["A", "B"]
    assert list(seen[0]) == ["a", "b"]
    assert list(of(1, 2).view(lambda v: f"item {v}", tag="log")) == [1, 2]
    of(3, 4).view(newline=False)
    assert capsys.readouterr().out == "[log] item 1\n[log] item 2\n34"


REFUSED: dict[str, tuple[Callable[[], Any], str]] = {
    "map": (lambda: of(1).map(3), "`map`: `function` must be a function of an item, not 3"),
    "take": (lambda: of(1).take("3"), "`take`: `n` must be a whole number from -1 on, not '3'"),
    "take bool": (lambda: of(1).take(True), "`take`: `n` must be a whole number"),
    "collate": (lambda: of(1).collate(0), "`collate`: `size` must be a whole number from 1 on, not 0"),
    "collate step": (lambda: of(1).collate(1, False), "`collate`: `step` must be a whole number"),
    "collect flat": (lambda: of(1).collect(flat=1), "`collect`: `flat` must be True or False, not 1"),
    "collect sort": (lambda: of(1).collect(sort="up"), "`collect`: `sort` must be True, False or a function"),
    "buffer": (lambda: of(1).buffer(), "`buffer` takes one condition"),
    "buffer both": (lambda: of(1).buffer(2, size=2), "`buffer` takes one condition"),
    "group_tuple remainder": (lambda: of(1).group_tuple(remainder=True), "`remainder` goes with `size`"),
    "group_tuple by": (lambda: of(1).group_tuple(by=1.5), "`group_tuple`: `by` must be a position from 0 on, a field"),
    "join": (lambda: of(1).join([1]), "`join`: `other` must be a channel"),
    "join options": (lambda: of(1).join(of(1), remainder=True, fail_on_mismatch=True), "contradict each other"),
    "combine": (lambda: of(1).combine("ab"), "`combine`: `other` must be a channel, or a list"),
    "merge": (lambda: of(1).merge(), "`merge` takes at least one other channel"),
    "mix": (lambda: of(1).mix(of(1), 2), "`mix`: `others` must be a channel"),
    "branch": (lambda: of(1).branch(), "`branch` takes at least one channel"),
    "multi_map": (lambda: of(1).multi_map(a=1), "`multi_map`: `a` must be a function"),
    "filter by a channel": (lambda: of(1).filter(of(1)), "`filter`: `condition` must be a predicate"),
    "view": (lambda: of(1).view(tag=1), "`view`: `tag` must be a text"),
    "split_csv": (lambda: of("a").split_csv(sep="::"), "`split_csv`: `sep` must be one character"),
    "split_text": (lambda: of("a").split_text(by=0), "`split_text`: `by` must be a whole number from 1 on"),
    "split charset": (lambda: of("a").split_text(charset="utf-99"), "`charset` must be the name of an encoding"),
    "split compress": (lambda: of("a").split_text(compress=True), "`compress` goes with `file=True`"),
    "split_fasta fields": (lambda: of("a").split_fasta(record=["name"]), "there is no field `name`; there are id,"),
    "split_fasta size": (lambda: of("a").split_fasta(size="big"), "`split_fasta`: `size`: 'big' is not an amount"),
    "split_fastq": (lambda: of("a").split_fastq(pe=True, elem=1), "`pe` and `elem` both say"),
    "split file and record": (lambda: of("a").split_fasta(file=True, record=True), "`file` and `record` contradict"),
    "collect_file": (lambda: of("a").collect_file(sort="hash"), "`collect_file`: `sort` must be True, False"),
    "a channel as an item": (lambda: of(of(1)), "an item cannot be a channel"),
    "a text as a list": (lambda: channel.from_list("abc"), "`items` must be a list"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_arguments_are_refused_at_the_call_by_name(name: str) -> None:
    made, said = REFUSED[name]
    with pytest.raises(InputError, match=re.escape(said)):
        made()


FAILING: dict[str, tuple[Callable[[], Any], str, str]] = {
    "map": (lambda: of(1, "x").map(lambda v: v + 1), "raised in `map` of a channel, for the item 'x'", "str"),
    "map to a channel": (lambda: of(1).map(of), "raised in `map` of a channel, for the item 1", "returned a channel"),
    "filter": (lambda: of(1, "x").filter(lambda v: v + 1), "raised in `filter` of a channel, for the item 'x'", "str"),
    "flat_map": (
        lambda: of(0).flat_map(lambda v: [1 / v]),
        "raised in `flat_map` of a channel, for the item 0",
        "zero",
    ),
    "reduce": (lambda: of(1, "x").reduce(lambda a, b: a + b), "raised in `reduce` of a channel, for the item 'x'", "+"),
    "min": (lambda: of(1, "x").min(), "raised in `min` of a channel, for the item 'x'", "<"),
    "to_sorted_list": (lambda: of(1, "x").to_sorted_list(), "raised in `to_sorted_list` of a channel", "<"),
    "group_tuple": (
        lambda: of(1).group_tuple(),
        "raised in `group_tuple` of a channel, for the item 1",
        "takes tuples",
    ),
    "group_tuple sizes": (lambda: of((1, 2), (1, 2, 3)).group_tuple(), "for the item (1, 2, 3)", "make them equal"),
    "join": (
        lambda: of((1, 2)).join(of((1, 2)), by=5),
        "raised in `join` of a channel, for the item (1, 2)",
        "none at position 5",
    ),
    "join by name": (lambda: of((1, 2)).join(of((1, 2)), by="id"), "raised in `join`", "no field `id`"),
    "cross": (lambda: of((1, 2)).cross(of(3), lambda v: v[0]), "raised in `cross` of a channel, for the item 3", "int"),
    "transpose": (lambda: of((1, 2)).transpose(by=1), "raised in `transpose` of a channel", "`by` expects a list"),
    "branch": (lambda: of("x").branch(a=lambda v: v > 1).a, "raised in `branch` of a channel, for the item 'x'", ">"),
    "split_fastq": (lambda: of("@a\nAC\n").split_fastq(), "raised in `split_fastq` of a channel", "no FASTQ"),
    "split_json": (lambda: of("{").split_json(), "raised in `split_json` of a channel, for the item '{'", "no JSON"),
    "split_csv": (lambda: of(3).split_csv(), "raised in `split_csv` of a channel, for the item 3", "cannot be split"),
    "a set": (lambda: of(1).flat_map(lambda v: {v}), "raised in `flat_map`", "a set has no order"),
}


@pytest.mark.parametrize("name", FAILING)
def test_what_fails_names_the_operator_and_the_item(name: str) -> None:
    made, note, said = FAILING[name]
    with pytest.raises(Exception, match=re.escape(said)) as caught:
        list(made())
    assert note in "\n".join(caught.value.__notes__)


def test_join_refuses_what_it_was_told_to_refuse() -> None:
    left, right = of(("a", 1), ("a", 2), ("b", 3)), of(("a", 4), ("c", 5))
    with pytest.raises(InputError, match="the key 'a' comes twice in this channel"):
        list(left.join(right, fail_on_duplicate=True))
    with pytest.raises(InputError, match="the key 'a' comes twice in the other channel"):
        list(right.join(left, fail_on_duplicate=True))
    with pytest.raises(InputError, match="3 items have no partner.*'a', 'b', 'c'"):
        list(left.join(right, fail_on_mismatch=True))
    assert list(right.join(right, fail_on_mismatch=True, fail_on_duplicate=True)) == [("a", 4, 4), ("c", 5, 5)]


@pytest.mark.parametrize(
    ("name", "proposal"),
    [
        ("flatMap", "did you mean `flat_map`"),
        ("groupTuple", "did you mean `group_tuple`"),
        ("splitCsv", "did you mean `split_csv`"),
        ("toSortedList", "did you mean `to_sorted_list`"),
        ("ifEmpty", "did you mean `if_empty`"),
        ("colect", "did you mean `collect`"),
        ("set", "an assignment does it"),
        ("subscribe", "loop over the channel"),
        ("countFasta", ".split_fasta().count()"),
    ],
)
def test_an_unknown_operator_proposes_the_right_one(name: str, proposal: str) -> None:
    with pytest.raises(AttributeError, match=re.escape(proposal)):
        getattr(of(1), name)
    assert not hasattr(of(1), "qqqqqq")


def test_the_examples_in_the_help_are_true(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = [f"{operators.__name__}.{module.name}" for module in pkgutil.iter_modules(operators.__path__)]
    tried = 0
    for name in (*names, "nbflow.execution.channels.channels"):
        results = doctest.testmod(importlib.import_module(name), extraglobs={"channel": channel, "re": re})
        assert results.failed == 0, name
        tried += results.attempted
    assert tried > 40
