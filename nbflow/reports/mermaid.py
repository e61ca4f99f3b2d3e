"""The DAG of a run as Mermaid text, which GitHub, GitLab and JupyterLab's Markdown draw.

Alone knows Mermaid's syntax.
"""

from __future__ import annotations

import re

from nbflow.core.marks import icon
from nbflow.reports.graph import Graph, Vertex
from nbflow.reports.marks import counts_text

_PLAIN = re.compile(r"[^\w .,:()\-]|^end$")
_CLASSES = {
    "CACHED": "stroke-dasharray: 6 3",
    "FAILED": "stroke: #cf222e, stroke-width: 3px",
    "RUNNING": "stroke-width: 3px",
}


def mermaid(dag: Graph, title: str) -> str:
    """Return a flowchart.

    Parameters
    ----------
    dag : Graph
        The DAG.
    title : str
        What screen readers say of it.
    """
    numbers = {vertex.name: f"v{number}" for number, vertex in enumerate(dag.vertices)}
    vertices = [f'    {numbers[vertex.name]}(["{_label(vertex)}"]){_class(vertex)}' for vertex in dag.vertices]
    edges = [
        f"    {numbers[source]} -->{_through(labels)} {numbers[target]}"
        for (source, target), labels in dag.edges.items()
    ]
    used = {vertex.status for vertex in dag.vertices}
    classes = [f"    classDef {status.lower()} {style}" for status, style in _CLASSES.items() if status in used]
    return "\n".join(["flowchart TB", f"    accTitle: {_one_line(title)}", *vertices, *edges, *classes, ""])


def _label(vertex: Vertex) -> str:
    mark = f"{icon(vertex.status)} " if vertex.status else ""
    return f"{escaped(vertex.name)}<br/>{mark}{escaped(counts_text(vertex.counts))}"


def _class(vertex: Vertex) -> str:
    return f":::{vertex.status.lower()}" if vertex.status in _CLASSES else ""


def _through(labels: tuple[str, ...]) -> str:
    return f'|"{escaped(", ".join(labels))}"|' if labels else ""


def escaped(text: str) -> str:
    """Write what Mermaid would read as syntax by its number."""
    return _PLAIN.sub(lambda found: "".join(f"#{ord(each)};" for each in found[0]), text)


def _one_line(text: str) -> str:
    return " ".join(text.split())
