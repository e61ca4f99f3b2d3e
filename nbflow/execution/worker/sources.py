"""Imports of local modules that read the text of a module, never a cache of its bytecode.

Alone decides where Python may trust such a cache. Python takes it for that of a text of equal size and of the same
second: a module that was edited within it would run as it was before, under the digest of what it is now.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.machinery import SourceFileLoader
from typing import Any

from nbflow.execution.local.preload import is_installed
from nbflow.execution.place import ROOT

_OWN = os.path.join(ROOT, "nbflow") + os.sep
_path_stats = SourceFileLoader.path_stats


def read_sources() -> None:
    """Import local modules from their texts from here on, and write no bytecode of them."""
    rehearse()
    SourceFileLoader.path_stats = _installed_path_stats  # type: ignore[method-assign, assignment]


def rehearse() -> None:
    """Let Python find out where it lies: for the answer it imports a large module, which must not ask in its turn."""
    is_installed(os.sep)


def _installed_path_stats(loader: SourceFileLoader, path: str) -> Mapping[str, Any]:
    # OSError is how a loader says that it cannot tell whether a cache is of this text.
    if is_installed(os.path.dirname(path)) or path.startswith(_OWN):
        return _path_stats(loader, path)
    raise OSError(f"{path} is a local module, whose bytecode is not cached")
