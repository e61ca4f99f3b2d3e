"""Text formats that channels are split by: lines, CSV, FASTA, FASTQ and JSON, read record by record.

Pure but for reading. Alone decides what a record is, by Nextflow's rules. Knows no channel.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import PurePath
from typing import Any, Final, TextIO

from nbflow.errors import InputError

FASTA_FIELDS: Final = ("id", "header", "desc", "text", "seq_string", "sequence")
FASTQ_FIELDS: Final = ("read_header", "read_string", "quality_header", "quality_string")

_DESCRIPTION: Final = re.compile(r"\S+\s+(.*)")
_STEP: Final = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


def opened(source: Any, charset: str, decompress: bool | None) -> TextIO:
    """Open what is to be split: a file, or text as it is.

    Parameters
    ----------
    source : path or str
        A path means the file, a text is the content itself.
    charset : str
        The file's encoding.
    decompress : bool or None
        Whether it is gzipped; None: if its name ends in ``.gz``.

    Raises
    ------
    InputError
        If it is neither.
    """
    if isinstance(source, str):
        return io.StringIO(source.removeprefix("\ufeff"), newline=None)
    if not isinstance(source, PurePath):
        raise InputError(
            f"a {type(source).__name__} cannot be split: give paths of files, or texts, or tuples with one (`elem`)"
        )
    encoding = "utf-8-sig" if charset.lower().replace("_", "-") in {"utf-8", "utf8"} else charset
    if decompress or (decompress is None and source.suffix == ".gz"):
        return gzip.open(source, "rt", encoding=encoding, newline=None)
    return open(source, encoding=encoding, newline=None)


def lines(stream: TextIO) -> Iterator[str]:
    """Each line, always ended by a newline."""
    for line in stream:
        yield line if line.endswith("\n") else f"{line}\n"


def csv_rows(
    stream: TextIO, header: bool | Sequence[str], sep: str, quote: str | None, *, skip: int, strip: bool
) -> Iterator[Any]:
    """Each row as a list, or as a dict where the columns have names; what is empty or missing is None, empty lines are no rows.

    Raises
    ------
    InputError
        If the header is missing or has an empty name.
    """
    for _ in islice(stream, skip):
        pass
    rows = _cells(stream, sep, quote, strip=strip)
    if header is False:
        yield from rows
        return
    names = next(rows, None) if header is True else list(header)
    if not names or None in names:
        raise InputError("the header of the CSV text is missing or has a column without a name; pass `header=[...]`")
    for row in rows:
        yield {name: row[at] if at < len(row) else None for at, name in enumerate(names)}


def _cells(stream: TextIO, sep: str, quote: str | None, *, strip: bool) -> Iterator[list[Any]]:
    if quote is None:
        rows: Iterator[list[str]] = (line.split(sep) for line in map(_without_end, stream) if line)
    else:
        rows = (row for row in csv.reader(stream, delimiter=sep, quotechar=quote) if row)
    for row in rows:
        yield [(cell.strip() if strip else cell) or None for cell in row]


def _without_end(line: str) -> str:
    return line.removesuffix("\n")


def fasta(stream: TextIO) -> Iterator[str]:
    """Each sequence with its header; comment lines are left out."""
    block: list[str] = []
    is_open = False
    for line in lines(stream):
        if line.startswith(";"):
            continue
        if line.startswith(">"):
            if is_open:
                yield "".join(block)
                block = []
            is_open = True
        block.append(line)
    if block:
        yield "".join(block)


def fasta_length(block: str) -> int:
    """How many letters the sequence of a block has."""
    return sum(len(line) for line in block.splitlines() if not line.startswith(">"))


def fasta_record(block: str, fields: Sequence[str], width: int | None) -> dict[str, str | None]:
    """What a FASTA block says, by `FASTA_FIELDS`; the sequence in lines of `width` letters, by default as they are."""
    first, *rest = [line.strip() for line in block.splitlines()]
    header = first.removeprefix(">") if first.startswith(">") else ""
    body = [line for line in (rest if header else [first, *rest]) if line]
    described = _DESCRIPTION.match(header)
    letters = "".join(body)
    wrapped = body if width is None else [letters[at : at + width] for at in range(0, len(letters), width)]
    record = {
        "id": header.split(" ", 1)[0],
        "header": header,
        "desc": described[1] if described else None,
        "text": block,
        "seq_string": letters,
        "sequence": "".join(f"{line}\n" for line in wrapped),
    }
    return {field: record[field] for field in fields}


def fastq(stream: TextIO) -> Iterator[tuple[str, str, str, str]]:
    """The four lines of each read.

    Raises
    ------
    InputError
        If they are no FASTQ.
    """
    rows = map(_without_end, stream)
    number = 0
    while any(read := list(islice(rows, 4))):
        if len(read) < 4 or not read[0].startswith("@") or not read[2].startswith("+") or not read[1] or not read[3]:
            raise InputError(
                f"no FASTQ: read {number + 1} should be four lines that begin with `@`, letters, `+` and qualities"
            )
        yield read[0], read[1], read[2], read[3]
        number += 1


def fastq_text(read: tuple[str, str, str, str]) -> str:
    """A read as it stands in its file."""
    return "".join(f"{line}\n" for line in read)


def fastq_record(read: tuple[str, str, str, str], fields: Sequence[str]) -> dict[str, str]:
    """What a read says, by `FASTQ_FIELDS`."""
    record = dict(zip(FASTQ_FIELDS, (read[0][1:], read[1], read[2][1:], read[3]), strict=True))
    return {field: record[field] for field in fields}


def json_records(stream: TextIO, path: str) -> Iterator[Any]:
    """The elements of a JSON array, or the pairs of an object as dicts of ``key`` and ``value``.

    Parameters
    ----------
    stream : text file
        The document.
    path : str
        Which part of it is meant, as in ``B[2].C``; empty for all. A part that is not there has no records.

    Raises
    ------
    InputError
        If it is no JSON, or the part is neither array nor object.
    """
    try:
        part = json.load(stream)
    except ValueError as error:
        raise InputError(f"no JSON: {error}") from error
    for name, number in _STEP.findall(path):
        part = _step(part, name, number)
        if part is None:
            return
    if isinstance(part, list):
        yield from part
    elif isinstance(part, dict):
        yield from ({"key": key, "value": value} for key, value in part.items())
    else:
        where = f"at `{path}`" if path else "of the document"
        raise InputError(f"the JSON {where} is a {type(part).__name__}: only arrays and objects can be split")


def _step(part: Any, name: str, number: str) -> Any:
    if number:
        at = int(number)
        return part[at] if isinstance(part, list) and at < len(part) else None
    return part.get(name) if isinstance(part, dict) else None
