"""Calling back from threads whose failures nobody asks for."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable


def call_back(callback: Callable[..., None], *arguments: object) -> None:
    """Call back; a callback that fails is reported, and the thread goes on with the tasks of others."""
    try:
        callback(*arguments)
    except Exception:  # noqa: BLE001 - shown the way an exception in a thread is
        threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
