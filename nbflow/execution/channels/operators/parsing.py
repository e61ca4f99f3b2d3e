"""How an item is split: which part of it, into which records, how many of them in one, as text or in files.

Knows no channel: it takes items and gives what they turn into.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path, PurePath
from typing import Any, Final, TextIO, TypeAlias

from nbflow.errors import InputError
from nbflow.execution.channels import kept_files
from nbflow.execution.channels.arguments import flag, refused, whole
from nbflow.execution.channels.formats import opened
from nbflow.execution.channels.rows import Row, row
from nbflow.storage.layout import Layout

Element: TypeAlias = int | Sequence[int] | None
"""Which part of a tuple is split; several are split side by side. None: the first path, or the first part."""

_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Splitter:
    """How a file or text becomes chunks.

    Attributes
    ----------
    operator : str
        The operator's name, for errors.
    records : callable
        The records of an opened text.
    by : int
        How many make a chunk.
    charset : str
        The encoding of files.
    decompress : bool or None
        Whether files are gzipped; None: if their names end in ``.gz``.
    limit : int or None
        How many records of each file are taken.
    size_of : callable or None
        What a record counts towards `by`; by default one.
    join : callable
        What the records of a chunk make.
    one_by_one : bool
        Whether a record alone is given as it is.
    file : bool, str or pathlib.Path
        Whether chunks are files; what they are called, or in which directory they go.
    compress : bool
        Whether these are gzipped.
    keep_header : bool
        Whether the first line is repeated in every chunk.
    work_root : pathlib.Path or None
        Where files go.
    """

    operator: str
    records: Callable[[TextIO], Iterator[Any]]
    by: int = 1
    charset: str = "utf-8"
    decompress: bool | None = None
    limit: int | None = None
    size_of: Callable[[Any], int] | None = None
    join: Callable[[list[Any]], Any] = list
    one_by_one: bool = False
    file: bool | str | PurePath = False
    compress: bool = False
    keep_header: bool = False
    work_root: Path | None = None

    def __post_init__(self) -> None:
        flag(self.operator, compress=self.compress, keep_header=self.keep_header)
        whole(self.operator, "by", self.by, 1)
        if self.limit is not None:
            whole(self.operator, "limit", self.limit, 1)
        if self.decompress not in (None, True, False):
            raise refused(self.operator, "decompress", "True, False or None", self.decompress)
        if not isinstance(self.file, (bool, str, PurePath)):
            raise refused(self.operator, "file", "True, a name or a directory", self.file)
        if self.compress and not self.file:
            raise InputError(
                f"`{self.operator}`: `compress` goes with `file=True`: only files are compressed", name="compress"
            )
        try:
            "".encode(self.charset)
        except (LookupError, TypeError) as error:
            raise refused(self.operator, "charset", "the name of an encoding, as utf-8", self.charset) from error

    def chunks(self, source: Any) -> Iterator[Any]:
        """The chunks of a file or a text."""
        with opened(source, self.charset, self.decompress) as stream:
            header = next(stream, "") if self.keep_header else ""
            groups = self._groups(islice(self.records(stream), self.limit))
            if self.file:
                for number, group in enumerate(groups, 1):
                    yield self._kept(source, number, header + self.join(group))
            elif self.one_by_one:
                for group in groups:
                    yield group[0]
            else:
                for group in groups:
                    yield header + self.join(group) if header else self.join(group)

    def _groups(self, records: Iterable[Any]) -> Iterator[list[Any]]:
        group: list[Any] = []
        size = 0
        for record in records:
            group.append(record)
            size += 1 if self.size_of is None else self.size_of(record)
            if size >= self.by:
                yield group
                group, size = [], 0
        if group:
            yield group

    def _kept(self, source: Any, number: int, text: str) -> Path:
        base = PurePath(self._base(source))
        name = f"{base.stem}.{number}{base.suffix}" + ".gz" * self.compress
        data = text.encode(self.charset)
        pieces = [gzip.compress(data, mtime=0) if self.compress else data]
        folder = Path(self.file) if isinstance(self.file, PurePath) else None
        return kept_files.write(pieces, name, root=work_root(self.work_root), folder=folder)

    def _base(self, source: Any) -> str:
        if isinstance(self.file, str):
            return self.file
        return source.name.removesuffix(".gz") if isinstance(source, PurePath) else "chunk"


def work_root(known: Path | None) -> Path:
    """The work directory: the session's, or that of the current directory."""
    return known or Layout(Path.cwd(), os.environ).work_root


def split_item(splitter: Splitter, elem: Element, item: Any) -> Iterator[Any]:
    """What an item turns into: its chunks, or, of a tuple, a tuple for each chunk of one of its parts."""
    parts = row(item)
    if parts is None or isinstance(item, Mapping):
        yield from splitter.chunks(item)
        return
    chosen = _chosen(parts, elem)
    for pieces in _side_by_side([splitter.chunks(parts.values[at]) for at in chosen]):
        values = list(parts.values)
        for at, piece in zip(chosen, pieces, strict=True):
            values[at] = piece
        yield parts.with_values(values).item()


def _side_by_side(columns: list[Iterator[Any]]) -> Iterator[tuple[Any, ...]]:
    for pieces in zip_longest(*columns, fillvalue=_MISSING):
        if any(piece is _MISSING for piece in pieces):
            raise InputError("the files of one item have different numbers of records, so they do not belong together")
        yield pieces


def _chosen(parts: Row, elem: Element) -> list[int]:
    if elem is None:
        return [_path(parts, 1, otherwise=0)]
    return [_path(parts, -each) if each < 0 else each for each in ([elem] if isinstance(elem, int) else elem)]


def _path(parts: Row, number: int, otherwise: int | None = None) -> int:
    paths = [at for at, value in enumerate(parts.values) if isinstance(value, PurePath)]
    if len(paths) >= number:
        return paths[number - 1]
    if otherwise is None:
        raise InputError(f"an item has {len(paths)} paths, where {number} are needed to be split")
    return otherwise


def chosen_fields(operator: str, record: object, known: Sequence[str]) -> tuple[str, ...]:
    """The fields that ``record`` asks for.

    Raises
    ------
    InputError
        If there is one that such records do not have.
    """
    if record is True:
        return tuple(known)
    asked = [name for name, wanted in record.items() if wanted] if isinstance(record, Mapping) else record
    if isinstance(asked, str) or not isinstance(asked, Iterable):
        raise refused(operator, "record", "True, or a list of fields", record)
    fields = tuple(asked)
    for field in fields:
        if field not in known:
            raise InputError(f"`{operator}`: there is no field `{field}`; there are {', '.join(known)}", name="record")
    return fields
