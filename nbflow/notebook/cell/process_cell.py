"""What a ``%%process`` cell does: it declares a process, and without a parameter list runs it at once."""

from __future__ import annotations

from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

from nbflow.core.code.cells import FUTURES
from nbflow.core.declaration.annotations import signature
from nbflow.core.declaration.process import Process, read_process
from nbflow.errors import DeclarationError
from nbflow.execution.calls.declare import bind_process
from nbflow.notebook.cell.namespace import publish
from nbflow.notebook.desk import NotebookDesk

_RERUN = "--rerun"


def run_process_cell(line: str, cell: str, namespace: dict[str, Any], desk: NotebookDesk, flags: int = 0) -> Any:
    """Declare the process of a cell; run it where it has no parameter list.

    Parameters
    ----------
    line : str
        What stands after ``%%process``.
    cell : str
        The lines below.
    namespace : dict
        The notebook's: gets the process, and the outputs of one that runs at once.
    desk : NotebookDesk
        The notebook's desk.
    flags : int
        The notebook's compiler flags, those of its future statements among them.

    Returns
    -------
    object
        The value of the last expression of a task that ran; None after a declaration.

    Raises
    ------
    DeclarationError
        If the cell declares nothing that could run.
    SettingsError
        If ``nbflow.toml`` cannot be used as written.
    TaskFailedError
        If the task failed.
    """
    rerun, line = _cut_rerun(line)
    session = desk.session
    known = flags & FUTURES, namespace, session.settings.in_file()
    process = read_process(line, cell, _to_python, *known, stub_run=session.settings.is_stub_run)
    desk.declared(process)
    bound = bind_process(process, signature(process.declaration, namespace), namespace, desk)
    namespace[process.name] = bound
    if process.declaration.inputs is not None:
        _refuse_rerun(process, rerun)
        return None
    result, values = bound.run_single({}, rerun=rerun)
    publish(namespace, result.entry, values)
    return desk.take_result()


def _cut_rerun(line: str) -> tuple[bool, str]:
    """Take ``--rerun`` off the beginning of the line."""
    words = line.split(maxsplit=1)
    if words[:1] == [_RERUN]:
        return True, "".join(words[1:])
    return False, line


def _refuse_rerun(process: Process, rerun: bool) -> None:
    if rerun:
        raise DeclarationError(
            f"`{_RERUN}` runs a cell without parameters again; to run `{process.name}` again, call `{process.name}.rerun(...)`"
        )


def _to_python(body: str) -> str:
    """Turn IPython's syntax into Python; the lines stay where they are."""
    return str(TransformerManager().transform_cell(body))  # type: ignore[no-untyped-call]
