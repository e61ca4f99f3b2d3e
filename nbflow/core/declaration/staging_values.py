"""The values of the directives that say where a script runs, and how files come in and go out.

Alone knows their types, which are Nextflow's; ``stage_as`` and ``stdin`` are its input qualifiers as directives. Carries
nothing out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from nbflow.core.declaration import interpolation
from nbflow.core.declaration.directive_values import Dynamic, is_dynamic, wrong
from nbflow.errors import DeclarationError

STAGE_IN = ("symlink", "rellink", "link", "copy")
STAGE_OUT = ("copy", "move")
RAM_DISK = "ram-disk"
_NOT_HERE = {
    "rsync": "it is for remote file systems",
    "rclone": "it is for remote file systems",
    "fcp": "it needs a tool of that name",
    "rellink": "what a link leads to would be deleted with the scratch directory",
    "symlink": "what a link leads to would be deleted with the scratch directory",
}
_PLACE = re.compile(r"/[^\n\0]*|\$[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


def _stage_in_mode(value: object) -> str:
    if isinstance(value, str) and value in STAGE_IN:
        return value
    raise wrong("stage_in_mode", value, f"{', '.join(STAGE_IN[:-1])} or {STAGE_IN[-1]}", "copy")


def _stage_out_mode(value: object) -> str:
    if isinstance(value, str) and value in STAGE_OUT:
        return value
    reason = f" ({_NOT_HERE[value]})" if isinstance(value, str) and value in _NOT_HERE else ""
    raise wrong("stage_out_mode", value, f"copy or move{reason}", "copy")


def _scratch(value: object) -> bool | str:
    if isinstance(value, bool) or (isinstance(value, str) and (value == RAM_DISK or _PLACE.fullmatch(value))):
        return value
    raise wrong("scratch", value, f"true, false, {RAM_DISK}, an absolute path or a variable as $TMPDIR", "true")


def _stage_as(value: object) -> Mapping[str, str | Dynamic]:
    if not isinstance(value, Mapping) or not value:
        raise DeclarationError(
            f"directive `stage_as` takes a mapping of inputs to names, not {value!r}; write `#| stage_as:` and below it a line "
            "`#|   NAME: reads_*.fq` for each"
        )
    return {str(name): _pattern(str(name), pattern) for name, pattern in value.items()}


def _pattern(name: str, value: object) -> str | Dynamic:
    if not isinstance(value, str) or not value:
        raise DeclarationError(
            f'directive `stage_as`: `{name}` takes a name, as "reads.fq", "reads_*.fq" or "reads/*", not {value!r}'
        )
    if is_dynamic(value):
        interpolation.names(value)
        return Dynamic(value)
    return stage_pattern(name, value)


def stage_pattern(name: str, pattern: str) -> str:
    """A pattern of ``stage_as``, checked.

    Raises
    ------
    DeclarationError
        If it leads out of the work directory.
    """
    path = PurePosixPath(pattern)
    if path.is_absolute() or ".." in path.parts or not pattern.strip("./") or "\0" in pattern:
        raise DeclarationError(
            f"directive `stage_as`: `{name}: {pattern}` lies outside the work directory; write a relative name, as reads.fq"
        )
    return pattern


def _stdin(value: object) -> Dynamic:
    if isinstance(value, str) and value.isidentifier():
        return Dynamic(f"{{{value}}}")
    if isinstance(value, str) and is_dynamic(value):
        interpolation.names(value)
        return Dynamic(value)
    raise wrong("stdin", value, "the name of an input, or a text with {...}", "reads")


STAGING_READERS: Mapping[str, Callable[[object], object]] = {
    "scratch": _scratch,
    "stage_as": _stage_as,
    "stage_in_mode": _stage_in_mode,
    "stage_out_mode": _stage_out_mode,
    "stdin": _stdin,
}
"""Reads the value of each of these directives; raises DeclarationError. All are for scripts only."""
