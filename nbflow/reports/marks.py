"""How a status and a process look: word and colour, never colour alone, but beside the icon of `nbflow.core.marks`.

Alone here: the colours. Each is a variable that the page sets for light and dark, else JupyterLab's of the same meaning,
else one that can be read on both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

TEXT = "var(--nbflow-text, var(--jp-content-font-color1, currentColor))"
FAINT = "var(--nbflow-faint, var(--jp-ui-font-color2, #757575))"
LINE = "var(--nbflow-line, var(--jp-border-color1, #9e9e9e))"
BACK = "var(--nbflow-back, var(--jp-layout-color0, transparent))"

_STATUS_COLOURS = {
    "COMPLETED": "var(--nbflow-completed, var(--jp-success-color1, #388e3c))",
    "CACHED": "var(--nbflow-cached, var(--jp-info-color1, #1976d2))",
    "RUNNING": "var(--nbflow-running, var(--jp-brand-color1, #8250df))",
    "SUBMITTED": FAINT,
    "FAILED": "var(--nbflow-failed, var(--jp-error-color1, #d32f2f))",
    "ABORTED": "var(--nbflow-aborted, var(--jp-warn-color1, #b26a00))",
}
_BARS = ("#4c8dd6", "#c9822b", "#4d9b62", "#b0649f", "#7f7bd0", "#8d8d3a", "#c46a66", "#3f9aa0")


_NO_CHARACTERS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def xml(text: str) -> str:
    """Escape a text for XML, where some characters cannot stand at all: a drawing that holds one would not open."""
    return escape(_NO_CHARACTERS.sub("\N{REPLACEMENT CHARACTER}", text))


def status_colour(status: str) -> str:
    """The colour of a status, as CSS."""
    return _STATUS_COLOURS.get(status, FAINT)


def bar_colour(number: int) -> str:
    """The colour of the bars of a run's n-th process, as CSS; they repeat, so a bar is always named in text too."""
    at = number % len(_BARS)
    return f"var(--nbflow-bar-{at}, {_BARS[at]})"


def counts_text(counts: Mapping[str, int]) -> str:
    """Counts by status in words, as in ``8 completed, 2 cached``."""
    return ", ".join(f"{count:,} {status.lower()}" for status, count in counts.items()) or "no tasks"
