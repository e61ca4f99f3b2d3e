"""The warm template: a single-threaded process that forks one worker for each Python task.

Runs in a process of its own, started by `nbflow.execution.local.template`. A fork costs more than a small task: so workers are
forked ahead, each for one task, and wait. Where a fork is not safe, or what is loaded here does not fit the task, a
fresh interpreter is started instead.

A message is a length and JSON, as the supervisor's:

    run      id work_dir environ own sys_path preload fork   start a task; `environ` is null where it has not changed
    started  id pid at
    exit     id pid status rusage io at
    declined id reason never_preload                     not started: this template must be replaced
"""

from __future__ import annotations

import faulthandler
import gc
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import warnings
from dataclasses import dataclass
from typing import Any, NoReturn

from nbflow.execution.local.forked import CHUNK, last_words, report, settle, wait_for_request
from nbflow.execution.local.messages import frame, take_message
from nbflow.execution.local.preload import Preloaded
from nbflow.execution.local.supervisor import next_ended
from nbflow.execution.place import ROOT
from nbflow.execution.worker import body as worker
from nbflow.execution.worker.display import Recorder

SPARE, FORKED = 2, 4
"""Fewest workers that wait for a task, and how many are forked when there are fewer.

Several at once, since after each fork the template has to copy anew every page that it writes to.
"""

_FRESH = f"import sys; sys.path.append({ROOT!r}); from nbflow.execution.worker.body import run_by_hand as run; run(sys.argv[1])"
_HEARD = (signal.SIGCHLD, signal.SIGINT)
_REHEARSALS = 10
"""Python specialises code when it has run this often, and writes to its memory until then."""


class _Decline(Exception):
    """A task that cannot be served here, perhaps because of modules that must not be loaded ahead again."""

    def __init__(self, reason: str, never_preload: list[str]) -> None:
        super().__init__(reason)
        self.never_preload = never_preload


@dataclass(frozen=True, slots=True)
class _Worker:
    """A forked process and the socket to it."""

    pid: int
    sock: socket.socket


