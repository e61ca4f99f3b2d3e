"""The values of ``ext``: settings of the user's own, some of them computed for each task.

Alone knows what they may be, and how they are evaluated. Does not know who reads them.
"""

from __future__ import annotations

import math
import re
from collections import ChainMap
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

from nbflow.core.declaration import interpolation
from nbflow.core.declaration.directive_values import Dynamic, is_dynamic
from nbflow.core.ext import Ext
from nbflow.core.script import shell
from nbflow.errors import DeclarationError, InputError

_SETTING = re.compile(r"[A-Za-z]\w*")


def ext_setting(value: object) -> Mapping[str, object]:
    """Read the value of the directive.

    Raises
    ------
    DeclarationError
        If it is no mapping of names.
    """
    if not isinstance(value, Mapping):
        raise DeclarationError(
            f"directive `ext` takes a mapping of names to values, not {value!r}; write `#| ext:` and below it a line "
            "`#|   args: --fast` for each"
        )
    for name in value:
        if not isinstance(name, str) or not _SETTING.fullmatch(name):
            raise DeclarationError(f"directive `ext`: `{name}` cannot name a setting; use letters, digits and `_`")
    try:
        return {name: _as_read(item) for name, item in value.items()}
    except DeclarationError as error:
        raise DeclarationError(f"directive `ext`: {error}") from error


def _as_read(value: object) -> object:
    """A setting with its texts that have ``{...}`` marked, however deep they lie."""
    if isinstance(value, list):
        return [_as_read(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _as_read(item) for key, item in value.items()}
    if isinstance(value, str) and is_dynamic(value):
        interpolation.names(value)
        return Dynamic(value)
    return value


def dynamic_in(value: object) -> Iterator[Dynamic]:
    """The texts with ``{...}`` in a setting of ``ext``."""
    if isinstance(value, Dynamic):
        yield value
    elif isinstance(value, (list, Mapping)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from dynamic_in(item)


def evaluated_ext(settings: Mapping[str, object], namespace: Mapping[str, Any]) -> dict[str, object]:
    """The settings of one task; one that is computed may read those that are not.

    Parameters
    ----------
    settings : mapping of str to object
        As `ext_setting` gives them.
    namespace : mapping of str to object
        What the expressions may read.

    Raises
    ------
    InputError
        If an expression fails, or gives what is no text, number, bool, list or mapping of these.
    """
    computed = {name for name, value in settings.items() if any(dynamic_in(value))}
    plain = {name: value for name, value in settings.items() if name not in computed}
    if not computed:
        return plain
    inner = with_ext(namespace, Ext(plain, computed, "is computed too, and another setting of `ext` cannot read it"))
    return {name: _evaluated(name, value, inner) if name in computed else value for name, value in settings.items()}


def with_ext(namespace: Mapping[str, Any], ext: Ext) -> Mapping[str, Any]:
    """A namespace whose `task` has an `ext`."""
    known = vars(namespace["task"]) if "task" in namespace else {}
    return ChainMap({"task": SimpleNamespace(**{**known, "ext": ext})}, cast("dict[str, Any]", namespace))


def _evaluated(name: str, value: object, namespace: Mapping[str, Any]) -> object:
    if isinstance(value, list):
        return [_evaluated(name, item, namespace) for item in value]
    if isinstance(value, Mapping):
        return {key: _evaluated(name, item, namespace) for key, item in value.items()}
    if not isinstance(value, Dynamic):
        return value
    return _plain(name, value.text, interpolation.evaluate(value.text, namespace))


def _plain(name: str, text: str, value: object) -> object:
    """A value as JSON takes it, for it goes to the task in that."""
    value = shell.scalar(value)
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(name, text, item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(name, text, item) for key, item in value.items()}
    raise InputError(
        f"`ext.{name}: {text}` gives {value!r}, which is no text, number, bool, list or mapping; write str(...) around it",
        name=f"ext.{name}",
    )


def as_written(value: object) -> object:
    """A setting of ``ext`` as it counts for the task hash: a dynamic text as its text, which no other value has."""
    if isinstance(value, Dynamic):
        return value.text
    if isinstance(value, list):
        return [as_written(item) for item in value]
    return {key: as_written(item) for key, item in value.items()} if isinstance(value, Mapping) else value
