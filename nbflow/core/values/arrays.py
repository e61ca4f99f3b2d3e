"""How arrays open: numpy and scipy.sparse, by their content and at the speed of memory.

Alone knows these libraries' layouts; finds a library in `sys.modules` only, and never imports one that the user did
not. Whether an array is a view, broadcast, read-only or mapped from a file is not part of its value; its dtype,
shape and memory order are.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import xxhash

from nbflow.core.values.plain import CHUNK, LEAVES, Node, counted, fingerprint, scalar, scalars, tagged, text

Opened = tuple[Callable[[Any], bytes | None] | None, Callable[[Any], Node] | None, bool]

_BLOCK = 1 << 22
_UFUNC_HOMES = ("numpy", "scipy.special")
_FOUND_OUT = frozenset({"_has_sorted_indices", "_has_canonical_format", "has_sorted_indices"})


def _numpy() -> Any:
    return sys.modules["numpy"]


def _plain_name(dtype: Any) -> str:
    # Third-party types such as bfloat16 all call themselves "<V2".
    named = dtype.kind == "V" and dtype.type is not _numpy().void
    return f"{dtype.str} {dtype.type.__module__}.{dtype.type.__qualname__}" if named else str(dtype.str)


def dtype_bytes(dtype: Any) -> bytes:
    """Encode a numpy dtype: byte order, unit, fields with their names, titles and offsets."""
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return tagged("subarray", dtype_bytes(base), repr(shape).encode())
    if dtype.names is None:
        extra = repr((dtype.coerce, str(getattr(dtype, "na_object", "")))) if dtype.char == "T" else ""
        return tagged("dtype", _plain_name(dtype).encode(), text(extra))
    fields = [dtype.fields[name] for name in dtype.names]
    pieces = [
        tagged("field", text(name), dtype_bytes(field[0]), scalar(repr(field[1:])))
        for name, field in zip(dtype.names, fields, strict=True)
    ]
    return tagged("fields", scalar(dtype.itemsize), scalar(dtype.isalignedstruct), *pieces)


@functools.lru_cache(maxsize=256)
def _travels_as_it_lies(dtype: Any, turned: bool) -> bool:
    """Whether pickle takes an array's memory as a whole; else numpy writes it anew, in native bytes and C or F order."""
    probe = _numpy().empty((2, 2, 2), dtype)
    reduced = (probe.transpose(1, 0, 2) if turned else probe).__reduce_ex__(5)
    return bool(reduced[0].__name__ == "_frombuffer")


@functools.cache
def _extended_precision() -> bool:
    """Whether a long double is x86's: 10 bytes of number in 16 bytes of room."""
    numpy = _numpy()
    return bool(numpy.finfo(numpy.longdouble).nmant == 63 and numpy.dtype("longdouble").itemsize == 16)


def _by_order(array: Any) -> tuple[str, Any]:
    """Find the memory order that pickle keeps, and the array with its axes in that order."""
    if array.flags.c_contiguous:
        return "C", array
    if array.flags.f_contiguous:
        return "F", array.T
    axes = sorted(range(array.ndim), key=lambda axis: -array.strides[axis] if array.shape[axis] > 1 else 0)
    turned = array.transpose(axes)
    if turned.flags.c_contiguous and _travels_as_it_lies(array.dtype, True):
        return repr([axis for axis in axes if array.shape[axis] > 1]), turned
    return "C", array


def _as_received(array: Any) -> Any:
    """Turn foreign byte order round where the trip does so."""
    dtype = array.dtype
    if dtype.isnative or dtype.names is not None:
        return array
    order, turned = _by_order(array)
    if turned.flags.c_contiguous and _travels_as_it_lies(dtype, order not in "CF"):
        return array
    return array.astype(dtype.newbyteorder("="), order="F" if order == "F" else "C")


def _blocks(array: Any) -> Iterator[Any]:
    """Yield contiguous pieces of an array in C order, so that no view is copied as a whole."""
    if array.nbytes <= _BLOCK or array.ndim == 0 or array.flags.c_contiguous:
        yield _numpy().ascontiguousarray(array)
        return
    rows = _BLOCK // (array.nbytes // len(array))
    for start in range(0, len(array), rows or 1):
        yield from _blocks(array[start : start + rows]) if rows else _blocks(array[start])


def _raw(array: Any) -> Any:
    return array.reshape(-1).view(_numpy().uint8)


def _content(array: Any) -> bytes:
    if not array.nbytes:
        return fingerprint(b"")
    if array.flags.c_contiguous:
        return fingerprint(_raw(array))
    stream = xxhash.xxh3_128()
    for block in _blocks(array):
        stream.update(_raw(block))
    return stream.digest()


def _has_holes(dtype: Any) -> bool:
    if dtype.subdtype is not None:
        return _has_holes(dtype.subdtype[0])
    if dtype.names is None:
        return dtype.char in "gG" and _extended_precision()
    kinds = [dtype.fields[name][0] for name in dtype.names]
    return sum(kind.itemsize for kind in kinds) != dtype.itemsize or any(map(_has_holes, kinds))


def _without_holes(array: Any) -> bytes:
    """Digest values that do not fill their bytes: what lies in the holes is left over from earlier use."""
    dtype = array.dtype
    if dtype.names is not None:
        return b"".join(_without_holes(array[name]) for name in dtype.names)
    if not _has_holes(dtype):
        return _content(array)
    limbs = _numpy().ascontiguousarray(array).reshape(-1).view(_numpy().uint8).reshape(-1, 16)
    return _content(limbs[:, :10])


