"""What happens in a running session, for whoever watches it: an append-only file of JSON lines beside the index.

Alone here: the file ``.nextflow/cache/<session>/events.<run>``, one JSON object a line, one line a task event. The
database has one owner and the index is written in batches, so another process that wants to show a running session tails
this file. It must not know what an event says, and nothing is ever decided by it: it is for eyes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from nbflow.storage.appended import Lines, whole_lines


class EventLog(Lines):
    """The writing end, open until closed: ``.nextflow/cache/<session>/events.<run>``; see `Lines`."""

    _loss = "who watches this run from outside sees no more of it"

    def append(self, event: Mapping[str, Any]) -> None:
        """Write one event: anything that `json.dumps` takes."""
        self.extend([event])

    def extend(self, events: Iterable[Mapping[str, Any]]) -> None:
        """Write several events in one go."""
        self._write(f"{json.dumps(event)}\n".encode() for event in events)


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
    lines, end = whole_lines(path, offset)
    return [event for line in lines if (event := _parse(line)) is not None], end


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
