"""What a task prints and displays, kept in order: ``.command.out``, ``.command.err`` and ``.nbflow/events``.

Alone writes those three files from a Python task. Works on descriptors, so that output of C code and of child processes
is kept too. Knows neither IPython nor the kernel.

An event is one JSON line: ``["out", start, end]`` and ``["err", start, end]`` are bytes of the two files; ``["display",
{"data", "metadata", "transient"}]``, ``["update", {...}]``, ``["result", {...}]`` are MIME bundles; ``["clear", wait]``;
``["traceback", null]``: what follows is how the task failed, which the error itself tells too.
"""

from __future__ import annotations

import builtins
import ctypes
import io
import json
import os
import sys
import threading
from collections.abc import Mapping
from typing import Any

from nbflow.execution.spec import EVENTS
from nbflow.execution.worker.mimebundle import encoded, mimebundle, own_display, plain_text, with_metadata

OUT, ERR = ".command.out", ".command.err"
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
_LIBC = ctypes.CDLL(None)
_FILES = {"out": (OUT, 1), "err": (ERR, 2)}


class _Stream(io.TextIOWrapper):
    """A text stream that tells the recorder when output changes from one stream to the other."""

    def __init__(self, descriptor: int, name: str, recorder: Recorder, errors: str) -> None:
        raw = io.FileIO(descriptor, "w", closefd=False)
        super().__init__(io.BufferedWriter(raw), encoding="utf-8", errors=errors, line_buffering=True)
        self._stream, self._recorder = name, recorder

    def write(self, text: str) -> int:
        self._recorder.switch(self._stream)
        return super().write(text)


class Recorder:
    """Takes over the standard streams of this process, and writes the events, once it was started.

    It may be made long before, in the process that this one is a fork of.
    """

    def __init__(self) -> None:
        self._path = EVENTS
        self._events: int | None = None
        self._kept: dict[str, int] = {}
        self._seen = dict.fromkeys(_FILES, 0)
        self._current = "out"
        self._lock = threading.RLock()
        self._active = False
        self._streams = _Stream(1, "out", self, "strict"), _Stream(2, "err", self, "backslashreplace")

    def start(self) -> None:
        """Take over the streams, into files of the current directory, and make ``display`` a builtin."""
        # The body may change directory before the first event.
        self._path = f"{os.getcwd()}/{EVENTS}"
        self._kept = {name: _take_over(path, number) for name, (path, number) in _FILES.items()}
        sys.stdout, sys.stderr = self._streams
        self._active = True
        # A forked child of the body shares the files but not the order of events.
        os.register_at_fork(after_in_child=self._stop)
        _recorders[:] = [self]
        builtins.display = display  # type: ignore[attr-defined]

    def _stop(self) -> None:
        self._active = False
        self._lock = threading.RLock()

    def switch(self, stream: str) -> None:
        """Note that the next output goes to a stream, ``out`` or ``err``."""
        if stream != self._current and self._active:
            with self._lock:
                self.sync()
                self._current = stream

    def sync(self) -> None:
        """Write out what is buffered, and note what both streams got since last time."""
        if not self._active:
            return
        with self._lock:
            _flush()
            for name in sorted(_FILES, key=lambda name: name != self._current):
                size = os.fstat(self._kept[name]).st_size
                if size > self._seen[name]:
                    self._write([name, self._seen[name], size])
                self._seen[name] = size

    def event(self, kind: str, content: Any) -> None:
        """Note an event after all output so far."""
        if self._active:
            with self._lock:
                self.sync()
                self._write([kind, content])

    def result(self, value: object) -> None:
        """Show the value of the last expression; None shows nothing."""
        if value is None:
            return
        show = own_display(value)
        if show is not None:
            show()
            return
        data, metadata = mimebundle(value)
        self.event("result", {"data": data, "metadata": metadata})

    def _write(self, event: list[Any]) -> None:
        if self._events is None:
            self._events = os.open(self._path, _FLAGS, 0o644)
        os.write(self._events, json.dumps(event, default=plain_text).encode() + b"\n")


