"""Runs one Python task in this process: the body, its outputs, its streams, its exit status.

Alone calls a body. Writes only in its work directory, and ``.exitcode`` last; never opens the cache. Started by a fork of
the template, or by hand: ``python -m nbflow.execution.worker.body DIR``.
"""

from __future__ import annotations

import ast
import atexit
import faulthandler
import inspect
import json
import os
import shutil
import sys
import threading
from dataclasses import asdict
from types import CodeType
from typing import Any, NoReturn

from nbflow.errors import NbflowError
from nbflow.execution.local import tree
from nbflow.execution.spec import ERROR, EVENTS, JOB, OUTCOME, WorkerSpec, dumped_out, read_spec
from nbflow.execution.worker import display, failure, gather, namespace
from nbflow.execution.worker.changes import Snapshot
from nbflow.execution.worker.failure import Failure
from nbflow.execution.worker.gather import Gathered
from nbflow.storage import values, workdir
from nbflow.storage.values import References, UnstorableValueError
from nbflow.storage.workdir import EXIT, PRIVATE


def main(work_dir: str, recorder: display.Recorder) -> int:
    """Run the task of a work directory.

    Parameters
    ----------
    work_dir : str
        Holds ``.nbflow/job.json``.
    recorder : Recorder
        Keeps what the body prints and displays; not started yet.

    Returns
    -------
    int
        Its exit status, which ``.exitcode`` holds too; 0 when all its outputs are stored.
    """
    os.chdir(work_dir)
    content, _, _ = workdir.read_small(JOB)
    recorder.start()
    status = _run(content, recorder)
    atexit._run_exitfuncs()
    recorder.sync()
    _end_children()
    _write(EXIT, str(status))
    return status


def warm_up() -> None:
    """Do once what every task does and leave no trace of it: the memory that it touches becomes this process's own.

    After a fork that costs more than the work itself, so it is done before a task waits for it.
    """
    text = WorkerSpec("warm", "00" * 16, "<warm>", "x = [1]\nx", "/", shows_last=True, outputs=()).to_json()
    display.rehearse()
    spec = read_spec(text.encode())
    space = namespace.rehearse(spec)
    before = Snapshot(spec, space)
    for code in compiled(spec):
        eval(code, space)
    display.show_figures()
    json.dumps(told_of(gather.gather(spec, space, before)))
    gather.rehearse(spec, space)


def _end_children() -> None:
    """End what the body left running: it may not work on when the task is told to have ended."""
    me = os.getpid()
    try:
        with open(f"/proc/self/task/{me}/children", "rb") as file:
            left = file.read()
    except FileNotFoundError:
        return  # not Linux: whoever started the worker looks for its mark
    if left:
        tree.kill_all(lambda: tree.descendants([me], tree.process_table()) - {me})


def _forget_earlier_run() -> None:
    for name in (EXIT, OUTCOME, ERROR, EVENTS):
        if os.path.lexists(name):
            os.unlink(name)


def _run(text: bytes, recorder: display.Recorder) -> int:
    spec: WorkerSpec | None = None
    before: Snapshot | None = None
    secrets: list[str] = []
    try:
        spec = read_spec(text)
        secrets = [os.environ[name] for name in spec.secrets if name in os.environ]
        workdir.stage_all(".", spec.staged)
        space = namespace.prepare_interpreter(spec)
        namespace.fill(space, spec)
        before = Snapshot(spec, space)
        _call_body(spec, space, recorder)
        gathered = gather.gather(spec, space, before)
    except BaseException as error:  # noqa: BLE001  # whatever ends a body is its outcome, also SystemExit
        return _failed(error, spec, before, recorder, secrets)
    _write(OUTCOME, json.dumps(told_of(gathered)))
    return 0


def _call_body(spec: WorkerSpec, space: dict[str, Any], recorder: display.Recorder) -> None:
    work_dir = os.getcwd()
    try:
        _evaluate(spec, space, recorder)
    except SystemExit as error:
        if error.code not in (None, 0):
            raise
    finally:
        _end_threads()
        display.show_figures()
        recorder.sync()
        os.chdir(work_dir)


