"""The table of a run's tasks: all of them in the file, a few at a time on the screen.

Alone lays them out. Ten thousand rows at once make a browser slow, so they come in parts that are folded away, which it
does not draw until they are opened; where scripts run, one table pages through all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from html import escape

from nbflow.core.marks import icon
from nbflow.reports.page import scrolled
from nbflow.reports.view import RunView
from nbflow.storage.rows import TaskRow

PART = 250
"""Tasks of one part."""

_FIELDS = (
    ("hash", "hash"), ("status", "status"), ("exit", "exit"), ("attempt", "attempt"), ("submit", "submit"),
    ("duration", "duration"), ("realtime", "realtime"), ("%cpu", "%cpu"), ("peak_rss", "peak_rss"), ("rchar", "rchar"),
    ("wchar", "wchar"), ("cpus", "cpus"), ("memory", "memory"), ("time", "time"),
)  # fmt: skip
_NUMBERS = frozenset(
    {"exit", "attempt", "duration", "realtime", "%cpu", "peak_rss", "rchar", "wchar", "cpus", "memory", "time"}
)
_SORTED_BY_NUMBER = _NUMBERS | {"submit"}


def task_table(view: RunView) -> str:
    """Return the tasks of a run as HTML: whole without scripts, with them a table to search and sort.

    Parameters
    ----------
    view : RunView
        The run.
    """
    if not view.tasks:
        return '<p class="faint">The run has no tasks yet.</p>'
    head = _head()
    parts = [(first, view.tasks[first : first + PART]) for first in range(0, len(view.tasks), PART)]
    tables = (_part(first, tasks, view, head, folded=len(parts) > 1) for first, tasks in parts)
    return f'<div class="tasks">\n{_controls(view)}\n{"".join(tables)}</div>'


def _controls(view: RunView) -> str:
    statuses = "".join(f'<option value="{escape(each)}">{escape(each.lower())}</option>' for each in view.counts)
    sizes = "".join(f"<option>{size}</option>" for size in (50, 100, 500))
    return (
        '<div class="controls" hidden>'
        '<label>Search <input type="search" name="search" placeholder="name, hash, reason ..."></label>'
        f'<label>Status <select name="status"><option value="">all</option>{statuses}</select></label>'
        f'<label>Rows <select name="size">{sizes}</select></label>'
        '<button type="button">Previous</button><button type="button">Next</button><span role="status"></span></div>'
    )


def _head() -> str:
    fields = "".join(_column(title, number=field in _NUMBERS) for field, title in _FIELDS)
    return (
        f"<thead><tr>{_column('task_id', number=True)}{_column('process')}{_column('name')}{fields}"
        f"{_column('why it ran')}{_column('work directory')}</tr></thead>"
    )


def _column(title: str, *, number: bool = False) -> str:
    return f'<th scope="col"{" class=number" if number else ""}>{escape(title)}</th>'


def _part(first: int, tasks: Sequence[TaskRow], view: RunView, head: str, *, folded: bool) -> str:
    label = f"Tasks {first + 1:,} to {first + len(tasks):,}"
    rows = "\n".join(_row(number, task, view) for number, task in enumerate(tasks, first + 1))
    table = scrolled(
        label, f"<table><caption>{label} of {len(view.tasks):,}</caption>{head}\n<tbody>\n{rows}\n</tbody></table>"
    )
    if not folded:
        return table
    return f"<details{'' if first else ' open'}><summary>{label}</summary>{table}</details>\n"


def _row(number: int, task: TaskRow, view: RunView) -> str:
    return (
        f'<tr data-status="{escape(task.status)}"><td class=number data-n="{number}">{number}</td>'
        f"<td>{escape(task.process)}</td>"
        f'<th scope="row" class=name>{escape(task.name)}</th>{"".join(_cells(task))}'
        f"<td class=wide>{escape(why(task))}</td>"
        f"<td><code>{escape(place(task, view))}</code></td></tr>"
    )


def _cells(task: TaskRow) -> Iterator[str]:
    for field, _ in _FIELDS:
        text = escape(task.text(field))
        if field == "status":
            text = f'<span class="{text}"><span aria-hidden="true">{icon(task.status)}</span> {text}</span>'
        elif field == "hash":
            text = f"<code>{text}</code>"
        kind = " class=number" if field in _NUMBERS else ""
        yield f"<td{kind}{_key(task, field)}>{text}</td>"


def _key(task: TaskRow, field: str) -> str:
    """What the column is sorted by, where that is not the text."""
    if field not in _SORTED_BY_NUMBER:
        return ""
    value = task.trace.get(field)
    return f' data-n="{value:.12g}"' if isinstance(value, int | float) else ' data-n=""'


def why(task: TaskRow) -> str:
    """Why a task ran, or by which run it was executed."""
    if task.status == "CACHED":
        return f"executed by {task.executed_by}" if task.executed_by else ""
    return task.reason


def place(task: TaskRow, view: RunView) -> str:
    """A task's work directory, as seen from the launch directory."""
    inside = task.work_dir.is_relative_to(view.launch_dir)
    return os.path.relpath(task.work_dir, view.launch_dir) if inside else str(task.work_dir)