def _take_over(path: str, number: int) -> int:
    descriptor = os.open(path, _FLAGS, 0o644)
    os.dup2(descriptor, number)
    return descriptor


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, _Stream):
            stream.flush()
    _LIBC.fflush(None)


class DisplayHandle:
    """A display that can be changed later.

    Parameters
    ----------
    display_id : str
        Its identity.
    """

    def __init__(self, display_id: str) -> None:
        self.display_id = display_id

    def display(self, obj: object, **options: Any) -> None:
        """Display an object under this identity."""
        display(obj, display_id=self.display_id, **options)

    def update(self, obj: object, **options: Any) -> None:
        """Put an object in the place of the one displayed."""
        update_display(obj, display_id=self.display_id, **options)


_recorders: list[Recorder] = []


def rehearse() -> None:
    """Make and use a stream that goes nowhere, to no end but that this process has done it once."""
    with open(os.devnull, "wb", buffering=0) as nowhere:
        stream = io.TextIOWrapper(io.BufferedWriter(io.FileIO(nowhere.fileno(), "w", closefd=False)), encoding="utf-8")
        stream.write(json.dumps(["out", 0, 1], default=plain_text) + "\n")
        stream.flush()
    _flush()


def display(
    *objects: object,
    display_id: str | bool | None = None,
    metadata: Mapping[str, Any] | None = None,
    transient: Mapping[str, Any] | None = None,
    raw: bool = False,
    clear: bool = False,
    include: object = None,
    exclude: object = None,
    update: bool = False,
    **_: object,
) -> DisplayHandle | None:
    """Display objects, as IPython's function of that name.

    Parameters
    ----------
    *objects : object
        What to display; with `raw`, MIME bundles.
    display_id : str, True or None
        An identity for later updates; True makes one.
    metadata, transient : mapping or None
        Added to each bundle.
    raw, clear, update : bool
        As in IPython; `include` and `exclude` are accepted, all representations are kept.

    Returns
    -------
    DisplayHandle or None
        With `display_id`.
    """
    if clear:
        clear_output(wait=True)
    identity = os.urandom(16).hex() if display_id is True else display_id or None
    about = dict(transient or {}, **({"display_id": identity} if identity else {}))
    for obj in objects:
        show = None if raw else own_display(obj)
        if show is not None:
            show()
            continue
        bundle = (dict(obj), {}) if raw and isinstance(obj, Mapping) else mimebundle(obj)
        publish_display_data(*with_metadata(bundle, metadata), transient=about, update=update)
    return DisplayHandle(identity) if identity else None


def update_display(obj: object, *, display_id: str, **options: Any) -> None:
    """Change a display, by its identity."""
    display(obj, display_id=display_id, **{**options, "update": True})


def publish_display_data(
    data: Mapping[str, Any],
    metadata: Mapping[str, Any] | None = None,
    *,
    transient: Mapping[str, Any] | None = None,
    update: bool = False,
    **_: object,
) -> None:
    """Display a MIME bundle that is ready."""
    content = {"data": {mime: encoded(part) for mime, part in data.items()}, "metadata": dict(metadata or {})}
    if transient:
        content["transient"] = dict(transient)
    for recorder in _recorders:
        recorder.event("update" if update else "display", content)


def clear_output(wait: bool = False) -> None:
    """Clear what was shown so far; with `wait`, once something new is shown."""
    for recorder in _recorders:
        recorder.event("clear", bool(wait))


def show_figures() -> None:
    """Display all figures of pyplot, in order, and close them."""
    helpers = sys.modules.get("matplotlib._pylab_helpers")
    if helpers is None:
        return
    for manager in helpers.Gcf.get_all_fig_managers():
        display(manager.canvas.figure)
    helpers.Gcf.destroy_all()
