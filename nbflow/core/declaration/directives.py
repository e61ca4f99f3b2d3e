"""The directives of a process: Nextflow's names, typed.

Alone knows which of them change a result, and when their values are known. Knows nothing of YAML, of tasks, or of how a
directive is carried out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from nbflow.core.declaration import interpolation
from nbflow.core.declaration.body_values import AROUND_SCRIPTS
from nbflow.core.declaration.directive_values import (
    EXECUTORS,
    INLINE,
    CacheMode,
    Dynamic,
    env_value,
)
from nbflow.core.declaration.ext_values import as_written, dynamic_in, evaluated_ext, with_ext
from nbflow.core.declaration.failure_values import UNLIMITED
from nbflow.core.declaration.publish_values import PublishRule
from nbflow.core.declaration.readers import ONLY_SCRIPTS, READERS
from nbflow.core.declaration.refusals import LATER, not_carried_out
from nbflow.core.declaration.staging_values import stage_pattern
from nbflow.core.ext import Ext
from nbflow.errors import DeclarationError, InputError

_RESULT_RELEVANT = LATER - {"arch"}
_APART = frozenset(("stdin", "error_strategy", "store_dir"))
"""Fields that are evaluated by themselves: they may be any value, or depend on how a task ended."""


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
    before_script, after_script : str
        Lines of bash around a script; empty where there are none.
    shell : tuple of str
        What runs a bash script; empty for the default.
    ext : mapping of str to object
        What ``task.ext`` holds.
    secret : tuple of str
        Names of secrets that the task gets as variables of its environment.
    stub : str or None
        What runs instead of the body in a stub run.
    fair : bool
        Whether outputs keep the order of inputs, as they always do.
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
        Directives of Nextflow that nbflow does not carry out, under their snake_case names.
    set_in : mapping of str to str
        Where the directives were set that do not stand in the cell, for errors.
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
    before_script: str = ""
    after_script: str = ""
    shell: tuple[str, ...] = ()
    ext: Mapping[str, object] = field(default_factory=dict, hash=False)
    secret: tuple[str, ...] = ()
    stub: str | None = None
    fair: bool = False
    error_strategy: str | Dynamic = "terminate"
    max_retries: int | Dynamic = 1
    max_errors: int | Dynamic = UNLIMITED
    max_forks: int | None = None
    resource_limits: Mapping[str, float] = field(default_factory=dict, hash=False)
    publish_dir: tuple[PublishRule, ...] = ()
    store_dir: str | Dynamic | None = None
    other: Mapping[str, object] = field(default_factory=dict, hash=False)
    set_in: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def names(self) -> frozenset[str]:
        """Names that the dynamic values read: inputs, globals, and ``task``."""
        return frozenset[str]().union(*(value.names for value in self._all_dynamic()))

    @property
    def is_dynamic(self) -> bool:
        """Whether some value is known only for a task."""
        return bool(self._all_dynamic())

    @property
    def expressions(self) -> tuple[str, ...]:
        """The texts of the dynamic values, that of `stdin` among them."""
        return tuple(value.text for value in (*self._all_dynamic(), *([self.stdin] if self.stdin else ())))

    def _all_dynamic(self) -> tuple[Dynamic, ...]:
        return (*self._dynamic().values(), *self._settings(), *dynamic_in(dict(self.ext)))

    def _settings(self) -> tuple[Dynamic, ...]:
        settings = (*self.env.values(), *self.stage_as.values())
        return tuple(value for value in settings if isinstance(value, Dynamic))

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
        if not self.is_dynamic:
            return self
        ext = evaluated_ext(self.ext, namespace)
        namespace = with_ext(namespace, Ext(ext))
        changed: dict[str, Any] = {name: _evaluated(name, value, namespace) for name, value in self._dynamic().items()}
        for field_ in ("env", "stage_as"):
            settings = getattr(self, field_)
            if any(isinstance(setting, Dynamic) for setting in settings.values()):
                changed[field_] = _evaluated_settings(field_, settings, namespace)
        return replace(self, **changed, ext=ext).limited()

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

    def hashed_names(self, ext: Iterable[str] = ()) -> frozenset[str]:
        """Names that the expressions in `hashed` read, and those of `ext` that count: their values count too."""
        of_ext = (each for name in ext for each in dynamic_in(self.ext[name]))
        found = (*self._settings(), *of_ext, *([self.stdin] if self.stdin else ()))
        return frozenset[str]().union(*(value.names for value in found))

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
        found.update((name, value) for name in AROUND_SCRIPTS if (value := getattr(self, name)))
        return dict(sorted(found.items()))

    def hashed_ext(self, names: Iterable[str]) -> Mapping[str, object]:
        """Settings of `ext`, by name, as they count."""
        return {name: as_written(self.ext[name]) for name in sorted(names)}

    def only_scripts(self) -> tuple[str, ...]:
        """Names of those that are set and that only scripts have."""
        without = Directives()
        return tuple(name for name in ONLY_SCRIPTS if getattr(self, name) != getattr(without, name))

    def unsupported(self) -> tuple[str, ...]:
        """Sentences on what cannot be carried out yet; a process that has any must not run."""
        sentences = [f"{not_carried_out(name)}{self._where(name)}" for name in self.other]
        if self.executor not in EXECUTORS:
            sentences.append(f"executor `{self.executor}` is not supported yet; write `executor: local`")
        if self.executor == INLINE and self.time is not None:
            sentences.append("`time` cannot be enforced in the kernel; remove it, or `executor: inline`")
        return tuple(sentences)

    def _where(self, name: str) -> str:
        return f" (it is set in {self.set_in[name]})" if name in self.set_in else ""


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
