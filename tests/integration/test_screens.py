"""The session picker and the cache browser before users' eyes: in JupyterLab and Notebook 7, with mouse and keyboard.

One notebook a front end, whose cells have all run but for the last, which waits: so the first tests look while a cell runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.browsing.made import MadeSession

from .conftest import write_notebook
from .front_end import CHROMIUM_ARGUMENTS, PATIENCE, FrontEnd, barriers, front_end

TASKS = 2000
MAKE = (
    "%%process make -> table, total\nimport pandas as pd\ntable = pd.DataFrame({'a': range(number)})\n"
    "total = int(table.a.sum())\nprint('made', total)"
)
CELLS = (
    "%load_ext nbflow",
    "%resume new",
    "number = 10",
    MAKE,
    "%%process fit(depth: int) -> score\nscore = depth * total",
    "scores = fit(channel.of(1, 2, 3))",
    "number = 20",
    MAKE,
    "del table\n%cache",
    "%resume",
    "import time\nfrom pathlib import Path\nwhile not Path('go').exists():\n    time.sleep(0.05)\nprint('went on')",
)


@dataclass
class Screens:
    """An open notebook."""

    served: FrontEnd
    page: Any
    launch_dir: Path
    made: MadeSession

    @property
    def browser(self) -> Any:
        return self.page.get_by_role("region", name="nbflow cache browser")

    @property
    def picker(self) -> Any:
        return self.page.get_by_role("region", name="nbflow session picker")

    @property
    def grid(self) -> Any:
        return self.browser.get_by_role("grid", name="Tasks")

    @property
    def pane(self) -> Any:
        return self.browser.get_by_role("tabpanel")

    def tasks(self, text: str) -> Any:
        return self.grid.get_by_role("row").filter(has_text=text)

    def choose_run(self, text: str) -> None:
        self.browser.get_by_role("navigation").get_by_role("button").filter(has_text=text).first.click()

    def run(self, cell: str) -> Any:
        """Run a new last cell; what it shows."""
        self.page.locator(".jp-Notebook .jp-CodeCell .cm-content").last.click()
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("b")
        self.page.keyboard.press("Enter")
        self.page.keyboard.insert_text(cell)
        self.page.keyboard.press("Control+Enter")
        return self.page.locator(".jp-CodeCell").last.locator(".jp-OutputArea")


@pytest.fixture(scope="module", params=["lab", "notebook"])
def screens(
    request: pytest.FixtureRequest, browser_program: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Screens]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30000)
    launch_dir = tmp_path_factory.mktemp("launch")
    made = MadeSession(launch_dir, TASKS)
    write_notebook(launch_dir / "screens.ipynb", *CELLS)
    if request.param == "lab":
        (launch_dir / "nbflow.toml").write_text("[retention]\nage_limit = '30 days'\nprice_per_gb_month = 0.02\n")
    with front_end(request.param, launch_dir) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program, args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1600, "height": 2400})
        page.set_default_timeout(PATIENCE * 1000)
        served.open(page, "screens.ipynb")
        served.run_all(page)
        page.locator(".nbf-picking tbody tr").first.wait_for()
        page.locator(".nbf-grid .nbf-status").first.wait_for()
        yield Screens(served, page, launch_dir, made)
        browser.close()


def test_the_browser_opens_on_the_latest_run_while_a_cell_runs(screens: Screens) -> None:
    from playwright.sync_api import expect

    expect(screens.grid).to_have_attribute("aria-rowcount", "6")
    expect(screens.tasks("make")).to_have_count(2)
    expect(screens.tasks("fit")).to_have_count(3)
    expect(screens.browser.get_by_role("heading", name="Cache")).to_be_visible()


def test_why_a_task_ran_is_told_part_by_part_while_a_cell_runs(screens: Screens) -> None:
    from playwright.sync_api import expect

    screens.tasks("make").last.click()
    expect(screens.pane).to_contain_text("ran because it differs from make")
    expect(screens.pane).to_contain_text("global number changed: 10 -> 20")
    changed = screens.pane.get_by_role("table").get_by_role("row").nth(1)
    expect(changed).to_contain_text("number")
    expect(changed).to_contain_text("changed")


def test_a_session_is_not_left_while_a_cell_runs(screens: Screens) -> None:
    from playwright.sync_api import expect

    screens.picker.get_by_role("button", name="New session").click()
    expect(screens.picker.get_by_role("alert")).to_contain_text("A cell is running")
    screens.picker.get_by_role("button", name="Dismiss").click()


def test_loading_outputs_binds_them_and_asks_before_it_replaces_names(screens: Screens) -> None:
    from playwright.sync_api import expect

    screens.tasks("make").first.click()
    expect(screens.browser.get_by_role("heading", name="make", exact=True)).to_be_visible()
    screens.browser.get_by_role("button", name="Load outputs").click()
    asked = screens.browser.get_by_role("alertdialog")
    expect(asked).to_contain_text("total is bound in the notebook")
    asked.get_by_role("button", name="Cancel").click()
    expect(asked).to_have_count(0)
    screens.browser.get_by_role("button", name="Load outputs").click()
    asked.get_by_role("button", name="Replace").click()
    expect(screens.browser.get_by_text("Bound in the notebook: table, total")).to_be_visible()
    (screens.launch_dir / "go").touch()
    expect(screens.page.locator(".jp-OutputArea").last).to_contain_text("went on")
    expect(screens.run("print(len(table), total)")).to_contain_text("10 45")


def test_code_is_inserted_as_a_cell_below_the_browser(screens: Screens) -> None:
    from playwright.sync_api import expect

    keyboard, cells = screens.page.keyboard, screens.page.locator(".jp-Notebook .jp-CodeCell")
    before, new = cells.count(), cells.nth(CELLS.index("del table\n%cache") + 1)
    screens.browser.get_by_role("toolbar").get_by_role("button", name="Insert code").click()
    expect(new.locator(".cm-content")).to_contain_text("table, total = nbflow.load(")
    keyboard.press("Control+End")
    keyboard.insert_text("\nprint('inserted', len(table), total)")
    keyboard.press("Control+Enter")
    expect(new.locator(".jp-OutputArea")).to_contain_text("inserted 10 45")
    expect(screens.browser.get_by_text("The code stands in a new cell")).to_be_visible()

    screens.browser.get_by_role("button", name="Run again …").click()
    asked = screens.browser.get_by_role("alertdialog")
    asked.get_by_role("button", name="Insert cell").click()
    expect(asked).to_have_count(0)
    expect(new.locator(".cm-content")).to_contain_text("make.rerun()")
    for key in ("Escape", "d", "d", "d", "d"):
        keyboard.press(key)
    expect(cells).to_have_count(before)


def test_what_goes_on_beside_the_kernel_is_told_in_the_screen(screens: Screens) -> None:
    from playwright.sync_api import expect

    screens.run(
        "from ipywidgets.widgets.widget import _instances\n"
        "for each in _instances.values():\n    getattr(each, 'screen', '') and each.send({'told': 'it goes on'})"
    )
    for screen in (screens.browser, screens.picker):
        expect(screen.get_by_role("status").filter(has_text="it goes on")).to_be_visible()
        screen.get_by_role("button", name="Dismiss").click()


def test_outputs_are_previewed_and_the_script_is_highlighted(screens: Screens) -> None:
    from playwright.sync_api import expect

    screens.browser.get_by_role("tab", name="Outputs").click()
    expect(screens.pane.get_by_text("DataFrame: 10 rows, 1 column,", exact=False)).to_be_visible()
    expect(screens.pane.get_by_role("row")).to_have_count(11)
    screens.browser.get_by_role("tab", name="Script").click()
    expect(screens.pane.locator("pre .nbf-t-kn").first).to_have_text("import")
    screens.browser.get_by_role("tab", name="Log").click()
    expect(screens.pane).to_contain_text("made 45")


def test_nothing_in_the_screens_keeps_people_out(screens: Screens) -> None:
    assert barriers(screens.page, "[aria-label='nbflow session picker']") == []
    screens.tasks("fit").first.click()
    for tab in screens.browser.get_by_role("tab").all():
        tab.click()
        assert barriers(screens.page, "[aria-label='nbflow cache browser']") == []


def test_an_input_leads_to_the_task_that_made_it(screens: Screens) -> None:
    from playwright.sync_api import expect

    screens.tasks("fit").first.click()
    expect(screens.browser.get_by_role("heading", name="fit (1)")).to_be_visible()
    screens.browser.get_by_role("tab", name="Inputs").click()
    screens.pane.get_by_role("row").filter(has_text="total").get_by_role("button", name="make").click()
    expect(screens.browser.get_by_role("heading", name="make", exact=True)).to_be_visible()


def test_thousands_of_tasks_scroll_sort_and_filter(screens: Screens) -> None:
    from playwright.sync_api import expect

    screens.choose_run(str(screens.made.first.run_name))
    expect(screens.grid).to_have_attribute("aria-rowcount", str(TASKS + 1))
    screens.grid.evaluate("element => element.scrollTop = element.scrollHeight / 2 - 200")
    expect(screens.tasks("sample_001000")).to_be_visible()
    assert screens.grid.get_by_role("row").count() < 40
    heads = screens.grid.get_by_role("columnheader")
    screens.grid.get_by_role("button", name="Realtime").click()
    screens.grid.get_by_role("button", name="Realtime").click()
    expect(heads.filter(has_text="Realtime")).to_have_attribute("aria-sort", "descending")
    slowest = max(screens.made.tasks, key=lambda task: task[2].realtime)
    expect(screens.grid.get_by_role("row").nth(1)).to_contain_text(slowest[2].name.partition(" (")[2][:-1])
    screens.grid.get_by_role("button", name="Realtime").click()
    expect(heads.filter(has_text="Realtime")).to_have_attribute("aria-sort", "none")
    screens.browser.get_by_label("Filter tasks by name or hash").fill("align 1999")
    expect(screens.grid).to_have_attribute("aria-rowcount", "1")
    screens.browser.get_by_label("Filter tasks by name or hash").fill("sample_00101")
    expect(screens.grid).to_have_attribute("aria-rowcount", "11")
    screens.browser.get_by_label("Filter tasks by name or hash").fill("")
    screens.browser.get_by_role("group", name="Show only").get_by_role("button", name="failed").click()
    expect(screens.grid).to_have_attribute("aria-rowcount", str(TASKS // 200 + 1))
    screens.browser.get_by_role("group", name="Show only").get_by_role("button", name="failed").click()


def test_an_expression_filters_and_a_wrong_one_says_what_is_wrong(screens: Screens) -> None:
    from playwright.sync_api import expect

    screens.browser.get_by_role("button", name="ƒ").click()
    box = screens.browser.get_by_label("Filter tasks by an expression")
    box.fill("status == 'FAILED' and process == 'align'")
    failed = [task for task in screens.made.tasks if task[2].status == "FAILED" and task[2].process == "align"]
    expect(screens.grid).to_have_attribute("aria-rowcount", str(len(failed) + 1))
    box.fill("statsu == 1")
    expect(screens.browser.get_by_role("alert")).to_contain_text("did you mean 'status'?")
    screens.browser.get_by_role("button", name="ƒ").click()
    expect(screens.browser.get_by_role("alert")).to_have_count(0)


def test_the_keyboard_is_enough(screens: Screens) -> None:
    from playwright.sync_api import expect

    cells = screens.page.locator(".jp-Notebook .jp-CodeCell").count()
    screens.choose_run(str(screens.made.first.run_name))
    expect(screens.grid).to_have_attribute("aria-rowcount", str(TASKS + 1))
    screens.grid.focus()
    screens.page.keyboard.press("/")
    expect(screens.browser.get_by_label("Filter tasks by name or hash")).to_be_focused()
    screens.page.keyboard.insert_text("trim")
    trims = [task[2].name for task in screens.made.tasks if task[2].process == "trim"]
    expect(screens.grid).to_have_attribute("aria-rowcount", str(len(trims) + 1))
    screens.page.keyboard.press("Enter")
    expect(screens.grid).to_be_focused()
    for key in ("Home", "ArrowDown", "ArrowDown", "End", "Home", "ArrowDown", "Enter"):
        screens.page.keyboard.press(key)
    chosen = screens.grid.get_by_role("row", selected=True)
    expect(chosen).to_contain_text(trims[1].partition("(")[2][:-1])
    expect(screens.browser.get_by_role("heading", name=trims[1])).to_be_visible()
    screens.page.keyboard.press("Escape")
    expect(screens.pane).to_have_count(0)
    screens.browser.get_by_label("Filter tasks by name or hash").fill("")
    assert screens.page.locator(".jp-Notebook .jp-CodeCell").count() == cells, "keys reached the notebook"


def test_two_runs_are_compared_side_by_side(screens: Screens) -> None:
    from playwright.sync_api import expect

    screens.choose_run(str(screens.made.first.run_name))
    screens.browser.get_by_label("Compare with another run").select_option(index=1)
    comparison = screens.browser.get_by_role("region", name="Two runs compared")
    expect(comparison).to_contain_text("differ")
    expect(comparison.get_by_role("row").filter(has_text="make").first).to_be_visible()
    comparison.get_by_role("button", name="Close the comparison").click()
    expect(screens.grid).to_be_visible()


def test_a_task_is_deleted_after_a_question(screens: Screens) -> None:
    from playwright.sync_api import expect

    screens.choose_run(str(screens.made.first.run_name))
    screens.tasks("fastqc").first.click()
    screens.browser.get_by_role("toolbar").get_by_role("button", name="Delete …").click()
    asked = screens.browser.get_by_role("alertdialog")
    expect(asked).to_contain_text("It frees")
    asked.get_by_role("button", name="Delete").click()
    expect(screens.browser.get_by_text("The task was deleted")).to_be_visible()
    expect(
        screens.browser.get_by_role("group", name="Show only").get_by_role("button", name="1 deleted")
    ).to_be_visible()


def test_the_picker_says_when_a_session_goes_and_what_it_costs_where_that_is_set(screens: Screens) -> None:
    from playwright.sync_api import expect

    limited = (screens.launch_dir / "nbflow.toml").exists()
    expect(screens.picker.get_by_role("columnheader", name="Goes")).to_have_count(int(limited))
    rows = screens.picker.get_by_role("grid").locator("tbody").get_by_role("row")
    if limited:
        expect(rows.filter(has_text="rnaseq")).to_contain_text(re.compile(r"0\.01 a month\).*in (30d|29d 23h)"))
        expect(rows.filter(has_text="current")).not_to_contain_text("in 30d")
    heads, cells = (screens.picker.locator(f".nbf-picking {part}") for part in ("thead th", "tbody tr:first-child td"))
    expect(cells).to_have_count(heads.count())


def test_the_picker_marks_the_current_session_and_resumes_another_by_keyboard(screens: Screens) -> None:
    from playwright.sync_api import expect

    rows = screens.picker.get_by_role("grid").locator("tbody").get_by_role("row")
    expect(rows).to_have_count(2)
    expect(rows.filter(has_text="current")).to_have_count(1)
    screens.picker.get_by_label("Filter sessions").fill("rnaseq")
    expect(rows).to_have_count(1)
    screens.page.keyboard.press("Enter")
    expect(screens.picker.get_by_role("grid")).to_be_focused()
    screens.page.keyboard.press("Enter")
    expect(screens.picker.get_by_text(f"resumes session {screens.made.session[:8]}")).to_be_visible()
    expect(screens.picker.get_by_role("row", selected=True)).to_contain_text("current")


def test_the_picker_deletes_a_session_after_it_said_what_that_frees(screens: Screens) -> None:
    from playwright.sync_api import expect

    rows = screens.picker.get_by_role("grid").locator("tbody").get_by_role("row")
    screens.picker.get_by_label("Filter sessions").fill("")
    other = rows.filter(has_not_text="current")
    expect(other).to_have_count(1)
    other.click()
    screens.picker.get_by_role("button", name="Delete …").click()
    asked = screens.picker.get_by_role("alertdialog")
    expect(asked).to_contain_text("are freed")
    asked.get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(1)


def test_what_a_saved_notebook_keeps_is_a_table_of_text(screens: Screens) -> None:
    from playwright.sync_api import expect

    kept = screens.page.locator(".jp-RenderedHTMLCommon details").filter(has_text="sessions")
    expect(kept.first).to_contain_text("nbflow ·")
    expect(kept.first.locator("table")).to_contain_text("rnaseq.ipynb")
