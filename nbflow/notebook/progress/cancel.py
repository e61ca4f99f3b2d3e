"""The button that ends the tasks of the running cell, as an interrupt of the kernel does.

Alone here: which button there is, and what pressing it does. nbflow's labextension draws its own, which needs nothing of the
kernel; elsewhere there is a widget, if it can work, for a button that does nothing is worse than none; else there are words.
All of it is shown only while the cell runs, for a saved widget is a broken output.
"""

from __future__ import annotations

import os
import signal
import threading
import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from nbflow.notebook.progress.live import HINT
from nbflow.notebook.subshells import has_subshell, let_through, works_beside_cells

if TYPE_CHECKING:
    import ipywidgets

#: Seconds for which a front end may take to make a subshell; one that makes none sends what is pressed when the cell is over.
PATIENCE = 5.0

#: What the labextension (``jupyter-config/labextensions/nbflow``) draws.
MIME = "application/vnd.nbflow.cancel+json"

#: What has no MIME type at all makes nbconvert warn.
_NOTHING = {"text/plain": "", "text/html": ""}
_VIEW = "application/vnd.jupyter.widget-view+json"


class Publisher(Protocol):
    """What of IPython's display publisher is used."""

    def publish(
        self,
        data: dict[str, Any],
        metadata: None = None,
        *,
        transient: dict[str, str] | None = None,
        update: bool = False,
    ) -> None:
        """Publish, or update, a display."""


def interrupt_kernel() -> None:
    """Interrupt this kernel as its front end would: with all that the cell started in its process group."""
    kernel = os.getpid()
    if os.getpgid(kernel) == kernel:
        os.killpg(kernel, signal.SIGINT)
    else:
        os.kill(kernel, signal.SIGINT)


class CancelButton:
    """One cell's button: ``look`` now and then while it runs, ``end`` when it is over.

    Parameters
    ----------
    kernel : object
        The shell's kernel.
    publisher : Publisher
        The shell's ``display_pub`` at the beginning of the cell.
    interrupt : callable
        Interrupts the cell.
    """

    def __init__(self, kernel: object, publisher: Publisher, interrupt: Callable[[], None] = interrupt_kernel) -> None:
        self._kernel = kernel
        self._publisher = publisher
        self._interrupt = interrupt
        self._id = f"nbflow-{uuid.uuid4().hex}"
        self._button: ipywidgets.Button | None = None
        self._made = 0.0
        self._shown = False
        self._over = False
        self._pressing = threading.Lock()
        self._bundle = {**_for_labextension(kernel), "text/plain": HINT, "text/html": HINT}

    def look(self) -> None:
        """Make the widget, and show it as soon as it is known to work, or what there is without it."""
        if self._shown:
            return
        if not works_beside_cells(self._kernel):
            self._show({})
        elif self._button is None:
            self._button, self._made = _make(self._press), time.monotonic()
        elif has_subshell(self._kernel):
            self._show({_VIEW: _view(self._button)})
        elif time.monotonic() - self._made > PATIENCE:
            self._show({})
            self._close()

    def end(self) -> None:
        """The cell is over: what is pressed now does nothing, and nothing of the button stays. Twice does no harm."""
        with self._pressing:
            self._over = True
        if self._shown:
            self._shown = False
            self._publish(_NOTHING, update=True)
        self._close()

    def _press(self, button: ipywidgets.Button) -> None:
        try:
            with self._pressing:
                if self._over:
                    return  # the next cell has begun, which nobody wants to end
                button.disabled, button.description = True, "Cancelling …"
                self._interrupt()
        except Exception as error:  # noqa: BLE001  # nobody sees what a widget's callback raises
            button.disabled = False
            button.description = f"Not cancelled: {type(error).__name__}: {error}. {HINT}"

    def _show(self, widget: dict[str, Any]) -> None:
        self._shown = True
        self._publish({**self._bundle, **widget})

    def _publish(self, data: dict[str, Any], *, update: bool = False) -> None:
        self._publisher.publish(data, transient={"display_id": self._id}, update=update)

    def _close(self) -> None:
        button, self._button = self._button, None
        if button is not None:
            for part in (button, button.layout, button.style):
                part.close()


def _for_labextension(kernel: Any) -> dict[str, Any]:
    """The request that runs the cell: its button is there as long as the kernel is heard to work on that."""
    try:
        return {MIME: {"version": 1, "request": kernel.get_parent("shell")["header"]["msg_id"]}}
    except (AttributeError, KeyError):
        return {}  # no ipykernel, or no request


def _make(press: Callable[[ipywidgets.Button], None]) -> ipywidgets.Button:
    import ipywidgets

    button = ipywidgets.Button(
        description="Cancel",
        icon="stop",
        tooltip="End the tasks of this cell, as an interrupt of the kernel does",
        layout=ipywidgets.Layout(width="max-content"),
    )
    button.on_click(press)
    let_through(button)
    return button


def _view(button: ipywidgets.Button) -> dict[str, Any]:
    return {"version_major": 2, "version_minor": 0, "model_id": button.model_id}
