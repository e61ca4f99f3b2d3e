"""What a call of a process counts as the same, in a shell with real tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from nbflow.notebook.extension import load_ipython_extension, unload_ipython_extension

Cell = Callable[[str], Any]

FIT = "%%process fit(depth: int, *, trees: int = 2) -> score\nscore = depth * trees"
GROW = "%%process grow(a, b) -> n\na.append(1)\nn = len(b)"


@pytest.fixture
def cell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cell]:
    """Run a cell in a shell of its own and return the value of its last expression."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    load_ipython_extension(shell)

    def run(text: str) -> Any:
        result = shell.run_cell(text)
        result.raise_error()
        return result.result

    yield run
    unload_ipython_extension(shell)
    InteractiveShell.clear_instance()


def ran(directory: Path) -> int:
    return len(list(directory.glob("work/[0-9a-f][0-9a-f]/*")))


def test_a_value_counts_the_same_whether_it_comes_by_itself_or_in_a_channel(cell: Cell, tmp_path: Path) -> None:
    cell(FIT)
    assert cell("fit(3)") == 6
    assert cell("list(fit(channel.of(1, 3)))") == [2, 6]
    assert cell("fit(1, trees=2)") == 2
    assert ran(tmp_path) == 2


def test_arguments_that_are_one_object_are_not_two_equal_ones(cell: Cell) -> None:
    cell(GROW)
    cell("one = []")
    assert cell("grow(one, one), grow([], [])") == (1, 0)
    assert cell("list(grow(channel.of(([], []), (one, one), ([], []))))") == [0, 1, 0]


def test_an_argument_that_is_also_a_global_is_not_one_that_only_equals_it(cell: Cell) -> None:
    cell("%%process grow(a) -> n\na.append(1)\nn = len(seen)")
    cell("seen = []")
    assert cell("grow([])") == 0
    with pytest.raises(Exception, match="seen"):
        cell("grow(seen)")


def test_a_body_sees_its_own_task_although_the_notebook_defines_none(cell: Cell) -> None:
    cell("%%process own -> name\n#| cpus: 1\nname = (task.process, task.cpus)")
    assert cell("name") == ("own", 1)
