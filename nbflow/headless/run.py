"""Runs a notebook without a front end: ``nbflow run``.

Alone here: a kernel for a notebook file, the way through its cells, interrupts, and how it ends. Knows nbclient, which
is imported with this module only; knows nothing of tasks: what nbflow has to do in the kernel is said in its magics.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import zmq
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_async
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

from nbflow.core.units import format_duration
from nbflow.errors import NbflowError, NotMadeError
from nbflow.headless.parameters import inject
from nbflow.headless.terminal import Terminal

OK, FAILED = 0, 1

_NATIVE = "python3"
# Not by %load_ext: the notebook's own would then say that it is loaded already.
_LOAD = "__import__('nbflow').load_ipython_extension(get_ipython())"
_WAIT, _END = "%nbflow wait", "%nbflow end"
_DEAD = "The kernel died: it crashed, or was killed because the memory was used up. What ran: nbflow log last -f name,status"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_STARTUP = 120
_LOG = logging.getLogger("nbflow.headless")
_LOG.addHandler(logging.NullHandler())  # what nbclient logs is printed as an error already
_LOG.propagate = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run.

    Attributes
    ----------
    notebook : pathlib.Path
        The file; it is not changed.
    environ : mapping of str to str
        The kernel's environment.
    parameters : mapping of str to object
        Values that take the place of those of the cell tagged ``parameters``.
    output : pathlib.Path or None
        Where the executed notebook is written, also when it fails.
    preview : bool
        Whether no process is run: what a run would do is printed instead.
    """

    notebook: Path
    environ: Mapping[str, str]
    parameters: Mapping[str, object] = field(default_factory=dict)
    output: Path | None = None
    preview: bool = False


def run_notebook(plan: Plan, terminal: Terminal) -> int:
    """Run a notebook to its end, or to its first error.

    Parameters
    ----------
    plan : Plan
        What is to be run.
    terminal : Terminal
        Shows how it goes.

    Returns
    -------
    int
        0; 1 after an error in a cell, or in a submitted task that nobody waited for; 128 and the signal's number after
        an interrupt.

    Raises
    ------
    NbflowError
        The notebook cannot be read, its parameters do not fit, or its kernel cannot be started.
    """
    notebook = inject(_read(plan.notebook), plan.parameters)
    client = _Client(notebook, terminal, _manager(notebook), plan.notebook.parent)
    client.previews = terminal.muted = plan.preview
    try:
        return asyncio.run(_Way(client, terminal).go(plan))
    finally:
        if plan.output is not None:
            nbformat.write(notebook, plan.output)  # type: ignore[no-untyped-call]


def _read(path: Path) -> NotebookNode:
    try:
        return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call, no-any-return, unused-ignore]
    except FileNotFoundError:
        raise NbflowError(f"There is no notebook {path}. Check the name") from None
    except IsADirectoryError:
        raise NbflowError(f"{path} is a directory; name a notebook in it") from None
    except (OSError, ValueError, AttributeError, nbformat.ValidationError) as error:
        problem = str(error).strip().partition("\n")[0]
        raise NbflowError(f"{path} cannot be read as a notebook: {problem}. It must be an .ipynb file") from error


# The kernel -----------------------------------------------------------------------------------------------------------


class _OwnPython(AsyncKernelManager):
    """A kernel of this very interpreter, whatever kernelspecs are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        from ipykernel.kernelspec import get_kernel_dict

        return KernelSpec(**get_kernel_dict())


def _manager(notebook: NotebookNode) -> AsyncKernelManager:
    """The notebook's own kernel where it is installed; for a plain Python one this interpreter."""
    wanted = notebook.metadata.get("kernelspec", {})
    name, language = wanted.get("name") or _NATIVE, str(wanted.get("language") or "python")
    if name != _NATIVE and name in KernelSpecManager().find_kernel_specs():
        return _private(AsyncKernelManager(kernel_name=name))
    if language.lower() != "python":
        raise NbflowError(
            f"The notebook's kernel {name!r} ({language}) is not installed; nbflow runs in Python kernels"
        )
    if importlib.util.find_spec("ipykernel") is None:
        raise NbflowError("A kernel needs ipykernel; install it with: pip install 'nbflow[run]'")
    return _private(_OwnPython(kernel_name=_NATIVE))


def _private(manager: AsyncKernelManager) -> AsyncKernelManager:
    """Encrypt what goes to and fro where manager and kernel can: else recent kernels warn in each run."""
    if manager.has_trait("transport_encryption") and zmq.has("curve"):
        manager.transport_encryption = "auto"
    return manager


