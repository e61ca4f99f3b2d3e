"""A place for each vertex of a DAG, in layers from top to bottom, so that nothing lies over anything.

Alone places. Sugiyama's steps: cycles are broken, layers assigned, long edges led through every layer that they cross,
crossings made fewer by barycentres, and each layer set as near below its neighbours as its widths allow, which has an
exact solution. An edge's label has a place in a layer of its own, like a vertex.

Notes
-----
Own code, since no library fits: grandalf has had no release since 2023, and is known to put two vertices in one place;
others need a compiled extension or a program. It would have to be a dependency of every notebook that shows its DAG, for
a graph of some dozen vertices.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

GAP_X = 24.0
_SWEEPS = 12

Key = Hashable
Pair = tuple[Key, Key]


class Size(NamedTuple):
    """Width and height."""

    width: float
    height: float


class Point(NamedTuple):
    """A place; of a box, its middle."""

    x: float
    y: float


@dataclass(slots=True)
class Placed:
    """A graph with places.

    Attributes
    ----------
    size : Size
        Of it all.
    vertices : dict of Key to Point
        The middles of the boxes.
    labels : dict of Pair to Point
        The middles of the edges' labels.
    routes : dict of Pair to list of Point
        The way of each edge from its source: downward, but for one that closes a cycle. A loop has none.
    """

    size: Size
    vertices: dict[Key, Point] = field(default_factory=dict)
    labels: dict[Pair, Point] = field(default_factory=dict)
    routes: dict[Pair, list[Point]] = field(default_factory=dict)


def place(sizes: Mapping[Key, Size], edges: Mapping[Pair, Size], gap: float = 22.0) -> Placed:
    """Place a graph.

    Parameters
    ----------
    sizes : mapping of Key to Size
        The vertices.
    edges : mapping of (source, target) to Size
        The edges, and the size of each one's label: 0 by 0 where it has none.
    gap : float
        Between layers.
    """
    forward = _acyclic([*sizes], [pair for pair in edges if pair[0] != pair[1]])
    ranks = {key: 2 * rank for key, rank in _ranks([*sizes], [*forward.values()]).items()}
    chains = {pair: _chain(pair, down, ranks) for pair, down in forward.items()}
    boxes = {**sizes, **{key: Size(0, 0) for chain in chains.values() for key in chain[1:-1]}}
    boxes |= {_middle(chain): edges[pair] for pair, chain in chains.items()}
    layers = _ordered(_layers(ranks, chains), chains.values())
    boxes = _as_high_as_their_layer(layers, boxes, sizes)
    places = _coordinates(layers, chains.values(), boxes, gap)
    return _result(places, boxes, sizes, chains, forward)


# Layers -------------------------------------------------------------------------------------------------------------


def _acyclic(keys: Sequence[Key], pairs: Sequence[Pair]) -> dict[Pair, Pair]:
    """Each edge as it points downward: those that close a cycle are turned round."""
    targets: dict[Key, list[Key]] = {key: [] for key in keys}
    for source, target in pairs:
        targets[source].append(target)
    state: dict[Key, int] = {}  # 1 while what lies below is visited, 2 afterwards
    turned: set[Pair] = set()
    for root in keys:
        stack = [] if root in state else [(root, iter(targets[root]))]
        if stack:
            state[root] = 1
        while stack:
            source, rest = stack[-1]
            target = next(rest, None)
            if target is None:
                state[source] = 2
                stack.pop()
            elif state.get(target) == 1:
                turned.add((source, target))
            elif target not in state:
                state[target] = 1
                stack.append((target, iter(targets[target])))
    return {pair: (pair[1], pair[0]) if pair in turned else pair for pair in pairs}


def _ranks(keys: Sequence[Key], pairs: Sequence[Pair]) -> dict[Key, int]:
    """The layer of each vertex: just below the lowest of those above it; then what has none above goes down to those below."""
    above: dict[Key, set[Key]] = {key: set() for key in keys}
    below: dict[Key, set[Key]] = {key: set() for key in keys}
    for source, target in pairs:
        above[target].add(source)
        below[source].add(target)
    ranks: dict[Key, int] = {}
    left = {key: len(sources) for key, sources in above.items()}
    ready = [key for key in keys if not left[key]]
    for key in ready:
        ranks[key] = max((ranks[source] + 1 for source in above[key]), default=0)
        for target in below[key]:
            left[target] -= 1
            if not left[target]:
                ready.append(target)
    for key in keys:
        if not above[key] and below[key]:
            ranks[key] = min(ranks[target] for target in below[key]) - 1
    return ranks


def _chain(pair: Pair, down: Pair, ranks: Mapping[Key, int]) -> list[Key]:
    """The way of an edge downward: its upper end, a key for each layer that it crosses, its lower end."""
    top, bottom = down
    return [top, *((pair, rank) for rank in range(ranks[top] + 1, ranks[bottom])), bottom]


def _middle(chain: Sequence[Key]) -> Key:
    """Where an edge's label goes: in a layer that has no vertices."""
    at = (len(chain) - 1) // 2
    return chain[at if at % 2 else at + 1 if len(chain) > at + 2 else at - 1]


