"""Digests of large values, as the speed of raw xxh3 over the same buffers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xxhash

from nbflow.core.values.hashing import digest
from tests.benchmarks.measure import Row, interleaved

ROUNDS = 7
_MB = 1 << 20


def rows() -> list[Row]:
    """Measure."""
    array = np.random.default_rng(1).random(256 * _MB // 8)
    frame = pd.DataFrame(dict.fromkeys("abcdefgh", array[: 16 * _MB // 8]))
    return [_row("array of 256 MB", array, array), _row("frame of 128 MB, 8 columns", frame, array[: 128 * _MB // 8])]


def _row(what: str, value: object, buffer: np.ndarray) -> Row:
    mine, raw = interleaved([lambda: digest(value), lambda: xxhash.xxh3_128_digest(buffer)], ROUNDS)
    speed = raw.wall / mine.wall * 100
    return Row(
        f"digest of an {what}" if what[0] == "a" else f"digest of a {what}",
        "%",
        speed,
        None,
        ">= 80",
        "raw xxh3",
        100.0,
    )
