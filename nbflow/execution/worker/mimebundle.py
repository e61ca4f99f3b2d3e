"""How an object is shown, without IPython: its MIME bundle by Jupyter's ``_repr_*_`` methods.

Knows objects and MIME types; does not know where a bundle goes.
"""

from __future__ import annotations

import base64
import io
import pprint
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any

Bundle = tuple[dict[str, Any], dict[str, Any]]

_METHODS = {
    "_repr_html_": "text/html",
    "_repr_markdown_": "text/markdown",
    "_repr_svg_": "image/svg+xml",
    "_repr_png_": "image/png",
    "_repr_pdf_": "application/pdf",
    "_repr_jpeg_": "image/jpeg",
    "_repr_latex_": "text/latex",
    "_repr_json_": "application/json",
    "_repr_javascript_": "application/javascript",
}
_WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
_CANARY = "_ipython_canary_method_should_not_exist_"
_WIDTH = 79


def mimebundle(obj: object) -> Bundle:
    """Make the bundle of an object.

    Parameters
    ----------
    obj : object
        Anything.

    Returns
    -------
    tuple of (dict, dict)
        Data and metadata by MIME type; ``text/plain`` is always there. Bytes are base64 text. A method that fails is
        left out and its traceback printed, as IPython does.
    """
    data: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    for method, mime in {"_repr_mimebundle_": None, **_METHODS}.items():
        made = _call(obj, method)
        if made is None:
            continue
        content, about = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
        data = {**(content if mime is None else {mime: content}), **data}
        if about:
            metadata = {**(about if mime is None else {mime: about}), **metadata}
    if "image/png" not in data and (figure := _figure_png(obj)) is not None:
        data["image/png"] = figure
    data.setdefault("text/plain", plain_text(obj))
    # A widget lives in its kernel, and the worker's is gone when this is read.
    data.pop(_WIDGET_VIEW, None)
    return {mime: encoded(content) for mime, content in data.items()}, metadata


def plain_text(obj: object) -> str:
    """The text of an object: builtin containers are laid out over lines, anything else is its ``repr``."""
    if type(obj) in (list, tuple, set, frozenset, dict):
        return pprint.pformat(obj, width=_WIDTH, sort_dicts=False, compact=False)
    return repr(obj)


def encoded(content: Any) -> Any:
    """Content as JSON can hold it: bytes become base64 text."""
    return base64.b64encode(content).decode() if isinstance(content, bytes) else content


def _call(obj: object, name: str) -> Any:
    method = _method(obj, name)
    if method is None:
        return None
    try:
        return method(include=None, exclude=None) if name == "_repr_mimebundle_" else method()
    except NotImplementedError:
        return None
    except Exception:  # noqa: BLE001  # a display is not worth the task: the traceback is shown instead
        traceback.print_exc()
        return None


def _method(obj: object, name: str) -> Callable[..., Any] | None:
    if isinstance(obj, type):
        return None
    method = getattr(obj, name, None)
    # Objects that answer to any attribute do not mean it.
    return method if callable(method) and getattr(obj, _CANARY, None) is None else None


def _figure_png(obj: object) -> bytes | None:
    module = sys.modules.get("matplotlib.figure")
    if module is None or not isinstance(obj, module.Figure):
        return None
    if not (obj.axes or obj.lines or obj.texts or obj.images or obj.patches):
        return None
    file = io.BytesIO()
    obj.savefig(file, format="png", bbox_inches="tight", dpi=obj.dpi, facecolor=obj.get_facecolor())
    return file.getvalue()


def own_display(obj: object) -> Callable[[], object] | None:
    """The method by which an object displays itself, where it has one."""
    return _method(obj, "_ipython_display_")


def with_metadata(bundle: Bundle, metadata: Mapping[str, Any] | None) -> Bundle:
    """A bundle with more metadata."""
    data, about = bundle
    return data, {**about, **(metadata or {})}
