"""What a task sees as ``task.ext``: settings that its process gives it.

Alone says how they are read. Knows nothing of directives and of hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nbflow.errors import InputError

UNSEEN = "is read in a way that could not be seen, so it does not count; write `task.ext.NAME` in the body itself"
"""Why a setting that is there is not given to a task."""


class Ext:
    """The settings of ``ext``, by attribute or item; one that is not set is None.

    Parameters
    ----------
    settings : mapping of str to object
        By name.
    hidden : iterable of str
        Names that are set, and whose values are not given here.
    why : str
        Why not, and the next step, for the error.

    Notes
    -----
    It has no methods, so that whatever follows ``ext.`` is the name of a setting.
    """

    __slots__ = ("_hidden", "_settings", "_why")

    def __init__(self, settings: Mapping[str, Any], hidden: Iterable[str] = (), why: str = UNSEEN) -> None:
        object.__setattr__(self, "_settings", dict(settings))
        object.__setattr__(self, "_hidden", frozenset(hidden))
        object.__setattr__(self, "_why", why)

    def __getattr__(self, name: str) -> Any:
        # Pickle and copy ask for methods that are not there; no setting has such a name.
        if name.startswith("_"):
            raise AttributeError(f"ext has no {name!r}: names of settings do not begin with `_`", name=name)
        return self[name]

    def __getitem__(self, name: str) -> Any:
        # Not an AttributeError: getattr() with a default must not turn a value that is there into none.
        if name in self._hidden:
            raise InputError(f"`ext.{name}` {self._why}", name=f"ext.{name}")
        return self._settings.get(name)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"task.ext.{name} cannot be set: write it above the body, under `#| ext:`")

    def __reduce__(self) -> tuple[type[Ext], tuple[dict[str, Any], frozenset[str], str]]:
        return Ext, (self._settings, self._hidden, self._why)

    def __repr__(self) -> str:
        return f"ext({', '.join(f'{name}={value!r}' for name, value in self._settings.items())})"


def ext_facts(settings: Mapping[str, Any], given: Iterable[str]) -> list[Any]:
    """What a task is told of its settings: those that it is given, and the names of the others."""
    given = frozenset(given)
    return [{name: settings[name] for name in settings if name in given}, sorted(settings.keys() - given)]


def with_ext(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a task is told of itself, with `Ext` in the place of its `ext_facts`."""
    return {**facts, "ext": Ext(*facts.get("ext", ({},)))}
