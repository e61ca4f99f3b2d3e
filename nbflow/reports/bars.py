"""The bars of a timeline: when each task of a run waited and ran, over the time of the run.

Alone draws them. A bar has three parts, as Nextflow's has: waiting (hatched), running (filled), and what came after (hatched
again). A cached task has no bar, for its times are those of another run. Places are shares of the width, so that the
chart can be made wider while its texts keep their size.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from nbflow.core.marks import icon
from nbflow.core.units import format_duration
from nbflow.reports.marks import BACK, FAINT, TEXT, bar_colour, status_colour
from nbflow.reports.plots import percent
from nbflow.reports.view import RunView
from nbflow.storage.nextflow.trace import format_field
from nbflow.storage.rows import CACHED, TaskRow

ROW = 22


@dataclass(frozen=True, slots=True)
class Bar:
    """When a task waited and ran, in milliseconds since the run began.

    Attributes
    ----------
    task : TaskRow
        The task.
    submit, start, stop, complete : int
        It waits from the first to the second, runs to the third, and is done at the last.
    """

    task: TaskRow
    submit: int
    start: int
    stop: int
    complete: int


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the chart.

    Attributes
    ----------
    label, sign : str
        What stands beside it: a text, and a status.
    height : int
        Pixels.
    content : str
        SVG.
    """

    label: str
    sign: str
    height: int
    content: str


# Time ---------------------------------------------------------------------------------------------------------------


def span(view: RunView) -> tuple[int, int]:
    """When the run began, and how many milliseconds of it are shown."""
    now = round(view.now.timestamp() * 1000)
    times = [
        value
        for task in view.tasks
        if task.status != CACHED
        for field in ("submit", "start", "complete")
        if isinstance(value := task.trace.get(field), int) and value
    ]
    if not times:
        return now, 1
    began = view.record.timestamp
    # The history has whole seconds; what a run did later than an hour after it began is shown from its first task on.
    first = min(times)
    begin = first if began is None else max(round(began.timestamp() * 1000), first - 3_600_000)
    return min(begin, first), max(1, max([*times, *([now] if view.live else [])]) - min(begin, first))


def bar_of(task: TaskRow, begin: int, length: int) -> Bar | None:
    """A task's bar; None for one that was cached, or of which no time is known."""
    trace = task.trace
    submit = trace.get("submit") or trace.get("start")
    if task.status == CACHED or not isinstance(submit, int):
        return None
    end = begin + length
    open_end = end if task.status in ("RUNNING", "SUBMITTED") else submit
    start = int(trace.get("start") or open_end)
    stop = (
        start + int(trace["realtime"]) if trace.get("realtime") is not None else int(trace.get("complete") or open_end)
    )
    complete = int(trace.get("complete") or max(stop, open_end))
    return Bar(task, *(min(max(each, begin), end) - begin for each in (submit, start, max(stop, start), complete)))


def clock(milliseconds: int) -> str:
    """Write a time of the run, counted from its beginning."""
    return f"+{format_duration(milliseconds)}"


@dataclass(frozen=True, slots=True)
class Scale:
    """Where the axis begins (milliseconds since 1970), how much the run takes, where its last mark lies; the end of ids."""

    begin: int
    length: int
    top: float
    anchor: str

    def at(self, moment: float) -> str:
        """A moment of the run, or a length, as a share of the width."""
        return percent(moment / self.top)


# A row for each task ------------------------------------------------------------------------------------------------


def task_rows(view: RunView, scale: Scale) -> list[Row]:
    """Return a row for each task of a run."""
    numbers = {name: at for at, name in enumerate(view.by_process())}
    return [_task_row(task, numbers[task.process], scale) for task in view.tasks]


def _task_row(task: TaskRow, number: int, scale: Scale) -> Row:
    bar = bar_of(task, scale.begin, scale.length)
    content = _absent(task) if bar is None else _drawn(bar, number, scale)
    return Row(task.name, task.status, ROW, content)


