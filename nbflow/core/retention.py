"""Retention: how long what runs left is kept, and what goes when.

Alone decides it, from when each run was last alive, what it would give back, and whether its session is in use. Pure: knows
no clock, no disk, and nothing of how a setting is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from nbflow.core.units import format_duration, format_memory, parse_duration, parse_memory
from nbflow.errors import SettingsError

HOUR = 3600.0
_GB = 1024**3
_DAY = 24 * 3600


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept; each limit is None where there is none.

    Attributes
    ----------
    storage_expiration_hours : float or None
        Hours that what no later run used is kept for a relaunch. With it, a ``nbflow run`` that succeeds leaves only
        logs.
    age_limit : float or None
        Seconds that what no later run used is kept.
    size_limit : int or None
        Bytes; of more, what was used longest ago goes.
    price_per_gb_month : float or None
        What a GB costs a month, in any currency.
    """

    storage_expiration_hours: float | None = None
    age_limit: float | None = None
    size_limit: int | None = None
    price_per_gb_month: float | None = None

    @property
    def has_limits(self) -> bool:
        """Whether anything ever goes by itself."""
        return (self.storage_expiration_hours, self.age_limit, self.size_limit) != (None, None, None)

    def over(self, below: Retention) -> Retention:
        """These settings, and below them others."""
        named = ((each.name, getattr(self, each.name)) for each in fields(self))
        return replace(below, **{name: value for name, value in named if value is not None})

    def cost(self, size: int) -> str:
        """What bytes cost, as in ``0.12 a month``; empty where no price is set."""
        if self.price_per_gb_month is None:
            return ""
        cost = size / _GB * self.price_per_gb_month
        return f"{cost:.2f} a month" if cost >= 0.01 or not cost else "under 0.01 a month"


NO_LIMITS = Retention()


def retention_of(section: Mapping[str, Any], place: str = "[retention]") -> Retention:
    """Read settings: the section ``[retention]`` of ``nbflow.toml``, or any mapping of the same names.

    Parameters
    ----------
    section : mapping of str to object
        ``storage_expiration_hours = 72``, ``age_limit = "30 days"``, ``size_limit = "50 GB"``,
        ``price_per_gb_month = 0.023``.
    place : str
        Where they stand, for errors.

    Raises
    ------
    SettingsError
        A name is unknown, or a value of a wrong type; the text says what to write.
    """
    unknown = [name for name in section if name not in READERS]
    if unknown:
        raise SettingsError(f"{place} has no setting `{unknown[0]}`; its settings are {', '.join(READERS)}")
    return Retention(**{name: read_setting(name, value, place) for name, value in section.items()})


def read_setting(name: str, value: object, place: str) -> Any:
    """Read one setting of retention.

    Raises
    ------
    SettingsError
        The value is of a wrong type; the text names the place that it came from.
    """
    try:
        return READERS[name](value)
    except ValueError as error:
        raise SettingsError(f"{place} `{name}`: {error}") from error


def _number(example: str) -> Callable[[object], float]:
    def read(value: object) -> float:
        try:
            number = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else -1.0
        except ValueError:
            number = -1.0
        if 0 <= number < float("inf"):
            return number
        raise ValueError(f"{value!r} is not a number of at least 0; write {example}")

    return read


def _age(value: object) -> float:
    return parse_duration(value)  # type: ignore[arg-type]  # it refuses all but texts


def _size(value: object) -> int:
    return parse_memory(value)  # type: ignore[arg-type]  # it refuses what is no amount


READERS: Mapping[str, Callable[[object], Any]] = {
    "storage_expiration_hours": _number("72"),
    "age_limit": _age,
    "size_limit": _size,
    "price_per_gb_month": _number("0.023"),
}
"""Reads each setting; raises ValueError."""


# What goes ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunUse:
    """A run, as retention sees it.

    Attributes
    ----------
    session, run : str
        Its session's id and its name.
    used : float
        When it was last alive, in seconds since the epoch.
    in_use : bool
        Whether its session is held: nothing of it goes.
    frees : int
        Bytes that it gives back once all earlier runs of its session are gone.
    """

    session: str
    run: str
    used: float
    in_use: bool
    frees: int = 0


@dataclass(frozen=True, slots=True)
class Due:
    """When a run goes.

    Attributes
    ----------
    use : RunUse
        The run.
    at : float or None
        Seconds since the epoch; None where it stays.
    why : str
        The limit, in words; for a run in use, that it is.
    """

    use: RunUse
    at: float | None
    why: str

    def is_due(self, now: float) -> bool:
        """Whether it goes now."""
        return self.at is not None and self.at <= now

    def goes(self, now: float) -> str:
        """When it goes, in words, to the minute of a day, the hour of a week, else the day: ``in 3h 41m``, ``now``, ``stays``."""
        if self.at is None:
            return "stays"
        if self.is_due(now):
            return "now"
        left = self.at - now
        step = 60 if left < _DAY else 3600 if left < 7 * _DAY else _DAY
        return f"in {format_duration(max(1, round(left / step)) * step * 1000)}"


def plan(uses: Iterable[RunUse], retention: Retention, now: float) -> list[Due]:
    """Say of each run when it goes, the one that was used longest ago first.

    Parameters
    ----------
    uses : iterable of RunUse
        All runs of nbflow's in the launch directory.
    retention : Retention
        The limits.
    now : float
        Seconds since the epoch.
    """
    oldest_first = sorted(uses, key=lambda use: use.used)
    by_age = [_by_age(use, retention) for use in oldest_first]
    return by_age if retention.size_limit is None else _by_size(by_age, retention.size_limit, now)


def last_to_go(dues: Iterable[Due]) -> dict[str, Due]:
    """Return of each session the run with which the rest of it goes: one that stays, if there is one, else the last."""
    found: dict[str, Due] = {}
    for due in dues:
        before = found.get(due.use.session)
        if before is None or _end(due) >= _end(before):
            found[due.use.session] = due
    return found


def _end(due: Due) -> float:
    return float("inf") if due.at is None else due.at


def _by_age(use: RunUse, retention: Retention) -> Due:
    if use.in_use:
        return Due(use, None, "in use")
    hours, age = retention.storage_expiration_hours, retention.age_limit
    limits = [(hours * HOUR, "storage_expiration_hours")] if hours is not None else []
    limits += [(age, "age_limit")] if age is not None else []
    if not limits:
        return Due(use, None, "")
    kept, why = min(limits)
    return Due(use, use.used + kept, why)


def _by_size(dues: Sequence[Due], limit: int, now: float) -> list[Due]:
    """Of more than the limit, what was used longest ago goes now; what goes by age anyway counts as gone."""
    left = sum(due.use.frees for due in dues if not due.is_due(now))
    found = []
    for due in dues:
        stays = due.use.in_use or due.is_due(now) or not due.use.frees or left <= limit
        found.append(due if stays else replace(due, at=now, why=f"size_limit of {format_memory(limit)}"))
        left -= 0 if stays else due.use.frees
    return found
