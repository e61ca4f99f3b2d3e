"""The desk of a preview: tasks are looked up only, so nothing needs to be waited for or ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from nbflow.core.declaration.process import Process
from nbflow.errors import NotMadeError
from nbflow.execution.channels.task_node import TaskNode
from nbflow.execution.unmade import Unmade
from nbflow.notebook.desk import NotebookDesk
from nbflow.notebook.preview.session import PreviewSession

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


class PreviewDesk(NotebookDesk):
    """The desk of a notebook whose cells are previewed.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The shell.
    session : PreviewSession
        Where the preview is kept.
    """

    session: PreviewSession

    def __init__(self, shell: InteractiveShell, session: PreviewSession) -> None:
        super().__init__(shell, session)

    def cancel(self) -> int:
        """A cell failed: its tasks are looked up all the same, so that none is missing in the list."""
        self._await_nodes(self._cell.nodes)
        return super().cancel()

    def unmade(self, process: Process, error: NotMadeError) -> dict[str, Any]:
        """Note that a process lacks an input, and let the cell go on with what stands for its outputs."""
        self.session.preview.depends(process.name, error.task)
        return {name: Unmade(process.name) for name in process.output_names}

    def dependent(self) -> Iterator[tuple[str, str]]:
        """Yield the processes of the running cell that lack inputs, each with the task that would make them."""
        for node in self._cell.nodes:
            if isinstance(node, TaskNode) and isinstance(node.failure, NotMadeError):
                yield node.call.process.name, node.failure.task
