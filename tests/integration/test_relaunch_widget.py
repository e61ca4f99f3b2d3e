"""Relaunching in a front end without nbflow's labextension: a child process, and a widget that shows it."""

from __future__ import annotations

from pathlib import Path

from .front_end import CHROMIUM_ARGUMENTS, PATIENCE, front_end
from .relaunching import executed, failing, run_until_failed


def test_where_the_labextension_is_not_a_widget_relaunches_beside_the_kernel(
    browser_program: str, tmp_path: Path
) -> None:
    from playwright.sync_api import expect, sync_playwright

    disabled = tmp_path / ".settings" / "config" / "labconfig"
    disabled.mkdir(parents=True)
    (disabled / "page_config.json").write_text('{"disabledExtensions": {"nbflow": true}}')
    place = failing(tmp_path, "beside", "%nbflow relaunch")
    with front_end("lab", tmp_path) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program, args=CHROMIUM_ARGUMENTS)
        here = browser.new_page(viewport={"width": 1200, "height": 1400})
        cells = run_until_failed(served, here, "beside")
        expect(cells.nth(2)).to_contain_text("nbflow run --relaunch beside.ipynb")
        (place / "ok").touch()
        cells.nth(4).locator(".cm-content").click()
        here.keyboard.press("Control+Enter")
        cells.nth(4).get_by_role("button", name="Relaunch beside this notebook").click()
        expect(cells.nth(4)).to_contain_text("beside.ipynb is done", timeout=PATIENCE * 1000)
        expect(cells.nth(4)).to_contain_text("cached: 1, completed: 1. Run the cells")
        expect(cells.nth(4).locator(".jp-OutputArea button"), "no widget is left to be saved").to_have_count(0)
        assert executed(place) == ["prep", "fit", "fit"]
        served.run_all(here)
        expect(cells.nth(3)).to_contain_text("the score is 2.5", timeout=PATIENCE * 1000)
        expect(cells.nth(2)).to_contain_text("fit: reused from")
        assert executed(place) == ["prep", "fit", "fit"]
        browser.close()
