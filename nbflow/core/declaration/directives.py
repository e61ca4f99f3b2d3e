"""The directives of a process: Nextflow's names, typed.

Alone knows which directives there are and which of them change a result. Knows nothing of YAML, of
tasks, or of how a directive is carried out.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from nbflow.core.declaration import interpolation
from nbflow.core.declaration.directive_values import (
    DYNAMIC,
    EXECUTORS,
    INLINE,
    READERS,
    CacheMode,
    Dynamic,
    env_value,
    is_dynamic,
    name_list,
)
from nbflow.errors import DeclarationError, InputError

SIGNATURE_BLOCKS = ("input", "output")
"""Options that are no directives: the long form of the signature."""

_NOT_YET = frozenset(
    (
        *("accelerator", "after_script", "arch", "array", "before_script", "cluster_options", "conda", "container"),
        *(
            "container_options",
            "disk",
            "error_strategy",
            "ext",
            "fair",
            "hints",
            "machine_type",
            "max_errors",
            "max_forks",
        ),
        *("max_retries", "max_submit_await", "module", "penv", "pod", "publish_dir", "queue", "resource_labels"),
        *(
            "resource_limits",
            "scratch",
            "secret",
            "shell",
            "spack",
            "stage_in_mode",
            "stage_out_mode",
            "store_dir",
            "uv",
        ),
    )
)
_RESULT_RELEVANT = frozenset(
    (
        *("after_script", "before_script", "conda", "container", "container_options", "ext", "module", "secret"),
        *("shell", "spack", "uv"),
    )
)
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
    other: Mapping[str, object] = field(default_factory=dict, hash=False)

    @property
    def names(self) -> frozenset[str]:
        """Names that the dynamic values read: inputs, globals, and ``task``."""
        return self.env_names.union(*(value.names for value in self._dynamic().values()))

    def _dynamic(self) -> dict[str, Dynamic]:
        """Fields that wait for values; those of `env` wait one by one."""
        found = {part.name: getattr(self, part.name) for part in fields(self)}
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
        env: dict[str, Any] = {
            name: _evaluated("env", setting, namespace, name) if isinstance(setting, Dynamic) else setting
            for name, setting in self.env.items()
        }
        return replace(self, **changed, env=env) if changed or env != self.env else self

    @property
    def env_names(self) -> frozenset[str]:
        """Names that the values of `env` read: their values count for the task hash wherever `hashed` does."""
        return frozenset[str]().union(*(value.names for value in self.env.values() if isinstance(value, Dynamic)))

    def hashed(self) -> Mapping[str, object]:
        """What may change a result, by name, sorted: to be part of the task hash.

        A dynamic value stands as its text, which no other value has: braces always make a value dynamic.
        """
        found: dict[str, object] = {name: value for name, value in self.other.items() if name in _RESULT_RELEVANT}
        if "spack" in found and "arch" in self.other:
            found["arch"] = self.other["arch"]
        if self.env:
            settings = sorted(self.env.items())
            found["env"] = {name: value.text if isinstance(value, Dynamic) else value for name, value in settings}
        return dict(sorted(found.items()))

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
    return Directives(**found, other=dict(sorted(other.items())))  # type: ignore[arg-type]


def canonical(name: str) -> str:
    """The snake_case name of a directive: ``errorStrategy`` and ``error-strategy`` are ``error_strategy``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()


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


def _evaluated(name: str, value: Dynamic, namespace: Mapping[str, object], variable: str = "") -> object:
    result = interpolation.evaluate(value.text, namespace)
    try:
        return env_value(variable, result) if variable else READERS[name](result)
    except DeclarationError as error:
        raise InputError(f"`{name}: {value.text}` gives {result!r}: {error}", name=name) from error
