"""Runs one Python body in the kernel itself, with the kernel's own objects, and leaves behind what a worker does.

Alone lends the notebook's namespace to a body. What a worker gives and this cannot: a process of its own. Objects are the
notebook's, not copies, so a change that no output declares fails the task, but it has happened; output of C code and of
child processes is not kept.
"""

from __future__ import annotations

import builtins
import json
import linecache
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from nbflow.core.code import ipython_syntax
from nbflow.core.ext import with_ext
from nbflow.core.values.hashing import Digester
from nbflow.errors import NbflowError, TaskFailedError, UnhashableInputError
from nbflow.execution.calls.call import Call
from nbflow.execution.channels.items import loaded
from nbflow.execution.inline.kept import Kept
from nbflow.execution.spec import OUTCOME, WorkerSpec
from nbflow.execution.worker import body as worker
from nbflow.execution.worker import failure, gather
from nbflow.execution.worker.changes import Classes, Codes, Snapshot, captured_classes
from nbflow.execution.worker.namespace import HELPERS, TaskFacts, shell_command
from nbflow.storage import values
from nbflow.storage.workdir import EXIT

Console = Callable[[Kept], AbstractContextManager[None]]
"""Keeps, while it is entered, what the body displays through the notebook."""

_here = threading.local()


def inside() -> bool:
    """Whether this thread runs a body of the kernel: there a process is a plain function."""
    return bool(getattr(_here, "inside", False))


@dataclass(frozen=True, slots=True)
class KernelBody:
    """A body that runs in the kernel.

    Attributes
    ----------
    spec : WorkerSpec
        What a worker would have to do; nothing is captured in it.
    work_dir : pathlib.Path
        Ready.
    shared : mapping of str to object
        Globals and inputs that all tasks of the call share.
    own : mapping of str to object
        Inputs of this task alone.
    before : mapping of str to str
        What `shared` was at the call: `digests` of it.
    env : mapping of str to str
        Variables that the task sets.
    namespace : dict
        The notebook's.
    """

    spec: WorkerSpec
    work_dir: Path
    shared: Mapping[str, Any]
    own: Mapping[str, Any]
    before: Mapping[str, str | None]
    env: Mapping[str, str]
    namespace: dict[str, Any]

    def run(self, console: Console) -> int:
        """Run it; its exit status.

        Raises
        ------
        KeyboardInterrupt
            If the kernel was interrupted.
        """
        with ExitStack() as back:
            back.callback(os.chdir, os.getcwd())
            os.chdir(self.work_dir)
            kept = Kept()
            back.callback(kept.close)
            status = self._status(kept, console)
            values.write_aside(EXIT, [str(status).encode()])
        return status

    def _status(self, kept: Kept, console: Console) -> int:
        try:
            told = self._told(kept, console)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001  # whatever ends a body is its outcome, also SystemExit
            return _failed(error, self.spec, kept, [self.env[name] for name in self.spec.secrets])
        values.write_aside(OUTCOME, [json.dumps(told).encode()])
        return 0

    def _told(self, kept: Kept, console: Console) -> dict[str, Any]:
        self._refuse_changes(self.shared, self.before, "since the call, and the kernel has no other; call it again")
        own = self.digests(self.own)
        with self._lent() as space:
            before = _Snapshot(self, space)
            with _seeded(self.spec.seed), _environ(self.env), _helpers(), console(kept), _teed(kept):
                self._evaluate(kept, space)
            os.chdir(self.work_dir)
            # What an input is must not depend on which task came first.
            inputs = {name: self.before[name] for name in self.shared if name not in self.spec.checks}
            advice = "which in the kernel is the notebook's own; copy it first"
            self._refuse_changes({**self.shared, **self.own}, {**inputs, **own}, advice)
            return worker.told_of(gather.gather(self.spec, space, before))

    def _evaluate(self, kept: Kept, space: dict[str, Any]) -> None:
        text = self.spec.source
        linecache.cache[self.spec.filename] = (len(text), None, text.splitlines(keepends=True), self.spec.filename)
        _here.inside = True
        try:
            kept.result([eval(code, space) for code in worker.compiled(self.spec)][-1])
        except SystemExit as error:
            if error.code not in (None, 0):
                raise
        finally:
            _here.inside = False

    @contextmanager
    def _lent(self) -> Iterator[dict[str, Any]]:
        """The notebook's namespace with what a worker would find in its own, given back as it was."""
        before = dict(self.namespace)
        lent = {**self.shared, **self.own, "task": TaskFacts(with_ext(self.spec.task))}
        declared = [output.name for output in self.spec.outputs or ()]
        for name in {*self.spec.binds, *declared} - lent.keys():
            self.namespace.pop(name, None)
        self.namespace.update(lent)
        try:
            yield self.namespace
        finally:
            for name in [name for name in self.namespace if name not in before]:
                del self.namespace[name]
            self.namespace.update(before)

    def digests(self, objects: Mapping[str, Any]) -> dict[str, str | None]:
        """What values are, to be compared within this kernel."""
        return _digests(captured_classes(self.spec, self.shared), objects)

    def _refuse_changes(self, objects: Mapping[str, Any], before: Mapping[str, str | None], advice: str) -> None:
        now = self.digests({name: value for name, value in objects.items() if name in before})
        for name, digest in now.items():
            if digest != before[name]:
                raise TaskFailedError(f"`{name}` was changed, {advice}")


