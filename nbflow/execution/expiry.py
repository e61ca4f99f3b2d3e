"""Lets what has expired go as a run begins: in a process beside the kernel, so that no cell waits for it.

Alone starts that process, which is ``nbflow clean --expired -f``. What it did stands in ``.nextflow/nbflow/retention.log``.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

from nbflow.core.kernel_settings import retention_out
from nbflow.core.retention import Retention
from nbflow.storage.browse import Reader
from nbflow.storage.layout import Layout
from nbflow.storage.retention import expiry

LOG = "retention.log"

_started: list[subprocess.Popen[bytes]] = []


def let_go(layout: Layout, retention: Retention, environ: Mapping[str, str], now: float) -> str:
    """Start to clean away what has expired, if anything has or if it must be measured.

    Parameters
    ----------
    layout : Layout
        The launch directory. The session that the run continues is held already, so nothing of it goes.
    retention : Retention
        The limits.
    environ : mapping of str to str
        The kernel's environment.
    now : float
        Seconds since the epoch.

    Returns
    -------
    str
        What there is to say; may be empty.
    """
    _started[:] = [process for process in _started if process.poll() is None]
    due = [each for each in expiry(Reader(layout), retention, now, sizes=False) if each.is_due(now)]
    if not due and retention.size_limit is None:
        return ""
    _start(layout, {**environ, **retention_out(retention)})
    runs = "1 run that has expired is" if len(due) == 1 else f"{len(due)} runs that have expired are"
    return f"{runs} being cleaned away ({layout.own_dir / LOG} says what went)" if due else ""


def _start(layout: Layout, environ: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "nbflow", "clean", "--expired", "-f"]
    layout.own_dir.mkdir(exist_ok=True)
    with open(layout.own_dir / LOG, "ab") as log:
        # In a session of its own: neither an interrupt of the kernel nor its end leaves it half done.
        process = subprocess.Popen(
            command,
            cwd=layout.launch_dir,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    _started.append(process)
