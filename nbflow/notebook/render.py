"""How counts and verdicts look, as HTML with a text twin.

Alone here: words, icons and markup. Pure: facts in, a MIME bundle out; must not know where it is shown.

What is rendered is what a saved, reopened or exported notebook keeps: no script, no style sheet, nothing that needs a
kernel. Colours follow JupyterLab's theme where there is one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from nbflow.execution.progress import ProcessCounts

#: What a display is made of: ``text/plain`` and ``text/html``.
Bundle = dict[str, str]

Status = Literal["waiting", "running", "completed", "cached", "failed", "aborted", "unused"]

_ICONS: dict[Status, str] = {
    "waiting": "…",
    "running": "▶",
    "completed": "✔",
    "cached": "↺",
    "failed": "✖",
    "aborted": "■",
    "unused": "-",
}
_COLOURS: dict[Status, str] = {
    "waiting": "var(--jp-ui-font-color2, #757575)",
    "running": "var(--jp-info-color1, #1976d2)",
    "completed": "var(--jp-success-color1, #388e3c)",
    "cached": "var(--jp-success-color1, #388e3c)",
    "failed": "var(--jp-error-color1, #d32f2f)",
    "aborted": "var(--jp-warn-color1, #f57c00)",
    "unused": "var(--jp-ui-font-color2, #757575)",
}
_FAINT = "color: var(--jp-ui-font-color2, #757575)"
_CELL = "text-align: left; padding: 1px 12px 1px 0"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The one line that says what became of a task, and why.

    Attributes
    ----------
    status : str
        How the task ended.
    text : str
        The line, as in ``train: ran, 1.2 s · global `threshold` changed: 0.5 -> 0.7``. What stands between backticks is
        shown as code.
    """

    status: Status
    text: str


def render_verdict(verdict: Verdict) -> Bundle:
    """Render one verdict."""
    icon = _icon(verdict.status)
    return {
        "text/plain": f"{_ICONS[verdict.status]} {verdict.text}",
        "text/html": f'<div role="status" style="{_FAINT}">{icon} {_with_code(verdict.text)}</div>',
    }


def render_progress(processes: Sequence[ProcessCounts], elapsed: float) -> Bundle:
    """Render the tasks of a cell while they run: a line for each process, as Nextflow's console has them.

    Parameters
    ----------
    processes : sequence of ProcessCounts
        The counts.
    elapsed : float
        Seconds since the first task.
    """
    head = f"nbflow · {_tasks(processes)} · {duration(elapsed)}"
    lines = [head, *(_line(counts, live=True) for counts in processes)]
    return {"text/plain": "\n".join(lines), "text/html": _table(processes, head, live=True)}


def render_summary(processes: Sequence[ProcessCounts], elapsed: float, reasons: Sequence[str] = ()) -> Bundle:
    """Render what became of the tasks of a cell, once all have ended: what the saved notebook keeps.

    Parameters
    ----------
    processes : sequence of ProcessCounts
        The counts.
    elapsed : float
        Seconds since the first task.
    reasons : sequence of str
        Why tasks ran, a line each.
    """
    head = f"nbflow · {_tasks(processes)} · {duration(elapsed)}"
    saved = sum(counts.saved for counts in processes)
    if saved >= 1:
        head += f" · saved {duration(saved)}"
    lines = [head, *(_line(counts, live=False) for counts in processes), *reasons]
    below = "".join(f'<div style="{_FAINT}">{_with_code(reason)}</div>' for reason in reasons)
    return {"text/plain": "\n".join(lines), "text/html": _table(processes, head, live=False) + below}


def duration(seconds: float) -> str:
    """Write a duration as Nextflow does: ``350ms``, ``1.2s``, ``2m 3s``, ``3h 41m``, ``2d 5h``."""
    if seconds < 1:
        return f"{int(seconds * 1000)}ms"
    if seconds < 60:
        return f"{int(seconds * 10) / 10:g}s"
    minutes, rest = divmod(int(seconds), 60)
    for size, large, small in ((1440, "d", "h"), (60, "h", "m")):
        if minutes >= size:
            whole, part = divmod(minutes, size)
            part = part // 60 if small == "h" else part
            return f"{whole}{large} {part}{small}" if part else f"{whole}{large}"
    return f"{minutes}m {rest}s" if rest else f"{minutes}m"


