"""Edits of a notebook, and the kernels that run it before and after them: many edits share a kernel, a process each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tests.remembering.conftest import Cell, Notebooks
from tests.remembering.forge import FORGET

HIT, MISS = "CACHED", "COMPLETED"
_AT_A_TIME = 40
T = TypeVar("T")


@dataclass(frozen=True)
class Edit:
    """A notebook before and after an edit.

    `before` and `after` are cells above the process `t`, separated by lines of dashes; `body` is that of `t`, and
    `body_after` where it changes. `r` is its output. Each edit has names of its own for modules and files: they begin
    with MOD. `value` is the repr of what the last cell gives after the edit; where it is not given, it is what the cells
    give as a plain notebook, without nbflow.
    """

    name: str
    before: str
    after: str
    body: str
    verdict: str
    body_after: str | None = None
    value: str | None = None
    options: str = ""
    options_after: str | None = None
    head: str = "t -> r"
    head_after: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    files_after: dict[str, str | None] = field(default_factory=dict)
    last: str = "r"
    told: str = ""

    def cells(self, number: int, *, after: bool) -> list[str]:
        """The cells of the notebook, the process called by the edit's number."""
        options = self.options_after if after and self.options_after is not None else self.options
        head = self.head_after if after and self.head_after is not None else self.head
        process = f"%%process {head}\n{options}{self.body_of(after)}"
        cells = [*self.above(after), process.replace("%%process t", f"%%process t{number}"), self.last]
        return [own(cell, number).replace("t_called", f"t{number}") for cell in cells]

    def plain_cells(self, number: int, *, after: bool) -> list[str]:
        """The same without nbflow."""
        return [own(cell, number) for cell in (*self.above(after), self.body_of(after), self.last)]

    def above(self, after: bool) -> list[str]:
        text = self.after if after else self.before
        return [cell.strip("\n") for cell in text.split("\n---\n") if cell.strip()]

    def body_of(self, after: bool) -> str:
        return self.body_after if after and self.body_after is not None else self.body


def own(text: str, number: int) -> str:
    """A text with the names that only one edit has."""
    return text.replace("MOD", f"nbm{number}")


@dataclass(frozen=True)
class Ran:
    """What became of an edit's notebook, and of the same cells without nbflow."""

    cells: list[Cell]
    plain: list[Cell]


def run_together(edits: Sequence[Edit], notebooks: Notebooks, *, after: bool) -> list[Ran]:
    """Run all edits' notebooks, many in a kernel, and without nbflow in other kernels."""
    for number, edit in enumerate(edits):
        write(edit.files_after if after else edit.files, notebooks.directory, number)
    mine = _run([edit.cells(number, after=after) for number, edit in enumerate(edits)], notebooks)
    typed = [edit.plain_cells(number, after=after) if edit.value is None else [] for number, edit in enumerate(edits)]
    return [Ran(cells, plain) for cells, plain in zip(mine, _run(typed, notebooks), strict=True)]


def write(files: dict[str, str] | dict[str, str | None], directory: Path, number: int) -> None:
    for name, text in files.items():
        path = directory / own(name, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(own(text, number))


def _run(typed: list[list[str]], notebooks: Notebooks) -> list[list[Cell]]:
    found = []
    for batch in batched(typed):
        told = iter(notebooks.run(*(cell for cells in batch for cell in (FORGET, *cells))))
        found += [[next(told) for _ in (FORGET, *cells)][1:] for cells in batch]
    return found


def batched(items: Sequence[T]) -> list[Sequence[T]]:
    """As many edits at a time as a kernel runs in seconds, on a busy machine too."""
    return [items[first : first + _AT_A_TIME] for first in range(0, len(items), _AT_A_TIME)]


def check(edit: Edit, number: int, before: Ran, after: Ran) -> None:
    """Check that the task ran where it had to, was taken from the cache where it could be, and gave the right value."""
    report = f"{tell(before.cells)}\n-> after the edit\n{tell(after.cells)}"
    assert statuses(before.cells, f"t{number}") == [MISS], report
    expected = edit.value if edit.value is not None else after.plain[-1].result
    assert all(cell.ok for cell in after.plain), tell(after.plain)
    assert after.cells[-1].result == expected, report
    assert statuses(after.cells, f"t{number}") == [edit.verdict], report
    if edit.value is None and before.plain[-1].result != expected:
        assert edit.verdict == MISS, "the notebook gives another value, so the edit cannot be one that does not count"
    assert edit.told in "\n".join(cell.shown for cell in after.cells), report


def statuses(cells: list[Cell], name: str) -> list[str]:
    return [status for cell in cells for task, status, _ in cell.tasks if task.split(" ")[0] == name]


def tell(cells: list[Cell]) -> str:
    return "\n".join(f"{cell.shown}{cell.ename} {cell.evalue} {cell.tasks} -> {cell.result}" for cell in cells)
