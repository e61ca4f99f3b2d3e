"""Looks at one output of a task, in a process of its own: ``python -m nbflow.browsing.look WORK_DIR NAME``.

Prints JSON: a table, an image, HTML or text, each within bounds. Alone makes a value in order to show it. Values may be of
any size and any class, so this never happens in the kernel: whoever starts it limits its memory and its time.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from pprint import pformat
from typing import Any

Seen = dict[str, Any]

ROWS, COLUMNS = 50, 30
"""Of a table, what is shown."""
ITEMS = 100
"""Of a list, a dict and their like."""
TEXT = 20_000
"""Characters that are shown."""
IMAGE = 4 << 20
"""Bytes of an image that are shown."""

_CELL = 120
_IMAGES = ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))
_REPRS = (("_repr_png_", "image/png"), ("_repr_jpeg_", "image/jpeg"))


def look(value: Any) -> Seen:
    """Show a value.

    Returns
    -------
    dict
        ``kind`` is ``table``, ``image``, ``html`` or ``text``; ``note`` says in a line what the value is.
    """
    for show in (_frame, _array, _figure, _image, _html):
        seen = show(value)
        if seen is not None:
            return seen
    return _text(value)


def table(columns: Iterable[Any], rows: Iterable[Iterable[Any]], note: str) -> Seen:
    """A table of texts."""
    heads = [_cell(column) for column in islice(columns, COLUMNS)]
    shown = [[_cell(value) for value in islice(row, COLUMNS)] for row in islice(rows, ROWS)]
    return {"kind": "table", "columns": heads, "rows": shown, "note": note}


def image(data: bytes, mime: str, note: str) -> Seen:
    """An image; its size alone where it is too large."""
    if len(data) > IMAGE:
        return {"kind": "text", "text": "", "note": f"{note}, {len(data):,} bytes: too large to be shown here"}
    return {"kind": "image", "mime": mime, "data": base64.b64encode(data).decode(), "note": note}


def _cell(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _CELL else text[: _CELL - 1] + "…"


def _name(value: Any) -> str:
    return f"{type(value).__module__.partition('.')[0]}.{type(value).__qualname__}".removeprefix("builtins.")


def _frame(value: Any) -> Seen | None:
    family = type(value).__module__.partition(".")[0]
    if family == "pandas" and hasattr(value, "iloc"):
        frame = value.to_frame() if value.ndim == 1 else value
        head = frame.iloc[:ROWS, :COLUMNS]
        rows: Iterable[Any] = (
            (index, *row) for index, row in zip(head.index, head.itertuples(index=False, name=None), strict=True)
        )
        return table(("", *head.columns), rows, f"{type(value).__name__}: {_shape(frame.shape)}")
    if family == "polars" and hasattr(value, "head") and hasattr(value, "rows"):
        return table(value.columns, value.head(ROWS).rows(), f"polars.DataFrame: {_shape(value.shape)}")
    if family == "pyarrow" and hasattr(value, "column_names"):
        head = value.slice(0, ROWS).to_pylist()
        rows = ([row[name] for name in value.column_names] for row in head)
        return table(value.column_names, rows, f"pyarrow.Table: {_shape(value.shape)}")
    return None


def _shape(shape: tuple[int, ...]) -> str:
    counts = zip(shape, ("row", "column"), strict=True)
    return ", ".join(f"{number:,} {what if number == 1 else what + 's'}" for number, what in counts)


def _array(value: Any) -> Seen | None:
    if type(value).__module__ != "numpy" or not hasattr(value, "dtype") or not hasattr(value, "ndim"):
        return None
    import numpy as np

    shape = " by ".join(map(str, value.shape)) or "scalar"
    note = f"{type(value).__name__} of {value.dtype}, {shape}"
    with np.printoptions(threshold=400, edgeitems=5, linewidth=110):
        return {"kind": "text", "text": str(value)[:TEXT], "note": note}


def _figure(value: Any) -> Seen | None:
    if type(value).__module__.partition(".")[0] != "matplotlib":
        return None
    figure = value if hasattr(value, "savefig") else getattr(value, "figure", None)
    if figure is None:
        return None
    import io

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=96, bbox_inches="tight")
    return image(buffer.getvalue(), "image/png", _name(value))


def _image(value: Any) -> Seen | None:
    if isinstance(value, bytes):
        return next(
            (image(value, mime, f"{len(value):,} bytes") for head, mime in _IMAGES if value.startswith(head)), None
        )
    for name, mime in _REPRS:
        made = _called(value, name)
        if isinstance(made, tuple):
            made = made[0]
        if isinstance(made, bytes):
            return image(made, mime, _name(value))
    return None


def _html(value: Any) -> Seen | None:
    made = _called(value, "_repr_html_")
    if not isinstance(made, str) or len(made) > 10 * TEXT:
        return None
    return {"kind": "html", "html": made, "note": _name(value)}


def _called(value: Any, name: str) -> Any:
    method: Callable[[], Any] | None = None if isinstance(value, type) else getattr(type(value), name, None)
    if method is None:
        return None
    try:
        return getattr(value, name)()
    except Exception:  # noqa: BLE001  # it is shown in another way
        return None


def _text(value: Any) -> Seen:
    if isinstance(value, str):
        return {"kind": "text", "text": value[:TEXT], "note": f"text of {len(value):,} characters"}
    if isinstance(value, (bytes, bytearray)):
        return {"kind": "text", "text": repr(bytes(value[:200])), "note": f"{len(value):,} bytes"}
    size = f" of {len(value):,}" if isinstance(value, (list, tuple, dict, set, frozenset)) else ""
    return {"kind": "text", "text": pformat(_few(value), width=110)[:TEXT], "note": f"{_name(value)}{size}"}


def _few(value: Any) -> Any:
    """The first of what a container holds."""
    if type(value) is dict:
        return dict(islice(value.items(), ITEMS))
    return type(value)(islice(value, ITEMS)) if type(value) in (list, tuple, set, frozenset) else value


def _main(work_dir: str, name: str) -> Seen:
    from nbflow.execution.spec import JOB, VALUES
    from nbflow.storage.values import Resolvers, load
    from nbflow.storage.workdir import PRIVATE

    try:
        job = json.loads(Path(work_dir, JOB).read_bytes())
        sys.path[:0] = [entry for entry in job["sys_path"] if entry not in sys.path]
        os.chdir(job["launch_dir"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # what it holds may need no module of the notebook's
    values = load(f"{work_dir}/{VALUES}", buffers_dir=f"{work_dir}/{PRIVATE}", resolvers=Resolvers(work_dir=work_dir))
    return look(values[name])


if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "agg")
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what imports and classes print is no answer
    json.dump(_main(*sys.argv[1:3]), answer)
    answer.flush()
    os._exit(0)  # nothing that the value may have started is waited for
