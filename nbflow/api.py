"""What `log` prints, for Python: ``nbflow.runs()``, ``nbflow.tasks()`` and ``nbflow.digest(value)``.

Behind the package's front door. In a notebook it reads through the kernel's own session, elsewhere in the current
directory; it changes nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbflow.core.code.closure import CodeDigester
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
