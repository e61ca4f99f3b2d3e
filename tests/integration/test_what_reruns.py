"""The notebook on what runs again: each edit costs what the text says, and a second run takes all from the cache."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from .conftest import run_notebook, text_of

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "what-reruns.ipynb"
NEW, REUSED = "has not run before", "reused from"

EDITS = [
    NEW,
    REUSED,  # comments and layout
    REUSED,  # an unrelated global, a helper's docstring
    "the source changed: line 3: `mean = sum(kept) / len(kept)` -> `mean = round(sum(kept) / len(kept), 1)`",
    "helper `clean` changed: line 2: `…in values if value > threshold]` -> `…in values if value >= threshold]`",
    "helper `scale` changed: line 2: `return value * 10` -> `return value * 100`",
    NEW,
    'class `Meter` changed: line 2: `unit = "cm"` -> `unit = "mm"`',
    NEW,
    "local module `units` changed: line 1: `INCH = 2.5` -> `INCH = 2.54",
    "global `threshold` changed: 0.5 -> 0.7",
    REUSED,  # changed back
    "global `readings` changed: [0.2, 0.6, 0.8, 0.9] -> [0.1, 0.2, 0.6, 0.8, 0.9]",
    REUSED,  # early cutoff
    NEW,
    "input `reads`: content of what-reruns/reads.fq changed: 10 -> 15 bytes",
    "input `reads`: what-reruns/reads.fq was touched or written again, with the same content: modified 2026-01-02",
    "input `reads`: what-reruns/reads.fq is compared by `cache: deep`, before by `cache: standard`",
    REUSED,  # touched
    NEW,
    "output `page` was modified after the run: page.txt",
    REUSED,  # cpus, memory
    "option `env` is new: LANG=C",
    "runs every time: `globals()` in the body may read any global",
    " is no longer used",
    REUSED,
    "3 of 3 ✔",
    "4 of 4, cached: 3 ✔",
    REUSED,
    REUSED,
    "global `threshold` changed: 0.5 -> 0.85",
    "global `mean` changed: 76.7 -> 90.0",
]
EVERY_TIME = ("output `page` was modified", "runs every time")


def verdicts(notebook: Any) -> list[str]:
    """The line of each task, and that of each channel."""
    texts = [text_of(cell) for cell in notebook.cells if cell.cell_type == "code"]
    return [line for text in texts for line in text.splitlines() if re.match(r"[✔↺] |square \|", line)]


def shown_by(notebook: Any, begin: str) -> str:
    [cell] = [cell for cell in notebook.cells if begin in cell.source and cell.cell_type == "code"]
    return text_of(cell)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("what-reruns")
    shutil.copy(NOTEBOOK, directory)
    return directory


@pytest.fixture(scope="module")
def first(directory: Path) -> Any:
    return run_notebook(directory / NOTEBOOK.name)


@pytest.fixture(scope="module")
def second(directory: Path, first: Any) -> Any:
    return run_notebook(directory / NOTEBOOK.name)


def test_each_edit_costs_what_it_should_and_says_why(first: Any) -> None:
    found = verdicts(first)
    assert [(expected in line, line) for expected, line in zip(EDITS, found, strict=True)] == [
        (True, line) for line in found
    ]


def test_a_second_run_takes_all_but_the_two_cells_that_say_so_from_the_cache(second: Any) -> None:
    ran = [line for line in verdicts(second) if line.startswith("✔")]
    assert [any(each in line for line in ran) for each in EVERY_TIME] == [True, True]
    assert len(ran) == 2
    channels = [line for line in verdicts(second) if line.startswith("square")]
    assert channels == ["square | 3 of 3, cached: 3 ↺", "square | 4 of 4, cached: 4 ↺"]


def test_it_shows_why_diff_and_a_preview(first: Any) -> None:
    why, diff, preview = (shown_by(first, begin) for begin in ("%nbflow why", "%nbflow diff", "--preview"))
    assert "ran because it differs from count_lines [" in why and "the last of 4 tasks" in why
    assert re.search(r"average\s+CACHED\s+COMPLETED\s+global `threshold` changed: 0.5 -> 0.85", diff)
    assert re.search(r"double\s+run\s+has not run before", preview)
    assert re.search(r"print\(y\)\s+depends\s+on `double`", preview)


def test_the_saved_notebook_shows_a_whole_run_and_no_path_of_the_machine_that_made_it() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert "reused from" in text
    for begin in ("/home/", "/root/", "/Users/", "/tmp/", "/work/"):
        assert begin not in text
