"""Notebooks and kernels for tests that see the whole of nbflow at work."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient

from tests.notebook.conftest import Kernel

LOG = "%nbflow log last -f name,status"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

StartKernel = Callable[..., Kernel]


@pytest.fixture
def start_kernel(tmp_path: Path) -> Iterator[StartKernel]:
    """Start kernels, with nbflow loaded, for a notebook of this name, or for none; all are ended after the test."""
    with ExitStack() as kernels:

        def start(notebook: str | None = None, directory: Path = tmp_path) -> Kernel:
            environ = {**os.environ, **({} if notebook is None else {"NBFLOW_NOTEBOOK": str(directory / notebook)})}
            manager, client = start_new_kernel(kernel_name="python3", cwd=str(directory), env=environ)
            kernels.callback(manager.shutdown_kernel, now=True)
            kernels.callback(client.stop_channels)
            kernel = Kernel(manager, client)
            assert kernel.run("%load_ext nbflow").status == "ok"
            return kernel

        yield start


def write_notebook(path: Path, *cells: str) -> Path:
    """Write a notebook of code cells."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, path)
    return path


def run_notebook(path: Path, kernel: str = "python3", environ: Mapping[str, str] = os.environ) -> Any:
    """Run a notebook in its own directory by nbclient; the notebook with its outputs."""
    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=300, kernel_name=kernel, resources=where)
    return client.execute(env={**environ, "NBFLOW_NOTEBOOK": str(path)})


def text_of(cell: Any) -> str:
    """All that a cell shows, as text."""
    return "\n".join(_text(output) for output in cell.outputs)


def _text(output: Any) -> str:
    if output.output_type == "stream":
        return str(output.text)
    return str(output.data["text/plain"]) if "data" in output else f"{output.ename}: {output.evalue}"


def statuses(text: str) -> dict[str, str]:
    """What ``log -f name,status`` prints, read."""
    rows = [line.partition("\t") for line in text.splitlines()]
    return {name: status for name, tab, status in rows if tab}


@pytest.fixture(scope="session")
def browser_program() -> str:
    """The browser; the tests that need it are skipped where there is none."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    return found