class _Client(NotebookClient):
    """An nbclient that shows what cells print as it comes."""

    def __init__(self, notebook: NotebookNode, terminal: Terminal, manager: AsyncKernelManager, cwd: Path) -> None:
        super().__init__(
            notebook,
            km=manager,
            timeout=None,
            startup_timeout=_STARTUP,
            resources={"metadata": {"path": str(cwd)}},
            log=_LOG,
        )
        self._terminal = terminal
        self.interrupted = False
        self.previews = False

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        kind, content = msg["msg_type"], msg["content"]
        if kind == "stream":
            self._terminal.stream(content["name"], content["text"])
        elif kind in ("display_data", "update_display_data"):
            shown = (content.get("transient") or {}).get("display_id")
            if shown and "text/plain" in content["data"]:
                self._terminal.display(shown, content["data"]["text/plain"])
        return super().process_message(msg, cell, cell_index)

    async def cell(self, at: int) -> CellExecutionError | None:
        """Run a cell; its error has been shown."""
        cell = self.nb.cells[at]
        try:
            await self.async_execute_cell(cell, at)
        except CellExecutionError as error:
            self._terminal.settle()
            if self.previews and error.ename == NotMadeError.__name__:
                return None  # it is in the list
            if not (self.interrupted and error.ename == "KeyboardInterrupt"):
                self._terminal.error(_traceback(cell) or f"{error.ename}: {error.evalue}")
            return error
        self._terminal.settle()
        return None

    async def apart(self, source: str) -> CellExecutionError | None:
        """Run a line that is no cell of the notebook, as `cell`."""
        self.nb.cells.append(nbformat.v4.new_code_cell(source))  # type: ignore[no-untyped-call]
        try:
            return await self.cell(len(self.nb.cells) - 1)
        finally:
            self.nb.cells.pop()


# The way through the cells --------------------------------------------------------------------------------------------


class _Way:
    """One run of a notebook."""

    def __init__(self, client: _Client, terminal: Terminal) -> None:
        self._client = client
        self._terminal = terminal
        self._signal = 0
        self._ready = False

    async def go(self, plan: Plan) -> int:
        began = time.monotonic()
        failed = True
        try:
            with self._signals():
                await self._start(plan.environ)
                failed = await self._fails(plan.notebook.name)
                await self._leave(failed)
        except asyncio.CancelledError:
            if not self._signal:
                raise
        except DeadKernelError:
            self._terminal.error(_DEAD)
        finally:
            await self._shut_down()
        took = format_duration(round((time.monotonic() - began) * 1000))
        ended = "was interrupted" if self._signal else "failed" if failed else "is done"
        self._terminal.say(f"nbflow: {plan.notebook.name} {ended}, {took}")
        return 128 + self._signal if self._signal else FAILED if failed else OK

    async def _start(self, environ: Mapping[str, str]) -> None:
        client = self._client
        try:
            await client.async_start_new_kernel(env=dict(environ))
            await client.async_start_new_kernel_client()
        except (OSError, RuntimeError) as error:
            raise NbflowError(f"The notebook's kernel does not start: {error}") from error
        self._ready = True
        if await client.apart(_LOAD) is not None:
            raise NbflowError("The notebook's kernel cannot load nbflow: install nbflow where that kernel runs")

    async def _shut_down(self) -> None:
        if self._client.km is not None:  # a failed start has cleaned up after itself
            await self._client._async_cleanup_kernel()

    async def _fails(self, name: str) -> bool:
        """Run all cells, and wait for the tasks that were submitted; true after an error or an interrupt."""
        cells = [at for at, cell in enumerate(self._client.nb.cells) if _is_code(cell)]
        does = "previews" if self._client.previews else "runs"
        self._terminal.say(f"nbflow: {does} {name}, {len(cells)} cells")
        for number, at in enumerate(cells, 1):
            self._terminal.cell(number, len(cells), self._client.nb.cells[at].source)
            if await self._client.cell(at) or self._signal:
                return True
        return bool(await self._client.apart(_WAIT) or self._signal)

    async def _leave(self, failed: bool) -> None:
        """End the run in its kernel, which may be killed before it has ended of itself; a preview prints its list."""
        self._terminal.muted = False
        await self._client.apart(f"{_END} {'ERR' if failed else 'OK'}")

    # Interrupts

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._stop, number, task)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def _stop(self, number: int, task: asyncio.Task[Any]) -> None:
        """The first time interrupt the cell, as a front end does; the second time wait no longer."""
        again, self._signal = bool(self._signal), self._signal or number
        if again or not self._ready:
            task.cancel()
        elif self._client.km is not None:
            self._client.interrupted = True
            self._interrupt = asyncio.ensure_future(ensure_async(self._client.km.interrupt_kernel()))


def _traceback(cell: NotebookNode) -> str:
    """The error that a cell shows; empty where it shows none."""
    shown = ["\n".join(output.traceback) for output in cell.outputs if output.output_type == "error"]
    return shown[-1] if shown else ""


def _is_code(cell: NotebookNode) -> bool:
    return bool(cell.cell_type == "code" and cell.source.strip())


def environment(
    plan_environ: Mapping[str, str],
    notebook: Path,
    command: str,
    resume: str | None,
    work: str | None,
    *,
    preview: bool = False,
) -> dict[str, str]:
    """Return the environment of a kernel that runs a notebook headless."""
    environ = {**plan_environ, "NBFLOW_NOTEBOOK": str(notebook), "NBFLOW_COMMAND": command}
    environ.pop("NBFLOW_RESUME", None)
    environ.pop("NBFLOW_PREVIEW", None)
    if preview:
        environ["NBFLOW_PREVIEW"] = "1"
    if resume is not None:
        environ["NBFLOW_RESUME"] = resume
    if work is not None:
        environ["NXF_WORK"] = os.path.abspath(work)
    return environ
