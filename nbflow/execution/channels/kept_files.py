"""Files that operators write, at a place that follows from their name and content.

So the same items give the same file in every run, untouched where it is there already: tasks that take it are reused. A file
appears whole or not at all. Knows no channel.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import xxhash

from nbflow.storage.collected import Collected

NOTES: dict[Path, Callable[[Path], None]] = {}
"""Who notes the files below a work directory, so that they can be cleaned away with their session."""

_CHUNK = 1 << 20


def write(pieces: Iterable[bytes | Path], name: str, *, root: Path | None = None, folder: Path | None = None) -> Path:
    """Write a file.

    Parameters
    ----------
    pieces : iterable of bytes or pathlib.Path
        What it holds; of a path, the file's content.
    name : str
        What it is called.
    root : pathlib.Path or None
        The work directory, below which a place is found for it.
    folder : pathlib.Path or None
        The directory that it goes to, if it shall have a certain one.

    Returns
    -------
    pathlib.Path
        Absolute.
    """
    work = root or Path("work")
    collected = Collected(work)
    above = folder or collected.root
    above.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=above, prefix=".nbflow-")
    try:
        with open(handle, "wb") as file:
            digest = xxhash.xxh3_128(name.encode("utf-8", "surrogateescape") + b"\0")
            for piece in pieces:
                for block in _blocks(piece):
                    file.write(block)
                    digest.update(block)
        found = digest.hexdigest()
        if folder is not None:
            return _settle(Path(temporary), folder / name)
        with collected.hold():
            target = _settle(Path(temporary), above / found[:2] / found[2:] / name)
            if (note := NOTES.get(work)) is not None:
                note(target)
        return target
    finally:
        if os.path.lexists(temporary):
            os.unlink(temporary)


def _blocks(piece: bytes | Path) -> Iterable[bytes]:
    if isinstance(piece, bytes):
        yield piece
        return
    with open(piece, "rb") as file:
        while block := file.read(_CHUNK):
            yield block


def _settle(temporary: Path, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not _same(temporary, target):
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)
        os.replace(temporary, target)
    return Path(os.path.abspath(target))


def _same(one: Path, other: Path) -> bool:
    """Whether a file is there already with this content: what somebody changed is written again."""
    if not other.is_file() or one.stat().st_size != other.stat().st_size:
        return False
    with open(one, "rb") as first, open(other, "rb") as second:
        while block := first.read(_CHUNK):
            if block != second.read(_CHUNK):
                return False
    return True
