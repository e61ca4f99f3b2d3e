"""The command line inside the notebook: ``%nbflow log`` is ``nbflow log``, read through the kernel's own session."""

from __future__ import annotations

import sys

from nbflow.cli import execute
from nbflow.commands.shared import OK, USAGE
from nbflow.notebook.desk import NotebookDesk


def run_command(words: list[str], desk: NotebookDesk) -> int:
    """Run a command of nbflow's command line in this kernel's session.

    Parameters
    ----------
    words : list of str
        What stands after ``%nbflow``. ``wait`` and ``end`` are of the notebook only.
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
            desk.session.close(failed={"OK": False, "ERR": True}.get("".join(status)))
            return OK
        case ["run", *_]:
            print(
                "nbflow: `run` starts a kernel of its own: type it in a terminal, or as !nbflow run ...",
                file=sys.stderr,
            )
            return USAGE
    return execute(words, desk.session.reader(), desk.show)


def _wait(desk: NotebookDesk) -> int:
    """Wait for the tasks that were submitted; raise the last failure that nobody asked for, print those before it."""
    failures = desk.collect_futures()
    for error in failures[:-1]:
        print(error, file=sys.stderr)
    if failures:
        desk.session.task_failed()
        raise failures[-1]
    return OK
