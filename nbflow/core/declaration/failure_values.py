"""The values of the directives that say what becomes of failed tasks, and how many resources and tasks there may be at once.

Alone knows their types, which are Nextflow's. Carries nothing out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from nbflow.core.declaration.directive_values import READERS, wrong
from nbflow.errors import DeclarationError

STRATEGIES = ("terminate", "finish", "ignore", "retry")
UNLIMITED = -1
"""Of ``max_errors``: a process may fail as often as it likes."""

LIMITED = ("cpus", "memory", "time")
"""Directives that ``resource_limits`` can bound."""


def _strategy(value: object) -> str:
    if isinstance(value, str) and value.lower() in STRATEGIES:
        return value.lower()
    raise wrong("error_strategy", value, f"{', '.join(STRATEGIES[:-1])} or {STRATEGIES[-1]}", "retry")


def _count(name: str, least: int, example: str) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
        raise wrong(name, value, f"a whole number of at least {least}", example)

    return read


def _resource_limits(value: object) -> Mapping[str, float]:
    if not isinstance(value, Mapping) or not value:
        raise DeclarationError(
            f"directive `resource_limits` takes a mapping, not {value!r}; write `#| resource_limits:` and below it lines as "
            "`#|   memory: 16 GB`"
        )
    unknown = [name for name in value if name not in LIMITED]
    if unknown:
        raise DeclarationError(
            f"directive `resource_limits` cannot limit `{unknown[0]}`; on one machine it limits {', '.join(LIMITED)}"
        )
    return {name: cast(float, READERS[name](limit)) for name, limit in value.items()}


FAILURE_READERS: Mapping[str, Callable[[object], object]] = {
    "error_strategy": _strategy,
    "max_retries": _count("max_retries", 0, "3"),
    "max_errors": _count("max_errors", UNLIMITED, "10"),
    "max_forks": _count("max_forks", 1, "2"),
    "resource_limits": _resource_limits,
}
"""Reads the value of each of these directives; raises DeclarationError."""
