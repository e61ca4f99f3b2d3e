"""What a body prints and displays in the kernel, kept as a worker keeps it, while the notebook shows it.

Writes ``.command.out``, ``.command.err`` and ``.nbflow/events``; the format of the events is told in `display`.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any, TextIO

from nbflow.execution.spec import EVENTS
from nbflow.execution.worker.display import ERR, OUT
from nbflow.execution.worker.mimebundle import encoded, mimebundle, own_display, plain_text


class Kept:
    """Keeps the output of the body that runs now; made in its work directory."""

    def __init__(self) -> None:
        self._files = {name: open(path, "wb", buffering=0) for name, path in (("out", OUT), ("err", ERR))}  # noqa: SIM115  # closed below
        self._events = open(EVENTS, "w", encoding="utf-8", buffering=1)  # noqa: SIM115  # likewise
        self._run: tuple[str, int, int] = ("out", 0, 0)

    def tee(self, name: str, shown: TextIO) -> TextIO:
        """A stream that keeps what is written, ``out`` or ``err``, and hands it on to the one that shows it."""
        return _Tee(self, name, shown)  # type: ignore[return-value]

    def text(self, name: str, text: str) -> None:
        """Keep what was printed."""
        data = text.encode("utf-8", "backslashreplace")
        current, start, end = self._run
        if name != current:
            self._close_run()
            start = end = self._files[name].tell()
        self._files[name].write(data)
        self._run = name, start, end + len(data)

    def bundle(
        self, data: Mapping[str, Any], metadata: Mapping[str, Any] | None, transient: object, update: bool
    ) -> None:
        """Keep what was displayed, or changed."""
        content = {"data": {mime: encoded(part) for mime, part in data.items()}, "metadata": dict(metadata or {})}
        self.event("update" if update else "display", {**content, **({"transient": transient} if transient else {})})

    def result(self, value: object) -> None:
        """Keep the value of the last expression; None shows nothing."""
        if value is None:
            return
        show = own_display(value)
        if show is not None:
            show()
            return
        data, metadata = mimebundle(value)
        self.event("result", {"data": data, "metadata": metadata})

    def event(self, kind: str, content: Any) -> None:
        """Keep an event, after all output so far."""
        self._close_run()
        self._events.write(json.dumps([kind, content], default=plain_text) + "\n")

    def close(self) -> None:
        """Write out what is left."""
        self._close_run()
        for file in (*self._files.values(), self._events):
            file.close()

    def _close_run(self) -> None:
        name, start, end = self._run
        if end > start:
            self._events.write(json.dumps([name, start, end]) + "\n")
        self._run = name, end, end


class _Tee(io.TextIOBase):
    def __init__(self, kept: Kept, name: str, shown: TextIO) -> None:
        self._kept, self._name, self._shown = kept, name, shown

    def write(self, text: str) -> int:
        self._kept.text(self._name, text)
        return self._shown.write(text)

    def flush(self) -> None:
        self._shown.flush()

    def isatty(self) -> bool:
        return self._shown.isatty()

    def fileno(self) -> int:
        return self._shown.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self._shown.encoding
