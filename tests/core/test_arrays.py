"""Arrays count by dtype, shape, memory order and content; how they lie in memory beyond that does not."""

from __future__ import annotations

import os
import pathlib
import pickle
import subprocess
import sys
import tracemalloc
from typing import Any

import numpy as np
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import sparse
from scipy.special import expit, logit
from sklearn.ensemble import RandomForestClassifier

from nbflow.core.values.hashing import digest
from nbflow.errors import UnhashableInputError

SIX = np.arange(6.0)
SQUARE = np.arange(9.0).reshape(3, 3)
CUBE = np.arange(24.0).reshape(2, 3, 4)


def advanced(generator: Any) -> Any:
    generator.random()
    return generator


def spawned(seed: Any) -> Any:
    seed.spawn(2)
    return seed


def unsorted() -> Any:
    return sparse.csr_array((np.array([1.0, 2.0]), np.array([1, 0]), np.array([0, 2])), shape=(1, 2))


def with_note(matrix: Any, note: str) -> Any:
    matrix.note = note
    return matrix


def with_long_indices(matrix: Any) -> Any:
    matrix.indices = matrix.indices.astype("i8")
    return matrix


def without_doubles(matrix: Any) -> Any:
    matrix.has_canonical_format = not matrix.has_canonical_format
    return matrix


