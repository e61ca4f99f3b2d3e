"""Shows the cache browser and the session picker: a widget where somebody can use one, else the table alone.

Alone decides which. What stays in a saved notebook is the table above the widget; a widget itself would be a broken output.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from nbflow.browsing.model import Model
from nbflow.errors import NbflowError
from nbflow.notebook.environment import Audience
from nbflow.notebook.relaunch.relaunch import relaunch_session
from nbflow.notebook.screens.acts import Acts
from nbflow.notebook.screens.static import sessions_bundle

if TYPE_CHECKING:
    from nbflow.notebook.desk import NotebookDesk
    from nbflow.notebook.progress.render import Bundle

_models: WeakKeyDictionary[NotebookDesk, Model] = WeakKeyDictionary()
"""What was read for a screen serves the next one too."""

_HINTS = {
    "browser": "The tasks of a run: %nbflow log RUN -f name,hash,status,realtime; why one ran: %nbflow why TASK",
    "picker": "Continue one with: %resume SESSION (* is the current one); begin a new one with: %resume new",
}


def show(screen: str, shell: Any, desk: NotebookDesk, options: dict[str, Any]) -> None:
    """Show a screen.

    Parameters
    ----------
    screen : str
        ``browser`` or ``picker``.
    shell : IPython.core.interactiveshell.InteractiveShell
        The shell.
    desk : NotebookDesk
        The notebook's desk.
    options : dict
        What the screen begins with.
    """
    model = _models.setdefault(desk, Model(desk.session.reader))
    usable = desk.shows_widgets
    answer = model.answer({"ask": "sessions"})
    bundle = sessions_bundle(answer, hint=_HINTS[screen], latest_only=screen == "picker", folded=usable)
    _publish(shell, desk, bundle)
    if usable:
        teller = Teller()
        acts = Acts(desk, model, lambda session: relaunch_session(desk, session, teller.tell))
        _show_widget(screen, shell, model, acts, options, teller)
        if screen == "browser":
            _read_ahead(model, answer["sessions"], options.get("run"))


def _read_ahead(model: Model, sessions: list[dict[str, Any]], wanted: str | None) -> None:
    """Read the tasks that the browser will ask for first, while the front end is still drawing it."""
    runs = [run["run"] for session in sessions for run in session["runs"]]
    if runs:
        question = {"ask": "tasks", "run": wanted if wanted in runs else runs[0]}
        # What goes wrong there is told when the browser asks itself.
        threading.Thread(target=_read, args=(model, question), name="nbflow-read-ahead", daemon=True).start()


def _read(model: Model, question: dict[str, Any]) -> None:
    with suppress(NbflowError, OSError):
        model.answer(question)


class Teller:
    """Tells a screen, once it is there, what goes on beside the kernel.

    Attributes
    ----------
    tell_screen : callable or None
        Shows a text in the screen; called from any thread.
    """

    def __init__(self) -> None:
        self.tell_screen: Callable[[str], None] | None = None

    def tell(self, text: str) -> None:
        """Tell it."""
        if self.tell_screen is not None:
            self.tell_screen(text)


def _publish(shell: Any, desk: NotebookDesk, bundle: Bundle) -> None:
    if desk.audience() is Audience.TERMINAL:
        print(bundle["text/plain"])
    else:
        shell.display_pub.publish(dict(bundle))


def _show_widget(screen: str, shell: Any, model: Model, acts: Acts, options: dict[str, Any], teller: Teller) -> None:
    from IPython.display import display

    from nbflow.notebook.screens.panel import has_anywidget, make_panel

    if has_anywidget():
        handlers = {"ask": model.answer, "act": acts.do}
        launch_dir = str(model.launch_dir)
        panel = make_panel(screen, handlers, options=options, acts=acts.names, launch_dir=launch_dir)
        teller.tell_screen = lambda text: panel.send({"told": text})
        display(panel)  # type: ignore[no-untyped-call]
        return
    from nbflow.notebook.screens.plain import PlainBrowser, PlainPicker

    plain = PlainBrowser(model, acts) if screen == "browser" else PlainPicker(model, acts)
    teller.tell_screen = plain.told
    display(plain.widget)  # type: ignore[no-untyped-call]
