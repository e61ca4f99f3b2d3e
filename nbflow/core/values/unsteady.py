"""How values open whose pickled state is not the same twice: counters that asking moves on, addresses, leftovers.

Alone knows these classes, by name, so that no library is imported for them. What of their state is left out here, no
task can rely on.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

from nbflow.core.values.plain import Node, counted

Opened = tuple[Callable[[Any], bytes | None] | None, Callable[[Any], Node] | None, bool]

_NODE_BYTES = 72
_ADDRESSES = slice(40, 56)  # of a node's two children


def _open_callbacks(registry: Any) -> Node:
    """Open matplotlib's registry of callbacks: pickling it moves on the counter that numbers them."""
    kept = registry._pickled_cids
    callbacks = {
        signal: [proxy() for number, proxy in numbered.items() if number in kept]
        for signal, numbered in registry.callbacks.items()
    }
    children = [registry._signals, {signal: found for signal, found in callbacks.items() if found}]
    return Node(counted("callbacks", 1), children, type(registry))


def _open_tree(tree: Any) -> Node:
    """Open scipy's k-d tree: its nodes are written with their addresses in memory."""
    nodes, *others = tree.__reduce_ex__(5)[2]
    raw = nodes.view("uint8").reshape(-1, _NODE_BYTES).copy()
    raw[:, _ADDRESSES] = 0
    return Node(counted("tree", len(others)), [raw, *others], type(tree))


def _open_bunch(bunch: Any) -> Node:
    """Open scikit-learn's dict of attributes: its own notes do not survive the trip."""
    return Node(counted("bunch", len(bunch)), list(chain.from_iterable(bunch.items())), type(bunch))


def _open_transform(node: Any) -> Node:
    """Open a node of matplotlib's transforms: it notes by address who is to be told when it changes."""
    state = {name: item for name, item in node.__getstate__().items() if name not in ("_parents", "_invalid")}
    return Node(counted("transform", len(state)), list(chain.from_iterable(state.items())), type(node))


_TRANSFORM = "matplotlib.transforms.TransformNode"
_OPENERS: dict[str, Callable[[Any], Node]] = {
    "matplotlib.cbook.CallbackRegistry": _open_callbacks,
    "scipy.spatial._ckdtree.cKDTree": _open_tree,
    "scipy.spatial._kdtree.KDTree": _open_tree,
    "sklearn.utils._bunch.Bunch": _open_bunch,
}


def handler(cls: type) -> Opened | None:
    """Find how values of a class open: (encode, open, by value) of a hashing handler, None if its state is steady."""
    opener = _OPENERS.get(_dotted(cls))
    if opener is None and _TRANSFORM in map(_dotted, cls.__mro__):
        opener = _open_transform
    return None if opener is None else (None, opener, False)


def _dotted(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