def _end_threads() -> None:
    """Let pools finish what they were given, as at the end of any program; tell of a thread that ends unfinished."""
    # The one list that joblib's and concurrent.futures' pools enter themselves in: after atexit they cannot end cleanly.
    for end in reversed(getattr(threading, "_threading_atexits", ())):
        end()
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.main_thread():
            told = (
                f"nbflow: thread {thread.name!r} still ran when the body ended, and ends with it: join it in the body"
            )
            print(told, file=sys.stderr)


def _evaluate(spec: WorkerSpec, space: dict[str, Any], recorder: display.Recorder) -> None:
    codes = compiled(spec)
    if spec.is_async:
        import asyncio  # as heavy as all the rest of a worker

        value = asyncio.run(_evaluate_async(codes, space))
    else:
        value = [eval(code, space) for code in codes][-1]
    recorder.result(value)


async def _evaluate_async(codes: list[CodeType], space: dict[str, Any]) -> Any:
    value = None
    for code in codes:
        value = eval(code, space)
        if code.co_flags & inspect.CO_COROUTINE:
            value = await value
    return value


def compiled(spec: WorkerSpec) -> list[CodeType]:
    """The body's code; a last expression that is shown apart, and last."""
    flags = spec.flags | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    tree = compile(spec.source, spec.filename, "exec", flags | ast.PyCF_ONLY_AST, dont_inherit=True)
    assert isinstance(tree, ast.Module)
    last = tree.body.pop() if spec.shows_last and tree.body and isinstance(tree.body[-1], ast.Expr) else None
    codes = [compile(tree, spec.filename, "exec", flags, dont_inherit=True)]
    if isinstance(last, ast.Expr):
        codes.append(compile(ast.Expression(last.value), spec.filename, "eval", flags, dont_inherit=True))
    return codes


def _failed(
    error: BaseException,
    spec: WorkerSpec | None,
    before: Snapshot | None,
    recorder: display.Recorder,
    secrets: list[str],
) -> int:
    told = failure.describe(error, spec.filename if spec else "", spec.launch_dir if spec else "")
    told = failure.without_secrets(told, secrets)
    if isinstance(error, NbflowError) and not told.frames:
        told = Failure(told.ename, told.evalue, (), f"{told.evalue}\n")
    pickled = not secrets and _keep_error(error, before)
    _write(OUTCOME, json.dumps({"error": {**asdict(told), "pickled": pickled}}))
    try:
        recorder.event("traceback", None)  # who shows the output stops here: the error itself tells the rest
        sys.stderr.write(told.text)
        sys.stderr.flush()
    except (OSError, ValueError):
        return told.exit  # the body closed its streams; the outcome tells why it failed all the same
    return told.exit


def _keep_error(error: BaseException, before: Snapshot | None) -> bool:
    known = {} if before is None else before.classes
    try:
        values.dump(error, ERROR, buffers_dir=PRIVATE, references=References(classes=known, work_dir=os.getcwd()))
    except UnstorableValueError:
        return False  # its class, text and traceback are told anyway
    return True


def told_of(gathered: Gathered) -> dict[str, Any]:
    """What is told of the outputs of a body that ended well."""
    return {
        "outputs": [made.told() for made in gathered.outputs],
        "files": [record._asdict() for record in gathered.files],
        "values": None if gathered.values is None else dumped_out(gathered.values),
        "left_out": gathered.left_out,
        "python": gathered.python,
        "imports": gathered.imports,
    }


def _write(path: str, text: str) -> None:
    workdir.write(path, text)


def run_by_hand(work_dir: str) -> NoReturn:
    """Run a task in an interpreter of its own, show what it printed when it has ended, and end the process.

    Parameters
    ----------
    work_dir : str
        As for `main`.
    """
    os.chdir(work_dir)
    _forget_earlier_run()
    faulthandler.enable(2)
    shown = {display.OUT: os.dup(1), display.ERR: os.dup(2)}
    status = main(".", display.Recorder())
    for name, descriptor in shown.items():
        with open(name, "rb") as source, open(descriptor, "wb") as target:
            shutil.copyfileobj(source, target)
    # A thread that the body left running must not keep a task from ending.
    os._exit(status)


if __name__ == "__main__":
    run_by_hand(sys.argv[1])
