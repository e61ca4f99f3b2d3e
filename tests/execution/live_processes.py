"""A look at real processes, for tests."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

PATIENCE = 20.0
"""Seconds after which what should have happened has not."""


def wait_until(holds: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Whether it comes true in time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.005)
    return True


def runs(pid: int) -> bool:
    """Whether a process runs; zombies do not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def alive(sleeper: str) -> list[int]:
    """Processes that sleep with this command line; zombies do not count."""
    infos = [process.info for process in psutil.process_iter(["pid", "cmdline", "status"])]
    living = [info for info in infos if info["status"] != psutil.STATUS_ZOMBIE]
    return [info["pid"] for info in living if info["cmdline"] == sleeper.split()]


def supervisors_of(kernel: int) -> list[int]:
    """Supervisors that were started by this process, which may have ended."""
    commands = ((process.pid, process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
    return [pid for pid, command in commands if str(kernel) in command and "local.supervisor" in " ".join(command)]


class FakeKernel:
    """A process that stands for a kernel; killed at the end."""

    def __init__(self, program: str, *arguments: str) -> None:
        root = str(Path(__file__).parents[2])
        self._command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {root!r})\n{program}", *arguments]

    def __enter__(self) -> subprocess.Popen[str]:
        self.kernel = subprocess.Popen(self._command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self.kernel.stdout is not None
        assert self.kernel.stdout.readline() == "ready\n"
        return self.kernel

    def __exit__(self, *exception: object) -> None:
        self.kernel.kill()
        self.kernel.wait()
        self.kernel.stdout.close()
