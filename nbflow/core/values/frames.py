"""How data frames open: pandas, polars and pyarrow, by what a body can read of them.

Alone knows these libraries' layouts; finds a library in `sys.modules` only. How columns lie in blocks or chunks, and
what a library has cached beside them, is not part of a value; names, types, order and attributes are.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

import xxhash

from nbflow.core.values.objects import open_object
from nbflow.core.values.plain import CHUNK, Node, counted, fingerprint, scalar, scalars, tagged, text

_BLOCK = 1 << 20  # rows; part of what is hashed
_PIECE = 1 << 16
_PICKLING = ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__")
Opened = tuple[Callable[[Any], bytes | None] | None, Callable[[Any], Node] | None, bool]


def _extras(value: Any) -> list[object]:
    """What a frame or series carries beside its data; a subclass lists its own in `_metadata`."""
    own = [getattr(value, name, None) for name in value._metadata if name != "_name"]
    return [dict(value.attrs), value.flags.allows_duplicate_labels, *own]


def _open_frame(frame: Any) -> Node:
    columns = list(frame._iter_column_arrays())
    head = counted("frame", len(columns))
    return Node(head, [frame.columns, frame.index, *columns, *_extras(frame)], type(frame))


def _open_series(series: Any) -> Node:
    return Node(counted("series", 1), [series.name, series.index, series._values, *_extras(series)], type(series))


def _open_index(index: Any) -> Node:
    return Node(counted("index", 1), [index.name, index._values, getattr(index, "freq", None)], type(index))


def _open_range_index(index: Any) -> Node:
    return Node(counted("index", 1), [index.name, range(index.start, index.stop, index.step)], type(index))


def _open_multi_index(index: Any) -> Node:
    children = [list(index.names), index.sortorder, *index.levels, *index.codes]
    return Node(counted("multi index", index.nlevels), children, type(index))


def _open_categorical(values: Any) -> Node:
    return Node(counted("categorical", 1), [values.codes, values.categories, bool(values.ordered)], type(values))


def _open_masked(values: Any) -> Node:
    """Open a nullable array; what lies under a missing value is left over from earlier use."""
    data, mask = values._data, values._mask
    if not mask.any():
        return Node(counted("nullable", 1), [values.dtype, data, mask], type(values))
    return Node(tagged("nullable with gaps", _without_gaps(data, mask)), [values.dtype, mask], type(values))


def _without_gaps(data: Any, mask: Any) -> bytes:
    stream = xxhash.xxh3_128()
    for start in range(0, len(data), _PIECE):
        piece = data[start : start + _PIECE].copy()
        piece[mask[start : start + _PIECE]] = 0
        stream.update(piece.view("u1"))
    return stream.digest()


def _open_backed(values: Any) -> Node:
    return Node(counted("backed", 1), [values.dtype, values._ndarray, getattr(values, "freq", None)], type(values))


def _open_arrow_backed(values: Any) -> Node:
    return Node(counted("backed", 1), [values.dtype, values._pa_array], type(values))


def _open_sparse(values: Any) -> Node:
    places = values.sp_index.to_int_index().indices
    return Node(counted("sparse", len(values)), [values.dtype, values.kind, places, values.sp_values], type(values))


def _open_interval(values: Any) -> Node:
    return Node(counted("intervals", 1), [values.dtype, values.left, values.right], type(values))


def _open_dtype(dtype: Any) -> Node:
    told = [getattr(dtype, name, None) for name in dtype._metadata]
    return Node(tagged("pandas dtype", text(str(dtype)), scalar(len(told))), told, type(dtype))


def _pandas_openers(pandas: Any) -> Iterable[tuple[type, Callable[[Any], Node]]]:
    """Classes with the function that opens them, the more special ones first."""
    kinds = pandas.arrays
    base = pandas.api.extensions
    yield pandas.DataFrame, _open_frame
    yield pandas.Series, _open_series
    yield pandas.RangeIndex, _open_range_index
    yield pandas.MultiIndex, _open_multi_index
    yield pandas.Index, _open_index
    yield pandas.Categorical, _open_categorical
    yield kinds.SparseArray, _open_sparse
    yield kinds.IntervalArray, _open_interval
    yield kinds.ArrowStringArray, _open_arrow_backed
    yield kinds.ArrowExtensionArray, _open_arrow_backed
    for name in ("IntegerArray", "FloatingArray", "BooleanArray"):
        yield getattr(kinds, name), _open_masked
    for name in ("DatetimeArray", "TimedeltaArray", "PeriodArray", "NumpyExtensionArray", "StringArray"):
        if hasattr(kinds, name):
            yield getattr(kinds, name), _open_backed
    yield base.ExtensionDtype, _open_dtype


def _travels_alike(cls: type, known: type) -> bool:
    """Whether a subclass says nothing of its own about how it is pickled."""
    return all(getattr(cls, name, None) is getattr(known, name, None) for name in _PICKLING)


def _pandas_handler(pandas: Any, cls: type) -> Opened | None:
    for known, opener in _pandas_openers(pandas):
        if issubclass(cls, known):
            frame = opener in (_open_frame, _open_series) and _travels_alike(cls, known)
            ours = frame or cls.__module__.split(".")[0] == "pandas"
            return (None, opener, opener is _open_dtype) if ours else None
    return _offset_handler(cls)


def _offset_handler(cls: type) -> Opened | None:
    return (None, open_object, True) if cls.__module__.startswith("pandas._libs.tslibs.offsets") else None


def _arrow_fields(schema: Any) -> list[object]:
    return list(map(_arrow_field, schema))


def _arrow_field(field: Any) -> object:
    """A field with all that its type holds: the type's own text leaves the metadata of inner fields out."""
    inner = [_arrow_field(field.type.field(i)) for i in range(field.type.num_fields)]
    return field.name, str(field.type), field.nullable, field.metadata, inner


