"""The notebook's side of a call: waiting, showing, ending.

Brings a session and a shell together: what a cell runs is counted, shown as it goes, waited for at its end, and ended
when the cell fails or is interrupted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from nbflow.core.declaration.directive_values import INLINE
from nbflow.core.declaration.process import Process
from nbflow.core.task.capture import Scene
from nbflow.errors import NotMadeError, TaskAbortedError, TaskFailedError
from nbflow.execution.calls.bound import TaskFuture, Waiting
from nbflow.execution.channels.engine import Engine
from nbflow.execution.channels.flow import Node
from nbflow.execution.channels.task_node import TaskNode
from nbflow.execution.lookup import Lookup
from nbflow.execution.progress import Progress
from nbflow.execution.result import Result
from nbflow.notebook.cell.inline import keeping
from nbflow.notebook.cell.notices import Notices
from nbflow.notebook.cell.replay import KeptResult, Tail, kept_result
from nbflow.notebook.environment import NOTEBOOK_VARIABLE, Audience, audience
from nbflow.notebook.progress.cancel import CancelButton
from nbflow.notebook.progress.progress import INTERVAL, ProgressDisplay
from nbflow.notebook.progress.verdicts import reasons, verdict
from nbflow.notebook.relaunch.offers import Offers
from nbflow.session import Session
from nbflow.storage.workdir import stdout_of

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, InteractiveShell

_POLL = 0.1


@dataclass(slots=True)
class _Cell:
    """What the running cell has started."""

    progress: Progress
    display: ProgressDisplay
    nodes: list[Node] = field(default_factory=list)
    results: list[Result] = field(default_factory=list)
    lets_others_end: bool = False
    result: KeptResult | None = None
    failed: bool = False


class NotebookDesk:
    """The desk of a notebook; also what `CellEnd` asks at both ends of a cell.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The shell.
    session : Session
        The session that its processes run in.
    info : ExecutionInfo or None
        What IPython told about the running cell.
    interval : callable
        Gives the seconds between two updates of a cell's progress.

    Attributes
    ----------
    offers : Offers
        The offer to relaunch from a failed cell.
    """

    def __init__(
        self,
        shell: InteractiveShell,
        session: Session,
        info: ExecutionInfo | None = None,
        interval: Callable[[], float] = lambda: INTERVAL,
    ) -> None:
        self.session = session
        self.engine: Engine = session.engine
        self._shell = shell
        self._interval = interval
        self._notices = Notices()
        self._futures: list[TaskFuture] = []
        self.offers = Offers(shell, session)
        session.console = partial(keeping, shell)
        self.begin(info)

    # Cells ------------------------------------------------------------------------------------------------------------

    def begin(self, info: ExecutionInfo | None) -> None:
        """A cell begins."""
        self._info = info
        self.offers.begin(info)
        self.in_cell = True
        self.session.look()
        progress = Progress(lambda: self._cell.display.start())  # noqa: PLW0108  # the cell is made in the next line
        self._cell = _Cell(progress, self._display(progress))
        self.session.progress = progress
        self.engine.opened = self.opened

    def _display(self, progress: Progress) -> ProgressDisplay:
        publisher = self._shell.display_pub
        cancel = CancelButton(getattr(self._shell, "kernel", None), publisher) if self.shows_widgets else None
        executor, interval = lambda: self.session.executor, self._interval()
        return ProgressDisplay(progress, publisher, self.audience(), executor, cancel, interval=interval)

    def audience(self) -> Audience:
        """Who sees what the running cell displays."""
        return audience(self._shell, self.session.environ, self._info)

    @property
    def shows_widgets(self) -> bool:
        """Whether somebody sits before a front end: ``nbflow run`` only prints."""
        return self.audience() is Audience.FRONT_END and NOTEBOOK_VARIABLE not in self.session.environ

    def wait(self) -> None:
        """Wait for the cell's channel tasks, and show what became of them.

        Raises
        ------
        TaskFailedError
            The first failure.
        KeyboardInterrupt
            Interrupted: its tasks have been ended.
        """
        cell = self._cell
        try:
            self._await_nodes(cell.nodes)
        except KeyboardInterrupt as error:
            self._end(cell.nodes, KeyboardInterrupt())
            raise _short(error) from None
        finally:
            self.engine.foreground.run()
            self._settle(cell)
            self.in_cell = False
        self._raise_failure(cell.nodes)

    def cancel(self) -> int:
        """End the cell's channel tasks, since the cell itself failed."""
        waiting = [node for node in self._cell.nodes if not node.is_quiet]
        if waiting:
            self._end(waiting, TaskAbortedError("the cell failed before its tasks had ended"))
        self._settle(self._cell)
        self.in_cell = False
        return sum(isinstance(node, TaskNode) for node in waiting)

    def after(self, *, failed: bool) -> None:
        """The cell has shown its error: offer to relaunch where one of its tasks failed."""
        self.offers.after(failed=failed and self._cell.failed)

    def _await_nodes(self, nodes: list[Node]) -> None:
        self.engine.wait_until(lambda: all(node.is_quiet for node in nodes), items=False)

    def _raise_failure(self, nodes: list[Node]) -> None:
        """Raise the first failure; tasks that were ended because of another one failed with that."""
        for node in sorted(nodes, key=lambda node: isinstance(node.failure, TaskAbortedError)):
            node.raise_failure()

    def _end(self, nodes: list[Node], error: BaseException) -> None:
        """End tasks that wait or run, and wait until they have ended."""
        self.engine.run_and_wait(lambda: self._fail_each(nodes, error))
        self._end_tasks()
        self._await_nodes(nodes)

    def _end_tasks(self) -> None:
        """End what the session runs; a failure that lets others end leaves what runs alone."""
        if self._cell.lets_others_end:
            self.session.finish()
        else:
            self.session.cancel()

    def _fail_each(self, nodes: list[Node], error: BaseException) -> None:
        for node in nodes:
            node.fail(error)

    def _settle(self, cell: _Cell) -> None:
        """The one line of a task, or the summary of several, with the reasons of those that ran."""
        counts = cell.progress.snapshot()
        alone = sum(each.submitted for each in counts) == 1 and len(cell.results) == 1
        if alone:
            cell.display.finish(verdict(cell.results[0], self.session.reason))
        else:
            cell.display.finish(reasons=reasons(cell.nodes, cell.results, self.session.reason))
        self.session.settled()

    # The desk of a call -------------------------------------------------------------------------------------------------

    def show(self, bundle: dict[str, str]) -> None:
        """Show a MIME bundle in the cell's output."""
        self._shell.display_pub.publish(bundle)

    def runner(self) -> Lookup:
        """The runner of the run, which begins with the first call."""
        return self.session.runner()

    def scene(self) -> Scene:
        """The moment of the call."""
        return self.session.scene()

    def await_result(self, waiting: Waiting) -> Result:
        """Wait for a task, showing what it prints; an interrupt ends it."""
        tail: Tail | None = None
        try:
            self.engine.foreground.run()
            while not waiting.ended.wait(_POLL if waiting.work_dir or waiting.result else 0.01):
                tail = self._follow(waiting, tail)
                self.engine.foreground.run()
        except KeyboardInterrupt as error:
            self.session.cancel()
            waiting.ended.wait()
            raise _short(error) from None
        result = waiting.result
        assert result is not None
        self._show_rest(waiting, result, self._follow(waiting, tail) if tail is not None else None)
        self.engine.foreground.run()
        return result

    def _follow(self, waiting: Waiting, tail: Tail | None) -> Tail | None:
        """Show what the attempt that runs has printed; first the rest of the one before."""
        if tail is not None:
            tail.poll()
        if waiting.work_dir is not None and (tail is None or tail.work_dir != waiting.work_dir):
            tail = Tail(waiting.work_dir, self._shell.display_pub)
            tail.poll()
        return tail

    def _show_rest(self, waiting: Waiting, result: Result, tail: Tail | None) -> None:
        self._cell.results.append(result)
        if result.failure is not None:
            self._cell.failed = True
            self.session.task_failed()
            self._cell.lets_others_end = result.failure.lets_others_end
        if waiting.process.directives.executor == INLINE and not result.cached:
            self._cell.result = kept_result(result.work_dir)  # all else was shown as it came
            return
        if tail is None and (result.entry.shown or result.error is not None):
            tail = Tail(result.work_dir, self._shell.display_pub)
        if tail is not None:
            self._cell.result = tail.finish()
            if tail.clears:
                self._cell.display.lost()

    def take_result(self) -> KeptResult | None:
        """The last expression of the task that ran last, to be the cell's own."""
        result, self._cell.result = self._cell.result, None
        return result

    def opened(self, node: Node) -> None:
        """Note a channel of tasks that the cell must wait for."""
        self._cell.nodes.append(node)
        if isinstance(node, TaskNode):
            self._cell.progress.opened(node.call.process.name, node.expected)
        self.engine.connect(node)

    def failed(self, node: Node, error: BaseException) -> None:
        """End what else the cell runs, since a task failed."""
        if isinstance(error, TaskAbortedError):
            return  # it was ended because of another one
        self._cell.failed = True
        self.session.task_failed()
        self._cell.lets_others_end = isinstance(error, TaskFailedError) and error.lets_others_end
        self._end_tasks()
        if isinstance(error, TaskFailedError) and error.lets_others_end:
            why = TaskAbortedError(f"not run to its end: {error.task} failed, and its error strategy is finish")
            self._fail_each([other for other in self._cell.nodes if other is not node], why)

    def printed(self, result: Result) -> None:
        """Show what a task of a channel printed (``debug``), as it ends."""
        # Not from the engine's thread: what it prints would be lost, or another cell's.
        self.engine.foreground.put(lambda: print(stdout_of(result.work_dir), end=""))

    def submitted(self, future: TaskFuture) -> None:
        """Note a future, whose failure must not be lost."""
        self._futures.append(future)

    def collect_futures(self) -> list[BaseException]:
        """Wait for all futures; the failures that nobody asked for."""
        futures, self._futures = self._futures, []
        failures = [(future, future.outcome()) for future in futures]
        return [error for future, error in failures if error is not None and not future.collected]

    def unmade(self, process: Process, error: NotMadeError) -> dict[str, Any]:
        """Raise the error: in a run, all that tasks need is made."""
        raise error

    def declared(self, process: Process) -> None:
        """A cell declares a process."""
        self._notices.declared(process, getattr(self._info, "cell_id", None))

    def note(self, process: str, sentences: tuple[str, ...]) -> None:
        """Say, once a kernel, what the user should know of a process's code."""
        self._notices.note(process, sentences)


def _short(error: KeyboardInterrupt) -> KeyboardInterrupt:
    """An interrupt that is shown in a line: where nbflow waited says nothing to the user."""
    error._render_traceback_ = lambda: ["KeyboardInterrupt: what this cell ran was ended"]  # type: ignore[attr-defined]
    return error
