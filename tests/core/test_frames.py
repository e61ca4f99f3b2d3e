"""Frames count by everything that a body can read of them; blocks, chunks and caches do not."""

from __future__ import annotations

import datetime
import pathlib
import pickle
import tracemalloc
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import pandas as hpd
from pyarrow import dataset

from nbflow.core.values.hashing import Digester, digest
from nbflow.errors import UnhashableInputError


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": [1, 2], "b": ["x", "y"], **columns})


def changed(value: Any, **attributes: Any) -> Any:
    value = value.copy()
    for name, attribute in attributes.items():
        setattr(value, name, attribute)
    return value


class Special(pd.DataFrame):
    _metadata: ClassVar = ["unit"]

    @property
    def _constructor(self) -> type[Special]:
        return Special


def special(unit: str) -> Special:
    made = Special({"a": [1]})
    made.unit = unit
    return made


class Pickled(pd.DataFrame):
    """Says itself what travels."""

    def __reduce__(self) -> Any:
        return pickled, (self.__dict__["unit"],)


def pickled(unit: str) -> Pickled:
    made = Pickled({"a": [1]})
    made.__dict__["unit"] = unit
    return made


DUPLICATED = pd.DataFrame([[1, 2]], columns=["a", "a"])
MULTI = pd.MultiIndex.from_product([[1, 2], ["a", "b"]], names=["x", "y"])
NESTED = pa.array([[1, 2], None, []])
NS = pd.Timestamp("2024-01-01").value


def union(kind: int) -> Any:
    ones = pa.array([1], "i8")
    return pa.UnionArray.from_dense(pa.array([kind], "i1"), pa.array([0], "i4"), [ones, ones])


def extension(*values: bytes) -> Any:
    kind = pa.fixed_shape_tensor(pa.int64(), [1])
    return pa.ExtensionArray.from_storage(kind, pa.array([[value[0]] for value in values], pa.list_(pa.int64(), 1)))


def noted_inside(note: str) -> Any:
    kind = pa.struct([pa.field("x", pa.int64(), metadata={"k": note})])
    return pa.table({"a": pa.array([{"x": 1}], kind)})


