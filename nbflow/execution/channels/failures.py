"""What becomes of errors in the engine's thread: they end a channel, and are shown with the user's own frames."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol

_OWN: Final = f"{Path(__file__).parents[2]}{os.sep}"


class Failing(Protocol):
    """What an error can end."""

    def fail(self, error: BaseException) -> None:
        """End with an error."""
        ...


def guarded(node: Failing, step: Callable[..., None], *args: Any) -> None:
    """Whatever a step raises ends its channel: nothing is lost, nothing else stops."""
    try:
        step(*args)
    except BaseException as error:  # noqa: BLE001  # the channel's reader gets it, SystemExit of user code included
        node.fail(error)


def from_user(traceback: TracebackType | None) -> TracebackType | None:
    """A traceback from the user's own first line on; all of it where there is none."""
    inner = traceback
    while inner is not None and inner.tb_frame.f_code.co_filename.startswith(_OWN):
        inner = inner.tb_next
    return inner or traceback
