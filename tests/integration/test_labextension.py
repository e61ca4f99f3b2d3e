"""nbflow's labextension in JupyterLab and Notebook 7: what it colours, and what its button does."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nbflow.notebook.relaunch.offer import MIME
from tests.execution.live_processes import wait_until

from .conftest import write_notebook
from .front_end import CHROMIUM_ARGUMENTS, PATIENCE, FrontEnd, front_end
from .relaunching import LOAD, executed, failing, run_until_failed

ROOT = Path(__file__).parents[2]
EXTENSION = "labextensions/nbflow"

BASH = """\
%%process quant(id: str = "it's") -> n = stdout()
#| cpus: 1
#!/usr/bin/env bash
for i in 1 2; do
  echo "it's $i" # don't
done"""
CELLS = {
    "bash": BASH,
    "R": "%%process r(id) -> n = stdout()\n#!/usr/bin/env -S Rscript --vanilla\nf <- function(a) a # don't",
    "perl": "%%process p -> n = stdout()\n\n#| cpus: 1\n\n#!/usr/bin/perl5.36 -w\nforeach my $l (@ARGV) { print $l; }",
    "javascript": "%%process j -> n = stdout()\n#!/usr/bin/env node\nfor (const x of [1]) console.log(x) // don't",
    "awk": "%%process a -> n = stdout()\n#!/usr/bin/awk -f\nfor (i in x) print x # don't",
    "python": "%%process y -> n\n#!/usr/bin/env python3\nfor i in []: pass # don't",
    "cell": "%%process y -> n\n#| cpus: 1\nfor i in []: done = i # don't",
    "other": "%%writefile x.sh\n#!/bin/sh\nfor i in []; do true; done",
}
#: Words that each language's own parser marks, and that others leave alone.
WORDS = ("done", "function", "foreach", "const", "for")
MARKED = {
    "bash": {"done", "for"},
    "R": {"function"},
    "perl": {"foreach"},
    "javascript": {"const", "for"},
    "awk": set(),
    "python": {"for"},
    "cell": {"for"},
    "other": {"for"},
}


@pytest.fixture(scope="module", params=["lab", "notebook"])
def page(request: pytest.FixtureRequest, browser_program: str, tmp_path_factory: Any) -> Iterator[tuple[FrontEnd, Any]]:
    from playwright.sync_api import sync_playwright

    root = tmp_path_factory.mktemp(request.param)
    write_notebook(root / "colours.ipynb", *CELLS.values())
    with front_end(request.param, root) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program, args=CHROMIUM_ARGUMENTS)
        yield served, browser.new_page(viewport={"width": 1200, "height": 1400})
        browser.close()


def test_what_is_installed_is_what_stands_here() -> None:
    installed = Path(sys.prefix) / "share" / "jupyter" / EXTENSION
    here = ROOT / "jupyter-config" / EXTENSION
    for path in sorted(path for path in here.rglob("*") if path.is_file()):
        assert (installed / path.relative_to(here)).read_text() == path.read_text(), "pip install -e . again"


def marked(cell: Any, word: str) -> Any:
    return cell.locator(".cm-line span", has_text=re.compile(f"^{word}$"))


def test_a_script_has_the_colours_of_its_language_and_changes_them_with_its_first_line(
    page: tuple[FrontEnd, Any],
) -> None:
    from playwright.sync_api import expect

    served, here = page
    served.open(here, "colours.ipynb")
    cells = here.locator(".jp-Notebook .jp-CodeCell")
    for position, (name, expected) in enumerate(MARKED.items()):
        for word in WORDS:
            found = marked(cells.nth(position), word)
            expect(found, f"`{word}` in {name}").to_have_count(int(word in expected))
    bash = cells.first
    expect(marked(bash, "# don't")).to_have_count(1)
    bash.locator(".cm-line").nth(2).click()
    here.keyboard.press("Home")
    here.keyboard.type("#")
    expect(marked(bash, "done"), "no script any more").to_have_count(0)
    here.keyboard.press("Backspace")
    expect(marked(bash, "done")).to_have_count(1)


# Relaunching ----------------------------------------------------------------------------------------------------------


def prompt(cell: Any) -> Any:
    return cell.locator(".jp-InputPrompt")


def restart(here: Any) -> None:
    """Restart the kernel; outputs stay."""
    from playwright.sync_api import expect

    here.get_by_role("menuitem", name="Kernel", exact=True).click()
    here.get_by_role("menuitem", name=re.compile("^Restart Kernel…")).click()  # its shortcut stands behind
    here.get_by_role("dialog").get_by_role("button", name="Confirm Kernel Restart").click()
    expect(here.get_by_role("dialog")).to_have_count(0)


def wait_until_saved(path: Path, text: str) -> None:
    end = time.monotonic() + PATIENCE
    while text not in path.read_text():
        assert time.monotonic() < end, "the notebook was not saved"
        time.sleep(0.05)


def test_one_click_on_the_failed_cells_output_runs_from_there_in_the_same_kernel(page: tuple[FrontEnd, Any]) -> None:
    from playwright.sync_api import expect

    served, here = page
    place = failing(served.root, "click")
    cells = run_until_failed(served, here, "click")
    button = cells.nth(2).get_by_role("button", name="Relaunch from this cell")
    expect(button).to_be_visible()
    expect(prompt(cells.nth(3))).to_have_text("[ ]:")
    (place / "ok").touch()
    button.click()
    expect(cells.nth(3)).to_contain_text("the score is 2.5", timeout=PATIENCE * 1000)
    expect(button).to_have_count(0)
    assert [prompt(cells.nth(number)).inner_text() for number in range(4)] == ["[1]:", "[2]:", "[4]:", "[5]:"]
    assert executed(place) == ["prep", "fit", "fit"]


def test_in_a_new_kernel_the_click_resumes_the_session_and_what_completed_is_cached(page: tuple[FrontEnd, Any]) -> None:
    from playwright.sync_api import expect

    served, here = page
    place = failing(served.root, "restarted")
    cells = run_until_failed(served, here, "restarted")
    here.keyboard.press("Control+s")
    wait_until_saved(served.root / "restarted.ipynb", MIME)
    served.open(here, "restarted.ipynb")  # from the file: what it shows is not trusted any more
    restart(here)
    (place / "ok").touch()
    cells.nth(2).get_by_role("button", name="Relaunch from this cell").click()
    expect(cells.nth(3)).to_contain_text("the score is 2.5", timeout=PATIENCE * 1000)
    expect(cells.nth(1)).to_contain_text("prep: reused from")
    assert executed(place) == ["prep", "fit", "fit"]


@pytest.mark.parametrize("restarted", [False, True], ids=["same kernel", "new kernel"])
def test_the_magic_relaunches_from_the_failed_cell_too(page: tuple[FrontEnd, Any], restarted: bool) -> None:
    from playwright.sync_api import expect

    served, here = page
    name = f"magic-{restarted}"
    place = failing(served.root, name, LOAD, "%nbflow relaunch")
    cells = run_until_failed(served, here, name)
    if restarted:
        restart(here)
        cells.nth(4).locator(".cm-content").click()
        here.keyboard.press("Control+Enter")
    (place / "ok").touch()
    cells.nth(5).locator(".cm-content").click()
    here.keyboard.press("Control+Enter")
    expect(cells.nth(3)).to_contain_text("the score is 2.5", timeout=PATIENCE * 1000)
    assert executed(place) == ["prep", "fit", "fit"]
    expect(cells.nth(5)).to_contain_text("there is nothing to relaunch", timeout=PATIENCE * 1000)


PICKER = """\
import ipywidgets
from nbflow.notebook.relaunch.relaunch import relaunch_session
line, button = ipywidgets.Label(), ipywidgets.Button(description="Pick")
def told(text):
    line.value = text
