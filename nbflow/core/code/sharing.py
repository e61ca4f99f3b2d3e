"""Which values hold the same mutable object: a change by one name is then seen by the other.

Alone looks through values for shared parts. Changes nothing.
"""

from __future__ import annotations

import enum
import gc
import types
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from pathlib import PurePath
from typing import Any

from nbflow.core.parts import Part

_IMMUTABLE = (
    (str, bytes, int, float, complex, bool, type(None), type, range, enum.Enum, PurePath)
    + (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType, types.MethodType)
    + (type(Ellipsis), type(NotImplemented), types.GenericAlias, types.MappingProxyType)
)
_LEVEL = (tuple, frozenset)
_MOST_OBJECTS = 50_000


def groups(values: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Group the names whose values hold a mutable object in common.

    Parameters
    ----------
    values : mapping of str to object
        Globals that are shipped together.

    Returns
    -------
    tuple of tuples of str
        Sorted; a name that shares nothing stands in none. Where values are too large to look through, the names of all
        that were not looked through stand together.
    """
    held: dict[str, set[int]] = {}
    large = []
    for name, value in values.items():
        found = _mutable_ids(value)
        if found is None:
            large.append(name)
        elif found:
            held[name] = found
    links = [(a, b) for a, b in combinations(sorted(held), 2) if not held[a].isdisjoint(held[b])]
    if len(large) + len(held) > 1:
        links += [(large[0], other) for other in (*large[1:], *held)] if large else []
    return _components(links)


def sharing_parts(
    globals_: Mapping[str, Any], inputs: Mapping[str, Any], digest: Callable[[Any, str], bytes]
) -> Iterator[Part]:
    """Hash parts of the groups that inputs belong to.

    Parameters
    ----------
    globals_ : mapping of str to object
        What is shipped together with the inputs; groups of globals alone are not given.
    inputs : mapping of str to object
        The inputs.
    digest : callable
        Digests a value that has a name.
    """
    if all(isinstance(value, _IMMUTABLE) for value in inputs.values()):
        return
    values = {**globals_, **inputs}
    for names in groups(values):
        if not inputs.keys().isdisjoint(names):
            together = digest([values[name] for name in names], names[0])
            yield Part("sharing", ", ".join(names), together, "hold an object in common")


def _mutable_ids(root: Any) -> set[int] | None:
    """Identities of the mutable objects inside a value; None when there are too many to look at."""
    found: set[int] = set()
    seen: set[int] = set()
    stack = [root]
    while stack:
        value = stack.pop()
        if isinstance(value, _IMMUTABLE) or id(value) in seen:
            continue
        seen.add(id(value))
        if not isinstance(value, _LEVEL):
            found.add(id(value))
        if len(seen) > _MOST_OBJECTS:
            return None
        stack.extend(gc.get_referents(value))
    return found


def _components(links: list[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    groups: list[set[str]] = []
    for pair in links:
        touching = [group for group in groups if not group.isdisjoint(pair)]
        merged = set(pair).union(*touching)
        groups = [group for group in groups if group not in touching] + [merged]
    return tuple(sorted(tuple(sorted(group)) for group in groups))
