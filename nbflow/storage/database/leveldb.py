"""The one door to LevelDB: it alone imports plyvel, opens databases, and turns LevelDB's errors into nbflow's.

A database has one owner. Opening one twice in a process makes LevelDB give up its lock, so this module keeps a table of
what the process has open, and nobody else may touch a file named LOCK. The flock that keeps other processes out is
`nbflow.storage.database.lock`; take it first. It must not know what keys and values mean.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import shutil
import threading
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbflow.errors import CacheError, CacheLockedError, NbflowWarning
from nbflow.storage.database.manifest import check_files
from nbflow.storage.database.marker import mark_session

if TYPE_CHECKING:
    from nbflow.storage.database.store import Change, Item

# Which of the two is installed differs by Python version and platform, and so does what mypy finds missing.
try:
    import plyvel  # type: ignore[import-not-found, import-untyped, unused-ignore]
except ImportError:
    import plyvel_next as plyvel  # type: ignore[import-not-found, import-untyped, unused-ignore]

_CHUNK = 1000
_FAILED_OPENS = (plyvel.Error, OSError, ValueError)

# The directory's inode and not its path: LevelDB itself takes ./db and db, or a link to it, for two databases.
_open: dict[tuple[int, int], LevelStore] = {}
_open_guard = threading.RLock()
_inherited: list[Any] = []


class LevelStore:
    """A store in one LevelDB directory; see `Store` for the methods.

    Notes
    -----
    Not synced to the disk at each write: what was written survives the process, not a power cut. Written without
    compression, and with tables renamed ``.sst`` at :meth:`close`, so that Nextflow's Java LevelDB reads it.
    A process forked from the owner cannot use it: each call raises CacheError there.
    """

    def __init__(self, db_dir: Path, *, read_only: bool) -> None:
        self._dir = db_dir
        self._read_only = read_only
        self._lock = threading.Lock()
        self._db: Any = None
        self._gone = "is closed; open the session again (%resume)"

    @classmethod
    def open(cls, db_dir: Path) -> LevelStore:
        """Open a session's database, making and marking it if it is not there.

        Parameters
        ----------
        db_dir : pathlib.Path
            ``.nextflow/cache/<session>/db``.

        Returns
        -------
        LevelStore
            The open store; a damaged database is moved to ``db.damaged-<n>``, what can be read of it is taken over,
            and an NbflowWarning says so.

        Raises
        ------
        CacheLockedError
            This or another process has it open.
        CacheError
            Nextflow made it, or the file system refuses it.
        """
        mark_session(db_dir.parent)
        _make_directory(db_dir)
        return cls(db_dir, read_only=False)._register()

    @classmethod
    def open_copy(cls, db_dir: Path) -> LevelStore:
        """Open a private copy of a database to read it; the owner's is never opened.

        Raises
        ------
        CacheError
            The copy is not a whole database.
        """
        return cls(db_dir, read_only=True)._register()

    def get(self, key: bytes) -> bytes | None:
        """See Store."""
        try:
            with self._lock:
                value: bytes | None = self._live().get(key)
        except plyvel.Error as error:
            self._warn_unreadable(error)
            return None
        return value

    def put(self, key: bytes, value: bytes) -> None:
        """See Store."""
        self.write_batch([(key, value)])

    def delete(self, key: bytes) -> None:
        """See Store."""
        self.write_batch([(key, None)])

    def write_batch(self, changes: Iterable[Change]) -> None:
        """See Store."""
        if self._read_only:
            raise CacheError(f"{self._dir} is a snapshot: it is read, never written")
        changes = list(changes)
        with self._lock:
            try:
                self._write(changes)
            except plyvel.CorruptionError as error:
                # A compaction that met damage makes LevelDB refuse every later write.
                self._live().close()
                self._adopt(_salvage(self._dir, error))
                self._write(changes)
            except plyvel.Error as error:
                raise _refusal(self._dir, "write to", error) from error

    def iterate(self) -> Iterator[Item]:
        """See Store."""
        with self._lock:
            pairs: Iterator[Item] = self._live().iterator()
        return self._chunks(pairs)

    def close(self) -> None:
        """See Store."""
        with _open_guard, self._lock:
            if self._db is None:
                return
            self._db.close()
            self._db = None
            if not self._read_only:
                _rename_tables(self._dir)
            for key in [key for key, store in _open.items() if store is self]:
                del _open[key]

    def abandon(self) -> None:
        """Make the store unusable in a forked child, without touching the parent's database."""
        # Kept alive, for destroying it would wait for a LevelDB thread that the child does not have.
        _inherited.append(self._db)
        self._db = None
        self._gone = "was opened before this process was forked, and belongs to its parent; use it there"
        self._lock = threading.Lock()

    def _register(self) -> LevelStore:
        """Open the database unless the process has it open: LevelDB must not even be asked twice."""
        with _open_guard:
            if _identity(self._dir) in _open:
                raise CacheLockedError(
                    f"{self._dir} is already open in this process; use the session that is there, or close it first",
                    holder=f"process {os.getpid()}",
                )
            self._adopt(_connect_copy(self._dir) if self._read_only else _connect(self._dir))
        return self

    def _adopt(self, db: Any) -> None:
        """Hold a fresh database; its directory is another one than before if damage was set aside."""
        self._db = db
        _open[_identity(self._dir)] = self
        _keep_from_programs(self._dir)

    def _live(self) -> Any:
        if self._db is None:
            raise CacheError(f"the database {self._dir} {self._gone}")
        return self._db

    def _write(self, changes: list[Change]) -> None:
        with self._live().write_batch(transaction=True) as batch:
            for key, value in changes:
                if value is None:
                    batch.delete(key)
                else:
                    batch.put(key, value)

    def _chunks(self, pairs: Iterator[Item]) -> Iterator[Item]:
        """Step LevelDB's iterator under the lock, so that no other thread closes the database in mid-step."""
        while True:
            try:
                with self._lock:
                    self._live()
                    chunk = list(itertools.islice(pairs, _CHUNK))
            except plyvel.Error as error:
                self._warn_unreadable(error)
                return
            if not chunk:
                return
            yield from chunk

    def _warn_unreadable(self, error: Exception) -> None:
        warnings.warn(
            f"part of the task cache {self._dir} cannot be read ({error}); its tasks count as not cached",
            NbflowWarning,
            stacklevel=3,
        )


