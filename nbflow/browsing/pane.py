"""What is shown of one task: why it ran or was reused, its source, inputs, outputs, log, resources, work directory.

Alone brings these together. Reads what lies in the work directory within bounds, and makes no value: that is `values`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from nbflow.browsing.bounds import EVERYTHING, Bounds
from nbflow.browsing.code import language_of, pieces
from nbflow.browsing.loading import loading_code
from nbflow.browsing.look import TEXT, Seen
from nbflow.browsing.table import TaskTable
from nbflow.core.file_facts import split_files
from nbflow.core.parts import Part, shorten
from nbflow.core.task.entry import AUTO, OutputRecord, TaskEntry
from nbflow.core.task.explain import CODE, differing
from nbflow.core.units import format_memory
from nbflow.execution.explain.why import because, rows_elsewhere
from nbflow.execution.spec import EVENTS
from nbflow.storage.browse import Reader
from nbflow.storage.database.cache import TaskCache
from nbflow.storage.nextflow.history import RunRecord
from nbflow.storage.rows import CACHED, TaskRow
from nbflow.storage.summaries import HASH, NAME, PROCESS, RUN, Summary, field_number, read_line
from nbflow.storage.workdir import PRIVATE

TAIL = 64 << 10
"""Bytes of a stream that are shown, from its end."""

_COMPARED = 200
_DISPLAYED = 8 << 20
_MOST_DISPLAYS = 10
_IMAGES = ("image/png", "image/jpeg", "image/gif")
_INPUTS = ("input", "global", "file", "data", "env")
_MOST_INPUTS = 40
_MOST_FILES = 200
_SOURCE = 200_000
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_RESOURCES = (
    *("submit", "start", "complete", "duration", "realtime", "exit", "attempt", "cpus", "memory", "time", "%cpu"),
    *("%mem", "peak_rss", "peak_vmem", "rss", "rchar", "wchar", "read_bytes", "write_bytes", "syscr", "syscw"),
    *("native_id", "queue", "container", "module", "hostname", "cpu_model", "error_action"),
)
_LABELS = {
    "%cpu": "CPU", "%mem": "memory of the machine", "peak_rss": "peak memory", "peak_vmem": "peak virtual memory",
    "rss": "memory", "memory": "memory asked for", "time": "time asked for", "rchar": "read", "wchar": "written",
    "read_bytes": "read from disk", "write_bytes": "written to disk", "syscr": "read calls", "syscw": "write calls",
    "cpus": "CPUs", "native_id": "native id", "cpu_model": "CPU model", "error_action": "error action",
    "exit": "exit status",
}  # fmt: skip


class Maker(NamedTuple):
    """The task that an input comes from.

    Attributes
    ----------
    hash, name, run : str
        Of the task; the run that executed it.
    how : str
        ``made by``; ``same value as``, where only the contents agree; ``likely made by``, where only the name does.
    """

    hash: str
    name: str
    run: str
    how: str


def pane(reader: Reader, table: TaskTable, place: int, bounds: Bounds = EVERYTHING) -> dict[str, Any]:
    """All that is shown of a task.

    Parameters
    ----------
    reader : Reader
        Reads the launch directory.
    table : TaskTable
        The tasks that it is one of.
    place : int
        Where it stands in it.
    bounds : Bounds
        Which files may be read.
    """
    summary = read_line(table.lines[place])
    record = _record(table, summary)
    with reader.cache(table.session) as cache:
        row = reader.row(record, summary.hash, cache, cached=table.cached[place])
        told = _told(reader, table, row, cache)
    script = source(row, bounds)
    return {
        "id": row.task_hash,
        "hash": row.hash,
        "name": row.name,
        "process": row.process,
        "status": table.statuses[place],
        "run": row.run,
        "executed_by": row.executed_by,
        "work_dir": str(row.work_dir),
        "is_there": row.work_dir.is_dir(),
        "language": language_of(script),
        "source": pieces(script),
        **told,
        "inputs": _inputs(reader, table, row),
        "outputs": _outputs(row.entry, row.work_dir),
        "code": loading_code(row),
        "left_out": list(row.entry.left_out) if row.entry else [],
        "resources": [(_LABELS.get(name, name), row.text(name)) for name in _RESOURCES if _is_told(row, name)],
        "logs": logs(row.work_dir, bounds),
        "displays": displays(row.work_dir, bounds),
    }


def source(row: TaskRow, bounds: Bounds = EVERYTHING) -> str:
    """The script of a task: as it ran, where its work directory is there still."""
    path = row.work_dir / ".command.sh"
    try:
        if bounds.holds(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                return file.read(_SOURCE + 1)
    except OSError:
        pass  # the work directory is gone; the cache has the script too
    return str(row.trace.get("script") or "")


def logs(work_dir: Path, bounds: Bounds = EVERYTHING) -> dict[str, dict[str, Any]]:
    """The ends of what a task printed."""
    streams = {"stdout": ".command.out", "stderr": ".command.err"}
    return {name: _tail(work_dir / file, bounds) for name, file in streams.items()}


def displays(work_dir: Path, bounds: Bounds = EVERYTHING) -> list[Seen]:
    """What a task displayed, figures among it: the first of it, within bounds."""
    if not bounds.holds(work_dir / EVENTS):
        return []
    try:
        with open(work_dir / EVENTS, "rb") as file:
            lines = file.read(_DISPLAYED).split(b"\n")
    except OSError:
        return []
    bundles = (bundle for line in lines if line[:9] in (b'["display', b'["result"') and (bundle := _bundle(line)))
    return [seen for bundle in islice(bundles, _MOST_DISPLAYS) if (seen := _shown(bundle)) is not None]


def _bundle(line: bytes) -> dict[str, Any]:
    try:
        data = json.loads(line)[1]["data"]
    except (ValueError, LookupError, TypeError):
        return {}  # cut off
    return data if isinstance(data, dict) else {}


def _shown(bundle: dict[str, Any]) -> Seen | None:
    """A bundle as previews are, by the best of its forms."""
    for mime in _IMAGES:
        if isinstance(bundle.get(mime), str):
            return {"kind": "image", "mime": mime, "data": "".join(bundle[mime].split()), "note": ""}
    if isinstance(bundle.get("text/html"), str):
        return {"kind": "html", "html": bundle["text/html"], "note": ""}
    text = bundle.get("text/plain")
    return {"kind": "text", "text": text[:TEXT], "note": ""} if isinstance(text, str) else None


def _record(table: TaskTable, summary: Summary) -> RunRecord:
    """The latest of the table's runs, or the one of them that executed the task."""
    return next((run for run in table.runs if run.run_name == summary.run), table.runs[-1])


