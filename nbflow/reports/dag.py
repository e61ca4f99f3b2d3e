"""The DAG of a run as SVG: in a file of its own, in the report, in a notebook.

Alone draws it. Where its boxes lie is `layout`'s to say; what they stand for, `graph`'s.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from itertools import pairwise

from nbflow.core.marks import icon
from nbflow.reports.graph import Graph, Vertex, graph
from nbflow.reports.layout import GAP_X, Pair, Placed, Point, Size, place
from nbflow.reports.marks import BACK, FAINT, TEXT, counts_text, status_colour, xml
from nbflow.reports.page import scrolled
from nbflow.reports.view import RunView

_NAME, _SMALL = 14.0, 11.0
_MARGIN = 14.0
_BOX = 46.0
_GAP_Y = 20.0
_LONGEST = 44
_ROW_WIDTH = 640.0

_FILE_STYLE = """<style>
svg { color-scheme: light dark; --nbflow-text: #1b1f23; --nbflow-faint: #57606a; --nbflow-back: #ffffff;
  --nbflow-completed: #1a7f37; --nbflow-cached: #0969da; --nbflow-running: #8250df; --nbflow-failed: #cf222e;
  --nbflow-aborted: #9a6700; background: var(--nbflow-back); }
@media (prefers-color-scheme: dark) { svg { --nbflow-text: #e3e6ea; --nbflow-faint: #9aa4af; --nbflow-back: #14171b;
  --nbflow-completed: #4ac26b; --nbflow-cached: #6cb6ff; --nbflow-running: #c297ff; --nbflow-failed: #ff8182;
  --nbflow-aborted: #e0ac3b; } }
</style>"""


def dag_file(view: RunView) -> str:
    """Return an SVG file."""
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{dag_svg(graph(view), view.name, view.anchor, _FILE_STYLE)}\n'


def dag_figure(view: RunView) -> str:
    """Return the DAG as HTML, with what it shows in words; empty where there is nothing to draw."""
    dag = graph(view)
    if not dag.vertices:
        return ""
    edges = "".join(f"<li>{xml(line)}</li>" for line in edge_lines(dag))
    words = f"<details><summary>The DAG in words</summary><ul>{edges}</ul></details>" if edges else ""
    drawing = scrolled(f"DAG of run {view.name}", dag_svg(dag, view.name, view.anchor))
    caption = f"DAG of run {xml(view.name)}: its processes, and what flows between them"
    return f'<figure style="margin: 1em 0"><figcaption>{caption}</figcaption>{drawing}{words}</figure>'


def dag_text(dag: Graph) -> str:
    """Return the DAG as plain text: a line for each process, then for each edge."""
    vertices = (f"{icon(each.status)} {each.name}: {counts_text(each.counts)}" for each in dag.vertices)
    return "\n".join([*vertices, *edge_lines(dag)])


def edge_lines(dag: Graph) -> list[str]:
    """Each edge in words, as in ``index -> quant (index)``."""
    return [
        f"{source} -> {target}" + (f" ({', '.join(labels)})" if labels else "")
        for (source, target), labels in dag.edges.items()
    ]


def dag_svg(dag: Graph, run: str, anchor: str, style: str = "") -> str:
    """Draw a DAG.

    Parameters
    ----------
    dag : Graph
        What is drawn.
    run : str
        The run's name.
    anchor : str
        What ids end in: an id must be the only one of a page.
    style : str
        What stands in the drawing before all else.
    """
    placed = _placed(dag)
    width, height = (size + 2 * _MARGIN for size in placed.size)
    edges = "".join(_edge(pair, labels, placed, anchor) for pair, labels in dag.edges.items())
    boxes = "".join(_box(vertex, placed.vertices[vertex.name]) for vertex in dag.vertices)
    told = xml(f"DAG of run {run}. {'; '.join(dag_text(dag).splitlines())}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{told}" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="{-_MARGIN} {-_MARGIN} {width:.1f} {height:.1f}" '
        f"style=\"font-family: system-ui, 'Liberation Sans', sans-serif; color: {TEXT}\">{style}"
        f'<defs><marker id="nbflow-arrow-{anchor}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
        f'orient="auto-start-reverse"><path d="M0 0L8 4L0 8z" fill="currentColor"/></marker></defs>{edges}{boxes}</svg>'
    )


# Places -------------------------------------------------------------------------------------------------------------


def _placed(dag: Graph) -> Placed:
    """The processes between which something flows in layers; the others in rows below."""
    sizes = {vertex.name: _size(vertex) for vertex in dag.vertices}
    joined = {name for pair in dag.edges for name in pair}
    labels: dict[Pair, Size] = {pair: _label_size(names) for pair, names in dag.edges.items()}
    placed = place({name: size for name, size in sizes.items() if name in joined}, labels, _GAP_Y)
    alone = {name: size for name, size in sizes.items() if name not in joined}
    return _with_rows(placed, alone)


def _with_rows(placed: Placed, alone: Mapping[str, Size]) -> Placed:
    widest = max(placed.size.width, _ROW_WIDTH)
    x, y, right = 0.0, placed.size.height + (_GAP_Y if placed.vertices else 0), placed.size.width
    for name, size in alone.items():
        if x and x + size.width > widest:
            x, y = 0.0, y + _BOX + _GAP_Y
        placed.vertices[name] = Point(x + size.width / 2, y + _BOX / 2)
        x += size.width + GAP_X
        right = max(right, x - GAP_X)
    placed.size = Size(right, y + _BOX if alone else placed.size.height)
    return placed


def _size(vertex: Vertex) -> Size:
    name, counts = text_width(_cut(vertex.name), _NAME), text_width(_words(vertex), _SMALL)
    return Size(max(name, counts) + 28, _BOX)


def _label_size(names: Sequence[str]) -> Size:
    return Size(text_width(_label(names), _SMALL) + 8, _SMALL + 6) if names else Size(0, 0)


def text_width(text: str, size: float) -> float:
    """About how wide a text is, rather too wide: no font is known here."""
    return sum(_em(each) for each in text) * size


def _em(character: str) -> float:
    if unicodedata.east_asian_width(character) in "WF" or ord(character) > 0xFFFF:
        return 1.1
    return 0.95 if character in "MWmw@%✔↺▶✖■…" else 0.72 if character.isupper() else 0.6


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _label(names: Sequence[str]) -> str:
    return _cut(", ".join(names))


# Drawing ------------------------------------------------------------------------------------------------------------


def _box(vertex: Vertex, at: Point) -> str:
    width, height = _size(vertex)
    status = vertex.status
    colour = status_colour(status) if status else FAINT
    dashes = ' stroke-dasharray="6 3"' if status == "CACHED" else ' stroke-dasharray="1 3"' if not status else ""
    thick = 2.5 if status in ("FAILED", "RUNNING") else 1.5
    title = f"{vertex.name}: {counts_text(vertex.counts)}"
    return (
        f'<g><title>{xml(title)}</title><rect x="{at.x - width / 2:.1f}" y="{at.y - height / 2:.1f}" width="{width:.1f}" '
        f'height="{height}" rx="10" stroke-width="{thick}"{dashes} style="fill: {BACK}; stroke: {colour}"/>'
        f'<text x="{at.x:.1f}" y="{at.y - 3:.1f}" text-anchor="middle" font-size="{_NAME}" fill="currentColor">'
        f"{xml(_cut(vertex.name))}</text>"
        f'<text x="{at.x:.1f}" y="{at.y + 14:.1f}" text-anchor="middle" font-size="{_SMALL}" style="fill: {colour}">'
        f"{xml(_words(vertex))}</text></g>"
    )


def _words(vertex: Vertex) -> str:
    if vertex.status == "CACHED":
        count = vertex.counts["CACHED"]
        return f"{icon('CACHED')} {f'all {count:,} cached' if count > 1 else 'cached'}"
    return f"{icon(vertex.status)} {counts_text(vertex.counts)}"


def _edge(pair: Pair, labels: Sequence[str], placed: Placed, anchor: str) -> str:
    path = _loop(placed.vertices[pair[0]]) if pair[0] == pair[1] else _curve(placed.routes[pair])
    title = f"{pair[0]} -> {pair[1]}{': ' + ', '.join(labels) if labels else ''}"
    line = (
        f'<path d="{path}" fill="none" stroke="currentColor" stroke-opacity=".55" stroke-width="1.3" '
        f'marker-end="url(#nbflow-arrow-{anchor})"><title>{xml(title)}</title></path>'
    )
    if not labels or pair not in placed.labels:
        return line
    at, size = placed.labels[pair], _label_size(labels)
    return (
        f'{line}<rect x="{at.x - size.width / 2:.1f}" y="{at.y - size.height / 2:.1f}" width="{size.width:.1f}" '
        f'height="{size.height:.1f}" style="fill: {BACK}"/>'
        f'<text x="{at.x:.1f}" y="{at.y + 4:.1f}" text-anchor="middle" font-size="{_SMALL}" style="fill: {FAINT}">'
        f"{xml(_label(labels))}</text>"
    )


def _curve(route: Sequence[Point]) -> str:
    steps = [f"M{route[0].x:.1f} {route[0].y:.1f}"]
    for one, other in pairwise(route):
        if one.x == other.x:
            steps.append(f"L{other.x:.1f} {other.y:.1f}")
            continue
        middle = (one.y + other.y) / 2
        steps.append(f"C{one.x:.1f} {middle:.1f} {other.x:.1f} {middle:.1f} {other.x:.1f} {other.y:.1f}")
    return "".join(steps)


def _loop(at: Point) -> str:
    """From a box back into it, at its upper side."""
    top = at.y - _BOX / 2
    return f"M{at.x + 12:.1f} {top:.1f}c4 -14 -28 -14 -24 0"
