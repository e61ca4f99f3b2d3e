"""How a cell looks while its tasks run: a row a process, a bar, what runs now, what it uses.

Pure: facts in, a MIME bundle out. Shown for moments only, so it may have a style sheet, which keeps it small; what is left
of it in a notebook that was saved meanwhile reads well without.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from nbflow.core.units import format_memory
from nbflow.execution.local.meter import Use, summed
from nbflow.execution.progress import ProcessCounts, RunningTask
from nbflow.execution.remaining import Estimate
from nbflow.notebook.progress.render import (
    COLOURS,
    FAINT,
    Bundle,
    Status,
    below_table,
    duration,
    icon,
    line_of,
    most_telling,
    others_words,
    progress_words,
    status_of,
)

#: How tasks can be ended without a button.
HINT = "To end the tasks, interrupt the kernel."
#: Running tasks that are named.
NAMED = 4
_LABEL = 60

# A pattern beside each colour. What a page that was loaded anew, or a notebook that was saved meanwhile, has of the cancel
# button is no widget, but a text of ipywidgets': "Loading widget..." as long as the cell runs, which is when words help; an
# error once there is no such widget any more.
_BUTTON = (
    ".jp-OutputArea-child:has(.nbflow-live) ~ .jp-OutputArea-child"
    " > .jp-OutputArea-output:not([data-mime-type]):not(:has(*))"
)
_STYLE = f"""<style>
.nbflow-live.nbflow-live th, .nbflow-live.nbflow-live td {{text-align: left; padding: 1px 12px 1px 0; white-space: normal;
  font-variant-numeric: tabular-nums}}
