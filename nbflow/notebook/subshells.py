"""Which of a widget's messages reach the kernel while a cell runs, and what must be done for it.

Alone knows what of ipykernel is not public. A front end sends the messages of widgets through a subshell, a thread beside
the one that runs cells, where both sides have them: ipykernel 7 with JupyterLab 4.4 or Notebook 7.4, and newer ones.
"""

from __future__ import annotations

from typing import Any


def works_beside_cells(kernel: object) -> bool:
    """Whether a kernel takes a widget's messages while a cell runs: those with subshells do."""
    return bool(getattr(kernel, "_supports_kernel_subshells", False))


def has_subshell(kernel: Any) -> bool:
    """Whether the front end has made a subshell, as it does for the first widget that it hears of."""
    try:
        return bool(kernel.shell_channel_thread.manager.list_subshell())
    except AttributeError:
        return False


def let_through(widget: Any) -> None:
    """Let a widget's messages go beside the running cell.

    ipykernel 7.4 sends them to the shell that last published for the widget; what a cell made is published by the main
    shell, so its messages wait behind the cell. Other versions do what the front end asks.

    Parameters
    ----------
    widget : ipywidgets.Widget
        The widget.
    """
    comm = getattr(widget, "comm", None)
    if comm is not None and hasattr(type(comm), "_reply_subshell_for"):
        comm._reply_subshell_for = None
