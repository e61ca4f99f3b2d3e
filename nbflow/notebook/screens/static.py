"""Sessions and runs as a plain table: what stays in a saved notebook, and all that is shown where no front end is.

Pure: answers of the model in, a MIME bundle out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from nbflow.notebook.progress.render import Bundle

Rows = Sequence[Sequence[str]]

_HEADS = (
    "SESSION",
    "NOTEBOOK",
    "RUN",
    "STARTED",
    "DURATION",
    "STATUS",
    "TASKS",
    "COMPLETED",
    "CACHED",
    "FAILED",
    "HELD BY",
)
_GOES = "GOES"
"""When the rest of the session is cleaned away; shown where anything ever is."""
_SHOWN = 50
_FAINT = "color: var(--jp-ui-font-color2, #757575)"
_CELL = "text-align: left; padding: 2px 14px 2px 0"


def sessions_bundle(answer: Mapping[str, Any], *, hint: str, latest_only: bool, folded: bool) -> Bundle:
    """Render the sessions.

    Parameters
    ----------
    answer : mapping
        The model's answer to ``sessions``.
    hint : str
        What to do next.
    latest_only : bool
        Whether each session shows its latest run only.
    folded : bool
        Whether the table is folded away below the line: a widget shows it too.
    """
    sessions = answer["sessions"]
    if not sessions:
        line = f"nbflow · {answer['launch_dir']}: no task ran here yet. Run a cell that begins with %%process"
        return {"text/plain": line, "text/html": f'<div role="status" style="{_FAINT}">{escape(line)}</div>'}
    pairs = [(session, run) for session in sessions for run in session["runs"][: 1 if latest_only else None]]
    goes = any(session["goes_at"] for session in sessions)
    heads = (*_HEADS, *([_GOES] if goes else []))
    rows = [_row(session, run, goes=goes) for session, run in pairs[:_SHOWN]]
    runs = sum(len(session["runs"]) for session in sessions)
    line = f"nbflow · {answer['launch_dir']} · {_many(len(sessions), 'session')}, {_many(runs, 'run')}"
    text = "\n".join([line, _columns([heads, *rows]), hint])
    return {"text/plain": line if folded else text, "text/html": _html(line, heads, rows, hint, folded=folded)}


def _row(session: Mapping[str, Any], run: Mapping[str, Any], *, goes: bool) -> tuple[str, ...]:
    held, goes_at = (session["held"], session["goes_at"]) if run is session["runs"][0] else ("", "")
    end = [goes_at or "-"] if goes else []
    mark = "*" if session["current"] else ""
    numbers = (_number(run[name]) for name in ("tasks", "completed", "cached", "failed"))
    facts = (run[name] or "-" for name in ("run", "started", "duration", "status"))
    return (session["short"] + mark, session["notebook"] or "-", *facts, *numbers, held or "-", *end)


def _number(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _many(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _columns(rows: Rows) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _html(line: str, heads: Sequence[str], rows: Rows, hint: str, *, folded: bool) -> str:
    head = "".join(f'<th scope="col" style="{_CELL}">{escape(name.capitalize())}</th>' for name in heads)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{escape(text)}</td>' for text in row) + "</tr>" for row in rows
    )
    table = f'<table style="margin: 4px 0"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    said = f'<span role="status" style="{_FAINT}">{escape(line)}</span>'
    if folded:
        return f"<details><summary>{said}</summary>{table}</details>"
    return f'<div>{said}{table}<span style="{_FAINT}">{escape(hint)}</span></div>'