DIFFERENT: dict[str, Any] = {
    "list": SIX.tolist(),
    "f8": np.zeros(3),
    "i8": np.zeros(3, "i8"),
    "u8": np.zeros(3, "u8"),
    "f4": np.zeros(3, "f4"),
    "big endian": np.zeros(3, ">f8"),
    "big endian column": np.zeros((3, 2), ">i4")[:, 0],
    "big endian F": np.asfortranarray(np.ones((3, 3), ">f8")),
    "big endian date": np.array(["2024-01-01"], ">M8[us]"),
    "-0.0": -np.zeros(3),
    "6": SIX,
    "2,3": SIX.reshape(2, 3),
    "3,2": SIX.reshape(3, 2),
    "2,3,1": SIX.reshape(2, 3, 1),
    "empty": np.zeros(0),
    "empty i8": np.zeros(0, "i8"),
    "empty 0,3": np.zeros((0, 3)),
    "empty 3,0": np.zeros((3, 0)),
    "0-d": np.array(1.0),
    "1-d": np.array([1.0]),
    "scalar": np.float64(1.0),
    "scalar f4": np.float32(1.0),
    "scalar i8": np.int64(1),
    "scalar i4": np.int32(1),
    "scalar bool": np.bool_(True),
    "float": 1.0,
    "int": 1,
    "str scalar": np.str_("a"),
    "bytes scalar": np.bytes_(b"a"),
    "day": np.datetime64("2024-01-01"),
    "ns": np.datetime64("2024-01-01", "ns"),
    "days": np.array(["2024-01-01"], "M8[D]"),
    "seconds": np.array(["2024-01-01"], "M8[s]"),
    "delta": np.array([1], "m8[s]"),
    "square": SQUARE,
    "square.T": SQUARE.T,
    "F": np.asfortranarray(SQUARE),
    "F.T": np.asfortranarray(SQUARE).T,
    "cube": CUBE,
    "turned cube": np.ascontiguousarray(CUBE.transpose(1, 0, 2)),
    "turned view": CUBE.transpose(1, 0, 2) if np.lib.NumpyVersion(np.__version__) >= "2.3.0" else 0,
    "matrix": np.matrix([[1.0]]),
    "1,1": np.array([[1.0]]),
    "text": np.array(["ab", "c"]),
    "text 2": np.array(["a", "bc"]),
    "text wide": np.array(["ab", "c"], "U5"),
    "bytes": np.array([b"ab", b"c"]),
    "void": np.array([b"ab", b"c"], "V2"),
    "StringDType": np.array(["ab", "c"], np.dtypes.StringDType()),
    "StringDType 2": np.array(["a", "bc"], np.dtypes.StringDType()),
    "StringDType na nan": np.array(["ab", "c"], np.dtypes.StringDType(na_object=np.nan)),
    "StringDType na text": np.array(["ab", "c"], np.dtypes.StringDType(na_object="nan")),
    "StringDType na empty": np.array(["ab", "c"], np.dtypes.StringDType(na_object="")),
    "StringDType with na": np.array(["ab", np.nan], np.dtypes.StringDType(na_object=np.nan)),
    "StringDType with nan": np.array(["ab", "nan"], np.dtypes.StringDType(na_object=np.nan)),
    "StringDType na": np.array(["ab", "c"], np.dtypes.StringDType(na_object=None)),
    "objects": np.array(["ab", "c"], object),
    "objects 2": np.array(["a-b", "c"], object),
    "objects 3": np.array(["a", "b-c"], object),
    "objects of ints": np.array([1, 2], object),
    "objects of floats": np.array([1.0, 2.0], object),
    "objects 2-d": np.array([[1, 2], [3, 4]], object),
    "objects 2-d F": np.asfortranarray(np.array([[1, 2], [3, 4]], object)),
    "many strings": np.array([*map(str, range(10_000))], object),
    "many strings, other": np.array([*map(str, range(9_999)), ""], object),
    "many strings as rows": np.array([*map(str, range(10_000))], object).reshape(2, -1),
    "many strings, one of numpy": np.array([*map(str, range(9_999)), np.str_("9999")], object),
    "objects in fields": np.array([(1, [2])], [("a", "i4"), ("b", "O")]),
    "objects in fields 2": np.array([(1, [3])], [("a", "i4"), ("b", "O")]),
    "nested": np.array([np.array([1]), np.array([1, 2])], object),
    "a": np.zeros(1, [("a", "f8"), ("b", "i4")]),
    "b": np.zeros(1, [("b", "f8"), ("a", "i4")]),
    "aligned": np.zeros(1, np.dtype([("a", "f8"), ("b", "i4")], align=True)),
    "titled": np.zeros(1, [(("t", "a"), "f8"), ("b", "i4")]),
    "record": np.zeros(1, [("a", "f8"), ("b", "i4")])[0],
    "recarray": np.zeros(1, [("a", "f8"), ("b", "i4")]).view(np.recarray),
    "subarray": np.zeros(1, [("a", "f8", (2,))]),
    "subarrays": np.zeros(1, [("a", "f8", (2, 1))]),
    "masked": np.ma.masked_array([1, 2], [False, True]),
    "masked other": np.ma.masked_array([1, 2], [True, False]),
    "masked filled": np.ma.masked_array([1, 2], [False, True], fill_value=7),
    "not masked": np.ma.masked_array([1, 2]),
    "long double": np.arange(3, dtype=np.longdouble),
    "noted": np.zeros(3, np.dtype("f8", metadata={"unit": "m"})),
    "noted 2": np.zeros(3, np.dtype("f8", metadata={"unit": "km"})),
    "noted field": np.zeros(3, [("a", np.dtype("f8", metadata={"unit": "m"})), ("b", "f8")]),
    "noted other field": np.zeros(3, [("a", "f8"), ("b", np.dtype("f8", metadata={"unit": "m"}))]),
    "dtype": np.dtype("f8"),
    "noted dtype": np.dtype("f8", metadata={"unit": "m"}),
    "25 seconds": np.array([1], "M8[25s]"),
    "half": np.float16(1),
    "long double scalar": np.longdouble(1),
    "void scalar": np.void(b"ab"),
    "polynomial": np.polynomial.Polynomial([1, 2]),
    "masked constant": np.ma.masked,
    "masked objects": np.ma.masked_array(np.array([1, "a"], object), [False, True]),
    "masked, other hidden": np.ma.masked_array([1, 3], [False, True]),
    "dtype i8": np.dtype("i8"),
    "type": np.float64,
    "ufunc": np.add,
    "other ufunc": np.subtract,
    "ufunc of scipy": expit,
    "other ufunc of scipy": logit,
    "rng": np.random.default_rng(0),
    "rng 1": np.random.default_rng(1),
    "advanced rng": advanced(np.random.default_rng(0)),
    "seed": np.random.SeedSequence(1),
    "seed that was spawned from": spawned(np.random.SeedSequence(1)),
    "old rng": np.random.RandomState(0),
    "advanced old rng": advanced(np.random.RandomState(0)),
    "csr": sparse.csr_array(SQUARE),
    "csr matrix": sparse.csr_matrix(SQUARE),
    "csc": sparse.csc_array(SQUARE),
    "coo": sparse.coo_array(SQUARE),
    "coo 2": sparse.coo_array(SQUARE.T),
    "dok": sparse.dok_array(SQUARE),
    "lil": sparse.lil_array(SQUARE),
    "dia": sparse.dia_array(SQUARE),
    "csr wider": sparse.csr_array((SQUARE.ravel()[:2], ([0, 0], [0, 1])), shape=(1, 2)),
    "csr unsorted": unsorted(),
    "csr without a stored zero": sparse.csr_array(([1.0], ([0], [1])), shape=(1, 2)),
    "csr with a note": with_note(sparse.csr_array(SQUARE), "a"),
    "csr with another note": with_note(sparse.csr_array(SQUARE), "b"),
    "csr of long indices": with_long_indices(sparse.csr_array(SQUARE)),
    "coo without doubles": without_doubles(sparse.coo_array(SQUARE)),
    "bsr": sparse.bsr_array(np.ones((4, 4)), blocksize=(2, 2)),
    "bsr of one block": sparse.bsr_array(np.ones((4, 4)), blocksize=(4, 4)),
}