.nbflow-live.nbflow-live th {{font-weight: bold; max-width: 16em; overflow-wrap: break-word}}
.nbflow-live td > span {{white-space: nowrap; margin-right: 8px}}
.nbflow-bar {{display: flex; width: clamp(40px, 10vw, 120px); height: 10px; border: 1px solid {COLOURS["waiting"]}}}
.nbflow-bar.nbflow-open {{border-right-style: dashed}}
.nbflow-bar > * {{height: 100%}}
.nbflow-completed {{background: {COLOURS["completed"]}}}
.nbflow-cached {{background: repeating-linear-gradient(135deg, {COLOURS["cached"]} 0 2px, transparent 2px 4px)}}
.nbflow-failed {{background: repeating-linear-gradient(90deg, {COLOURS["failed"]} 0 4px, transparent 4px 5px)}}
.nbflow-running {{background: repeating-linear-gradient(0deg, {COLOURS["running"]} 0 1px, transparent 1px 3px)}}
{_BUTTON}.jupyter-widgets {{display: none}}
{_BUTTON} {{font-size: 0}}
{_BUTTON}::after {{content: "{HINT}"; font-size: var(--jp-ui-font-size1, 13px)}}
</style>"""


@dataclass(frozen=True, slots=True)
class Moment:
    """What there is to say of a cell that runs.

    Attributes
    ----------
    processes : sequence of ProcessCounts
        The counts.
    elapsed : float
        Seconds since the first task.
    now : float
        Seconds since the epoch.
    remaining : Estimate or None
        How long it will still take; None where that cannot be told.
    uses : mapping of str to Use
        What the tasks of each process use that run.
    """

    processes: Sequence[ProcessCounts]
    elapsed: float
    now: float = 0.0
    remaining: Estimate | None = None
    uses: Mapping[str, Use] = field(default_factory=dict)


def render_progress(moment: Moment) -> Bundle:
    """Render how far the tasks of a cell are."""
    head = _head(moment)
    return {
        "text/plain": "\n".join([head, *(line_of(counts, live=True) for counts in moment.processes)]),
        "text/html": _STYLE + _table(moment, head) + _below(moment),
    }


def _head(moment: Moment) -> str:
    counts = moment.processes
    submitted = sum(each.submitted for each in counts)
    total = sum(each.total or 0 for each in counts) if all(each.total is not None for each in counts) else None
    ended = sum(each.ended for each in counts)
    so_far = "" if total is not None else " so far"
    words = [
        "nbflow",
        f"{ended:,} of {submitted if total is None else total:,} tasks{so_far}",
        duration(moment.elapsed),
    ]
    return " · ".join([*words, *_left(moment.remaining), *_use_words(list(moment.uses.values()))])


def _left(estimate: Estimate | None) -> list[str]:
    if estimate is None:
        return []
    rounded = coarse(estimate.seconds, down=estimate.is_least)
    return [f"{'at least' if estimate.is_least else 'about'} {duration(rounded)} left"] if rounded else []


def coarse(seconds: float, *, down: bool = False) -> float:
    """Round an estimate to what it can claim to know: seconds by five, minutes to the hour, then by ten minutes."""
    step = next((step for step, below in ((1, 10), (5, 60), (10, 300), (60, 3600)) if seconds <= below), 600)
    return (seconds // step if down else -(-seconds // step)) * step


def _use_words(uses: Sequence[Use]) -> list[str]:
    if not uses:
        return []
    use = summed(uses)
    return [f"CPU {use.cpu * 100:.0f}%, {format_memory(use.memory)}"]


def _table(moment: Moment, head: str) -> str:
    shown, others = most_telling(moment.processes)
    # Of one process alone the head says what it uses.
    uses = moment.uses if len(moment.processes) > 1 else {}
    rows = "".join(_row(counts, uses) for counts in shown)
    more = below_table(escape(others_words(others))) if others else ""
    # The table is another one at each update: it would be read aloud each time if it were not told to keep silent.
    return (
        f'<table class="nbflow-live" style="margin: 0; border-collapse: collapse">'
        f'<caption style="text-align: left; {FAINT}"><span role="status" aria-live="off">{escape(head)}</span></caption>'
        f"<tbody>{rows}</tbody></table>{more}"
    )


def _row(counts: ProcessCounts, uses: Mapping[str, Use]) -> str:
    used = _use_words([uses[counts.name]]) if counts.name in uses else []
    numbers = _numbers(counts) + "".join(f' <span style="{FAINT}">{escape(words)}</span>' for words in used)
    cells = f"<td>{_bar(counts)}</td><td><span>{escape(_how_far(counts))}</span></td><td>{numbers}</td>"
    return f'<tr><th scope="row">{escape(counts.name)}</th>{cells}</tr>'


def _how_far(counts: ProcessCounts) -> str:
    return progress_words(counts).partition(", ")[0]


def _numbers(counts: ProcessCounts) -> str:
    """How many tasks are where, each with its mark."""
    numbers: tuple[tuple[Status, str, int], ...] = (
        ("completed", "done", counts.completed),
        ("cached", "cached", counts.cached),
        ("running", "running", counts.running),
        ("failed", "failed", counts.failed),
        ("failed", "retried", counts.retried),
        ("failed", "ignored", counts.ignored),
        ("aborted", "aborted", counts.aborted),
        ("waiting", "waiting", counts.waiting),
    )
    said = [f"<span>{icon(status)} {number:,} {word}</span>" for status, word, number in numbers if number]
    return " ".join(said) or f"<span>{icon(status_of(counts))} {status_of(counts)}</span>"


def _bar(counts: ProcessCounts) -> str:
    whole = counts.total if counts.total is not None else counts.submitted
    known = counts.total is not None
    now = f' aria-valuemin="0" aria-valuemax="{whole or 1}" aria-valuenow="{counts.ended}"' if known else ""
    parts = (
        ("cached", counts.cached),
        ("completed", counts.completed),
        ("failed", counts.failed + counts.ignored + counts.aborted),
        ("running", counts.running),
    )
    segments = "".join(
        f'<span class="nbflow-{name}" style="width: {100 * number / whole:.4g}%"></span>'
        for name, number in parts
        if number and whole
    )
    return (
        f'<div class="nbflow-bar{"" if known else " nbflow-open"}" role="progressbar" aria-label="{escape(counts.name)}"'
        f'{now} aria-valuetext="{escape(progress_words(counts))}">{segments}</div>'
    )


def _below(moment: Moment) -> str:
    tasks = sorted((task for counts in moment.processes for task in counts.tasks), key=lambda task: task.since)
    named = [f"{escape(_short(task.label))} {duration(_age(task, moment.now))}" for task in tasks[:NAMED]]
    more = [f"and {len(tasks) - NAMED:,} more"] if len(tasks) > NAMED else []
    return below_table(f"{icon('running')} {' · '.join([*named, *more])}") if tasks else ""


def _age(task: RunningTask, now: float) -> float:
    seconds = max(0.0, now - task.since)
    return seconds if seconds < 1 else float(int(seconds))


def _short(label: str) -> str:
    return label if len(label) <= _LABEL else f"{label[: _LABEL - 1]}…"