def _is_told(row: TaskRow, name: str) -> bool:
    return row.trace.get(name) is not None and row.text(name) not in ("-", "")


def _tail(path: Path, bounds: Bounds) -> dict[str, Any]:
    if not bounds.holds(path):
        text = bounds.refusal(path)
        return {"text": text, "size": len(text), "cut": 0, "path": str(path)}
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - TAIL))
            data = file.read(TAIL)
    except OSError:
        return {"text": "", "size": 0, "cut": 0, "path": str(path)}
    text = _ANSI.sub("", data.decode("utf-8", "replace"))
    return {"text": text, "size": size, "cut": max(0, size - TAIL), "path": str(path)}


# Why ------------------------------------------------------------------------------------------------------------------


def _told(reader: Reader, table: TaskTable, row: TaskRow, cache: TaskCache) -> dict[str, Any]:
    earlier = list(_earlier(reader, table, row, cache))
    told = because(row, earlier, rows_elsewhere(reader, table.runs[0]) if not earlier else ())
    before = told.before
    return {
        "why": told.sentence.removesuffix(":"),
        "changes": list(told.changes),
        "before": None if before is None else {"id": before.task_hash, "name": before.name, "run": before.run},
        "parts": _parts(row.entry, before.entry if before is not None else None),
    }


def _earlier(reader: Reader, table: TaskTable, row: TaskRow, cache: TaskCache) -> Iterator[TaskRow]:
    """Earlier tasks of the process: those of its own name first, then the latest; a few are compared."""
    if row.status == CACHED or row.entry is None:
        return
    records = {run.run_name: run for run in reader.runs() if run.session == table.session}
    beside = {line[:32] for line in table.lines} if len(table.runs) == 1 else set()
    lines = _comparable(table.lines_of_session(reader), row, beside)
    found = [
        summary
        for summary in map(read_line, lines)
        if summary.numbers.get("submit", 0) < (row.trace.get("submit") or 0)
    ]
    found.sort(key=lambda summary: (summary.name == row.name, summary.numbers.get("submit", 0)), reverse=True)
    for summary in found[:_COMPARED]:
        yield reader.row(records.get(summary.run, table.runs[-1]), summary.hash, cache)


def _comparable(lines: Sequence[bytes], row: TaskRow, beside: set[bytes]) -> Iterator[bytes]:
    """The lines of the process's other tasks; the other items of its channel are beside it."""
    own, process = row.task_hash.encode(), row.process.encode()
    names = (row.name.encode(), process)
    for line in lines:
        task_hash, name, of_process, _ = line.split(b"\t", PROCESS + 1)
        if of_process == process and task_hash != own and (name in names or task_hash not in beside):
            yield line


def _parts(now: TaskEntry | None, before: TaskEntry | None) -> list[dict[str, str]]:
    """Each part of the hash, what differs first."""
    if now is None:
        return []
    old = {(part.kind, part.name): part for part in before.parts} if before is not None else {}
    new = {(part.kind, part.name): part for part in now.parts}
    said = {(each.kind, each.name): each.sentence for each in differing(now.parts, before.parts)} if before else {}
    keys = [*said, *(key for key in new if key not in said)]
    return [_part(key, new.get(key), old.get(key), said.get(key, ""), compared=before is not None) for key in keys]


