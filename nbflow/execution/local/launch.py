"""Forks and executes: the last step before a program of a task runs.

Loaded by the supervisor only, so it imports a little of the standard library. Alone knows what a fresh child must do
to itself. Relies on the supervisor having one thread: that makes a fork safe, and the parent-death signal, which
follows the thread that forked, sure.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
from fcntl import F_DUPFD_CLOEXEC, fcntl

from nbflow.execution.local.tree import LINUX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

_PDEATHSIG, _SUBREAPER = 1, 36
_HIGH = 100
_LARGE = 1 << 22
_STREAM = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Loaded before any fork: the child then has nothing left to load.
_prctl = ctypes.CDLL(None).prctl if LINUX else None


def keep_orphans() -> None:
    """Become the parent of every orphan below this process, where the system can do that."""
    if _prctl is not None:
        _prctl(_SUBREAPER, 1)


class Launcher:
    """Starts programs out of a child that was forked ahead: forking takes longer than all the rest."""

    def __init__(self) -> None:
        self.pid: int | None = None
        """The child that waits, if there is one."""
        self._sock: socket.socket
        self._report: int
        self.make_ready()

    def make_ready(self) -> None:
        """Fork the next child ahead, if there is none; a failure is told when one is needed."""
        if self.pid is None:
            try:
                self._fork()
            except OSError:
                return

    def start(self, request: dict[str, Any], fds: list[int]) -> int:
        """Execute a program; return its process id.

        Parameters
        ----------
        request : dict
            ``argv``, ``cwd``, ``environ``, ``streams``, ``targets`` and ``reaper``, as in the supervisor's ``spawn``.
        fds : list of int
            Descriptors to inherit, one for each of ``targets``.

        Raises
        ------
        OSError
            No process could be made, or it could not execute its program.
        """
        if self.pid is None or not self._hand_over(request, fds):
            # None is there, or the one that waited was killed.
            self._fork()
            self._hand_over(request, fds)
        pid, self.pid = self.pid, None
        assert pid is not None
        # End of file means that exec has closed it: the program runs.
        with open(self._report, "rb") as file:
            error = file.read().decode(errors="replace")
        if error:
            os.waitpid(pid, 0)
            raise OSError(error)
        return pid

    def _hand_over(self, request: dict[str, Any], fds: list[int]) -> bool:
        data = json.dumps(request).encode()
        with self._sock:
            try:
                sent = socket.send_fds(self._sock, [data], fds)
                self._sock.sendall(data[sent:])
            except OSError:
                os.close(self._report)
                return False
        return True

    def _fork(self) -> None:
        parent = os.getpid()
        self._sock, theirs = socket.socketpair()
        self._report, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            _wait(theirs, parent, writing, (self._sock.fileno(), self._report))
        theirs.close()
        os.close(writing)
        self.pid = pid


def _wait(sock: socket.socket, parent: int, report: int, others: tuple[int, int]) -> NoReturn:
    """In the child: wait for what to execute. Leaves for ever, whatever happens."""
    try:
        for fd in others:
            os.close(fd)
        _settle(parent)
        report = fcntl(report, F_DUPFD_CLOEXEC, _HIGH)
        data, fds = _receive(sock)
        if data:
            _become(json.loads(data), fds, report)
    finally:
        os._exit(127)


def _receive(sock: socket.socket) -> tuple[bytes, list[int]]:
    data, fds, _, _ = socket.recv_fds(sock, _LARGE, 16)
    while more := sock.recv(_LARGE):
        data += more
    return data, fds


def _settle(parent: int) -> None:
    os.setsid()
    if _prctl is not None:
        _prctl(_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(127)


def _become(request: dict[str, Any], fds: list[int], report: int) -> None:
    argv, cwd = request["argv"], request["cwd"]
    try:
        if request["reaper"]:
            keep_orphans()
        os.chdir(cwd)
        _connect(request["streams"], dict(zip(request["targets"], fds, strict=True)))
        os.execvpe(argv[0], argv, request["environ"])
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        os.write(report, f"{argv[0]!r} in {cwd!r}: {cause}".encode(errors="replace"))


def _connect(streams: list[str] | None, targets: dict[int, int]) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    out, err = (null, null) if streams is None else [os.open(name, _STREAM, 0o644) for name in streams]
    wanted = {0: null, 1: out, 2: err, **targets}
    # All sources move out of the way first: a target may be the number of another's source.
    high = {target: fcntl(fd, F_DUPFD_CLOEXEC, _HIGH) for target, fd in wanted.items()}
    for target, fd in high.items():
        os.dup2(fd, target)
