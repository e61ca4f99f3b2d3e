"""Which processes the items of a channel come from: what is between a call and the calls whose outputs it takes.

Alone walks from node to node. Looks at no item, so it costs the same for a channel of ten and of a million.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from nbflow.execution.channels.flow import Node
from nbflow.execution.channels.task_node import FieldNode, TaskNode


class Origin(NamedTuple):
    """A process whose outputs reach a channel.

    Attributes
    ----------
    process : str
        Its name.
    output : str
        The one output that is taken; empty for the record of all.
    """

    process: str
    output: str


def origins(nodes: Iterable[Node]) -> list[Origin]:
    """Return the processes from which nodes take items, whatever operators lie between, each output once.

    Parameters
    ----------
    nodes : iterable of Node
        Where a call takes its items.

    Returns
    -------
    list of Origin
        In the order of the nodes, and of what an operator was given.
    """
    found: dict[Origin, None] = {}
    seen, waiting = set[int](), list(nodes)[::-1]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, TaskNode):
            found[Origin(node.call.process.name, "")] = None
        elif isinstance(node, FieldNode) and isinstance(node.upstream, TaskNode):
            found[Origin(node.upstream.call.process.name, node.field)] = None
        else:
            waiting.extend(reversed(node.upstreams))
    return list(found)