def repair(db_dir: Path) -> None:
    """Rebuild what can be read of a private copy of a database.

    Raises
    ------
    CacheError
        Nothing could be made of it.
    """
    try:
        plyvel.repair_db(str(db_dir), compression=None)
    except _FAILED_OPENS as error:
        raise _refusal(db_dir, "repair", error) from error


def _identity(path: Path) -> tuple[int, int]:
    try:
        return _identity_of(os.stat(path))
    except OSError as error:
        raise _refusal(path, "open", error) from error


def _identity_of(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _keep_from_programs(db_dir: Path) -> None:
    """Close LevelDB's descriptors, that of LOCK above all, in programs that this process starts.

    LevelDB before 1.23, as plyvel brings it, leaves them open across an exec.
    """
    own = set()
    for name in os.listdir(db_dir):
        with contextlib.suppress(FileNotFoundError):  # LevelDB tidies up in a thread of its own from the first moment
            own.add(_identity_of(os.stat(db_dir / name)))
    for name in os.listdir("/dev/fd"):
        with contextlib.suppress(OSError):  # the listing's own descriptor is closed by now
            if _identity_of(os.fstat(int(name))) in own:
                os.set_inheritable(int(name), False)


def _make_directory(db_dir: Path) -> None:
    try:
        db_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _refusal(db_dir, "make", error) from error


def _connect(db_dir: Path) -> Any:
    try:
        with _owned(db_dir):
            check_files(db_dir)
        return plyvel.DB(str(db_dir), create_if_missing=True, compression=None)
    except _FAILED_OPENS as error:
        if not _is_damage(error):
            raise _refusal(db_dir, "open", error) from error
        return _salvage(db_dir, error)


def _connect_copy(db_dir: Path) -> Any:
    try:
        return plyvel.DB(str(db_dir), create_if_missing=False, compression=None)
    except _FAILED_OPENS as error:
        raise _refusal(db_dir, "open", error) from error


@contextlib.contextmanager
def _owned(db_dir: Path) -> Iterator[None]:
    """Hold LevelDB's lock for as long as LevelDB itself does not: the files of an owner at work look damaged.

    Only while this process does not have the database open, for closing the descriptor gives up LevelDB's lock.
    """
    descriptor = os.open(db_dir / "LOCK", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _is_damage(error: Exception) -> bool:
    return isinstance(error, (plyvel.CorruptionError, ValueError)) or "No such file" in str(error)


def _salvage(db_dir: Path, error: Exception) -> Any:
    """Set a damaged database aside, and open what can be read of a copy, or else an empty one."""
    aside = _free_name(db_dir)
    try:
        with _owned(db_dir):
            db_dir.rename(aside)
    except OSError as refused:
        raise _refusal(db_dir, "set aside the damaged", refused) from refused
    shutil.copytree(aside, db_dir, ignore=shutil.ignore_patterns("LOCK", "lost"))
    try:
        repair(db_dir)
        opened = plyvel.DB(str(db_dir), create_if_missing=True, compression=None)
        rest = "what can be read of it was taken over"
    except (CacheError, *_FAILED_OPENS):
        shutil.rmtree(db_dir)
        _make_directory(db_dir)
        opened = plyvel.DB(str(db_dir), create_if_missing=True, compression=None)
        rest = "the session starts with an empty one, and its tasks run again"
    warnings.warn(
        f"the task cache {db_dir} is damaged ({error}); it was moved to {aside.name}, {rest}",
        NbflowWarning,
        stacklevel=2,
    )
    return opened


def _free_name(db_dir: Path) -> Path:
    names = (db_dir.with_name(f"{db_dir.name}.damaged-{number}") for number in itertools.count(1))
    return next(name for name in names if not name.exists())


def _rename_tables(db_dir: Path) -> None:
    """Give tables the suffix that Java's LevelDB looks for; the native one finds them under both."""
    for table in db_dir.glob("*.ldb"):
        table.rename(table.with_suffix(".sst"))


def _refusal(db_dir: Path, verb: str, error: Exception) -> CacheError:
    text = str(error)
    if isinstance(error, BlockingIOError) or ("LOCK" in text and ("unavailable" in text or "already held" in text)):
        return CacheLockedError(
            f"{db_dir} is open in another process (see which with: lsof {db_dir / 'LOCK'}); end it, "
            "or start a fresh session with: %resume new"
        )
    return CacheError(
        f"could not {verb} task cache {db_dir}: {text}. Usual causes are a full disk, missing permissions, or a network "
        "file system without locks; NXF_CACHE_DIR moves the cache to another place"
    )


def _abandon_all() -> None:
    for store in set(_open.values()):
        store.abandon()
    _open_guard.release()


# Held through the fork, so that the child does not get it in the hands of a thread that it does not have.
os.register_at_fork(before=_open_guard.acquire, after_in_parent=_open_guard.release, after_in_child=_abandon_all)
