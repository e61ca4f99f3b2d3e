"""Reads a database that another process owns, from a private copy of its files at one moment.

Alone here: making such copies. It never opens the owner's database nor its LOCK, and never writes to a file of the
owner's. It must not know what the entries mean.

The method: hold every table, copy every log, then copy the MANIFEST; if it names a table that is not held, go round
again. Whatever was committed before is then in a held table or in a copied log, since LevelDB deletes a log only after
the MANIFEST names its table. Tables are hard links, for they never change; but a link that the copied MANIFEST does not
name must go before LevelDB opens the copy, which may give out its number anew and then truncates the owner's file.
Plain copies in any order lose committed entries or do not open (measured).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbflow.errors import CacheError, NbflowWarning
from nbflow.storage.database.leveldb import LevelStore, repair
from nbflow.storage.database.manifest import LiveFiles, live_files, read_manifest
from nbflow.storage.database.marker import is_marked
from nbflow.storage.database.store import MemoryStore, Store

_TRIES = 20
_ROUNDS = 100
_STILL = 3
_PAUSE = 0.005
_PREFIX = "snapshot-"
_TABLE = re.compile(r"(\d+)\.(?:ldb|sst)")
_LOG = re.compile(r"(\d+)\.log")


@contextmanager
def open_snapshot(db_dir: Path, scratch_dir: Path) -> Iterator[Store]:
    """Open what a database holds now, to read it, whoever owns it.

    Parameters
    ----------
    db_dir : pathlib.Path
        ``.nextflow/cache/<session>/db``, nbflow's or Nextflow's. One that is not there reads as empty.
    scratch_dir : pathlib.Path
        Where the copy lies meanwhile, best on the same file system: it is made if need be.

    Yields
    ------
    Store
        Every entry that was committed before the call; it refuses to be written. What is damaged is left out, with a
        NbflowWarning.
    """
    scratch_dir.mkdir(parents=True, exist_ok=True)
    _sweep(scratch_dir)
    with _private_directory(scratch_dir) as directory, contextlib.closing(_open(db_dir, directory)) as store:
        yield store


def _open(db_dir: Path, directory: Path) -> Store:
    failure = "no moment was found at which its files agree"
    for number in range(_TRIES):
        if not _is_database(db_dir):
            return MemoryStore()
        copy = directory / str(number)
        copy.mkdir()
        try:
            return _Copy(db_dir, copy).open()
        except (CacheError, OSError, ValueError) as error:
            failure = str(error)
            shutil.rmtree(copy, ignore_errors=True)  # only for the space: it goes with its directory
            time.sleep(_PAUSE)
    return _open_damaged(db_dir, directory / "rest", failure)


def _is_database(db_dir: Path) -> bool:
    try:
        return any(name == "CURRENT" or _TABLE.fullmatch(name) or _LOG.fullmatch(name) for name in os.listdir(db_dir))
    except FileNotFoundError:
        return False


def _open_damaged(db_dir: Path, copy: Path, failure: str) -> Store:
    """Open what can be rebuilt from copies of the files, none of them a link."""
    store: Store
    try:
        shutil.copytree(db_dir, copy, ignore=shutil.ignore_patterns("LOCK", "lost"))
        repair(copy)
        store = LevelStore.open_copy(copy)
    except (CacheError, OSError, shutil.Error):
        store = MemoryStore()
    warnings.warn(
        f"the task cache {db_dir} is damaged ({failure}); what can be read of it is shown", NbflowWarning, stacklevel=2
    )
    return store


class _Copy:
    """One copy in the making."""

    def __init__(self, db_dir: Path, copy: Path) -> None:
        self._db_dir = db_dir
        self._copy = copy
        # Nextflow's files are copied: its LevelDB gives no promise about tables that nbflow has measured.
        self._links = is_marked(db_dir.parent)

    def open(self) -> Store:
        seen: list[LiveFiles] = []
        while len(seen) < _ROUNDS:
            self._hold_tables()
            self._copy_logs()
            manifest, live = self._read_manifest()
            if self._is_whole(live):
                self._settle(manifest, live)
                return LevelStore.open_copy(self._copy)
            seen.append(live)
            if seen[-_STILL:] == [live] * _STILL:  # nobody is at work, so what is missing stays missing
                raise CacheError("a table is missing or cut off")
        raise CacheError("its tables change faster than they can be copied")

    def _hold_tables(self) -> None:
        for name in _names(self._db_dir, _TABLE):
            source, target = self._db_dir / name, self._copy / name
            with contextlib.suppress(FileNotFoundError):
                if not _is_same(source, target):
                    target.unlink(missing_ok=True)
                    self._hold(source, target)

    def _hold(self, source: Path, target: Path) -> None:
        if self._links:
            try:
                return os.link(source, target)
            except FileNotFoundError:
                raise
            except OSError:  # another file system, or one without links
                self._links = False
        shutil.copy2(source, target)
        return None

    def _copy_logs(self) -> None:
        for name in _names(self._db_dir, _LOG):
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(self._db_dir / name, self._copy / name)

    def _read_manifest(self) -> tuple[str, LiveFiles]:
        """Copy the MANIFEST up to its last whole record, for that is all that was read."""
        name, content = read_manifest(self._db_dir)
        live = live_files(content)
        (self._copy / name).write_bytes(content[: live.length])
        return name, live

    def _is_whole(self, live: LiveFiles) -> bool:
        sizes = {_number(name): (self._copy / name).stat().st_size for name in _names(self._copy, _TABLE)}
        return all(sizes.get(number, -1) >= size for number, size in live.tables.items())

    def _settle(self, manifest: str, live: LiveFiles) -> None:
        """Leave nothing but what the MANIFEST names, and name the MANIFEST."""
        for name in _names(self._copy, _TABLE):
            if _number(name) not in live.tables:
                (self._copy / name).unlink()
        for name in _names(self._copy, _LOG):
            if _number(name) < live.first_log and _number(name) != live.previous_log:
                (self._copy / name).unlink()
        (self._copy / "CURRENT").write_text(f"{manifest}\n", "ascii")


def _names(directory: Path, pattern: re.Pattern[str]) -> list[str]:
    return [name for name in os.listdir(directory) if pattern.fullmatch(name)]


def _number(name: str) -> int:
    return int(name.partition(".")[0])


def _is_same(source: Path, target: Path) -> bool:
    """Tell whether the table is held already; a new one of the same name comes after the owner's crash."""
    try:
        held = target.stat()
    except FileNotFoundError:
        return False
    live = source.stat()
    return (held.st_size, held.st_mtime_ns) == (live.st_size, live.st_mtime_ns)


@contextmanager
def _private_directory(scratch_dir: Path) -> Iterator[Path]:
    """Make a directory of its own for one snapshot, under a lock that says its reader lives."""
    descriptor, lock = _new_lock(scratch_dir)
    directory = lock.with_suffix("")
    try:
        directory.mkdir()
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _new_lock(scratch_dir: Path) -> tuple[int, Path]:
    while True:
        descriptor, name = tempfile.mkstemp(prefix=_PREFIX, suffix=".lock", dir=scratch_dir)
        if _try_lock(descriptor) and os.fstat(descriptor).st_nlink:
            return descriptor, Path(name)
        os.close(descriptor)  # a sweep came between


def _sweep(scratch_dir: Path) -> None:
    """Remove the snapshots of readers that were killed: their links keep deleted tables on the disk."""
    for lock in scratch_dir.glob(f"{_PREFIX}*.lock"):
        with contextlib.suppress(FileNotFoundError), lock.open("rb") as file:
            if _try_lock(file.fileno()):
                shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
                lock.unlink(missing_ok=True)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
