"""The directives of a process: Nextflow's names, typed.

Alone knows which directives there are and which of them change a result. Knows nothing of YAML, of
tasks, or of how a directive is carried out.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from nbflow.core.declaration import interpolation
from nbflow.core.declaration.directive_values import (
    DYNAMIC,
    EXECUTORS,
    INLINE,
    CacheMode,
    Dynamic,
    canonical,
    env_value,
    is_dynamic,
    name_list,
)
from nbflow.core.declaration.directive_values import (
    READERS as PLAIN_READERS,
)
from nbflow.core.declaration.failure_values import FAILURE_READERS, UNLIMITED
from nbflow.core.declaration.publish_values import PUBLISH_READERS, PublishRule
from nbflow.core.declaration.staging_values import STAGING_READERS, stage_pattern
from nbflow.errors import DeclarationError, InputError

READERS = {**PLAIN_READERS, **STAGING_READERS, **FAILURE_READERS, **PUBLISH_READERS}
"""Reads the value of each directive that nbflow carries out; raises DeclarationError."""

SIGNATURE_BLOCKS = ("input", "output")
"""Options that are no directives: the long form of the signature."""

_NOT_YET = frozenset(
    (
        *("accelerator", "after_script", "arch", "array", "before_script", "cluster_options", "conda", "container"),
        *("container_options", "disk", "ext", "fair", "hints", "machine_type", "max_submit_await", "module", "penv"),
        *("pod", "queue", "resource_labels", "secret", "shell", "spack", "uv"),
    )
)
_RESULT_RELEVANT = frozenset(
    (
        *("after_script", "before_script", "conda", "container", "container_options", "ext", "module", "secret"),
        *("shell", "spack", "uv"),
    )
)
_APART = frozenset(("stdin", "error_strategy", "store_dir"))
"""Fields that are evaluated by themselves: they may be any value, or depend on how a task ended."""
_ALIASES = {
    **dict.fromkeys(("cpu", "threads", "cores", "ncpus", "n_jobs"), "cpus"),
    **dict.fromkeys(("mem", "ram"), "memory"),
    **dict.fromkeys(("timeout", "walltime"), "time"),
    **dict.fromkeys(("retries", "retry"), "max_retries"),
    "echo": "debug",
    "image": "container",
    "publish": "publish_dir",
    "globals": "reads",
    "environment": "env",
}


@dataclass(frozen=True, slots=True)
class Directives:
    """What the options of a process say.

    Attributes
    ----------
    cpus : int or Dynamic
        At least 1.
    memory : int, Dynamic or None
        Bytes.
    time : float, Dynamic or None
        Seconds.
    tag : str, Dynamic or None
        Names a task beside the process.
    label : tuple of str
        Free words.
    cache : CacheMode
        False: always run. Else how files are compared.
    debug : bool or Dynamic
        Whether the output of a channel's tasks is shown, as each of them ends.
    env : mapping of str to str or Dynamic
        Variables to set for the task.
    env_reads : tuple of str
        Variables of the environment that the body is declared to read.
    reads : tuple of str
        Globals that the body is declared to read.
    executor : str
        ``local`` or ``inline``; others are refused by `unsupported`.
    stage_as : mapping of str to str or Dynamic
        Under which names the files of an input go into the work directory.
    stage_in_mode : str
        ``symlink``, ``rellink``, ``link`` or ``copy``.
    scratch : bool or str
        Whether, or where, the script runs in a directory of its own that is deleted afterwards.
    stage_out_mode : str
        ``copy`` or ``move``: how outputs leave the scratch directory.
    stdin : Dynamic or None
        What the script reads on its standard input.
    error_strategy : str or Dynamic
        What is done when a task fails: ``terminate``, ``finish``, ``ignore`` or ``retry``.
    max_retries, max_errors : int or Dynamic
        How often a task is run again, and how many failures of its process there may be before that.
    max_forks : int or None
        How many tasks of the process run side by side.
    resource_limits : mapping of str to float
        What `cpus`, `memory` and `time` are capped at.
    publish_dir : tuple of PublishRule
        Where output files are published.
    store_dir : str, Dynamic or None
        Where output files are kept for good; what is there is not made again.
    other : mapping
        Directives of Nextflow that nbflow does not carry out yet, under their snake_case names.
    """

    cpus: int | Dynamic = 1
    memory: int | Dynamic | None = None
    time: float | Dynamic | None = None
    tag: str | Dynamic | None = None
    label: tuple[str, ...] = ()
    cache: CacheMode = "standard"
    debug: bool | Dynamic = False
    env: Mapping[str, str | Dynamic] = field(default_factory=dict, hash=False)
    env_reads: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    executor: str = "local"
    stage_as: Mapping[str, str | Dynamic] = field(default_factory=dict, hash=False)
    stage_in_mode: str = "symlink"
    scratch: bool | str = False
    stage_out_mode: str = "move"
    stdin: Dynamic | None = None
    error_strategy: str | Dynamic = "terminate"
    max_retries: int | Dynamic = 1
    max_errors: int | Dynamic = UNLIMITED
    max_forks: int | None = None
    resource_limits: Mapping[str, float] = field(default_factory=dict, hash=False)
    publish_dir: tuple[PublishRule, ...] = ()
    store_dir: str | Dynamic | None = None
    other: Mapping[str, object] = field(default_factory=dict, hash=False)

    @property
    def names(self) -> frozenset[str]:
        """Names that the dynamic values read: inputs, globals, and ``task``."""
        return self._settings_names().union(*(value.names for value in self._dynamic().values()))

    def _settings_names(self) -> frozenset[str]:
        settings = (*self.env.values(), *self.stage_as.values())
        return frozenset[str]().union(*(value.names for value in settings if isinstance(value, Dynamic)))

    def _dynamic(self) -> dict[str, Dynamic]:
        """Fields that wait for values before a task runs; those of `env` and `stage_as` wait one by one."""
        found = {part.name: getattr(self, part.name) for part in fields(self) if part.name not in _APART}
        return {name: value for name, value in found.items() if isinstance(value, Dynamic)}

    def with_values(self, namespace: Mapping[str, object]) -> Directives:
        """The directives of one task: dynamic values evaluated.

        Parameters
        ----------
        namespace : mapping
            Inputs, globals and ``task``, as far as `names` has them.

        Raises
        ------
        InputError
            If an expression fails, or gives what the directive does not take.
        """
        changed: dict[str, Any] = {name: _evaluated(name, value, namespace) for name, value in self._dynamic().items()}
        for field_ in ("env", "stage_as"):
            settings = getattr(self, field_)
            if any(isinstance(setting, Dynamic) for setting in settings.values()):
                changed[field_] = _evaluated_settings(field_, settings, namespace)
        return replace(self, **changed).limited() if changed else self

    def limited(self) -> Directives:
        """The directives with the resources capped that are known and exceed `resource_limits`."""
        over = {name: limit for name, limit in self.resource_limits.items() if _exceeds(getattr(self, name), limit)}
        return replace(self, **over) if over else self  # type: ignore[arg-type]

    @property
    def strategy_names(self) -> frozenset[str]:
        """Names that the error strategy reads."""
        return self.error_strategy.names if isinstance(self.error_strategy, Dynamic) else frozenset()

    def strategy(self, namespace: Mapping[str, object]) -> str:
        """The error strategy for one failure.

        Parameters
        ----------
        namespace : mapping
            Inputs, globals and ``task``, whose ``exit_status`` is that of the failure.

        Raises
        ------
        InputError
            If its expression fails, or gives no strategy.
        """
        value = self.error_strategy
        return str(_evaluated("error_strategy", value, namespace)) if isinstance(value, Dynamic) else value

    @property
    def hashed_names(self) -> frozenset[str]:
        """Names that the expressions in `hashed` read: their values count for the task hash too."""
        return self._settings_names() | (frozenset[str]() if self.stdin is None else self.stdin.names)

    def hashed(self) -> Mapping[str, object]:
        """What may change a result, by name, sorted: to be part of the task hash.

        A dynamic value stands as its text, which no other value has: braces always make a value dynamic.
        """
        found: dict[str, object] = {name: value for name, value in self.other.items() if name in _RESULT_RELEVANT}
        if "spack" in found and "arch" in self.other:
            found["arch"] = self.other["arch"]
        for name, settings in (("env", self.env), ("stage_as", self.stage_as)):
            if settings:
                found[name] = {key: _as_written(value) for key, value in sorted(settings.items())}
        if self.stdin is not None:
            found["stdin"] = self.stdin.text
        return dict(sorted(found.items()))

    def only_scripts(self) -> tuple[str, ...]:
        """Names of those that are set and that only scripts have."""
        without = Directives()
        return tuple(name for name in STAGING_READERS if getattr(self, name) != getattr(without, name))

    def unsupported(self) -> tuple[str, ...]:
        """Sentences on what cannot be carried out yet; a process that has any must not run."""
        sentences = [f"directive `{name}` is not supported yet; remove it to run this process" for name in self.other]
        if self.executor not in EXECUTORS:
            sentences.append(f"executor `{self.executor}` is not supported yet; write `executor: local`")
        if self.executor == INLINE and self.time is not None:
            sentences.append("`time` cannot be enforced in the kernel; remove it, or `executor: inline`")
        return tuple(sentences)


def parse_directives(values: Mapping[str, object], lines: Mapping[str, int] | None = None) -> Directives:
    """Read the options of a cell as directives.

    Parameters
    ----------
    values : mapping
        As `nbflow.core.declaration.options.Options.values`; ``input`` and ``output`` are left alone.
    lines : mapping of str to int, optional
        The line of the cell of each option, for errors.

    Raises
    ------
    DeclarationError
        If a directive is unknown, given twice, or of a wrong type; the text proposes what to write.
    """
    found: dict[str, object] = {}
    other: dict[str, object] = {}
    spelled: dict[str, str] = {}
    for given, value in values.items():
        if given in SIGNATURE_BLOCKS:
            continue
        try:
            name = _known(given)
            if name in spelled:
                raise DeclarationError(f"`{spelled[name]}` and `{given}` are the same directive; keep one")
            spelled[name] = given
            if name in _NOT_YET:
                other[name] = value
            else:
                found.update(_read(name, value))
        except DeclarationError as error:
            raise DeclarationError(str(error), line=(lines or {}).get(given)) from None
    return Directives(**found, other=dict(sorted(other.items()))).limited()  # type: ignore[arg-type]


def _known(given: str) -> str:
    name = canonical(given)
    if name in READERS or name in _NOT_YET:
        return name
    candidates = [*READERS, *SIGNATURE_BLOCKS, *_NOT_YET]
    near = [_ALIASES[name]] if name in _ALIASES else difflib.get_close_matches(name, candidates, 1)
    proposed = f"did you mean `{near[0]}`?" if near else f"the directives are {', '.join(READERS)}"
    raise DeclarationError(f"unknown directive `{given}`; {proposed}")


def _read(name: str, value: object) -> Mapping[str, object]:
    """Fields of `Directives` from one option."""
    if name == "env" and not isinstance(value, Mapping):
        return {"env_reads": name_list("env", value)}
    if name in DYNAMIC and isinstance(value, str) and is_dynamic(value):
        interpolation.names(value)
        return {name: Dynamic(value)}
    return {name: READERS[name](value)}


def _exceeds(value: object, limit: float) -> bool:
    return isinstance(value, int | float) and value > limit


def _as_written(value: str | Dynamic) -> str:
    return value.text if isinstance(value, Dynamic) else value


def _evaluated_settings(
    name: str, settings: Mapping[str, str | Dynamic], namespace: Mapping[str, object]
) -> dict[str, object]:
    return {
        key: _evaluated(name, value, namespace, key) if isinstance(value, Dynamic) else value
        for key, value in settings.items()
    }


def _evaluated(name: str, value: Dynamic, namespace: Mapping[str, object], key: str = "") -> object:
    result = interpolation.evaluate(value.text, namespace)
    try:
        if name == "stage_as":
            return stage_pattern(key, str(result))
        return env_value(key, result) if key else READERS[name](result)
    except DeclarationError as error:
        raise InputError(f"`{name}: {value.text}` gives {result!r}: {error}", name=name) from error