def _absent(task: TaskRow) -> str:
    words = task.status.lower()
    if task.status == CACHED:
        took = format_field("realtime", task.trace.get("realtime"))
        words = f"cached: took {took} on {format_field('start', task.trace.get('start')).partition('.')[0]}"
    return f'<text x="4" y="15" style="fill: {FAINT}">{escape(words)}</text>'


def _drawn(bar: Bar, number: int, scale: Scale) -> str:
    colour = bar_colour(number)
    return f"<g><title>{escape(title(bar))}</title>{_parts(bar, scale, colour, 4, 14)}{_note(bar, scale)}</g>"


def _parts(bar: Bar, scale: Scale, colour: str, y: int, height: int) -> str:
    edge = status_colour(bar.task.status) if bar.task.status in ("FAILED", "ABORTED") else colour
    parts = (
        (bar.submit, bar.start, f'fill="url(#nbflow-waits-{scale.anchor})" style="stroke: {edge}"'),
        (bar.start, bar.stop, f'style="fill: {colour}; stroke: {edge}"'),
        (bar.stop, bar.complete, f'fill="url(#nbflow-waits-{scale.anchor})" style="stroke: {edge}"'),
    )
    return "".join(
        f'<rect x="{scale.at(begin)}" y="{y}" width="{scale.at(end - begin)}" height="{height}" {look}/>'
        for begin, end, look in parts
        if end > begin or (begin == bar.start and look.startswith("style"))
    )


def _note(bar: Bar, scale: Scale) -> str:
    """What Nextflow writes on a bar, where there is room: after it, else before it, else on it."""
    begin, end = bar.submit / scale.top, bar.complete / scale.top
    if end <= 0.7:
        place = f'x="{percent(end)}" dx="6"'
    elif begin >= 0.3:
        place = f'x="{percent(begin)}" dx="-6" text-anchor="end"'
    else:
        place = f'x="{percent((begin + end) / 2)}" text-anchor="middle"'
    halo = f"fill: {TEXT}; stroke: {BACK}; stroke-width: 3px; paint-order: stroke"
    return f'<text {place} y="15" style="{halo}">{escape(_words(bar))}</text>'


def _words(bar: Bar) -> str:
    task = bar.task
    memory = format_field("peak_rss", task.trace.get("peak_rss"))
    sign = "" if task.status == "COMPLETED" else f"{icon(task.status)} {task.status.lower()}"
    known = [
        format_duration(bar.complete - bar.submit),
        *([memory] if memory != "-" else []),
        *([sign] if sign else []),
    ]
    return " / ".join(known)


def title(bar: Bar) -> str:
    """Say of a bar all that it shows."""
    return (
        f"{bar.task.name} [{bar.task.hash}] {bar.task.status.lower()}: submitted {clock(bar.submit)}, "
        f"waited {format_duration(bar.start - bar.submit)}, ran {format_duration(bar.stop - bar.start)}"
    )


def legend(anchor: str) -> str:
    """Say what the parts of a bar mean."""
    bar = 'style="vertical-align: middle" width="34" height="12" aria-hidden="true"'
    colour = bar_colour(0)
    return (
        f'<p style="color: {FAINT}; margin: .4em 0"><svg {bar}>{hatching(f"{anchor}-legend")}'
        f'<rect width="34" height="12" fill="url(#nbflow-waits-{anchor}-legend)" style="stroke: {colour}"/></svg> waits to start, or ends '
        f'&ensp;<svg {bar}><rect width="34" height="12" style="fill: {colour}"/></svg> runs &ensp; {icon("CACHED")} cached: took its time in '
        f"another run, and has no bar &ensp; {icon('FAILED')} failed &ensp; {icon('ABORTED')} aborted &ensp; {icon('RUNNING')} runs now</p>"
    )


def hatching(anchor: str) -> str:
    """Return the pattern of the parts in which a task does not run."""
    return (
        f'<defs><pattern id="nbflow-waits-{anchor}" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<line y2="5" stroke-width="2" style="stroke: {FAINT}"/></pattern></defs>'
    )
