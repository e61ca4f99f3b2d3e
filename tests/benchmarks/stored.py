"""A large array taken from the cache: time and memory beyond hashing the inputs."""

from __future__ import annotations

import tempfile
from pathlib import Path

import joblib
import numpy as np
import psutil

from nbflow.storage import values
from tests.benchmarks.measure import Cost, Row, cost, median

GIGABYTE, ROUNDS = 1 << 30, 5


def rows() -> list[Row]:
    """Measure."""
    with tempfile.TemporaryDirectory(prefix="nbflow-benchmark-") as directory:
        array = np.ones(GIGABYTE // 8)
        container, peer = Path(directory, "values"), Path(directory, "peer")
        values.dump({"x": array}, container, buffers_dir=directory)
        joblib.dump(array, peer)
        del array
        before = psutil.Process().memory_info().rss
        mine, theirs = [], []
        for _ in range(ROUNDS):
            mine.append(cost(lambda: _change(values.load(container, buffers_dir=directory)["x"])))
            theirs.append(cost(lambda: joblib.load(peer, mmap_mode="c")))
        kept = values.load(container, buffers_dir=directory)
        grown = (psutil.Process().memory_info().rss - before) / (1 << 20)
        del kept
    ours, other = median(mine), median(theirs)
    return [
        _row("array of 1 GB from the cache, one item changed", ours, other),
        Row("memory that it takes", "MB", grown, None, "0"),
    ]


def _row(what: str, mine: Cost, peer: Cost) -> Row:
    return Row(what, "ms", mine.wall * 1e3, mine.cpu * 1e3, "5", "joblib.load, mapped", peer.wall * 1e3)


def _change(array: np.ndarray) -> None:
    array[0] += 1
