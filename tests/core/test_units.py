"""Memory and durations: Nextflow's units in, Nextflow's display out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.units import format_duration, format_memory, parse_duration, parse_memory


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4 GB", 4 << 30),
        ("4GB", 4 << 30),
        ("4.GB", 4 << 30),
        ("500.MB", 500 << 20),
        ("1.5 GB", 3 << 29),
        (".5 KB", 512),
        ("2g", 2 << 30),
        ("7 K", 7 << 10),
        ("10 B", 10),
        ("10", 10),
        (" 1 TB ", 1 << 40),
        (1024, 1024),
        (0, 0),
    ],
)
def test_memory_is_read_as_nextflow_does(text: str | int, size: int) -> None:
    assert parse_memory(text) == size


@pytest.mark.parametrize(
    "value", ["", "GB", "4 XB", "-4 GB", "4 GB 2", "1.5", "1.5 B", "4 GiB", True, -1, None, 1.5, []]
)
def test_what_is_no_amount_of_memory_is_refused_with_an_example(value: object) -> None:
    with pytest.raises(ValueError, match="4 GB") as caught:
        parse_memory(value)  # type: ignore[arg-type]
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h 30m", 5400.0),
        ("1h30m", 5400.0),
        ("10s", 10.0),
        ("10 sec", 10.0),
        ("2 days", 172800.0),
        ("100ms", 0.1),
        ("1d6h", 108000.0),
        ("1.5h", 5400.0),
        ("2 minutes 3 seconds", 123.0),
        ("05:10:30", 18630.0),
    ],
)
def test_durations_are_read_as_nextflow_does(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("value", "fix"),
    [
        ("1:30", "write '1m 30s' or '1h 30m'"),
        (60, "write '60s' for seconds or '60m' for minutes"),
        ("60", "1h 30m"),
        ("3 weeks", "unknown unit 'weeks'"),
        ("1 H", "unknown unit 'H'"),
        ("-1s", "1h 30m"),
        ("", "1h 30m"),
        ("1h and 2m", "1h 30m"),
        (True, "1h 30m"),
        (None, "1h 30m"),
    ],
)
def test_what_is_no_duration_is_refused_with_what_to_write(value: object, fix: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_duration(value)  # type: ignore[arg-type]
    assert fix in str(caught.value)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (-1, "0"),
        (0, "0"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1 KB"),
        (1536, "1.5 KB"),
        (31247565, "29.8 MB"),
        (1024**2, "1 MB"),
        (1024**3, "1 GB"),
        (4 << 30, "4 GB"),
        (1024**4 - 1, "1024 GB"),
    ],
)
def test_memory_is_shown_as_nextflow_does(size: int, text: str) -> None:
    assert format_memory(size) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "0ms"),
        (931, "931ms"),
        (999, "999ms"),
        (1000, "1s"),
        (2050, "2.1s"),
        (2100, "2.1s"),
        (16000, "16s"),
        (59999, "60s"),
        (60000, "1m"),
        (600000, "10m"),
        (3600000, "1h"),
        (3600499, "1h"),
        (3600500, "1h 1s"),
        (90123000, "1d 1h 2m 3s"),
    ],
)
def test_durations_are_shown_as_nextflow_does(milliseconds: int, text: str) -> None:
    assert format_duration(milliseconds) == text


@given(st.integers(min_value=60_000, max_value=10**10))
def test_a_shown_duration_is_read_back_to_the_second(milliseconds: int) -> None:
    assert abs(parse_duration(format_duration(milliseconds)) - milliseconds / 1000) <= 0.5


@given(st.integers(min_value=1, max_value=2**60))
def test_shown_memory_is_read_back_within_its_one_decimal(size: int) -> None:
    assert parse_memory(format_memory(size)) == pytest.approx(size, rel=0.06)
