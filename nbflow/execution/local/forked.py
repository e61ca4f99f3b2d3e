"""What a worker that was forked ahead does around its task: it becomes a process of its own, waits, and tells how it ended.

Alone knows what passes between the template and a worker. Forks nothing and runs no task.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
from typing import Any

from nbflow.execution.local import tree
from nbflow.execution.local.messages import frame, take_message
from nbflow.execution.local.supervisor import read_io

CHUNK = 1 << 14
"""Bytes read at once: a buffer that is much larger gets memory of its own from the system, and gives it back."""

_PDEATHSIG, _SUBREAPER = 1, 36
_RUSAGE = ("utime", "stime", "minflt", "majflt", "inblock", "oublock", "nvcsw", "nivcsw")
_prctl = ctypes.CDLL(None).prctl if tree.LINUX else None


def settle(parent: int) -> None:
    """Become a worker: own session, no signal handlers of the template, dead when the template is."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    if _prctl is None:
        return
    # The signal follows the thread that forked: safe only because the template has a single one.
    _prctl(_PDEATHSIG, signal.SIGKILL)
    _prctl(_SUBREAPER, 1)
    if os.getppid() != parent:
        os._exit(1)


def wait_for_request(sock: socket.socket) -> dict[str, Any]:
    """Wait for the task; a worker that is dismissed ends here."""
    inbox = bytearray()
    while (request := take_message(inbox)) is None:
        data = sock.recv(CHUNK)
        if not data:
            os._exit(0)
        inbox += data
    return request


def report(status: int) -> bytes:
    """What a worker tells at its end, by its exit status; see `last_words`."""
    return frame({"status": status << 8, "rusage": _rusage(), "io": read_io(os.getpid())})


def _rusage() -> dict[str, float]:
    own, below = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    sums = {name: getattr(own, "ru_" + name) + getattr(below, "ru_" + name) for name in _RUSAGE}
    return {**sums, "maxrss": max(own.ru_maxrss, below.ru_maxrss)}


def last_words(sock: socket.socket) -> dict[str, Any] | None:
    """What a worker has reported; None when it died before, even if a child of its holds the other end open."""
    with sock:
        try:
            return take_message(bytearray(sock.recv(1 << 16, socket.MSG_DONTWAIT)))
        except (BlockingIOError, ConnectionError):
            return None
