"""Relaunching from a notebook: by the front end where nbflow's labextension is, else beside the kernel.

Alone knows both ways. The labextension, which can run cells, is asked over a comm; where there is none, a widget runs
``nbflow run --relaunch`` as a child process and shows how it goes.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import TYPE_CHECKING, Any

from nbflow.errors import NbflowError
from nbflow.headless.relaunch import Relaunch, State, failed_run
from nbflow.notebook.desk import NotebookDesk
from nbflow.notebook.relaunch.offer import MIME, Offer

if TYPE_CHECKING:
    import ipywidgets

TARGET = "nbflow.relaunch"
_EVERY = 0.5
_PATIENCE = 6.0
"""Seconds that a front end has to say that it can run cells."""
_VIEW = "application/vnd.jupyter.widget-view+json"


def relaunch(desk: NotebookDesk, wanted: str | None = None) -> None:
    """Run the notebook again from the cell whose task failed.

    Parameters
    ----------
    desk : NotebookDesk
        The notebook's.
    wanted : str or None
        A session or one of its runs; None for the run that goes on, or the notebook's latest.

    Raises
    ------
    NbflowError
        Nothing failed; or nobody is there who could run cells, and the notebook is unknown.
    """
    offer = _offer(desk, wanted)
    if not desk.offers.reach_a_front_end:
        raise NbflowError(
            f"no front end is here that could run cells; in a terminal, type: {offer.command}"
            if offer.command
            else "no front end is here that could run cells, and which notebook this is, is not known"
        )
    _ask_front_end(offer)
    _show(desk, offer)


def _offer(desk: NotebookDesk, wanted: str | None) -> Offer:
    """What failed: in this kernel, else in the run that it would continue."""
    session, run = desk.session, desk.session.run
    if run is not None and wanted is not None and session.history.find(wanted).session == run.session:
        wanted = None
    if wanted is None and run is not None:
        if desk.offers.failed_cell is None:
            raise NbflowError(f"no task of this kernel's run {run.run_name} has failed: there is nothing to relaunch")
        return desk.offers.of(run, desk.offers.failed_cell)
    if not session.notebook:
        raise NbflowError("which notebook this is, is not known here; resume a session with %resume, and run the cells")
    return replace(desk.offers.of(failed_run(session.layout, session.notebook, wanted), ""), kernel="")


def _ask_front_end(offer: Offer) -> None:
    """A front end that does not know the target closes the comm; nothing depends on its answer."""
    from comm import create_comm

    create_comm(target_name=TARGET, data=offer.facts())


def _show(desk: NotebookDesk, offer: Offer) -> None:
    """For nbflow's labextension a line, since it has been asked already; for others the widget, while it is of use."""
    shown = f"nbflow-{uuid.uuid4().hex}"

    def settle(state: State) -> None:
        if state.status == 0:  # a saved widget would be a broken output
            desk.offers.publish(_line(_done(state)), shown, update=True)

    view = relaunch_widget(desk, offer, settle)._repr_mimebundle_() if offer.command else {}
    desk.offers.publish({**view, **_line(f"nbflow: relaunches run {offer.run}")}, shown)


def _line(text: str) -> dict[str, Any]:
    return {MIME: {"version": 1, "text": text}, "text/html": f"<div>{escape(text)}</div>", "text/plain": text}


def _done(state: State) -> str:
    return f"{state}. Run the cells: they take what it computed from the cache"


# From a widget --------------------------------------------------------------------------------------------------------


def relaunch_session(desk: NotebookDesk, wanted: str, tell: Callable[[str], None]) -> str:
    """Relaunch a session's failed run, for a widget that has no output of its own: the picker, the browser.

    The front end is asked whether it can run cells; where nothing answers, `nbflow run --relaunch` runs beside the kernel.

    Parameters
    ----------
    desk : NotebookDesk
        The notebook's.
    wanted : str
        The session, or one of its runs.
    tell : callable
        Told, in any thread, how it goes on beside the kernel, and how it ended.

    Returns
    -------
    str
        What there is to say now.

    Raises
    ------
    NbflowError
        Nothing failed there, or tasks are under way here.
    """
    offer = _offer(desk, wanted)
    if desk.session.run is not None and not desk.session.runner().idle:
        raise NbflowError("tasks are under way in this kernel: relaunch when the running cell has ended")
    _Question(offer, lambda: _beside(desk, offer, tell))
    return f"relaunches run {offer.run}"


