"""Tells a body that looks for files by a pattern where they are not: it would find none, and nobody would notice.

A relative name that is not in the work directory is an error by itself; a relative pattern gives an empty list. Changes
nothing and finds nothing itself: it watches the audit events of ``glob`` and ``pathlib``.
"""

from __future__ import annotations

import glob
import os
import sys
import threading
from typing import Any

from nbflow.errors import MissingInputError

_OF_PATHS = {"pathlib.Path.glob": "", "pathlib.Path.rglob": "**"}
_looking = threading.local()


def watch(launch_dir: str) -> None:
    """Watch this process from now on.

    Parameters
    ----------
    launch_dir : str
        Where the files may lie that a relative pattern means.
    """
    work_dir = os.getcwd()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "glob.glob" or event in _OF_PATHS:
            pattern = _relative(event, arguments)
            if pattern is not None and not getattr(_looking, "now", False) and os.getcwd() == work_dir:
                _check(pattern, launch_dir)

    sys.addaudithook(hook)


def _relative(event: str, arguments: tuple[Any, ...]) -> str | None:
    """The pattern that an event is about, if it is relative to the work directory."""
    pattern = arguments[0] if event == "glob.glob" else os.path.join(arguments[0], _OF_PATHS[event], str(arguments[1]))
    return pattern if isinstance(pattern, str) and not os.path.isabs(pattern) else None


def _check(pattern: str, launch_dir: str) -> None:
    """Refuse a pattern that fits nothing here, and something in the launch directory.

    Raises
    ------
    MissingInputError
        Then.
    """
    _looking.now = True
    try:
        here = next(glob.iglob(pattern, recursive=True), None)
        there = [] if here else glob.glob(os.path.join(glob.escape(launch_dir), pattern), recursive=True)
    finally:
        _looking.now = False
    if there:
        found = "1 file" if len(there) == 1 else f"{len(there)} files"
        raise MissingInputError(
            f"{pattern!r} fits {found} in the launch directory and none in the task's own work directory, where "
            f"the body runs; list them in a cell, as in `found = sorted(Path().glob({pattern!r}))`, and read `found` here"
        )
