"""The processes of this machine as a tree: which belong to a task, and how to end them all.

Light: also loaded by the supervisor, so it imports a little of the standard library only. Reads what the system says
of processes and sends signals; starts nothing and waits for no child.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable

MARK = "NBFLOW_TASK"
"""Environment variable by which a process is known that got away from its parent, its session and its group."""

LINUX = sys.platform == "linux"

Table = dict[int, tuple[int, int, int]]
"""Process id to parent, group and session."""


def process_table() -> Table:
    """Every living process: its parent, group and session; zombies do not count."""
    return _read_proc() if LINUX else _read_ps()


def _read_proc() -> Table:
    table = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                text = file.read()
        except OSError:  # it ended while the directory was read
            continue
        state, parent, group, session = text[text.rindex(b")") + 2 :].split(None, 4)[:4]
        if state not in (b"Z", b"X"):
            table[int(name)] = (int(parent), int(group), int(session))
    return table


def _read_ps() -> Table:
    table = {}
    for line in _ps("-A", "-o", "pid=,ppid=,pgid=,stat=").splitlines():
        pid, parent, group, state = line.split()[:4]
        if not state.startswith(b"Z"):
            # No session ids here that are pids; its leader's group has the same number.
            table[int(pid)] = (int(parent), int(group), int(group))
    return table


def _ps(*options: str) -> bytes:
    import subprocess  # heavy, and only needed where there is no /proc

    return subprocess.run(["ps", *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout


def carries(pid: int, mark: bytes) -> bool:
    """Whether a process was started with this text in its environment; False for one that may not be looked at."""
    if not LINUX:
        return mark.rstrip(b"\0") in _ps("-E", "-ww", "-o", "command=", "-p", str(pid))
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return mark in file.read()
    except OSError:
        return False


def descendants(roots: Iterable[int], table: Table) -> set[int]:
    """All processes below these, themselves not counted."""
    children: dict[int, list[int]] = {}
    for pid, (parent, _, _) in table.items():
        children.setdefault(parent, []).append(pid)
    found: set[int] = set()
    waiting = list(roots)
    while waiting:
        new = [pid for pid in children.get(waiting.pop(), ()) if pid not in found]
        found.update(new)
        waiting.extend(new)
    return found


def task_processes(root: int, mark: bytes) -> set[int]:
    """All processes of the task whose first one is, or was, `root`, and which carry `mark` if all else fails."""
    table = process_table()
    candidates = descendants([os.getpid()], table) if LINUX else set(table)
    seeds = {pid for pid in candidates if pid == root or root in table[pid][1:] or carries(pid, mark)}
    return (seeds | descendants(seeds, table)) - {os.getpid()}


def marked_processes(mark: bytes) -> set[int]:
    """All processes of the machine that carry `mark`, and what descends from them."""
    table = process_table()
    seeds = {pid for pid in table if carries(pid, mark)}
    return (seeds | descendants(seeds, table)) - {os.getpid()}


def kill_all(find: Callable[[], set[int]], patience: float = float("inf")) -> None:
    """SIGKILL what `find` finds until it finds nothing, twice: a process may fork, or change parents, during a look."""
    beyond: set[int] = set()
    pause, empty, end = 0.001, 0, time.monotonic() + patience
    while empty < 2 and time.monotonic() < end:
        left = find() - beyond
        for pid in left:  # a shell whose command was killed before it would go on with the next one
            signal_one(pid, signal.SIGSTOP)
        beyond.update(pid for pid in left if not signal_one(pid, signal.SIGKILL))
        empty = 0 if left else empty + 1
        if left:
            time.sleep(pause)
            pause = min(pause * 2, 0.05)


def signal_one(pid: int, number: int) -> bool:
    """Send a signal; False if that process belongs to somebody else."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
    except PermissionError:
        return False
    return True