def _open_table(table: Any) -> Node:
    kinds = [_arrow_fields(table.schema), table.schema.metadata]
    return Node(counted("arrow table", table.num_rows), [*kinds, *table.columns], type(table))


def _open_schema(schema: Any) -> Node:
    return Node(counted("arrow schema", len(schema)), [_arrow_fields(schema), schema.metadata])


def _open_chunks(column: Any) -> Node:
    """Open a column by blocks of rows of its own choosing, so that its chunks do not count and are never all joined."""
    if sys.modules["pyarrow"].types.is_dictionary(column.type):
        column = column.unify_dictionaries()
    starts = range(0, len(column), _BLOCK)
    blocks = (piece for start in starts for piece in _joined(column.slice(start, _BLOCK)))
    return Node(tagged("arrow chunks", text(str(column.type)), scalar(len(column))), blocks)


def _joined(column: Any) -> list[Any]:
    whole = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    return list(whole.chunks) if hasattr(whole, "chunks") else [whole]


def _fixed_width(array: Any) -> bytes:
    size = array.type.bit_width // 8
    data = memoryview(array.buffers()[1] or b"")
    return fingerprint(data[array.offset * size : (array.offset + len(array)) * size])


def _strings(array: Any, long: bool) -> bytes:
    numpy = sys.modules["numpy"]
    _, ends, data = array.buffers()
    ends = numpy.frombuffer(ends or b"", "i8" if long else "i4")[array.offset : array.offset + len(array) + 1]
    if not len(array):
        return fingerprint(b"")
    first, last = int(ends[0]), int(ends[-1])
    return fingerprint(ends - first if first else ends) + fingerprint(memoryview(data or b"")[first:last])


def _arrow_bytes(array: Any, types: Any) -> bytes | None:
    """Digest an array by its buffers, where its type has a plain layout and numpy is there to read offsets."""
    kind = array.type
    if types.is_primitive(kind) and kind.bit_width % 8 == 0:
        return _fixed_width(array)
    long = types.is_large_string(kind) or types.is_large_binary(kind)
    if "numpy" in sys.modules and (long or types.is_string(kind) or types.is_binary(kind)):
        return _strings(array, long)
    return None


