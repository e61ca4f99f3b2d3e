"""Finds the files that a task puts out, once it has run: for Python tasks in the worker, for scripts in the kernel.

Alone applies the rules of ``file()`` and ``files()``. Reads the work directory, and changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nbflow.core.parts import combine
from nbflow.core.task.entry import FileRecord
from nbflow.core.values.contents import content_digest
from nbflow.errors import TaskFailedError
from nbflow.execution.outputs.matching import is_wild, matching
from nbflow.execution.spec import OutputSpec
from nbflow.storage.evidence import listing_digest
from nbflow.storage.workdir import EXIT, PRIVATE

_LISTED = 20


@dataclass(frozen=True, slots=True)
class Collected:
    """The files of one output.

    Attributes
    ----------
    paths : tuple of str
        Relative to the work directory, sorted.
    files : tuple of FileRecord
        What must be unchanged for a hit: the paths, and all that lies in those that are directories.
    digest : str
        Of names and content, 32 hexadecimal digits.
    """

    paths: tuple[str, ...]
    files: tuple[FileRecord, ...]
    digest: str


def collect(work_dir: str | os.PathLike[str], output: OutputSpec, inputs: Iterable[str]) -> Collected:
    """Find the files of an output.

    Parameters
    ----------
    work_dir : path
        Where the task ran.
    output : OutputSpec
        Of kind ``file`` or ``files``.
    inputs : iterable of str
        Relative names of staged inputs: a wildcard does not match them, their own name does.

    Raises
    ------
    TaskFailedError
        When fewer or more files match than there must be, or one is a link to nothing.
    """
    root, staged = os.fspath(work_dir), frozenset(inputs)
    paths = _matches(root, output, staged)
    if not paths and output.rules.least:
        raise TaskFailedError(_nothing(root, output, staged))
    if not output.rules.least <= len(paths) <= (output.rules.most or len(paths)):
        raise TaskFailedError(_wrong_number(output, paths))
    for path in paths:
        if not os.path.exists(os.path.join(root, path)):
            raise TaskFailedError(
                f"output `{output.name}`: {path} is a link to {os.readlink(os.path.join(root, path))}, which is not there; "
                "let the body make the file, or correct the link"
            )
    return collected(root, paths)


def collected(root: str, paths: tuple[str, ...]) -> Collected:
    """Take known paths as the files of an output.

    Parameters
    ----------
    root : str
        The work directory.
    paths : tuple of str
        Relative to it.
    """
    files = tuple(record for path in paths for record in _records(root, path))
    chunks = (chunk for record in files for chunk in (os.fsencode(record.path), bytes.fromhex(record.digest)))
    return Collected(paths, files, combine("files", chunks).hex())


def outermost(paths: Iterable[str]) -> tuple[str, ...]:
    """Paths without those that lie inside another of them."""
    listed = dict.fromkeys(paths)
    return tuple(path for path in listed if not any(str(above) in listed for above in Path(path).parents))


def held(root: str, paths: Iterable[str]) -> tuple[FileRecord, ...]:
    """The files that values refer to: what must be unchanged for a hit, as of outputs that are files.

    Parameters
    ----------
    root : str
        The work directory.
    paths : iterable of str
        Relative to it; those where nothing is are left out, as are nbflow's own files.
    """
    there = [path for path in sorted(paths) if path != "." and not _is_own(path) and os.path.exists(f"{root}/{path}")]
    return tuple(record for path in there for record in _records(root, path))


def _matches(root: str, output: OutputSpec, inputs: frozenset[str]) -> tuple[str, ...]:
    found: set[str] = set()
    for pattern in output.patterns:
        spared = inputs if is_wild(pattern) and not output.rules.include_inputs else frozenset[str]()
        paths = matching(root, pattern, output.rules)
        found |= {path for path in paths if not _is_own(path) and not _is_input(path, spared)}
    return tuple(sorted(found))


def _is_own(relative: str) -> bool:
    first = relative.split(os.sep, 1)[0]
    return first in (PRIVATE, EXIT) or first.startswith(".command.")


def _is_input(relative: str, inputs: frozenset[str]) -> bool:
    """Whether a path is a staged input, lies in one, or is a directory made to hold one."""
    return any(
        relative == name or relative.startswith(f"{name}/") or name.startswith(f"{relative}/") for name in inputs
    )


def _records(root: str, relative: str) -> Iterator[FileRecord]:
    path = os.path.join(root, relative)
    facts = os.stat(path)
    if not os.path.isdir(path):
        yield FileRecord(relative, facts.st_size, facts.st_mtime_ns, content_digest(Path(path)).hex())
        return
    names = sorted(os.listdir(path))
    yield FileRecord(relative, facts.st_size, facts.st_mtime_ns, listing_digest(names))
    for name in names:
        inner = os.path.join(relative, name)
        # A link to a directory is named above; what lies behind it is not this task's.
        if not (os.path.islink(os.path.join(root, inner)) and os.path.isdir(os.path.join(root, inner))):
            yield from _records(root, inner)


def _wrong_number(output: OutputSpec, paths: tuple[str, ...]) -> str:
    rules, matches = output.rules, f"matches {len(paths)}: {_some(paths)}"
    if output.kind == "file":
        return (
            f"output `{output.name}`: file({_shown(output)}) must match one file but {matches}; use files(), or a pattern "
            "that matches only one"
        )
    wanted = (
        f"{rules.least}" if rules.least == rules.most else f"{rules.least}..{'*' if rules.most is None else rules.most}"
    )
    return (
        f'output `{output.name}`: files({_shown(output)}, arity="{wanted}") {matches}; correct the pattern or the arity'
    )


def _nothing(root: str, output: OutputSpec, inputs: frozenset[str]) -> str:
    there = [
        name + "/" * os.path.isdir(os.path.join(root, name)) for name in sorted(os.listdir(root)) if not _is_own(name)
    ]
    holds = f"the work directory holds {_some(there)}" if there else "the work directory holds no files"
    return (
        f"output `{output.name}`: {output.kind}({_shown(output)}) matches nothing; {holds}{_note(output, inputs)}. "
        "Correct the pattern, or add optional=True"
    )


def _note(output: OutputSpec, inputs: frozenset[str]) -> str:
    """What a user may have overlooked."""
    if inputs and not output.rules.include_inputs and any(is_wild(pattern) for pattern in output.patterns):
        return f" (wildcards do not match inputs, as {_some(sorted(inputs))}, without include_inputs=True)"
    return ""


def _shown(output: OutputSpec) -> str:
    return ", ".join(f'"{pattern}"' for pattern in output.patterns)


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    return ", ".join(listed[:_LISTED]) + more
