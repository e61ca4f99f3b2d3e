"""Makes notebook kernels fast: a process that has loaded IPython and numpy forks one child for each kernel.

Each child is what a fresh kernel is to nbflow: a shell of its own, a namespace of its own, nothing remembered but what
lies on disk. Reads one JSON request a line; runs as a program, so that it never is a child of pytest's own state.
"""

from __future__ import annotations

import io
import json
import os
import sys
import traceback
import warnings
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

FORGET = "# from here on, as in a kernel that has run nothing"
"""A cell that takes all names out of the namespace, so that one kernel can run several notebooks."""


def main() -> None:
    """Serve requests until standard input ends."""
    import numpy  # noqa: F401  # loaded once, for all kernels
    import pandas  # noqa: F401
    from IPython.core.interactiveshell import InteractiveShell  # noqa: F401

    import nbflow.notebook.extension  # noqa: F401

    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            _, status = os.waitpid(request["wait"], 0)
            _reply({"status": os.waitstatus_to_exitcode(status)})
            continue
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            _be_kernel(request)
            return
        _reply({"pid": child})


def _reply(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _be_kernel(request: dict[str, Any]) -> None:
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ.update(request["environ"])
    os.chdir(request["directory"])
    sys.path.insert(0, "")
    results = Path(request["results"])
    try:
        _run(request["cells"], results)
    except BaseException:
        traceback.print_exc()
        raise


def _run(cells: list[str], results: Path) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.run_line_magic("colors", "NoColor")
    shell.history_manager.enabled = False
    shell.run_line_magic("load_ext", "nbflow")
    fresh, flags = dict(shell.user_ns), shell.compile.flags
    seen: list[Any] = [0]
    with results.open("a") as file:
        for cell in cells:
            if cell == FORGET:
                shell.user_ns.clear()
                shell.user_ns.update(fresh)
                shell.compile.flags = flags
            told = _cell(shell, cell, seen)
            file.write(json.dumps(told) + "\n")
            file.flush()


def _cell(shell: Any, text: str, seen: list[Any]) -> dict[str, Any]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = shell.run_cell(text, store_history=True)
    error = result.error_in_exec or result.error_before_exec
    return {
        "ok": result.success,
        "ename": type(error).__name__ if error else "",
        "evalue": str(error) if error else "",
        "result": repr(result.result),
        "out": out.getvalue(),
        "err": err.getvalue(),
        "warnings": [str(each.message) for each in caught],
        "tasks": _tasks(shell, seen),
    }


def _tasks(shell: Any, seen: list[Any]) -> list[list[Any]]:
    """Name, status and hash of each task that the cell ran or took from the cache, in order."""
    from nbflow.core.task.entry import read_entry
    from nbflow.storage.nextflow.index import read_index

    session = _session_of(shell)
    if session.run is None:
        return []
    runner = session.runner()
    runner.flush()
    path = session.layout.index(runner.run.session, runner.run.name)
    if runner.run.name not in (known := [name for name in seen if isinstance(name, str)]):
        seen[:] = [0, *known, runner.run.name]
    records = list(read_index(path))
    new, seen[0] = records[seen[0] :], len(records)
    tasks = []
    for record in new:
        payload = runner.run.cache.get(record.task_hash)
        entry = None if payload is None else read_entry(payload, whole=True)
        status = "-" if entry is None else "CACHED" if record.cached else entry.status
        tasks.append(["-" if entry is None else entry.name, status, record.task_hash.hex()])
    return tasks


def _session_of(shell: Any) -> Any:
    return shell.magics_manager.registry["NbflowMagics"]._desk.session


if __name__ == "__main__":
    main()
