"""Values get one digest exactly when a task that receives them through a pickle trip cannot tell them apart."""

from __future__ import annotations

import array
import collections
import concurrent.futures
import copy
import csv
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import itertools
import operator
import os
import pathlib
import pickle
import random
import re
import socket
import sqlite3
import struct
import subprocess
import sys
import threading
import types
import uuid
import weakref
import zoneinfo
from typing import Any, NamedTuple

import cloudpickle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.core.values.hashing import Digester, digest
from nbflow.errors import UnhashableInputError


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Shade(enum.Enum):
    RED = 1


class Size(enum.Enum):
    SMALL = (1, 2)


class Level(enum.IntFlag):
    LOW = 1
    HIGH = 2


class Point(NamedTuple):
    x: int
    y: int


class Text(str):
    pass


class Number(int):
    pass


class Table(dict):  # type: ignore[type-arg]
    pass


class Rows(list):  # type: ignore[type-arg]
    pass


@dataclasses.dataclass
class Box:
    content: object


@dataclasses.dataclass
class Crate:
    content: object


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    a: object
    b: object = None


class Cached:
    def __init__(self, n: int) -> None:
        self.n = n

    @functools.cached_property
    def square(self) -> int:
        return self.n**2

    def __getstate__(self) -> dict[str, int]:
        return {"n": self.n}

    def __setstate__(self, state: dict[str, int]) -> None:
        self.__dict__.update(state)


def filled(cached: Cached) -> Cached:
    assert cached.square
    return cached


class Holder:
    def __init__(self, n: int) -> None:
        self.n = n

    def twice(self) -> int:
        return 2 * self.n

    def thrice(self) -> int:
        return 3 * self.n


class Own:
    def __init__(self, key: object, noise: object) -> None:
        self.key = key
        self.noise = noise

    def __nbflow_digest__(self) -> object:
        return self.key


class Stepper:
    """An iterator of one's own: its state is its value."""

    def __init__(self, at: int) -> None:
        self.at = at

    def __iter__(self) -> Stepper:
        return self

    def __next__(self) -> int:
        self.at += 1
        return self.at


class Keeper:
    """Its state is a dict that it keeps, and may share with others."""

    def __init__(self, state: dict[str, int]) -> None:
        self.state = state

    def __getstate__(self) -> dict[str, int]:
        return self.state

    def __setstate__(self, state: dict[str, int]) -> None:
        self.state = state


class _AnyName(type):
    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__nbflow"):
            return lambda value: 0
        raise AttributeError(name)


class Answering(metaclass=_AnyName):
    def __init__(self, n: int) -> None:
        self.n = n


def advanced(generator: random.Random) -> random.Random:
    generator.random()
    return generator


def shared(count: int) -> list[object]:
    inner = [1]
    return [inner] * count


def cycle(length: int) -> list[object]:
    first: list[object] = []
    last = first
    for _ in range(length - 1):
        last.append([])
        last = last[0]  # type: ignore[assignment]
    last.append(first)
    return first


def _aware(zone: str) -> datetime.datetime:
    return datetime.datetime(2024, 7, 1, 12, tzinfo=zoneinfo.ZoneInfo(zone))


_UTC = datetime.UTC
_NAN = float("nan")
_OTHER_NAN = struct.unpack("<d", b"\x01\x00\x00\x00\x00\x00\xf8\x7f")[0]

