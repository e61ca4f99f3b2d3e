"""Takes a task's outputs from the cache by its name or hash, and writes the code that does so, or that runs it again.

Alone decides whether outputs may still be taken: only those of a completed task that are all there, unchanged. Runs nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath
from typing import Any

from nbflow.browsing.table import TaskTable
from nbflow.core.python import PYTHON
from nbflow.core.task.entry import TaskEntry
from nbflow.core.task.resume import Execute, decide
from nbflow.errors import CacheError, NbflowError
from nbflow.execution.explain.why import no_such_task
from nbflow.execution.result import gathered, read_values
from nbflow.storage.browse import Reader
from nbflow.storage.evidence import find
from nbflow.storage.pickles import DamagedValueError
from nbflow.storage.rows import TaskRow
from nbflow.storage.summaries import NAME, PROCESS

_LEAST = 4
"""Digits of a task hash that name a task."""

ResolveClass = Callable[[str, str], type]


def find_task(reader: Reader, text: str, run: str | None = None) -> TaskRow:
    """Find the one task that a text means: in the latest run that has it.

    Parameters
    ----------
    reader : Reader
        Reads the launch directory.
    text : str
        The beginning of a task hash, as in ``ab/cdef12``; a task's name, as in ``fit (3)``; a process's name: its last task.
    run : str or None
        A run's name or a session's id; None for all of nbflow's.

    Raises
    ------
    NbflowError
        No such run or task, or several.
    """
    records = reader.select(run) if run else [record for record in reader.runs() if record.is_own]
    for record in reversed(records):
        table = TaskTable(reader, [record])
        table.fill(reader, range(len(table.lines)))
        places = _meant(table, text)
        if places:
            _refuse_several(table, places, text)
            with reader.cache(record.session) as cache:
                return reader.row(record, _hash(table, places[-1]), cache, cached=table.cached[places[-1]])
    raise no_such_task(text, [], run or "any run of nbflow here")


def outputs_of(row: TaskRow, resolve_class: ResolveClass) -> dict[str, Any]:
    """Read the outputs of a task, by name.

    Parameters
    ----------
    row : TaskRow
        The task.
    resolve_class : callable
        Finds the notebook's class of a name, if its code has a given digest.

    Raises
    ------
    CacheError
        They are not there any more, or not as they were.
    """
    entry = checked(row)
    try:
        return read_values(str(row.work_dir), entry, resolve_class)
    except DamagedValueError as error:
        raise CacheError(f"The outputs of {row.name} [{row.hash}] cannot be read: {error}") from error


def returned(row: TaskRow, values: Mapping[str, Any]) -> Any:
    """What a call of the process returned: the value of one output, a record of several."""
    return gathered(row.process, dict(values))


def checked(row: TaskRow) -> TaskEntry:
    """The entry of a task whose outputs are all there, unchanged.

    Raises
    ------
    CacheError
        They are not; the text says what is missing.
    """
    entry = row.entry
    if entry is None:
        raise CacheError(f"{row.name} [{row.hash}] has no outputs that nbflow could read: it is {row.status}")
    kept = {output.name: output.declared for output in entry.outputs}
    sound = entry._replace(superseded=False, unsure=())
    decision = decide(sound, find(str(row.work_dir), entry.files), kept, PYTHON)
    if isinstance(decision, Execute):
        raise CacheError(f"{row.name} [{row.hash}] cannot be loaded: {decision.sentence}; run it again")
    return entry


def loading_code(row: TaskRow) -> str:
    """The cell that loads a task's outputs; empty where it has none."""
    names = [output.name for output in row.entry.outputs] if row.entry else []
    return _importing(_bound(names, f'nbflow.load("{row.hash}")')) if names else ""


def rerunning_code(row: TaskRow, inputs: Iterable[Mapping[str, Any]]) -> str:
    """The cell that runs a task again.

    Parameters
    ----------
    row : TaskRow
        The task.
    inputs : iterable of mapping
        Its inputs, as a pane has them. One that cannot be written down stands as ``...``.
    """
    given = [f"{each['name']}={_written(each)}" for each in inputs if each["kind"] == "input"]
    names = [output.name for output in row.entry.outputs] if row.entry else []
    return _importing(_bound(names, f"{row.process}.rerun({', '.join(given)})"))


def _importing(code: str) -> str:
    """Code with what it takes to run it in any notebook."""
    imports = {"nbflow.": "import nbflow", "Path(": "from pathlib import Path"}
    return "\n".join([*(line for used, line in imports.items() if used in code), code])


def _bound(names: list[str], call: str) -> str:
    if not names or not all(name.isidentifier() for name in names):
        return call
    return f"{', '.join(names)} = {call}"


def _written(given: Mapping[str, Any]) -> str:
    value, maker = str(given["value"]), given["maker"]
    if maker is not None and maker["how"] == "made by":
        return f'nbflow.load("{maker["hash"][:2]}/{maker["hash"][2:8]}")'
    if PurePath(value).is_absolute() and "…" not in value:
        return f"Path({value!r})"
    try:
        ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return "..."
    return "..." if "…" in value else value


# Finding --------------------------------------------------------------------------------------------------------------


def _meant(table: TaskTable, text: str) -> list[int]:
    wanted = text.strip().encode()
    digits = wanted.strip(b"[]").replace(b"/", b"").lower()
    tests: list[Callable[[bytes], bool]] = [
        lambda line: line.split(b"\t", NAME + 1)[NAME] == wanted,
        lambda line: line.split(b"\t", PROCESS + 1)[PROCESS] == wanted,
    ]
    if len(digits) >= _LEAST:
        tests.append(lambda line: line.startswith(digits))
    for test in tests:
        found = [at for at, line in enumerate(table.lines) if test(line)]
        if found:
            return found
    return []


def _refuse_several(table: TaskTable, places: list[int], text: str) -> None:
    by_hash = text.strip("[]").replace("/", "").lower()
    if len(places) == 1 or not all(table.lines[at].startswith(by_hash.encode()) for at in places):
        return
    names = {table.lines[at].split(b"\t", NAME + 1)[NAME].decode("utf-8", "replace") for at in places}
    if len(names) > 1:
        shown = ", ".join(sorted(names)[:5])
        raise NbflowError(f"Which task do you mean by {text!r}? There are {shown}. Type more of its hash")


def _hash(table: TaskTable, place: int) -> str:
    return table.lines[place][:32].decode()
