"""What a body that runs in the kernel displays: shown by the notebook as ever, and kept for the next time.

Alone here: the shell's display publisher while such a body runs, and its figures.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbflow.execution.inline.kept import Kept
from nbflow.execution.worker.mimebundle import mimebundle

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


@contextmanager
def keeping(shell: InteractiveShell, kept: Kept) -> Iterator[None]:
    """Keep what the shell displays; at the end, display the figures that were made, and close them.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The shell.
    kept : Kept
        What keeps it.
    """
    publisher, before = shell.display_pub, set(_figures())
    publish, clear = publisher.publish, publisher.clear_output

    def kept_publish(
        data: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
        *args: Any,
        transient: Mapping[str, Any] | None = None,
        update: bool = False,
        **more: Any,
    ) -> None:
        kept.bundle(data, metadata, transient, update)
        publish(data, metadata, *args, transient=transient, update=update, **more)

    def kept_clear(wait: bool = False) -> None:
        kept.event("clear", wait)
        clear(wait)  # type: ignore[no-untyped-call]

    vars(publisher).update(publish=kept_publish, clear_output=kept_clear)
    try:
        yield
    finally:
        for number in _figures():
            if number not in before:
                _show_figure(shell, number)
        for name in ("publish", "clear_output"):
            vars(publisher).pop(name, None)


def _figures() -> list[int]:
    helpers = sys.modules.get("matplotlib._pylab_helpers")
    return [] if helpers is None else list(helpers.Gcf.figs)


def _show_figure(shell: InteractiveShell, number: int) -> None:
    helpers = sys.modules["matplotlib._pylab_helpers"]
    data, metadata = mimebundle(helpers.Gcf.figs[number].canvas.figure)
    shell.display_pub.publish(data, metadata)
    helpers.Gcf.destroy(number)