def test_arrays_of_different_type_shape_order_or_content_have_different_digests() -> None:
    owners: dict[bytes, str] = {}
    collisions = []
    for name, value in DIFFERENT.items():
        other = owners.setdefault(digest(value), name)
        if other != name:
            collisions.append((other, name))
    assert collisions == []


@pytest.mark.parametrize("name", DIFFERENT)
def test_a_pickle_trip_keeps_the_digest(name: str) -> None:
    value = DIFFERENT[name]
    assert digest(pickle.loads(pickle.dumps(value, 5))) == digest(value)


def read_only(array: Any) -> Any:
    array.flags.writeable = False
    return array


def leftover(value: int) -> Any:
    """A structured array whose padding bytes hold something else."""
    dtype = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    array = np.full(3 * dtype.itemsize, value, "u1").view(dtype)
    array["a"], array["b"] = 1, 2.0
    return array


def sorted_when_asked() -> Any:
    matrix = sparse.csr_array(SQUARE)
    assert matrix.has_sorted_indices
    return matrix


def filled_when_asked() -> Any:
    masked = np.ma.masked_array([1, 2], [False, True])
    assert masked.fill_value
    return masked


BLOCKS = np.arange(3_000_000.0)
EQUAL: dict[str, tuple[Any, Any]] = {
    "slice and copy": (SIX[1:4], SIX[1:4].copy()),
    "stride and copy": (BLOCKS[::2], BLOCKS[::2].copy()),
    "columns and copy": (BLOCKS.reshape(-1, 30)[:, 3:20], BLOCKS.reshape(-1, 30)[:, 3:20].copy()),
    "few long rows": (BLOCKS.reshape(2, -1)[:, ::2], BLOCKS.reshape(2, -1)[:, ::2].copy()),
    "reversed and copy": (SIX[::-1], SIX[::-1].copy()),
    "broadcast and copy": (np.broadcast_to(SIX, (1000, 6)), np.tile(SIX, (1000, 1))),
    "fortran view and copy": (SQUARE.T, np.asfortranarray(SQUARE.T)),
    "objects: slice and copy": (np.array(["a", [1], None], object)[::2], np.array(["a", None], object)),
    "read only": (read_only(np.zeros(3)), np.zeros(3)),
    "long and long long": (np.zeros(3, "q"), np.zeros(3, "l")),
    "native and named byte order": (np.zeros(3, "<f8"), np.zeros(3, "=f8")),
    "padding": (leftover(0), leftover(255)),
    "sparse matrix that was asked whether it is sorted": (sorted_when_asked(), sparse.csr_array(SQUARE)),
    "masked array that was asked for its fill value": (filled_when_asked(), np.ma.masked_array([1, 2], [False, True])),
    "interned elements": (np.array(["ab", "ab"], object), np.array(["ab", "xab"[1:]], object)),
}


@pytest.mark.parametrize("name", EQUAL)
def test_how_an_array_lies_in_memory_does_not_count(name: str) -> None:
    left, right = EQUAL[name]
    assert digest(left) == digest(right)


def test_a_mapped_file_counts_by_its_content(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, SQUARE)
    mapped = np.load(path, mmap_mode="r+")
    assert digest(mapped) == digest(SQUARE)
    mapped[1, 1] = -1
    assert digest(mapped) != digest(SQUARE)


