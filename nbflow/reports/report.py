"""The report: one HTML page with a run's summary, its processes, what they used, and the table of its tasks.

Alone puts the page together; the plots and the table are drawn beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from nbflow.core.marks import icon
from nbflow.core.secrets import hidden
from nbflow.core.units import format_duration, format_memory
from nbflow.reports.dag import dag_figure
from nbflow.reports.page import footer, notice, page, table
from nbflow.reports.plots import resource_plots
from nbflow.reports.statistics import summarise
from nbflow.reports.task_table import place, task_table
from nbflow.reports.view import RunView, counted, last_lines, saved
from nbflow.storage.rows import TaskRow

_FAILURES = 20
_LINES = 20
_HOUR = 3_600_000
_AFTER = {"RETRY": "; it was run again", "IGNORE": "; this was ignored"}


def report(view: RunView) -> str:
    """Return the report on a run, a whole HTML document.

    Parameters
    ----------
    view : RunView
        The run.
    """
    processes = view.by_process()
    failed = [task for task in view.tasks if task.status == "FAILED"]
    body = f"""<header>
<h1>Report on run {escape(view.name)}</h1>
<nav aria-label="Parts of the report"><ul>{_links(failed)}</ul></nav>
</header>
<main>
{notice(view)}
<section id="summary" aria-labelledby="summary-head"><h2 id="summary-head">Summary</h2>
{_counts(view)}
{_facts(view)}
</section>
{_failures(failed, view)}
<section id="processes" aria-labelledby="processes-head"><h2 id="processes-head">Processes</h2>
{_processes(processes)}
{dag_figure(view)}
{_scripts(processes)}
</section>
<section id="resources" aria-labelledby="resources-head"><h2 id="resources-head">Resources</h2>
<p class="faint">The box spans the middle half of the tasks, the thick line is the median, the thin line reaches from the
least to the most. Cached tasks count with the figures of when they were executed.</p>
{resource_plots(processes)}
</section>
<section id="tasks" aria-labelledby="tasks-head"><h2 id="tasks-head">Tasks</h2>
{task_table(view)}
</section>
</main>
{footer(view)}"""
    return page(f"nbflow: report on {view.name}", body)


def _links(failed: Sequence[TaskRow]) -> str:
    names = ["summary", *(["failures"] if failed else []), "processes", "resources", "tasks"]
    return "".join(f'<li><a href="#{name}">{name.capitalize()}</a></li>' for name in names)


# Summary ------------------------------------------------------------------------------------------------------------


def _counts(view: RunView) -> str:
    items = "".join(
        f'<li><strong>{count:,}</strong><span class="{escape(status)}"><span aria-hidden="true">{icon(status)}</span> '
        f"{escape(status.lower())}</span></li>"
        for status, count in view.counts.items()
    )
    return f'<ul class="counts" aria-label="Tasks by status">{items}</ul>' if items else "<p>No tasks.</p>"


def _facts(view: RunView) -> str:
    record = view.record
    began = "-" if record.timestamp is None else f"{record.timestamp:%Y-%m-%d %H:%M:%S}"
    facts = {
        "Status": f"the run {view.state}",
        "Began": began,
        "So far" if view.live else "Took": view.elapsed,
        "Tasks": _numbers(view),
        "CPU hours": _cpu_hours(view),
        "Saved by the cache": format_duration(saved(view.tasks)),
        "Command": record.command or "-",
        "Session": record.session,
        "Launch directory": str(view.launch_dir),
        "Work directory": str(view.work_root),
    }
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    return f'<dl class="facts">{rows}</dl>'


def _numbers(view: RunView) -> str:
    tasks, processes = len(view.tasks), len(view.by_process())
    return f"{tasks:,} task{'s' * (tasks != 1)} of {processes:,} process{'es' * (processes != 1)}"


def _cpu_hours(view: RunView) -> str:
    """As Nextflow counts them: cpus asked for by the time that tasks ran; and how much of it was cached and failed."""
    by_status: dict[str, float] = {}
    for task in view.tasks:
        hours = int(task.trace.get("realtime") or 0) * int(task.trace.get("cpus") or 1) / _HOUR
        by_status[task.status] = by_status.get(task.status, 0.0) + hours
    whole = sum(by_status.values())
    shares = [
        f"{by_status[status] / whole:.1%} {status.lower()}" for status in ("CACHED", "FAILED") if by_status.get(status)
    ]
    if whole < 0.05:
        return "less than 0.1"
    return f"{whole:.1f} ({', '.join(shares)})" if shares else f"{whole:.1f}"


# What failed --------------------------------------------------------------------------------------------------------


def _failures(failed: Sequence[TaskRow], view: RunView) -> str:
    if not failed:
        return ""
    rest = f"<p>{len(failed) - _FAILURES:,} more are in the table of tasks.</p>" if len(failed) > _FAILURES else ""
    notes = "".join(_failure(task, view) for task in failed[:_FAILURES])
    return (
        '<section id="failures" aria-labelledby="failures-head"><h2 id="failures-head">Failures</h2>\n'
        f"{notes}{rest}</section>"
    )


def _failure(task: TaskRow, view: RunView) -> str:
    said = hidden(last_lines(task, _LINES), view.secrets)
    shown = f'<pre tabindex="0" aria-label="What {escape(task.name)} printed">{escape(said)}</pre>' if said else ""
    return (
        f'<div class="notice failed"><strong>{escape(task.name)}</strong>: exit status {escape(task.text("exit"))}, '
        f"in <code>{escape(place(task, view))}</code>{_AFTER.get(task.text('error_action'), '')}{shown}</div>"
    )


# Processes ----------------------------------------------------------------------------------------------------------


def _processes(processes: dict[str, list[TaskRow]]) -> str:
    if not processes:
        return ""
    heads = ("process", "tasks", "by status", "time in all", "median time", "most memory", "cpus")
    rows = [[name, *_figures(tasks)] for name, tasks in processes.items()]
    return table("The processes of the run", heads, rows, (1, 3, 4, 5, 6))


def _figures(tasks: Sequence[TaskRow]) -> list[str]:
    times, sizes = (_known(tasks, field) for field in ("realtime", "peak_rss"))
    cpus = sorted({*_known(tasks, "cpus")})
    words = ", ".join(f"{icon(status)} {count:,} {status.lower()}" for status, count in counted(tasks).items())
    return [
        f"{len(tasks):,}",
        words,
        format_duration(sum(times)) if times else "-",
        format_duration(round(summarise(times).median)) if times else "-",
        format_memory(max(sizes)) if sizes else "-",
        f"{cpus[0]}" if len(cpus) == 1 else f"{cpus[0]} to {cpus[-1]}" if cpus else "-",
    ]


def _known(tasks: Sequence[TaskRow], field: str) -> list[int]:
    return [value for task in tasks if isinstance(value := task.trace.get(field), int)]


def _scripts(processes: dict[str, list[TaskRow]]) -> str:
    parts = [part for name, tasks in processes.items() for part in _script(name, tasks)]
    return f"<details><summary>What they run</summary>\n{chr(10).join(parts)}</details>" if parts else ""


def _script(name: str, tasks: Sequence[TaskRow]) -> Iterator[str]:
    """What a process's tasks run: it is one text for all of them, but where a cell was edited during the run."""
    texts = dict.fromkeys(str(text) for task in tasks if (text := task.trace.get("script")))
    for number, text in enumerate([*texts][:3], 1):
        which = f", body {number} of {len(texts)}" if len(texts) > 1 else ""
        yield (
            f'<h3>{escape(name)}{which}</h3><pre tabindex="0" aria-label="Body of {escape(name)}">{escape(text)}</pre>'
        )
