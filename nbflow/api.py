"""What is remembered, for Python: ``nbflow.runs()``, ``nbflow.tasks()``, ``nbflow.load(task)`` and ``nbflow.digest(value)``.

Behind the package's front door. In a notebook it reads through the kernel's own session, elsewhere in the current
directory; it changes nothing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbflow.browsing.loading import find_task, outputs_of, returned
from nbflow.core.code.closure import CodeDigester
from nbflow.core.code.notebook_classes import NotebookClasses
from nbflow.core.values.hashing import Digester
from nbflow.session import current_session
from nbflow.storage.browse import Reader
from nbflow.storage.layout import Layout
from nbflow.storage.nextflow.history import RunRecord
from nbflow.storage.rows import TaskRow
from nbflow.table import Table

if TYPE_CHECKING:
    import pandas as pd


class Tasks(Table[TaskRow]):
    """The tasks of a run, a list of rows."""

    columns = ("hash", "name", "status", "exit", "realtime", "peak_rss", "reason")

    def cell(self, row: TaskRow, column: str) -> str:
        """As ``log`` shows the field."""
        return row.text(column)

    def to_frame(self, *fields: str) -> pd.DataFrame:
        """Return them as a data frame, a row each.

        Parameters
        ----------
        *fields : str
            The columns, as in ``nbflow log -f``; without any, all but what the tasks printed.
        """
        import pandas as pd

        if fields:
            return pd.DataFrame([[row.value(field) for field in fields] for row in self], columns=list(fields))
        return pd.DataFrame([row.to_dict() for row in self])


class Runs(Table[RunRecord]):
    """The runs of a launch directory, a list of records."""

    columns = ("timestamp", "duration", "run_name", "status", "session", "command")

    def cell(self, row: RunRecord, column: str) -> str:
        """As the history has it."""
        return str(getattr(row, column) or "-")


def runs() -> Runs:
    """Return the runs of the launch directory, Nextflow's too, in the order of the history.

    Returns
    -------
    Runs
        A list of `nbflow.storage.nextflow.history.RunRecord`.

    Examples
    --------
    >>> [run.run_name for run in nbflow.runs() if run.status == "ERR"]  # doctest: +SKIP
    ['happy_turing']
    """
    return Runs(_reader().runs())


def tasks(run: str = "last") -> Tasks:
    """Return the tasks of a run.

    Parameters
    ----------
    run : str
        A run's name; a session's id or the beginning of it: the tasks of all its runs, each once; or ``last``.

    Returns
    -------
    Tasks
        A list of `nbflow.storage.rows.TaskRow`; its ``to_frame()`` is a data frame.

    Raises
    ------
    UnknownSessionError
        If there is no such run.

    Examples
    --------
    >>> {task.name: task.status for task in nbflow.tasks()}  # doctest: +SKIP
    {'train': 'CACHED', 'fit (1)': 'COMPLETED'}
    """
    reader = _reader()
    return Tasks(reader.rows(reader.select(run)))


def load(task: str, run: str | None = None) -> Any:
    """Return what a task put out, from the cache; nothing runs.

    Parameters
    ----------
    task : str
        The beginning of its hash, as in ``ab/cdef12``; its name, as in ``fit (3)``; or a process's name: its last task.
    run : str or None
        The run or session to look in; else the latest that has it.

    Returns
    -------
    object
        What the call returned: the one output, or a record of several, which can be unpacked.

    Raises
    ------
    CacheError
        Its outputs are not there any more, or not as they were.
    NbflowError
        There is no such task.

    Examples
    --------
    >>> model, accuracy = nbflow.load("ab/cdef12")  # doctest: +SKIP
    """
    session = current_session()
    row = find_task(_reader(), task, run)
    resolve = NotebookClasses(vars(sys.modules["__main__"])).resolve if session is None else session.resolve_class
    return returned(row, outputs_of(row, resolve))


def digest(value: Any) -> str:
    """Return the digest by which a value counts in a task hash.

    Parameters
    ----------
    value : object
        Functions and classes count with all that they reach. A path is a text here; as an input of a process it counts
        as the file's path, size and time or content (`cache`).

    Returns
    -------
    str
        32 hexadecimal digits.

    Raises
    ------
    UnhashableInputError
        If its content cannot be hashed surely; the text names the place.
    """
    return Digester(code=CodeDigester()).digest(value).hex()


def _reader() -> Reader:
    session = current_session()
    return Reader(Layout(Path.cwd(), os.environ)) if session is None else session.reader()