DIFFERENT: dict[str, Any] = {
    "frame": frame(),
    "dict of it": {"a": [1, 2], "b": ["x", "y"]},
    "records": frame().to_records(),
    "renamed": frame().rename(columns={"a": "c"}),
    "reordered": frame()[["b", "a"]],
    "rows reordered": frame().iloc[::-1],
    "int32": frame().astype({"a": "i4"}),
    "float": frame().astype({"a": "f8"}),
    "object": frame().astype({"b": object}),
    "string": frame().astype({"b": "string"}),
    "python string": frame().astype({"b": pd.StringDtype("python")}),
    "index values": changed(frame(), index=[5, 6]),
    "index of Index": changed(frame(), index=pd.Index([0, 1])),
    "index name": frame().rename_axis("i"),
    "columns name": frame().rename_axis(columns="i"),
    "attrs": changed(frame(), attrs={"unit": "m"}),
    "flags": frame().set_flags(allows_duplicate_labels=False),
    "duplicated": DUPLICATED,
    "duplicated, swapped": pd.DataFrame([[2, 1]], columns=["a", "a"]),
    "moved between cells": pd.DataFrame({"a": ["xy", "z"]}),
    "moved between cells 2": pd.DataFrame({"a": ["x", "yz"]}),
    "special": special("m"),
    "special 2": special("km"),
    "says what travels": pickled("m"),
    "says what travels 2": pickled("km"),
    "not special": pd.DataFrame({"a": [1]}),
    "no rows": frame().iloc[:0],
    "no columns": frame()[[]],
    "series": pd.Series([1, 2]),
    "named series": pd.Series([1, 2], name="a"),
    "series of objects": pd.Series([1, 2], dtype=object),
    "array": np.array([1, 2]),
    "index": pd.Index([1, 2]),
    "named index": pd.Index([1, 2], name="a"),
    "range index": pd.RangeIndex(1, 3),
    "categorical": pd.Categorical(["u", "v"]),
    "ordered": pd.Categorical(["u", "v"], ordered=True),
    "unused category": pd.Categorical(["u", "v"], ["u", "v", "w"]),
    "other codes": pd.Categorical(["u", "v"], ["v", "u"]),
    "categorical series": pd.Series(["u", "v"], dtype="category"),
    "categorical index": pd.CategoricalIndex(["u", "v"]),
    "Int64": pd.array([1, 2], dtype="Int64"),
    "Int64 with NA": pd.array([1, None], dtype="Int64"),
    "Int32": pd.array([1, 2], dtype="Int32"),
    "Float64": pd.array([1, 2], dtype="Float64"),
    "boolean": pd.array([True, None], dtype="boolean"),
    "arrow ints": pd.array([1, 2], dtype="int64[pyarrow]"),
    "arrow int32": pd.array([1, 2], dtype="int32[pyarrow]"),
    "arrow strings": pd.array(["x", None], dtype="string[pyarrow]"),
    "sparse": pd.arrays.SparseArray([0, 1]),
    "sparse other fill": pd.arrays.SparseArray([0, 1], fill_value=1),
    "dates": pd.to_datetime(["2024", "2025"]),
    "dates in Rome": pd.to_datetime(["2024", "2025"]).tz_localize("Europe/Rome"),
    "dates in Paris": pd.to_datetime(["2024", "2025"]).tz_localize("Europe/Paris"),
    "dates in seconds": pd.to_datetime(["2024", "2025"]).as_unit("s"),
    "dates with a frequency": pd.date_range("2024", periods=2, freq="YS"),
    "dates series": pd.Series(pd.to_datetime(["2024", "2025"])),
    "deltas": pd.to_timedelta([1, 2]),
    "months": pd.period_range("2024", periods=2, freq="M"),
    "quarters": pd.period_range("2024", periods=2, freq="Q"),
    "intervals": pd.interval_range(0, 2),
    "intervals closed left": pd.interval_range(0, 2, closed="left"),
    "multi": MULTI,
    "multi renamed": MULTI.set_names(["x", "z"]),
    "multi swapped": MULTI.swaplevel(),
    "multi part": MULTI[:2],
    "multi part, unused levels removed": MULTI[:2].remove_unused_levels(),
    "frame with multi": pd.DataFrame({"a": range(4)}, index=MULTI),
    "timestamp": pd.Timestamp("2024"),
    "timestamp in UTC": pd.Timestamp("2024", tz="UTC"),
    "timestamp ns": pd.Timestamp("2024").as_unit("ns"),
    "datetime": datetime.datetime(2024, 1, 1),
    "NaT": pd.NaT,
    "NA": pd.NA,
    "timedelta": pd.Timedelta(1),
    "period": pd.Period("2024", "M"),
    "interval": pd.Interval(0, 1),
    "offset": pd.offsets.Day(2),
    "dtype": pd.Int64Dtype(),
    "dtype in UTC": pd.DatetimeTZDtype(tz="UTC"),
    "polars": pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}),
    "polars renamed": pl.DataFrame({"c": [1, 2], "b": ["x", "y"]}),
    "polars reordered": pl.DataFrame({"b": ["x", "y"], "a": [1, 2]}),
    "polars i32": pl.DataFrame({"a": [1, 2], "b": ["x", "y"]}, schema_overrides={"a": pl.Int32}),
    "polars one column": pl.DataFrame({"a": [1, 2]}),
    "polars series": pl.Series("a", [1, 2]),
    "polars null": pl.Series("a", [1, None]),
    "polars null first": pl.Series("a", [None, 1]),
    "polars nan": pl.Series("a", [1.0, float("nan")]),
    "polars categorical": pl.Series("a", ["u", "v"], dtype=pl.Categorical),
    "polars enum": pl.Series("a", ["u", "v"], dtype=pl.Enum(["u", "v"])),
    "polars enum 2": pl.Series("a", ["u", "v"], dtype=pl.Enum(["v", "u"])),
    "polars strings": pl.Series("a", ["u", "v"]),
    "polars lists": pl.Series("a", [[1], [2, 3]]),
    "polars lists 2": pl.Series("a", [[1, 2], [3]]),
    "polars structs": pl.Series("a", [{"x": 1}, {"x": 2}]),
    "polars ns": pl.Series("a", [NS, NS + 1]).cast(pl.Datetime("ns")),
    "polars ns 2": pl.Series("a", [NS, NS + 2]).cast(pl.Datetime("ns")),
    "polars lists of ns": pl.Series("a", [[NS, NS + 1]]).cast(pl.List(pl.Datetime("ns"))),
    "polars lists of ns 2": pl.Series("a", [[NS, NS + 2]]).cast(pl.List(pl.Datetime("ns"))),
    "polars large ints": pl.Series("a", [2**100], dtype=pl.Int128),
    "polars large ints 2": pl.Series("a", [2**100 + 1], dtype=pl.Int128),
    "polars objects": pl.Series("a", [{1}, [2]], dtype=pl.Object),
    "table": pa.table({"a": [1, 2], "b": ["x", "y"]}),
    "table renamed": pa.table({"c": [1, 2], "b": ["x", "y"]}),
    "table with metadata": pa.table({"a": [1, 2], "b": ["x", "y"]}).replace_schema_metadata({"k": "v"}),
    "table i32": pa.table({"a": pa.array([1, 2], "i4"), "b": ["x", "y"]}),
    "table not nullable": pa.table(
        [pa.array([1, 2]), pa.array(["x", "y"])],
        pa.schema([pa.field("a", pa.int64(), nullable=False), pa.field("b", pa.string())]),
    ),
    "batch": pa.record_batch({"a": [1, 2], "b": ["x", "y"]}),
    "schema": pa.schema({"a": pa.int64()}),
    "arrow array": pa.array([1, 2]),
    "arrow floats": pa.array([1.0, 2.0]),
    "arrow null": pa.array([1, None]),
    "arrow null first": pa.array([None, 1]),
    "arrow only nulls": pa.nulls(2),
    "arrow bools": pa.array([True, False]),
    "arrow bools 2": pa.array([False, True]),
    "arrow text": pa.array(["ab", "c"]),
    "arrow text 2": pa.array(["a", "bc"]),
    "arrow large text": pa.array(["ab", "c"], pa.large_string()),
    "arrow view text": pa.array(["ab", "c"], pa.string_view()),
    "arrow view text 2": pa.array(["a long string that is not inlined", "c"], pa.string_view()),
    "arrow view text 3": pa.array(["a long string that is NOT inlined", "c"], pa.string_view()),
    "arrow bytes": pa.array([b"ab", b"c"]),
    "arrow text null": pa.array(["ab", None]),
    "arrow text empty": pa.array(["ab", ""]),
    "arrow fixed bytes": pa.array([b"ab"], pa.binary(2)),
    "arrow decimals": pa.array([1, 2], pa.decimal128(5)),
    "arrow dictionary": pa.array(["u", "v"]).dictionary_encode(),
    "arrow dictionary null": pa.array(["u", None]).dictionary_encode(),
    "arrow lists": NESTED,
    "arrow lists 2": pa.array([[1], None, [2]]),
    "arrow lists 3": pa.array([[1, 2], [], None]),
    "arrow fixed lists": pa.array([[1, 2]], pa.list_(pa.int64(), 2)),
    "arrow structs": pa.array([{"x": 1}, {"x": None}]),
    "arrow structs 2": pa.array([{"x": 1}, None]),
    "arrow maps": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
    "arrow union": union(0),
    "arrow union of another kind": union(1),
    "arrow runs": pa.RunEndEncodedArray.from_arrays([1, 2], [1, 1]),
    "arrow runs 2": pa.RunEndEncodedArray.from_arrays([2], [1]),
    "arrow ordered dictionary": pa.DictionaryArray.from_arrays(
        pa.array([0, 1], "i4"), pa.array(["u", "v"]), ordered=True
    ),
    "arrow dictionary of other codes": pa.DictionaryArray.from_arrays(pa.array([1, 0], "i4"), pa.array(["v", "u"])),
    "arrow fixed lists with null": pa.array([None, [1, 2]], pa.list_(pa.int64(), 2)),
    "arrow fixed lists of nulls": pa.array([[None, None], [1, 2]], pa.list_(pa.int64(), 2)),
    "arrow chunks": pa.chunked_array([[1, 2]]),
    "arrow extension": extension(b"0"),
    "arrow extension 2": extension(b"1"),
    "table with a noted inner field": noted_inside("a"),
    "table with a noted inner field 2": noted_inside("b"),
    "arrow ns": pa.array([NS, NS + 1], pa.timestamp("ns")),
    "arrow ns in UTC": pa.array([NS, NS + 1], pa.timestamp("ns", "UTC")),
    "arrow scalar": pa.scalar(1),
    "arrow scalar i32": pa.scalar(1, "i4"),
    "arrow type": pa.int64(),
}


