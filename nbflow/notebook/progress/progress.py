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
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from nbflow.execution.local.meter import Meter, Use, summed
from nbflow.execution.remaining import remaining
from nbflow.notebook.environment import Audience
from nbflow.notebook.progress.cancel import CancelButton, Publisher
from nbflow.notebook.progress.live import Moment, render_progress
from nbflow.notebook.progress.render import Bundle, Verdict, render_summary, render_verdict

if TYPE_CHECKING:
    from nbflow.execution.executor import Executor
    from nbflow.execution.progress import ProcessCounts, Progress

#: Seconds before anything is shown: what is over sooner shows its result only, and nothing flickers.
DELAY = 0.2
#: Seconds between two updates, where nobody says otherwise.
INTERVAL = 0.25
#: Seconds after which the elapsed time is shown anew although no task has moved.
TICK = 1.0
#: Bytes of HTML a second that are sent at the most: what is large is shown less often.
BYTES = 32_000
#: Seconds before there is a button: a cell that is over sooner needs none.
PRESSABLE = 1.0
#: How much of the number of tasks that run side by side is remembered at an update: it falls whenever one ends.
_KEPT = 0.9


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
    executor : callable
        Gives the executor, once there is one; without it nothing is said of CPU and memory.
    cancel : CancelButton or None
        The button that ends the cell's tasks, where somebody can press it.
    interval : float
        Seconds between two updates.
    """

    def __init__(
        self,
        progress: Progress,
        publisher: Publisher,
        audience: Audience,
        executor: Callable[[], Executor | None] = lambda: None,
        cancel: CancelButton | None = None,
        *,
        interval: float = INTERVAL,
    ) -> None:
        self._progress = progress
        self._publisher = publisher
        self._audience = audience
        self._interval = interval
        self._executor = executor
        self._cancel = cancel
        self._id = f"nbflow-{uuid.uuid4().hex}"
        self._shown: Bundle | None = None
        self._ended = threading.Event()
        self._settled = False
        self._thread: threading.Thread | None = None
        self._begun = time.monotonic()
        self._meter = Meter()
        self._lanes = 0.0

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
        try:
            self._settle(verdict, reasons)
        except KeyboardInterrupt:
            self._settle(verdict, reasons)  # one that came late must not leave a display that moves no more
            raise

    def lost(self) -> None:
        """The cell's output was cleared: what is shown next is a new display."""
        self._shown = None

    def _settle(self, verdict: Verdict | None, reasons: Sequence[str]) -> None:
        if self._settled:
            return
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        if self._cancel is not None:
            self._cancel.end()
        processes = self._progress.snapshot()
        if verdict is not None:
            self._show(render_verdict(verdict))
        elif self._shown is not None or any(counts.submitted for counts in processes):
            self._show(render_summary(processes, time.monotonic() - self._begun, reasons))
        self._settled = True

    def _watch(self) -> None:
        pause, shown_version, shown_at = DELAY, -1, 0.0
        uses: dict[str, Use] = {}
        while not self._ended.wait(pause):
            version, now = self._progress.version, time.monotonic()
            ticks = now - shown_at >= TICK
            if version != shown_version or ticks:
                shown_version, shown_at = version, now if ticks else shown_at
                processes = self._progress.snapshot()
                # Between two tasks there may be nothing to read: then soon again.
                uses = self._uses(processes) if ticks or not uses else uses
                self._show(render_progress(self._moment(processes, uses)))
            if self._cancel is not None and now - self._begun >= PRESSABLE:
                self._cancel.look()
            pause = max(self._interval, len(self._shown["text/html"]) / BYTES if self._shown else 0)

    def _uses(self, processes: Sequence[ProcessCounts]) -> dict[str, Use]:
        """What the tasks of each process use now."""
        executor = self._executor()
        if executor is None or not any(counts.running for counts in processes):
            return {}
        read = self._meter.read(executor.running())
        of_each = {counts.name: [read[task.hash] for task in counts.tasks if task.hash in read] for counts in processes}
        return {name: summed(uses) for name, uses in of_each.items() if uses}

    def _moment(self, processes: Sequence[ProcessCounts], uses: Mapping[str, Use]) -> Moment:
        now, running = time.time(), {counts.name: counts.running for counts in processes if counts.running}
        self._lanes = max(sum(running.values()), self._lanes * _KEPT)
        executor = self._executor()
        lanes = self._lanes if executor is None else min(self._lanes, executor.slots)
        left = remaining(processes, now, lanes)
        own = {name: use for name, use in uses.items() if name in running}
        return Moment(processes, time.monotonic() - self._begun, now, left, own)

    def _show(self, bundle: Bundle) -> None:
        if self._audience is Audience.TERMINAL:
            print(bundle["text/plain"])
        elif bundle != self._shown:
            update = self._shown is not None
            self._shown = bundle
            self._publisher.publish(dict(bundle), transient={"display_id": self._id}, update=update)
