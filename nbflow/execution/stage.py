"""Puts the values that a call takes along on disk, once per content and session; small ones go into the job file instead.

Knows where they go and not what they are. A container is named by the digest of its content, since the pickles of equal
values differ from process to process.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from nbflow.errors import UnhashableInputError
from nbflow.execution import spec
from nbflow.execution.calls.call import Call
from nbflow.storage import kept, values, workdir


class Stage:
    """The ``work/stage-<session>`` directory.

    Parameters
    ----------
    directory : pathlib.Path
        Made when it is first needed.
    boot : str
        Identity of the machine's start.
    """

    def __init__(self, directory: Path, boot: str) -> None:
        self._directory = directory
        self._buffers = directory / "buffers"
        self._boot = boot
        self._there: dict[str, spec.Capture] = {}
        self._lock = threading.Lock()

    def put(self, call: Call) -> None:
        """Make sure that a call's captured values stay as they are now, whatever becomes of the originals.

        Raises
        ------
        UnhashableInputError
            If one of them cannot be stored.
        """
        name = call.capture.container
        with self._lock:
            self._there[name] = self._known(call, name)

    def take(self, call: Call) -> spec.Capture:
        """A call's captured values, put there before or as they are now.

        Raises
        ------
        UnhashableInputError
            If one of them cannot be stored.
        """
        name = call.capture.container
        with self._lock:
            capture = self._known(call, name)
            # Each call of one task has its own, and a session has many of them.
            if capture.text is None:
                self._there[name] = capture
            return capture

    def forget(self, call: Call) -> None:
        """Let a call's captured values be written anew: a task could not read them."""
        name = call.capture.container
        with self._lock:
            self._there.pop(name, None)
            kept.forget(self._path(name))

    def _path(self, name: str) -> Path:
        return self._directory / name[:2] / name[2:] / "values"

    def _known(self, call: Call, name: str) -> spec.Capture:
        known = self._there.get(name)
        if known is not None and (known.text is not None or os.path.exists(known.path)):
            return known
        with workdir.disk(self._directory):
            return self._found_or_written(call, self._path(name))

    def _found_or_written(self, call: Call, path: Path) -> spec.Capture:
        dumped, text = kept.recall(path, self._buffers, self._boot), None
        if dumped is None:
            packed = _packed(call)
            text = packed.text
            dumped = None if text is not None else self._write(packed, path)
        return spec.Capture(str(path), str(self._buffers), dumped, text)

    def _write(self, packed: values.Packed, path: Path) -> values.Dumped:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._buffers.mkdir(exist_ok=True)
        dumped = values.write(packed, path, buffers_dir=self._buffers)
        kept.remember(path, dumped, self._boot)
        return dumped


def _packed(call: Call) -> values.Packed:
    references = values.References(namespace=call.scene.namespace, stand_ins=call.capture.stand_ins)
    try:
        return values.pack(dict(call.capture.values), references)
    except values.UnstorableValueError as error:
        raise UnhashableInputError(
            f"process `{call.process.name}` cannot take its inputs along: {error}; pass data instead, make the "
            "object in the body, or use `#| executor: inline`"
        ) from error
