"""A screen as a widget: questions and deeds come as messages, answers go back, none of them through a cell.

Alone here: the messages, and the threads in which they are worked on. What a question or a deed means is not known here.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import ipywidgets
from traitlets import Dict, List, Unicode

from nbflow.browsing.front import module, style
from nbflow.errors import NbflowError
from nbflow.notebook.subshells import let_through

Handler = Callable[[Mapping[str, Any]], dict[str, Any]]

_THREADS = ThreadPoolExecutor(4, "nbflow-screens")
"""A preview may take long: it must not keep the kernel's own threads, nor the next question."""


def has_anywidget() -> bool:
    """Whether the better screens can be shown."""
    try:
        import anywidget  # noqa: F401
    except ImportError:
        return False
    return True


def make_panel(screen: str, handlers: Mapping[str, Handler], **traits: Any) -> ipywidgets.DOMWidget:
    """Make a screen.

    Parameters
    ----------
    screen : str
        ``browser`` or ``picker``.
    handlers : mapping of str to callable
        Who takes a message of a kind, ``ask`` and ``act``; what it raises is shown in the screen.
    **traits
        ``options``, ``acts``, ``launch_dir``.
    """
    panel = _panel_class()(screen=screen, **traits)
    seen: set[str] = set()
    panel.on_msg(lambda widget, message, buffers: _receive(widget, handlers, message, seen))
    let_through(panel)
    return panel


@lru_cache(maxsize=1)
def _panel_class() -> type[ipywidgets.DOMWidget]:
    from anywidget import AnyWidget

    class Panel(AnyWidget):
        """The widget; what it shows is in its modules."""

        _esm = module()
        _css = style()
        screen = Unicode().tag(sync=True)
        options = Dict().tag(sync=True)
        acts: List[str] = List().tag(sync=True)
        launch_dir = Unicode().tag(sync=True)

    return Panel


def _receive(
    widget: ipywidgets.Widget, handlers: Mapping[str, Handler], message: Mapping[str, Any], seen: set[str]
) -> None:
    """Say that a message is here; one that was sent again, since nobody had said so, is not worked on again."""
    number = str(message.get("id"))
    widget.send({"id": number, "received": True})
    if number not in seen:
        seen.add(number)
        _THREADS.submit(_reply, widget, handlers, message)


def _reply(widget: ipywidgets.Widget, handlers: Mapping[str, Handler], message: Mapping[str, Any]) -> None:
    """Answer; whatever goes wrong is the answer, as nobody else would see it."""
    answer: dict[str, Any] = {"id": message.get("id")}
    try:
        kind = next(kind for kind in handlers if kind in message)
        answer["answer"] = handlers[kind](message[kind])
    except NbflowError as error:
        answer["error"] = str(error)
    except Exception as error:  # noqa: BLE001
        answer |= {"error": f"{type(error).__name__}: {error}", "trace": traceback.format_exc()}
    widget.send(answer)
