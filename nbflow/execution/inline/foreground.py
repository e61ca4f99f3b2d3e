"""Work for the thread that runs the notebook's cells: bodies that run in the kernel itself wait here until it waits.

Knows neither bodies nor cells.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable


class Foreground:
    """Steps that one thread runs, whenever it waits.

    Parameters
    ----------
    changed : callable
        Wakes the thread where it waits; called from any thread.
    owner : threading.Thread or None
        The thread; by default the main one, which runs cells and gets interrupts.
    """

    def __init__(self, changed: Callable[[], None], owner: threading.Thread | None = None) -> None:
        self._changed = changed
        self._owner = owner or threading.main_thread()
        self._steps: deque[Callable[[], None]] = deque()

    def put(self, step: Callable[[], None]) -> None:
        """Leave a step for the thread."""
        self._steps.append(step)
        self._changed()

    @property
    def calls(self) -> bool:
        """Whether there are steps, and it is this thread that runs them."""
        return bool(self._steps) and threading.current_thread() is self._owner

    def run(self) -> None:
        """Run the steps that are there, if this is the thread for them; what a step raises ends this call."""
        while self.calls:
            self._steps.popleft()()
