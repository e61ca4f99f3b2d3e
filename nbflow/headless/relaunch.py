"""Relaunching a run that failed: which one it is, what it was given, and ``nbflow run --relaunch`` as a child process.

Alone knows how a relaunch follows from a run's line in the history. Whoever shows it (a terminal, a widget) polls it.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from nbflow.errors import CacheLockedError, NbflowError
from nbflow.storage.browse import Reader
from nbflow.storage.database.lock import holder_of
from nbflow.storage.events import read_events
from nbflow.storage.layout import Layout
from nbflow.storage.nextflow.history import RunRecord
from nbflow.storage.nextflow.index import read_index
from nbflow.storage.sessions import SessionInfo, list_sessions

_LINES = 200


def failed_run(layout: Layout, notebook: str, wanted: str | None = None) -> RunRecord:
    """Find the run that a relaunch goes on with.

    Parameters
    ----------
    layout : Layout
        The notebook's directory.
    notebook : str
        The notebook, relative to it.
    wanted : str or None
        A session or one of its runs; None for the notebook's latest session.

    Returns
    -------
    RunRecord
        The latest run of that session, which failed, was interrupted, or crashed.

    Raises
    ------
    NbflowError
        There is none, it succeeded, or it still goes on; the text says what to do instead.
    """
    session = _session(Reader(layout), notebook, wanted)
    latest = session.runs[-1]
    if holder := holder_of(layout.lock(session.id)):
        raise CacheLockedError(
            f"session {session.id[:8]} is held by {holder}; relaunch it there, with %nbflow relaunch, or shut that kernel "
            "down first",
            holder=str(holder),
        )
    if latest.status == "OK":
        raise NbflowError(
            f"the latest run of {notebook}, {latest.run_name}, succeeded: there is nothing to relaunch. To run it again, type: "
            f"nbflow run {notebook}"
        )
    return latest


def _session(reader: Reader, notebook: str, wanted: str | None) -> SessionInfo:
    sessions = list_sessions(reader.layout, reader.history)
    if wanted is None:
        sessions = [session for session in sessions if session.notebook == notebook]
    else:
        found = reader.history.find(wanted).session
        sessions = [session for session in sessions if session.id == found]
    if not sessions:
        raise NbflowError(f"{notebook} has no run here that could be relaunched. Run it: nbflow run {notebook}")
    return sessions[-1]


def words_of(record: RunRecord) -> list[str]:
    """What a run was given after ``nbflow run``; nothing for a kernel's run in a front end."""
    words = shlex.split(record.command or "")
    return words[2:] if words[:2] == ["nbflow", "run"] else []


@dataclass(frozen=True, slots=True)
class State:
    """How a relaunch stands.

    Attributes
    ----------
    line : str
        What it said last.
    counts : mapping of str to int
        Tasks by what became of them: ``cached``, ``completed``, ``failed``, ``aborted``, ``running``.
    status : int or None
        Its exit status; None while it runs.
    """

    line: str
    counts: Mapping[str, int]
    status: int | None

    def __str__(self) -> str:
        counts = ", ".join(f"{name}: {number:,}" for name, number in self.counts.items() if number)
        return " · ".join(filter(None, (self.line, counts)))


class Relaunch:
    """``nbflow run --relaunch`` in a child process; made by :meth:`start`."""

    def __init__(self, process: subprocess.Popen[str], layout: Layout, session: str, before: frozenset[str]) -> None:
        self._process = process
        self._reader = Reader(layout)
        self._session = session
        self._before = before
        self._events: dict[str, str] = {}
        self._seen = 0
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._thread = threading.Thread(target=self._read, name="nbflow-relaunch", daemon=True)
        self._thread.start()

    @classmethod
    def start(cls, layout: Layout, notebook: str, session: str, environ: Mapping[str, str] = os.environ) -> Self:
        """Start it.

        Parameters
        ----------
        layout : Layout
            The notebook's directory.
        notebook : str
            The notebook, relative to it.
        session : str
            The session to resume; nobody may hold it.
        environ : mapping of str to str
            The environment; what it says of a kernel's own run is left out.

        Raises
        ------
        NbflowError
            As `failed_run`.
        """
        failed_run(layout, notebook, session)
        before = frozenset(str(record.run_name) for record in Reader(layout).runs())
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "nbflow", "run", "--relaunch", "--resume", session, notebook],
            cwd=layout.launch_dir,
            env={name: value for name, value in environ.items() if name not in _OF_A_KERNEL},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        return cls(process, layout, session, before)

    def poll(self) -> State:
        """How it stands now; one thread at a time."""
        status = self._process.poll()
        if status is not None:
            self._thread.join()
        return State(self._lines[-1] if self._lines else "", self._counts(), status)

    def output(self) -> str:
        """What it printed last, of standard output and error."""
        return "\n".join(list(self._lines))

    def wait(self) -> State:
        """Wait for its end."""
        self._process.wait()
        return self.poll()

    def cancel(self) -> None:
        """Interrupt it as Ctrl-C does: its tasks are ended, and what completed stays."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if text := line.rstrip():
                self._lines.append(text)

    def _counts(self) -> dict[str, int]:
        counts = dict.fromkeys(("cached", *_WORDS.values(), "running"), 0)
        for record in self._reader.runs():
            if record.session == self._session and str(record.run_name) not in self._before:
                self._count(str(record.run_name), counts)
        return counts

    def _count(self, run: str, counts: dict[str, int]) -> None:
        events, self._seen = read_events(self._reader.layout.events(self._session, run), self._seen)
        for event in events:
            self._events[str(event.get("hash"))] = str(event.get("status", ""))
        cached = sum(each.cached for each in read_index(self._reader.layout.index(self._session, run)))
        counts["cached"] += cached
        for status in self._events.values():
            counts[_WORDS.get(status, "running")] += 1


_WORDS = {"COMPLETED": "completed", "FAILED": "failed", "ABORTED": "aborted"}
_OF_A_KERNEL = ("NBFLOW_NOTEBOOK", "NBFLOW_COMMAND", "NBFLOW_RESUME", "NBFLOW_PREVIEW", "JPY_SESSION_NAME")
