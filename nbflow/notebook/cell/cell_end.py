"""The end of a cell: it ends when the channel tasks that it started have ended, and fails when one of them failed.

Alone here: IPython's cell events, and the interrupt signal while a cell waits. Must not know what a task is: waiting,
ending and counting are functions that it is given.

Only ``result.error_in_exec`` makes the reply's status ``error``; an exception out of a ``post_run_cell`` callback
leaves it ``ok``, and cells that are queued behind would run on.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, ExecutionResult, InteractiveShell


class CellWork(Protocol):
    """What happens at the beginning and the end of a cell."""

    def begin(self, info: ExecutionInfo | None) -> None:
        """A cell begins: drop failures that no cell can report any more."""

    def wait(self) -> None:
        """Wait for the cell's channel tasks.

        Raises
        ------
        Exception
            The first failure. It becomes the cell's own error.
        KeyboardInterrupt
            The wait was interrupted; the tasks have been ended before it is raised.
        """

    def cancel(self) -> int:
        """End the cell's channel tasks, since the cell itself failed.

        Returns
        -------
        int
            How many there were.
        """

    def after(self, *, failed: bool) -> None:
        """All that the cell shows has been shown, its error too.

        Parameters
        ----------
        failed : bool
            Whether its reply is an error.
        """


class CellEnd:
    """Waits at the end of each outermost cell; ``register`` it once, ``unregister`` gives the shell back as it was.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The shell whose cells are watched.
    work : CellWork
        What to do then. Its functions run in the thread that runs the cell.
    """

    def __init__(self, shell: InteractiveShell, work: CellWork) -> None:
        self._shell = shell
        self._work = work
        self._registered = False
        self._running = _RunningCells()

    def register(self) -> None:
        """Watch the shell's cells, the running one included; a second time changes nothing."""
        if not self._registered:
            self._shell.events.register("pre_run_cell", self._before)
            self._shell.events.register("post_run_cell", self._after)
            self._registered = True

    def unregister(self) -> None:
        """Leave the shell alone; a second time changes nothing."""
        if self._registered:
            self._shell.events.unregister("pre_run_cell", self._before)
            self._shell.events.unregister("post_run_cell", self._after)
            self._registered = False

    def _before(self, info: ExecutionInfo) -> None:
        if self._running.enter(info, _request_of(self._shell)):
            self._work.begin(info)

    def _after(self, result: ExecutionResult | None) -> None:
        with _interrupts_raise():
            if not self._running.leave(None if result is None else result.info):
                return
            try:
                self._end(result)
            except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001  it becomes the cell's own error
                self._fail(result, error)
            self._work.after(failed=result is None or not result.success)

    def _end(self, result: ExecutionResult | None) -> None:
        # None: the body of an async cell was interrupted, and its reply is an error already.
        if result is not None and result.success:
            self._work.wait()
            return
        ended = self._work.cancel()
        if ended:
            tasks = "1 task" if ended == 1 else f"{ended} tasks"
            print(f"nbflow: ended {tasks} of this cell, because the cell itself failed", file=sys.stderr)

    def _fail(self, result: ExecutionResult | None, error: BaseException) -> None:
        if result is not None and result.success:
            result.error_in_exec = error
        self._shell.last_execution_succeeded = False
        # The frames between the signal and this line are nbflow's own; they would hide the one line that matters.
        traceback = None if isinstance(error, KeyboardInterrupt) else error.__traceback__
        self._shell.showtraceback((type(error), error, traceback), tb_offset=0)


class _RunningCells(threading.local):
    """The cells that run in this thread, outermost first: ``%%capture`` and others run a cell inside a cell."""

    def __init__(self) -> None:
        self._cells: list[ExecutionInfo] = []
        self._request: str | None = None

    def enter(self, info: ExecutionInfo, request: str | None) -> bool:
        """Note that a cell begins; true for an outermost one."""
        if request != self._request:
            # An interrupt between two callbacks can swallow the end of a cell: nothing of it may stay behind.
            self._cells.clear()
            self._request = request
        self._cells.append(info)
        return len(self._cells) == 1

    def leave(self, info: ExecutionInfo | None) -> bool:
        """Note that a cell ended; true for an outermost one."""
        if info is not None and not (info.raw_cell or "").strip():
            return False  # an empty cell ends without having begun
        position = self._position(info)
        del self._cells[position:]
        return position == 0

    def _position(self, info: ExecutionInfo | None) -> int:
        for position, cell in enumerate(self._cells):
            if cell is info:
                return position
        # An interrupted async cell ends without an info, one that a SystemExit ended with an equal one: the innermost.
        if self._cells and (info is None or _equal(self._cells[-1], info)):
            return len(self._cells) - 1
        # What is left is the cell that loaded nbflow, which began unseen.
        return 0


def _equal(one: ExecutionInfo, other: ExecutionInfo) -> bool:
    return bool(one.raw_cell == other.raw_cell and one.cell_id == other.cell_id)


def _request_of(shell: InteractiveShell) -> str | None:
    """Which execute request runs now; None outside a kernel."""
    parent: Callable[[], dict[str, dict[str, str]]] | None = getattr(shell, "get_parent", None)
    return None if parent is None else parent().get("header", {}).get("msg_id")


@contextmanager
def _interrupts_raise() -> Iterator[None]:
    """Let an interrupt be a KeyboardInterrupt, as in any cell.

    At the end of an async cell ipykernel's own handler is still set: it would cancel a future that is done already, and
    so do nothing.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
