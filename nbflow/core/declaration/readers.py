"""Which directives there are, and how the value of each is read.

Alone knows their names, and what is proposed for one that is not among them. Knows nothing of YAML and TOML.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from nbflow.core.declaration import interpolation
from nbflow.core.declaration.body_values import AROUND_SCRIPTS, BODY_READERS
from nbflow.core.declaration.directive_values import DYNAMIC, Dynamic, canonical, is_dynamic, name_list
from nbflow.core.declaration.directive_values import READERS as PLAIN_READERS
from nbflow.core.declaration.ext_values import ext_setting
from nbflow.core.declaration.failure_values import FAILURE_READERS
from nbflow.core.declaration.publish_values import PUBLISH_READERS
from nbflow.core.declaration.refusals import ELSEWHERE, LATER, REFUSED
from nbflow.core.declaration.staging_values import STAGING_READERS
from nbflow.errors import DeclarationError

READERS = {
    **PLAIN_READERS,
    **STAGING_READERS,
    **FAILURE_READERS,
    **PUBLISH_READERS,
    **BODY_READERS,
    "ext": ext_setting,
}
"""Reads the value of each directive that nbflow carries out; raises DeclarationError."""

ONLY_SCRIPTS = (*STAGING_READERS, *AROUND_SCRIPTS)
"""Directives that only scripts have."""

SIGNATURE_BLOCKS = ("input", "output")
"""Options that are no directives: the long form of the signature."""

_NOT_YET = frozenset(
    (
        *LATER,
        *REFUSED,
    )
)
_ALIASES = {
    **dict.fromkeys(("cpu", "threads", "cores", "ncpus", "n_jobs"), "cpus"),
    **dict.fromkeys(("mem", "ram"), "memory"),
    **dict.fromkeys(("timeout", "walltime"), "time"),
    **dict.fromkeys(("retries", "retry"), "max_retries"),
    "image": "container",
    "publish": "publish_dir",
    "globals": "reads",
    "environment": "env",
}


def known(given: str) -> str:
    """The name of the directive that is meant.

    Raises
    ------
    DeclarationError
        If there is none of that name; the text proposes the nearest.
    """
    name = canonical(given)
    if name in READERS or name in _NOT_YET:
        return name
    if name in ELSEWHERE:
        raise DeclarationError(f"`{given}` {ELSEWHERE[name]}")
    candidates = [*READERS, *SIGNATURE_BLOCKS, *_NOT_YET]
    near = [_ALIASES[name]] if name in _ALIASES else difflib.get_close_matches(name, candidates, 1)
    proposed = f"did you mean `{near[0]}`?" if near else f"the directives are {', '.join(READERS)}"
    raise DeclarationError(f"unknown directive `{given}`; {proposed}")


def fields_of(name: str, value: object) -> Mapping[str, Any]:
    """Fields of `Directives` from one option.

    Parameters
    ----------
    name : str
        As `known` gives it.
    value : object
        As YAML or TOML gives it.

    Raises
    ------
    DeclarationError
        If the directive does not take it.
    """
    if name in _NOT_YET:
        return {"other": {name: value}}
    if name == "env" and not isinstance(value, Mapping):
        return {"env_reads": name_list("env", value)}
    if name in DYNAMIC and isinstance(value, str) and is_dynamic(value):
        interpolation.names(value)
        return {name: Dynamic(value)}
    return {name: READERS[name](value)}
