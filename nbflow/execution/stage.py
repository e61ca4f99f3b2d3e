"""Puts the values that a call takes along on disk, once per content and session.

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

    def put(self, call: Call) -> spec.Capture:
        """Make sure that a call's captured values lie on disk.

        Raises
        ------
        UnhashableInputError
            If one of them cannot be stored.
        """
        name = call.capture.container
        with self._lock:
            known = self._there.get(name)
            if known is None or not os.path.exists(known.path):
                with workdir.disk(self._directory):
                    self._there[name] = self._found_or_written(call, self._path(name))
            return self._there[name]

    def forget(self, call: Call) -> None:
        """Let a call's captured values be written anew: a task could not read them."""
        name = call.capture.container
        with self._lock:
            self._there.pop(name, None)
            kept.forget(self._path(name))

    def _path(self, name: str) -> Path:
        return self._directory / name[:2] / name[2:] / "values"

    def _found_or_written(self, call: Call, path: Path) -> spec.Capture:
        dumped = kept.recall(path, self._buffers, self._boot)
        if dumped is None:
            dumped = self._write(call, path)
            kept.remember(path, dumped, self._boot)
        return spec.Capture(str(path), str(self._buffers), dumped)

    def _write(self, call: Call, path: Path) -> values.Dumped:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._buffers.mkdir(exist_ok=True)
        try:
            return values.dump_capture(
                call.capture.values,
                call.scene.namespace,
                path,
                buffers_dir=self._buffers,
                stand_ins=call.capture.stand_ins,
            )
        except values.UnstorableValueError as error:
            raise UnhashableInputError(
                f"process `{call.process.name}` cannot take its inputs along: {error}; pass data instead, make the "
                "object in the body, or use `#| executor: inline`"
            ) from error
