"""The frame of an HTML page that needs nothing but itself, and how a table is written.

Alone knows the document's head: no script, style, font or image comes from elsewhere, and the page forbids it to itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from importlib.metadata import version
from importlib.resources import files

from nbflow.reports.view import RunView

#: What a page may load: nothing; what it may do, it says itself.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'"


def page(title: str, body: str) -> str:
    """Return a whole HTML document.

    Parameters
    ----------
    title : str
        A text.
    body : str
        HTML.
    """
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="nbflow {escape(version("nbflow"))}">
<title>{escape(title)}</title>
<link rel="icon" href="data:,">
<style>
{_asset("page.css")}</style>
</head>
<body>
{body}
<script>
{_asset("page.js")}</script>
</body>
</html>
"""


def _asset(name: str) -> str:
    return files("nbflow.reports").joinpath(name).read_text(encoding="utf-8")


def footer(view: RunView) -> str:
    """Say by what and when the page was written."""
    return f"<footer>Written by nbflow {escape(version('nbflow'))} on {view.now:%Y-%m-%d at %H:%M:%S}.</footer>"


def notice(view: RunView) -> str:
    """Say that the run goes on, where it does, and what it is at."""
    if not view.live:
        return ""
    running, waiting = (view.counts.get(status, 0) for status in ("RUNNING", "SUBMITTED"))
    return (
        f'<p class="notice" role="status">▶ This run goes on: {running:,} running and {waiting:,} submitted '
        f"at {view.now:%H:%M:%S}. Write the file again to see more.</p>"
    )


def scrolled(label: str, content: str) -> str:
    """Let wide content scroll by itself, by keys too."""
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(label)}" style="overflow-x: auto; max-width: 100%">'
        f"{content}</div>"
    )


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    """Return a table of texts; the first cell of each row is its head.

    Parameters
    ----------
    caption : str
        What it shows.
    heads : sequence of str
        The columns.
    rows : iterable of sequence of str
        The cells, as texts.
    numbers : iterable of int
        The columns that hold numbers, set to the right.
    """
    right = {*numbers}
    kinds = [' class="number"' if at in right else "" for at in range(len(heads))]
    head = "".join(f'<th scope="col"{kind}>{escape(text)}</th>' for kind, text in zip(kinds, heads, strict=True))
    body = "\n".join(f"<tr>{_cells(row, kinds)}</tr>" for row in rows)
    return scrolled(
        caption,
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>",
    )


def _cells(row: Sequence[str], kinds: Sequence[str]) -> str:
    first, *rest = row
    cells = (f"<td{kind}>{escape(text)}</td>" for kind, text in zip(kinds[1:], rest, strict=True))
    return f'<th scope="row" class="name">{escape(first)}</th>{"".join(cells)}'
