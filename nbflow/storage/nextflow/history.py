"""The history of a launch directory: one line a run, in the file that nbflow shares with Nextflow.

Alone reads and writes ``.nextflow/history``. Knows nothing of caches and tasks.

Nextflow's ``-resume`` continues the session of the last line, whoever wrote it. So nbflow's lines, known by their
command, which begins with ``nbflow``, go above the last line that Nextflow wrote. Among themselves they stay in the
order in which their runs began: the lowest is the latest, and that is what ``last`` means here.

Nothing that a user finds in the file is lost: lines that cannot be read are kept as they are.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import time
import uuid
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from nbflow.core.units import format_duration
from nbflow.errors import CacheError, NbflowWarning, UnknownSessionError
from nbflow.storage.nextflow.history_lock import HistoryLock
from nbflow.storage.nextflow.run_names import is_run_name, random_run_name

_TIME = "%Y-%m-%d %H:%M:%S"
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", re.ASCII)
_NONE = "-"
_LISTED = 8
_READINGS = 20
_PAUSE = 0.002


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run, as the history tells it; what is not known is None.

    Attributes
    ----------
    timestamp : datetime.datetime or None
        When it began, local time, to the second.
    duration : str or None
        As shown, like ``1m 2s``; None while it runs, and after a crash.
    run_name : str or None
        Lines of old Nextflows have none.
    status : str or None
        ``OK`` or ``ERR``; None while it runs, and after a crash.
    revision : str or None
        What ran: Nextflow writes a commit or a script's hash.
    session : str
        A UUID.
    command : str or None
        The command line; nbflow's begin with ``nbflow``.
    """

    timestamp: datetime | None
    duration: str | None
    run_name: str | None
    status: str | None
    revision: str | None
    session: str
    command: str | None

    @property
    def is_own(self) -> bool:
        """Whether nbflow wrote it."""
        return (self.command or "").split(" ")[0] == "nbflow"


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    record: RunRecord | None


