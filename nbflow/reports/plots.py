"""Box plots of what the tasks of each process used, with the numbers as a table beside them.

Alone draws them: SVG whose places are shares of its width, so that it fits any and its texts keep their size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from nbflow.core.units import format_duration, format_memory
from nbflow.reports.marks import FAINT, LINE, TEXT, bar_colour
from nbflow.reports.page import table
from nbflow.reports.statistics import Summary, marks, summarise
from nbflow.storage.rows import TaskRow

ROW = 30
_AXIS = 24
_MOST_POINTS = 60

Metric = Callable[[TaskRow], float | None]


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot.

    Attributes
    ----------
    title : str
        What is shown.
    kind : str
        ``perc``, ``time`` or ``mem``.
    metric : callable
        The number of a task; None where it is not known.
    """

    title: str
    kind: str
    metric: Metric


def _field(name: str) -> Metric:
    return lambda task: _number(task.trace.get(name))


def _share(used: str, asked: str) -> Metric:
    def metric(task: TaskRow) -> float | None:
        part, whole = _number(task.trace.get(used)), _number(task.trace.get(asked))
        return None if part is None or not whole else part / whole * 100

    return metric


def _cpu_share(task: TaskRow) -> float | None:
    used = _number(task.trace.get("%cpu"))
    return None if used is None else used / (_number(task.trace.get("cpus")) or 1)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


SECTIONS: Mapping[str, tuple[Plot, ...]] = {
    "CPU": (
        Plot("CPU used, one core is 100 %", "perc", _field("%cpu")),
        Plot("CPU used of the cpus asked for", "perc", _cpu_share),
    ),
    "Memory": (
        Plot("Peak memory (RSS)", "mem", _field("peak_rss")),
        Plot("Peak virtual memory", "mem", _field("peak_vmem")),
        Plot("Peak memory of the memory asked for", "perc", _share("peak_rss", "memory")),
    ),
    "Duration": (
        Plot("Time that tasks ran (realtime)", "time", _field("realtime")),
        Plot("Time that tasks ran of the time allowed", "perc", _share("realtime", "time")),
    ),
    "I/O": (
        Plot("Read (rchar)", "mem", _field("rchar")),
        Plot("Written (wchar)", "mem", _field("wchar")),
    ),
}
"""What is plotted, as in Nextflow's report: each figure, and its share of what was asked for."""


def resource_plots(processes: Mapping[str, Sequence[TaskRow]]) -> str:
    """Return all plots of which anything is known, as HTML.

    Parameters
    ----------
    processes : mapping of str to sequence of TaskRow
        The tasks of each process.
    """
    sections = [_section(head, plots, processes) for head, plots in SECTIONS.items()]
    drawn = "\n".join(filter(None, sections))
    return drawn or '<p class="faint">No task has ended yet whose use of the machine was measured.</p>'


def _section(head: str, plots: Sequence[Plot], processes: Mapping[str, Sequence[TaskRow]]) -> str:
    figures = "\n".join(filter(None, (_figure(plot, processes) for plot in plots)))
    return f'<h3>{escape(head)}</h3>\n<div class="plots">\n{figures}\n</div>' if figures else ""


def _figure(plot: Plot, processes: Mapping[str, Sequence[TaskRow]]) -> str:
    known = {name: [x for task in tasks if (x := plot.metric(task)) is not None] for name, tasks in processes.items()}
    numbers = {name: values for name, values in known.items() if values}
    if not any(any(values) for values in numbers.values()):
        return ""
    summaries = {name: summarise(values) for name, values in numbers.items()}
    return (
        f"<figure><figcaption>{escape(plot.title)}</figcaption>\n{box_plot(plot, numbers, summaries, [*processes])}\n"
        f"<details><summary>{escape(plot.title)} in numbers</summary>{_numbers(plot, summaries)}</details></figure>"
    )


def shown(kind: str, value: float) -> str:
    """Write a number of a plot with its unit."""
    if kind == "perc":
        return f"{value:.1f} %" if value < 10 and value != int(value) else f"{value:,.0f} %"
    return format_duration(round(value)) if kind == "time" else format_memory(round(value))


