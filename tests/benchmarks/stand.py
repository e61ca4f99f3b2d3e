"""What benchmarks run in: a shell with nbflow in a directory of its own, and an executor that costs nothing."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from nbflow import wiring
from nbflow.core.values.hashing import digest
from nbflow.execution import spec
from nbflow.execution.job import Job, Outcome
from nbflow.execution.local.usage import Usage
from nbflow.storage import values


class Instant:
    """An executor whose tasks have run as soon as they are submitted: each puts out the one number `score`."""

    def __init__(self, cpus: int | None = None, memory: int | None = None) -> None:
        """Take a budget, as `LocalExecutor` does; nothing runs that could exceed it."""

    slots = 1

    def submit(self, job: Job, done: Callable[[Job, Outcome], None], started: Any = None) -> None:
        """Write what a worker would have left behind."""
        private = job.work_dir / spec.VALUES
        score = float(int(job.hash[:8], 16))
        dumped = values.dump({"score": score}, private, buffers_dir=private.parent)
        made = {"name": "score", "kind": "value", "digest": digest(score).hex(), "paths": (), "classes": False}
        told = {"outputs": [made], "files": [], "values": spec.dumped_out(dumped), "left_out": (), "imports": ()}
        (job.work_dir / spec.OUTCOME).write_text(json.dumps(told))
        (job.work_dir / ".exitcode").write_text("0")
        now = time.time()
        done(job, Outcome(0, now, now, Usage()))

    def cancel(self, job_hash: str) -> None:
        """Nothing is ever under way."""

    def cancel_all(self) -> None:
        """Nothing is ever under way."""

    def close(self) -> None:
        """Nothing is open."""


class Notebook:
    """A shell whose cells are run one by one."""

    def __init__(self) -> None:
        self._shell: Any = InteractiveShell.instance()
        self.load()

    def load(self) -> None:
        """Begin a run."""
        self.cell("%load_ext nbflow")

    def reload(self) -> None:
        """End the run and begin the next, as a restart of the kernel does."""
        self.cell("%unload_ext nbflow")
        self.load()

    def cell(self, text: str) -> None:
        """Run a cell; what it prints is dropped, unless it fails."""
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
            result = self._shell.run_cell(text)
        if not result.success:
            raise RuntimeError(f"a benchmark's cell failed:\n{text}\n{shown.getvalue()}")

    def __getitem__(self, name: str) -> Any:
        return self._shell.user_ns[name]


@contextlib.contextmanager
def notebook(*, instant: bool = False) -> Iterator[Notebook]:
    """A notebook in an empty directory, which it leaves behind; its tasks run in processes, or in no time at all."""
    before, executor = Path.cwd(), wiring.LocalExecutor
    os.chdir(tempfile.mkdtemp(prefix="notebook-"))
    if instant:
        wiring.LocalExecutor = Instant  # type: ignore[assignment, misc]
    try:
        stand = Notebook()
        yield stand
        stand.cell("%unload_ext nbflow")
    finally:
        wiring.LocalExecutor = executor  # type: ignore[misc]
        os.chdir(before)
