"""The one thread that moves items: who is pulled next, and who waits for what.

Alone decides when items are drawn: only while somebody wants them, what lies downstream first. Knows nodes by what it asks of
them.

Notes
-----
Nodes change only in the engine's thread. Other threads hand work over by `Engine.post` and wait by `Engine.wait_until`. What
nobody reads and nothing runs is held by nobody: the engine knows by weak references who can be pulled.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, Protocol

from nbflow.errors import InputError
from nbflow.execution.inline.foreground import Foreground

WINDOW: Final = 256
"""Tasks that may wait or run at once; what bounds memory however long a channel is."""

_PULLED_AT_ONCE: Final = 32
"""Items that the engine moves before it looks at what else there is to do."""


class Puller(Protocol):
    """What has items to move."""

    def wants(self) -> bool:
        """Whether anybody wants the next one."""
        ...

    def pull(self) -> bool:
        """Move one item; False where there is none left to move."""
        ...


class Flowing(Protocol):
    """What the engine asks of a node."""

    wanted: bool

    @property
    def over(self) -> bool:
        """Whether nothing more will come from it."""
        ...

    def connect(self) -> None:
        """Begin to take items (once)."""
        ...

    def raise_failure(self) -> None:
        """Raise what ended it, if it failed."""
        ...


class Engine:
    """The one thread that moves items; it starts with the first channel that is used.

    Attributes
    ----------
    in_flight : int
        Items that are with tasks.
    foreground : Foreground
        Steps for the thread that runs the notebook's cells.
    opened : callable or None
        Told of a node that somebody must wait for; without one, whoever opens it waits.
    work_root : pathlib.Path or None
        Where operators that write files put them; None for ``work`` in the current directory.
    """

    def __init__(self, window: int = WINDOW) -> None:
        self.in_flight = 0
        self._changed = threading.Condition()
        self._awaited = 0
        self._window = window
        self._posted: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._pulling: list[weakref.ref[Any]] = []
        self._running: set[Flowing] = set()
        self._waiting: list[tuple[Flowing, Callable[[], None]]] = []
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self.foreground = Foreground(lambda: self.notify(ended=True))
        self.opened: Callable[[Any], None] | None = None
        self.work_root: Path | None = None

    @property
    def has_room(self) -> bool:
        """Whether one more task may begin."""
        return self.in_flight < self._window

    # From any thread --------------------------------------------------------------------------------------------------

    def post(self, step: Callable[[], None]) -> None:
        """Run a step in the engine's thread, soon."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="nbflow-engine", daemon=True)
                self._thread.start()
        self._posted.put(step)

    def wake(self) -> None:
        """Have the engine look again at who wants items."""
        self.post(_nothing)

    def run_or_post(self, step: Callable[[], None]) -> None:
        """Run a step at once if this is the engine's thread, else soon."""
        if self._is_here:
            step()
        else:
            self.post(step)

    @property
    def _is_here(self) -> bool:
        return self._thread is not None and threading.get_ident() == self._thread.ident

    def run_and_wait(self, step: Callable[[], None]) -> None:
        """Run a step in the engine's thread, and wait until it has run."""
        ended = threading.Event()

        def run() -> None:
            step()
            ended.set()

        self.run_or_post(run)
        ended.wait()

    def connect(self, node: Flowing) -> None:
        """Let a node, and all that it needs, take items until it is over, whoever else wants them."""
        self.post(partial(self.run, node))

    def open(self, node: Flowing) -> None:
        """Let a node take items, and have somebody wait for it: the cell, or, where there is none, the caller."""
        if self.opened is not None:
            self.opened(node)
            return
        self.connect(node)
        self.wait_until(lambda: node.over, items=False)
        self.foreground.run()
        node.raise_failure()

    def wait_until(self, holds: Callable[[], Any], *, items: bool = True) -> None:
        """Block until something holds that depends on nodes.

        Parameters
        ----------
        holds : callable
            What is waited for.
        items : bool
            Whether it may come to hold with an item; False where it does only with the end of a channel.

        Raises
        ------
        InputError
            In the engine's thread, where an operator's function runs: it would wait for itself.
        """
        if self._is_here and not holds():
            raise InputError(
                "a channel cannot be read inside the function of an operator: its items may have to come through that "
                "function; give both channels to one operator, as in `a.combine(b).map(function)`"
            )
        while not self._await_either(holds, items):
            self.foreground.run()

    def _await_either(self, holds: Callable[[], Any], items: bool) -> bool:
        """Block until something holds, or the thread that waits is called to work; whether it holds."""
        with self._changed:
            self._awaited += items
            try:
                self._changed.wait_for(lambda: holds() or self.foreground.calls)
            finally:
                self._awaited -= items
            return bool(holds())

    def notify(self, *, ended: bool = False) -> None:
        """Wake those who wait for items, or, if a channel has ended, all.

        Who waits for the end of a channel is not woken for each of its items: that would cost more than a hit.
        """
        if self._awaited or ended:
            with self._changed:
                self._changed.notify_all()

    def close(self) -> None:
        """End the thread; nobody is told any more of what must be waited for."""
        self.opened = None
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            self._posted.put(_STOP)
            thread.join()

    # In the engine's thread -------------------------------------------------------------------------------------------

    def run(self, node: Flowing) -> None:
        """As `connect`, at once."""
        node.wanted = True
        if not node.over:
            self._running.add(node)
        node.connect()

    def add(self, puller: Puller) -> None:
        """Note who has items to move; the last that was added goes first, so that what lies downstream drains."""
        self._pulling.append(weakref.ref(puller))

    def when_over(self, node: Flowing, step: Callable[[], None]) -> None:
        """Run a step when nothing more will come from a node."""
        self._waiting.append((node, step))

    def _run(self) -> None:
        while True:
            step = self._next_step()
            if step is _STOP:
                return
            step()
            del step  # what it held must not live on while the engine sleeps
            self._settle()

    def _next_step(self) -> Callable[[], None] | None:
        if self._posted.empty():
            puller = self._next_puller()
            if puller is not None:
                return partial(self._pull, puller)
        return self._posted.get()

    def _next_puller(self) -> Puller | None:
        for reference in reversed(self._pulling):
            puller: Puller | None = reference()
            if puller is None:
                self._pulling.remove(reference)
            elif puller.wants():
                return puller
        return None

    def _pull(self, puller: Puller) -> None:
        newest = self._pulling[-1]
        for _ in range(_PULLED_AT_ONCE):
            if not puller.pull():
                self._pulling = [reference for reference in self._pulling if reference() not in (puller, None)]
                return
            if self._pulling[-1] is not newest or not self._posted.empty() or not puller.wants():
                return

    def _settle(self) -> None:
        # A step may end the node that another one waits for.
        while ready := [pair for pair in self._waiting if pair[0].over]:
            for pair in ready:
                self._waiting.remove(pair)
                pair[1]()
        for node in [node for node in self._running if node.over]:
            self._running.remove(node)


_STOP: Final = None


def _nothing() -> None:
    """Let the engine go round once."""
