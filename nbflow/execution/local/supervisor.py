"""The supervisor: a small process that starts every process of a task, and outlives none of them.

Runs under ``python -I -S``: a little of the standard library, and of nbflow only `launch`, `messages` and `tree`. in a session of its own, and on Linux the reaper of every orphan below it: what a task started, whatever it did to get
away, can be found and ended here. Knows nothing of tasks but their ids.

It holds one end of a socket whose other end is the kernel's. When that end closes, for whatever reason, it kills all
that descends from it until nothing is left, and ends.

Its messages are those of `messages`; descriptors travel beside them.

    spawn   id argv cwd environ streams status targets reaper
                                                     start a process; `targets` are its numbers for the descriptors,
                                                     `environ` is null where it has not changed
    kill    id pid signal                            signal a whole tree; SIGKILL repeats until none is left
    sweep   id pid                                   kill what a process left behind when it ended
    started id pid at | failed id error at | exit id pid status rusage io at | fatal error
"""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import time
import traceback

from nbflow.execution.local.launch import Launcher, keep_orphans
from nbflow.execution.local.messages import frame, take_message
from nbflow.execution.local.tree import (
    LINUX,
    MARK,
    descendants,
    kill_all,
    marked_processes,
    process_table,
    signal_one,
    task_processes,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

PATIENCE = 1.0
"""Seconds that one kill may hold up everything else."""

_RUSAGE = ("utime", "stime", "maxrss", "minflt", "majflt", "inblock", "oublock", "nvcsw", "nivcsw")
_UNHEARD = (signal.SIGCHLD, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ)


class Server:
    """What the supervisor knows: its socket, and which of its children is whose.

    Parameters
    ----------
    sock : socket.socket
        The end whose other end is the kernel's.
    token : str
        Begins the mark of every process started here.
    """

    def __init__(self, sock: socket.socket, token: str) -> None:
        self.sock = sock
        self.token = token
        self.ids: dict[int, str] = {}
        self._inbox = bytearray()
        self._outbox = bytearray()
        self._launcher = Launcher()
        self._fds: list[int] = []
        self._statuses: dict[int, tuple[int, str]] = {}
        """Directory and name of the file for the exit status of a process."""

    def serve(self, wakeup: int, kernel: int | None) -> None:
        """Answer until the kernel is gone.

        Parameters
        ----------
        wakeup : int
            Readable when a child has ended.
        kernel : int or None
            Readable when the kernel has ended, although a fork of it may hold its end of the socket.
        """
        handle = {"spawn": self._spawn, "kill": self._kill, "sweep": self._sweep}
        sources = [self.sock.fileno(), wakeup, *([] if kernel is None else [kernel])]
        while True:
            # One request at a time: between two, children that ended are taken in, and a dead kernel is noticed.
            request = take_message(self._inbox)
            readable, _, _ = select.select(sources, [self.sock] if self._outbox else [], [], 0 if request else None)
            if kernel in readable:
                return
            if wakeup in readable:
                os.read(wakeup, 4096)
                self.reap()
            if self.sock.fileno() in readable and not self._receive():
                return
            if request is not None:
                handle[request["do"]](request)
            self._flush()
            # After the answer, so that nobody waits for it.
            self._launcher.make_ready()

    def _receive(self) -> bool:
        try:
            data, fds, _, _ = socket.recv_fds(self.sock, 1 << 15, 16)
        except BlockingIOError:
            return True
        for fd in fds:
            os.set_inheritable(fd, False)
        self._fds.extend(fds)
        self._inbox += data
        return bool(data)

    def send(self, **event: Any) -> None:
        """Queue an event: a kernel that does not read must not stop the supervisor."""
        self._outbox += frame({**event, "at": time.time()})

    def _flush(self) -> None:
        if not self._outbox:
            return
        try:
            del self._outbox[: self.sock.send(self._outbox)]
        except BlockingIOError:
            pass  # select says when there is room

    def _spawn(self, request: dict[str, Any]) -> None:
        count = len(request["targets"])
        fds, self._fds = self._fds[:count], self._fds[count:]
        if request["environ"] is not None:
            self._launcher.environ = request["environ"]
        own = {MARK: f"{self.token}.{request['id']}"}
        place = _directory(request)  # before it runs: it may put another one in its place
        try:
            pid = self._launcher.start({**request, "own": own}, fds)
        except OSError as error:
            if place is not None:
                os.close(place)
            self.send(event="failed", id=request["id"], error=str(error))
        else:
            self.ids[pid] = request["id"]
            if place is not None:
                self._statuses[pid] = place, request["status"]
            self.send(event="started", id=request["id"], pid=pid)
        finally:
            for fd in fds:
                os.close(fd)

    def _write_status(self, pid: int, status: int) -> None:
        """Write the exit status of a process, unless it was killed."""
        directory, name = self._statuses.pop(pid, (None, ""))
        if directory is None:
            return
        code = os.waitstatus_to_exitcode(status)
        try:
            if code != -signal.SIGKILL:
                _write_small(name, str(code if code >= 0 else 128 - code), directory)
        except OSError:
            pass  # deleted, or a full disk: then the task has no status, and whoever looks for it runs it again
        finally:
            os.close(directory)

    def _kill(self, request: dict[str, Any]) -> None:
        # No process has the id 0: what has no first process any more is found by its mark.
        root = next((pid for pid, name in self.ids.items() if name == request["id"]), request["pid"] or 0)
        mark = self._mark(request["id"])
        if request["signal"] == signal.SIGKILL:
            kill_all(lambda: task_processes(root, mark), PATIENCE)
        else:
            for pid in task_processes(root, mark):
                signal_one(pid, request["signal"])

    def _sweep(self, request: dict[str, Any]) -> None:
        """A task has ended with its first process; what it left running may not write into the next one's time."""
        if self._has_orphans():
            mark = self._mark(request["id"])
            kill_all(lambda: task_processes(request["pid"], mark), PATIENCE)

    def _has_orphans(self) -> bool:
        me, known = os.getpid(), self.ids.keys() | self._launcher.pids
        try:
            with open(f"/proc/{me}/task/{me}/children", "rb") as file:
                return any(int(pid) not in known for pid in file.read().split())
        except FileNotFoundError:  # not Linux, or a kernel without it: then it has to look
            return True

    def _mark(self, name: str) -> bytes:
        return f"{MARK}={self.token}.{name}\0".encode()

    def reap(self) -> None:
        """Take in every child that has ended and report those that were started here."""
        while (ended := next_ended(self.ids.__contains__)) is not None:
            pid, event = ended
            name = self.ids.pop(pid, None)
            if name is not None:
                self._sweep({"id": name, "pid": pid})
                self._write_status(pid, event["status"])
                self.send(event="exit", id=name, pid=pid, **event)


def _directory(request: dict[str, Any]) -> int | None:
    """A descriptor of the directory that gets the exit status; None where none is wanted, or it was deleted."""
    if request["status"] is None:
        return None
    try:
        return os.open(request["cwd"], os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None  # what runs there will be told to have lost it


def _write_small(name: str, text: str, directory: int) -> None:
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666, dir_fd=directory)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def next_ended(counts: Callable[[int], bool]) -> tuple[int, dict[str, Any]] | None:
    """Wait for one child that has ended, if any: its status, what it used, and, if it `counts`, what it read and wrote."""
    try:
        io, target = {}, -1
        if LINUX:
            info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if info is None:
                return None
            io, target = read_io(info.si_pid) if counts(info.si_pid) else {}, info.si_pid
        pid, status, usage = os.wait4(target, os.WNOHANG)
    except ChildProcessError:
        return None
    rusage = {name: getattr(usage, "ru_" + name) for name in _RUSAGE}
    return (pid, {"status": status, "rusage": rusage, "io": io}) if pid else None


def read_io(pid: int) -> dict[str, int]:
    """What a zombie and all it waited for has read and written, by Linux's own names."""
    try:
        with open(f"/proc/{pid}/io", "rb") as file:
            return {name.decode(): int(value) for name, value in (line.split(b": ") for line in file)}
    except OSError:
        return {}


def _watch_signals() -> int:
    """Let the end of a child wake the loop, and no signal but SIGKILL end it before its work is done."""
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    for number in _UNHEARD:
        # A handler, for exec puts it back to the default: an ignored signal would stay ignored in every task.
        signal.signal(number, lambda *_: None)
    return reading


def _watch_kernel(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid) if LINUX else None
    except ProcessLookupError as error:
        raise ConnectionError("the kernel has already ended") from error
    except OSError:  # an older system: then only the socket tells
        return None


def main() -> None:
    """Serve the kernel, then end everything; arguments: inherited descriptor, token, the kernel's process id."""
    fd, token, kernel = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    keep_orphans()
    sock = socket.socket(fileno=fd)
    sock.set_inheritable(False)
    sock.setblocking(False)
    try:
        wakeup = _watch_signals()
        Server(sock, token).serve(wakeup, _watch_kernel(kernel))
    except ConnectionError:
        pass  # the kernel's end broke: the same as closed
    except Exception:  # noqa: BLE001 - reported, then everything ends
        # Nobody reads its stderr; what cannot be sent has nobody to hear it.
        sock.sendall(frame({"event": "fatal", "error": traceback.format_exc(), "at": time.time()}))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        kill_all(lambda: everything_below(token))
        # Whoever inherits zombies, in a container say, need not know how to bury them.
        while next_ended(lambda _: False) is not None:
            pass


def everything_below(token: str) -> set[int]:
    """All that descends from this process; where orphans cannot be kept, all that carries its token."""
    below = descendants([os.getpid()], process_table())
    return below if LINUX else below | marked_processes(f"{MARK}={token}.".encode())
