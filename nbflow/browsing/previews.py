"""Previews of outputs: files are read within bounds, values by a process of their own that is held to memory and time.

Alone decides how much of an output may be looked at. An output of unknown size must neither hang a kernel nor fill it.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path

from nbflow.browsing.look import IMAGE, ROWS, TEXT, Seen, image, table
from nbflow.core.task.entry import OutputRecord, TaskEntry
from nbflow.core.units import format_memory
from nbflow.storage.workdir import PRIVATE

PATIENCE = 30.0
"""Seconds that making a value may take."""
_MEMORY = 4 << 30
"""Bytes of address space that it may use, beside its own size twice."""
_IMAGES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp"}
_TABLES = {".csv": ",", ".tsv": "\t", ".bed": "\t", ".sf": "\t", ".vcf": "\t"}
_LISTED = 200


def preview(work_dir: Path, entry: TaskEntry, output: OutputRecord, path: str = "") -> Seen:
    """Show an output.

    Parameters
    ----------
    work_dir : pathlib.Path
        The task's work directory.
    entry : TaskEntry
        The task's entry.
    output : OutputRecord
        One of its outputs.
    path : str
        Which file of it, relative to the work directory; empty for the only one, or a list of them.
    """
    if output.kind == "value":
        return _of_value(work_dir, entry, output.name)
    if output.kind == "stdout":
        return of_file(work_dir / ".command.out")
    paths = [path] if path in output.paths else output.paths
    if len(paths) == 1:
        return of_file(work_dir / paths[0])
    rows = ((name, _size(work_dir / name)) for name in paths)
    return table(("file", "size"), rows, f"{len(paths):,} files")


def of_file(path: Path) -> Seen:
    """Show a file: an image, a table, HTML or text; its size where it is none of these."""
    try:
        if path.is_dir():
            return _listing(path)
        note = f"{path.name}, {_size(path)}"
        show = _viewer(path)
        return show(path, note)
    except (OSError, csv.Error) as error:
        return {"kind": "text", "text": "", "note": f"{path.name} cannot be shown: {error}"}


def _viewer(path: Path) -> Callable[[Path, str], Seen]:
    suffix = path.suffix.lower()
    if suffix in _IMAGES:
        return _image
    if suffix in _TABLES:
        return _delimited
    if suffix in (".html", ".htm"):
        return _html
    return _text


def _image(path: Path, note: str) -> Seen:
    if path.stat().st_size > IMAGE:
        return {"kind": "text", "text": "", "note": f"{note}: too large to be shown here"}
    return image(path.read_bytes(), _IMAGES[path.suffix.lower()], note)


def _delimited(path: Path, note: str) -> Seen:
    text = _beginning(path).decode("utf-8", "replace")
    lines = [line for line in text.splitlines() if not line.startswith("##")]
    rows = list(islice(csv.reader(lines, delimiter=_TABLES[path.suffix.lower()]), ROWS + 1))
    return table(rows[0], rows[1:], note) if rows else {"kind": "text", "text": "", "note": note}


def _html(path: Path, note: str) -> Seen:
    if path.stat().st_size > IMAGE:
        return _text(path, note)
    return {"kind": "html", "html": path.read_text("utf-8", "replace"), "note": note}


def _text(path: Path, note: str) -> Seen:
    data = _beginning(path)
    if b"\0" in data:
        return {"kind": "text", "text": "", "note": f"{note}: no text"}
    if path.stat().st_size > len(data):
        note += f": its first {TEXT:,} bytes"
    return {"kind": "text", "text": data.decode("utf-8", "replace"), "note": note}


def _beginning(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe that a task left must not block
    try:
        return os.read(descriptor, TEXT)
    finally:
        os.close(descriptor)


def _listing(path: Path) -> Seen:
    names = sorted(islice((entry.name for entry in os.scandir(path)), _LISTED))
    return table(
        ("file", "size"), ((name, _size(path / name)) for name in names), f"{path.name}/, {len(names):,} files"
    )


def _size(path: Path) -> str:
    try:
        return format_memory(path.stat().st_size)
    except OSError:
        return "is gone"


# Values ---------------------------------------------------------------------------------------------------------------


def _of_value(work_dir: Path, entry: TaskEntry, name: str) -> Seen:
    size = sum(record.size for record in entry.files if record.path.startswith(f"{PRIVATE}/"))
    command = [sys.executable, "-m", "nbflow.browsing.look", str(work_dir), name]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    limit = _MEMORY + 2 * size
    try:
        done = subprocess.run(
            [sys.executable, "-c", _LIMITED, str(limit), str(round(PATIENCE)), *command],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **threads, "MPLBACKEND": "agg"},
        )
    except subprocess.TimeoutExpired:
        return _unseen(f"it was not made within {PATIENCE:.0f} seconds", size)
    try:
        seen: Seen = json.loads(done.stdout)
    except ValueError:
        last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), f"exit {done.returncode}")
        return _unseen(last.rpartition("Error: ")[2] if "DamagedValueError" in last else last, size)
    return {**seen, "note": f"{seen['note']}, {format_memory(size)} kept"}


_LIMITED = """
import os, resource, sys
memory, seconds = map(int, sys.argv[1:3])
resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
if sys.platform == "linux":
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
os.execv(sys.argv[3], sys.argv[3:])
"""


def _unseen(why: str, size: int) -> Seen:
    return {"kind": "text", "text": "", "note": f"{format_memory(size)} kept; it cannot be shown here: {why}"}
