"""Which sessions rely on the files that operators wrote below the work directory: ``work/collect-file/.sessions``.

A file there belongs to whoever wrote the same content, so several sessions, and several launch directories that share a work
directory, may rely on one. Alone notes that, a list a session, and removes a file when the last of them lets go. A file
that nobody noted is never removed.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nbflow.storage.removal import remove
from nbflow.storage.sizes import freed_by

_LISTS = ".sessions"
_LOCK = ".lock"
_BEFORE = "before-"


class Collected:
    """The files below a work directory.

    Parameters
    ----------
    root : pathlib.Path
        The work directory.
    """

    def __init__(self, root: Path) -> None:
        self.root = root / "collect-file"

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold all of them: none is removed between being found and being noted."""
        lists = self.root / _LISTS
        lists.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lists / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            with suppress(OSError):  # a file system without locks: work directories may lie on one
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def orphans(self, session: str) -> dict[Path, int]:
        """The files that nobody but a session relies on, with their sizes in bytes."""
        others = {name for other in self._sessions() if other != session for name in self._named(other)}
        paths = (self.root / name for name in sorted(self._named(session) - others))
        return {path: freed_by(path) for path in paths if os.path.lexists(path)}

    def release(self, session: str) -> dict[Path, int]:
        """Let a session go: remove the files that nobody else relies on, and return them as `orphans` does."""
        if not self._list(session).exists():
            return {}
        with self.hold():
            gone = self.orphans(session)
            for path in gone:
                remove(path, self.root)
                _prune(path.parent, self.root)
            self._list(session).unlink(missing_ok=True)
        return gone

    def note(self, owner: str, path: Path) -> None:
        """Note that a session relies on a file; the files are held."""
        with open(self._list(owner), "a", encoding="utf-8") as file:
            file.write(f"{json.dumps(str(path.relative_to(self.root)))}\n")

    def adopt(self, owner: str, session: str) -> None:
        """Let a session have what was noted for an owner that had none yet."""
        if self._list(owner).exists():
            with self.hold():
                text = self._list(owner).read_text(encoding="utf-8")
                with open(self._list(session), "a", encoding="utf-8") as file:
                    file.write(text)
                self._list(owner).unlink()

    def _list(self, owner: str) -> Path:
        return self.root / _LISTS / owner

    def _sessions(self) -> list[str]:
        try:
            return [name for name in os.listdir(self.root / _LISTS) if name != _LOCK]
        except FileNotFoundError:
            return []

    def _named(self, owner: str) -> set[str]:
        try:
            lines = self._list(owner).read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return set()
        return {name for line in lines if (name := _name(line)) is not None}


class Owner:
    """Notes files for one session, which may begin after the first of them.

    Parameters
    ----------
    collected : Collected
        The files.
    """

    def __init__(self, collected: Collected) -> None:
        self.collected = collected
        self._name = f"{_BEFORE}{uuid.uuid4()}"
        self._noted: set[Path] = set()

    def note(self, path: Path) -> None:
        """Note a file; they are held."""
        if path not in self._noted:
            self.collected.note(self._name, path)
            self._noted.add(path)

    def begins(self, session: str) -> None:
        """The session is known now."""
        before, self._name = self._name, session
        self.collected.adopt(before, session)

    def ends(self) -> None:
        """The run has ended: what is written from now on is the next one's."""
        self._name, self._noted = f"{_BEFORE}{uuid.uuid4()}", set()


def _name(line: str) -> str | None:
    """A path below the directory; None for a line that is none, as a crash or a stranger leaves one."""
    try:
        name = json.loads(line)
    except ValueError:
        return None
    sound = isinstance(name, str) and name and not name.startswith("/") and ".." not in Path(name).parts
    return name if sound else None


def _prune(directory: Path, root: Path) -> None:
    """Remove directories that are empty now."""
    while directory != root:
        try:
            directory.rmdir()
        except OSError:
            return  # it is not empty
        directory = directory.parent