def test_frames_that_differ_in_anything_readable_have_different_digests() -> None:
    owners: dict[bytes, str] = {}
    collisions = []
    for name, value in DIFFERENT.items():
        other = owners.setdefault(digest(value), name)
        if other != name:
            collisions.append((other, name))
    assert collisions == []


@pytest.mark.parametrize("name", [name for name in DIFFERENT if name != "polars objects"])
def test_a_pickle_trip_keeps_the_digest(name: str) -> None:
    value = DIFFERENT[name]
    assert digest(pickle.loads(pickle.dumps(value, 5))) == digest(value)
    assert digest([value, {"k": value}]) == digest(pickle.loads(pickle.dumps([value, {"k": value}], 5)))


def column_by_column(source: pd.DataFrame) -> pd.DataFrame:
    built = pd.DataFrame(index=source.index)
    for name in source:
        built[name] = source[name].to_numpy(copy=True)
    return built


def looked_up(source: pd.DataFrame) -> pd.DataFrame:
    source = source.copy()
    assert source.loc[source.index[1]] is not None
    assert source.index.is_unique
    assert source.columns.get_loc("a") == 0
    return source


def through_parquet(source: pd.DataFrame, path: pathlib.Path) -> pd.DataFrame:
    source.to_parquet(path)
    return pd.read_parquet(path)


