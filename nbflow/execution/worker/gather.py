"""The outputs of a Python body: which names they are, whether they fit, their digests, and their values on disk.

Works on the namespace that the body left behind, inside the worker. Knows no processes.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from nbflow.core.code.sharing import groups
from nbflow.core.declaration.annotations import check_annotation, coerce, evaluate
from nbflow.core.python import PYTHON
from nbflow.core.task.entry import FileRecord
from nbflow.core.values.hashing import Digester
from nbflow.errors import TaskFailedError, UnhashableInputError
from nbflow.execution.outputs.collect import collect, collected, held
from nbflow.execution.spec import VALUES, OutputSpec, WorkerSpec
from nbflow.execution.worker.changes import Classes, Codes, Snapshot
from nbflow.execution.worker.display import OUT
from nbflow.storage import values
from nbflow.storage.pickles import pickled
from nbflow.storage.values import Dumped, References, UnstorableValueError
from nbflow.storage.workdir import PRIVATE, stdout_of

Import = tuple[str, str, str | None]
"""A name that an import bound, the module, and the attribute if it is one."""

_MISSING = object()


@dataclass(frozen=True, slots=True)
class Made:
    """One output as the body made it.

    Attributes
    ----------
    name : str
        As declared or bound.
    kind : str
        ``value``, ``file``, ``files`` or ``stdout``.
    digest : str
        Of the content, 32 hexadecimal digits.
    paths : tuple of str
        Of files: relative to the work directory.
    classes : bool
        Whether the value holds instances of notebook classes, which its reader must resolve.
    shared : str
        Digest of it and of the outputs that hold an object in common with it, together; empty where there are none.
    """

    name: str
    kind: str
    digest: str
    paths: tuple[str, ...] = ()
    classes: bool = False
    shared: str = ""

    def told(self) -> dict[str, Any]:
        """It as JSON takes it."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Gathered:
    """All that a body put out.

    Attributes
    ----------
    outputs : tuple of Made
        In order.
    files : tuple of FileRecord
        What must be unchanged for a hit; the container of values is not among them.
    values : Dumped or None
        The container, when any output is a value.
    left_out : tuple of str
        What could not be stored, and why: each text begins with the name.
    imports : tuple of (name, module, attribute or None)
        What import statements of the body bound.
    python : str
        Version of Python, as in ``3.12``, if values hold code that travels by value; else empty.
    """

    outputs: tuple[Made, ...]
    files: tuple[FileRecord, ...]
    values: Dumped | None
    left_out: tuple[str, ...]
    imports: tuple[Import, ...]
    python: str = ""


@dataclass(slots=True)
class _Gathering:
    """Work in progress on the outputs of one task."""

    spec: WorkerSpec
    namespace: dict[str, Any]
    classes: Classes
    made: list[Made] = field(default_factory=list)
    files: list[FileRecord] = field(default_factory=list)
    kept: dict[str, Any] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    holds_code: bool = False

    def digest(self, name: str, value: object) -> Made:
        codes = Codes(self.spec, self.classes)
        digest = Digester(codes).digest(value, name).hex()
        self.holds_code |= codes.met_code
        return Made(name, "value", digest, classes=codes.met_class)

    def add_value(self, name: str, value: object) -> None:
        paths = _own_paths(value)
        if paths is not None:
            self.add_files(name, "file" if isinstance(value, Path) else "files", collected(".", paths))
            return
        self.made.append(self.digest(name, value))
        self.kept[name] = value

    def note_sharing(self) -> None:
        """Whoever gets all outputs can tell those that hold an object in common from equal copies."""
        for names in groups(self.kept) if len(self.kept) > 1 else ():
            together = self.digest(names[0], [self.kept[name] for name in names]).digest
            self.made = [replace(made, shared=together) if made.name in names else made for made in self.made]

    def note(self, files: Iterable[FileRecord]) -> None:
        self.files += [record for record in files if record not in self.files]

    def add_files(self, name: str, kind: str, found: Any) -> None:
        self.note(found.files)
        self.made.append(Made(name, kind, found.digest, found.paths))

    def add_declared(self, output: OutputSpec) -> None:
        if output.kind in ("file", "files"):
            self.add_files(output.name, output.kind, collect(".", output, self.spec.staged))
        elif output.kind == "stdout":
            text = stdout_of(".")
            self.note(collected(".", (OUT,)).files)
            self.made.append(Made(output.name, "stdout", Digester().digest(text).hex(), (OUT,)))
        elif output.kind == "value":
            self.add_value(output.name, _checked(output, self.namespace))
        else:
            raise TaskFailedError(
                f"output `{output.name}`: {output.kind}() is for scripts; assign the name in the body"
            )

    def store(self) -> Dumped | None:
        references = References(classes=self.classes, work_dir=os.getcwd(), launch_dir=self.spec.launch_dir)
        if not self.kept:
            return None
        stored = values.dump(self.kept, VALUES, buffers_dir=PRIVATE, references=references)
        self.note(held(".", references.met))
        return stored