def _part(key: tuple[str, str], new: Part | None, old: Part | None, sentence: str, *, compared: bool) -> dict[str, str]:
    state = (
        "gone" if new is None else "" if not compared else "new" if old is None else "changed" if sentence else "same"
    )
    shown = new or old
    assert shown is not None
    return {
        "kind": key[0],
        "name": key[1],
        "state": state,
        "digest": shown.digest.hex(),
        "now": _value(new),
        "before": _value(old) if state == "changed" else "",
        "sentence": sentence,
    }


def _value(part: Part | None) -> str:
    if part is None or part.kind in CODE:
        return ""
    return shorten(split_files(part.preview.strip())[0])


# Inputs ---------------------------------------------------------------------------------------------------------------


def _inputs(reader: Reader, table: TaskTable, row: TaskRow) -> list[dict[str, Any]]:
    parts = [part for part in (row.entry.parts if row.entry else ()) if part.kind in _INPUTS][:_MOST_INPUTS]
    makers = makers_of(reader, table, row, parts)
    return [
        {
            "kind": part.kind,
            "name": part.name,
            "value": split_files(part.preview)[0],
            "files": split_files(part.preview)[1],
            "digest": part.digest.hex(),
            "maker": maker._asdict() if maker is not None else None,
        }
        for part, maker in zip(parts, makers, strict=True)
    ]


def makers_of(reader: Reader, table: TaskTable, row: TaskRow, parts: Sequence[Part]) -> list[Maker | None]:
    """The tasks that made some inputs, as far as that can be told: by the path of a file, by the contents, by the name.

    Contents agree by digest for plain values, arrays and items of channels; values with classes of packages are digested
    in one way where they are made and in another where a notebook holds them.
    """
    text = b"\n".join([b"", *table.lines_of_session(reader), b""])
    own, submitted = row.task_hash.encode(), row.trace.get("submit") or 0
    return [_maker(reader.layout.work_root, text, part, own, submitted) for part in parts]


def _maker(work_root: Path, text: bytes, part: Part, own: bytes, submitted: float) -> Maker | None:
    made = re.search(re.escape(str(work_root)) + r"/([0-9a-f]{2})/([0-9a-f]{30})", part.preview)
    name, digest = part.name.encode("utf-8", "surrogateescape"), part.digest.hex().encode()
    tests = {
        "made by": (b"\t" + name + b"=" + digest, b"," + name + b"=" + digest),
        "same value as": (b"=" + digest,),
        "likely made by": (b"\t" + name + b"=", b"," + name + b"="),
    }
    if made:
        tests = {"made by": (f"\n{made[1]}{made[2]}\t".encode(),)}
    for how, needles in tests.items():
        lines = [line for needle in needles if (line := _last_before(text, needle, own, submitted)) is not None]
        if lines:
            return _made(max(lines, key=lambda line: field_number(line, "submit") or 0), how)
    return None


def _last_before(text: bytes, needle: bytes, own: bytes, submitted: float) -> bytes | None:
    """The last line that holds some bytes, of a task that was submitted no later, and is another one."""
    at = len(text)
    while (at := text.rfind(needle, 0, at)) >= 0:
        begin = text.rfind(b"\n", 0, at + 1) + 1
        line = text[begin : text.find(b"\n", begin)]
        if not line.startswith(own) and (field_number(line, "submit") or 0) <= submitted:
            return line
    return None


def _made(line: bytes, how: str) -> Maker:
    fields = line.decode("utf-8", "replace").split("\t")
    return Maker(fields[HASH], fields[NAME], fields[RUN], how)


# Outputs --------------------------------------------------------------------------------------------------------------


def _outputs(entry: TaskEntry | None, work_dir: Path) -> list[dict[str, Any]]:
    if entry is None:
        return []
    return [
        {
            "name": output.name,
            "kind": output.kind,
            "declared": "" if output.declared in (AUTO, "=") else output.declared.strip("="),
            "digest": output.digest,
            "size": format_memory(size_of(entry, output)),
            "files": [(path, str(work_dir / path)) for path in output.paths[:_MOST_FILES]],
            "more": max(0, len(output.paths) - _MOST_FILES),
        }
        for output in entry.outputs
    ]


def size_of(entry: TaskEntry, output: OutputRecord) -> int:
    """Bytes of an output; those of values lie together, and are counted for each."""
    return sum(record.size for record in entry.files if _belongs(record.path, output))


def _belongs(path: str, output: OutputRecord) -> bool:
    if output.kind == "value":
        return path.startswith(f"{PRIVATE}/")
    return any(path == own or path.startswith(f"{own}/") for own in output.paths)
