"""Notebooks that are run more than once, each time in a fresh kernel."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PATIENCE = 60
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Cell:
    """What became of a cell."""

    ok: bool
    ename: str
    evalue: str
    result: str
    out: str
    err: str
    warnings: list[str]
    tasks: list[tuple[str, str, str]]

    @property
    def statuses(self) -> list[str]:
        return [status for _, status, _ in self.tasks]

    @property
    def status(self) -> str:
        """The status of the cell's only task."""
        assert len(self.tasks) == 1, (self.tasks, self.evalue, self.err)
        return self.tasks[0][1]

    @property
    def shown(self) -> str:
        """All that the user sees of it."""
        return "\n".join((self.out, self.err, *self.warnings))


class Kernel:
    """A kernel at work."""

    def __init__(self, forge: Forge, pid: int, results: Path, log: Path) -> None:
        self.pid = pid
        self._forge = forge
        self._results = results
        self._log = log

    def wait(self) -> list[Cell]:
        """Its cells, when it has ended by itself."""
        status = self.end()
        assert status == 0, f"kernel ended with {status}: {self._log.read_text()}"
        return self.cells()

    def end(self) -> int:
        """Wait for its end; the exit status, negative for a signal."""
        return int(self._forge.ask({"wait": self.pid})["status"])

    def cells(self) -> list[Cell]:
        """The cells that have ended."""
        lines = self._results.read_text().splitlines() if self._results.exists() else []
        told = [json.loads(line) for line in lines]
        return [Cell(**{**each, "tasks": [tuple(task) for task in each["tasks"]]}) for each in told]

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)


class Forge:
    """Starts kernels; see `forge.py`."""

    def __init__(self, scratch: Path, hash_seed: str, python: str = sys.executable) -> None:
        environ = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
        environ["IPYTHONDIR"] = str(scratch / f"ipython-{hash_seed}")
        command = [python, "-m", "tests.remembering.forge"]
        self._begin = lambda: subprocess.Popen(
            command, cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._process = self._begin()
        self._scratch = scratch
        self._number = 0
        self._seed = hash_seed

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(request) + "\n")
        stdin.flush()
        ready, _, _ = select.select([stdout], [], [], PATIENCE)
        if not ready:
            self._process.kill()
            self._process = self._begin()
            raise AssertionError(f"no answer to {request} within {PATIENCE} s: a kernel hangs")
        answer: dict[str, Any] = json.loads(stdout.readline())
        return answer

    def start(self, directory: Path, cells: list[str], environ: Mapping[str, str] | None = None) -> Kernel:
        self._number += 1
        results = self._scratch / f"results-{self._seed}-{self._number}"
        log = results.with_name(results.name.replace("results", "log"))
        request = {"directory": str(directory), "cells": cells, "environ": dict(environ or {})}
        told = self.ask({**request, "results": str(results), "log": str(log)})
        return Kernel(self, told["pid"], results, log)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class Notebooks:
    """Runs the notebooks of a launch directory, alternately under different hash seeds of Python."""

    def __init__(self, directory: Path, forges: list[Forge]) -> None:
        self.directory = directory
        self._forges = forges

    def run(self, *cells: str, environ: Mapping[str, str] | None = None) -> list[Cell]:
        """Run cells in a fresh kernel, to its end."""
        return self.start(*cells, environ=environ).wait()

    def start(self, *cells: str, environ: Mapping[str, str] | None = None) -> Kernel:
        """Run cells in a fresh kernel, without waiting for it."""
        self._forges.append(self._forges.pop(0))
        return self._forges[0].start(self.directory, list(cells), environ)

    def write(self, name: str, text: str) -> Path:
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def work_dir(self, task_hash: str) -> Path:
        return self.directory / "work" / task_hash[:2] / task_hash[2:]

    def moved(self, directory: Path, *, keep_times: bool = False) -> Notebooks:
        """A copy of the launch directory."""
        shutil.copytree(
            self.directory, directory, symlinks=True, copy_function=shutil.copy2 if keep_times else shutil.copy
        )
        return Notebooks(directory, self._forges)


def wait_for(holds: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "did not come to hold"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def forges(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Forge]]:
    scratch = tmp_path_factory.mktemp("forge")
    made = [Forge(scratch, "1"), Forge(scratch, "2")]
    yield list(made)
    for forge in made:
        forge.close()


@pytest.fixture
def notebooks(tmp_path: Path, forges: list[Forge]) -> Notebooks:
    directory = tmp_path / "launch"
    directory.mkdir()
    return Notebooks(directory, forges)