def gather(spec: WorkerSpec, namespace: dict[str, Any], before: Snapshot) -> Gathered:
    """Take the outputs out of the namespace that a body left behind, and store their values.

    Parameters
    ----------
    spec : WorkerSpec
        What the worker must do.
    namespace : dict
        After the body.
    before : Snapshot
        Made before the body ran.

    Raises
    ------
    TaskFailedError
        When a declared output is missing, of another type or cannot be stored, or a global that is not declared was
        changed.
    """
    work = _Gathering(spec, namespace, before.classes)
    imports = tuple(bound for bound in (*spec.imports, *_star_imports(spec)) if bound[0] in namespace)
    attributes, changed = before.changed_classes(), before.changed_globals(namespace)
    if spec.outputs is None:
        work.left_out += [f"{attribute}: a class cannot be an output" for attribute in attributes]
        stored = _gather_all(work, [*_bound(spec, namespace, before.names, imports), *changed])
    else:
        _refuse_unlisted(changed, attributes, spec.outputs)
        stored = _gather_declared(work, spec.outputs)
    work.note_sharing()
    python = PYTHON if work.holds_code else ""
    return Gathered(tuple(work.made), tuple(work.files), stored, tuple(work.left_out), imports, python)


def rehearse(spec: WorkerSpec, namespace: dict[str, Any]) -> None:
    """Digest and pickle a namespace's values, to no end but that this process has done it once."""
    work = _Gathering(spec, namespace, {})
    work.add_value("x", namespace["x"])
    pickled(work.kept, References(classes=work.classes, work_dir=os.getcwd()))


def _refuse_unlisted(changed: Iterable[str], attributes: list[str], outputs: Iterable[OutputSpec]) -> None:
    declared = {output.name for output in outputs}
    unlisted = [name for name in changed if name not in declared]
    if unlisted:
        names = ", ".join(f"`{name}`" for name in unlisted)
        plural, them = ("global", "it") if len(unlisted) == 1 else ("globals", "them")
        raise TaskFailedError(f"changes {plural} {names}; add {them} after `->`")
    if attributes:
        raise TaskFailedError(f"changes `{attributes[0]}`: a class cannot be an output; put out the value by itself")


def _gather_declared(work: _Gathering, outputs: Iterable[OutputSpec]) -> Dumped | None:
    for output in outputs:
        try:
            work.add_declared(output)
        except UnhashableInputError as error:
            raise _unstorable(output.name, error) from error
    try:
        return work.store()
    except UnstorableValueError as error:
        culprit, cause = next(_culprits(work), ("", error))
        raise _unstorable(culprit, cause) from error


def _gather_all(work: _Gathering, names: Iterable[str]) -> Dumped | None:
    for name in dict.fromkeys(names):
        value = work.namespace[name]
        if name.startswith("_") or isinstance(value, ModuleType):
            continue
        try:
            work.add_value(name, value)
        except UnhashableInputError as error:
            work.left_out.append(str(error))
    try:
        return work.store()
    except UnstorableValueError:
        for name, cause in list(_culprits(work)):
            del work.kept[name]
            work.made = [made for made in work.made if made.name != name]
            work.left_out.append(f"{name}: {cause}")
        return work.store()


def _culprits(work: _Gathering) -> Iterator[tuple[str, UnstorableValueError]]:
    references = References(classes=work.classes, work_dir=os.getcwd())
    for name, value in work.kept.items():
        try:
            pickled(value, references)
        except UnstorableValueError as error:
            yield name, error


def _unstorable(name: str, cause: BaseException) -> TaskFailedError:
    return TaskFailedError(f"output `{name}` cannot be kept: {cause}. Put out the data that it is made from instead")


def _star_imports(spec: WorkerSpec) -> list[Import]:
    """What ``from module import *`` has bound, which only the module tells."""
    if "import" not in spec.source or "*" not in spec.source:
        return []
    nodes = [node for node in ast.walk(ast.parse(spec.source)) if isinstance(node, ast.ImportFrom)]
    starred = {node.module or "" for node in nodes if node.names[0].name == "*"}
    return [(name, module, name) for module in sorted(starred & sys.modules.keys()) for name in _public(module)]


def _public(module: str) -> list[str]:
    names = vars(sys.modules[module])
    return list(names.get("__all__", [name for name in names if not name.startswith("_")]))


def _bound(
    spec: WorkerSpec, namespace: Mapping[str, Any], before: Mapping[str, Any], imports: Iterable[Import]
) -> list[str]:
    """Names that the body bound, and new ones that functions made by ``global`` statements."""
    imported = {name for name, _, _ in imports}
    new = [name for name in namespace if name not in before and name not in imported]
    return [*(name for name in spec.binds if name in namespace), *(name for name in new if name not in spec.binds)]


def _checked(output: OutputSpec, namespace: dict[str, Any]) -> Any:
    value = namespace.get(output.name, _MISSING)
    if value is _MISSING:
        raise TaskFailedError(f"output `{output.name}` was not set; assign it in the body, or take it out after `->`")
    if output.annotation is None:
        return value
    annotation = evaluate(output.annotation, namespace, f"the type of output `{output.name}`")
    value = coerce(value, annotation)
    wrong = check_annotation(value, annotation)
    if wrong is not None:
        raise TaskFailedError(f"output `{output.name}`: {wrong}; correct the value or the declaration")
    return value


def _own_paths(value: object) -> tuple[str, ...] | None:
    """The relative paths of a value that is a path, or a list of paths, of files that lie in the work directory."""
    listed = value if type(value) is list else [value]
    paths = [item for item in listed if isinstance(item, Path)]
    if not paths or len(paths) < len(listed):
        return None
    here = os.getcwd()
    relative = [os.path.relpath(path, here) for path in paths]
    inside = all(not name.startswith("..") and name != "." and os.path.exists(name) for name in relative)
    return tuple(relative) if inside else None
