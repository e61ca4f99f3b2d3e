"""nbflow: Nextflow's task cache, work directories and resume for Jupyter notebooks.

The front door. Every name is found when it is asked for: a worker that imports a module of nbflow must load neither
IPython nor the database.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbflow.api import digest, load, runs, tasks
    from nbflow.execution.channels.channels import Channel, channel
    from nbflow.notebook.extension import load_ipython_extension, unload_ipython_extension
    from nbflow.notebook.magics.browser import browser

__version__ = "0.1.0"

__all__ = [
    "Channel",
    "browser",
    "channel",
    "digest",
    "load",
    "load_ipython_extension",
    "runs",
    "tasks",
    "unload_ipython_extension",
]

_HOMES = {
    "Channel": "nbflow.execution.channels.channels",
    "browser": "nbflow.notebook.magics.browser",
    "channel": "nbflow.execution.channels.channels",
    "digest": "nbflow.api",
    "load": "nbflow.api",
    "load_ipython_extension": "nbflow.notebook.extension",
    "runs": "nbflow.api",
    "tasks": "nbflow.api",
    "unload_ipython_extension": "nbflow.notebook.extension",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nbflow' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
