"""The timeline of a run: a page of its own, the output of a cell, and a few lines of text.

Alone sets axis, labels and bars in one frame, which scrolls by itself. The bars are drawn by `bars`; of more than `BARS`
tasks, those of a process share `lanes`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from nbflow.core.marks import icon
from nbflow.core.units import format_duration
from nbflow.reports.bars import ROW, Bar, Row, Scale, bar_of, clock, hatching, legend, span, task_rows
from nbflow.reports.lanes import lane_rows
from nbflow.reports.marks import BACK, FAINT, LINE, TEXT, counts_text, status_colour
from nbflow.reports.page import footer, notice, page, table
from nbflow.reports.plots import percent
from nbflow.reports.statistics import marks
from nbflow.reports.view import RunView, counted, saved

BARS = 400
"""Tasks up to which each has a row of its own."""
INLINE_BARS = 60
RESOLUTION = 20_000
"""Parts of the axis that are told apart; the page can be widened."""
INLINE_RESOLUTION = 800


def timeline(view: RunView) -> str:
    """Return the timeline of a run, a whole HTML document.

    Parameters
    ----------
    view : RunView
        The run.
    """
    controls = (
        '<div class="controls" hidden><label>Width <input type="range" name="zoom" min="100" max="4000" step="50" value="100">'
        "</label></div>"
    )
    body = f"""<header><h1>Timeline of run {escape(view.name)}</h1>
<p>{escape(view.told)}</p></header>
<main>
{notice(view)}
{legend(view.anchor)}
<div class="timeline">{controls}{_chart(view, BARS, RESOLUTION, "80vh")}</div>
<h2>Processes</h2>
{_processes(view)}
</main>
{footer(view)}"""
    return page(f"nbflow: timeline of {view.name}", body)


def timeline_figure(view: RunView) -> str:
    """Return the timeline as HTML for the output of a notebook's cell."""
    return (
        f'<div style="max-width: 100%"><div style="color: {FAINT}">{escape(f"Timeline of run {view.name}: {view.told}")}</div>'
        f"{legend(view.anchor)}{_chart(view, INLINE_BARS, INLINE_RESOLUTION, '32em')}</div>"
    )


def timeline_text(view: RunView) -> str:
    """Return the timeline in plain text: a line for each process."""
    begin, end = span(view)
    lines = [f"Timeline of run {view.name}: {view.told}"]
    for name, tasks in view.by_process().items():
        bars = [bar for task in tasks if (bar := bar_of(task, begin, end)) is not None]
        when = (
            f"{clock(min(bar.submit for bar in bars))} to {clock(max(bar.complete for bar in bars))}" if bars else "-"
        )
        lines.append(f"{name}: {counts_text(counted(tasks))}; {when}")
    return "\n".join(lines)


def _chart(view: RunView, most: int, resolution: int, height: str) -> str:
    """Draw the bars of a run.

    Parameters
    ----------
    view : RunView
        The run.
    most : int
        Tasks up to which each has a row; of more, those of a process share lanes.
    resolution : int
        Parts of the axis that lanes tell apart.
    height : str
        How high it may be before it scrolls, as CSS.
    """
    begin, length = span(view)
    places = [place for place in marks(length, "time", 7) if place <= length]
    scale = Scale(begin, length, float(length), view.anchor)
    rows = task_rows(view, scale) if len(view.tasks) <= most else lane_rows(view, scale, resolution)
    if not rows:
        return f'<p style="color: {FAINT}">The run has no tasks yet.</p>'
    label = escape(f"Timeline of run {view.name}. {view.told}")
    grid = "fit-content(min(20em, 35%)) minmax(0, 1fr)"
    axis = "".join(_mark(place, scale.top) for place in places)
    high = sum(row.height for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{label}" style="overflow: auto; max-height: {height}; '
        f'border: 1px solid {LINE}; font-size: 13px; color: {TEXT}; position: relative">'
        f'<div class="zoomed" style="display: grid; grid-template-columns: {grid}; min-width: 100%">'
        f'<div style="position: sticky; top: 0; left: 0; z-index: 3; background: {BACK}"></div>'
        f'<div style="position: sticky; top: 0; z-index: 2; background: {BACK}; padding-right: 3em">'
        f'<svg width="100%" height="22" aria-hidden="true" style="display: block; overflow: visible">{axis}</svg></div>'
        f'<div style="position: sticky; left: 0; z-index: 1; background: {BACK}; min-width: 0" aria-hidden="true">'
        f"{''.join(map(_label, rows))}</div>"
        f'<div style="padding-right: 3em; min-width: 0"><svg role="img" aria-label="{label}" width="100%" height="{high}" '
        f'style="display: block; overflow: visible">{hatching(scale.anchor)}{_lines(places, scale.top, high)}{_stacked(rows)}</svg></div>'
        "</div></div>"
    )


def _mark(place: float, top: float) -> str:
    return (
        f'<text x="{percent(place / top)}" y="15" text-anchor="{"start" if not place else "middle"}" '
        f'style="fill: {FAINT}; font-size: 11px">{clock(round(place))}</text>'
    )


def _lines(places: Sequence[float], top: float, height: int) -> str:
    return "".join(
        f'<line x1="{percent(place / top)}" x2="{percent(place / top)}" y2="{height}" style="stroke: {LINE}; stroke-opacity: .6"/>'
        for place in places
    )


def _label(row: Row) -> str:
    sign = f'<span style="color: {status_colour(row.sign)}">{icon(row.sign)}</span> ' if row.sign else ""
    return (
        f'<div title="{escape(row.label)}" style="height: {row.height}px; line-height: {min(row.height, ROW)}px; overflow: hidden; '
        f'text-overflow: ellipsis; white-space: nowrap; padding: 0 8px 0 4px">{sign}{escape(row.label)}</div>'
    )


def _stacked(rows: Sequence[Row]) -> str:
    drawn, top = [], 0
    for row in rows:
        drawn.append(f'<g transform="translate(0 {top})">{row.content}</g>')
        top += row.height
    return "".join(drawn)


def _processes(view: RunView) -> str:
    begin, length = span(view)
    heads = ("process", "by status", "first submitted", "last completed", "time in all", "saved by the cache")
    return table("When the tasks of each process ran", heads, _process_rows(view, begin, length), (2, 3, 4, 5))


def _process_rows(view: RunView, begin: int, length: int) -> Iterator[list[str]]:
    for name, tasks in view.by_process().items():
        bars = [bar for task in tasks if (bar := bar_of(task, begin, length)) is not None]
        yield [
            name,
            counts_text(counted(tasks)),
            clock(min(bar.submit for bar in bars)) if bars else "-",
            _last(bars),
            format_duration(sum(bar.stop - bar.start for bar in bars)) if bars else "-",
            format_duration(saved(tasks)),
        ]


def _last(bars: Sequence[Bar]) -> str:
    if any(each.task.status in ("RUNNING", "SUBMITTED") for each in bars):
        return "goes on"
    return clock(max(each.complete for each in bars)) if bars else "-"
