"""The offer to relaunch, below a cell whose task failed: what it says, and what the labextension reads of it.

Pure: facts in, a MIME bundle out. The labextension draws a button in its place; elsewhere, and in a saved or exported
notebook, it is a line that names the commands.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

#: What the labextension (``jupyter-config/labextensions/nbflow``) draws.
MIME = "application/vnd.nbflow.relaunch+json"

_FAINT = "color: var(--jp-ui-font-color2, #757575)"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a relaunch needs to know.

    Attributes
    ----------
    notebook : str
        The notebook, relative to the launch directory; empty where it is unknown.
    session, run : str
        The session that is resumed, and the name of the run that failed.
    kernel : str
        Identity of the kernel's process that failed: in another one the cells above must run too; empty where it is gone.
    cell : str
        The front end's id of the failed cell; empty where it is not known.
    """

    notebook: str
    session: str
    run: str
    kernel: str
    cell: str = ""

    @property
    def command(self) -> str:
        """What does the same in a terminal; empty where the notebook is unknown."""
        return f"nbflow run --relaunch {self.notebook}" if self.notebook else ""

    def facts(self) -> dict[str, Any]:
        """What the labextension reads."""
        return {"version": 1, "session": self.session, "run": self.run, "kernel": self.kernel, "cell": self.cell}


def render_offer(offer: Offer) -> dict[str, Any]:
    """Render the offer below a failed cell."""
    ways = ["run this cell and those below", *([offer.command] if offer.command else [])]
    text = f"nbflow: what completed is kept; to relaunch from here, {' or '.join(ways)}"
    command = f" or <code>{escape(offer.command)}</code>" if offer.command else ""
    html = (
        f'<div role="note" style="{_FAINT}">What completed is kept. To relaunch from here, run this cell and those '
        f"below: <code>%nbflow relaunch</code>{command}</div>"
    )
    return {MIME: offer.facts(), "text/plain": text, "text/html": html}
