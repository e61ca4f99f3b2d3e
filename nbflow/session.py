"""The session: a kernel's life with nbflow, which is a run.

It begins at the first task, with its line in the history: until then nothing is opened, so that loading the extension
costs nothing and leaves nothing behind. Alone decides when a run begins and ends, and which session comes next; what a
run is made of lies in `nbflow.wiring`.
"""

from __future__ import annotations

import os
import sys
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from nbflow.core.code.notebook_classes import NotebookClasses
from nbflow.core.kernel_settings import KernelSettings
from nbflow.core.retention import Retention
from nbflow.core.task.capture import Scene
from nbflow.core.values.files import Disk
from nbflow.errors import CacheError
from nbflow.execution.channels import kept_files
from nbflow.execution.channels.channels import ENGINE
from nbflow.execution.channels.task_node import TaskNode
from nbflow.execution.executor import Executor
from nbflow.execution.expiry import let_go
from nbflow.execution.inline.kernel_body import Console
from nbflow.execution.lookup import Lookup
from nbflow.execution.open_run import Open
from nbflow.execution.progress import Progress
from nbflow.execution.result import Result
from nbflow.storage.browse import Own, Reader
from nbflow.storage.claim import Claim
from nbflow.storage.collected import Collected, Owner
from nbflow.storage.digests import DigestMemo, settled_look
from nbflow.storage.layout import Layout
from nbflow.storage.nextflow.history import History, RunRecord
from nbflow.storage.nextflow.secrets import SecretStore
from nbflow.storage.settings import UserSettings
from nbflow.wiring import Surroundings, begin_run, end_run

_latest: list[weakref.ref[Session]] = []


def current_session() -> Session | None:
    """The session of this process that was made last; None where there is none, or no more."""
    return _latest[-1]() if _latest else None


