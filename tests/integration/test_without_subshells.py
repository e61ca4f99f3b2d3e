"""Front ends that send widgets' messages behind the running cell, as JupyterLab before 4.4 does: screens say that they wait."""

from __future__ import annotations

from pathlib import Path

from .conftest import write_notebook
from .front_end import CHROMIUM_ARGUMENTS, PATIENCE, front_end

CELLS = (
    "%load_ext nbflow",
    "%%process add(x) -> y\ny = x + 1",
    "add(1)",
    "%cache",
    "%%process hold(place) -> z\nimport os, time\nwhile not os.path.exists(place):\n    time.sleep(0.05)\nz = 1",
)


def test_a_screen_says_that_it_waits_for_the_cell_and_the_cell_has_its_cancel_button(
    browser_program: str, tmp_path: Path
) -> None:
    from playwright.sync_api import expect, sync_playwright

    write_notebook(tmp_path / "queue.ipynb", *CELLS, f"held = hold(channel.of({str(tmp_path / 'go')!r}))")
    with front_end("lab", tmp_path) as served, sync_playwright() as playwright:
        served.set("apputils-extension/kernels-settings", commsOverSubshells="disabled")
        browser = playwright.chromium.launch(executable_path=browser_program, args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1200, "height": 1400})
        served.open(page, "queue.ipynb")
        served.run_all(page)
        cells = page.locator(".jp-Notebook .jp-CodeCell")
        screen = cells.nth(3).get_by_role("region", name="nbflow cache browser")
        expect(screen.get_by_text("Queued until the running cell ends.")).to_be_visible(timeout=PATIENCE * 1000)
        expect(cells.nth(5).get_by_role("button", name="Cancel")).to_be_visible(timeout=PATIENCE * 1000)
        (tmp_path / "go").touch()
        expect(screen.get_by_role("grid").get_by_role("row").filter(has_text="add")).to_be_visible()
        expect(screen.get_by_text("Queued")).to_be_hidden()
        browser.close()
