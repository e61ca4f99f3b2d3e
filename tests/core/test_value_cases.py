"""What makes two values the same for a task, case by case, through `nbflow.digest`."""

# ruff: noqa: PIE807, PLC3002, PLW0108 -- every case makes its values anew, and reads as the one beside it
from __future__ import annotations

import collections
import copy
import dataclasses
import datetime
import decimal
import enum
import functools
import pathlib
import pickle
import random
import re
import types
import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic
import pytest
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import nbflow
from nbflow.errors import UnhashableInputError

Make = Callable[[], Any]


class Foo:
    def __init__(self, n: Any) -> None:
        self.n = n


class Bar(Foo):
    pass


class Red(enum.Enum):
    RED = 1


class Rouge(enum.Enum):
    RED = 1


class Pair(NamedTuple):
    a: int
    b: int


class Text(str):
    pass


class Whole(int):
    pass


class Same:
    """Equal to everything, and without a hash."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, n: int) -> None:
        self.n = n

    def __eq__(self, other: object) -> bool:
        return True


class Slots:
    __slots__ = ("a", "b")

    def __init__(self, **values: int) -> None:
        for name, value in values.items():
            setattr(self, name, value)


class SlotsAndMore(Slots):
    pass


class Lazy:
    def __init__(self, n: int) -> None:
        self.n = n

    @functools.cached_property
    def twice(self) -> int:
        return 2 * self.n

    def __getstate__(self) -> dict[str, int]:
        return {"n": self.n}


class Model(pydantic.BaseModel):
    x: int = 1
    y: list[int] = []
    _hidden: int = pydantic.PrivateAttr(default=0)


@dataclasses.dataclass
class Record:
    a: int
    b: int = dataclasses.field(default=0, compare=False, repr=False)


def asked(lazy: Lazy) -> Lazy:
    assert lazy.twice
    return lazy


def changed(value: Any, **attributes: Any) -> Any:
    for name, attribute in attributes.items():
        setattr(value, name, attribute)
    return value


def ring(*others: int) -> list[Any]:
    first: list[Any] = [*others]
    first.append(first)
    return first


def advanced(generator: Any) -> Any:
    generator.random()
    return generator


def weights(columns: int = 3) -> Any:
    features = np.random.default_rng(0).random((30, columns))
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(features, features[:, 0] > 0.5)


def at_noon(zone: str) -> pd.Timestamp:
    return pd.Timestamp("2024-07-01 12:00", tz="UTC").tz_convert(zone)


SQUARE = np.arange(9.0).reshape(3, 3)
FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
CHUNKED = pa.concat_tables([pa.table({"a": [i]}) for i in range(7)])

DIFFERENT: dict[str, tuple[Make, Make]] = {
    "one and True": (lambda: 1, lambda: True),
    "one and 1.0": (lambda: 1, lambda: 1.0),
    "True and 1.0": (lambda: True, lambda: 1.0),
    "one and Decimal 1": (lambda: 1, lambda: decimal.Decimal(1)),
    "one and numpy's": (lambda: 1, lambda: np.int64(1)),
    "one and True inside": (lambda: [{"a": (1,)}], lambda: [{"a": (True,)}]),
    "text and number": (lambda: "1", lambda: 1),
    "text and bytes": (lambda: "1", lambda: b"1"),
    "zero and minus zero": (lambda: 0.0, lambda: -0.0),
    "two integers above 64 bits": (lambda: 2**70, lambda: 2**71),
    "an integer of 20,000 digits and the next": (lambda: 10**20_000, lambda: 10**20_000 + 1),
    "ab, c and a, bc": (lambda: ["ab", "c"], lambda: ["a", "bc"]),
    "1, 23 and 12, 3": (lambda: [1, 23], lambda: [12, 3]),
    "two lists and one": (lambda: [[1], [2]], lambda: [[1, 2]]),
    "empty list and empty text": (lambda: [], lambda: ""),
    "empty dict and None": (lambda: {}, lambda: None),
    "list and tuple": (lambda: [1, 2], lambda: (1, 2)),
    "set and frozenset": (lambda: {1, 2}, lambda: frozenset({1, 2})),
    "list and deque": (lambda: [1, 2], lambda: collections.deque([1, 2])),
    "list and range": (lambda: [1, 2], lambda: range(1, 3)),
    "tuple and named tuple": (lambda: (1, 2), lambda: Pair(1, 2)),
    "the order of a dict": (lambda: {"a": 1, "b": 2}, lambda: {"b": 2, "a": 1}),
    "dict and ordered dict": (lambda: {"a": 1}, lambda: collections.OrderedDict(a=1)),
    "dict and default dict": (lambda: {"a": 1}, lambda: collections.defaultdict(int, a=1)),
    "dict and counter": (lambda: {"a": 1}, lambda: collections.Counter(a=1)),
    "number and text as a key": (lambda: {1: "a"}, lambda: {"1": "a"}),
    "composed and decomposed letters": (lambda: "\u00e9", lambda: "e\u0301"),
    "two lone surrogates": (lambda: "\ud800", lambda: "\ud801"),
    "text with NUL and longer": (lambda: "a\0", lambda: "a\0\0"),
    "one list twice and two equal lists": (lambda: [a := [1], a], lambda: [[1], [1]]),
    "one object twice and two equal objects": (lambda: [a := Foo(1), a], lambda: [Foo(1), Foo(1)]),
    "two rings": (lambda: ring(1), lambda: ring(2)),
    "instances of two classes": (lambda: Foo(1), lambda: Bar(1)),
    "an instance and a dict of its attributes": (lambda: Foo(1), lambda: {"n": 1}),
    "instances that call themselves equal": (lambda: Same(1), lambda: Same(2)),
    "slots that are filled and not": (lambda: Slots(a=1), lambda: Slots(a=1, b=2)),
    "slots and attributes": (lambda: SlotsAndMore(a=1, c=2), lambda: SlotsAndMore(a=1, c=3)),
    "a field left out of comparisons": (lambda: Record(1, 2), lambda: Record(1, 3)),
    "members of the same name": (lambda: Red.RED, lambda: Rouge.RED),
    "a member and its value": (lambda: Red.RED, lambda: 1),
    "a field that was given and one by default": (lambda: Model(), lambda: Model(x=1)),
    "a private attribute": (lambda: Model(), lambda: changed(Model(), _hidden=1)),
    "naive and aware": (
        lambda: datetime.datetime(2024, 7, 1),
        lambda: datetime.datetime(2024, 7, 1, tzinfo=datetime.UTC),
    ),
    "one instant in two zones": (lambda: at_noon("Europe/Rome"), lambda: at_noon("Europe/Paris")),
    "fold": (lambda: datetime.datetime(2024, 7, 1), lambda: datetime.datetime(2024, 7, 1, fold=1)),
    "two timestamps a nanosecond apart": (lambda: pd.Timestamp(1), lambda: pd.Timestamp(2)),
    "not a time and None": (lambda: pd.NaT, lambda: None),
    "timestamp and datetime": (lambda: pd.Timestamp("2024"), lambda: datetime.datetime(2024, 1, 1)),
    "path and text": (lambda: pathlib.Path("a"), lambda: "a"),
    "flags of a pattern": (lambda: re.compile("a"), lambda: re.compile("a", re.IGNORECASE)),
    "bytes and bytearray": (lambda: b"a", lambda: bytearray(b"a")),
    "bytes and memoryview": (lambda: b"a", lambda: memoryview(b"a")),
    "text and its subclass": (lambda: "a", lambda: Text("a")),
    "integer and its subclass": (lambda: 1, lambda: Whole(1)),
    "keys and values of a dict": (lambda: {1: 1}.keys(), lambda: {1: 1}.values()),
    "two bound arguments": (lambda: functools.partial(pow, 1), lambda: functools.partial(pow, 2)),
    "constants of two lambdas in a list": (lambda: [lambda: 1], lambda: [lambda: True]),
    "defaults of two lambdas": (lambda: lambda x=1: x, lambda: lambda x=2: x),
    "methods of two objects": (lambda: Foo(1).__init__, lambda: Foo(2).__init__),  # type: ignore[misc]
    "fresh and advanced generator": (lambda: random.Random(1), lambda: advanced(random.Random(1))),
    "fresh and advanced generator of numpy": (
        lambda: np.random.default_rng(1),
        lambda: advanced(np.random.default_rng(1)),
    ),
    "one generator twice and two": (
        lambda: [a := np.random.default_rng(1), a],
        lambda: [np.random.default_rng(1), np.random.default_rng(1)],
    ),
    "type of zeros": (lambda: np.zeros(3), lambda: np.zeros(3, "i8")),
    "shape": (lambda: np.zeros((2, 3)), lambda: np.zeros((3, 2))),
    "one more axis": (lambda: np.zeros((2, 3)), lambda: np.zeros((2, 3, 1))),
    "byte order": (lambda: np.arange(3, dtype="<i4"), lambda: np.arange(3, dtype=">i4")),
    "unit of a date": (lambda: np.array(["2024"], "M8[D]"), lambda: np.array(["2024"], "M8[s]")),
    "names of fields": (lambda: np.zeros(1, [("a", "f8")]), lambda: np.zeros(1, [("b", "f8")])),
    "a square and its transpose": (lambda: SQUARE, lambda: SQUARE.T),
    "the memory order of equal values": (lambda: SQUARE, lambda: np.asfortranarray(SQUARE)),
    "elements of object arrays": (lambda: np.array(["a-b", "c"], object), lambda: np.array(["a", "b-c"], object)),
    "array of no axes and scalar": (lambda: np.array(1.0), lambda: np.float64(1.0)),
    "empty arrays of two types": (lambda: np.zeros(0), lambda: np.zeros(0, "i8")),
    "empty arrays of two shapes": (lambda: np.zeros((0, 3)), lambda: np.zeros((3, 0))),
    "one of two million elements": (
        lambda: np.zeros(2_000_000),
        lambda: np.bincount([1_234_567], [1e-300], minlength=2_000_000),
    ),
    "name of a column": (lambda: FRAME, lambda: FRAME.rename(columns={"a": "c"})),
    "order of columns": (lambda: FRAME, lambda: FRAME[["b", "a"]]),
    "type of a column": (lambda: FRAME, lambda: FRAME.astype({"a": "i4"})),
    "values of an index": (lambda: FRAME, lambda: FRAME.set_axis([5, 6])),
    "name of an index": (lambda: FRAME, lambda: FRAME.rename_axis("i")),
    "name of the columns": (lambda: FRAME, lambda: FRAME.rename_axis(columns="i")),
    "order of rows": (lambda: FRAME, lambda: FRAME.iloc[::-1]),
    "attributes of a frame": (lambda: FRAME, lambda: changed(FRAME.copy(), attrs={"unit": "m"})),
    "flags of a frame": (lambda: FRAME, lambda: FRAME.set_flags(allows_duplicate_labels=False)),
    "order of categories": (lambda: pd.Categorical(["u"], ["u", "v"]), lambda: pd.Categorical(["u"], ["v", "u"])),
    "ordered categories": (lambda: pd.Categorical(["u"]), lambda: pd.Categorical(["u"], ordered=True)),
    "a category without rows": (lambda: pd.Categorical(["u"]), lambda: pd.Categorical(["u"], ["u", "v"])),
    "missing value and 0": (lambda: pd.array([1, None], dtype="Int64"), lambda: pd.array([1, 0], dtype="Int64")),
    "None and not a number": (
        lambda: pd.Series([None], dtype=object),
        lambda: pd.Series([float("nan")], dtype=object),
    ),
    "range and index": (lambda: FRAME, lambda: FRAME.set_axis(pd.Index([0, 1]))),
    "two arrow types": (lambda: pa.array([1], "i4"), lambda: pa.array([1], "i8")),
    "metadata of a table": (lambda: pa.table({"a": [1]}), lambda: pa.table({"a": [1]}, metadata={"k": "v"})),
    "polars frame and series": (lambda: pl.DataFrame({"a": [1]}), lambda: pl.Series("a", [1])),
    "polars null and not a number": (
        lambda: pl.Series([None], dtype=pl.Float64),
        lambda: pl.Series([float("nan")]),
    ),
    "rows and columns of a sparse matrix": (lambda: sparse.csr_array(SQUARE), lambda: sparse.csc_array(SQUARE)),
    "a stored zero": (
        lambda: sparse.csr_array(([1.0, 0.0], ([0, 0], [0, 1])), shape=(1, 2)),
        lambda: sparse.csr_array(([1.0], ([0], [0])), shape=(1, 2)),
    ),
    "parameter of an estimator": (lambda: LogisticRegression(C=1.0), lambda: LogisticRegression(C=2.0)),
    "fitted arrays of a pipeline": (lambda: weights(3), lambda: weights(4)),
    "function in an estimator": (
        lambda: FunctionTransformer(lambda x: x + 1),
        lambda: FunctionTransformer(lambda x: x + 2),
    ),
}

EQUAL: dict[str, tuple[Make, Make]] = {
    "not a number twice": (lambda: float("nan"), lambda: float("nan")),
    "sets built in two orders": (lambda: {"a", "b", 8, 0}, lambda: {0, 8, "b", "a"}),
    "a set of several types": (lambda: {1, "a", (2,), None}, lambda: {None, (2,), "a", 1}),
    "a set of frozensets": (
        lambda: {frozenset("ab"), frozenset("cd")},
        lambda: {frozenset("dc"), frozenset("ba")},
    ),
    "an interned text and a built one": (lambda: ["ab", "ab"], lambda: ["ab", "".join("ab")]),
    "one tuple twice and two equal tuples": (lambda: [a := (1, "x"), a], lambda: [(1, "x"), (1, "".join("x"))]),
    "a cached property that is not in the state": (lambda: Lazy(1), lambda: asked(Lazy(1))),
    "two rings alike": (lambda: ring(1), lambda: ring(1)),
    "an equal pattern": (lambda: re.compile("a"), lambda: re.compile("a")),
    "slice and copy": (lambda: SQUARE[::2, ::-1], lambda: SQUARE[::2, ::-1].copy()),
    "broadcast and copy": (lambda: np.broadcast_to(1.0, (100, 3)), lambda: np.ones((100, 3))),
    "two views of one memory and copies": (
        lambda: (lambda a: [a[:2], a[1:]])(np.arange(3)),
        lambda: [np.array([0, 1]), np.array([1, 2])],
    ),
    "frame column by column": (lambda: pd.DataFrame({0: [1.0], 1: [2.0]}), lambda: pd.DataFrame([[1.0, 2.0]])),
    "frame and copy": (lambda: FRAME, lambda: FRAME.copy()),
    "frame after a look-up": (lambda: FRAME, lambda: (lambda f: (f.loc[0], f)[1])(FRAME.copy())),
    "one chunk and seven": (lambda: CHUNKED, lambda: CHUNKED.combine_chunks()),
    "arrow slice": (lambda: pa.array([1, 2, 3])[1:], lambda: pa.array([2, 3])),
    "polars slice": (lambda: pl.Series(["x", "y", "z"])[1:], lambda: pl.Series(["y", "z"])),
    "estimator made again": (LogisticRegression, LogisticRegression),
    "pipeline fitted again": (weights, weights),
    "model made again": (lambda: Model(x=1), lambda: Model(x=1)),
    "lambda made again": (lambda: [lambda x: x + 1], lambda: [lambda x: x + 1]),
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_task_can_tell_them_apart(name: str) -> None:
    left, right = DIFFERENT[name]
    assert nbflow.digest(left()) != nbflow.digest(right())
    assert nbflow.digest([left(), {"k"}]) != nbflow.digest([right(), {"k"}])


@pytest.mark.parametrize("name", EQUAL)
def test_a_task_cannot_tell_them_apart(name: str) -> None:
    left, right = EQUAL[name]
    assert nbflow.digest(left()) == nbflow.digest(right())
    assert nbflow.digest([left(), {"k"}]) == nbflow.digest([right(), {"k"}])


@pytest.mark.parametrize(
    "name",
    [name for name in DIFFERENT if "memoryview" not in name and "of a dict" not in name and "lambda" not in name
     and "function in" not in name],
)  # fmt: skip
def test_the_trip_and_a_copy_keep_the_digest(name: str) -> None:
    for make in DIFFERENT[name]:
        value = make()
        assert nbflow.digest(pickle.loads(pickle.dumps(value, 5))) == nbflow.digest(value)
        assert nbflow.digest(copy.deepcopy(value)) == nbflow.digest(value)


CHANGES: dict[str, tuple[Make, Callable[[Any], object]]] = {
    "an element of a list": (lambda: [1, [2]], lambda value: value[1].append(3)),
    "a value of a dict": (lambda: {"a": {"b": 1}}, lambda value: value["a"].update(b=2)),
    "an element of a set": (lambda: {1}, lambda value: value.add(2)),
    "an attribute": (lambda: Foo(1), lambda value: changed(value, n=2)),
    "an attribute of an attribute": (lambda: Foo(Foo([1])), lambda value: value.n.n.append(2)),
    "an element of an array": (lambda: np.zeros(3), lambda value: value.__setitem__(0, 1)),
    "an element of a view's base": (lambda: SQUARE.copy().T, lambda value: value.base.__setitem__(0, -1)),
    "a list in an object array": (lambda: np.array([[1], None], object), lambda value: value[0].append(2)),
    "a cell of a frame": (FRAME.copy, lambda value: value.loc.__setitem__((0, "a"), 9)),
    "a list in a frame": (lambda: pd.DataFrame({"a": [[1]]}), lambda value: value["a"][0].append(2)),
    "a note on a frame": (FRAME.copy, lambda value: value.attrs.update(unit="m")),
    "stored data of a sparse matrix": (lambda: sparse.csr_array(SQUARE), lambda value: value.data.__setitem__(0, 9)),
    "coefficients of a fitted pipeline": (weights, lambda value: value[-1].coef_.__setitem__((0, 0), 9)),
    "a read-only view's dict": (
        lambda: (lambda d: [types.MappingProxyType(d), d])({1: 2}),
        lambda value: value[1].update({3: 4}),
    ),
    "a drawn number": (lambda: random.Random(1), lambda value: value.random()),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_changed_in_place_is_seen(name: str) -> None:
    make, change = CHANGES[name]
    value = make()
    before = nbflow.digest(value)
    assert nbflow.digest(value) == before
    change(value)
    assert nbflow.digest(value) != before


REFUSED: dict[str, Make] = {
    "generator": lambda: (n for n in [1]),
    "iterator": lambda: iter([1]),
    "map": lambda: map(str, [1]),
    "weak reference": lambda: weakref.ref(Foo),
    "plan of polars": lambda: pl.DataFrame({"a": [1]}).lazy(),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_used_up_or_lies_elsewhere_is_refused_with_the_way_out(name: str) -> None:
    value = REFUSED[name]()
    with pytest.raises(UnhashableInputError, match=r"cannot be hashed.*pass"):
        nbflow.digest({"rows": value})


def test_rows_that_are_still_to_be_read_from_a_file_are_refused() -> None:
    with (
        pd.read_csv(pathlib.Path(__file__), chunksize=1) as reader,
        pytest.raises(UnhashableInputError, match=r"an open file cannot be hashed; pass its path"),
    ):
        nbflow.digest({"rows": reader})


def test_an_object_met_again_under_an_old_address_is_looked_at_again() -> None:
    digests = {nbflow.digest(Foo([n])) for n in range(100)}
    assert len(digests) == 100
