"""Who owns a session: a flock on a file beside its database, taken before the database is opened.

Alone here: taking, holding and explaining that lock. LevelDB's own lock is not enough, for its owner gives it up by
closing any descriptor of its LOCK file. It must not know what the lock guards.

The system frees a flock when its last descriptor is closed, so a crashed holder leaves none, and a child must not keep
one: programs do not inherit the descriptor, and forked children close it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from nbflow.errors import CacheError, CacheLockedError

POLL = 0.1

_held: dict[tuple[int, int], SessionLock] = {}


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a session, as it says itself.

    Attributes
    ----------
    pid : int
        Its process.
    host : str
        The machine it runs on.
    notebook : str
        The notebook it runs, empty if unknown.
    started : str
        When it took the session, local time, ISO 8601.
    """

    pid: int
    host: str
    notebook: str
    started: str

    def __str__(self) -> str:
        subject = self.notebook or "a notebook"
        place = "" if self.host == socket.gethostname() else f" on {self.host}"
        return f"{subject} (process {self.pid}{place}, since {self.started})"


class SessionLock:
    """The hold on one session; made by :meth:`take`, and a context manager that releases it."""

    def __init__(self, path: Path, descriptor: int, holder: Holder) -> None:
        self.path = path
        self.holder = holder
        self._descriptor: int | None = descriptor

    @classmethod
    def take(
        cls,
        path: Path,
        *,
        notebook: str = "",
        wait: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> SessionLock:
        """Take the lock.

        Parameters
        ----------
        path : pathlib.Path
            The lock file, ``.nextflow/cache/<session>/nbflow.lock``; made with its directory if need be.
        notebook : str
            What to tell others about the holder.
        wait : float
            Seconds to go on trying while another process holds it: a restarted kernel overlaps with the one before.
        clock, sleep : callable
            Seconds that pass, and a pause of so many.

        Returns
        -------
        SessionLock
            Held until released, or until this process ends.

        Raises
        ------
        CacheLockedError
            It is held, by another process or by this one; the text says by whom.
        CacheError
            The file cannot be made, or its file system has no locks.
        """
        deadline = clock() + wait
        while (descriptor := _try_lock(path)) is None:
            _refuse_own(path)
            if clock() >= deadline:
                raise _locked(path, read_holder(path))
            sleep(POLL)
        return cls._settle(path, descriptor, notebook)

    def release(self) -> None:
        """Let go; a second time does nothing."""
        if self._descriptor is None:
            return
        with contextlib.suppress(OSError):  # it only says who held it, and the disk may be full
            os.ftruncate(self._descriptor, 0)
        self.forget()
        for key in [key for key, lock in _held.items() if lock is self]:
            del _held[key]

    def forget(self) -> None:
        """Close this process's descriptor; a parent that forked it keeps the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    @classmethod
    def _settle(cls, path: Path, descriptor: int, notebook: str) -> SessionLock:
        started = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        lock = cls(path, descriptor, Holder(os.getpid(), socket.gethostname(), notebook, started))
        with contextlib.suppress(OSError):  # as in release
            text = json.dumps(asdict(lock.holder)).encode()
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, text, 0)
        status = os.fstat(descriptor)
        _held[status.st_dev, status.st_ino] = lock
        return lock


def read_holder(path: Path) -> Holder | None:
    """Return who said last that it holds the lock, or None if nobody did or it cannot be read.

    Parameters
    ----------
    path : pathlib.Path
        The lock file. After a crash it names a holder that is gone: only a refused lock makes the answer true.
    """
    own = _own(path)
    if own is not None:  # not by opening the file: on NFS, closing it would give up the lock
        return own.holder
    try:
        return Holder(**json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def holder_of(path: Path) -> Holder | None:
    """Return who holds the lock now, without taking it; None where nobody does, or where that cannot be found out.

    Parameters
    ----------
    path : pathlib.Path
        The lock file; it is not made, and nothing is written to it.
    """
    own = _own(path)
    if own is not None:
        return own.holder
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        held = error.errno in (errno.EWOULDBLOCK, errno.EAGAIN)
        return (read_holder(path) or Holder(0, socket.gethostname(), "", "")) if held else None
    finally:
        os.close(descriptor)
    return None


def _try_lock(path: Path) -> int | None:
    """Return a locked descriptor of the file that has this name, or None if it is held."""
    if _own(path) is not None:
        return None
    descriptor = _open(path)
    locked = False
    try:
        if not _flock(descriptor, path):
            return None
        locked = _is_named(descriptor, path)
    finally:
        if not locked:
            os.close(descriptor)
    # The session may have been cleaned away between open and lock: then the name is another file's, or none's.
    return descriptor if locked else _try_lock(path)


def _flock(descriptor: int, path: Path) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EAGAIN):
            return False
        raise _unusable(path, error) from error
    return True


def _is_named(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise _unusable(path, error) from error


def _own(path: Path) -> SessionLock | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return _held.get((status.st_dev, status.st_ino))


def _refuse_own(path: Path) -> None:
    """Fail at once where waiting is vain: this process itself holds the lock."""
    own = _own(path)
    if own is not None:
        raise CacheLockedError(
            f"this process already holds the session of {path.parent}; use the session that is open, or close it first",
            holder=str(own.holder),
        )


def _locked(path: Path, holder: Holder | None) -> CacheLockedError:
    name = str(holder) if holder else "another process"
    return CacheLockedError(
        f"session {path.parent.name} is held by {name}; shut that kernel down and try again, "
        "or start a fresh session with: %resume new",
        holder=name,
    )


def _unusable(path: Path, error: OSError) -> CacheError:
    return CacheError(
        f"could not lock {path}: {error}; the directory must be writable and on a file system with locks: "
        "set NXF_CACHE_DIR to one that is"
    )


def _forget_all() -> None:
    for lock in _held.values():
        lock.forget()
    _held.clear()


os.register_at_fork(after_in_child=_forget_all)
