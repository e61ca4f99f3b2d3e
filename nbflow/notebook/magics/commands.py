"""The command line inside the notebook: ``%nbflow log`` is ``nbflow log``, read through the kernel's own session."""

from __future__ import annotations

import sys

from nbflow.cli import execute
from nbflow.commands.shared import FAILED, OK, USAGE
from nbflow.core.units import format_memory
from nbflow.errors import NbflowError
from nbflow.notebook.desk import NotebookDesk
from nbflow.storage.retention import drop_succeeded


def run_command(words: list[str], desk: NotebookDesk) -> int:
    """Run a command of nbflow's command line in this kernel's session.

    Parameters
    ----------
    words : list of str
        What stands after ``%nbflow``. ``wait``, ``relaunch`` and ``end`` are of the notebook only.
    desk : NotebookDesk
        The notebook's.

    Returns
    -------
    int
        Its exit status; what is wrong has been printed.

    Raises
    ------
    TaskFailedError
        After ``wait``, if a submitted task failed and nobody asked for its result.
    """
    match words:
        case ["wait"]:
            return _wait(desk)
        case ["end", *status]:
            _end(desk, "".join(status))
            return OK
        case ["relaunch", *wanted] if len(wanted) < 2:
            return _relaunch(desk, *wanted)
        case ["run", *_]:
            print(
                "nbflow: `run` starts a kernel of its own: type it in a terminal, or as !nbflow run ...",
                file=sys.stderr,
            )
            return USAGE
    return execute(words, desk.session.reader(), desk.show)


def _end(desk: NotebookDesk, status: str) -> None:
    """End the run; only `nbflow run` says so, which alone counts as a success that needs no cache any more."""
    run = desk.session.run
    desk.session.close(failed={"OK": False, "ERR": True}.get(status))
    if status == "OK" and run is not None and desk.session.settings.retention.storage_expiration_hours is not None:
        freed = drop_succeeded(desk.session.reader(), run.session)
        print(f"nbflow: removed what the run left but for its logs, {format_memory(freed)} (storage_expiration_hours)")


def _relaunch(desk: NotebookDesk, wanted: str | None = None) -> int:
    from nbflow.notebook.relaunch.relaunch import relaunch

    try:
        relaunch(desk, wanted)
    except NbflowError as error:
        print(f"nbflow: {error}", file=sys.stderr)
        return FAILED
    return OK


def _wait(desk: NotebookDesk) -> int:
    """Wait for the tasks that were submitted; raise the last failure that nobody asked for, print those before it."""
    failures = desk.collect_futures()
    for error in failures[:-1]:
        print(error, file=sys.stderr)
    if failures:
        desk.session.task_failed()
        raise failures[-1]
    return OK
