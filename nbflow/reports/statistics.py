"""Figures of many tasks in few: quartiles and means, and the marks of an axis. Pure numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_DURATIONS = (
    *(
        1,
        2,
        5,
        10,
        20,
        50,
        100,
        200,
        500,
        1_000,
        2_000,
        5_000,
        10_000,
        15_000,
        30_000,
        60_000,
        120_000,
        300_000,
        600_000,
    ),
    *(
        900_000,
        1_800_000,
        3_600_000,
        7_200_000,
        10_800_000,
        21_600_000,
        43_200_000,
        86_400_000,
        172_800_000,
        604_800_000,
    ),
)


@dataclass(frozen=True, slots=True)
class Summary:
    """What a box plot shows of some numbers.

    Attributes
    ----------
    count : int
        How many there are.
    mean, minimum, q1, median, q3, maximum : float
        Quartiles lie between the two nearest numbers in proportion, as those of R's ``summary`` and of Nextflow's report.
    """

    count: int
    mean: float
    minimum: float
    q1: float
    median: float
    q3: float
    maximum: float


def summarise(numbers: Sequence[float]) -> Summary:
    """Sum up numbers, of which there must be one at least."""
    ordered = sorted(numbers)
    quartiles = (quantile(ordered, share) for share in (0, 0.25, 0.5, 0.75, 1))
    return Summary(len(ordered), math.fsum(ordered) / len(ordered), *quartiles)


def quantile(ordered: Sequence[float], share: float) -> float:
    """The number below which a share of sorted numbers lies."""
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def marks(top: float, kind: str, most: int = 6) -> list[float]:
    """Return where an axis that begins at 0 is marked, at round numbers of its unit.

    Parameters
    ----------
    top : float
        Where it ends at the earliest; the last mark lies there or beyond.
    kind : str
        ``time`` (milliseconds), ``mem`` (bytes), or another for plain numbers.
    most : int
        How many marks there may be beside 0.
    """
    step = _duration_step(top / most) if kind == "time" else _step(top / most, 1024.0 if kind == "mem" else 1000.0)
    return [step * number for number in range(math.ceil(top / step - 1e-9) + 1)]


def _step(least: float, base: float) -> float:
    """The least of 1, 2, 5, 10, 20, 50, ... units that reaches; a unit is a power of the base."""
    if least <= 0:
        return 1.0
    unit = base ** math.floor(math.log(least, base) + 1e-9) if least >= 1 or base == 1000.0 else 1.0
    for factor in (1, 2, 5, 10, 20, 50, 100, 200, 500):
        if factor * unit >= least:
            return float(factor * unit)
    return unit * base


def _duration_step(least: float) -> float:
    for step in _DURATIONS:
        if step >= least:
            return float(step)
    days = _DURATIONS[-1]
    return float(days * math.ceil(least / days))