class Kernel:
    """The bodies of a run that the kernel runs itself.

    Parameters
    ----------
    console : callable
        The notebook's, for the body that runs.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._before: dict[bytes, dict[str, str | None]] = {}

    def note(self, call: Call) -> dict[str, str | None]:
        """Note what a call's shared objects are, before anything can change them."""
        capture = call.capture
        if capture.digest not in self._before:
            self._before[capture.digest] = _digests(_classes(call), capture.values)
        return self._before[capture.digest]

    def body(
        self, call: Call, own: Mapping[str, Any], work_dir: Path, spec: WorkerSpec, env: Mapping[str, str]
    ) -> Callable[[], int]:
        """What runs one task of a call."""
        inputs = {name: loaded(value) for name, value in own.items()}
        shared, namespace = call.capture.values, call.scene.namespace
        return partial(KernelBody(spec, work_dir, shared, inputs, self.note(call), env, namespace).run, self._console)


def _classes(call: Call) -> Classes:
    reached = call.capture.reach
    digests = {} if reached is None else {name: digest.hex() for name, digest in reached.notebook_classes.items()}
    return captured_classes(replace(_ANY, classes=digests), call.capture.values)


def _digests(classes: Classes, objects: Mapping[str, Any]) -> dict[str, str | None]:
    codes = Codes(_ANY, classes)
    return {name: _digest(codes, name, value) for name, value in objects.items()}


_ANY = WorkerSpec("", "00" * 16, "", "", "")
"""Digests that are compared within a kernel belong to no task."""


def _digest(codes: Codes, name: str, value: object) -> str | None:
    try:
        return Digester(codes).digest(value, name).hex()
    except UnhashableInputError:
        return None


class _Snapshot(Snapshot):
    """What a body is given: here the notebook's own objects, so both they and the names may have changed."""

    def __init__(self, body: KernelBody, namespace: Mapping[str, Any]) -> None:
        super().__init__(body.spec, namespace)
        self._body = body

    def changed_globals(self, namespace: Mapping[str, Any]) -> list[str]:
        body = self._body
        names = [name for name in body.spec.checks if name in body.shared and name in namespace]
        held, bound = (body.digests({name: space[name] for name in names}) for space in (body.shared, namespace))
        return [
            name
            for name in names
            if held[name] != body.before[name] or (name not in body.spec.binds and bound[name] != body.before[name])
        ]


# What a body finds ---------------------------------------------------------------------------------------------------


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """The generators of the process seeded as in a worker; afterwards the notebook's go on where they were."""
    state, module = random.getstate(), sys.modules.get("numpy.random")
    numpy_state = None if module is None else module.get_state()
    random.seed(seed)
    if module is not None:
        module.seed(seed & 0xFFFF_FFFF)
    try:
        yield
    finally:
        random.setstate(state)
        if module is not None:
            module.set_state(numpy_state)


@contextmanager
def _environ(settings: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _helpers() -> Iterator[None]:
    """What rewritten IPython syntax calls; output of commands goes where the body's own does."""
    helpers = {**HELPERS, ipython_syntax.SYSTEM: _system}
    for name, helper in helpers.items():
        setattr(builtins, name, helper)
    try:
        yield
    finally:
        for name in helpers:
            delattr(builtins, name)


def _system(command: str, expand: Callable[[], str] | None = None) -> None:
    process = subprocess.Popen(
        shell_command(command, expand), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    with process as running:
        assert running.stdout is not None
        for line in running.stdout:
            sys.stdout.write(line)


@contextmanager
def _teed(kept: Kept) -> Iterator[None]:
    with redirect_stdout(kept.tee("out", sys.stdout)), redirect_stderr(kept.tee("err", sys.stderr)):
        yield


def _failed(error: BaseException, spec: WorkerSpec, kept: Kept, secrets: list[str]) -> int:
    told = failure.without_secrets(failure.describe(error, spec.filename, spec.launch_dir), secrets)
    frames = () if isinstance(error, NbflowError) and not told.frames else told.frames
    kept.event("traceback", None)
    kept.text("err", told.text if frames else f"{told.evalue}\n")
    values.write_aside(OUTCOME, [json.dumps({"error": {**asdict(told), "frames": frames, "pickled": False}}).encode()])
    return told.exit
