"""Forks and executes: the last step before a program of a task runs.

Loaded by the supervisor only, so it imports a little of the standard library. Alone knows what a fresh child must do
to itself. Relies on the supervisor having one thread: that makes a fork safe, and the parent-death signal, which
follows the thread that forked, sure.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import signal
import socket
from fcntl import F_DUPFD_CLOEXEC, fcntl

from nbflow.execution.local.tree import LINUX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

FORKED = 3
"""Children that are forked ahead at once: after each fork this process has to copy anew each page that it writes to."""

_PDEATHSIG, _SUBREAPER = 1, 36
_HIGH = 100
_CHUNK = 1 << 14
_BEGINS = b"!"
_STREAM = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# Loaded before any fork: the child then has nothing left to load.
_prctl = ctypes.CDLL(None).prctl if LINUX else None


def keep_orphans() -> None:
    """Become the parent of every orphan below this process, where the system can do that."""
    if _prctl is not None:
        _prctl(_SUBREAPER, 1)


class _Child:
    """A child that waits for what to execute, our ends of what leads to it, and the environment that it knows."""

    __slots__ = ("environ", "pid", "report", "sock")

    def __init__(self, pid: int, sock: socket.socket, report: int, environ: dict[str, str]) -> None:
        self.pid, self.sock, self.report, self.environ = pid, sock, report, environ


class Launcher:
    """Starts programs out of children that were forked ahead: forking takes longer than all the rest."""

    def __init__(self) -> None:
        self.environ: dict[str, str] = {}
        """What programs get beside their own variables; replaced as a whole."""
        self._waiting: list[_Child] = []
        self.make_ready()

    @property
    def pids(self) -> set[int]:
        """The children that wait."""
        return {child.pid for child in self._waiting}

    def make_ready(self) -> None:
        """Fork the next children ahead, if there is none; a failure is told when one is needed."""
        try:
            if not self._waiting:
                for _ in range(FORKED):
                    self._waiting.append(self._fork())
        except OSError:
            return

    def start(self, request: dict[str, Any], fds: list[int]) -> int:
        """Execute a program; return its process id.

        Parameters
        ----------
        request : dict
            ``argv``, ``cwd``, ``own``, ``streams``, ``targets`` and ``reaper``, as in the supervisor's ``spawn``.
        fds : list of int
            Descriptors to inherit, one for each of ``targets``.

        Raises
        ------
        OSError
            No process could be made, or it could not execute its program.
        """
        while self._waiting:
            child = self._waiting.pop(0)
            if self._has_begun(child, request, fds):
                return child.pid
        child = self._fork()
        if not self._has_begun(child, request, fds):
            raise OSError("its process was killed before it could begin")
        return child.pid

    def _has_begun(self, child: _Child, request: dict[str, Any], fds: list[int]) -> bool:
        """Hand over what to execute, and wait until it is; False where somebody has killed the child."""
        self._send(child, request, fds)
        # It ends when exec closes it.
        with open(child.report, "rb", buffering=0) as file:
            told = file.read()
        if told not in (b"", _BEGINS):
            os.waitpid(child.pid, 0)
            raise OSError(told.removeprefix(_BEGINS).decode(errors="replace"))
        return told == _BEGINS

    def _send(self, child: _Child, request: dict[str, Any], fds: list[int]) -> None:
        environ = None if child.environ is self.environ else self.environ
        data = json.dumps({**request, "environ": environ}).encode()
        with child.sock:
            try:
                sent = socket.send_fds(child.sock, [data], fds)
                child.sock.sendall(data[sent:])
            except OSError:
                return  # it is gone, and its report is empty

    def _fork(self) -> _Child:
        parent = os.getpid()
        ours, theirs = socket.socketpair()
        report, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            others = [report, ours.fileno()]
            for child in self._waiting:
                others += [child.report, child.sock.fileno()]
            _wait(theirs, parent, writing, others, self.environ)
        theirs.close()
        os.close(writing)
        return _Child(pid, ours, report, self.environ)


def _wait(sock: socket.socket, parent: int, report: int, others: list[int], environ: dict[str, str]) -> NoReturn:
    """In the child: wait for what to execute. Leaves for ever, whatever happens."""
    try:
        for fd in others:
            os.close(fd)
        _settle(parent)
        report = fcntl(report, F_DUPFD_CLOEXEC, _HIGH)
        data, fds = _receive(sock)
        if data:
            _become(json.loads(data), fds, report, environ)
    finally:
        os._exit(127)


def _receive(sock: socket.socket) -> tuple[bytes, list[int]]:
    data, fds, _, _ = socket.recv_fds(sock, _CHUNK, 16)
    while more := sock.recv(_CHUNK):
        data += more
    return data, fds


def _settle(parent: int) -> None:
    os.setsid()
    if _prctl is not None:
        _prctl(_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(127)


def _become(request: dict[str, Any], fds: list[int], report: int, environ: dict[str, str]) -> None:
    argv, cwd = request["argv"], request["cwd"]
    known = environ if request["environ"] is None else request["environ"]
    try:
        if request["reaper"]:
            keep_orphans()
        os.chdir(cwd)
        _connect(request["streams"], dict(zip(request["targets"], fds, strict=True)))
        os.write(report, _BEGINS)
        _execute(argv, {**known, **request["own"]})
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        os.write(report, f"{argv[0]!r} in {cwd!r}: {cause}".encode(errors="replace"))


def _connect(streams: list[str] | None, targets: dict[int, int]) -> None:
    """Connect the standard streams and `targets`; what is not named goes nowhere, as those of this process do."""
    for number, name in enumerate(streams or (), 1):
        os.dup2(os.open(name, _STREAM, 0o644), number)
    # All sources move out of the way first: a target may be the number of another's source.
    high = {target: fcntl(fd, F_DUPFD_CLOEXEC, _HIGH) for target, fd in targets.items()}
    for target, fd in high.items():
        os.dup2(fd, target)


def _execute(argv: list[str], environ: dict[str, str]) -> NoReturn:
    """Execute a program that is looked up on the PATH of its environment; `os.execvpe` touches more memory for it."""
    program = argv[0]
    places = [""] if "/" in program else [f"{place or '.'}/" for place in _path(environ)]
    problem = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    for place in places:
        try:
            os.execve(place + program, argv, environ)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            problem = error  # such as a file that may not be executed: another may follow
    raise problem


def _path(environ: dict[str, str]) -> list[str]:
    return environ.get("PATH", os.defpath).split(":")