def content(array: Any) -> bytes | None:
    """Digest an exact ndarray of numbers; None if it holds objects.

    Parameters
    ----------
    array : numpy.ndarray

    Returns
    -------
    bytes or None
        Self-delimiting: dtype, shape, memory order and the digest of the buffer.
    """
    if array.dtype.hasobject or array.dtype.char == "T":
        return None
    array = _as_received(array)
    order, turned = _by_order(array)
    head = tagged("ndarray", dtype_bytes(array.dtype), scalar(repr(array.shape)), order.encode())
    inner = _without_holes(turned) if _has_holes(array.dtype) else _content(turned)
    return head + fingerprint(head + inner)


def open_array(array: Any) -> Node:
    """Open an ndarray or memmap."""
    array = array.view(_numpy().ndarray)
    notes = _metadata(array.dtype)
    if (known := content(array)) is not None:
        return Node(known + counted("noted", len(notes)), notes)
    order, turned = _by_order(array)
    head = tagged("object array", dtype_bytes(array.dtype), scalar(repr(array.shape)), order.encode())
    values = turned.reshape(-1)
    head += counted("noted", len(notes))
    if len(values) > CHUNK:
        written = scalars(_listed(values[start : start + CHUNK]) for start in range(0, len(values), CHUNK))
        if written is not None:
            return Node(head + tagged("scalars", written), notes)
    return Node(head, [_listed(values), *notes])


def _listed(values: Any) -> list[object]:
    return list((values.astype(object) if values.dtype.char == "T" else values).tolist())


def _metadata(dtype: Any) -> list[object]:
    """Find what users have noted in a dtype or in those inside it: mostly nothing."""
    names = dtype.names or ()
    inner = [dtype.subdtype[0]] if dtype.subdtype is not None else [dtype.fields[name][0] for name in names]
    noted = [(place, found) for place, part in enumerate(inner) if (found := _metadata(part))]
    return [dict(dtype.metadata or {}), noted] if dtype.metadata or noted else []


def _encode_dtype(dtype: Any) -> bytes | None:
    return None if _metadata(dtype) else dtype_bytes(dtype)


def _open_dtype(dtype: Any) -> Node:
    notes = _metadata(dtype)
    return Node(tagged("noted", dtype_bytes(dtype), scalar(len(notes))), notes)


def _open_masked(array: Any) -> Node:
    numpy = _numpy()
    mask = numpy.ma.getmaskarray(array)
    # Asking a view for the fill value leaves the user's array as it is: numpy notes the default when asked.
    fill = array.view().fill_value
    if array.dtype.hasobject and isinstance(fill, numpy.generic):
        fill = fill.item()  # the default is numpy's own string before the trip, and Python's after it
    children = [array._baseclass, array.data.view(numpy.ndarray), mask, fill]
    return Node(tagged("masked"), children, type(array))


@functools.lru_cache(maxsize=256)
def _scalar_dtype(dtype: Any) -> tuple[bytes, bool]:
    return dtype_bytes(dtype), _has_holes(dtype)


def _encode_scalar(value: Any) -> bytes:
    kind, holes = _scalar_dtype(value.dtype)
    return tagged("numpy scalar", kind, _without_holes(_numpy().asarray(value)) if holes else value.tobytes())


def _encode_ufunc(function: Any) -> bytes | None:
    """Encode a ufunc by its library and name: where pickle would find it depends on what was imported first."""
    name = str(function.__name__)
    for home in _UFUNC_HOMES:
        if getattr(sys.modules.get(home), name, None) is function:
            return tagged("ufunc", text(f"{home}.{name}"))
    return None


def _open_seed(seed: Any) -> Node:
    """Open a seed sequence: what it says itself stays the same from one version of numpy to the next, its pickle does not."""
    return Node(counted("seed", 1), [seed.state], type(seed))


def _open_sparse(matrix: Any) -> Node:
    """Open a sparse array by its attributes, without what it has found out about itself."""
    own = [item for item in sorted(vars(matrix).items()) if item[0] not in _FOUND_OUT]
    return Node(counted("sparse", len(own)), list(chain.from_iterable(own)), type(matrix))


def _numpy_handler(numpy: Any, cls: type) -> Opened | None:
    if cls is numpy.ndarray or cls is numpy.memmap:
        return None, open_array, False
    if issubclass(cls, numpy.generic) and cls is not numpy.void and cls.__module__ == "numpy":
        LEAVES[cls] = _encode_scalar
        return _encode_scalar, None, True
    if issubclass(cls, numpy.dtype):
        return _encode_dtype, _open_dtype, True
    if cls is numpy.ufunc:
        return _encode_ufunc, None, True
    if cls is numpy.ma.MaskedArray:
        return None, _open_masked, False
    if cls.__qualname__ == "SeedSequence" and cls.__module__.startswith("numpy.random"):
        return None, _open_seed, False
    return None


def _sparse_handler(cls: type) -> Opened | None:
    return (None, _open_sparse, False) if cls.__name__[:3] in ("csr", "csc", "bsr", "coo") else None


def handler(cls: type) -> Opened | None:
    """Find how values of a class open: (encode, open, by value) of a hashing handler, None if not an array's class."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and (found := _numpy_handler(numpy, cls)) is not None:
        return found
    if cls.__module__.startswith("scipy.sparse."):
        return _sparse_handler(cls)
    return None
