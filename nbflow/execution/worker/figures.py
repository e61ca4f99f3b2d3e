"""The matplotlib backend of a task: figures are drawn by Agg, and ``show`` displays them.

Imported by matplotlib alone, in a worker; imports matplotlib, which nothing else in the package does.
"""

from __future__ import annotations

from typing import Any

from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg

from nbflow.execution.worker.display import display, show_figures


class FigureManager(FigureManagerBase):
    """Displays its figure instead of opening a window."""

    def show(self) -> None:
        """Display the figure."""
        display(self.canvas.figure)

    @classmethod
    def pyplot_show(cls, *, block: bool | None = None) -> None:
        """Display all open figures, in order, and close them, as in a notebook."""
        show_figures()


class FigureCanvas(FigureCanvasAgg):
    """Agg's canvas, with the manager above."""

    manager_class: Any = FigureManager
