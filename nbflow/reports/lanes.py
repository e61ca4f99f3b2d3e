"""The bars of a run with many tasks: those of a process share lanes, as many as ran at a time.

Alone packs tasks into lanes. A page with ten thousand rows helps nobody; when a process ran, how wide, and what failed
does.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from html import escape

from nbflow.core.marks import icon
from nbflow.core.units import format_duration
from nbflow.reports.bars import ROW, Bar, Row, Scale, bar_of, clock, title
from nbflow.reports.marks import FAINT, bar_colour, counts_text, status_colour
from nbflow.reports.view import RunView, counted, saved
from nbflow.storage.rows import TaskRow

_LANE = 9
_BAD = frozenset({"FAILED", "ABORTED"})


def lane_rows(view: RunView, scale: Scale, resolution: int) -> list[Row]:
    """Return the rows of a run with many tasks: for each process what became of its tasks, and its lanes.

    Parameters
    ----------
    view : RunView
        The run.
    scale : Scale
        The axis.
    resolution : int
        Parts of the axis that are told apart: bars of a lane with less than one between them are drawn as one.
    """
    return [
        row
        for number, (name, tasks) in enumerate(view.by_process().items())
        for row in _lanes(name, tasks, number, scale, scale.top / resolution)
    ]


def _lanes(name: str, tasks: Sequence[TaskRow], number: int, scale: Scale, gap: float) -> Iterator[Row]:
    """The tasks of a process in as few lanes as there ran at a time; a line says what has no bar."""
    bars = [bar for task in tasks if (bar := bar_of(task, scale.begin, scale.length)) is not None]
    started = [bar for bar in bars if bar.task.status != "SUBMITTED"]
    took = f", {format_duration(saved(tasks))} saved" if saved(tasks) else ""
    text = f'<text x="4" y="15" style="fill: {FAINT}">{escape(counts_text(counted(tasks)) + took)}</text>'
    yield Row(name, "", ROW, text)
    lanes: dict[int, list[Bar]] = {}
    for bar, lane in zip(started, packed([(bar.start, bar.complete) for bar in started]), strict=True):
        lanes.setdefault(lane, []).append(bar)
    runs = [(lane, run) for lane, each in lanes.items() for run in merged(each, gap)]
    drawn = "".join(_drawn(run, lane, scale, bar_colour(number)) for lane, run in sorted(runs, key=_is_bad))
    yield Row("", "", _LANE * len(lanes) + 4, drawn)


def merged(bars: Sequence[Bar], gap: float) -> list[list[Bar]]:
    """Join the bars of a lane between which there is less than a gap; what failed or was aborted stays by itself."""
    runs: list[list[Bar]] = []
    for bar in sorted(bars, key=lambda bar: bar.start):
        last = runs[-1] if runs else []
        if last and bar.start - last[-1].complete < gap and not (_BAD & {bar.task.status, last[-1].task.status}):
            last.append(bar)
        else:
            runs.append([bar])
    return runs


def _is_bad(run: tuple[int, list[Bar]]) -> bool:
    return run[1][0].task.status in _BAD


def _drawn(run: Sequence[Bar], lane: int, scale: Scale, colour: str) -> str:
    """Bars as one; thin ones are widened by their outline, so that none vanishes."""
    first, last, top = run[0], run[-1], lane * _LANE
    status = first.task.status
    told = title(first) if len(run) == 1 else f"{len(run):,} tasks, {clock(first.start)} to {clock(last.complete)}"
    paint = status_colour(status) if status in _BAD else colour
    x, width = scale.at(first.start), scale.at(last.complete - first.start)
    sign = f'<text x="{x}" y="{top + 8}" dx="2" style="font-size: 9px; fill: {paint}">{icon(status)}</text>'
    return (
        f"<g><title>{escape(told)}</title>"
        f'<rect x="{x}" y="{top}" width="{width}" height="{_LANE - 1}" style="fill: {paint}; stroke: {paint}; '
        f'stroke-width: {2 if status in _BAD else 0.4}"/>{sign if status in _BAD else ""}</g>'
    )


def packed(spans: Sequence[tuple[int, int]]) -> list[int]:
    """Return a lane for each span of time, so that none lies over another, in as few lanes as there are spans at a time."""
    lanes = [0] * len(spans)
    free: list[int] = []
    busy: list[tuple[int, int]] = []
    used = 0
    for at in sorted(range(len(spans)), key=spans.__getitem__):
        begin, end = spans[at]
        while busy and busy[0][0] <= begin:
            heapq.heappush(free, heapq.heappop(busy)[1])
        if not free:
            heapq.heappush(free, used)
            used += 1
        lanes[at] = heapq.heappop(free)
        heapq.heappush(busy, (end, lanes[at]))
    return lanes
