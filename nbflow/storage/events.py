"""What happens in a running session, for whoever watches it: an append-only file of JSON lines beside the index.

Alone here: the file ``.nextflow/cache/<session>/events.<run>``, one JSON object a line, one line a task event. The
database has one owner and the index is written in batches, so another process that wants to show a running session tails
this file. It must not know what an event says, and nothing is ever decided by it: it is for eyes.
"""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nbflow.errors import NbflowWarning


class EventLog:
    """The writing end, open until closed.

    Parameters
    ----------
    path : pathlib.Path
        ``.nextflow/cache/<session>/events.<run>``; its directory must be there.

    Notes
    -----
    Each call is one write of whole lines at the end of the file, so calls from several threads do not mix. If the
    disk refuses one, an NbflowWarning says so and the log stays silent from then on: no run fails for its watchers.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            if not _ends_whole(path):
                os.write(self._descriptor, b"\n")
        except OSError as error:
            self._give_up(error)

    def append(self, event: Mapping[str, Any]) -> None:
        """Write one event: anything that `json.dumps` takes."""
        self.extend([event])

    def extend(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Write several events in one go."""
        if self._descriptor < 0:
            return
        try:
            os.write(self._descriptor, "".join(f"{json.dumps(event)}\n" for event in events).encode())
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _give_up(self, error: OSError) -> None:
        self.close()
        warnings.warn(
            f"cannot write {self._path}: {error}; who watches this run from outside sees no more of it",
            NbflowWarning,
            stacklevel=3,
        )


def read_events(path: Path, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Read the events that were written since `offset`.

    Parameters
    ----------
    path : pathlib.Path
        The file; one that is not there has no events.
    offset : int
        Byte to begin at: 0, or what the call before returned.

    Returns
    -------
    tuple of list of dict and int
        The events, and the offset for the next call. A last line that is still being written is left for that call;
        a line that is no JSON object, as a crash leaves one, is passed over.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            text = file.read()
    except FileNotFoundError:
        return [], 0
    whole = text[: text.rfind(b"\n") + 1]
    events = [event for line in whole.splitlines() if (event := _parse(line)) is not None]
    return events, offset + len(whole)


def events_of(path: Path, task_hash: str) -> list[dict[str, Any]]:
    """Read the events that name a task hash; lines of others are not looked at, as there may be hundreds of thousands."""
    try:
        data = path.read_bytes()
    except OSError:
        return []
    wanted, events, at = task_hash.encode(), [], 0
    while (at := data.find(wanted, at)) >= 0:
        begin, end = data.rfind(b"\n", 0, at) + 1, data.find(b"\n", at)
        end = len(data) if end < 0 else end
        event = _parse(data[begin:end])
        if event is not None and event.get("hash") == task_hash:
            events.append(event)
        at = end
    return events


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _ends_whole(path: Path) -> bool:
    """Tell whether the file ends with a whole line: a run that was killed may have left half of one."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 1, 0))
        return file.read(1) in (b"", b"\n")