DIFFERENT: dict[str, object] = {
    "int 1": 1,
    "True": True,
    "float 1": 1.0,
    "decimal 1": decimal.Decimal(1),
    "decimal 1.0": decimal.Decimal("1.0"),
    "fraction 1": fractions.Fraction(1),
    "complex 1": complex(1, 0),
    "complex 1-0j": complex(1, -0.0),
    "str 1": "1",
    "bytes 1": b"1",
    "bytearray 1": bytearray(b"1"),
    "memoryview 1": memoryview(b"1"),
    "array of chars": array.array("b", b"1"),
    "array of unsigned": array.array("B", b"1"),
    "empty array": array.array("d"),
    "number subclass": Number(1),
    "text subclass": Text("1"),
    "0.0": 0.0,
    "-0.0": -0.0,
    "0": 0,
    "False": False,
    "None": None,
    "...": ...,
    "NotImplemented": NotImplemented,
    "nan": _NAN,
    "other nan": _OTHER_NAN,
    "2**70": 2**70,
    "2**71": 2**71,
    "2**31": 2**31,
    "2**63": 2**63,
    "empty str": "",
    "empty bytes": b"",
    "empty list": [],
    "empty tuple": (),
    "empty dict": {},
    "empty set": set(),
    "empty frozenset": frozenset(),
    "empty range": range(0),
    "other empty range": range(2, 2),
    "list": [1, 2],
    "tuple": (1, 2),
    "set": {1, 2},
    "frozenset": frozenset({1, 2}),
    "deque": collections.deque([1, 2]),
    "short deque": collections.deque([1, 2], maxlen=2),
    "range": range(1, 3),
    "list subclass": Rows([1, 2]),
    "namedtuple": Point(1, 2),
    "dict of them": {1: 2},
    "dict ab": {"a": 1, "b": 2},
    "dict ba": {"b": 2, "a": 1},
    "ordered dict": collections.OrderedDict(a=1, b=2),
    "counter": collections.Counter(a=1, b=2),
    "default dict": collections.defaultdict(int, a=1, b=2),
    "other default": collections.defaultdict(float, a=1, b=2),
    "dict subclass": Table(a=1, b=2),
    "namespace": types.SimpleNamespace(a=1, b=2),
    "1: a": {1: "a"},
    "'1': a": {"1": "a"},
    "True: a": {True: "a"},
    "ab c": ["ab", "c"],
    "a bc": ["a", "bc"],
    "1 23": [1, 23],
    "12 3": [12, 3],
    "[[1],[2]]": [[1], [2]],
    "[[1,2]]": [[1, 2]],
    "[[[1]],2]": [[[1]], 2],
    "list with True": [True, 2],
    "list with 1.0": [1.0, 2],
    "flat pairs": ["a", 1, "b", 2],
    "set of str": {"1", "2"},
    "set of frozensets": {frozenset({1}), frozenset({2})},
    "set of tuples": {(1, 2)},
    "mixed set": {1, "a", (2,)},
    "mixed set 2": {1, "a", (2.0,)},
    "NFC": "\u00e9",
    "NFD": "e\u0301",
    "surrogate": "\ud800",
    "other surrogate": "\ud801",
    "NUL": "a\0b",
    "NUL longer": "a\0b\0",
    "twice the same": shared(2),
    "twice equal": [[1], [1]],
    "thrice the same": shared(3),
    "a, a, b": [(a := [1]), a, [1]],
    "a, b, a": [(a := [1]), [1], a],
    "cycle of 1": cycle(1),
    "cycle of 2": cycle(2),
    "cycle of 3": cycle(3),
    "box": Box(1),
    "crate": Crate(1),
    "dict like a box": {"content": 1},
    "box of 1.0": Box(1.0),
    "slotted": Slotted(1),
    "slotted 2": Slotted(1, 2),
    "cached": Cached(3),
    "own": Own(1, 2),
    "red": Colour.RED,
    "blue": Colour.BLUE,
    "other red": Shade.RED,
    "flag": Level.LOW,
    "flags": Level.LOW | Level.HIGH,
    "date": datetime.date(2024, 7, 1),
    "datetime": datetime.datetime(2024, 7, 1),
    "fold": datetime.datetime(2024, 7, 1, fold=1),
    "utc": datetime.datetime(2024, 7, 1, tzinfo=_UTC),
    "noon in Rome": _aware("Europe/Rome"),
    "noon in Paris": _aware("Europe/Paris"),
    "time": datetime.time(1),
    "time fold": datetime.time(1, fold=1),
    "timedelta": datetime.timedelta(1),
    "timezone": _UTC,
    "named timezone": datetime.timezone(datetime.timedelta(0), "X"),
    "path": pathlib.Path("a"),
    "pure path": pathlib.PurePosixPath("a"),
    "text a": "a",
    "pattern": re.compile("a"),
    "pattern i": re.compile("a", re.IGNORECASE),
    "bytes pattern": re.compile(b"a"),
    "uuid": uuid.UUID(int=1),
    "slice": slice(1, 2),
    "slice 2": slice(1, 2, 1),
    "rng": random.Random(1),
    "rng 2": random.Random(2),
    "advanced rng": advanced(random.Random(1)),
    "error": ValueError("a"),
    "other error": TypeError("a"),
    "bytes io": io.BytesIO(b"abc"),
    "string io": io.StringIO("abc"),
    "partial": functools.partial(operator.add, 1),
    "other partial": functools.partial(operator.add, 2),
    "sub partial": functools.partial(operator.sub, 1),
    "method": Holder(1).twice,
    "other method": Holder(1).thrice,
    "method of another": Holder(2).twice,
    "builtin": len,
    "other builtin": min,
    "class": Holder,
    "builtin class": int,
    "list of ints": list[int],
    "int or str": int | str,
    "append": [].append,
    "append to 1": [1].append,
    "keys of a dict": {1: 2, 3: 4}.keys(),
    "values of a dict": {1: 1, 2: 3}.values(),
    "items of a dict": {1: 2}.items(),
    "keys as a list": [1, 3],
    "keys of an ordered dict": collections.OrderedDict({1: 2, 3: 4}).keys(),
    "array of letters": array.array("u", "ab"),
    "read-only dict": types.MappingProxyType({1: 2}),
    "kept state": [state := {"a": 1}, Keeper(state)],
    "copied state": [{"a": 1}, Keeper({"a": 1})],
    "answers to any name": Answering(1),
    "answers to any name 2": Answering(2),
    "own iterator": Stepper(1),
    "own iterator later": Stepper(2),
    "many": list(range(70_000)),
    "many but one": [*range(69_999), -1],
    "large dict": {i: i for i in range(70_000)},
    "large dict, last differs": {**{i: i for i in range(69_999)}, 69_999: 0},
    "many strings": [*map(str, range(10_000))],
    "many strings, other": [*map(str, range(9_999)), ""],
    "many strings, one a subclass": [*map(str, range(9_999)), Text("9999")],
    "many strings with NUL": ["a\0b", *map(str, range(10_000))],
    "many strings with NUL elsewhere": ["a", "b\0" + "0", *map(str, range(1, 10_000))],
    "many strings as a tuple": tuple(map(str, range(10_000))),
    "many strings and a float": [*map(str, range(10_000)), 1.0],
    "many strings and a True": [*map(str, range(10_000)), True],
    "many ones": [1] * 10_000,
    "many Trues": [True] * 10_000,
    "many 1.0": [1.0] * 10_000,
    "many and a True": [1] * 9_999 + [True],
    "long bytes": bytes(100_000),
    "longer bytes": bytes(100_001),
}


