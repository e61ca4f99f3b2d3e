"""Puts the values that a call takes along on disk, once per content and run.

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
from nbflow.storage import values, workdir


class Stage:
    """The ``work/stage-<session>`` directory.

    Parameters
    ----------
    directory : pathlib.Path
        Made when it is first needed.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
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
                    self._there[name] = self._write(call, name)
            return self._there[name]

    def _write(self, call: Call, name: str) -> spec.Capture:
        # Written anew in each run, large buffers excepted: what an earlier run left may have been damaged since.
        path = self._directory / name[:2] / name[2:] / "values"
        buffers = self._directory / "buffers"
        path.parent.mkdir(parents=True, exist_ok=True)
        buffers.mkdir(exist_ok=True)
        try:
            dumped = values.dump_capture(
                call.capture.values,
                call.scene.namespace,
                path,
                buffers_dir=buffers,
                stand_ins=call.capture.stand_ins,
            )
        except values.UnstorableValueError as error:
            raise UnhashableInputError(
                f"process `{call.process.name}` cannot take its inputs along: {error}; pass data instead, make the "
                "object in the body, or use `#| executor: inline`"
            ) from error
        return spec.Capture(str(path), str(buffers), dumped)
