"""A Jupyter server and a browser before it, for tests of what users see."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

PATIENCE = 120.0
#: A browser that is run by root, in a machine without a screen, and that calls nobody.
CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class FrontEnd:
    """A running server: ``lab`` for JupyterLab, ``notebook`` for Notebook 7, ``server`` for a Jupyter server alone."""

    kind: str
    url: str
    token: str
    root: Path

    def open(self, page: Any, name: str) -> None:
        """Open a notebook and wait until its kernel listens: what is run before is dropped without a word."""
        path = f"lab/tree/{name}?reset&" if self.kind == "lab" else f"notebooks/{name}?"
        page.goto(f"{self.url}/{path}token={self.token}")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=PATIENCE * 1000)
        self._wait_for_kernel()
        page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']", timeout=PATIENCE * 1000)

    def reload(self, page: Any, *, is_busy: bool = False) -> None:
        """Load the page anew, and wait until its kernel listens, unless it is busy with a cell."""
        page.reload()
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=PATIENCE * 1000)
        if not is_busy:
            self._wait_for_kernel()
            page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status='idle']", timeout=PATIENCE * 1000)

    def set(self, name: str, **settings: object) -> None:
        """Change JupyterLab's settings of a name, as its settings editor does; before a page is opened."""
        _set(self.root / ".settings", name, **settings)

    def end_kernels(self) -> None:
        """End all kernels, as somebody does who comes back another day."""
        for session in _ask(f"{self.url}/api/sessions?token={self.token}") or []:
            ended = urllib.request.Request(
                f"{self.url}/api/sessions/{session['id']}?token={self.token}", method="DELETE"
            )
            urllib.request.urlopen(ended, timeout=PATIENCE).close()

    def choose(self, page: Any, menu: str, entry: str) -> None:
        """Choose from the menu bar."""
        page.get_by_role("menuitem", name=menu, exact=True).click()
        page.get_by_role("menuitem", name=entry, exact=True).click()

    def run_all(self, page: Any) -> None:
        """Run all cells."""
        page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
        page.keyboard.press("Escape")
        self.choose(page, "Run", "Run All Cells")

    def restart_and_run_all(self, page: Any) -> None:
        """Restart the kernel and run all cells."""
        self.choose(page, "Kernel", "Restart Kernel and Run All Cells…")
        page.get_by_role("dialog").get_by_role("button", name="Confirm Kernel Restart").click()

    def _wait_for_kernel(self) -> None:
        end, kernels = time.monotonic() + PATIENCE, []
        while time.monotonic() < end:
            kernels = _ask(f"{self.url}/api/kernels?token={self.token}") or []
            if any(kernel["execution_state"] == "idle" and kernel["connections"] for kernel in kernels):
                return
            time.sleep(0.1)
        raise TimeoutError(f"no kernel is idle and connected: {kernels}")


@contextmanager
def front_end(kind: str, root: Path, *more: str, base_url: str = "") -> Iterator[FrontEnd]:
    """Serve a directory, with settings of its own and more options; the server is ended at the end."""
    settings = root / ".settings"
    environ = _isolated(settings)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    served = FrontEnd(kind, f"http://127.0.0.1:{port}", secrets.token_hex(16), root)
    served = replace(served, url=served.url + base_url)
    options = [
        *("--no-browser", "--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0", "--allow-root"),
        *(f"--IdentityProvider.token={served.token}", f"--ServerApp.root_dir={root}"),
        *(["--LabApp.news_url=None"] if kind == "lab" else []),
        *([f"--ServerApp.base_url={base_url}/"] if base_url else []),
        *more,
    ]
    command = [sys.executable, "-m", "jupyter", kind, *options]
    with (settings / "server.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, env=environ, start_new_session=True)
    try:
        _wait_for_server(server, served, settings / "server.log")
        yield served
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()


def _isolated(settings: Path) -> dict[str, str]:
    """Nothing of the user's own settings; no question about news."""
    _set(settings, "apputils-extension/notification", fetchNews="false", checkForUpdates=False)
    own = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "lab/user-settings",
        "JUPYTERLAB_WORKSPACES_DIR": "lab/workspaces",
        "IPYTHONDIR": "ipython",
    }
    return {**os.environ, **{name: str(settings / place) for name, place in own.items()}}


def _set(directory: Path, name: str, **settings: object) -> None:
    path = directory / "lab/user-settings/@jupyterlab" / f"{name}.jupyterlab-settings"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings))


def _wait_for_server(server: subprocess.Popen[bytes], served: FrontEnd, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while _ask(f"{served.url}/api/status?token={served.token}") is None:
        if server.poll() is not None or time.monotonic() > end:
            raise RuntimeError(log.read_text())
        time.sleep(0.1)


def _ask(url: str) -> Any:
    """What the server answers; None while it does not yet, or has no answer at the moment."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return json.load(answer)
    except (urllib.error.URLError, OSError):
        return None


def barriers(page: Any, part: str | None = None) -> list[str]:
    """What axe-core finds in a page, or in a part of it, that keeps people out: bad contrast, missing labels, wrong roles."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, context=part).response["violations"]
    return [f"{each['help']}: {[node['html'] for node in each['nodes']]}" for each in found]
