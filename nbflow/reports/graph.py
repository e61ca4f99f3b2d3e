"""The DAG of a run: its processes, and what flows between them.

Alone finds out what flowed. Of a call with channels that is known when it is made, and noted in the run's events. Else it
is read off the tasks' hashes: an input or a global with the digest of an output of an earlier task came from there. Small
values coincide by chance (3, True), so such a one must have the output's name too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from nbflow.core.parts import Part
from nbflow.core.task.entry import OutputRecord, TaskEntry
from nbflow.core.values.hashing import Digester
from nbflow.core.values.inputs import output_file_digest
from nbflow.reports.view import RunView, counted, is_passed_over
from nbflow.storage.evidence import kept_digest
from nbflow.storage.rows import TaskRow

_TAKEN = ("input", "global")
_FILES = ("file", "files")
_PLACE = re.compile(r"/([0-9a-f]{2})/([0-9a-f]{30})(?![0-9a-f])")
# Cut off; a container or an array of many; an object of which only the type is shown.
_LARGE = re.compile(r"…$|\b\w+ of (shape \(.*)?\d[\d,]|^[^\W\d]\w*$")
_WORDS = frozenset({"True", "False", "None", "nan", "inf"})
_RECORD = re.compile(r"([^\W\d]\w*)\(([^\W\d]\w*)=")


@dataclass(frozen=True, slots=True)
class Vertex:
    """A process of the DAG.

    Attributes
    ----------
    name : str
        The process's name.
    counts : mapping of str to int
        Its tasks by status; empty where none was submitted yet.
    status : str
        The one status that says most about it; empty where it has no tasks.
    """

    name: str
    counts: Mapping[str, int]
    status: str


@dataclass(frozen=True, slots=True)
class Graph:
    """The DAG.

    Attributes
    ----------
    vertices : tuple of Vertex
        In the order of the processes' first tasks.
    edges : mapping of (str, str) to tuple of str
        What flows from one process to another: names of outputs, none where it is all of them or not known which.
    """

    vertices: tuple[Vertex, ...]
    edges: Mapping[tuple[str, str], tuple[str, ...]]


@dataclass(slots=True)
class _Known:
    """What earlier tasks of the run made.

    Attributes
    ----------
    makers : dict of bytes to dict of str to str
        By digest: the output's name, and the process that made it last.
    files : set of bytes
        The digests of those that are files.
    places : dict of str to str
        By task hash, the process.
    outputs : dict of str to set of str
        By process, the names of its outputs.
    """

    makers: dict[bytes, dict[str, str]] = field(default_factory=dict)
    files: set[bytes] = field(default_factory=set)
    places: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, set[str]] = field(default_factory=dict)


def graph(view: RunView) -> Graph:
    """Return the DAG of a run.

    Parameters
    ----------
    view : RunView
        The run.
    """
    edges: dict[tuple[str, str], dict[str, None]] = {}
    for source, target, name in (*_flowed(view), *_taken(view)):
        edges.setdefault((source, target), {}).update({name: None} if name else {})
    processes = view.by_process()
    names = dict.fromkeys(
        [*processes, *(flow.process for flow in view.flows), *(name for pair in edges for name in pair)]
    )
    vertices = tuple(_vertex(name, processes.get(name, ())) for name in names)
    return Graph(vertices, {pair: tuple(labels) for pair, labels in edges.items()})


def _vertex(name: str, tasks: Sequence[TaskRow]) -> Vertex:
    counts = counted(tasks)
    telling = counted([task for task in tasks if not is_passed_over(task)])
    first = next((status for status in ("FAILED", "RUNNING", "SUBMITTED", "ABORTED") if status in telling), None)
    return Vertex(name, counts, first or ("CACHED" if [*counts] == ["CACHED"] else "COMPLETED" if counts else ""))


Edges = Iterator[tuple[str, str, str]]


def _flowed(view: RunView) -> Edges:
    for flow in view.flows:
        for process, output in flow.origins:
            yield process, flow.process, output


def _taken(view: RunView) -> Edges:
    fed: dict[str, set[str]] = {}
    for flow in view.flows:
        fed.setdefault(flow.process, set()).update(flow.inputs)
    known = _Known()
    for task in view.tasks:
        if task.entry is not None:
            taken = [part for part in task.entry.parts if part.kind in _TAKEN]
            for part in taken:
                if part.name not in fed.get(task.process, ()):
                    yield from ((source, task.process, name) for source, name in _sources(part, known))
            _learn(task, task.entry, taken, known)


# What a task takes --------------------------------------------------------------------------------------------------


def _sources(part: Part, known: _Known) -> Iterator[tuple[str, str]]:
    """The processes whose outputs an input or a global is, or holds, each with the output's name where that is known."""
    makers, held = known.makers.get(part.digest, {}), _held(part.preview, known)
    if part.name in makers and (not held or makers[part.name] in held):
        yield makers[part.name], part.name
    elif held:
        yield from ((process, _output_of(process, makers)) for process in held)
    elif makers and (part.digest in known.files or _is_large(part.preview)):
        name, process = [*makers.items()][-1]
        yield process, name


def _output_of(process: str, makers: Mapping[str, str]) -> str:
    return next((name for name, maker in makers.items() if maker == process), "")


def _is_large(preview: str) -> bool:
    """Whether a value holds more than its preview can show: one that is shown whole may equal another by chance."""
    return bool(_LARGE.search(preview.partition("\n")[0])) and preview not in _WORDS


def _held(preview: str, known: _Known) -> list[str]:
    """The processes of what lies inside: files of work directories, and the record of a process's outputs."""
    found = [known.places[key] for key in map("".join, _PLACE.findall(preview)) if key in known.places]
    record = _RECORD.match(preview)
    if record is not None and record[2] in known.outputs.get(record[1], ()):
        found.append(record[1])
    return list(dict.fromkeys(found))


# What a task made ---------------------------------------------------------------------------------------------------


def _learn(task: TaskRow, entry: TaskEntry, taken: Sequence[Part], known: _Known) -> None:
    passed_on = {part.digest for part in taken}
    known.places[task.task_hash] = task.process
    known.outputs.setdefault(task.process, set()).update(output.name for output in entry.outputs)
    for output in entry.outputs:
        digest = _digest(output, entry)
        if digest not in passed_on:  # what goes in and comes out again was not made here
            makers = known.makers.setdefault(digest, {})
            makers.pop(output.name, None)
            makers[output.name] = task.process
            known.files.update([digest] if output.kind in _FILES else ())


def _digest(output: OutputRecord, entry: TaskEntry) -> bytes:
    """The digest with which an output counts where it is an input: that of a path, for files."""
    if output.kind not in _FILES or not output.paths:
        return bytes.fromhex(output.digest)
    paths = [PurePosixPath(path) for path in output.paths]
    digester = Digester(path=lambda path: output_file_digest(str(path), kept_digest(entry.files, str(path)) or ""))
    return digester.digest(paths if output.kind == "files" else paths[0])