def _layers(ranks: Mapping[Key, int], chains: Mapping[Pair, Sequence[Key]]) -> list[list[Key]]:
    layers: list[list[Key]] = [[] for _ in range(max(ranks.values(), default=0) + 1)]
    for key, rank in ranks.items():
        layers[rank].append(key)
    for chain in chains.values():
        for offset, key in enumerate(chain[1:-1], 1):
            layers[ranks[chain[0]] + offset].append(key)
    return layers


# Order --------------------------------------------------------------------------------------------------------------

Neighbours = dict[Key, list[Key]]


def _neighbours(chains: Iterable[Sequence[Key]]) -> tuple[Neighbours, Neighbours]:
    up: Neighbours = {}
    down: Neighbours = {}
    for chain in chains:
        for upper, lower in pairwise(chain):
            up.setdefault(lower, []).append(upper)
            down.setdefault(upper, []).append(lower)
    return up, down


def _ordered(layers: list[list[Key]], chains: Iterable[Sequence[Key]]) -> list[list[Key]]:
    """Order each layer by the middle of its neighbours, down and up in turn; the order with the fewest crossings is kept."""
    up, down = _neighbours(chains)
    best, fewest = layers, _crossings(layers, down)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        layers = _swept(layers, up if sweep % 2 == 0 else down, downward=sweep % 2 == 0)
        crossings = _crossings(layers, down)
        if crossings < fewest:
            best, fewest = layers, crossings
    return best


def _swept(layers: Sequence[list[Key]], beside: Neighbours, *, downward: bool) -> list[list[Key]]:
    swept = [[*layer] for layer in layers]
    places: dict[Key, int] = {}
    for at in range(len(swept)) if downward else reversed(range(len(swept))):
        own = {key: float(place) for place, key in enumerate(swept[at])}
        for key, place in own.items():
            own[key] = _mean([float(places[other]) for other in beside.get(key, ()) if other in places], place)
        swept[at].sort(key=own.__getitem__)
        places.update({key: place for place, key in enumerate(swept[at])})
    return swept


def _crossings(layers: Sequence[Sequence[Key]], down: Neighbours) -> int:
    return sum(_crossings_between(upper, lower, down) for upper, lower in pairwise(layers))


def _crossings_between(upper: Sequence[Key], lower: Sequence[Key], down: Neighbours) -> int:
    places = {key: at for at, key in enumerate(lower)}
    ends = [place for key in upper for place in sorted(places[other] for other in down.get(key, ()))]
    return sum(first > second for at, first in enumerate(ends) for second in ends[at + 1 :])


# Coordinates --------------------------------------------------------------------------------------------------------


