"""Runs bodies in real workers for tests: makes the work directory, the capture and the job file, reads what came of it."""

from __future__ import annotations

import ast
import json
import os
import select
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbflow.core.values.hashing import Digester
from nbflow.execution.local.template import Declined, Template, WorkerEnded
from nbflow.execution.spec import JOB, OUTCOME, VALUES, Capture, OutputSpec, WorkerSpec, dumped_in
from nbflow.storage import values, workdir

HASH = "ab" * 16
CLASS = "12" * 16


@dataclass
class Ran:
    """What a worker left behind."""

    work_dir: Path
    status: int | None
    event: Any = None

    def text(self, name: str) -> str:
        path = self.work_dir / name
        return path.read_text() if path.exists() else ""

    @property
    def outcome(self) -> dict[str, Any]:
        return json.loads(self.text(OUTCOME))

    @property
    def error(self) -> dict[str, Any]:
        return self.outcome["error"]

    @property
    def out(self) -> str:
        return self.text(".command.out")

    @property
    def err(self) -> str:
        return self.text(".command.err")

    @property
    def events(self) -> list[Any]:
        return [json.loads(line) for line in self.text(".nbflow/events").splitlines()]

    @property
    def digests(self) -> dict[str, str]:
        return {output["name"]: output["digest"] for output in self.outcome["outputs"]}

    def values(self, **resolvers: Any) -> dict[str, Any]:
        found = self.outcome["values"]
        known = values.Resolvers(work_dir=str(self.work_dir), **resolvers)
        private = self.work_dir / ".nbflow"
        return values.load(self.work_dir / VALUES, buffers_dir=private, expected=dumped_in(found), resolvers=known)


class Bench:
    """A launch directory, and a template that runs bodies there."""

    def __init__(self, root: Path, *, fork: bool = True) -> None:
        self.root = root
        self.count = 0
        ours, theirs = socket.socketpair()
        with theirs:
            command = Template.command(theirs.fileno())
            self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        self.template = Template(ours, fork=fork)

    def make(self, source: str, *, notebook: str | None = None, reads: tuple[str, ...] = (), **spec: Any) -> Path:
        """Make a work directory for a body that reads names of a notebook after a cell."""
        self.count += 1
        work_dir = self.root / "work" / "ab" / f"{self.count:030x}"
        workdir.create(work_dir)
        if notebook is not None:
            spec.update(self._capture(notebook, reads))
        if spec.get("outputs") is None:
            spec.setdefault("binds", _binds(source))
            spec.setdefault("imports", _imports(source))
        elif isinstance(spec["outputs"], str):
            spec["outputs"] = tuple(OutputSpec(name) for name in spec["outputs"].split())
        spec = {"launch_dir": str(self.root), "sys_path": tuple(sys.path), "seed": 7, "task": {"cpus": 1}, **spec}
        (work_dir / JOB).write_text(WorkerSpec("t", HASH, "%%process t", source, **spec).to_json())
        return work_dir

    def _capture(self, notebook: str, reads: tuple[str, ...]) -> dict[str, Any]:
        namespace: dict[str, Any] = {"__name__": "__main__"}
        exec(notebook, namespace)
        names = {name: namespace[name] for name in reads}
        path = str(self.root / f"capture-{self.count}")
        references = values.References(namespace=namespace)
        dumped = values.dump(names, path, buffers_dir=self.root, references=references)
        classes = {name: CLASS for name, value in names.items() if isinstance(value, type)}
        data = {name: value for name, value in names.items() if not callable(value)}
        checks = {name: Digester(lambda _: b"kernel").digest(value).hex() for name, value in data.items()}
        return {"capture": Capture(path, str(self.root), dumped), "classes": classes, "checks": checks}

    def run(
        self, source: str, *, environ: dict[str, str] | None = None, preload: tuple[str, ...] = (), **made: Any
    ) -> Ran:
        """Run a body to its end."""
        work_dir = self.make(source, **made)
        self.submit(work_dir, environ=environ, preload=preload)
        event = self.wait(str(work_dir))
        return Ran(work_dir, workdir.read_exit(work_dir), event)

    def submit(self, work_dir: Path, *, environ: dict[str, str] | None = None, preload: tuple[str, ...] = ()) -> None:
        environ = dict(os.environ) if environ is None else environ
        self.template.submit(str(work_dir), work_dir, environ=environ, sys_path=sys.path, preload=preload)

    def wait(self, name: str, kind: tuple[type, ...] = (WorkerEnded, Declined)) -> Any:
        """Wait for an event of a task."""
        while True:
            select.select([self.template], [], [])
            for event in self.template.handle():
                if event.id == name and isinstance(event, kind):
                    return event

    def close(self) -> None:
        self.template.close()
        self.process.wait()


def _binds(source: str) -> tuple[str, ...]:
    """Names that simple statements of a body bind, as the analysis of the body would say."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return ()
    found: list[str] = []
    for statement in body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        found += [target.id for target in targets if isinstance(target, ast.Name)]
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            found.append(statement.name)
    return tuple(dict.fromkeys(found))


def _imports(source: str) -> tuple[tuple[str, str, str | None], ...]:
    found: list[tuple[str, str, str | None]] = []
    for statement in ast.parse(source).body if _binds(source) else []:
        if isinstance(statement, ast.Import):
            found += [(alias.asname or alias.name.partition(".")[0], alias.name, None) for alias in statement.names]
        elif isinstance(statement, ast.ImportFrom):
            found += [(alias.asname or alias.name, statement.module or "", alias.name) for alias in statement.names]
    return tuple(found)
