"""The kernel's side of a warm template: starts Python tasks there and tells what came of them.

Alone knows how a template is started and spoken to. Does not start it: whoever does passes ``command`` and one end of
a socket pair to the supervisor.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from nbflow.errors import ExecutorError
from nbflow.execution.local.messages import frame, take_message
from nbflow.execution.place import ROOT

_PROGRAM = (
    f"import sys; sys.path.append({ROOT!r}); from nbflow.execution.local.warm import serve; serve(int(sys.argv[1]))"
)

# Not safe in a fork once loaded: they start threads, or hold locks, that Python does not see.
_never_preload = {"jax", "jaxlib", "polars", "pyspark", "ray", "tensorflow"}


@dataclass(frozen=True, slots=True)
class WorkerStarted:
    """A task runs, as a process, since when (seconds since the epoch)."""

    id: str
    pid: int
    at: float


@dataclass(frozen=True, slots=True)
class WorkerEnded:
    """A task's process has ended.

    Attributes
    ----------
    id : str
        As submitted.
    pid : int
        Of the process.
    status : int
        As ``wait4`` returned it; see ``os.waitstatus_to_exitcode``.
    rusage : mapping of str to float
        By the names of ``struct_rusage`` without ``ru_``.
    io : mapping of str to int
        What it read and wrote, by Linux's names; empty elsewhere.
    at : float
        Seconds since the epoch.
    """

    id: str
    pid: int
    status: int
    rusage: Mapping[str, float]
    io: Mapping[str, int]
    at: float


@dataclass(frozen=True, slots=True)
class Declined:
    """A task was not started: submit it to a new template, and close this one when its last task has ended."""

    id: str
    reason: str


class Template:
    """Speaks to one template.

    Parameters
    ----------
    sock : socket.socket
        The kernel's end of the pair; owned by this object.
    fork : bool
        Whether tasks are forks of the template, or fresh interpreters, as where a fork is not safe.
    """

    def __init__(self, sock: socket.socket, *, fork: bool = sys.platform == "linux") -> None:
        self._sock = sock
        self._fork = fork
        self._inbox = bytearray()
        self._environ: Mapping[str, str] | None = None

    @staticmethod
    def command(fd: int) -> tuple[str, ...]:
        """The program that serves on an inherited descriptor; it needs no environment of its own."""
        return (sys.executable, "-P", "-c", _PROGRAM, str(fd))

    def submit(
        self,
        job_id: str,
        work_dir: str | os.PathLike[str],
        *,
        environ: Mapping[str, str],
        own: Mapping[str, str] = MappingProxyType({}),
        sys_path: Sequence[str] = (),
        preload: Sequence[str] = (),
    ) -> None:
        """Start a task; `handle` says what came of it.

        Parameters
        ----------
        job_id : str
            Names it in events.
        work_dir : path
            Absolute; holds ``.nbflow/job.json``.
        environ : mapping of str to str
            The environment of the task; sent when it is another than the last time, for it is large.
        own : mapping of str to str
            What the environment holds for this task alone.
        sys_path : sequence of str
            The task's, to see which modules it would find elsewhere.
        preload : sequence of str
            Installed modules to load in the template first, for this task and later ones; never local ones.

        Raises
        ------
        ExecutorError
            The template is gone.
        """
        wanted = [name for name in preload if name.partition(".")[0] not in _never_preload]
        changed = None if environ == self._environ else dict(environ)
        request = {"id": job_id, "work_dir": os.fspath(work_dir), "own": dict(own), "sys_path": list(sys_path)}
        message = frame({"do": "run", **request, "environ": changed, "preload": wanted, "fork": self._fork})
        try:
            self._sock.sendall(message)
        except OSError as error:
            raise _gone(str(error)) from error
        self._environ = self._environ if changed is None else changed

    def fileno(self) -> int:
        """Descriptor that is readable when `handle` has something to do."""
        return self._sock.fileno()

    def handle(self) -> list[WorkerStarted | WorkerEnded | Declined]:
        """Take in what has been reported, without waiting.

        Raises
        ------
        ExecutorError
            The template is gone, and its tasks with it.
        """
        try:
            data = self._sock.recv(1 << 15, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except OSError as error:
            raise _gone(str(error)) from error
        if not data:
            raise _gone("its end of the socket was closed")
        self._inbox += data
        events = []
        while (message := take_message(self._inbox)) is not None:
            events.append(_read(message))
        return events

    def close(self) -> None:
        """End the template and its tasks."""
        self._sock.close()


def _read(message: dict[str, Any]) -> WorkerStarted | WorkerEnded | Declined:
    kind, name, at = message["event"], message["id"], message["at"]
    if kind == "started":
        return WorkerStarted(name, message["pid"], at)
    if kind == "exit":
        return WorkerEnded(name, message["pid"], message["status"], message["rusage"], message["io"], at)
    _never_preload.update(module.partition(".")[0] for module in message["never_preload"])
    return Declined(name, message["reason"])


def _gone(why: str) -> ExecutorError:
    return ExecutorError(f"the template of Python tasks has ended: {why}; its tasks were ended, run the cell again")
