"""What a worker must do, as a record in ``.nbflow/job.json``.

Alone knows that file's layout. Knows no processes and no values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from nbflow.core.declaration.file_rules import FileRules
from nbflow.errors import CacheError
from nbflow.storage.values import Dumped

VERSION = 1
JOB = ".nbflow/job.json"
OUTCOME = ".nbflow/outcome.json"
VALUES = ".nbflow/values"
ITEM = ".nbflow/item"
EVENTS = ".nbflow/events"
ERROR = ".nbflow/error"


_ANY = FileRules()


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """One declared output.

    Attributes
    ----------
    name : str
        As declared.
    annotation : str or None
        Its type, as written.
    kind : str
        ``value`` for the variable of that name, else as the source is called.
    patterns : tuple of str
        For file outputs: glob patterns relative to the work directory, interpolated; a path that fits any is one.
    rules : FileRules
        For file outputs: how many there must be, and what counts.
    argument : str
        The variable of ``env``, the command of ``eval``, the input of ``input``.
    parts : tuple of OutputSpec
        What a ``tuple`` or ``record`` is made of; only scripts have such.
    """

    name: str
    annotation: str | None = None
    kind: str = "value"
    patterns: tuple[str, ...] = ()
    rules: FileRules = _ANY
    argument: str = ""
    parts: tuple[OutputSpec, ...] = ()


@dataclass(frozen=True, slots=True)
class Capture:
    """Values that go into a task, by name.

    Attributes
    ----------
    path : str
        Of their container, absolute or relative to the work directory.
    buffers_dir : str
        Where its large buffers lie.
    expected : Dumped or None
        What must hold of it, where that is known.
    text : str or None
        All of it, where they are small: then there is no container.
    """

    path: str
    buffers_dir: str
    expected: Dumped | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class WorkerSpec:
    """What a worker must do.

    Attributes
    ----------
    name : str
        Process name.
    hash : str
        Task hash, 32 hexadecimal digits.
    filename : str
        What tracebacks call the body: ``%%process train``.
    source : str
        The body as portable Python, blank-padded so that its lines are numbered as in the cell.
    launch_dir : str
        Absolute path of the launch directory.
    sys_path : tuple of str
        The kernel's.
    is_async, shows_last : bool
        Whether the body awaits at its top level, and whether its last expression is displayed.
    outputs : tuple of OutputSpec, or None
        The declared ones; None: the names of `binds` and the globals that the body changed.
    binds : tuple of str
        Names that the body binds at its top level, in order, imports left out.
    imports : tuple of (name, module, attribute or None)
        What the body's import statements bind.
    capture : Capture or None
        Captured globals.
    item : Capture or None
        Inputs that this task alone has.
    staged : mapping of str to str
        Inputs in the work directory: relative name to absolute target.
    module_aliases : mapping of str to str
        Globals that are modules: name to module.
    modules : tuple of str
        More modules to import before the body: submodules that it reaches by attribute.
    sources : mapping of str to str
        Texts of cells by file name, for tracebacks and ``inspect``.
    checks : mapping of str to str
        Globals that the body may change, with their digests in hex.
    classes : mapping of str to str
        Notebook classes among the captured globals, with the digests of their code in hex.
    task : mapping
        What `task` holds.
    seed : int
        For the global random generators.
    flags : int
        Compiler flags of future statements in force in the notebook.
    secrets : tuple of str
        Variables of the environment whose values must not be written down.
    """

    name: str
    hash: str
    filename: str
    source: str
    launch_dir: str
    sys_path: tuple[str, ...] = ()
    is_async: bool = False
    shows_last: bool = False
    outputs: tuple[OutputSpec, ...] | None = None
    binds: tuple[str, ...] = ()
    imports: tuple[tuple[str, str, str | None], ...] = ()
    capture: Capture | None = None
    item: Capture | None = None
    staged: Mapping[str, str] = field(default_factory=dict)
    module_aliases: Mapping[str, str] = field(default_factory=dict)
    modules: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)
    checks: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    task: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    flags: int = 0
    secrets: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The text of the job file."""
        facts = {item.name: getattr(self, item.name) for item in fields(self)}
        facts["outputs"] = None if self.outputs is None else [_output_out(output) for output in self.outputs]
        facts["capture"] = None if self.capture is None else _capture_out(self.capture)
        facts["item"] = None if self.item is None else _capture_out(self.item)
        return json.dumps({"version": VERSION, **facts})


def read_spec(text: str | bytes) -> WorkerSpec:
    """Read a job file.

    Parameters
    ----------
    text : str or bytes
        As `WorkerSpec.to_json` made it.

    Raises
    ------
    CacheError
        When it was written by another version of nbflow, or is damaged.
    """
    try:
        facts = json.loads(text)
        version = facts.pop("version")
        if version != VERSION:
            raise CacheError(f"{JOB} has version {version}, expected {VERSION}; run the task from its notebook again")
        outputs, capture, item = facts.pop("outputs"), facts.pop("capture"), facts.pop("item")
        return WorkerSpec(
            outputs=None if outputs is None else tuple(_output_in(**output) for output in outputs),
            capture=None if capture is None else _capture_in(capture),
            item=None if item is None else _capture_in(item),
            sys_path=tuple(facts.pop("sys_path")),
            binds=tuple(facts.pop("binds")),
            modules=tuple(facts.pop("modules")),
            secrets=tuple(facts.pop("secrets", ())),
            imports=tuple((name, module, attribute) for name, module, attribute in facts.pop("imports")),
            **facts,
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CacheError(f"{JOB} is damaged ({error}); run the task from its notebook again") from error


def dumped_in(facts: Mapping[str, Any]) -> Dumped:
    """Read what is known of a container from JSON."""
    buffers = tuple((name, size, mtime_ns) for name, size, mtime_ns in facts["buffers"])
    return Dumped(facts["size"], facts["mtime_ns"], facts["checksum"], buffers)


def dumped_out(dumped: Dumped) -> dict[str, Any]:
    """What is known of a container, for JSON."""
    return _plain(dumped)


def _output_out(output: OutputSpec) -> dict[str, Any]:
    facts = {name: getattr(output, name) for name in ("name", "annotation", "kind", "patterns")}
    return {**facts, "rules": _plain(output.rules)}


def _output_in(patterns: list[str], rules: dict[str, Any], **facts: Any) -> OutputSpec:
    return OutputSpec(patterns=tuple(patterns), rules=FileRules(**rules), **facts)


def _plain(record: FileRules | Dumped | Capture) -> dict[str, Any]:
    return {item.name: getattr(record, item.name) for item in fields(record)}


def _capture_out(capture: Capture) -> dict[str, Any]:
    expected = None if capture.expected is None else dumped_out(capture.expected)
    return {**_plain(capture), "expected": expected}


def _capture_in(facts: dict[str, Any]) -> Capture:
    expected = facts.pop("expected")
    return Capture(**facts, expected=None if expected is None else dumped_in(expected))
