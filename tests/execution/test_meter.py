"""What running tasks use, read from real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from live_processes import wait_until

from nbflow.execution.job import Running
from nbflow.execution.local import meter
from nbflow.execution.local.meter import Meter, Use, summed

MEGABYTE = 1 << 20
BUSY = "while True: pass"
LARGE = f"import time; kept = bytearray({100 * MEGABYTE}); print(flush=True); time.sleep(600)"


@contextmanager
def job(*command: str, waits: bool = False) -> Iterator[Running]:
    began = time.time()
    with subprocess.Popen(command, stdout=subprocess.PIPE if waits else None, start_new_session=True) as process:
        try:
            if process.stdout is not None:
                process.stdout.readline()
            yield Running("ab" * 16, process.pid, began)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_busy_task_keeps_a_cpu_busy_and_a_sleeping_one_none() -> None:
    read = Meter()
    with job(sys.executable, "-c", BUSY) as busy, job("sleep", "600") as asleep:
        both = [busy, Running("cd" * 16, asleep.pid, asleep.at)]
        assert wait_until(lambda: read.read(both)[busy.job_hash].cpu > 0.1)
        assert read.read(both)["cd" * 16].cpu < 0.1


def test_what_a_task_started_counts_with_it() -> None:
    script = f"{sys.executable} -c '{LARGE}' & wait"
    with job("bash", "-c", script, waits=True) as one:
        assert Meter().read([one])[one.job_hash].memory > 100 * MEGABYTE


def test_cpu_of_children_that_have_ended_counts_once() -> None:
    script = f"{sys.executable} -c 'sum(range(30_000_000))'; echo; sleep 600"
    read = Meter()
    with job("bash", "-c", script, waits=True) as one:
        first = read.read([one])[one.job_hash]
        assert first.cpu > 0.1
        time.sleep(0.2)
        assert read.read([one])[one.job_hash].cpu < 0.1


def test_a_task_that_has_ended_is_not_told_of() -> None:
    with job("sleep", "600") as one:
        pass
    assert Meter().read([one]) == {}


def test_where_the_system_tells_no_children_all_processes_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(pid: int) -> list[int]:
        raise NotImplementedError

    monkeypatch.setattr(meter, "_children", refuse)
    with job("bash", "-c", f"{sys.executable} -c '{LARGE}' & wait", waits=True) as one:
        assert Meter().read([one])[one.job_hash].memory > 100 * MEGABYTE


def test_uses_add_up() -> None:
    assert summed([Use(0.5, 10), Use(1.5, 20)]) == Use(2.0, 30)
