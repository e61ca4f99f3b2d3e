"""Lists that show themselves as a table, as text and as HTML, in a notebook.

Alone lays rows out. Knows nothing of runs and tasks, and needs no library.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from html import escape
from itertools import islice
from typing import TypeVar

Row = TypeVar("Row")

_SHOWN = 20
"""Rows that are shown; there may be a hundred thousand."""
_WIDTH = 60
"""Characters of a cell that are shown as text."""


class Table(list[Row]):
    """A list of rows that shows itself as a table.

    Attributes
    ----------
    columns : tuple of str
        The columns that are shown; a subclass names them.
    """

    columns: tuple[str, ...] = ()

    def cell(self, row: Row, column: str) -> str:
        """What a row shows in a column."""
        raise NotImplementedError

    def __repr__(self) -> str:
        shown = [self.columns, *self._cells(_cut)]
        widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
        lines = [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in shown
        ]
        return "\n".join([*lines, *self._rest()])

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(column)}</th>" for column in self.columns)
        body = "".join(f"<tr>{_data(row)}</tr>" for row in self._cells(str))
        rest = "".join(f"<p>{escape(line)}</p>" for line in self._rest())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"

    def _cells(self, form: Callable[[str], str]) -> list[Sequence[str]]:
        return [[form(self.cell(row, column)) for column in self.columns] for row in islice(self, _SHOWN)]

    def _rest(self) -> Iterable[str]:
        if len(self) > _SHOWN:
            yield f"… {len(self) - _SHOWN:,} more"


def _cut(text: str) -> str:
    first = text.partition("\n")[0]
    return text if first == text and len(text) <= _WIDTH else first[: _WIDTH - 1] + "…"


def _data(row: Sequence[str]) -> str:
    return "".join(f"<td>{escape(text)}</td>" for text in row)
