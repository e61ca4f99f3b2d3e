"""Claims the session that a run continues: which one it is, and the lock on it.

Alone decides what becomes of a run whose session somebody else holds (design 1.7). Opens no database.
"""

from __future__ import annotations

import uuid
import warnings
from collections.abc import Callable

from nbflow.errors import CacheLockedError, NbflowWarning
from nbflow.storage.database.lock import SessionLock
from nbflow.storage.layout import Layout
from nbflow.storage.nextflow.history import History
from nbflow.storage.sessions import Choice, choose, list_sessions

HELD_WAIT = 10.0
"""Seconds to wait for a session that is held: a kernel that restarts overlaps with the one before."""


class Claim:
    """Claims sessions for one notebook.

    Parameters
    ----------
    layout : Layout
        The launch directory.
    history : History
        Its history.
    notebook : str
        The notebook, relative to the launch directory; empty where it is unknown.
    say : callable
        Shows a line to the user: which session it is, and why.
    """

    def __init__(self, layout: Layout, history: History, notebook: str, say: Callable[[str], None]) -> None:
        self._layout = layout
        self._history = history
        self._notebook = notebook
        self._say = say

    def choose(self, wanted: str | None) -> Choice:
        """Choose the session.

        Parameters
        ----------
        wanted : str or None
            A session or one of its runs; ``new``; None where nobody said.

        Raises
        ------
        UnknownSessionError
            There is no such session.
        """
        if wanted == "new":
            return Choice(None, "as asked")
        if wanted is not None:
            return Choice(self._history.find(wanted).session, "as asked")
        exists = (self._layout.launch_dir / self._notebook).parent.joinpath
        return choose(list_sessions(self._layout, self._history), self._notebook, lambda name: exists(name).exists())

    def take(self, wanted: str | None) -> tuple[str, SessionLock]:
        """Take the session that a run continues, or a new one.

        Parameters
        ----------
        wanted : str or None
            As in `choose`.

        Raises
        ------
        CacheLockedError
            Somebody holds the session that was asked for; one that nobody asked for gives way to a new one.
        """
        choice = self.choose(wanted)
        if choice.session is None:
            return self._new(choice.why)
        try:
            lock = self._lock(choice.session, HELD_WAIT)
        except CacheLockedError as error:
            if wanted is not None:
                raise
            warnings.warn(
                f"{error}. Until then a new session is used here, which shares nothing with it",
                NbflowWarning,
                stacklevel=2,
            )
            return self._new("the other is held")
        self._say(f"nbflow: resumes session {choice.session[:8]} ({choice.why})")
        return choice.session, lock

    def _new(self, why: str) -> tuple[str, SessionLock]:
        session = str(uuid.uuid4())
        self._say(f"nbflow: new session {session[:8]} ({why})")
        return session, self._lock(session, 0)

    def _lock(self, session: str, wait: float) -> SessionLock:
        return SessionLock.take(self._layout.lock(session), notebook=self._notebook, wait=wait)
