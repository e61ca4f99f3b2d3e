"""Loading nbflow into a shell and taking it out again.

Alone here: which parts of nbflow a shell carries, and when they are made. Loading imports next to nothing, opens no
database and starts no process: that waits for the first process, or the first task.
"""

from __future__ import annotations

import atexit
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from nbflow.execution.channels.channels import channel
from nbflow.notebook.cell.cell_end import CellEnd
from nbflow.notebook.cell.warning_lines import shown_in_a_line
from nbflow.notebook.environment import COMMAND_VARIABLE, PREVIEW_VARIABLE, Place, locate
from nbflow.notebook.magics.completion import complete
from nbflow.notebook.magics.config import BUDGET, NBFlow
from nbflow.notebook.magics.magics import NbflowMagics

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, InteractiveShell

    from nbflow.notebook.desk import NotebookDesk

_KEPT = "_nbflow_first_use"

#: What has to be undone to take nbflow out of each shell that it was loaded into.
_loaded: WeakKeyDictionary[InteractiveShell, ExitStack] = WeakKeyDictionary()


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Give a shell nbflow's magics; a second time changes nothing.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The shell that says ``%load_ext nbflow``.
    """
    if shell not in _loaded:
        with ExitStack() as undo:
            _attach(shell, undo)
            _loaded[shell] = undo.pop_all()


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Take nbflow out of a shell; a second time changes nothing.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The shell that says ``%unload_ext nbflow``.
    """
    undo = _loaded.pop(shell, None)
    if undo is not None:
        undo.close()


def desk_of(shell: InteractiveShell) -> NotebookDesk:
    """The desk of a shell, into which nbflow is loaded if it is not."""
    load_ipython_extension(shell)
    return _first_use(shell).desk()


class _FirstUse:
    """The desk of a shell, made when it is first used; till then the cells have no work that could be waited for.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The shell.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.config: NBFlow
        self._shell = shell
        self.place = locate(os.environ, shell.user_ns, Path.cwd())
        self._info: ExecutionInfo | None = None
        self._made: NotebookDesk | None = None

    def desk(self) -> NotebookDesk:
        """The desk."""
        if self._made is None:
            self._made = self._make()
        return self._made

    def _make(self) -> NotebookDesk:
        from nbflow.notebook.desk import NotebookDesk
        from nbflow.session import Session

        place = self.place
        command = os.environ.get(COMMAND_VARIABLE, _command(place))
        resume = os.environ.get("NBFLOW_RESUME")
        about = (place.launch_dir, place.notebook, self._shell.user_ns)
        if os.environ.get(PREVIEW_VARIABLE):
            return _previewing(self._shell, *about, resume=resume)
        session = Session(*about, resume=resume, command=command, settings=lambda: self.config.settings)
        # A run of `nbflow run` says how it ends; one that is cut off has not succeeded.
        atexit.register(session.close, failed=True if COMMAND_VARIABLE in os.environ else None)
        return NotebookDesk(self._shell, session, self._info, lambda: self.config.progress_interval)

    def changed(self, setting: str) -> None:
        """A setting was changed: say so where it counts later."""
        if setting in BUDGET and self._made is not None and self._made.session.run is not None:
            print(f"nbflow: `{setting}` counts from the next run on, which `%resume last` begins")
        if _is_overruled(self.place, setting):
            print(f"nbflow: nbflow.toml sets `{setting}`, and goes before what is set here")

    def begin(self, info: ExecutionInfo | None) -> None:
        """A cell begins."""
        self._info = info
        if self._made is not None:
            self._made.begin(info)

    def wait(self) -> None:
        """A cell ends: wait for its tasks."""
        if self._made is not None:
            self._made.wait()

    def cancel(self) -> int:
        """A cell failed: end its tasks, and say how many."""
        return 0 if self._made is None else self._made.cancel()

    def after(self, *, failed: bool) -> None:
        """A cell has ended, and shown all."""
        if self._made is not None:
            self._made.after(failed=failed)

    def close(self) -> None:
        """End the run; the next task begins another one."""
        if self._made is not None:
            self._made.session.close()


def _previewing(
    shell: InteractiveShell, launch_dir: Path, notebook: Path | None, namespace: dict[str, Any], *, resume: str | None
) -> NotebookDesk:
    from nbflow.notebook.preview.desk import PreviewDesk
    from nbflow.notebook.preview.guard import Guard
    from nbflow.notebook.preview.session import PreviewSession

    desk = PreviewDesk(shell, PreviewSession(launch_dir, notebook, namespace, resume=resume))
    Guard(shell, desk)
    return desk


def _is_overruled(place: Place, setting: str) -> bool:
    """Whether the launch directory's file sets what a user has just set for the kernel."""
    from nbflow.storage.settings import load_settings

    in_file = load_settings(place.launch_dir, os.environ)
    return getattr(in_file if setting in BUDGET else in_file.retention, setting) is not None


def _command(place: Place) -> str:
    return f"nbflow kernel {place.notebook.name if place.notebook else ''}".strip()


def _first_use(shell: InteractiveShell) -> _FirstUse:
    """The shell's, one however often nbflow is loaded: processes outlive an unloading, and two desks would fight for a session."""
    kept: _FirstUse | None = getattr(shell, _KEPT, None)
    if kept is None:
        kept = _FirstUse(shell)
        setattr(shell, _KEPT, kept)
    return kept


def _attach(shell: InteractiveShell, undo: ExitStack) -> None:
    """Put each part into the shell, and its undoing on the stack."""
    first_use = _first_use(shell)
    undo.callback(first_use.close)
    end = CellEnd(shell, first_use)
    end.register()
    undo.callback(end.unregister)
    undo.enter_context(shown_in_a_line())
    shell.register_magics(NbflowMagics(shell, first_use.desk))
    undo.callback(_unregister, shell)
    first_use.config = NBFlow(shell, os.environ, first_use.changed)
    configurables: list[Any] = shell.configurables  # not only shells, as its type says
    configurables.append(first_use.config)
    undo.callback(configurables.remove, first_use.config)
    matchers = shell.Completer.custom_matchers
    matchers.append(complete(shell, first_use.place))
    undo.callback(matchers.remove, matchers[-1])
    if "channel" not in shell.user_ns:
        shell.push({"channel": channel}, interactive=False)  # type: ignore[no-untyped-call]


def _unregister(shell: InteractiveShell) -> None:
    for kind, name in (("cell", "process"), ("line", "resume"), ("line", "cache"), ("line", "nbflow")):
        shell.magics_manager.magics[kind].pop(name, None)
