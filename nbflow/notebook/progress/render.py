"""How counts and verdicts look, as HTML with a text twin.

Alone here: words and markup. Pure: facts in, a MIME bundle out; must not know where it is shown.

What is rendered is what a saved, reopened or exported notebook keeps: no script, no style sheet, nothing that needs a
kernel. Colours follow JupyterLab's theme where there is one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from nbflow.core import marks
from nbflow.execution.progress import ProcessCounts

#: What a display is made of: ``text/plain`` and ``text/html``.
Bundle = dict[str, str]

Status = Literal["waiting", "running", "completed", "cached", "failed", "aborted", "unused"]

#: A colour for each status, which never says more than the mark.
COLOURS: dict[Status, str] = {
    "waiting": "var(--jp-ui-font-color2, #757575)",
    "running": "var(--jp-info-color1, #1976d2)",
    "completed": "var(--jp-success-color1, #388e3c)",
    "cached": "var(--jp-success-color1, #388e3c)",
    "failed": "var(--jp-error-color1, #d32f2f)",
    "aborted": "var(--jp-warn-color1, #f57c00)",
    "unused": "var(--jp-ui-font-color2, #757575)",
}
#: How a line looks that is not what the cell is about.
FAINT = "color: var(--jp-ui-font-color2, #757575)"
#: Processes that are shown one by one.
ROWS = 50
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
    mark = icon(verdict.status)
    return {
        "text/plain": f"{marks.icon(verdict.status)} {verdict.text}",
        "text/html": f'<div role="status" style="{FAINT}">{mark} {_with_code(verdict.text)}</div>',
    }


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
    head = " · ".join(["nbflow", _tasks(processes), duration(elapsed), *_reuse(processes)])
    lines = [head, *(line_of(counts, live=False) for counts in processes), *reasons]
    below = "".join(below_table(_with_code(reason)) for reason in reasons)
    return {"text/plain": "\n".join(lines), "text/html": _table(processes, head) + below}


def _reuse(processes: Sequence[ProcessCounts]) -> list[str]:
    """What came from where, and the time that was saved."""
    runs: Counter[str] = Counter()
    for counts in processes:
        runs.update(dict(counts.runs))
    said = []
    if runs:
        submitted = sum(counts.submitted for counts in processes)
        number = "all" if runs.total() == submitted > 1 else f"{runs.total():,}"
        said.append(f"{number} reused from {_names([run for run, _ in runs.most_common()])}")
    saved = sum(counts.saved for counts in processes)
    return [*said, f"saved {duration(saved)}"] if saved >= 1 else said


def _names(runs: Sequence[str]) -> str:
    if len(runs) > 3:
        runs = [*runs[:2], f"{len(runs) - 2} more runs"]
    return " and ".join(filter(None, (", ".join(runs[:-1]), runs[-1])))


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


def line_of(counts: ProcessCounts, *, live: bool) -> str:
    """One process as a line of text, as on Nextflow's console."""
    mark = "" if live and not counts.settled else f" {marks.icon(status_of(counts))}"
    which = _which(counts, live=live)
    return f"{f'[{which[0]}] ' if which[0] else ''}{which[1]} | {progress_words(counts)}{mark}"


def _which(counts: ProcessCounts, *, live: bool) -> tuple[str, str]:
    """Hash and label of the task to name: the one that moved last; once all is over only a failed or an only one."""
    if counts.hash and (live or counts.failed or counts.submitted == 1):
        return short_hash(counts.hash), counts.label or counts.name
    return "", counts.name


def progress_words(counts: ProcessCounts) -> str:
    """How far a process is, in words."""
    if not counts.submitted and not counts.total:
        return "no task" if counts.settled else "no task yet"
    total = f"{counts.total:,}" if counts.total is not None else f"{counts.submitted:,} so far"
    return ", ".join([f"{counts.ended:,} of {total}", *_parts(counts)])


def most_telling(processes: Sequence[ProcessCounts]) -> tuple[Sequence[ProcessCounts], Sequence[ProcessCounts]]:
    """The processes that are shown, and those that there is no room for: rather what has ended well, or waits."""
    if len(processes) <= ROWS:
        return processes, ()
    ranks = {"failed": 0, "running": 1, "aborted": 2, "waiting": 3}
    ranked = sorted(range(len(processes)), key=lambda place: ranks.get(status_of(processes[place]), 4))
    shown = set(ranked[:ROWS])
    places = range(len(processes))
    return [processes[at] for at in places if at in shown], [processes[at] for at in places if at not in shown]


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


def _table(processes: Sequence[ProcessCounts], head: str) -> str:
    shown, others = most_telling(processes)
    rows = "".join(map(_row, shown))
    more = below_table(escape(others_words(others))) if others else ""
    return (
        f'<table style="margin: 0; border-collapse: collapse">'
        f'<caption style="text-align: left; {FAINT}"><span role="status">{escape(head)}</span></caption>'
        f"<tbody>{rows}</tbody></table>{more}"
    )


def below_table(html: str) -> str:
    """A line below the table, as small as what stands in it."""
    return f'<div style="{FAINT}; font-size: var(--jp-ui-font-size1, 13px)">{html}</div>'


def others_words(others: Sequence[ProcessCounts]) -> str:
    """What is said of processes that there is no room for."""
    ended, total = sum(counts.ended for counts in others), sum(counts.total or counts.submitted for counts in others)
    return f"and {len(others)} more processes: {ended:,} of {total:,} tasks"


def _row(counts: ProcessCounts) -> str:
    status = status_of(counts)
    task_hash, label = _which(counts, live=False)
    cells = [f"{icon(status)} {status}", escape(progress_words(counts))]
    cells.append(f'<code>[{task_hash}]</code> <span style="{FAINT}">{escape(label)}</span>' if task_hash else "")
    return (
        f'<tr><th scope="row" style="{_CELL}">{escape(counts.name)}</th>'
        + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in cells)
        + "</tr>"
    )


def icon(status: Status) -> str:
    """The mark of a status, in its colour; a screen reader reads the word beside it."""
    return f'<span aria-hidden="true" style="color: {COLOURS[status]}">{marks.icon(status)}</span>'


def _with_code(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))
