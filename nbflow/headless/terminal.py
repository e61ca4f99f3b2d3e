"""What `nbflow run` prints: cells as they begin, what they print as it comes, verdicts as they settle, errors once.

Alone writes to the terminal for a headless run. Knows texts only.
"""

from __future__ import annotations

import re
import shutil
import time
from typing import TextIO

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_LINE_BEGIN = "\r\x1b[K"
_EVERY = 30.0
"""Seconds between two lines of progress where lines cannot be rewritten."""


class Terminal:
    """Shows a headless run.

    Parameters
    ----------
    out, err : text stream
        Where cells' standard output and standard error go; progress goes to `out`.

    Attributes
    ----------
    muted : bool
        Whether what the cells print is left out: errors and nbflow's own lines are not.
    """

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._streams = {"stdout": out, "stderr": err}
        self._out = out
        self._rewrites = out.isatty()
        self._live = False
        self._column_0 = True
        self._displays: dict[str, str] = {}
        self._told = time.monotonic()
        self.muted = False

    def say(self, text: str) -> None:
        """Print a line."""
        self._write("stdout", f"{'' if self._column_0 else chr(10)}{text}\n")

    def cell(self, number: int, total: int, source: str) -> None:
        """A cell begins."""
        if self.muted:
            return
        self._told = time.monotonic()
        self.say(f"[{number}/{total}] {source.strip().partition(chr(10))[0]}")

    def stream(self, name: str, text: str) -> None:
        """A cell printed something."""
        if not self.muted:
            self._write(name, text)

    def display(self, identity: str, text: str) -> None:
        """A display that may change was shown, or has changed."""
        if self.muted:
            return
        self._displays[identity] = text
        head = text.partition("\n")[0]
        if self._rewrites and self._column_0:
            self._out.write(_LINE_BEGIN + head[: shutil.get_terminal_size().columns - 1])
            self._out.flush()
            self._live = True
        elif not self._rewrites and time.monotonic() - self._told >= _EVERY:
            self._told = time.monotonic()
            self.say(head)

    def settle(self) -> None:
        """A cell has ended: what its displays show now is what stays."""
        displays, self._displays = self._displays, {}
        for text in displays.values():
            self.say(text)

    def error(self, text: str) -> None:
        """Print an error."""
        if not self._column_0:
            self.say("")
        self._write("stderr", text.rstrip("\n") + "\n")

    def _write(self, name: str, text: str) -> None:
        stream = self._streams.get(name, self._out)
        if self._live:
            self._out.write(_LINE_BEGIN)
            self._live = False
        self._out.flush()
        stream.write(text if stream.isatty() else _COLOURS.sub("", text))
        stream.flush()
        if text:
            self._column_0 = text.endswith("\n")
