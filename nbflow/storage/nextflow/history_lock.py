"""The lock of the history file: Nextflow's, so that both can live in one launch directory.

Alone takes ``history.lock``, by a POSIX record lock on the whole file, as Java does. Knows nothing of what it guards.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbflow.errors import CacheError

_PAUSE = 0.02
_BUSY = (errno.EACCES, errno.EAGAIN)

# A record lock belongs to the process: it keeps out no thread, and closing any descriptor of the file gives it up.
_one_thread = threading.Lock()


@dataclass(frozen=True, slots=True)
class Held:
    """A lock that was taken.

    Attributes
    ----------
    path : pathlib.Path
        The lock file.
    descriptor : int
        Open while the lock is held.
    """

    path: Path
    descriptor: int

    def is_ours(self) -> bool:
        """Tell whether the locked file is still the one of that name: Nextflow deletes it when it has done."""
        try:
            return os.path.samestat(os.fstat(self.descriptor), os.stat(self.path))
        except FileNotFoundError:
            return False


class HistoryLock:
    """The lock beside a history file.

    Parameters
    ----------
    history : pathlib.Path
        The file that it guards.
    wait : float
        Seconds to wait while another process has it.

    Notes
    -----
    The lock file stays: deleting it, as Nextflow does, lets one process lock the deleted file and another a new one.
    """

    def __init__(self, history: Path, wait: float) -> None:
        self._path = history.with_name(history.name + ".lock")
        self._wait = wait

    @contextlib.contextmanager
    def hold(self) -> Iterator[Held]:
        """Hold the lock.

        Raises
        ------
        nbflow.errors.CacheError
            Another process kept it, or the file system has no locks.
        """
        with _one_thread:
            descriptor = self._take()
            try:
                yield Held(self._path, descriptor)
            finally:
                os.close(descriptor)

    def _take(self) -> int:
        deadline = time.monotonic() + self._wait
        while True:
            descriptor = self._try()
            if descriptor is not None:
                return descriptor
            if time.monotonic() > deadline:
                raise CacheError(
                    f"Another process has locked {self._path}. It is held for moments only, so that process may hang: "
                    f"see which it is with: lsof {self._path}"
                )
            time.sleep(_PAUSE)

    def _try(self) -> int | None:
        """Return the descriptor of the lock file, locked, or None if another process has it."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise CacheError(
                f"Cannot open {self._path}: {error.strerror}. Check that its directory can be written"
            ) from error
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked = Held(self._path, descriptor).is_ours()
        except OSError as error:
            os.close(descriptor)
            if error.errno in _BUSY:
                return None
            raise CacheError(
                f"Cannot lock {self._path}: {error.strerror}. nbflow needs a file system with file locks; "
                "set NXF_CACHE_DIR to a directory on one"
            ) from error
        if not locked:
            os.close(descriptor)
        return descriptor if locked else None