def _arrow_children(array: Any, types: Any) -> list[object]:
    kind = array.type
    if types.is_boolean(kind):
        return [array.cast("uint8")]
    if types.is_dictionary(kind):
        return [array.indices, array.dictionary]
    if types.is_struct(kind):
        return [array.is_valid(), *array.flatten()]
    if types.is_list(kind) or types.is_large_list(kind):
        return [array.value_lengths(), array.flatten()]
    if types.is_run_end_encoded(kind):
        first, count = array.find_physical_offset(), array.find_physical_length()
        return [array.offset, array.run_ends.slice(first, count), array.values.slice(first, count)]
    if types.is_union(kind):
        return [array.type_codes, array.to_pylist()]
    return [array.to_pylist()]


def _open_arrow_extension(array: Any) -> Node:
    return Node(counted("arrow extension", len(array)), [array.type, array.storage])


def _open_arrow_array(array: Any) -> Node:
    types = sys.modules["pyarrow"].types
    head = tagged("arrow array", text(str(array.type)), scalar(len(array)), scalar(array.null_count))
    if (found := _arrow_bytes(array.drop_null() if array.null_count else array, types)) is not None:
        valid = _fixed_width(array.is_valid().cast("uint8")) if array.null_count else b""
        return Node(head + tagged("content", found, valid))
    return Node(head, _arrow_children(array, types))


def _arrow_handler(arrow: Any, cls: type) -> Opened | None:
    if issubclass(cls, arrow.Table | arrow.RecordBatch):
        return None, _open_table, False
    if issubclass(cls, arrow.Schema):
        return None, _open_schema, True
    if issubclass(cls, arrow.ChunkedArray):
        return None, _open_chunks, True
    if issubclass(cls, arrow.ExtensionArray):
        return None, _open_arrow_extension, True
    if issubclass(cls, arrow.Array):
        return None, _open_arrow_array, True
    return None


def _open_polars_frame(frame: Any) -> Node:
    return Node(counted("polars frame", frame.width) + scalar(frame.height), frame.get_columns(), type(frame))


def _polars_values(series: Any) -> list[object]:
    """Give a column's values as they are stored; Python's datetimes would cut nanoseconds off."""
    kind = repr(series.dtype)
    if "Categorical" in kind or "Enum" in kind:
        stored = (
            [] if series.dtype.base_type().__name__ in ("Categorical", "Enum") else [series.to_physical().to_list()]
        )
        return [series.to_list(), *stored]
    physical = series.to_physical()
    if repr(physical.dtype) in _POLARS_SCALARS:
        return [scalars(physical[start : start + CHUNK].to_list() for start in range(0, len(physical), CHUNK))]
    if "numpy" not in sys.modules or repr(physical.dtype) not in _POLARS_NUMBERS:
        return [physical.to_list()]
    if physical.null_count():
        return [*_polars_values(series.is_null()), physical.drop_nulls().to_numpy()]
    return [physical.to_numpy()]


def _open_polars_series(series: Any) -> Node:
    categories: Any = getattr(series.dtype, "categories", None)
    listed = categories.to_list() if hasattr(categories, "to_list") else None
    head = tagged("polars series", text(repr(series.dtype)))
    return Node(head, [series.name, listed, *_polars_values(series)], type(series))


def _polars_handler(polars: Any, cls: type) -> Opened | None:
    if cls is polars.DataFrame:
        return None, _open_polars_frame, False
    if cls is polars.Series:
        return None, _open_polars_series, False
    return None


_POLARS_SCALARS = frozenset({"String", "Binary", "Boolean"})
_POLARS_NUMBERS = frozenset(
    {f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)} | {"Float32", "Float64"}
)
_LIBRARIES = {"pandas": _pandas_handler, "pyarrow": _arrow_handler, "polars": _polars_handler}


def handler(cls: type) -> Opened | None:
    """Find how values of a class open: (encode, open, by value) of a hashing handler, None if not a frame's class."""
    for name in {base.__module__.partition(".")[0] for base in cls.__mro__} & _LIBRARIES.keys():
        library = sys.modules.get(name)
        if library is not None and (found := _LIBRARIES[name](library, cls)) is not None:
            return found
    return None