def press(_):
    desk = get_ipython()._nbflow_first_use.desk()
    told(relaunch_session(desk, desk.session.run.session, told))
button.on_click(press)
ipywidgets.HBox([button, line])"""


def test_a_widget_relaunches_in_the_open_notebook(page: tuple[FrontEnd, Any]) -> None:
    from playwright.sync_api import expect

    served, here = page
    place = failing(served.root, "picked", PICKER)
    cells = run_until_failed(served, here, "picked")
    cells.nth(4).locator(".cm-content").click()
    here.keyboard.press("Control+Enter")
    (place / "ok").touch()
    cells.nth(4).get_by_role("button", name="Pick").click()
    expect(cells.nth(3)).to_contain_text("the score is 2.5", timeout=PATIENCE * 1000)
    assert executed(place) == ["prep", "fit", "fit"]


@pytest.mark.parametrize("screen", ["%resume", "%cache"])
def test_the_picker_and_the_browser_relaunch_a_failed_run(page: tuple[FrontEnd, Any], screen: str) -> None:
    from playwright.sync_api import expect

    served, here = page
    name = f"screen-{screen[1:]}"
    place = failing(served.root, name, screen)
    cells = run_until_failed(served, here, name)
    cells.nth(4).locator(".cm-content").click()
    here.keyboard.press("Control+Enter")
    (place / "ok").touch()
    button = cells.nth(4).get_by_role("button", name="Relaunch from failed task")
    expect(button).to_be_enabled(timeout=PATIENCE * 1000)
    button.click()
    # In the open notebook; where the front end is too busy to say so in time, beside the kernel.
    assert wait_until(lambda: executed(place) == ["prep", "fit", "fit"], PATIENCE), executed(place)
