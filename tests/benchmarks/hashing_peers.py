"""Digests beside peers that hash values by content: joblib, Hamilton, marimo and dask, each by its own entry point.

All of them compute on one thread, so CPU time is compared: a busy machine does not decide who is first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

from nbflow.core.values.hashing import digest
from tests.benchmarks.measure import Row, interleaved

ROUNDS = 3
_MB = 1 << 20
_MILLION = 1_000_000
_BY_ORIGIN = frozenset({"marimo"})  # it takes a frame for the cells that made it, not for its content
Hash = Callable[[Any], object]


def _joblib() -> Hash:
    return import_module("joblib").hash  # type: ignore[no-any-return]


def _hamilton() -> Hash:
    return import_module("hamilton.caching.fingerprinting").hash_value  # type: ignore[no-any-return]


def _dask() -> Hash:
    return import_module("dask.base").tokenize  # type: ignore[no-any-return]


def _marimo() -> Hash:
    """What `persistent_cache` does with a value that a cell reads: bytes, then sha256."""
    primitives, encode = import_module("marimo._runtime.primitives"), import_module("marimo._save.encode")

    def hashed(value: Any) -> bytes:
        data = primitives.is_data_primitive(value)
        written = encode.data_to_buffer(value) if data else encode.common_container_to_bytes(value)
        return hashlib.sha256(written).digest()

    return hashed


PEERS = {"joblib": _joblib, "Hamilton": _hamilton, "marimo": _marimo, "dask": _dask}


def _values() -> Iterator[tuple[str, object]]:
    random = np.random.default_rng(1)
    yield "array of 256 MB", random.random(256 * _MB // 8)
    yield "frame of 128 MB", pd.DataFrame({name: random.random(16 * _MB // 8) for name in "abcdefgh"})
    yield "list of 1,000,000 ints", random.integers(0, 2**40, _MILLION).tolist()
    yield "dict of 100,000 strings to floats", {f"key {i}": i / 3 for i in range(100_000)}
    strings = [f"string {i}" for i in range(_MILLION)]
    yield "frame of 1,000,000 strings", pd.DataFrame({"a": strings})
    yield "frame of 1,000,000 strings as objects", pd.DataFrame({"a": pd.Series(strings, dtype=object)})


def _installed() -> dict[str, Hash]:
    found = {}
    for name, load in PEERS.items():
        try:
            found[name] = load()
        except ImportError as missing:
            print(f"{name} is not measured: {missing}; pip install -e '.[benchmarks]'")
    return found


def rows() -> list[Row]:
    """Measure."""
    peers = _installed()
    return [row for what, value in _values() for row in _rows(what, value, peers)]


def _rows(what: str, value: object, peers: dict[str, Hash]) -> Iterator[Row]:
    taking = {
        name: peer for name, peer in peers.items() if not (name in _BY_ORIGIN and isinstance(value, pd.DataFrame))
    }
    mine, *others = interleaved([partial(digest, value), *(partial(peer, value) for peer in taking.values())], ROUNDS)
    for name, other in zip(taking, others, strict=True):
        yield Row(f"digest: {what}", "ms", mine.cpu * 1e3, mine.cpu * 1e3, "first", name, other.cpu * 1e3)