class History:
    """The history file of a launch directory.

    Parameters
    ----------
    path : pathlib.Path
        ``.nextflow/history``; its directory must be there before anything is written.
    wait : float
        Seconds to wait for the lock while another process has it.
    locks : bool
        Whether reading takes the lock, and so may make its file.

    Notes
    -----
    Each change rewrites the whole file aside and renames it, under the lock that Nextflow takes too; a crash leaves the
    old file or the new one. Any thread and any number of processes may use it.
    """

    def __init__(self, path: Path, *, wait: float = 5.0, locks: bool = True) -> None:
        self._path = path
        self._locks = locks
        self._lock = HistoryLock(path, wait)
        self._reported: set[str] = set()

    def records(self) -> tuple[RunRecord, ...]:
        """Return all runs, Nextflow's too, in the order of the file; a line that cannot be read gives one warning."""
        return _records(self._read_shared())

    def own_records(self) -> tuple[RunRecord, ...]:
        """Return nbflow's runs, the latest last."""
        return tuple(record for record in self.records() if record.is_own)

    def begin(self, session: str, command: str, *, revision: str | None = None) -> RunRecord:
        """Add a run that begins now, under a name that no other run has.

        Parameters
        ----------
        session : str
            The UUID of its session.
        command : str
            As in ``nbflow run analysis.ipynb``; it must begin with ``nbflow``.
        revision : str or None
            What it runs, without blanks.

        Returns
        -------
        RunRecord

        Raises
        ------
        nbflow.errors.CacheError
            The file cannot be written or locked.
        """
        begun: list[RunRecord] = []

        def add(lines: list[_Line]) -> list[_Line]:
            name = random_run_name(_names(lines))
            now = datetime.now().replace(microsecond=0)
            begun[:] = [RunRecord(now, None, name, None, revision, session, command)]
            return _with(lines, begun[0])

        self._rewrite(add)
        return begun[0]

    def append(self, record: RunRecord) -> None:
        """Add a run under the name that it has.

        Raises
        ------
        ValueError
            It is not nbflow's, or its name or session has not the right form.
        nbflow.errors.CacheError
            The name is taken, or the file cannot be written or locked.
        """
        self._rewrite(lambda lines: _with(lines, record))

    def update(self, run_name: str, duration: int, status: str) -> None:
        """Tell how a run of nbflow's ended; a line that somebody deleted meanwhile stays away.

        Parameters
        ----------
        run_name : str
            The run.
        duration : int
            Milliseconds.
        status : str
            ``OK`` or ``ERR``.
        """
        if status not in ("OK", "ERR"):
            raise ValueError(f"a run ends as OK or ERR, not {status!r}")

        def change(line: _Line) -> _Line:
            if line.record is None or not _is_run(line, run_name):
                return line
            return _line(replace(line.record, duration=format_duration(duration), status=status))

        self._rewrite(lambda lines: [change(line) for line in lines])

    def delete(self, run_name: str) -> None:
        """Take a run of nbflow's out; Nextflow's are never touched."""
        self._rewrite(lambda lines: [line for line in lines if not _is_run(line, run_name)])

    def find(self, text: str) -> RunRecord:
        """Return the run of nbflow's that a text means.

        Parameters
        ----------
        text : str
            ``last``, a run name, or a session's id or the beginning of one, which means its latest run.

        Raises
        ------
        nbflow.errors.UnknownSessionError
            No run, or runs of several sessions; the text lists them.
        """
        records = self.records()
        own = [record for record in records if record.is_own]
        if text == "last" and not own:
            raise UnknownSessionError(
                f"No notebook ran here yet: {self._path} has no run of nbflow. Start a session with: %resume new"
            )
        matches = own[-1:] if text == "last" else _matches(own, text)
        if not matches:
            raise UnknownSessionError(self._unknown(text, records))
        if len({record.session for record in matches}) > 1:
            raise UnknownSessionError(
                f"Which session do you mean by {text!r}? {_listed(matches)}. Type more of its id, or a run name"
            )
        return matches[-1]

    def _unknown(self, text: str, records: Sequence[RunRecord]) -> str:
        if _matches(records, text):
            return (
                f"{text!r} is a run of Nextflow, whose cache nbflow does not open: continue it with nextflow -resume. "
                "nbflow's own runs: nbflow log"
            )
        own = [record for record in records if record.is_own]
        near = difflib.get_close_matches(text, [record.run_name for record in own if record.run_name], 1)
        meant = f"Did you mean {near[0]!r}? " if near else ""
        said = f"No run or session of nbflow is called {text!r} in {self._path}"
        return f"{said}. {meant}{_listed(own)}. All runs: nbflow log"

    def _read_shared(self) -> list[_Line]:
        """Read under the lock, as Nextflow rewrites the file in place; without it where nothing can or may be written."""
        if not self._path.exists():
            return []
        if not self._locks or not os.access(self._path.parent, os.W_OK):
            return self._lines(self._settled())
        with self._lock.hold():
            return self._read()

    def _settled(self) -> bytes:
        """The file when two readings agree: in between, Nextflow may be half way through it."""
        content = self._content()
        for _ in range(_READINGS):
            time.sleep(_PAUSE)
            before, content = content, self._content()
            if content == before:
                break
        return content

    def _read(self) -> list[_Line]:
        return self._lines(self._content())

    def _content(self) -> bytes:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise CacheError(
                f"Cannot read the history {self._path}: {error.strerror}. Check its permissions"
            ) from error

    def _lines(self, content: bytes) -> list[_Line]:
        text = content.decode("utf-8", "surrogateescape")
        lines = [_Line(line, _parse(line)) for line in text.removesuffix("\n").split("\n")] if text else []
        for number, line in enumerate(lines, 1):
            self._report(number, line)
        return lines

    def _report(self, number: int, line: _Line) -> None:
        if line.record is None and line.text.strip() and line.text not in self._reported:
            self._reported.add(line.text)
            warnings.warn(
                f"Line {number} of {self._path} tells of no run: it is kept as it is, and ignored",
                NbflowWarning,
                stacklevel=2,
            )

    def _rewrite(self, change: Callable[[list[_Line]], list[_Line]]) -> None:
        done = False
        while not done:
            with self._lock.hold() as lock:
                lines = self._read()
                changed = change(lines)
                done = changed == lines or self._replace(changed, lock.is_ours)

    def _replace(self, lines: Sequence[_Line], is_ours: Callable[[], bool]) -> bool:
        """Put the lines in the file's place, unless the lock was lost meanwhile: then all must be done again."""
        target = Path(os.path.realpath(self._path))
        aside = target.with_name(f"{target.name}.{os.getpid()}.tmp")
        try:
            self._write_aside(aside, lines)
            if target.exists():
                shutil.copymode(target, aside)
            if ours := is_ours():
                os.replace(aside, target)
            return ours
        except OSError as error:
            raise CacheError(
                f"Cannot write the history {self._path}: {error.strerror}. Check space and permissions there"
            ) from error
        finally:
            aside.unlink(missing_ok=True)

    @staticmethod
    def _write_aside(path: Path, lines: Sequence[_Line]) -> None:
        with open(path, "wb") as file:
            file.write("".join(line.text + "\n" for line in lines).encode("utf-8", "surrogateescape"))
            file.flush()
            os.fsync(file.fileno())