class Server:
    """What the template knows: its socket, and which of its children runs which task.

    Parameters
    ----------
    sock : socket.socket
        The end whose other end is the kernel's.
    """

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.ids: dict[int, str] = {}
        self.preloaded = Preloaded()
        self.environ: dict[str, str] = {}
        self._idle: list[_Worker] = []
        self._busy: dict[int, _Worker] = {}
        self._inbox = bytearray()
        self._forks = False
        self._recorder = Recorder()

    def serve(self, wakeup: int) -> None:
        """Answer until the kernel's end of the socket is closed.

        Parameters
        ----------
        wakeup : int
            Readable when a child has ended.
        """
        while True:
            working = {worker.sock.fileno(): worker for worker in self._busy.values()}
            patience = 0 if self._forks and len(self._idle) < SPARE else None
            readable, _, _ = select.select([self.sock.fileno(), wakeup, *working], [], [], patience)
            for descriptor in working.keys() & readable:
                self._take_report(working[descriptor])
            if wakeup in readable:
                os.read(wakeup, 4096)
                self._reap()
            if self.sock.fileno() in readable and not self._receive():
                return
            if not readable:
                self._fork_ahead()

    def _fork_ahead(self) -> None:
        for _ in range(FORKED):
            self._idle.append(self._fork())
            waiting = [self.sock.fileno(), *(child.sock.fileno() for child in self._busy.values())]
            if select.select(waiting, [], [], 0)[0]:
                return

    def _receive(self) -> bool:
        data = self.sock.recv(CHUNK)
        self._inbox += data
        while (request := take_message(self._inbox)) is not None:
            self._answer(request)
        return bool(data)

    def _answer(self, request: dict[str, Any]) -> None:
        try:
            pid = self._start(request)
        except (_Decline, OSError) as declined:
            never = getattr(declined, "never_preload", [])
            self._send(event="declined", id=request["id"], reason=str(declined), never_preload=never)
            return
        self.ids[pid] = request["id"]
        self._send(event="started", id=request["id"], pid=pid)

    def _start(self, request: dict[str, Any]) -> int:
        self._note_environment(request)
        if not request["fork"]:
            return self._start_fresh(request)
        if self.preloaded.load(request["preload"], request["sys_path"]):
            self._dismiss()
        self._check(request["preload"])
        if self.preloaded.shadowed(request["sys_path"]):
            return self._start_fresh(request)
        return self._hand_over(request)

    def _note_environment(self, request: dict[str, Any]) -> None:
        environ = request.pop("environ")
        if environ is not None:
            self.environ = environ
            _set_environment(environ)
            self._dismiss()  # they have the one before

    def _check(self, modules: list[str]) -> None:
        if threading.active_count() > 1:
            raise _Decline(f"one of {', '.join(modules)} starts a thread when it is loaded", modules)
        if self.preloaded.local is not None:
            raise _Decline(f"one of {', '.join(modules)} loads the local module {self.preloaded.local}", modules)
        stale = self.preloaded.stale()
        if stale is not None:
            raise _Decline(f"{stale} was installed anew", [])

    def _hand_over(self, request: dict[str, Any]) -> int:
        while True:
            forked = self._idle.pop(0) if self._idle else self._fork()
            try:
                forked.sock.sendall(frame({"work_dir": request["work_dir"], "own": request["own"]}))
            except OSError:
                forked.sock.close()  # somebody killed it while it waited
                continue
            self._busy[forked.pid] = forked
            return forked.pid

    def _fork(self) -> _Worker:
        parent, (ours, theirs) = os.getpid(), socket.socketpair()
        pid = os.fork()
        if pid == 0:
            self._become_worker(theirs, parent, [ours, self.sock, *(child.sock for child in self._children())])
        theirs.close()
        self._forks = True
        return _Worker(pid, ours)

    def _children(self) -> list[_Worker]:
        return [*self._idle, *self._busy.values()]

    def _become_worker(self, sock: socket.socket, parent: int, others: list[socket.socket]) -> NoReturn:
        try:
            for other in others:
                other.close()
            settle(parent)
            request = wait_for_request(sock)
            for name, value in request["own"].items():
                os.environ[name] = value
            gc.enable()
            status = worker.main(request["work_dir"], self._recorder)
            sock.sendall(report(status))
            os._exit(status)
        except BaseException:  # noqa: BLE001  # nothing of the template may run on in a worker
            traceback.print_exc()
        finally:
            os._exit(1)

    def _start_fresh(self, request: dict[str, Any]) -> int:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _FRESH, request["work_dir"]],
            env={**self.environ, **request["own"]},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        # It is waited for with the forked ones: subprocess must never do it.
        process.returncode = 0
        return process.pid

    def _take_report(self, forked: _Worker) -> None:
        """Tell that a task has ended as soon as it says so: to take its memory down takes the system a while."""
        del self._busy[forked.pid]
        told = last_words(forked.sock)
        if told is None:
            return
        name = self.ids.pop(forked.pid, None)
        if name is not None:
            self._send(event="exit", id=name, pid=forked.pid, **told)

    def _reap(self) -> None:
        while (ended := next_ended(self._is_untold)) is not None:
            pid, event = ended
            name = self.ids.pop(pid, None)
            if name is not None:
                self._send(event="exit", id=name, pid=pid, **event)
            self._idle = [waiting for waiting in self._idle if waiting.pid != pid]

    def _is_untold(self, pid: int) -> bool:
        """Whether a child that has ended runs a task and has not told of it."""
        if (forked := self._busy.get(pid)) is not None:
            self._take_report(forked)
        return pid in self.ids

    def _send(self, **event: Any) -> None:
        self.sock.sendall(frame({**event, "at": time.time()}))

    def _dismiss(self) -> None:
        for waiting in self._idle:
            waiting.sock.close()
        self._idle.clear()

    def end(self) -> None:
        """Kill all workers."""
        self._dismiss()
        for pid in self.ids:
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it has just ended, or is not a leader yet and dies with this process


def _set_environment(environ: dict[str, str]) -> None:
    for name in os.environ.keys() - environ.keys():
        del os.environ[name]
    for name, value in environ.items():
        if os.environ.get(name) != value:
            os.environ[name] = value
    time.tzset()


def _watch_children() -> int:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in _HEARD:
        signal.signal(number, lambda *_: None)
    return reading


def serve(fd: int) -> None:
    """Serve the kernel, then end every worker.

    Parameters
    ----------
    fd : int
        Inherited descriptor of a stream socket.
    """
    sock = socket.socket(fileno=fd)
    sock.set_inheritable(False)
    # Python warns of forks where other threads are; libraries such as OpenBLAS have some, which survive a fork.
    warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", category=DeprecationWarning)
    # What is set up once, as specialised code and lazy tables, no worker has to copy for itself.
    for _ in range(_REHEARSALS):
        worker.warm_up()
    report(0)
    faulthandler.enable(2)
    gc.disable()
    gc.freeze()
    server = Server(sock)
    try:
        server.serve(_watch_children())
    except ConnectionError:
        pass  # the kernel's end broke: the same as closed
    finally:
        server.end()
