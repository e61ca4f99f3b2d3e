"""Files of the same content in many work directories: written once, then linked.

Alone decides when a link is as good as a file of its own. Most files that a task gets are those of the task before, and a
new file costs a file system many times what a link does. Knows no task.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from nbflow.storage import workdir

_MOST = 64


class _Source(NamedTuple):
    """A file that was written, and the size and mtime by which it is known to be as it was."""

    path: str
    facts: tuple[int, int] | None


class SharedFiles:
    """Writes files that nobody changes; equal ones become links to the first.

    Notes
    -----
    Methods may be called from any thread.
    """

    def __init__(self) -> None:
        self._sources: dict[tuple[str, int], _Source] = {}

    def write(self, path: str, text: str, mode: int = 0o444) -> None:
        """Write a file of a work directory, as `workdir.write`.

        Parameters
        ----------
        path : str
            The file; there is none yet.
        text : str
            Its content.
        mode : int
            Permissions, before the umask.
        """
        known = self._sources.get((text, mode))
        if known is not None and _link(known, path):
            return
        workdir.write(path, text, mode)
        if len(self._sources) >= _MOST:
            self._sources.clear()
        self._sources[text, mode] = _Source(path, workdir.stat_of(path))


def _link(source: _Source, path: str) -> bool:
    try:
        os.link(source.path, path)
    except OSError:
        return False  # it was deleted, has all the links that it can have, or this file system has none
    if workdir.stat_of(path) == source.facts:
        return True
    os.unlink(path)  # somebody wrote into it
    return False