def _numbers(plot: Plot, summaries: Mapping[str, Summary]) -> str:
    heads = ("process", "tasks", "least", "first quartile", "median", "third quartile", "most", "mean")
    rows = (
        [name, f"{each.count:,}", *(shown(plot.kind, value) for value in _values(each))]
        for name, each in summaries.items()
    )
    return table(plot.title, heads, rows, range(1, 8))


def _values(each: Summary) -> tuple[float, ...]:
    return each.minimum, each.q1, each.median, each.q3, each.maximum, each.mean


def box_plot(
    plot: Plot, numbers: Mapping[str, Sequence[float]], summaries: Mapping[str, Summary], order: Sequence[str]
) -> str:
    """Draw a box for each process: quartiles and median, whiskers to the least and most; of few tasks each as a point."""
    places = marks(max(each.maximum for each in summaries.values()) or 1, plot.kind)
    top, height = places[-1], ROW * len(numbers)
    grid = "".join(_mark(plot.kind, place, top, height) for place in places)
    boxes = "".join(
        _box(summaries[name], numbers[name], top, ROW * at + ROW / 2, bar_colour(order.index(name)), plot.kind, name)
        for at, name in enumerate(numbers)
    )
    told = "; ".join(f"{name}: median {shown(plot.kind, each.median)}" for name, each in [*summaries.items()][:20])
    drawing = (
        f'<svg role="img" aria-label="{escape(f"{plot.title}. {told}")}" width="100%" height="{height + _AXIS}" '
        f'style="display: block; overflow: visible; color: {TEXT}">{grid}{boxes}</svg>'
    )
    return labelled([(name, "") for name in numbers], drawing, ROW)


def labelled(labels: Sequence[tuple[str, str]], drawing: str, row: int, extra: str = "") -> str:
    """Set the labels of rows beside a drawing; each is a text and what stands before it, as HTML."""
    style = (
        f"height: {row}px; line-height: {row}px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; "
        "padding-right: 10px"
    )
    names = "".join(
        f'<div style="{style}" title="{escape(text)}">{before}{escape(text)}</div>' for text, before in labels
    )
    return (
        f'<div style="display: grid; grid-template-columns: fit-content(min(16em, 35%)) minmax(0, 1fr); font-size: 13px; '
        f'color: {TEXT}; padding-right: 2.5em{extra}"><div aria-hidden="true" style="min-width: 0">{names}</div>'
        f'<div style="min-width: 0">{drawing}</div></div>'
    )


def _mark(kind: str, place: float, top: float, height: int) -> str:
    x = percent(place / top)
    return (
        f'<line x1="{x}" x2="{x}" y1="0" y2="{height}" style="stroke: {LINE}"/>'
        f'<text x="{x}" y="{height + 16}" text-anchor="middle" style="fill: {FAINT}; font-size: 11px">{shown(kind, place)}</text>'
    )


def _box(each: Summary, numbers: Sequence[float], top: float, y: float, colour: str, kind: str, name: str) -> str:
    low, q1, median, high = (percent(value / top) for value in (each.minimum, each.q1, each.median, each.maximum))
    title = f"{name}: {each.count:,} tasks, median {shown(kind, each.median)}, {shown(kind, each.minimum)} to {shown(kind, each.maximum)}"
    points = numbers if len(numbers) <= _MOST_POINTS else ()
    dots = "".join(
        f'<circle cx="{percent(value / top)}" cy="{y}" r="2.5" style="fill: currentColor; fill-opacity: .45"/>'
        for value in points
    )
    return (
        f"<g><title>{escape(title)}</title>"
        f'<line x1="{low}" x2="{high}" y1="{y}" y2="{y}" stroke="currentColor"/>'
        f'<line x1="{low}" x2="{low}" y1="{y - 5}" y2="{y + 5}" stroke="currentColor"/>'
        f'<line x1="{high}" x2="{high}" y1="{y - 5}" y2="{y + 5}" stroke="currentColor"/>'
        f'<rect x="{q1}" y="{y - 8}" width="{percent((each.q3 - each.q1) / top)}" height="16" '
        f'style="fill: {colour}; stroke: {colour}"/>'
        f'<line x1="{median}" x2="{median}" y1="{y - 8}" y2="{y + 8}" stroke="currentColor" stroke-width="2.5"/>{dots}</g>'
    )


def percent(share: float) -> str:
    """A share of the width, as SVG takes it."""
    return f"{share * 100:.3f}".rstrip("0").rstrip(".") + "%"
