"""When a cell's output offers to relaunch from it: its task failed, and somebody sees it who could.

Alone remembers which cell that was. What the offer says lies in `nbflow.notebook.relaunch.offer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbflow.notebook.environment import COMMAND_VARIABLE, Audience, audience, kernel_identity
from nbflow.notebook.relaunch.offer import Offer, render_offer
from nbflow.session import Session
from nbflow.storage.nextflow.history import RunRecord

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, InteractiveShell


class Offers:
    """The offers of a notebook.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The shell.
    session : Session
        The session that its processes run in.

    Attributes
    ----------
    failed_cell : str or None
        The front end's id of the cell whose task failed last, until it has run without a failure; empty where the front
        end tells none.
    """

    def __init__(self, shell: InteractiveShell, session: Session) -> None:
        self._shell = shell
        self._session = session
        self._info: ExecutionInfo | None = None
        self.failed_cell: str | None = None

    def begin(self, info: ExecutionInfo | None) -> None:
        """A cell begins."""
        self._info = info

    def after(self, *, failed: bool) -> None:
        """The cell has ended; `failed` where one of its tasks failed, and so did the cell."""
        cell_id = getattr(self._info, "cell_id", None) or ""
        if failed:
            self.failed_cell = cell_id
            self._show(cell_id)
        elif cell_id == self.failed_cell:
            self.failed_cell = None

    def of(self, run: RunRecord, cell_id: str) -> Offer:
        """What a relaunch of a run that failed in a cell needs to know; the cell's id is empty where it is unknown."""
        about = self._session.notebook, run.session, str(run.run_name)
        return Offer(*about, kernel_identity(self._shell), cell_id)

    @property
    def reach_a_front_end(self) -> bool:
        """Whether a front end is there that may run cells; ``nbflow run`` itself says how to go on."""
        environ = self._session.environ
        return COMMAND_VARIABLE not in environ and self._audience is Audience.FRONT_END

    def publish(self, bundle: dict[str, Any], shown: str | None = None, *, update: bool = False) -> None:
        """Display something in the running cell, under an id by which it may be replaced later."""
        transient = None if shown is None else {"display_id": shown}
        self._shell.display_pub.publish(bundle, transient=transient, update=update)

    @property
    def _audience(self) -> Audience:
        return audience(self._shell, self._session.environ, self._info)

    def _show(self, cell_id: str) -> None:
        seen = self._audience is not Audience.TERMINAL and COMMAND_VARIABLE not in self._session.environ
        if seen and self._session.run is not None:
            self.publish(render_offer(self.of(self._session.run, cell_id)))
