"""Shows what a task printed and displayed, in its order: from the files in its work directory, after it or while it runs.

Alone here: how ``.nbflow/events``, ``.command.out`` and ``.command.err`` are read back. Never writes into the work
directory, and never fails on what it finds there: what is missing, torn or unreadable is not shown.

The events are JSON lines: ``["out", start, end]`` and ``["err", start, end]`` (byte ranges of the two files),
``["display", {"data", "metadata", "transient"}]``, ``["update", {...}]``, ``["result", {...}]``, ``["clear", wait]``.
While a task runs, bytes that no event tells of yet are shown as they come.
"""

from __future__ import annotations

import codecs
import json
import os
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

#: No output is read in larger pieces.
_CHUNK = 1 << 20


class Screen(Protocol):
    """Where output goes: the part of IPython's display publisher that is used."""

    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
    ) -> None:
        """Publish, or update, a display."""

    def clear_output(self, wait: bool = False) -> None:
        """Clear the cell's output."""


@dataclass(frozen=True, slots=True)
class KeptResult:
    """The last expression of a task, as it was shown: displayed by IPython as the cell's own result.

    Attributes
    ----------
    data, metadata : dict
        The MIME bundle.
    """

    data: dict[str, Any]
    metadata: dict[str, Any]

    def _repr_mimebundle_(
        self, include: object = None, exclude: object = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        return dict(self.data), dict(self.metadata)

    def __repr__(self) -> str:
        return str(self.data.get("text/plain", "<result without text>"))


class Tail:
    """Reads a task's output as it comes.

    Parameters
    ----------
    work_dir : pathlib.Path
        The task's work directory; it need not exist yet.
    screen : Screen
        Where displays go: the shell's ``display_pub``. Text goes to ``sys.stdout`` and ``sys.stderr``.

    Attributes
    ----------
    work_dir : pathlib.Path
        The task's work directory.
    result : KeptResult or None
        The last expression, as soon as it was shown.
    clears : int
        How often the task cleared the cell's output: what else was shown there is gone.
    """

    def __init__(self, work_dir: Path, screen: Screen) -> None:
        self.work_dir = work_dir
        self._screen = screen
        self._events = _Reader(work_dir / ".nbflow" / "events")
        self._line = b""
        self._streams = {
            "out": _Stream(work_dir / ".command.out", lambda text: _write(sys.stdout, sys.stderr, text)),
            "err": _Stream(work_dir / ".command.err", lambda text: _write(sys.stderr, sys.stdout, text)),
        }
        # A display that is shown again must not change the one of an earlier cell: each gets an id of its own.
        self._ids: dict[str, str] = {}
        self.result: KeptResult | None = None
        self.clears = 0
        self._over = False

    def poll(self) -> bool:
        """Show what has come since the last call; the last expression is kept in ``result``.

        Returns
        -------
        bool
            Whether there was anything.
        """
        # The sizes first: what is within them came before any event that is not there when the events are read next.
        sizes = {name: stream.size() for name, stream in self._streams.items()}
        seen = [self._show(event) for event in self._new_events()]
        if self._over:
            return any(seen)
        shown = [stream.show(sizes[name]) for name, stream in self._streams.items()]
        return any(seen) or any(shown)

    def finish(self) -> KeptResult | None:
        """Show the rest of a task that has ended.

        Returns
        -------
        KeptResult or None
            The last expression, if it was shown; the caller hands it to IPython as the cell's result.
        """
        while self.poll():
            pass
        for stream in self._streams.values():
            stream.close()
        return self.result

    def _new_events(self) -> list[list[Any]]:
        *lines, self._line = (self._line + self._events.read()).split(b"\n")
        events = [_parsed(line) for line in lines]
        return [event for event in events if event is not None]

    def _show(self, event: list[Any]) -> bool:
        kind, *rest = event
        if kind == "traceback":
            self._over = True  # what follows on stderr is the traceback, which the cell's own error shows
        if self._over:
            return False
        if kind in self._streams and len(rest) == 2 and all(isinstance(place, int) for place in rest):
            return self._streams[kind].show(rest[1])
        if kind in ("display", "update", "result") and rest and isinstance(rest[0], dict):
            return self._show_bundle(kind, rest[0])
        if kind == "clear":
            self._screen.clear_output(wait=bool(rest and rest[0]))
            self.clears += 1
            return True
        return False

    def _show_bundle(self, kind: str, bundle: dict[str, Any]) -> bool:
        data, metadata, transient = (_as_dict(bundle.get(name)) for name in ("data", "metadata", "transient"))
        if kind == "result":
            self.result = KeptResult(data, metadata)
            return True
        if "display_id" in transient:
            transient["display_id"] = self._ids.setdefault(str(transient["display_id"]), f"nbflow-{uuid.uuid4().hex}")
        self._screen.publish(data, metadata, transient=transient, update=kind == "update")
        return True


def replay(work_dir: Path, screen: Screen) -> KeptResult | None:
    """Show all output of a task that has ended.

    Parameters
    ----------
    work_dir : pathlib.Path
        Its work directory.
    screen : Screen
        The shell's ``display_pub``.

    Returns
    -------
    KeptResult or None
        The last expression, if it was shown.
    """
    return Tail(work_dir, screen).finish()


def kept_result(work_dir: Path) -> KeptResult | None:
    """The last expression of a task whose output has been shown already.

    Parameters
    ----------
    work_dir : pathlib.Path
        Its work directory.
    """
    lines = _Reader(work_dir / ".nbflow" / "events").read().splitlines()
    bundles = [event[1] for line in lines if (event := _parsed(line)) is not None and event[0] == "result"]
    return KeptResult(_as_dict(bundles[-1].get("data")), _as_dict(bundles[-1].get("metadata"))) if bundles else None


class _Reader:
    """Reads a growing file from where it stopped; a file that is not there is empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.position = 0

    def size(self) -> int:
        try:
            return os.stat(self._path).st_size
        except OSError:
            return 0

    def read(self, end: int | None = None) -> bytes:
        try:
            with open(self._path, "rb") as file:
                file.seek(self.position)
                data = file.read() if end is None else file.read(max(0, end - self.position))
        except OSError:
            return b""
        self.position += len(data)
        return data


class _Stream:
    """One of the two streams: bytes of a file become text, whole characters only."""

    def __init__(self, path: Path, write: Callable[[str], None]) -> None:
        self._reader = _Reader(path)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self._write = write
        self.size = self._reader.size

    def show(self, end: int) -> bool:
        """Show the bytes up to an end that was told; true if there were any."""
        any_shown = False
        while data := self._reader.read(min(end, self._reader.position + _CHUNK)):
            any_shown = True
            if text := self._decoder.decode(data):
                self._write(text)
        return any_shown

    def close(self) -> None:
        """Show what a torn last character left."""
        if text := self._decoder.decode(b"", final=True):
            self._write(text)


def _write(stream: Any, other: Any, text: str) -> None:
    # Each stream is buffered on its own: only what is flushed before the other writes keeps its place.
    other.flush()
    stream.write(text)
    stream.flush()


def _parsed(line: bytes) -> list[Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, list) and event else None


def _as_dict(value: object) -> dict[str, Any]:
    return dict(value) if isinstance(value, dict) else {}
