"""What a user sets for a whole kernel: ``%config NBFlow``, ``c.NBFlow`` and ``NBFLOW_*`` of the environment.

Alone knows these settings and how the environment names them. Pure: who may change them when is the notebook's to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbflow.core.retention import NO_LIMITS, READERS, Retention, read_setting

ENVIRONMENT = "NBFLOW_"


@dataclass(frozen=True, slots=True)
class KernelSettings:
    """What holds for the runs of a kernel.

    Attributes
    ----------
    cpus : int or None
        Budget of the local executor; None for all that the process may use.
    memory : int or None
        Bytes, likewise.
    retention : Retention
        What is kept how long.
    """

    cpus: int | None = None
    memory: int | None = None
    retention: Retention = NO_LIMITS

    def budget(self, cpus: int | None = None, memory: int | None = None) -> dict[str, int]:
        """What is set of the local executor's budget, by name; what ``nbflow.toml`` gives goes before."""
        named = {"cpus": cpus or self.cpus, "memory": memory or self.memory}
        return {name: amount for name, amount in named.items() if amount is not None}


def variable(name: str) -> str:
    """The variable of the environment that stands for a setting: ``NBFLOW_SIZE_LIMIT``."""
    return f"{ENVIRONMENT}{name.upper()}"


def told(environ: Mapping[str, str], name: str) -> str | None:
    """What the environment says of a setting; None where it says nothing."""
    return environ.get(variable(name)) or None


def retention_in(environ: Mapping[str, str]) -> Retention:
    """Retention as the environment says it.

    Raises
    ------
    NbflowError
        A variable cannot be read; the text names it.
    """
    found: dict[str, Any] = {}
    for name in READERS:
        text = told(environ, name)
        if text is not None:
            found[name] = read_setting(name, text, f"the environment's {variable(name)}, as")
    return Retention(**found)


def retention_out(retention: Retention) -> dict[str, str]:
    """Retention as variables of the environment, for a process that shall keep to it."""
    values = {name: getattr(retention, name) for name in READERS}
    return {variable(name): _text(name, value) for name, value in values.items() if value is not None}


def _text(name: str, value: float) -> str:
    return f"{value:.3f}s" if name == "age_limit" else str(value)
