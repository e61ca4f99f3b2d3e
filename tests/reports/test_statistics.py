"""Tests of the figures behind the plots."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.reports.statistics import marks, summarise


def test_quartiles_are_those_of_r_and_of_nextflows_report() -> None:
    # These are what `summary` of R says of them.
    odd = summarise([43, 6, 7, 15, 36, 39, 40, 41, 42, 47, 49])
    assert (odd.minimum, odd.q1, odd.median, odd.q3, odd.maximum) == (6, 25.5, 40, 42.5, 49)
    even = summarise([7, 15, 36, 39, 40, 41])
    assert (even.q1, even.median, even.q3) == (20.25, 37.5, 39.75)
    one = summarise([3])
    assert (one.count, one.mean, one.minimum, one.q1, one.median, one.q3, one.maximum) == (1, 3, 3, 3, 3, 3, 3)


@pytest.mark.parametrize("kind", ["perc", "mem", "time"])
@given(top=st.floats(0.001, 1e15))
def test_an_axis_begins_at_nothing_reaches_its_end_and_has_few_marks(kind: str, top: float) -> None:
    places = marks(top, kind)
    assert places[0] == 0
    assert places[-1] >= top * (1 - 1e-6)
    assert len(places) <= 8
    assert places == sorted({*places})


def test_the_marks_are_round_in_the_unit_that_is_shown() -> None:
    assert marks(100, "perc") == [0, 20, 40, 60, 80, 100]
    assert marks(3 * 1024**3, "mem") == [0, 1024**3, 2 * 1024**3, 3 * 1024**3]
    assert marks(900 * 1024, "mem") == [0, 200 * 1024, 400 * 1024, 600 * 1024, 800 * 1024, 1000 * 1024]
    assert marks(55_000, "time") == [0, 10_000, 20_000, 30_000, 40_000, 50_000, 60_000]
