"""The session of a preview: it reads what a run would continue, and leaves no trace.

Puts the parts of a preview together, as `nbflow.session` does those of a run: a snapshot instead of the database, no lock,
no history line, no index, no work directory.
"""

from __future__ import annotations

import time
import uuid
from contextlib import ExitStack, suppress
from datetime import datetime
from typing import Any

from nbflow.commands.shared import table
from nbflow.core.retention import Retention
from nbflow.core.values.files import Disk
from nbflow.execution.explain.reasons import Reasons
from nbflow.execution.explain.why import entries_elsewhere
from nbflow.execution.open_run import Open
from nbflow.execution.preview import Preview, PreviewRunner
from nbflow.session import Session
from nbflow.storage.browse import Reader
from nbflow.storage.database.cache import TaskCache
from nbflow.storage.database.store import MemoryStore
from nbflow.storage.digests import DigestMemo, settled_look
from nbflow.storage.machine import boot_id
from nbflow.storage.nextflow.history import RunRecord

_HEADS = ("TASK OR CELL", "VERDICT", "WHY")


class PreviewSession(Session):
    """A kernel's life as a preview; takes what `Session` takes."""

    preview = Preview()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._finished: list[str] = []

    def _begin(self) -> Open:
        choice = self._claim.choose(self._wanted)
        session = choice.session or str(uuid.uuid4())
        self.preview = Preview(f"with session {session[:8]}" if choice.session else "with nothing", choice.why)
        there = self.layout.own_dir.exists()
        self._disk = Disk(settled_look, DigestMemo(self.layout.digests, writes=False))
        with ExitStack() as resources:
            if not there:
                resources.callback(self._remove_scratch)  # once the snapshot in it is gone
            known = resources.enter_context(Reader(self.layout).cache(session)) if choice.session else None
            cache = known or TaskCache(MemoryStore())
            record = RunRecord(datetime.now(), None, None, None, None, session, self._command)
            reader = Reader(self.layout)
            reasons = Reasons(cache, reader.earlier_indexes(session), lambda: entries_elsewhere(reader, record))
            runner = PreviewRunner(cache, boot_id(), self.layout, self._classes.resolve, reasons, self.preview)
            return Open(record, time.time(), resources.pop_all(), runner, None, reasons)
        raise AssertionError("not reached")

    def _remove_scratch(self) -> None:
        with suppress(OSError):  # another reader has a snapshot there
            self.layout.own_dir.rmdir()

    def _let_go(self, retention: Retention) -> None:
        """Nothing goes: a preview leaves no trace."""

    def look(self) -> None:
        """A cell begins: nothing is held that could be lost."""

    def close(self, *, failed: bool | None = None) -> None:
        """End the preview of a session; at the end of the notebook, when it is known whether it failed, print all."""
        if self._open is not None:
            self._finished.append(self._listed(self._open))
            self._open = None
            self.engine.close()
        if failed is not None:
            print("\n".join(self._finished) or "No process was called: a run would run the plain cells, and no task")

    def _listed(self, ended: Open) -> str:
        with ended.resources:
            rows = list(self.preview.rows())
        head = f"Compared {self.preview.session} ({self.preview.choice})"
        return "\n".join([head, table([_HEADS, *rows]), self.preview.summary])
