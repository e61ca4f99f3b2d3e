"""The resume decision: one pure function from facts to a decision that carries its reason.

Every rule that turns a remembered task into a hit or a miss lives here, and every face shows the reason given here.
Looks at no disk: what was found there comes in as `Found`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from nbflow.core.task.entry import AUTO, COMPLETED, FileRecord, TaskEntry


class Reason(Enum):
    """Why a task runs instead of being taken from the cache; ``{}`` is the name of what the reason is about."""

    NEW = "has not run before"
    FORCED = "a rerun was asked for"
    CACHE_OFF = "its cache is off (`cache: false`)"
    UNKNOWN_READS = "runs every time: {}"
    UNFINISHED = "an earlier run of it did not finish"
    DAMAGED_ENTRY = "its entry in the cache is damaged: {}"
    SUPERSEDED = "a later rerun took its place"
    NOT_COMPLETED = "it did not complete before ({})"
    OTHER_PYTHON = "its values hold code of Python {}, which this one cannot run"
    INPUT_CHANGED = "an input changed while it ran: {}"
    WORK_DIR_GONE = "its work directory is gone"
    EXIT_MISSING = "its .exitcode is missing or damaged"
    EXIT_FAILED = "its .exitcode says {}"
    OUTPUT_NOT_KEPT = "output {} was not kept by the earlier run"
    OUTPUT_MISSING = "output {} is missing, deleted or cleaned away since"
    OUTPUT_CHANGED = "output {} was modified after the run"
    VALUE_UNREADABLE = "its stored value cannot be read: {}"


class Reuse(NamedTuple):
    """Take the task's outputs from the cache."""

    entry: TaskEntry


@dataclass(frozen=True, slots=True)
class Execute:
    """Run the task.

    Attributes
    ----------
    reason : Reason
        Why.
    about : str
        What the reason is about: an output, a status, a cause.
    file : str
        The file that tells, relative to the work directory; empty where none does.
    """

    reason: Reason
    about: str = ""
    file: str = ""

    @property
    def sentence(self) -> str:
        """The reason in words."""
        said = self.reason.value.format(f"`{self.about}`" if "output" in self.reason.value else self.about)
        return f"{said}: {self.file}" if self.file else said


class FileFact(NamedTuple):
    """What a file of the work directory is now; `digest` only where its content was read."""

    size: int
    mtime_ns: int
    digest: str | None = None


class Found(NamedTuple):
    """What is on disk of a remembered task.

    Attributes
    ----------
    work_dir : bool
        Whether its work directory is there.
    exit : int or None
        What ``.exitcode`` says; None where it is missing or no number.
    files : sequence of FileFact or None
        One for each of the entry's files, in order; None where one is missing.
    """

    work_dir: bool
    exit: int | None
    files: Sequence[FileFact | None]


def decide(
    entry: TaskEntry | None, found: Found | None, wanted: Mapping[str, str] | None, python: str
) -> Reuse | Execute:
    """Reuse only a completed task whose work directory, exit status and outputs are all there, unchanged.

    Parameters
    ----------
    entry : TaskEntry or None
        What the cache remembers.
    found : Found or None
        What is on disk; needed where there is an entry.
    wanted : mapping of str to str, or None
        How each declared output is declared, by name; None where the body's own names are the outputs.
    python : str
        The version of Python that would take them, as in ``3.12``.
    """
    if entry is None or found is None:
        return Execute(Reason.NEW)
    if entry.superseded:
        return Execute(Reason.SUPERSEDED)
    if entry.status != COMPLETED:
        return Execute(Reason.NOT_COMPLETED, entry.status)
    if entry.python not in ("", python):
        return Execute(Reason.OTHER_PYTHON, entry.python)
    if entry.unsure:
        return Execute(Reason.INPUT_CHANGED, ", ".join(entry.unsure))
    if not found.work_dir:
        return Execute(Reason.WORK_DIR_GONE)
    if found.exit is None:
        return Execute(Reason.EXIT_MISSING)
    if found.exit != 0:
        return Execute(Reason.EXIT_FAILED, str(found.exit))
    return _unkept(entry, wanted) or _changed(entry, found) or Reuse(entry)


def _unkept(entry: TaskEntry, wanted: Mapping[str, str] | None) -> Execute | None:
    kept = {output.name: output.declared for output in entry.outputs}
    needed = dict.fromkeys(kept, AUTO) if wanted is None else wanted
    for name, declared in needed.items():
        if kept.get(name) != declared:
            return Execute(Reason.OUTPUT_NOT_KEPT, name)
    return None


def _changed(entry: TaskEntry, found: Found) -> Execute | None:
    for record, fact in zip(entry.files, found.files, strict=True):
        if fact is None:
            return Execute(Reason.OUTPUT_MISSING, _about(entry, record), record.path)
        if not still_holds(record, fact):
            return Execute(Reason.OUTPUT_CHANGED, _about(entry, record), record.path)
    return None


def still_holds(record: FileRecord, fact: FileFact) -> bool:
    """Whether a file is what it was: by its content where that was read, else by size and modification time."""
    if fact.digest is not None:
        return fact.digest == record.digest
    return fact.size == record.size and fact.mtime_ns == record.mtime_ns


def _about(entry: TaskEntry, record: FileRecord) -> str:
    for output in entry.outputs:
        if any(record.path == path or record.path.startswith(f"{path}/") for path in output.paths):
            return output.name
    return ", ".join(output.name for output in entry.outputs if output.kind == "value") or record.path
