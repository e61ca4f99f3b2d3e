"""The values that directives take: read, checked, and refused with what to write instead.

Alone knows the type of each directive. Knows nothing of their set, or of how they are carried out.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, cast

from nbflow.core.declaration import interpolation
from nbflow.core.units import parse_duration, parse_memory
from nbflow.errors import DeclarationError

CacheMode = Literal[False, "standard", "lenient", "deep", "sha256"]

INLINE = "inline"
EXECUTORS = ("local", INLINE)

_NEXTFLOW_EXECUTORS = (
    *("awsbatch", "azurebatch", "bridge", "condor", "flux", "google-batch", "hq", "k8s", "lsf", "moab", "nqsii", "oar"),
    *("pbs", "pbspro", "seqera", "sge", "slurm", "dask"),
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Dynamic:
    """A value with ``{...}`` expressions, evaluated for each task."""

    text: str

    @property
    def names(self) -> frozenset[str]:
        """Names that the expressions read."""
        return interpolation.names(self.text)


def is_dynamic(text: str) -> bool:
    """Whether a text has expressions, or doubled braces that stand for braces."""
    return "{" in text or "}" in text


def canonical(name: str) -> str:
    """The snake_case name of a directive: ``errorStrategy`` and ``error-strategy`` are ``error_strategy``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()


def wrong(name: str, value: object, expected: str, example: str) -> DeclarationError:
    """The error of a value that a directive does not take."""
    return DeclarationError(f"directive `{name}` takes {expected}, not {value!r}; write `#| {name}: {example}`")


def _cpus(value: object) -> int:
    if not isinstance(value, bool) and hasattr(value, "__index__") and value.__index__() >= 1:
        return cast(int, value.__index__())
    raise wrong("cpus", value, "a whole number of at least 1", "2")


def _memory(value: object) -> int:
    example = f'"{value} GB"' if isinstance(value, (int, float)) and not isinstance(value, bool) else "4 GB"
    try:
        size = parse_memory(cast("str | int", value))
    except ValueError as error:
        raise wrong("memory", value, "an amount with a unit", example) from error
    # A few bytes are always a forgotten unit: no process runs in them.
    if size < 1024**2:
        raise wrong("memory", value, "at least 1 MB", example.strip('"'))
    return size


def _time(value: object) -> float:
    try:
        seconds = parse_duration(cast(str, value))
    except ValueError as error:
        raise DeclarationError(f"directive `time`: {error}") from error
    if seconds > 0:
        return seconds
    raise wrong("time", value, "more than nothing", "1h 30m")


def _text(name: str, example: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value is None or isinstance(value, (list, Mapping)):
            raise wrong(name, value, "one text", example)
        return str(value)

    return read


def _label(value: object) -> tuple[str, ...]:
    words = value if isinstance(value, list) else [value]
    if words and all(isinstance(word, str) and word for word in words):
        return tuple(words)
    raise wrong("label", value, "a word or a list of words", "[big_mem, gpu]")


def _cache(value: object) -> CacheMode:
    word = value.lower() if isinstance(value, str) else value
    if word is False or word in ("false", "no", "off"):
        return False
    if word is True or word in ("true", "yes", "on"):
        return "standard"
    if word in ("standard", "lenient", "deep", "sha256"):
        return cast(CacheMode, word)
    raise wrong("cache", value, "true, false, standard, lenient, deep or sha256", "lenient")


def _debug(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise wrong("debug", value, "true or false", "true")


def _env(value: object) -> Mapping[str, str | Dynamic]:
    settings = cast("Mapping[str, object]", value)
    for name in settings:
        if not _NAME.fullmatch(name):
            raise DeclarationError(f"directive `env`: `{name}` cannot name a variable; use letters, digits and `_`")
    return {name: _env_setting(name, setting) for name, setting in settings.items()}


def _env_setting(name: str, value: object) -> str | Dynamic:
    if isinstance(value, str) and is_dynamic(value):
        interpolation.names(value)
        return Dynamic(value)
    return env_value(name, value)


def env_value(name: str, value: object) -> str:
    """The text of a variable that ``env`` sets; bools are ``true`` and ``false``.

    Raises
    ------
    DeclarationError
        If no variable can hold the value.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, (list, Mapping, tuple)) or "\0" in str(value):
        raise DeclarationError(
            f'directive `env`: `{name}` takes one text or number, not {value!r}; write `{name}: "..."`'
        )
    return str(value)


def name_list(directive: str, value: object) -> tuple[str, ...]:
    """Names given as a list, or one alone.

    Raises
    ------
    DeclarationError
        If they are no names.
    """
    names = value if isinstance(value, list) else [value]
    if all(isinstance(name, str) and name.isidentifier() for name in names):
        return tuple(dict.fromkeys(names))
    if directive == "env":
        raise DeclarationError(
            f"directive `env` takes a mapping of variables to values, or a list of names, not {value!r}; write `#| env:` and "
            "below it a line `#|   NAME: value` for each, or `#| env: [NAME, OTHER]`"
        )
    raise wrong(directive, value, "a list of names", "[NAME, OTHER]")


def _reads(value: object) -> tuple[str, ...]:
    names = value if isinstance(value, list) else [value]
    # Modules are read too, and their names have dots.
    parts = [part for name in names for part in (name.split(".") if isinstance(name, str) else [name])]
    name_list("reads", parts)
    return tuple(dict.fromkeys(names))


def _executor(value: object) -> str:
    known = (*EXECUTORS, *_NEXTFLOW_EXECUTORS)
    if isinstance(value, str) and value in known:
        return value
    near = difflib.get_close_matches(str(value), known, 1) or ["local"]
    raise DeclarationError(f"unknown executor `{value}`; write `#| executor: {near[0]}`")


READERS: Mapping[str, Callable[[object], object]] = {
    "cpus": _cpus,
    "memory": _memory,
    "time": _time,
    "tag": _text("tag", '"{sample}"'),
    "label": _label,
    "cache": _cache,
    "debug": _debug,
    "env": _env,
    "reads": _reads,
    "executor": _executor,
}
"""Reads the value of each directive that nbflow carries out; raises DeclarationError."""

DYNAMIC = frozenset(("cpus", "memory", "time", "tag", "debug", "error_strategy", "max_retries", "max_errors"))
"""Directives whose value may have ``{...}`` expressions; those of ``env`` may too, one by one."""
