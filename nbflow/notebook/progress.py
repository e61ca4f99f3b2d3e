"""The one live display of a cell: shown when there is something to wait for, updated, and settled at the end.

Alone here: when something is displayed, and by which way. Must not know how counts come about, nor how they look.

A display is published in the outermost cell's own output, also while ``%%capture`` has taken the cell's output: the
publisher is the one of the moment in which the display was made.
"""

from __future__ import annotations

import contextvars
import threading
import time
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from nbflow.notebook.environment import Audience
from nbflow.notebook.render import Bundle, Verdict, render_progress, render_summary, render_verdict

if TYPE_CHECKING:
    from nbflow.execution.progress import Progress

#: Seconds before anything is shown: what is over sooner shows its result only, and nothing flickers.
DELAY = 0.2
#: Seconds between two updates, where nobody says otherwise.
INTERVAL = 0.25
#: Seconds after which the elapsed time is shown anew although no task has moved.
TICK = 1.0


class Publisher(Protocol):
    """What of IPython's display publisher is used."""

    def publish(
        self,
        data: dict[str, str],
        metadata: None = None,
        *,
        transient: dict[str, str] | None = None,
        update: bool = False,
    ) -> None:
        """Publish, or update, a display."""


class ProgressDisplay:
    """Shows one cell's progress: ``start`` at its first task, ``finish`` when all have ended.

    Parameters
    ----------
    progress : nbflow.execution.progress.Progress
        The counters.
    publisher : Publisher
        The shell's ``display_pub`` at the beginning of the cell.
    audience : nbflow.notebook.environment.Audience
        Who looks: only a front end gets updates, the others the settled state alone.
    interval : float
        Seconds between two updates.
    """

    def __init__(
        self, progress: Progress, publisher: Publisher, audience: Audience, interval: float = INTERVAL
    ) -> None:
        self._progress = progress
        self._publisher = publisher
        self._audience = audience
        self._interval = interval
        self._id = f"nbflow-{uuid.uuid4().hex}"
        self._shown: Bundle | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._begun = time.monotonic()

    def start(self) -> None:
        """Begin to show, in a moment; a second time changes nothing."""
        if self._thread is not None or self._ended.is_set():
            return
        self._begun = time.monotonic()
        if self._audience is Audience.FRONT_END:
            # Which cell a display belongs to is a context variable of the thread that runs the cell.
            run = contextvars.copy_context().run
            self._thread = threading.Thread(target=run, args=(self._watch,), name="nbflow-progress", daemon=True)
            self._thread.start()

    def finish(self, verdict: Verdict | None = None, reasons: Sequence[str] = ()) -> None:
        """Show the settled state, in the place of what was shown so far; a second time changes nothing.

        Parameters
        ----------
        verdict : Verdict or None
            Shown in place of the summary: for a cell that is one task.
            Without it and without a task nothing is shown.
        reasons : sequence of str
            Lines below the summary: why tasks ran.
        """
        if self._ended.is_set():
            return
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        processes = self._progress.snapshot()
        if verdict is not None:
            self._show(render_verdict(verdict))
        elif self._shown is not None or any(counts.submitted for counts in processes):
            self._show(render_summary(processes, time.monotonic() - self._begun, reasons))

    def lost(self) -> None:
        """The cell's output was cleared: what is shown next is a new display."""
        self._shown = None

    def _watch(self) -> None:
        pause, shown_version, shown_at = DELAY, -1, 0.0
        while not self._ended.wait(pause):
            pause = self._interval
            version, now = self._progress.version, time.monotonic()
            if version != shown_version or now - shown_at >= TICK:
                shown_version, shown_at = version, now
                self._show(render_progress(self._progress.snapshot(), now - self._begun))

    def _show(self, bundle: Bundle) -> None:
        if self._audience is Audience.TERMINAL:
            print(bundle["text/plain"])
        elif bundle != self._shown:
            update = self._shown is not None
            self._shown = bundle
            self._publisher.publish(dict(bundle), transient={"display_id": self._id}, update=update)
