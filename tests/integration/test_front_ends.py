"""nbflow works wherever notebooks run: JupyterLab, Notebook 7, its own kernel, nbclient, papermill, plain IPython."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from .conftest import run_notebook, text_of, write_notebook
from .front_end import CHROMIUM_ARGUMENTS, PATIENCE, front_end

LOAD = "%load_ext nbflow"
CELL = "%%process add -> total\ntotal = sum(range(number))\nprint('the total is', total)"


@pytest.mark.parametrize("kind", ["lab", "notebook"])
def test_in_a_browser_run_all_runs_and_restart_and_run_all_reuses(
    kind: str, browser_program: str, tmp_path: Path
) -> None:
    from playwright.sync_api import expect, sync_playwright

    write_notebook(tmp_path / "sum.ipynb", LOAD, "number = 10", CELL)
    with front_end(kind, tmp_path) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program, args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        served.open(page, "sum.ipynb")
        output = page.locator(".jp-OutputArea").last
        served.run_all(page)
        expect(output).to_contain_text("add: ran", timeout=PATIENCE * 1000)
        expect(output).to_contain_text("the total is 45")
        served.restart_and_run_all(page)
        expect(output).to_contain_text("add: reused from", timeout=PATIENCE * 1000)
        expect(output).to_contain_text("the total is 45")
        browser.close()


def test_the_kernel_of_its_own_needs_no_load_ext_and_bears_one(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "sum.ipynb", "number = 10", CELL, LOAD, CELL)
    notebook = run_notebook(path, kernel="nbflow")
    assert "add: ran" in text_of(notebook.cells[1])
    assert "add: reused from" in text_of(notebook.cells[3])


def test_under_nbclient_the_screens_are_tables_and_no_widgets(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "sum.ipynb", LOAD, "number = 10", CELL, "%cache", "%resume")
    notebook = run_notebook(path)
    for cell, hint in ((notebook.cells[3], "%nbflow log RUN"), (notebook.cells[4], "%resume SESSION")):
        (output,) = cell.outputs
        assert set(output.data) == {"text/plain", "text/html"}
        assert "sum.ipynb" in output.data["text/plain"] and hint in output.data["text/plain"]
        assert "<table" in output.data["text/html"] and "sum.ipynb" in output.data["text/html"]


def test_under_papermill_a_parameter_counts_by_its_value(tmp_path: Path) -> None:
    import papermill

    path = write_notebook(tmp_path / "sum.ipynb", LOAD, "number = 10", CELL)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[1].metadata.tags = ["parameters"]
    nbformat.write(notebook, path)
    verdicts = []
    for number in (10, 20, 10):
        options = {"cwd": tmp_path, "kernel_name": "python3", "progress_bar": False}
        done = papermill.execute_notebook(path, None, {"number": number}, **options)
        verdicts.append(text_of(done.cells[-1]))
    assert "add: ran" in verdicts[0]
    assert "global `number` changed: 10 -> 20" in verdicts[1]
    assert "add: reused from" in verdicts[2]


def test_in_a_plain_ipython_verdicts_are_plain_lines(tmp_path: Path) -> None:
    def session() -> str:
        cells = f"{LOAD}\nnumber = 10\n{CELL}\n\n\nprint(total)\n"
        command = [sys.executable, "-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"]
        done = subprocess.run(command, input=cells, capture_output=True, text=True, cwd=tmp_path)
        return done.stdout + done.stderr

    assert "add: ran" in session()
    again = session()
    assert "add: reused from" in again
    assert "the total is 45" in again
