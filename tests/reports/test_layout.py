"""Tests of the layout: nothing lies over anything, whatever the graph."""

from __future__ import annotations

from itertools import combinations, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.reports.layout import Placed, Point, Size, nearest, place

Edges = dict[tuple[int, int], Size]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[int, Size], Edges]:
    """Graphs of up to 20 vertices, cycles and loops among them."""
    count = draw(st.integers(1, 20))
    sides = st.floats(10, 200)
    sizes = {vertex: Size(draw(sides), 46) for vertex in range(count)}
    vertex = st.integers(0, count - 1)
    pairs = draw(st.lists(st.tuples(vertex, vertex), unique=True, max_size=30))
    label = st.one_of(st.just(Size(0, 0)), st.floats(10, 120).map(lambda width: Size(width, 17)))
    return sizes, {pair: draw(label) for pair in pairs}


def boxes(placed: Placed, sizes: dict[int, Size], edges: Edges) -> list[tuple[Point, Size]]:
    """Those of vertices and labels."""
    labels = [(at, edges[pair]) for pair, at in placed.labels.items() if edges[pair].width]  # type: ignore[index]
    return [*((placed.vertices[vertex], size) for vertex, size in sizes.items()), *labels]


def is_clear(one: tuple[Point, Size], other: tuple[Point, Size]) -> bool:
    (at, size), (place, extent) = one, other
    return (
        abs(at.x - place.x) >= (size.width + extent.width) / 2 - 1e-6
        or abs(at.y - place.y) >= (size.height + extent.height) / 2 - 1e-6
    )


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_no_box_and_no_label_lies_over_another(drawn: tuple[dict[int, Size], Edges]) -> None:
    sizes, edges = drawn
    placed = place(sizes, edges)
    for one, other in combinations(boxes(placed, sizes, edges), 2):
        assert is_clear(one, other)


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_all_lies_inside_and_every_edge_reaches_from_its_source_to_its_target(
    drawn: tuple[dict[int, Size], Edges],
) -> None:
    sizes, edges = drawn
    placed = place(sizes, edges)
    for at, size in boxes(placed, sizes, edges):
        assert size.width / 2 - 1e-6 <= at.x <= placed.size.width - size.width / 2 + 1e-6
        assert size.height / 2 - 1e-6 <= at.y <= placed.size.height - size.height / 2 + 1e-6
    for source, target in edges:
        if source == target:
            assert (source, target) not in placed.routes
            continue
        first, *_, last = placed.routes[source, target]
        assert (first.x, last.x) == (placed.vertices[source].x, placed.vertices[target].x)
        assert abs(abs(first.y - placed.vertices[source].y) - sizes[source].height / 2) < 1e-6
        assert abs(abs(last.y - placed.vertices[target].y) - sizes[target].height / 2) < 1e-6


def test_edges_go_down_and_only_one_that_closes_a_cycle_goes_up() -> None:
    plain = {vertex: Size(50, 46) for vertex in range(4)}
    placed = place(plain, dict.fromkeys([(0, 1), (1, 2), (0, 3), (3, 2)], Size(0, 0)))
    assert all(placed.vertices[source].y < placed.vertices[target].y for source, target in placed.routes)
    cyclic = place(plain, dict.fromkeys([(0, 1), (1, 2), (2, 0)], Size(0, 0)))
    assert [pair for pair, route in cyclic.routes.items() if route[0].y > route[-1].y] == [(2, 0)]


def test_an_edge_that_crosses_a_layer_goes_straight_beside_the_boxes_there() -> None:
    sizes = {vertex: Size(100, 46) for vertex in "abc"}
    placed = place(sizes, dict.fromkeys([("a", "b"), ("b", "c"), ("a", "c")], Size(0, 0)))
    box = placed.vertices["b"]
    beside = [(one, other) for one, other in pairwise(placed.routes["a", "c"]) if one.y <= box.y <= other.y]
    assert beside
    for one, other in beside:
        assert one.x == other.x
        assert abs(one.x - box.x) > 50


def test_crossings_that_can_be_avoided_are() -> None:
    sizes = {vertex: Size(40, 46) for vertex in "abcxyz"}
    placed = place(sizes, dict.fromkeys([("a", "z"), ("b", "y"), ("c", "x")], Size(0, 0)))
    tops = sorted("abc", key=lambda vertex: placed.vertices[vertex].x)
    below = sorted("xyz", key=lambda vertex: placed.vertices[vertex].x)
    assert [{"a": "z", "b": "y", "c": "x"}[vertex] for vertex in tops] == below


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=12), st.data())
def test_neighbours_keep_their_distance_and_who_has_room_stands_where_wanted(
    wanted: list[float], data: st.DataObject
) -> None:
    apart = data.draw(st.lists(st.floats(0, 40), min_size=len(wanted) - 1, max_size=len(wanted) - 1))
    found = nearest(wanted, apart)
    for (one, other), distance in zip(pairwise(found), apart, strict=True):
        assert other - one >= distance - 1e-6
    assert abs(sum(found) - sum(wanted)) < 1e-6  # as much is moved to the left as to the right
    if all(other - one >= distance for (one, other), distance in zip(pairwise(wanted), apart, strict=True)):
        assert all(abs(one - other) < 1e-6 for one, other in zip(found, wanted, strict=True))