def test_values_of_different_type_order_length_or_sharing_have_different_digests() -> None:
    owners: dict[bytes, str] = {}
    collisions = []
    for name, value in DIFFERENT.items():
        other = owners.setdefault(digest(value), name)
        if other != name:
            collisions.append((other, name))
    assert collisions == []


@pytest.mark.parametrize("wrap", [lambda v: [v, {1}], lambda v: (v, {1}), lambda v: {"k": v, "s": {1}}, Box])
def test_values_differ_also_inside_what_is_not_plain(wrap: Any) -> None:
    digests = [digest(wrap(value)) for value in DIFFERENT.values()]
    assert len(set(digests)) == len(digests)


def _built(text: str) -> str:
    return "".join(list(text))


_T = (1, "x")
EQUAL: dict[str, tuple[object, object]] = {
    "nan of the same bits": (float("nan"), float("nan")),
    "interned and built strings": ("hello world", _built("hello world")),
    "shared and equal strings": ([_T[1], _T[1]], ["x", _built("x")]),
    "shared and equal tuples": ([_T, _T, {1}], [_T, (1, _built("x")), {1}]),
    "shared and equal tuples, plain": ([_T, _T], [_T, tuple(v for v in _T)]),
    "shared and equal decimals": ([d := decimal.Decimal(1), d], [decimal.Decimal(1), decimal.Decimal(1)]),
    "shared and equal datetimes": (
        [d := datetime.datetime(2024, 1, 1, tzinfo=_UTC), d],
        [datetime.datetime(2024, 1, 1, tzinfo=_UTC) for _ in "ab"],
    ),
    "shared and equal frozensets": ([f := frozenset({1, "a"}), f], [frozenset({"a", 1}), frozenset({1, "a"})]),
    "shared and equal large numbers": ([n := 10**30, n, {1}], [10**30, 10 ** len("x" * 30), {1}]),
    "an enum's value and an equal one": ([Size.SMALL.value, {Size.SMALL}], [tuple([1, 2][:]), {Size.SMALL}]),
    "sets built in another order": ({8, 0, 16, "a"}, {16, "a", 8, 0}),
    "filled cached property that is not pickled": (Cached(3), filled(Cached(3))),
    "what a class's own digest leaves out": (Own(1, "noise"), Own(1, threading.Lock())),
    "an object and its dict, or a copy of it": ([b := Box(1), b.__dict__], [b := Box(1), dict(b.__dict__)]),
    "memoryview of other memory": (memoryview(b"1"), memoryview(bytearray(b"1"))),
    "cycles of the same length": (cycle(3), cycle(3)),
    "equal error": (ValueError("a"), ValueError("a")),
}


