"""Digests of file contents that were read before, so that a large input is read once per version of it.

Alone here: ``.nextflow/nbflow/digests``, one line a version of a file, appended by any kernel of the launch directory. A
version is known by path, size, times, inode and device; it is remembered only if any later change would show in these. A
line that is damaged is passed over: then the file is read again. Waits only for the clock to leave the tick in which a file
was changed. Does not know what the digests are for.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path

import xxhash

from nbflow.core.parts import combine
from nbflow.core.values.contents import identity, look, read_content, rest_of_tick
from nbflow.errors import NbflowWarning

_MOST = 200_000
"""Lines at which the older half is dropped when the file is read."""


class DigestMemo:
    """Digests files, and remembers them on disk.

    Parameters
    ----------
    path : pathlib.Path
        The file that remembers; it and its directory are made when something is to be remembered.
    writes : bool
        Whether it may; else what it reads is remembered until it ends.

    Notes
    -----
    May be called from any thread, and by several processes at once: each appends whole lines.
    """

    def __init__(self, path: Path, *, writes: bool = True) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._known: dict[bytes, bytes] | None = None
        self._writes = writes

    def __call__(self, path: Path, mode: str) -> bytes:
        """Digest a regular file's content; as `nbflow.core.values.contents.content_digest`, and it raises the same."""
        status = look(path)
        known = self._remembered().get(_key(path, mode, status))
        if known is not None:
            return known
        _wait_out(_last_change(status), status)
        begun = time.time_ns()
        content = read_content(path, mode)
        if not rest_of_tick(_last_change(content.status), content.status, begun):
            self._remember(_key(path, mode, content.status), content.digest)
        return content.digest

    def _remembered(self) -> dict[bytes, bytes]:
        with self._lock:
            if self._known is None:
                self._known = self._read()
            return self._known

    def _read(self) -> dict[bytes, bytes]:
        try:
            lines = self._path.read_bytes().split(b"\n")
        except OSError:
            return {}
        if len(lines) > _MOST and self._writes:
            lines = lines[-_MOST // 2 :]
            self._replace(lines)
        return dict(pair for line in lines if (pair := _parsed(line)) is not None)

    def _replace(self, lines: list[bytes]) -> None:
        aside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        with suppress(OSError):  # it stays as long as it is, which is no harm
            aside.write_bytes(b"\n".join(lines))
            os.replace(aside, self._path)

    def _remember(self, key: bytes, digest: bytes) -> None:
        self._remembered()[key] = digest
        if not self._writes:
            return
        try:
            self._append(_line(key, digest))
        except OSError as error:
            self._writes = False
            warnings.warn(
                f"cannot write {self._path}: {error.strerror}; input files will be read again by the next kernel",
                NbflowWarning,
                stacklevel=3,
            )

    def _append(self, line: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)


def settled_look(path: Path) -> os.stat_result:
    """Look at a file once the tick of its last modification is over, so that the next gives it another time.

    Raises
    ------
    InputError
        As `nbflow.core.values.contents.look`.
    """
    status = look(path)
    return look(path) if _wait_out(status.st_mtime_ns, status) else status


def _last_change(status: os.stat_result) -> int:
    return max(status.st_mtime_ns, status.st_ctime_ns)


def _wait_out(changed: int, status: os.stat_result) -> bool:
    """Wait for the end of a tick, for nothing else tells of it; whether that was needed, which it seldom is."""
    rest = rest_of_tick(changed, status, time.time_ns())
    if rest:
        time.sleep(rest / 1e9)
    return rest > 0


def _key(path: Path, mode: str, status: os.stat_result) -> bytes:
    facts = [str(fact).encode() for fact in identity(status)]
    return combine("version of a file", [mode.encode(), os.fsencode(os.path.abspath(path)), *facts])


def _line(key: bytes, digest: bytes) -> bytes:
    text = f"{key.hex()} {digest.hex()}".encode()
    # A line begins anew whatever a writer that was killed has left before it.
    return b"\n" + text + b" " + _check(text) + b"\n"


def _check(text: bytes) -> bytes:
    return xxhash.xxh3_64_hexdigest(text).encode()


def _parsed(line: bytes) -> tuple[bytes, bytes] | None:
    text, _, check = line.rpartition(b" ")
    if not text or _check(text) != check:
        return None
    key, _, digest = text.decode().partition(" ")
    return bytes.fromhex(key), bytes.fromhex(digest)
