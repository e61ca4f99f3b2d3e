"""Containers that an earlier run wrote: whether one can be taken as it is, told by the facts that lie beside it.

Alone reads and writes ``values.facts``. A container that is not surely whole is no container: who asks writes it anew.
Does not know what containers hold.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import cloudpickle

from nbflow.core.values.contents import content_digest
from nbflow.errors import InputError
from nbflow.storage.values import Dumped, write_aside

_MADE_BY = f"1 {sys.version} cloudpickle {cloudpickle.__version__}"
"""What pickles are made by; another may not make the same of them."""


def remember(path: Path, dumped: Dumped, boot: str) -> None:
    """Write down what is known of a container.

    Parameters
    ----------
    path : pathlib.Path
        The container.
    dumped : Dumped
        What its writing gave.
    boot : str
        Identity of the machine's start.
    """
    facts = {"made_by": _MADE_BY, "boot": boot, "dumped": asdict(dumped)}
    write_aside(_facts(path), [json.dumps(facts).encode()])


def recall(path: Path, buffers_dir: Path, boot: str) -> Dumped | None:
    """What is known of a container that is whole.

    Parameters
    ----------
    path, buffers_dir : pathlib.Path
        As it was written.
    boot : str
        Identity of the machine's start: its large buffers are trusted by size and time within one, by content else.

    Returns
    -------
    Dumped or None
        None where it, its buffers or the facts are missing, changed or made in another way.
    """
    try:
        facts = json.loads(Path(_facts(path)).read_bytes())
        told = facts["dumped"]
        dumped = Dumped(**{**told, "buffers": tuple((name, size, mtime) for name, size, mtime in told["buffers"])})
        same_start = facts["boot"] == boot
        if facts["made_by"] != _MADE_BY or not _whole(path, buffers_dir, dumped, by_content=not same_start):
            return None
    except (OSError, ValueError, TypeError, KeyError, InputError):
        return None
    if not same_start:
        remember(path, dumped, boot)
    return dumped


def forget(path: Path) -> None:
    """Let a container be written anew, since it could not be read."""
    Path(_facts(path)).unlink(missing_ok=True)


def _facts(path: Path) -> str:
    return f"{path}.facts"


def _whole(path: Path, buffers_dir: Path, dumped: Dumped, *, by_content: bool) -> bool:
    if not _is(path, dumped.size, dumped.mtime_ns) or content_digest(path).hex() != dumped.checksum:
        return False
    for name, size, mtime_ns in dumped.buffers:
        buffer = buffers_dir / name
        if not _is(buffer, size, mtime_ns):
            return False
        if by_content and content_digest(buffer).hex() != name.removesuffix(".buffer"):
            return False
    return True


def _is(path: Path, size: int, mtime_ns: int) -> bool:
    status = os.stat(path)
    return (status.st_size, status.st_mtime_ns) == (size, mtime_ns)