def _coordinates(
    layers: Sequence[Sequence[Key]], chains: Iterable[Sequence[Key]], boxes: Mapping[Key, Size], gap: float
) -> dict[Key, Point]:
    xs = {key: x for layer in layers for key, x in zip(layer, _packed(layer, boxes), strict=True)}
    up, down = _neighbours(chains)
    for sweep in range(_SWEEPS):
        beside = (up, down)[sweep % 2]
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = [_mean([xs[other] for other in beside.get(key, ())], xs[key]) for key in layer]
            xs.update(zip(layer, nearest(wanted, _apart(layer, boxes)), strict=True))
    left = min((xs[key] - boxes[key].width / 2 for key in xs), default=0.0)
    places: dict[Key, Point] = {}
    top = 0.0
    for layer in layers:
        height = max((boxes[key].height for key in layer), default=0.0)
        places |= {key: Point(xs[key] - left, top + height / 2) for key in layer}
        top += height + gap
    return places


def _as_high_as_their_layer(
    layers: Sequence[Sequence[Key]], boxes: Mapping[Key, Size], sizes: Mapping[Key, Size]
) -> dict[Key, Size]:
    """Let an edge that crosses a layer go straight down beside the boxes there, and not across their corners."""
    highest = [max((boxes[key].height for key in layer), default=0.0) for layer in layers]
    return {
        key: boxes[key] if key in sizes else Size(boxes[key].width, height)
        for layer, height in zip(layers, highest, strict=True)
        for key in layer
    }


def _apart(layer: Sequence[Key], boxes: Mapping[Key, Size]) -> list[float]:
    """How far the middles of neighbours in a layer must be apart."""
    widths = [boxes[key].width for key in layer]
    return [(one + other) / 2 + GAP_X for one, other in pairwise(widths)]


def _packed(layer: Sequence[Key], boxes: Mapping[Key, Size]) -> list[float]:
    xs = [0.0]
    for distance in _apart(layer, boxes):
        xs.append(xs[-1] + distance)
    return [x - xs[-1] / 2 for x in xs][: len(layer)]


def _mean(numbers: Sequence[float], otherwise: float) -> float:
    return sum(numbers) / len(numbers) if numbers else otherwise


def nearest(wanted: Sequence[float], apart: Sequence[float]) -> list[float]:
    """Return the numbers nearest to those wanted (by squares) of which neighbours are at least so far apart, in order.

    Parameters
    ----------
    wanted : sequence of float
        Where each would be best.
    apart : sequence of float
        The least distance between each and the next.

    Notes
    -----
    Without the distances it is the isotonic regression: blocks of those that would pass each other move together.
    """
    shifts = [0.0]
    for distance in apart:
        shifts.append(shifts[-1] + distance)
    blocks: list[tuple[float, int]] = []
    for want, shift in zip(wanted, shifts, strict=False):
        total, count = want - shift, 1
        while blocks and blocks[-1][0] / blocks[-1][1] >= total / count:
            before, size = blocks.pop()
            total, count = total + before, count + size
        blocks.append((total, count))
    levels = [total / count for total, count in blocks for _ in range(count)]
    return [level + shift for level, shift in zip(levels, shifts, strict=False)]


# Result -------------------------------------------------------------------------------------------------------------


def _result(
    places: Mapping[Key, Point],
    boxes: Mapping[Key, Size],
    sizes: Mapping[Key, Size],
    chains: Mapping[Pair, Sequence[Key]],
    forward: Mapping[Pair, Pair],
) -> Placed:
    width = max((at.x + boxes[key].width / 2 for key, at in places.items()), default=0.0)
    height = max((at.y + boxes[key].height / 2 for key, at in places.items()), default=0.0)
    placed = Placed(Size(width, height), {key: places[key] for key in sizes})
    for pair, chain in chains.items():
        placed.labels[pair] = places[_middle(chain)]
        top, bottom = chain[0], chain[-1]
        route = [
            Point(places[top].x, places[top].y + boxes[top].height / 2),
            *(point for key in chain[1:-1] for point in _sides(places[key], boxes[key].height)),
            Point(places[bottom].x, places[bottom].y - boxes[bottom].height / 2),
        ]
        placed.routes[pair] = route if forward[pair] == pair else route[::-1]
    return placed


def _sides(at: Point, height: float) -> tuple[Point, ...]:
    """The upper and the lower side of what an edge goes through."""
    return (Point(at.x, at.y - height / 2), Point(at.x, at.y + height / 2)) if height else (at,)