def _parse(text: str) -> RunRecord | None:
    columns = text.rstrip("\r").split("\t")
    if len(columns) == 2:
        columns = [_NONE] * 5 + columns
    if len(columns) != 7:
        return None
    timestamp, duration, run_name, status, revision, session, command = (
        None if column == _NONE else column for column in columns
    )
    try:
        began = _began(timestamp) if timestamp else None
        return RunRecord(began, duration, run_name, status, revision, str(uuid.UUID(session or "")), command)
    except ValueError:
        return None


def _began(timestamp: str) -> datetime:
    if not _TIMESTAMP.fullmatch(timestamp):
        raise ValueError(f"no time: {timestamp}")
    return datetime.fromisoformat(timestamp)


def _line(record: RunRecord) -> _Line:
    began = None if record.timestamp is None else f"{record.timestamp:{_TIME}}"
    columns = (began, record.duration, record.run_name, record.status, record.revision, record.session, record.command)
    # Nextflow drops a line that has a tab too many when it next rewrites the file.
    texts = (re.sub(r"[\t\r\n]", " ", column) if column else _NONE for column in columns)
    return _Line("\t".join(texts), record)


def _with(lines: list[_Line], record: RunRecord) -> list[_Line]:
    """Add a run of nbflow's, and put Nextflow's last line last: deletions may have left it above one of nbflow's."""
    if not record.is_own or not is_run_name(record.run_name or "") or str(uuid.UUID(record.session)) != record.session:
        raise ValueError(f"no run of nbflow's: {record}")
    if record.run_name in _names(lines):
        raise CacheError(f"The run name {record.run_name} has been used already: choose another one")
    foreign = [number for number, line in enumerate(lines) if line.record and not line.record.is_own]
    last = foreign[-1:]
    rest = [line for number, line in enumerate(lines) if number not in last]
    return [*rest, _line(record), *(lines[number] for number in last)]


def _records(lines: Sequence[_Line]) -> tuple[RunRecord, ...]:
    return tuple(line.record for line in lines if line.record)


def _names(lines: Sequence[_Line]) -> set[str]:
    return {record.run_name for record in _records(lines) if record.run_name}


def _is_run(line: _Line, run_name: str) -> bool:
    return line.record is not None and line.record.is_own and line.record.run_name == run_name


def _matches(records: Sequence[RunRecord], text: str) -> list[RunRecord]:
    named = [record for record in records if text and record.run_name == text]
    return named or [record for record in records if text and record.session.startswith(text.lower())]


def _listed(records: Sequence[RunRecord]) -> str:
    """List the latest sessions, each with its latest run."""
    latest = {record.session: record for record in records}
    shown = [f"{record.session[:8]} ({record.run_name})" for record in list(latest.values())[-_LISTED:]]
    return f"There are: {', '.join(shown)}" if shown else "There are none"
