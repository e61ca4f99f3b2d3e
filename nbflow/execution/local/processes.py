"""The kernel's side of the supervisor: start it, ask it to start and kill processes, hear how they ended.

Alone knows the supervisor's messages. Knows nothing of jobs, budgets or time limits.
"""

from __future__ import annotations

import array
import os
import secrets
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from nbflow.errors import ExecutorError
from nbflow.execution.local.messages import frame, take_message
from nbflow.execution.local.tree import MARK, kill_all, marked_processes
from nbflow.execution.local.usage import Usage
from nbflow.execution.place import ROOT

# -I -S: neither the user's site-packages nor PYTHON* variables reach it; the package's place is appended instead.
_PROGRAM = "import sys; sys.path.append(sys.argv.pop()); from nbflow.execution.local.supervisor import main; main()"


_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Started:
    """A process runs: the id it was asked for under, its process id, and when, in seconds since the epoch."""

    id: str
    pid: int
    at: float


@dataclass(frozen=True, slots=True)
class NotStarted:
    """A process could not be started, and why."""

    id: str
    error: str
    at: float


@dataclass(frozen=True, slots=True)
class Exited:
    """A process has ended, and what it left behind was killed.

    Attributes
    ----------
    id : str
        What it was asked for under.
    pid : int
        Its process id.
    status : int
        As a shell says it: the exit status, or 128 + N for signal N.
    usage : Usage
        What it and all its descendants that were waited for have used.
    at : float
        Seconds since the epoch.
    """

    id: str
    pid: int
    status: int
    usage: Usage
    at: float


Event = Started | NotStarted | Exited


def shell_status(wait_status: int) -> int:
    """Exit status as a shell says it: 128 + N for signal N."""
    code = os.waitstatus_to_exitcode(wait_status)
    return code if code >= 0 else 128 - code