NUMBERS = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0], "c": [1, 2]})
DUPLICATES = pd.concat([frame(), frame()], ignore_index=True)
TABLE = pa.table({"a": list(range(10)), "b": [*"abcdefghi", None], "c": [[i] for i in range(10)], "d": [True] * 10})
TABLE_2 = pa.concat_tables([TABLE.slice(0, 3), TABLE.slice(3, 4), TABLE.slice(7)])
SLICED = pa.concat_tables([TABLE, TABLE, TABLE]).combine_chunks().slice(10, 10)
POLARS = pl.DataFrame({"a": [1, None, 3], "b": ["x", None, "z"], "c": [1.5, 2.5, 3.5]})


def masked_over(value: int) -> Any:
    return pd.arrays.IntegerArray(np.array([1, value]), np.array([False, True]))


EQUAL: dict[str, tuple[Any, Any]] = {
    "blocks": (NUMBERS, column_by_column(NUMBERS)),
    "columns of one matrix": (
        pd.DataFrame(np.arange(6.0).reshape(3, 2)),
        pd.DataFrame({0: [0.0, 2, 4], 1: [1.0, 3, 5]}),
    ),
    "copy": (frame(), frame().copy()),
    "rows dropped": (DUPLICATES.drop_duplicates(), frame()),
    "no rows dropped": (frame().drop_duplicates(), frame()),
    "caches of an index": (frame().set_index("b"), looked_up(frame().set_index("b"))),
    "under a missing value": (masked_over(5), masked_over(7)),
    "part of a frame": (NUMBERS[["a", "c"]], NUMBERS[["a", "c"]].copy()),
    "every second row": (NUMBERS.iloc[::2]["a"].to_numpy(), NUMBERS.iloc[::2]["a"].to_numpy().copy()),
    "arrow chunks": (TABLE, TABLE_2),
    "arrow slice": (TABLE, SLICED),
    "arrow chunks of many rows": (
        pa.chunked_array([pa.array(np.arange(1_500_000)), pa.array(np.arange(5))]),
        pa.chunked_array([np.arange(7), np.arange(7, 1_500_000), np.arange(5)]),
    ),
    "arrow chunks of two dictionaries": (
        pa.chunked_array([pa.array(["u"]).dictionary_encode(), pa.array(["v", "u"]).dictionary_encode()]),
        pa.chunked_array([pa.array(["u", "v", "u"]).dictionary_encode()]),
    ),
    "arrow slice of an extension": (extension(b"0", b"1")[1:], extension(b"1")),
    "arrow slice of text": (pa.array(["x", "ab", "c"])[1:], pa.array(["ab", "c"])),
    "arrow under a missing value": (
        pa.Array.from_buffers(pa.int64(), 2, [pa.py_buffer(b"\x01"), pa.py_buffer(np.array([1, 99]).tobytes())]),
        pa.array([1, None]),
    ),
    "arrow validity absent or all true": (
        pa.array([1, 2]),
        pa.Array.from_buffers(pa.int64(), 2, [pa.py_buffer(b"\xff"), pa.array([1, 2]).buffers()[1]]),
    ),
    "polars chunks": (POLARS, pl.concat([POLARS[:1], POLARS[1:]], rechunk=False)),
    "polars slice": (POLARS[1:], POLARS[1:].clone().rechunk()),
    "polars codes of a categorical": (
        pl.Series(["v", "u", "v"], dtype=pl.Categorical)[2:],
        pl.Series(["v"], dtype=pl.Categorical),
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_how_a_frame_lies_in_memory_does_not_count(name: str) -> None:
    left, right = EQUAL[name]
    assert digest(left) == digest(right)


def test_a_parquet_round_trip_keeps_the_digest(tmp_path: pathlib.Path) -> None:
    source = frame(c=[1.5, None], d=pd.to_datetime(["2024", "2025"]), e=pd.Categorical(["u", "v"]), f=[True, False])
    once = through_parquet(source, tmp_path / "once.parquet")
    assert digest(once) == digest(through_parquet(once, tmp_path / "twice.parquet"))
    flat = TABLE.select(["a", "b", "d"])
    pq.write_table(flat, tmp_path / "table.parquet", row_group_size=3)
    assert digest(pq.read_table(tmp_path / "table.parquet")) == digest(flat)


_ROWS = 1 << 23
_ONES = np.ones(_ROWS)
_GAPS = np.arange(_ROWS) % 2 == 0
LARGE: dict[str, Any] = {
    "array": _ONES,
    "every second element": np.ones(2 * _ROWS)[::2],
    "column-major array": np.ones((8, _ROWS // 8)).T,
    "frame": pd.DataFrame({name: np.ones(_ROWS // 8) for name in "abcdefgh"}),
    "frame of one matrix": pd.DataFrame(np.ones((_ROWS // 8, 8))),
    "nullable column": pd.Series(pd.arrays.FloatingArray(_ONES, _GAPS)),
    "masked array": np.ma.masked_array(_ONES, _GAPS),
    "bytes": bytes(8 * _ROWS),
    "many strings": [str(i) * 8 for i in range(_ROWS // 8)],
    "many strings as objects": np.array([str(i) * 8 for i in range(_ROWS // 8)], object),
    "many strings of numpy": np.array([str(i) * 8 for i in range(_ROWS // 8)], np.dtypes.StringDType()),
    "many strings of polars": pl.Series([str(i) * 8 for i in range(_ROWS // 8)]),
}


@pytest.mark.parametrize("name", LARGE)
def test_nothing_is_copied_as_a_whole_to_be_hashed(name: str) -> None:
    value = LARGE[name]
    tracemalloc.start()
    try:
        digest(value)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < _ROWS * 8 / 4


def test_the_chunks_of_a_table_are_never_joined_as_a_whole() -> None:
    chunks = pa.chunked_array([pa.array(np.ones(_ROWS // 8))] * 8)
    kept = pa.total_allocated_bytes()
    pool = pa.default_memory_pool()
    before = pool.max_memory()
    digest(pa.table({"a": chunks}))
    assert pool.max_memory() - max(before, kept) < chunks.nbytes / 4


def test_one_cell_changed_in_place_is_seen() -> None:
    large = pd.DataFrame(np.zeros((10_000, 5)))
    before = digest(large)
    large.iloc[1234, 3] = 1e-300
    assert digest(large) != before


def test_a_frame_met_twice_and_two_equal_frames_differ() -> None:
    one = frame()
    assert digest([one, one]) != digest([one, one.copy()])


def test_lists_inside_a_frame_count_by_what_they_share() -> None:
    inner = [1]
    assert digest(pd.DataFrame({"a": [inner, inner]})) != digest(pd.DataFrame({"a": [[1], [1]]}))


def test_a_data_set_in_files_is_refused(tmp_path: pathlib.Path) -> None:
    pq.write_table(TABLE, tmp_path / "table.parquet")
    with pytest.raises(
        UnhashableInputError, match=r"rows: a data set that lies in files cannot be hashed; pass its path"
    ):
        Digester().digest(dataset.dataset(tmp_path), "rows")


def test_a_plan_that_has_not_run_is_refused() -> None:
    with pytest.raises(
        UnhashableInputError, match=r"plans\[0\]: a plan that has not run cannot be hashed; pass `collect"
    ):
        Digester().digest([POLARS.lazy()], "plans")


_columns = [
    hpd.column("a", dtype=int),
    hpd.column("b", dtype=float),
    hpd.column("c", elements=st.text(max_size=3), dtype=object),
    hpd.column("d", dtype="M8[ns]"),
    hpd.column("e", dtype=bool),
]


@settings(max_examples=60, deadline=None)
@given(hpd.data_frames(_columns, index=hpd.range_indexes(max_size=6)))
def test_any_frame_keeps_its_digest_over_pickle_trips_and_copies(source: Any) -> None:
    for other in (pickle.loads(pickle.dumps(source, 5)), source.copy(), source.iloc[: len(source)]):
        assert digest(other) == digest(source)


@settings(max_examples=60, deadline=None)
@given(hpd.data_frames(_columns, index=hpd.range_indexes(min_size=1, max_size=4)), st.data())
def test_any_changed_cell_changes_the_digest(source: Any, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, len(source) - 1))
    column = data.draw(st.sampled_from("abce"))
    other = source.copy()
    kinds = {
        "a": lambda v: v ^ 1,
        "b": lambda v: 0.0 if np.isnan(v) else -v,
        "c": lambda v: v + "x",
        "e": lambda v: not v,
    }
    other.loc[row, column] = kinds[column](source.loc[row, column])
    assert digest(other) != digest(source)