class Session:
    """A kernel's life with nbflow.

    Parameters
    ----------
    launch_dir : pathlib.Path
        Where relative paths begin.
    notebook : pathlib.Path or None
        The notebook, where it is known.
    namespace : dict
        The notebook's.
    environ : mapping of str to str
        The environment; read again at each call.
    say : callable
        Shows a line to the user.
    command : str
        For the history; begins with ``nbflow``.
    settings : callable
        Gives what the user has set; asked as each run begins.

    Attributes
    ----------
    progress : Progress
        The counters of the running cell; the notebook replaces them at each.
    engine : Engine
        Moves the items of channels.
    settings : UserSettings
        What the user has set for this launch directory and this kernel.
    console : callable
        Keeps what a body that runs in the kernel displays; the notebook sets it.
    """

    def __init__(
        self,
        launch_dir: Path,
        notebook: Path | None,
        namespace: dict[str, Any],
        environ: Mapping[str, str] = os.environ,
        *,
        say: Callable[[str], None] = print,
        command: str = "nbflow kernel",
        resume: str | None = None,
        settings: Callable[[], KernelSettings] = KernelSettings,
    ) -> None:
        self.layout = Layout(launch_dir, environ)
        self.history = History(self.layout.history)
        self.notebook = "" if notebook is None else os.path.relpath(notebook, launch_dir)
        self.namespace = namespace
        self.progress = Progress()
        self.engine = ENGINE
        self.engine.work_root = self.layout.work_root
        self._collected = Owner(Collected(self.layout.work_root))
        kept_files.NOTES[self.layout.work_root] = self._collected.note
        self.console: Console = lambda _: nullcontext()
        self.environ = environ
        self.settings = UserSettings(launch_dir, environ, settings)
        self._say = say
        self._claim = Claim(self.layout, self.history, self.notebook, self._tell)
        self._command = command
        self._wanted = resume
        self._open: Open | None = None
        self._failed = False
        self._classes = NotebookClasses(namespace)
        self._disk = Disk(settled_look, DigestMemo(self.layout.digests))
        _latest.append(weakref.ref(self))
        del _latest[:-1]

    # The run --------------------------------------------------------------------------------------------------------

    @property
    def run(self) -> RunRecord | None:
        """The run that goes on; None before the first task."""
        return None if self._open is None else self._open.record

    def runner(self) -> Lookup:
        """The runner of this run, which begins now if it has not.

        Raises
        ------
        CacheError
            If the session cannot be opened.
        """
        if self._open is None:
            retention = self.settings.retention
            self._open = self._begin()
            self._collected.begins(self._open.record.session)
            self._let_go(retention)
        return self._open.runner

    def _let_go(self, retention: Retention) -> None:
        """Let what has expired go, now that the session that goes on is held."""
        if retention.has_limits and (said := let_go(self.layout, retention, self.environ, time.time())):
            self._say(f"nbflow: {said}")

    @property
    def is_idle(self) -> bool:
        """Whether no task of it is under way."""
        return self._open is None or self._open.runner.idle

    def resolve_class(self, name: str, digest: str) -> type:
        """The notebook's class of a name, if its code has a digest (hex); see `NotebookClasses.resolve`."""
        return self._classes.resolve(name, digest)

    def _tell(self, line: str) -> None:
        self._say(line)

    @contextmanager
    def telling(self, say: Callable[[str], None]) -> Iterator[None]:
        """Say to somebody else meanwhile what there is to say."""
        before, self._say = self._say, say
        try:
            yield
        finally:
            self._say = before

    def reader(self) -> Reader:
        """A reader of this launch directory's runs and tasks, through the session that is open here."""
        own = None
        if self._open is not None:
            run, cache = self._open.record, self._open.runner.cache
            own = Own(run.session, str(run.run_name), cache, self.settled)
        return Reader(self.layout, own, retention=lambda: self.settings.retention)

    def scene(self) -> Scene:
        """The moment of a call."""
        output_digest = self.runner().output_digest
        assert self._open is not None
        sys_path = tuple(os.path.join(self.layout.launch_dir, entry) for entry in sys.path if isinstance(entry, str))
        return Scene(
            self.namespace,
            str(self.layout.launch_dir),
            dict(self.environ),
            sys_path,
            self._open.record.session,
            output_digest,
            self._disk,
            frozenset(os.path.realpath(place) for place in (self.layout.nextflow_dir, self.layout.work_root)),
            SecretStore(self.environ).values,
        )

    def resume(self, wanted: str) -> str:
        """End this run and continue a session: its id, the beginning of it, a run's name, ``last`` or ``new``.

        Returns
        -------
        str
            What there is to say about it besides which session it is; may be empty.

        Raises
        ------
        CacheError
            If there is no such session, or it is held.
        """
        if wanted != "new":
            wanted = self.history.find(wanted).session
        before, was_running = self._wanted, self._open is not None
        if self._open is not None:
            before = self._open.record.session
        self.close()
        self._wanted = wanted
        if wanted != "new":
            try:
                self.runner()
            except CacheError:
                self._wanted = before  # the next task goes on where it was
                raise
        fresh = "the next task begins a new session" if wanted == "new" else ""
        again = "names already bound stay: run the cells above again" if was_running else ""
        return "; ".join(filter(None, (fresh, again)))

    def hand_over(self) -> str | None:
        """End this run, so that another process may go on with its session; the next task here resumes it.

        Returns
        -------
        str or None
            The session; None where no run goes on.
        """
        if self._open is None:
            return None
        self._wanted = self._open.record.session
        self.close()
        return self._wanted

    def reason(self, result: Result, node: TaskNode | None = None) -> str:
        """Why a task of this run was executed, in words; a task of a channel is not compared with those beside it."""
        assert self._open is not None
        reasons = self._open.reasons
        return reasons.sentence(result) if node is None else reasons.sentence(result, node.has)

    def look(self) -> None:
        """A cell begins: a session whose files somebody deleted cannot remember anything more, so it ends here."""
        if self._open is None or self.layout.lock(self._open.record.session).exists() or not self._open.runner.idle:
            return
        self._say(
            f"nbflow: the files of session {self._open.record.session[:8]} were deleted; its tasks will run again"
        )
        self._wanted = None
        self.close()

    def settled(self) -> None:
        """A cell has ended: write what others should see of the run."""
        self._classes.forget()
        if self._open is not None:
            self._open.runner.flush()

    @property
    def executor(self) -> Executor | None:
        """Where its tasks run; None before the first one, and in a preview."""
        return None if self._open is None else self._open.executor

    def task_failed(self) -> None:
        """Note that a task failed, so that the run's status is ``ERR``."""
        self._failed = True

    def cancel(self) -> None:
        """End all tasks that wait or run."""
        if self._open is not None:
            self._open.runner.cancel()

    def finish(self) -> None:
        """End all tasks that wait, and let those that run come to their end."""
        if self._open is not None:
            self._open.runner.finish()

    def close(self, *, failed: bool | None = None) -> None:
        """End the run: its tasks, its files, its line in the history. Twice does no harm.

        Parameters
        ----------
        failed : bool or None
            Whether the history says ``ERR``; None where that is so if a task failed.
        """
        if self._open is None:
            return
        ended, self._open = self._open, None
        self._collected.ends()
        status = "ERR" if (self._failed if failed is None else failed) else "OK"
        self._failed = False
        end_run(self._surroundings, ended, status)

    @property
    def _surroundings(self) -> Surroundings:
        about = self.layout, self.history, self._claim, self.notebook, self._command
        progress, resolve = lambda: self.progress, self._classes.resolve
        return Surroundings(*about, self.engine, progress, resolve, self.console, self._tell)

    def _begin(self) -> Open:
        budget = self.settings.budget  # before anything is left behind: a mistake in the settings must be no run
        return begin_run(self._surroundings, self._wanted, budget)
