"""Where a kernel is: its notebook, its launch directory, and who looks at its output.

Alone here: the variables by which nbflow run, Jupyter and VS Code tell. Nothing is created, changed or remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo, InteractiveShell

#: Set by ``nbflow run`` for the kernel that it starts: the absolute path of the notebook.
NOTEBOOK_VARIABLE = "NBFLOW_NOTEBOOK"

#: Set by ``nbflow run`` too: what was typed, for the history.
COMMAND_VARIABLE = "NBFLOW_COMMAND"

#: Set by ``nbflow run --preview`` for the kernel that it starts.
PREVIEW_VARIABLE = "NBFLOW_PREVIEW"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a run takes place.

    Attributes
    ----------
    launch_dir : pathlib.Path
        Absolute: the notebook's directory where the notebook is known, else the current directory.
    notebook : pathlib.Path or None
        Absolute path of the notebook file; None where it is unknown.
    """

    launch_dir: Path
    notebook: Path | None


class Audience(Enum):
    """Who sees what a cell displays."""

    FRONT_END = "a front end that shows updates as they come"
    FILE = "a kernel without a front end: only what the notebook file keeps will be seen"
    TERMINAL = "a terminal: text only, nothing can be updated"


def locate(environ: Mapping[str, str], namespace: Mapping[str, object], cwd: Path) -> Place:
    """Find the notebook and the launch directory.

    Parameters
    ----------
    environ : mapping of str
        The kernel's environment.
    namespace : mapping
        The notebook namespace; VS Code puts the notebook's path there.
    cwd : pathlib.Path
        The current directory at load.

    Returns
    -------
    Place
        A path that is told but names no file (a console, a renamed notebook) counts as unknown.
    """
    for told in (environ.get(NOTEBOOK_VARIABLE), namespace.get("__vsc_ipynb_file__"), environ.get("JPY_SESSION_NAME")):
        notebook = cwd / told if isinstance(told, str) and told else None
        if notebook is not None and notebook.is_file():
            notebook = notebook.resolve()
            return Place(notebook.parent, notebook)
    return Place(cwd.resolve(), None)


def audience(shell: InteractiveShell, environ: Mapping[str, str], info: ExecutionInfo | None = None) -> Audience:
    """Tell who sees what the running cell displays.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The shell.
    environ : mapping of str
        The kernel's environment.
    info : ExecutionInfo or None
        What IPython told about the cell: only front ends send a cell id.

    Returns
    -------
    Audience
        ``nbflow run`` counts as a front end: it prints what is updated.
    """
    if not hasattr(shell, "kernel"):
        return Audience.TERMINAL
    if getattr(info, "cell_id", None) is not None:
        return Audience.FRONT_END
    told = any(name in environ for name in (NOTEBOOK_VARIABLE, "JPY_SESSION_NAME", "VSCODE_PID", "VSCODE_CWD"))
    return Audience.FRONT_END if told else Audience.FILE


def kernel_identity(shell: InteractiveShell) -> str:
    """What tells a kernel's process from the one after its restart; empty outside a kernel."""
    return str(getattr(getattr(shell, "kernel", None), "ident", ""))