def short_hash(task_hash: str) -> str:
    """Write a task hash as Nextflow's console does: ``ab/12cd34``."""
    return f"{task_hash[:2]}/{task_hash[2:8]}"


def status_of(counts: ProcessCounts) -> Status:
    """Name the one status that says most about a process."""
    if counts.failed:
        return "failed"
    if not counts.settled:
        return "running" if counts.running or counts.ended else "waiting"
    if not counts.ended:
        return "unused"
    if counts.aborted:
        return "aborted"
    return "cached" if counts.cached and counts.cached == counts.ended else "completed"


def _tasks(processes: Sequence[ProcessCounts]) -> str:
    number = sum(counts.submitted for counts in processes)
    return "1 task" if number == 1 else f"{number:,} tasks"


def _line(counts: ProcessCounts, *, live: bool) -> str:
    mark = "" if live and not counts.settled else f" {_ICONS[status_of(counts)]}"
    which = _which(counts, live=live)
    return f"{f'[{which[0]}] ' if which[0] else ''}{which[1]} | {_progress_words(counts)}{mark}"


def _which(counts: ProcessCounts, *, live: bool) -> tuple[str, str]:
    """Hash and label of the task to name: the one that moved last; once all is over only a failed or an only one."""
    if counts.hash and (live or counts.failed or counts.submitted == 1):
        return short_hash(counts.hash), counts.label or counts.name
    return "", counts.name


def _progress_words(counts: ProcessCounts) -> str:
    if not counts.submitted and not counts.total:
        return "no task" if counts.settled else "no task yet"
    total = f"{counts.total:,}" if counts.total is not None else f"{counts.submitted:,} so far"
    return ", ".join([f"{counts.ended:,} of {total}", *_parts(counts)])


def _parts(counts: ProcessCounts) -> list[str]:
    numbers = (
        ("cached", counts.cached),
        ("failed", counts.failed),
        ("ignored", counts.ignored),
        ("retried", counts.retried),
        ("aborted", counts.aborted),
        ("running", counts.running),
    )
    return [f"{word}: {number:,}" for word, number in numbers if number]


def _table(processes: Sequence[ProcessCounts], head: str, *, live: bool) -> str:
    rows = "".join(_row(counts, live=live) for counts in processes)
    return (
        f'<table style="margin: 0; border-collapse: collapse">'
        f'<caption style="text-align: left; {_FAINT}"><span role="status">{escape(head)}</span></caption>'
        f"<tbody>{rows}</tbody></table>"
    )


def _row(counts: ProcessCounts, *, live: bool) -> str:
    status = status_of(counts)
    task_hash, label = _which(counts, live=live)
    cells = [f"{_icon(status)} {status}"]
    if live:
        cells.append(_bar(counts))
    cells.append(escape(_progress_words(counts)))
    cells.append(f'<code>[{task_hash}]</code> <span style="{_FAINT}">{escape(label)}</span>' if task_hash else "")
    return (
        f'<tr><th scope="row" style="{_CELL}">{escape(counts.name)}</th>'
        + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells)
        + "</tr>"
    )


def _bar(counts: ProcessCounts) -> str:
    label = f'aria-label="{escape(counts.name)}: {escape(_progress_words(counts))}"'
    if counts.total is None and counts.submitted:
        return f"<progress {label}></progress>"  # it moves
    return f'<progress {label} value="{counts.ended}" max="{counts.total or 1}"></progress>'


def _icon(status: Status) -> str:
    return f'<span aria-hidden="true" style="color: {_COLOURS[status]}">{_ICONS[status]}</span>'


def _with_code(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))
