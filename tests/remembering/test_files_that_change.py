"""Files that change while they are inputs: what was made of them is never taken for what a fresh run would make."""

from __future__ import annotations

import os
from itertools import product
from pathlib import Path

import pytest

from tests.remembering.conftest import Cell, Forge, Notebooks

WAITING = """
%%process {name}({parameter}) -> r
{options}import os, time
while not os.path.exists({go!r}):
    time.sleep(0.02)
r = {read}
"""
WAYS = {
    "a string in the body": ("", "open('d.txt').read()", ""),
    "a path": ("p", "p.read_text()", "Path('d.txt')"),
    "an absolute path": ("p", "p.read_text()", "Path('d.txt').absolute()"),
    "a directory": ("p", "(p / 'd.txt').read_text()", "Path('data').absolute()"),
}
CASES = [*product(WAYS, ("standard", "deep", "lenient"))]


def _put(directory: Path, text: str) -> None:
    for name in ("d.txt", "data/d.txt"):
        (directory / name).parent.mkdir(exist_ok=True)
        (directory / name).write_text(text)
        os.utime(directory / name, (1_000_000_000, 1_000_000_000))


def _waiting(go: Path) -> list[str]:
    cells = ["from pathlib import Path"]
    for number, (way, mode) in enumerate(CASES):
        parameter, read, _ = WAYS[way]
        options = f"#| cache: {mode}\n"
        cells.append(
            WAITING.format(name=f"f{number}", parameter=parameter, options=options, read=read, go=str(go)).strip()
        )
    return cells


def test_what_was_made_of_a_file_that_changed_while_the_task_ran_is_not_taken_for_the_earlier_file(
    notebooks: Notebooks,
) -> None:
    """Those that wait for a place while the file changes among them."""
    go = notebooks.directory.parent / "go"
    _put(notebooks.directory, "one")
    submitted = [f"f{number}.submit({WAYS[way][2]})" for number, (way, _) in enumerate(CASES)]
    change = f"for name in ('d.txt', 'data/d.txt'): _ = Path(name).write_text('another')\nPath({str(go)!r}).touch()"
    results = [f"futures[{number}].result()" for number in range(len(CASES))]
    first = notebooks.run(*_waiting(go), f"futures = [{', '.join(submitted)}]", change, *results)
    for case, cell in zip(CASES, first[-len(CASES) :], strict=True):
        assert cell.result == "'another'", (case, cell.evalue)

    _put(notebooks.directory, "one")
    each = [f"{call}.result()" for call in submitted]
    for status in ("COMPLETED", "CACHED"):
        again = notebooks.run(*_waiting(go), *each)[-len(CASES) :]
        for case, cell in zip(CASES, again, strict=True):
            assert (cell.result, cell.status) == ("'one'", status), (case, cell)


SPOILERS = {
    "a string in the body": "%%process t0 -> r\nr = open('d.txt').read()\nopen('d.txt', 'w').write('another')",
    "a script": "%%process t1 -> r = stdout()\n#!/usr/bin/env bash\ncat $p; echo another > $p",
    "in the kernel": "%%process t2 -> r\n#| executor: inline\nr = p.read_text()\np.write_text('another')",
    "what another task made": "%%process t3(p) -> r\nr = p.read_text()\np.write_text('another')",
}


@pytest.fixture(scope="module")
def spoiled(forges: list[Forge], tmp_path_factory: pytest.TempPathFactory) -> list[list[list[Cell]]]:
    """Two runs of tasks that rewrite their input, each with its result: the file is put back before each task."""
    notebooks = Notebooks(tmp_path_factory.mktemp("spoiled"), forges)
    make = "%%process make -> f = file('made.txt')\nopen('made.txt', 'w').write('one')"
    put = "import os\nfrom pathlib import Path\np = Path('d.txt')\n_ = p.write_text('one')\nos.utime(p, (1, 1))"
    runs = []
    for _ in range(2):
        cells = notebooks.run(
            *[typed for cell in SPOILERS.values() for typed in (put, make, cell, "t3(f)" if "t3" in cell else "r")]
        )
        runs.append([cells[place : place + 4] for place in range(0, len(cells), 4)])
    return runs


@pytest.mark.parametrize("number", range(len(SPOILERS)), ids=SPOILERS)
def test_a_task_that_rewrites_its_input_is_told_so_by_name_and_runs_every_time(
    number: int, spoiled: list[list[list[Cell]]]
) -> None:
    for run in spoiled:
        made, task, after = run[number][1:]
        ran = next(cell for cell in (after, task) if cell.tasks)
        assert after.result == "'one'"
        assert ran.statuses[-1] == "COMPLETED"
        assert any(".txt changed while it ran; write to another file" in text for text in ran.warnings), ran
    assert "an input changed while it ran" in ran.shown or "output `f` was modified" in made.shown


def test_a_file_that_a_task_makes_is_not_the_file_of_that_name_in_the_launch_directory(notebooks: Notebooks) -> None:
    mine = notebooks.write("out.txt", "mine")
    make = "%%process make -> f = file('out.txt')\nopen('out.txt', 'w').write('made')"
    assert notebooks.run(make, "f.read_text()")[1].result == "'made'"
    assert mine.read_text() == "mine"
    mine.write_text("mine, edited")
    assert notebooks.run(make)[0].status == "CACHED"