class Supervisor:
    """One supervisor process; everything it started ends with it, with this object, and with the kernel.

    Notes
    -----
    Methods may be called from any thread, but `handle` from one at a time. A fork of the kernel cannot use it.

    Raises
    ------
    ExecutorError
        It could not be started.
    """

    def __init__(self) -> None:
        self.token = secrets.token_hex(8)
        self._sending = threading.Lock()
        self._environ: dict[str, str] | None = None
        """What was sent last: it is large, and seldom changes."""
        self._inbox = bytearray()
        self._sock, theirs = socket.socketpair()
        with theirs:
            self._process = self._start(theirs.fileno())
        _living.add(self)

    def _start(self, fd: int) -> subprocess.Popen[bytes]:
        arguments = [str(fd), self.token, str(os.getpid()), ROOT]
        try:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _PROGRAM, *arguments],
                pass_fds=[fd],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                # Jupyter kills the kernel's whole process group: the supervisor must see that, not die of it.
                start_new_session=True,
            )
        except OSError as error:
            self._sock.close()
            raise ExecutorError(
                f"the supervisor of tasks could not be started: {error}; check that {sys.executable!r} can be executed"
            ) from error

    def environment(self, job_id: str) -> dict[str, str]:
        """Variables that a process not started by `spawn` must have so that `kill` finds all of its task."""
        return {MARK: f"{self.token}.{job_id}"}

    def spawn(
        self,
        job_id: str,
        argv: Sequence[str],
        *,
        cwd: str,
        environ: Mapping[str, str],
        streams: tuple[str, str] | None = None,
        status: str | None = None,
        fds: Mapping[int, int] | None = None,
        reaper: bool = False,
    ) -> None:
        """Start a process in a session of its own; `handle` says what came of it.

        Parameters
        ----------
        job_id : str
            Names it in events and in `kill`.
        argv : sequence of str
            The program, looked up on the PATH of `environ`, and its arguments.
        cwd : str
            Where it runs.
        environ : mapping of str to str
            Its whole environment; its mark is added.
        streams : tuple of (str, str), optional
            Files for its standard output and error, relative to `cwd`; made anew. Nothing is kept by default.
        status : str, optional
            File in `cwd` for its exit status, written when it has ended and all that it left running too; not by one
            that was killed.
        fds : mapping of int to int, optional
            Descriptors that it inherits: its number for each of ours, which may be closed after this call.
        reaper : bool
            Whether what it leaves orphaned while it runs stays below it, so that `kill` cannot miss it.

        Raises
        ------
        ExecutorError
            The supervisor is gone.
        """
        targets = dict(fds or {})
        request = {"id": job_id, "argv": list(argv), "cwd": cwd, "streams": streams, "status": status, "reaper": reaper}
        with self._sending:
            changed = None if environ == self._environ else dict(environ)
            about = {"environ": changed, "targets": list(targets)}
            self._write({"do": "spawn", **request, **about}, list(targets.values()))
            self._environ = self._environ if changed is None else changed

    def kill(self, job_id: str, number: int, pid: int | None = None) -> None:
        """Send a signal to all processes of a task; SIGKILL goes on until none is left.

        Parameters
        ----------
        job_id : str
            As given to `spawn` or `environment`; of one that has ended, what still carries its mark.
        number : int
            The signal.
        pid : int, optional
            Its first process, where that was not started by `spawn`.
        """
        self._send({"do": "kill", "id": job_id, "pid": pid, "signal": int(number)})

    def sweep(self, job_id: str, pid: int) -> None:
        """Kill what a task left running whose first process, not started by `spawn`, has ended."""
        self._send({"do": "sweep", "id": job_id, "pid": pid})

    def _send(self, request: dict[str, Any]) -> None:
        with self._sending:
            self._write(request)

    def _write(self, request: dict[str, Any], fds: Sequence[int] = ()) -> None:
        """Send a request; `_sending` is held."""
        data = frame(request)
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            sent = self._sock.sendmsg([data], ancillary)
            self._sock.sendall(data[sent:])
        except OSError as error:
            raise ExecutorError(f"the supervisor of tasks is gone ({error}); run the cell again") from error

    def fileno(self) -> int:
        """Descriptor that is readable when `handle` has something to do."""
        return self._sock.fileno()

    def handle(self) -> list[Event]:
        """Take in what has been reported, without waiting.

        Raises
        ------
        ExecutorError
            The supervisor is gone, or reports its own failure; what it had started has been killed.
        """
        try:
            data = self._sock.recv(1 << 15, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except OSError as error:
            raise self._lost(str(error)) from error
        if not data:
            raise self._lost("its end of the socket was closed")
        self._inbox += data
        events = []
        while (message := take_message(self._inbox)) is not None:
            events.append(self._read(message))
        return events

    def _read(self, message: dict[str, Any]) -> Event:
        match message["event"]:
            case "started":
                return Started(message["id"], message["pid"], message["at"])
            case "failed":
                return NotStarted(message["id"], message["error"], message["at"])
            case "exit":
                usage = Usage.from_rusage(message["rusage"], message["io"])
                status = shell_status(message["status"])
                return Exited(message["id"], message["pid"], status, usage, message["at"])
            case _:
                raise self._lost(message["error"])

    def _lost(self, why: str) -> ExecutorError:
        self.close()
        return ExecutorError(f"the supervisor of tasks has ended: {why}; its tasks were ended, run the cell again")

    def close(self) -> None:
        """End the supervisor and everything that it started; return when all is gone. Twice is harmless.

        A process that even SIGKILL does not end, because the system waits for its disk, is not waited for: the
        supervisor, which needs no kernel, goes on with it.
        """
        if self not in _living:
            return
        _living.discard(self)
        self._sock.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_PATIENCE)
        # One that was killed could not clean up: then only the mark tells what was its own.
        if self._process.returncode not in (0, None):
            mark = f"{MARK}={self.token}.".encode()
            kill_all(lambda: marked_processes(mark))

    def forget(self) -> None:
        """In a fork of the kernel: let go of the socket, so that the kernel's end is the only one."""
        self._sending = threading.Lock()
        self._sock.close()


_living: weakref.WeakSet[Supervisor] = weakref.WeakSet()


def _forget_all() -> None:
    for supervisor in list(_living):
        supervisor.forget()
    _living.clear()


os.register_at_fork(after_in_child=_forget_all)
