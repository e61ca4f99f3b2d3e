"""The outputs of a script: files that it made, what it printed or set, and inputs that it passes on.

Works on the work directory that the script left behind, in the kernel. Knows no processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from nbflow.core.parts import combine
from nbflow.core.record import make_record
from nbflow.core.script.epilogue import ENV, Captured, captures, read_captured
from nbflow.core.task.entry import FileRecord
from nbflow.core.values.hashing import digest
from nbflow.errors import TaskFailedError
from nbflow.execution.order import Order, output_specs
from nbflow.execution.outputs.collect import collect, collected
from nbflow.execution.scripts.prepare import given_to
from nbflow.execution.spec import VALUES, OutputSpec, dumped_out
from nbflow.storage import values
from nbflow.storage.workdir import PRIVATE, stdout_of

_BY_PATH = ("file", "files", "stdout")
"""Outputs that are read where they lie; all others are stored as values."""
_OUT = ".command.out"


class _Piece(NamedTuple):
    """A value, the digest of its content, and the paths of the work directory that it rests on."""

    value: Any
    digest: bytes
    paths: tuple[str, ...] = ()


def sources(outputs: Sequence[OutputSpec]) -> Iterator[tuple[str, str]]:
    """Kind and argument of all sources, those in tuples and records too."""
    for output in outputs:
        yield output.kind, output.argument
        yield from sources(output.parts)


class Found(NamedTuple):
    """The outputs of a task.

    Attributes
    ----------
    outputs : list of dict
        In the words in which a worker tells a body's.
    files : tuple of FileRecord
        What must be unchanged for a hit.
    values : dict of str to object
        Each output by its name.
    """

    outputs: list[dict[str, Any]]
    files: tuple[FileRecord, ...]
    values: dict[str, Any]


def gather_script(order: Order) -> dict[str, Any]:
    """Find a script's outputs, and store those that are values, in the words in which a worker tells a body's.

    Parameters
    ----------
    order : Order
        What ran.

    Raises
    ------
    TaskFailedError
        If one is not there.
    """
    found = find_outputs(order, order.work_dir)
    kept = {made["name"]: found.values[made["name"]] for made in found.outputs if made["kind"] == "value"}
    files = [record._asdict() for record in found.files]
    return {"outputs": found.outputs, "files": files, "values": _kept(order, kept)}


def find_outputs(order: Order, place: Path) -> Found:
    """Find a script's outputs in a directory, its work directory or another one that holds them; writes nothing.

    Raises
    ------
    TaskFailedError
        If one is not there.
    """
    known = {part.name: part.digest for part in order.call.capture.parts if part.kind == "input"} | order.read.digests
    directives = order.directives
    outputs, staged = output_specs(order, directives) or (), [*given_to(order, directives).staged]
    work = _Gathering(place, order.inputs, known, staged, _captured(place, outputs))
    made, found = list[dict[str, Any]](), dict[str, Any]()
    for output in outputs:
        piece = work.piece(output)
        kind = output.kind if output.kind in _BY_PATH else "value"
        made.append(
            {"name": output.name, "kind": kind, "digest": piece.digest.hex(), "paths": piece.paths, "classes": False}
        )
        found[output.name] = piece.value
    return Found(made, tuple(work.files.values()), found)


@dataclass(frozen=True, slots=True)
class _Gathering:
    """Work in progress on the outputs of one task."""

    work_dir: Path
    inputs: Mapping[str, Any]
    known: Mapping[str, bytes]
    staged: Sequence[str]
    captured: Mapping[tuple[str, str], str]
    files: dict[str, FileRecord] = field(default_factory=dict)

    def piece(self, output: OutputSpec) -> _Piece:
        """Find one output, or a part of one."""
        if output.kind in ("file", "files"):
            return self._files(output)
        if output.kind in ("tuple", "record"):
            return self._made_of(output)
        if output.kind in ("env", "eval"):
            return _text(self._capture(output))
        if output.kind == "stdout":
            self._note(collected(str(self.work_dir), (_OUT,)).files)
            return _text(stdout_of(self.work_dir), (_OUT,))
        name = output.argument or output.name
        return _Piece(self.inputs[name], self.known[name])

    def _files(self, output: OutputSpec) -> _Piece:
        found = collect(self.work_dir, output, self.staged)
        self._note(found.files)
        paths = [self.work_dir / path for path in found.paths]
        value = paths if output.kind == "files" else next(iter(paths), None)
        return _Piece(value, bytes.fromhex(found.digest), found.paths)

    def _made_of(self, output: OutputSpec) -> _Piece:
        pieces = [self.piece(replace(part, name=_within(output.name, part.name))) for part in output.parts]
        names, found = [part.name for part in output.parts], tuple(piece.value for piece in pieces)
        value = found if output.kind == "tuple" else make_record(output.name, tuple(names), found)
        chunks = [chunk for name, piece in zip(names, pieces, strict=True) for chunk in (name.encode(), piece.digest)]
        paths = dict.fromkeys(path for piece in pieces for path in piece.paths)
        return _Piece(value, combine(output.kind, chunks), tuple(paths))

    def _capture(self, output: OutputSpec) -> str:
        text = self.captured.get((output.kind, output.argument))
        if text is None:
            raise TaskFailedError(_not_captured(output))
        return text

    def _note(self, files: Sequence[FileRecord]) -> None:
        self.files.update((record.path, record) for record in files)


def _within(whole: str, part: str) -> str:
    """How errors call a part of a tuple or record."""
    return f"{whole}{part}" if part.startswith("[") else f"{whole}.{part}"


def _text(text: str, paths: tuple[str, ...] = ()) -> _Piece:
    return _Piece(text, digest(text), paths)


def _not_captured(output: OutputSpec) -> str:
    ended = "the script did not come to its end: take out `exit 0`, or put it into an `if`"
    if output.kind == "eval":
        return f"output `{output.name}`: the command of eval({output.argument!r}) did not run; {ended}"
    return (
        f'output `{output.name}`: env("{output.argument}") was not set when the script ended; set `{output.argument}=...` in it, '
        f"outside of `( )` and pipes. Or {ended}"
    )


def _captured(work_dir: Path, outputs: Sequence[OutputSpec]) -> dict[tuple[str, str], str]:
    wanted = captures(sources(outputs))
    path = work_dir / ENV
    text = path.read_bytes().decode("utf-8", "replace") if wanted and path.exists() else ""
    return {_key(each): value for each, value in read_captured(text, wanted).items()}


def _key(each: Captured) -> tuple[str, str]:
    return each.kind, each.argument


def _kept(order: Order, kept: Mapping[str, Any]) -> dict[str, Any] | None:
    if not kept:
        return None
    work_dir, launch_dir = order.work_dir, order.call.scene.launch_dir
    references = values.References(work_dir=str(work_dir), launch_dir=launch_dir)
    return dumped_out(values.dump(dict(kept), work_dir / VALUES, buffers_dir=work_dir / PRIVATE, references=references))
