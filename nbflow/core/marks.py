"""The mark of each status: what a cell, a report and a diagram show beside its word, never instead of it.

Alone here: which mark it is. How it is coloured and laid out is for whoever shows it.
"""

from __future__ import annotations

_ICONS = {
    "waiting": "…",
    "submitted": "…",
    "running": "▶",
    "completed": "✔",
    "cached": "↺",
    "failed": "✖",
    "aborted": "■",
    "unused": "-",
}


def icon(status: str) -> str:
    """The mark of a status, in whichever case it is written; a dot for one that is not known."""
    return _ICONS.get(status.lower(), "·")
