"""Memory and durations as Nextflow writes them: text in, numbers out, and back.

Alone knows Nextflow's ``MemoryUnit`` and ``Duration`` (units, rounding, display). Knows nothing of directives or traces.
"""

from __future__ import annotations

import math
import re

MEMORY_UNITS = ("B", "KB", "MB", "GB", "TB", "PB", "EB", "ZB")

_DURATION_UNITS = {
    **dict.fromkeys(("ms", "milli", "millis"), 1),
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1_000),
    **dict.fromkeys(("m", "min", "minute", "minutes"), 60_000),
    **dict.fromkeys(("h", "hour", "hours"), 3_600_000),
    **dict.fromkeys(("d", "day", "days"), 86_400_000),
}
_MEMORY = re.compile(r"(\d+\.?\d*|\.\d+)\s*(?:([KMGTPEZ])?B?)", re.IGNORECASE | re.ASCII)
_DURATION_PART = re.compile(r"(\d+\.?\d*)\s*([A-Za-z]+)\s*", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})", re.ASCII)


def parse_memory(value: str | int) -> int:
    """Read an amount of memory.

    Parameters
    ----------
    value : str or int
        ``"4 GB"``, ``"500.MB"``, ``"1.5 GB"``, ``"2g"``, or a number of bytes. Units are powers of 1024.

    Returns
    -------
    int
        Bytes.

    Raises
    ------
    ValueError
        If it is not an amount of memory; the text says what is expected.

    Notes
    -----
    As Nextflow's ``MemoryUnit``, except that the case of the unit does not matter.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    match = _MEMORY.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or (not match[2] and "." in match[1]):
        raise ValueError(f"{value!r} is not an amount of memory; write it with a unit, as in '4 GB' or '500 MB'")
    power = " KMGTPEZ".index(match[2].upper()) if match[2] else 0
    return math.floor(float(match[1]) * 1024**power + 0.5) if power else int(match[1])


def parse_duration(value: str) -> float:
    """Read a duration.

    Parameters
    ----------
    value : str
        ``"1h 30m"``, ``"10s"``, ``"2 days"``, ``"100ms"``, ``"1d6h"``, or ``"05:10:30"`` (hours, minutes, seconds).

    Returns
    -------
    float
        Seconds, a whole number of milliseconds.

    Raises
    ------
    ValueError
        If it is not a duration; the text says what is expected.

    Notes
    -----
    As Nextflow's ``Duration``, except that a bare number is refused: Nextflow takes it for milliseconds, Python's users
    for seconds.
    """
    text = value.strip() if isinstance(value, str) else ""
    clock = _CLOCK.fullmatch(text)
    if clock:
        hours, minutes, seconds = map(int, clock.groups())
        return float(hours * 3600 + minutes * 60 + seconds)
    if not text or not re.fullmatch(rf"(?:{_DURATION_PART.pattern})+", text, re.ASCII):
        raise ValueError(_not_a_duration(value))
    return sum(_milliseconds(part, value) for part in _DURATION_PART.finditer(text)) / 1000


def _milliseconds(part: re.Match[str], value: str) -> int:
    if part[2] not in _DURATION_UNITS:
        raise ValueError(f"{value!r} has the unknown unit {part[2]!r}; the units are ms, s, m, h and d, as in '1h 30m'")
    return math.floor(float(part[1]) * _DURATION_UNITS[part[2]] + 0.5)


def _not_a_duration(value: object) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value!r} has no unit; write '{value}s' for seconds or '{value}m' for minutes"
    two = re.fullmatch(r"(\d+):(\d+)", value.strip()) if isinstance(value, str) else None
    if two:
        minutes, hours = f"{two[1]}m {two[2]}s", f"{two[1]}h {two[2]}m"
        return f"{value!r} can be read in two ways; write '{minutes}' or '{hours}'"
    return f"{value!r} is not a duration; write it with units, as in '1h 30m', '10s' or '100ms'"


def format_memory(size: int) -> str:
    """Show bytes as Nextflow does: ``"0"``, ``"29.8 MB"``, ``"4 GB"`` (base 1024, at most one decimal)."""
    if size <= 0:
        return "0"
    group = min(int(math.log10(size) / math.log10(1024)), len(MEMORY_UNITS) - 1)
    return f"{size / 1024**group:.1f}".removesuffix(".0") + f" {MEMORY_UNITS[group]}"


def format_duration(milliseconds: int) -> str:
    """Show milliseconds as Nextflow does: ``"931ms"``, ``"2.1s"``, ``"16s"``, ``"1d 1h 2m 3s"`` without zero parts."""
    if milliseconds < 1_000:
        return f"{milliseconds}ms"
    if milliseconds < 60_000:
        return f"{math.floor(milliseconds / 100 + 0.5) / 10:g}s"
    minutes, seconds = divmod(math.floor(milliseconds / 1_000 + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s"))
    return " ".join(f"{amount}{unit}" for amount, unit in parts if amount)