def test_a_broadcast_array_is_digested_without_being_written_out() -> None:
    wide = np.broadcast_to(np.zeros(1), (40, 1_000_000))
    tracemalloc.start()
    digest(wide)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < wide.nbytes / 10


def test_one_changed_element_of_millions_is_seen() -> None:
    large = np.zeros(2_000_000)
    before = digest(large)
    large[1_234_567] = 1e-300
    assert digest(large) != before


def test_views_of_one_memory_count_as_copies_and_one_array_met_twice_does_not() -> None:
    array = np.zeros(3)
    assert digest([array[:2], array[1:]]) == digest([np.zeros(2), np.zeros(2)])
    assert digest([array, array]) != digest([np.zeros(3), np.zeros(3)])


def test_an_object_array_that_holds_itself_has_a_digest() -> None:
    array = np.empty(1, object)
    array[0] = array
    assert digest(array) != digest(np.array([None], object))


def test_what_cannot_be_hashed_is_refused_inside_an_object_array_too() -> None:
    array = np.array([iter([1]), None], object)
    with pytest.raises(UnhashableInputError, match="an iterator"):
        digest({"a": array})


_arrays = hnp.arrays(
    dtype=hnp.scalar_dtypes() | hnp.array_dtypes(max_size=3),
    shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)


@settings(max_examples=100, deadline=None)
@given(_arrays, st.data())
def test_any_array_keeps_its_digest_over_a_pickle_trip_and_as_a_view(array: Any, data: st.DataObject) -> None:
    assert digest(pickle.loads(pickle.dumps(array, 5))) == digest(array)
    if array.ndim:
        view = array[data.draw(hnp.basic_indices(array.shape, allow_ellipsis=False))]
        if isinstance(view, np.ndarray):
            view = view.transpose(data.draw(st.permutations(range(view.ndim))))
            assert digest(pickle.loads(pickle.dumps(view, 5))) == digest(view)


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(hnp.integer_dtypes() | hnp.floating_dtypes(), hnp.array_shapes(max_side=4)), st.data())
def test_any_changed_byte_changes_the_digest(array: Any, data: st.DataObject) -> None:
    array = np.ascontiguousarray(array)
    before = digest(array)
    raw = array.reshape(-1).view("u1")
    place = data.draw(st.integers(0, raw.size - 1))
    raw[place] ^= 1
    assert digest(array) != before


_FIT = """
import sys
sys.path[:0] = [{root!r}]
from tests.core.test_arrays import fitted
from nbflow.core.values.hashing import digest
print(digest(fitted(0)).hex())
"""


def fitted(seed: int) -> Any:
    rng = np.random.default_rng(0)
    features, labels = rng.random((60, 4)), rng.integers(0, 2, 60)
    return RandomForestClassifier(n_estimators=4, random_state=seed).fit(features, labels)


def test_a_fitted_estimator_has_one_digest_in_all_processes() -> None:
    root = pathlib.Path(__file__).parents[2]
    found = subprocess.run(
        [sys.executable, "-c", _FIT.format(root=str(root))],
        env={**os.environ, "PYTHONHASHSEED": "1"},
        check=True,
        capture_output=True,
        text=True,
        cwd=root,
    ).stdout.strip()
    assert found == digest(fitted(0)).hex()
    assert digest(fitted(1)) != digest(fitted(0))


def test_hashing_imports_no_library() -> None:
    script = "import sys; from nbflow.core.values.hashing import digest; digest([1, {2}]); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    assert not {"numpy", "pandas", "polars", "pyarrow", "scipy", "IPython", "cloudpickle"} & set(loaded)


def test_the_content_is_hashed_by_the_library_in_one_go() -> None:
    """The speed budget rests on one call over the whole buffer."""
    calls: list[int] = []
    original = xxhash.xxh3_128_digest

    def counting(data: Any) -> bytes:
        calls.append(memoryview(data).nbytes)
        return original(data)

    xxhash.xxh3_128_digest = counting  # type: ignore[assignment]
    try:
        digest(BLOCKS)
    finally:
        xxhash.xxh3_128_digest = original
    assert calls.count(BLOCKS.nbytes) == 1
    assert sum(calls) < BLOCKS.nbytes * 1.01
