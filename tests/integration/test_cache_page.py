"""The cache browser before a kernel runs, before users' eyes: in JupyterLab, from Notebook 7, and as a page of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nbflow.core.task.entry import OutputRecord
from nbflow.storage.database.lock import SessionLock
from nbflow.storage.events import EventLog
from tests.browsing.made import SESSION, MadeSession
from tests.browsing.test_pane import DIGEST, Told
from tests.storage.launch import SESSION as TOLD
from tests.storage.launch import key

from .front_end import CHROMIUM_ARGUMENTS, PATIENCE, FrontEnd, barriers, front_end

BASE = "/user/a.b"
OUTPUTS = (
    OutputRecord("page", "file", DIGEST.hex(), paths=("report.html",)),
    OutputRecord("table", "file", DIGEST.hex(), paths=("table.csv",)),
    OutputRecord("model", "value", DIGEST.hex()),
)
HTML = "<style>h1 {color: rgb(1, 2, 3)}</style><h1>Report</h1><script>document.body.textContent = 'ran'</script>"


@dataclass
class Shown:
    """A server and a browser."""

    served: FrontEnd
    browser: Any
    root: Path
    made: MadeSession
    said: list[str] = field(default_factory=list)

    def page(self, width: int = 1600, scheme: str = "light") -> Any:
        """A new window, whose console is listened to."""
        context = self.browser.new_context(
            viewport={"width": width, "height": 1000},
            color_scheme=scheme,
            permissions=["clipboard-read", "clipboard-write"],
        )
        page = context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        return page

    def open(self, page: Any, query: str = "") -> Any:
        """Open the page of its own."""
        page.goto(f"{self.served.url}/nbflow/?{query}&token={self.served.token}")
        return page

    def open_lab(self, page: Any) -> Any:
        """Open JupyterLab, and the page in it; what is in the page."""
        page.goto(f"{self.served.url}/lab?reset&token={self.served.token}")
        page.locator(".jp-LauncherCard", has_text="nbflow cache browser").click()
        return page.frame_locator("#nbflow-cache-browser iframe")


@pytest.fixture(scope="module")
def shown(browser_program: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=30000)
    root = tmp_path_factory.mktemp("root")
    for name in ("projects/rnaseq", "small"):
        (root / name).mkdir(parents=True)
    made = MadeSession(root / "projects/rnaseq", 300)
    made.resumed(100)
    told = Told(root / "small")
    told.task(1, "draw (a)", outputs=OUTPUTS)
    (told.work_dir(1) / "report.html").write_text(HTML)
    (told.work_dir(1) / "table.csv").write_text("gene,count\nBRCA1,17\n")
    with front_end("lab", root, base_url=BASE) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program, args=CHROMIUM_ARGUMENTS)
        yield Shown(served, browser, root, made)
        browser.close()


@pytest.fixture
def page(shown: Shown) -> Iterator[Any]:
    page = shown.page()
    yield page
    page.context.close()
    assert [text for text in shown.said if "Content Security Policy" in text or "Content-Security-Policy" in text] == []


def background(frame: Any) -> str:
    """The colour behind the sessions."""
    found: str = frame.locator("section.nbf").evaluate("element => getComputedStyle(element).backgroundColor")
    return found


def test_jupyterlabs_launcher_opens_the_sessions_of_all_notebooks_and_the_line_that_resumes_one_is_copied(
    shown: Shown, page: Any
) -> None:
    from playwright.sync_api import expect

    inside = shown.open_lab(page)
    rows = inside.get_by_role("row")
    expect(rows).to_have_count(3)
    row = rows.filter(has_text="rnaseq.ipynb")
    for text in ("projects/rnaseq", "3b1c9f2e", "+1", "ok", "100"):
        expect(row).to_contain_text(text)
    expect(rows.filter(has_text="small")).to_be_visible()
    expect(inside.get_by_role("status").first).to_have_text("2 sessions · 2 directories")
    row.get_by_role("button", name="Copy %resume 3b1c9f2e").click()
    expect(row.get_by_role("button", name="Copy %resume")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "%resume 3b1c9f2e"
    page.get_by_role("tab", name="nbflow cache").wait_for()


def test_a_task_and_its_outputs_are_shown_in_jupyterlab_and_nothing_of_them_runs(shown: Shown, page: Any) -> None:
    from playwright.sync_api import expect

    inside = shown.open_lab(page)
    inside.get_by_role("button", name=f"Open session, session {TOLD[:8]}").click()
    inside.get_by_role("grid", name="Tasks").get_by_role("row").filter(has_text="draw").click()
    expect(inside.get_by_role("tabpanel")).to_contain_text("it has not run before")
    inside.get_by_role("tab", name="Outputs").click()
    for number in (1, 2):
        inside.locator("details.nbf-output summary").nth(number).click()
    report = inside.frame_locator("iframe.nbf-html")
    expect(report.get_by_role("heading", name="Report")).to_have_css("color", "rgb(1, 2, 3)")
    expect(inside.get_by_role("cell", name="BRCA1")).to_be_visible()
    expect(inside.get_by_text("not read here; in a notebook, nbflow.load")).to_be_visible()
    expect(inside.get_by_role("link", name="Open directory")).to_have_attribute(
        "href", f"../lab/tree/small/work/01/{'01' * 15}"
    )
    for name in ("Resume", "New session", "Delete …", "Load outputs", "Run again …", "Relaunch from failed task"):
        expect(inside.get_by_role("button", name=name, exact=True)).to_have_count(0)


def test_the_page_has_jupyterlabs_colours_as_they_change_and_its_tab_is_restored(shown: Shown, page: Any) -> None:
    from playwright.sync_api import expect

    inside = shown.open_lab(page)
    inside.get_by_role("row").nth(1).wait_for()
    light = background(inside)
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.locator(".lm-Menu-itemLabel", has_text="Theme").first.click()
    page.locator(".lm-Menu-itemLabel", has_text="JupyterLab Dark").first.click()
    expect(inside.locator("section.nbf")).not_to_have_css("background-color", light)
    expect(inside.locator(":root")).to_have_attribute("data-theme", "dark")
    dark = background(inside)
    with page.expect_response(lambda answer: "/api/workspaces" in answer.url and answer.request.method == "PUT"):
        pass  # JupyterLab has noted which tabs are open
    page.goto(f"{shown.served.url}/lab")
    inside.get_by_role("row").nth(1).wait_for()
    assert background(inside) == dark


@pytest.mark.parametrize("place", ["lab?reset&", "tree?"])
def test_the_palette_opens_the_page_in_jupyterlab_and_in_notebook_7(shown: Shown, page: Any, place: str) -> None:
    from playwright.sync_api import expect

    page.goto(f"{shown.served.url}/{place}token={shown.served.token}")
    page.locator(".jp-DirListing-item").first.wait_for()
    page.keyboard.press("Control+Shift+c")
    page.locator("#modal-command-palette input, .lm-CommandPalette-input").last.fill("nbflow: cache")
    entry = page.locator(".lm-CommandPalette-item", has_text="nbflow: cache browser").first
    if place.startswith("lab"):
        entry.click()
        expect(page.frame_locator("#nbflow-cache-browser iframe").get_by_role("row")).to_have_count(3)
        return
    with page.context.expect_page() as opened:
        entry.click()
    expect(opened.value.get_by_role("row")).to_have_count(3)
    assert "theme=" in opened.value.url


@pytest.mark.parametrize(("width", "scheme"), [(600, "dark"), (1600, "light")])
def test_as_a_page_of_its_own_it_has_room_and_the_systems_colours(shown: Shown, width: int, scheme: str) -> None:
    from playwright.sync_api import expect

    page = shown.open(shown.page(width, scheme))
    for button in page.get_by_role("button", name="Copy %resume").all():
        expect(button).to_be_in_viewport(ratio=1)
    assert barriers(page) == []
    assert (background(page) == "rgb(255, 255, 255)") == (scheme == "light")
    page.get_by_role("button", name="Open rnaseq.ipynb").click()
    page.get_by_role("grid", name="Tasks").get_by_role("row").nth(2).click()
    expect(page.get_by_role("tabpanel")).to_be_in_viewport()
    assert barriers(page) == []
    expect(page.get_by_role("navigation", name="Sessions and runs").get_by_role("button").first).to_be_in_viewport(
        ratio=1
    )
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert "token" not in page.url
    page.context.close()


def test_the_address_says_what_is_shown_and_back_goes_back(shown: Shown, page: Any) -> None:
    from playwright.sync_api import expect

    shown.open(page, "path=projects")
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("button", name="Open rnaseq.ipynb").click()
    tasks = page.get_by_role("grid", name="Tasks")
    expect(tasks).to_have_attribute("aria-rowcount", "101")
    assert "path=projects%2Frnaseq&run=" in page.url
    page.reload()
    expect(tasks).to_have_attribute("aria-rowcount", "101")
    page.go_back()
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("button", name="All sessions").click()
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_label("Filter sessions").fill("nothing like it")
    expect(page.get_by_role("status").first).to_contain_text("0 of 2 sessions")
    shown.open(page, "path=../elsewhere")
    expect(page.get_by_role("alert")).to_contain_text("no launch directory of that name here")


def test_a_run_that_goes_on_is_followed_by_the_page(shown: Shown, page: Any) -> None:
    from playwright.sync_api import expect

    made = shown.made
    with SessionLock.take(made.layout.lock(SESSION), notebook="rnaseq.ipynb"):
        record = made.history.begin(SESSION, "nbflow run rnaseq.ipynb")
        name = str(record.run_name)
        shown.open(page)
        row = page.get_by_role("row").filter(has_text="rnaseq.ipynb")
        expect(row).to_contain_text("running")
        expect(row).to_contain_text("rnaseq.ipynb (process ")
        row.click()
        page.get_by_text("live · as of").wait_for()
        for number in range(1, 4):
            with closing(EventLog(made.layout.events(SESSION, name))) as log:
                event = {"event": "submitted", "hash": key(number).hex(), "name": f"sort ({number})", "at": 1.7e9}
                log.extend([event, {**event, "event": "started"}])
            expect(page.get_by_role("grid", name="Tasks")).to_have_attribute("aria-rowcount", str(number + 1))
        expect(page.get_by_role("button", name="3 running")).to_be_visible()
    made.history.update(name, 1000, "OK")
    expect(page.get_by_text("live · as of")).to_have_count(0)


@pytest.mark.parametrize(
    ("status", "text"),
    [(None, "The server does not answer"), (403, "sign in to Jupyter"), (502, "The server answers 502")],
)
def test_a_server_that_fails_is_told_of_in_a_sentence(shown: Shown, page: Any, status: int | None, text: str) -> None:
    from playwright.sync_api import expect

    page.route("**/nbflow/ask", lambda route: route.fulfill(status=status, body="<html>") if status else route.abort())
    shown.open(page)
    expect(page.get_by_role("alert")).to_contain_text(text)