@pytest.mark.parametrize("name", EQUAL)
def test_what_a_task_cannot_see_does_not_count(name: str) -> None:
    left, right = EQUAL[name]
    assert digest(left) == digest(right)


_VIEWS = ("keys of an ordered dict", "keys of a dict", "values of a dict", "items of a dict", "read-only dict")


@pytest.mark.parametrize("name", [name for name in DIFFERENT if name not in ("memoryview 1", "own")])
def test_the_trip_keeps_the_digest(name: str) -> None:
    value = DIFFERENT[name]
    assert digest(pickle.loads(cloudpickle.dumps(value))) == digest(value)


@pytest.mark.parametrize(
    "name", [name for name in DIFFERENT if name not in ("memoryview 1", "append", "append to 1", *_VIEWS)]
)
def test_a_deep_copy_keeps_the_digest(name: str) -> None:
    value = DIFFERENT[name]
    assert digest(copy.deepcopy(value)) == digest(value)


_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=()), max_size=4)
    | st.binary(max_size=4)
)
_hashable = st.recursive(
    _scalars | st.sampled_from(list(Colour)) | st.decimals(allow_nan=False),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
_values = st.recursive(
    _hashable,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(_hashable, inner, max_size=3)
        | st.sets(_hashable, max_size=4)
        | inner.map(lambda v: [v, v])
        | inner.map(lambda v: (v, v))
        | inner.map(lambda v: [v, copy.deepcopy(v)])
        | st.builds(Box, inner)
        | st.builds(Slotted, inner, inner)
        | st.builds(types.SimpleNamespace, a=inner, b=inner)
        | st.lists(inner, max_size=3).map(collections.deque)
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(_values)
def test_any_value_keeps_its_digest_over_pickle_trips_and_copies(value: object) -> None:
    once = pickle.loads(pickle.dumps(value))
    assert digest(once) == digest(value)
    assert digest(pickle.loads(pickle.dumps(once, 5))) == digest(value)
    assert digest(copy.deepcopy(value)) == digest(value)


def _spelled(value: object, met: dict[int, int]) -> object:
    """An encoding that is slow and plain to see, to hold the digest against."""
    if isinstance(value, tuple):
        return ("tuple", [_spelled(item, met) for item in value])
    if isinstance(value, frozenset):
        return ("frozenset", sorted(repr(_spelled(item, met)) for item in value))
    if isinstance(value, list | dict | set):
        if id(value) in met:
            return ("again", met[id(value)])
        met[id(value)] = len(met)
    if isinstance(value, list):
        return ("list", [_spelled(item, met) for item in value])
    if isinstance(value, dict):
        return ("dict", [(_spelled(key, met), _spelled(item, met)) for key, item in value.items()])
    if isinstance(value, set):
        return ("set", sorted(repr(_spelled(item, met)) for item in value))
    return (type(value).__name__, repr(value))


_simple = st.recursive(
    st.sampled_from([None, True, False, 0, 1, 1.0, 0.0, -0.0, "", "1", b"", b"1"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.tuples(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(st.sampled_from(["a", 1, "1", (1,)]), inner, max_size=2)
        | st.sets(st.sampled_from([1, "1", (1,), frozenset({1})]), max_size=2)
        | st.lists(inner, min_size=1, max_size=1).map(lambda v: [v, v])
    ),
    max_leaves=4,
)


@settings(max_examples=500, deadline=None)
@given(_simple, _simple)
def test_digests_agree_exactly_where_a_slow_spelled_out_encoding_does(left: object, right: object) -> None:
    same = repr(_spelled(left, {})) == repr(_spelled(right, {}))
    assert (digest(left) == digest(right)) == same


def test_a_tuple_that_holds_a_list_counts_what_it_shares() -> None:
    inner: list[int] = []
    assert digest([(inner,), (inner,)]) != digest([([],), ([],)])


@pytest.mark.parametrize(
    ("together", "apart"),
    [
        (lambda rows: [rows, rows[0], {1}], lambda rows: [rows, list(rows[0]), {1}]),
        (lambda rows: [rows[0], rows, {1}], lambda rows: [list(rows[0]), rows, {1}]),
        (
            lambda rows: {"a": {1}, "rows": rows, "one": rows[1]},
            lambda rows: {"a": {1}, "rows": rows, "one": list(rows[1])},
        ),
    ],
)
def test_sharing_with_the_inside_of_a_plain_part_counts(together: Any, apart: Any) -> None:
    assert digest(together([[1], [2]])) != digest(apart([[1], [2]]))


def test_ten_thousand_nested_lists_have_a_digest() -> None:
    def nested(depth: int, core: object) -> object:
        value = core
        for _ in range(depth):
            value = [value]
        return value

    assert digest(nested(10_000, 1)) != digest(nested(10_001, 1))
    assert digest(nested(10_000, 1)) != digest(nested(10_000, {1}))


def test_a_deep_chain_of_objects_and_tuples_has_a_digest() -> None:
    box: object = None
    pair: object = None
    for _ in range(5_000):
        box, pair = Box(box), (pair, 1)
    assert len(digest([box, pair])) == 16


def test_a_tuple_that_would_be_endless_written_out_is_digested_once() -> None:
    doubled: object = ({1}, 1)
    plain: object = (1, "a")
    for _ in range(60):
        doubled, plain = (doubled, doubled), (plain, plain)
    assert digest(doubled) != digest(plain)


def test_objects_in_cycles_have_digests() -> None:
    def ring(size: int) -> Box:
        first = Box(None)
        last = first
        for _ in range(size - 1):
            last = Box(last)
        first.content = last
        return first

    assert digest(ring(2)) == digest(ring(2))
    assert digest(ring(2)) != digest(ring(3))


class Node:
    """Hashed by identity, as most classes are: a set of these has another order in each process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.near: set[Node] = set()


def graph(size: int) -> list[Node]:
    nodes = [Node(f"n{i}") for i in range(size)]
    for i, node in enumerate(nodes):
        node.near = {nodes[(i + 1) % size], nodes[(i * 7 + 3) % size]}
    return nodes


def test_a_graph_of_objects_joined_by_sets_has_one_digest_in_any_order_of_its_sets() -> None:
    nodes = graph(60)
    assert len({digest(pickle.loads(pickle.dumps(nodes))) for _ in range(4)} | {digest(nodes)}) == 1
    nodes[0].near.add(nodes[5])
    assert digest(nodes) != digest(graph(60))


_SEEDS = """
import sys, enum, collections, datetime
sys.path[:0] = {path!r}
from tests.core.test_hashing import DIFFERENT, Box, graph
from nbflow.core.values.hashing import digest, fingerprint
left_out = ("memoryview 1",)
values = [value for name, value in DIFFERENT.items() if name not in left_out]
values += [Box({{"a", "b", ("c", frozenset("defg"))}}), {{"k": [set("abcdefgh"), frozenset("xyz")]}}, graph(20)]
print(fingerprint(b"".join(map(digest, values))).hex())
"""


def test_digests_do_not_depend_on_the_process_or_its_hash_seed() -> None:
    root = pathlib.Path(__file__).parents[2]
    script = _SEEDS.format(path=[str(root)])
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
            cwd=root,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(found) == 1


def test_digests_stay_what_they_were() -> None:
    """A digest that changes makes every cached task run again: change `parts.SCHEME` with it, and these."""
    assert [digest(value).hex() for value in (None, 1, "a", [1, [2.5]], {"k": {1, 2}})] == GOLDEN


GOLDEN = [
    "626d368fe0e74b4f1a038927df1311d6",
    "b43a4514c6d4d1e4e99dcaa8de4d257c",
    "42cff90093d232be3dcd9b448107e113",
    "f66fd4845592f3b1905e48b7c16a3219",
    "356c2ab7d0c7f8ff9ed4a25fe68b8345",
]


def _generator() -> Any:
    yield 1


_REFUSED: dict[str, Any] = {
    "generator": _generator,
    "list iterator": lambda: iter([1]),
    "dict iterator": lambda: iter({}),
    "map": lambda: map(len, []),
    "zip": lambda: zip([1], [2], strict=True),
    "enumerate": lambda: enumerate([1]),
    "reversed": lambda: reversed([1]),
    "count": itertools.count,
    "chain": lambda: itertools.chain([1]),
    "lock": threading.Lock,
    "rlock": threading.RLock,
    "event": threading.Event,
    "condition": threading.Condition,
    "thread": threading.Thread,
    "local": threading.local,
    "socket": socket.socket,
    "database": lambda: sqlite3.connect(":memory:"),
    "open file": lambda: open(os.devnull),  # noqa: SIM115
    "open binary file": lambda: open(os.devnull, "rb"),  # noqa: SIM115
    "weak reference": lambda: weakref.ref(Holder),
    "weak values": weakref.WeakValueDictionary,
    "module": lambda: os,
    "frame": sys._getframe,
    "weak proxy": lambda: weakref.proxy(Holder),
    "iterator of an array": lambda: iter(array.array("b", b"1")),
    "iterator of matches": lambda: re.finditer("a", "a"),
    "pairs": lambda: itertools.pairwise([1, 2]),
    "rows of a text": lambda: csv.reader(["a"]),
    "pool": lambda: concurrent.futures.ThreadPoolExecutor(1),
    "future": concurrent.futures.Future,
    "system randomness": random.SystemRandom,
}


@pytest.mark.parametrize("name", _REFUSED)
@pytest.mark.filterwarnings("ignore:Pickle, copy, and deepcopy:DeprecationWarning")
def test_what_has_no_content_is_refused_with_its_place_and_the_way_out(name: str) -> None:
    value = _REFUSED[name]()
    for wrapped, place in ([value], "config[0]"), (Box({"a": value}), 'config.content["a"]'), (value, "config"):
        with pytest.raises(UnhashableInputError) as caught:
            Digester().digest(wrapped, "config")
        assert str(caught.value).startswith(place + ": ")
        assert caught.value.name == place
        assert re.search("pass|await|create", str(caught.value))
    if name.startswith("open") or name in ("socket", "database"):
        value.close()


def test_a_refusal_under_a_key_too_large_to_write_out_still_names_the_place() -> None:
    with pytest.raises(UnhashableInputError, match=r"config\[int\]: a lock cannot be hashed"):
        Digester().digest({10**5000: threading.Lock()}, "config")


def test_how_decimals_are_written_does_not_count() -> None:
    before = digest(decimal.Decimal("1E+50"))
    with decimal.localcontext(capitals=0):
        assert digest(decimal.Decimal("1E+50")) == before


def test_a_refused_generator_is_not_consumed() -> None:
    generator = (n for n in [1, 2])
    with pytest.raises(UnhashableInputError, match="a generator cannot be hashed; pass a list"):
        digest({"rows": [generator]})
    assert list(generator) == [1, 2]


def test_a_refusal_names_the_place_as_a_user_would_write_it() -> None:
    with pytest.raises(UnhashableInputError, match=re.escape('config["locks"][0]: a lock cannot be hashed')):
        Digester().digest({"locks": [threading.Lock()]}, "config")


def test_an_iterator_of_ones_own_is_digested_by_its_state_and_not_advanced() -> None:
    stepper = Stepper(5)
    digest(stepper)
    assert next(stepper) == 6


class Failing:
    def __reduce__(self) -> str:
        raise RuntimeError("no trip for me")


def test_whatever_looking_into_a_value_raises_is_a_refusal_that_names_the_place() -> None:
    released = memoryview(b"a")
    released.release()
    with pytest.raises(UnhashableInputError, match=r"config\[0\]: a memoryview cannot be hashed .*released"):
        Digester().digest([released], "config")


def test_an_object_that_cannot_travel_is_refused_with_its_own_words() -> None:
    with pytest.raises(UnhashableInputError, match=r"x\.content: a .*Failing cannot be hashed .*no trip for me"):
        Digester().digest(Box(Failing()), "x")


def _helper() -> int:
    return 1


def test_code_met_inside_values_is_asked_for() -> None:
    asked: list[object] = []

    def code(value: object) -> bytes:
        asked.append(value)
        return b"code"

    Digester(code).digest([_helper, functools.partial(_helper), Holder(1).twice, Box(len), os, Colour.RED])
    for expected in (_helper, Holder.twice, Holder, Box, len, os, Colour, functools.partial):
        assert expected in asked


class _ByName:
    def __init__(self, name: str) -> None:
        self.name = name

    def __reduce__(self) -> str:
        return self.name


def test_the_module_where_a_task_finds_a_value_by_name_counts() -> None:
    """What lies there decides what the task gets; the class may be defined elsewhere."""
    home = types.ModuleType("nbflow_test_home")
    single = home.single = _ByName("single")  # type: ignore[attr-defined]
    single.__module__ = home.__name__
    sys.modules[home.__name__] = home
    try:
        old, new = (Digester(lambda value, text=text: text if value is home else b"") for text in (b"old", b"new"))
        assert old.digest([single]) != new.digest([single])
    finally:
        del sys.modules[home.__name__]


def test_methods_of_two_classes_of_one_name_differ() -> None:
    one, two = (type("Same", (), {"__slots__": ("a",), "__module__": module}) for module in ("one", "two"))
    assert digest(one.a) != digest(two.a)  # type: ignore[attr-defined]


def test_other_code_is_another_value() -> None:
    old, new = Digester(lambda value: b"old"), Digester(lambda value: b"new")
    for value in (
        _helper,
        Holder(1),
        Holder(1).twice,
        Colour.RED,
        functools.partial(_helper),
        (1, _helper),
        {Colour.RED},
    ):
        assert old.digest(value) != new.digest(value)
    assert old.digest([1, {"a": 2}]) == new.digest([1, {"a": 2}])


def test_what_lies_at_a_path_is_asked_for() -> None:
    def content(of: bytes) -> Digester:
        return Digester(path=lambda path: of if path.name == "a" else None)

    inside = [[pathlib.Path("a")], Box(pathlib.Path("a")), {("k", pathlib.Path("a"))}, {pathlib.Path("x/a"): 1}]
    for value in inside:
        assert content(b"old").digest(value) != content(b"new").digest(value)
        assert content(b"old").digest(value) != digest(value)
    assert content(b"old").digest([pathlib.Path("b")]) == digest([pathlib.Path("b")])


def test_a_set_of_objects_that_share_parts_with_its_surroundings_has_one_digest() -> None:
    def made() -> list[object]:
        part, other = [1], [1]
        return [part, Box(other), {Holder(part), Holder(other), Holder([1])}]  # type: ignore[arg-type]

    value = made()
    assert {digest(pickle.loads(pickle.dumps(value))) for _ in range(5)} == {digest(made())}


def test_a_sets_elements_may_hold_large_parts() -> None:
    """The order of a set must not depend on how far its elements were looked into."""
    rows = [Holder([*range(1000), i]) for i in range(5)]  # type: ignore[arg-type]
    mixed = [Holder([*range(1000), {1}, i]) for i in range(5)]  # type: ignore[arg-type]
    assert digest(set(rows)) == digest(set(rows)) == digest(pickle.loads(pickle.dumps(set(rows))))
    assert digest(set(mixed[:2])) != digest(set(mixed[1:3]))


def _local_functions(constant: int) -> list[Any]:
    return [lambda: constant, lambda x=constant: x, lambda: 1, lambda: 1.0, lambda: True, lambda: {1: 2}]


def test_local_functions_without_code_count_by_code_object_defaults_and_closure() -> None:
    digests = [digest(function) for function in _local_functions(1) + _local_functions(2)[:2]]
    assert len(set(digests)) == len(digests)
    assert digest(_local_functions(1)[0]) == digest(_local_functions(1)[0])


def test_a_cached_function_counts_by_what_it_wraps() -> None:
    def cached(constant: int) -> Any:
        return functools.lru_cache(lambda: constant)

    warm = cached(1)
    warm()
    assert digest(warm) == digest(cached(1))
    assert digest(warm) != digest(cached(2))


def test_an_id_used_again_never_brings_back_an_old_digest() -> None:
    class Fresh:
        """Reduces to objects that live no longer than the visit; their ids would be given out again."""

        def __init__(self, n: int) -> None:
            self.n = n

        def __reduce__(self) -> Any:
            return list, ([[self.n], [self.n]],)

    digests = [digest([Fresh(i), Fresh(j)]) for i in range(20) for j in range(20)]
    assert len(set(digests)) == 400
