"""Operators that split files and texts into records: read as they are wanted, never as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import PurePath
from typing import Any

from nbflow.core.units import parse_memory
from nbflow.errors import InputError
from nbflow.execution.channels import formats
from nbflow.execution.channels.arguments import flag, refused, whole
from nbflow.execution.channels.handle import ChannelT, Handle
from nbflow.execution.channels.items import loaded
from nbflow.execution.channels.kinds import Several
from nbflow.execution.channels.operators.parsing import Element, Splitter, chosen_fields, split_item

_PAIR = (-1, -2)


class Splitting(Handle[ChannelT]):
    """The operators of a channel that split files and texts.

    An item is the path of a file, a text, or a tuple with one of these: then each record comes in a tuple with the other parts.
    """

    def split_text(
        self,
        *,
        by: int = 1,
        keep_header: bool = False,
        limit: int | None = None,
        charset: str = "utf-8",
        elem: Element = None,
        decompress: bool | None = None,
        file: bool | str | PurePath = False,
        compress: bool = False,
    ) -> ChannelT:
        r"""Split files and texts into their lines, each ended by a newline.

        Parameters
        ----------
        by : int
            How many lines come together.
        keep_header : bool
            Whether the first line is no line by itself, but comes before all others.
        limit : int or None
            How many lines of each file are taken.
        charset : str
            The encoding of the files.
        elem : int, list of int or None
            Which part of a tuple is split; -1 is the first path, -2 the second. None: the first path, or the first part.
        decompress : bool or None
            Whether files are gzipped; None: if their names end in ``.gz``.
        file : bool, str or path
            True: each chunk is a file, in the work directory. A text: what these are called. A path: the directory they go to.
        compress : bool
            With `file`: whether these are gzipped.

        Examples
        --------
        >>> list(channel.of("a\nb\nc").split_text(by=2))
        ['a\nb\n', 'c\n']
        """
        options = {"limit": limit, "charset": charset, "decompress": decompress, "file": file, "compress": compress}
        splitter = self._splitter("split_text", formats.lines, by=by, join="".join, keep_header=keep_header, **options)
        return self._split(splitter, elem)

    def split_csv(
        self,
        *,
        header: bool | Sequence[str] = False,
        sep: str = ",",
        quote: str | None = None,
        skip: int = 0,
        strip: bool = False,
        by: int = 1,
        limit: int | None = None,
        charset: str = "utf-8",
        elem: Element = None,
        decompress: bool | None = None,
    ) -> ChannelT:
        r"""Split CSV files and texts into their rows: lists of texts, or dicts where the columns have names.

        Parameters
        ----------
        header : bool or list of str
            True: the first row has the names of the columns. Or these names.
        sep : str
            What stands between values: one character.
        quote : str or None
            What values may stand in: one character. None: quotes are characters like others, as in Nextflow.
        skip : int
            How many lines are left out at the beginning.
        strip : bool
            Whether blanks around values are left out.
        by : int
            How many rows come together, as a list, if more than one.
        limit, charset, elem, decompress
            As for `split_text`.

        Examples
        --------
        >>> list(channel.of("id,n\na,1\nb,2").split_csv(header=True))
        [{'id': 'a', 'n': '1'}, {'id': 'b', 'n': '2'}]
        """
        flag("split_csv", strip=strip)
        whole("split_csv", "skip", skip, 0)
        for name, value in {"sep": sep, "quote": quote}.items():
            if not (isinstance(value, str) and len(value) == 1) and not (name == "quote" and value is None):
                raise refused("split_csv", name, "one character", value)
        if not isinstance(header, (bool, Sequence)) or isinstance(header, str):
            raise refused("split_csv", "header", "True, False or a list of names", header)
        read = partial(formats.csv_rows, header=header, sep=sep, quote=quote, skip=skip, strip=strip)
        options = {"limit": limit, "charset": charset, "decompress": decompress}
        return self._split(self._splitter("split_csv", read, by=by, one_by_one=by == 1, **options), elem)

    def split_fasta(
        self,
        *,
        by: int = 1,
        size: int | str | None = None,
        record: bool | Sequence[str] | Mapping[str, Any] = False,
        width: int | None = None,
        limit: int | None = None,
        charset: str = "utf-8",
        elem: Element = None,
        decompress: bool | None = None,
        file: bool | str | PurePath = False,
        compress: bool = False,
    ) -> ChannelT:
        r"""Split FASTA files and texts into their sequences.

        Parameters
        ----------
        by : int
            How many sequences come together.
        size : int, str or None
            Instead: how many letters come together at least, as in ``"1 MB"``.
        record : bool or list of str
            Whether each is a dict, or the fields that it has: ``id``, ``header``, ``desc``, ``text``, ``seq_string``, ``sequence``.
        width : int or None
            With `record`: how many letters a line of ``sequence`` has.
        limit, charset, elem, decompress, file, compress
            As for `split_text`.

        Examples
        --------
        >>> list(channel.of(">a first\nAC\nGT\n>b\nTT\n").split_fasta(record=["id", "seq_string"]))
        [{'id': 'a', 'seq_string': 'ACGT'}, {'id': 'b', 'seq_string': 'TT'}]
        """
        options = {"limit": limit, "charset": charset, "decompress": decompress, "file": file, "compress": compress}
        letters = None if size is None else _letters(size, by)
        if isinstance(record, Mapping) and "width" in record:
            width, record = record["width"], {name: wanted for name, wanted in record.items() if name != "width"}
        if width is not None:
            whole("split_fasta", "width", width, 1)
        counted: dict[str, Any] = {"by": by} if letters is None else {"by": letters, "size_of": formats.fasta_length}
        if record is False:
            return self._split(self._splitter("split_fasta", formats.fasta, join="".join, **counted, **options), elem)
        fields = chosen_fields("split_fasta", record, formats.FASTA_FIELDS)
        make = partial(formats.fasta_record, fields=fields, width=width)
        return self._split(self._recorded("split_fasta", formats.fasta, make, counted, options), elem)

    def split_fastq(
        self,
        *,
        by: int = 1,
        pe: bool = False,
        record: bool | Sequence[str] | Mapping[str, Any] = False,
        limit: int | None = None,
        charset: str = "utf-8",
        elem: Element = None,
        decompress: bool | None = None,
        file: bool | str | PurePath = False,
        compress: bool = False,
    ) -> ChannelT:
        r"""Split FASTQ files and texts into their reads.

        Parameters
        ----------
        by : int
            How many reads come together.
        pe : bool
            Whether items are tuples with the two files of paired reads, which are split side by side.
        record : bool or list of str
            Whether each is a dict, or the fields that it has: ``read_header``, ``read_string``, ``quality_header``,
            ``quality_string``.
        limit, charset, elem, decompress, file, compress
            As for `split_text`.

        Examples
        --------
        >>> list(channel.of("@r1\nACGT\n+\nIIII\n").split_fastq(record=["read_header", "read_string"]))
        [{'read_header': 'r1', 'read_string': 'ACGT'}]
        """
        flag("split_fastq", pe=pe)
        if pe and elem is not None:
            raise InputError("`split_fastq`: `pe` and `elem` both say which parts are split; give one", name="pe")
        chosen = _PAIR if pe else elem
        options = {"limit": limit, "charset": charset, "decompress": decompress, "file": file, "compress": compress}
        if record is False:
            return self._split(self._splitter("split_fastq", formats.fastq, by=by, join=_reads, **options), chosen)
        make = partial(formats.fastq_record, fields=chosen_fields("split_fastq", record, formats.FASTQ_FIELDS))
        return self._split(self._recorded("split_fastq", formats.fastq, make, {"by": by}, options), chosen)

    def split_json(self, *, path: str = "", limit: int | None = None) -> ChannelT:
        """Split JSON files and texts: arrays into their elements, objects into dicts of ``key`` and ``value``.

        Parameters
        ----------
        path : str
            Which part of a document is split, as in ``B[2].C``; by default all of it. Where it is not, there are no items.
        limit : int or None
            How many items of each document are taken.

        Examples
        --------
        >>> list(channel.of('{"A": 1, "B": [2, 3]}').split_json(path="B"))
        [2, 3]
        """
        if not isinstance(path, str):
            raise refused("split_json", "path", "a text, as in 'B[2].C'", path)
        read = partial(formats.json_records, path=path)
        return self._split(self._splitter("split_json", read, limit=limit, one_by_one=True), None)

    def _splitter(self, operator: str, records: Any, **options: Any) -> Splitter:
        return Splitter(operator, records, work_root=self._node.engine.work_root, **options)

    def _recorded(
        self, operator: str, records: Any, make: Any, counted: Mapping[str, Any], options: Mapping[str, Any]
    ) -> Splitter:
        """A splitter whose chunks are records: one by itself, or a list of them."""
        if options["file"]:
            raise InputError(f"`{operator}`: `file` and `record` contradict each other; give one", name="file")
        if counted == {"by": 1}:
            return self._splitter(operator, records, join=lambda group: make(group[0]), **options)
        return self._splitter(
            operator, records, join=lambda group: [make(each) for each in group], **counted, **options
        )

    def _split(self, splitter: Splitter, elem: Element) -> ChannelT:
        if elem is not None:
            for each in [elem] if isinstance(elem, int) else elem:
                if not isinstance(each, int) or isinstance(each, bool):
                    raise refused(splitter.operator, "elem", "a position, or a list of positions", elem)
        node = self._node
        return self._channel(
            Several(node.engine, node, splitter.operator, lambda item: split_item(splitter, elem, loaded(item)))
        )


def _letters(size: int | str, by: int) -> int:
    if by != 1:
        raise InputError("`split_fasta`: `size` and `by` contradict each other; give one", name="size")
    try:
        return max(1, parse_memory(size))
    except ValueError as error:
        raise InputError(f"`split_fasta`: `size`: {error}", name="size") from error


def _reads(group: list[Any]) -> str:
    return "".join(map(formats.fastq_text, group))