class _Question:
    """Asks the front end whether it runs cells; goes on alone if it does not answer, and then hears nothing more."""

    def __init__(self, offer: Offer, alone: Callable[[], None]) -> None:
        from comm import create_comm

        self._alone = alone
        self._open = threading.Lock()
        self._comm = create_comm(target_name=TARGET, data={**offer.facts(), "ask": True})
        self._comm.on_msg(self._here)
        self._timer = threading.Timer(_PATIENCE, self._nobody)
        self._timer.daemon = True
        self._timer.start()

    def _here(self, _: object) -> None:
        if self._open.acquire(blocking=False):
            self._timer.cancel()
            self._comm.send({"go": True})

    def _nobody(self) -> None:
        if self._open.acquire(blocking=False):
            self._alone()


def _beside(desk: NotebookDesk, offer: Offer, tell: Callable[[str], None]) -> None:
    """Run it as a child process; what is wrong is told, since nobody hears a thread's error."""
    try:
        state = _follow(_start(desk, offer), lambda state: tell(str(state)))
    except NbflowError as error:
        tell(str(error))
        return
    tell(_done(state) if state.status == 0 else str(state))


def _start(desk: NotebookDesk, offer: Offer) -> Relaunch:
    session = desk.session
    if not offer.command:
        raise NbflowError("no front end is here that could run cells, and which notebook this is, is not known")
    session.hand_over()
    return Relaunch.start(session.layout, session.notebook, offer.session, session.environ)


def _follow(child: Relaunch, tell: Callable[[State], None]) -> State:
    pause = threading.Event()
    while (state := child.poll()).status is None:
        tell(state)
        pause.wait(_EVERY)
    return state


# Beside the kernel ----------------------------------------------------------------------------------------------------


def relaunch_widget(
    desk: NotebookDesk, offer: Offer, ended: Callable[[State], None] = lambda _: None
) -> ipywidgets.Widget:
    """A button that runs ``nbflow run --relaunch`` beside this kernel, with its progress and a way to end it.

    Parameters
    ----------
    desk : NotebookDesk
        The notebook's: its run ends, for only one may have the session.
    offer : Offer
        What is relaunched.
    ended : callable
        Told how it ended.

    Returns
    -------
    ipywidgets.Widget
        For whoever shows it: the output of a cell, the session picker, the cache browser.
    """
    return _Panel(desk, offer, ended).widget


class _Panel:
    def __init__(self, desk: NotebookDesk, offer: Offer, ended: Callable[[State], None]) -> None:
        import ipywidgets

        self._desk, self._offer, self._ended = desk, offer, ended
        self._child: Relaunch | None = None
        self._start = ipywidgets.Button(description="Relaunch beside this notebook", button_style="primary")
        self._start.layout.width = "auto"
        self._stop = ipywidgets.Button(description="Cancel", disabled=True)
        self._text = ipywidgets.HTML(
            f"What completed is kept. Runs the notebook as it was saved last: <code>{escape(offer.command)}</code>"
        )
        self._start.on_click(lambda _: self._begin())
        self._stop.on_click(lambda _: self._child and self._child.cancel())
        self.widget = ipywidgets.VBox([ipywidgets.HBox([self._start, self._stop]), self._text])

    def _begin(self) -> None:
        self._start.disabled = True
        try:
            self._child = _start(self._desk, self._offer)
        except NbflowError as error:  # a callback's error is seen by nobody but in the widget
            self._say(str(error))
            self._start.disabled = False
            return
        self._stop.disabled = False
        threading.Thread(target=self._watch, args=(self._child,), name="nbflow-relaunch-widget", daemon=True).start()

    def _watch(self, child: Relaunch) -> None:
        state = _follow(child, lambda state: self._say(str(state) or "starts a kernel ..."))
        self._stop.disabled = True
        self._start.disabled = state.status == 0
        if state.status == 0:
            self._say(_done(state))
        else:
            self._say(str(state), child.output())
        self._ended(state)

    def _say(self, text: str, output: str = "") -> None:
        printed = f'<pre style="max-height: 24em; overflow: auto">{escape(output)}</pre>' if output else ""
        below = f"<details open><summary>what it printed</summary>{printed}</details>" if output else ""
        self._text.value = f'<div role="status">{escape(text)}</div>{below}'
