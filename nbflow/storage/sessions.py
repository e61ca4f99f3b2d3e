"""The sessions of a launch directory, and which of them a run continues.

Alone decides that (design 1.7), from the history and the sessions' marks; opens no database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nbflow.storage.database.marker import is_marked, notebook_of
from nbflow.storage.layout import Layout
from nbflow.storage.nextflow.history import History, RunRecord


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """A session of nbflow's.

    Attributes
    ----------
    id : str
        A UUID.
    notebook : str
        The notebook that it belongs to, relative to the launch directory; empty where it is unknown.
    runs : tuple of RunRecord
        Its runs, the latest last.
    """

    id: str
    notebook: str
    runs: tuple[RunRecord, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which session a run continues.

    Attributes
    ----------
    session : str or None
        Its id; None for a new one.
    why : str
        In words, for the line that says so.
    """

    session: str | None
    why: str


def list_sessions(layout: Layout, history: History) -> list[SessionInfo]:
    """nbflow's sessions whose cache is there, the one with the latest run last."""
    runs: dict[str, list[RunRecord]] = {}
    for record in history.own_records():
        earlier = runs.pop(record.session, [])
        runs[record.session] = [*earlier, record]
    found = []
    for session, records in runs.items():
        directory = layout.session_dir(session)
        if is_marked(directory):
            found.append(SessionInfo(session, notebook_of(directory), tuple(records)))
    return found


def choose(sessions: Sequence[SessionInfo], notebook: str, exists: Callable[[str], bool]) -> Choice:
    """Choose the session that a run continues when nobody said which.

    Parameters
    ----------
    sessions : sequence of SessionInfo
        The latest last.
    notebook : str
        This notebook, relative to the launch directory; empty where it is unknown.
    exists : callable
        Whether a notebook of the launch directory is there.
    """
    if not sessions:
        return Choice(None, "the first in this directory")
    if not notebook:
        return Choice(sessions[-1].id, "the latest in this directory, since the notebook is not known")
    mine = [session for session in sessions if session.notebook == notebook]
    if mine:
        return Choice(mine[-1].id, "this notebook's latest")
    gone = [session for session in sessions if session.notebook and not exists(session.notebook)]
    if gone:
        return Choice(gone[-1].id, f"that of {gone[-1].notebook}, which is gone: renamed or moved")
    return Choice(None, "this notebook's first")
