"""The tutorial runs, and comes back whole after a restart."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from .conftest import run_notebook, statuses, text_of

QUICKSTART = Path(__file__).parents[2] / "notebooks" / "quickstart.ipynb"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("quickstart")
    shutil.copy(QUICKSTART, directory)
    return directory


@pytest.fixture(scope="module")
def first(directory: Path) -> Any:
    return run_notebook(directory / QUICKSTART.name)


@pytest.fixture(scope="module")
def second(directory: Path, first: Any) -> Any:
    return run_notebook(directory / QUICKSTART.name)


def last_log(notebook: Any) -> dict[str, str]:
    [cell] = [cell for cell in notebook.cells if cell.source.startswith("%nbflow log")]
    return statuses(text_of(cell))


def results(notebook: Any) -> list[tuple[str, list[str]]]:
    """What cells print and show, without the lines of nbflow itself, which say what ran."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code" and not cell.source.startswith("%nbflow")]
    return [("".join(map(_printed, cell.outputs)), sorted(filter(None, map(_shown, cell.outputs)))) for cell in code]


def _printed(output: Any) -> str:
    lines = output.text.splitlines(keepends=True) if output.output_type == "stream" else []
    return "".join(line for line in lines if not line.startswith("nbflow: "))


def _shown(output: Any) -> str:
    if output.output_type == "stream" or output.data["text/plain"].startswith(("nbflow · ", "✔ ", "↺ ")):
        return ""
    return str(sorted(output.data.items()))


def test_the_first_run_executes_every_task(first: Any) -> None:
    assert set(last_log(first).values()) == {"COMPLETED"}
    assert {"train", "draw", "predict", "count"} <= set(last_log(first))


def test_after_a_restart_every_task_is_cached_and_every_result_the_same(first: Any, second: Any) -> None:
    assert set(last_log(second).values()) == {"CACHED"}
    assert set(last_log(first)) == set(last_log(second))
    assert results(second) == results(first)


def test_a_changed_cell_runs_again_with_what_depends_on_it_and_says_why(directory: Path, second: Any) -> None:
    import nbformat

    changed = nbformat.read(directory / QUICKSTART.name, as_version=4)
    [cell] = [cell for cell in changed.cells if cell.source.startswith("trees =")]
    cell.source = "trees = 50"
    nbformat.write(changed, directory / QUICKSTART.name)
    third = run_notebook(directory / QUICKSTART.name)
    log = last_log(third)
    assert {name for name, status in log.items() if status == "COMPLETED"} == {"train", "predict", "count"}
    [train] = [cell for cell in third.cells if cell.source.startswith("%%process train")]
    assert "global `trees` changed: 400 -> 50" in text_of(train)


def test_the_saved_notebook_shows_a_whole_run_and_no_path_of_the_machine_that_made_it() -> None:
    text = QUICKSTART.read_text(encoding="utf-8")
    assert "reused from" in text or "has not run before" in text
    for begin in ("/home/", "/root/", "/Users/", "/tmp/", "/work/"):
        assert begin not in text
