"""Reports in a real browser: they need no network, fit narrow and wide windows, light and dark, keys and no scripts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from nbflow.reports.dag import dag_file
from nbflow.reports.graph import graph
from nbflow.reports.mermaid import mermaid
from nbflow.reports.report import report
from nbflow.reports.timeline import timeline
from nbflow.reports.view import RunView
from tests.reports.pages import check
from tests.reports.runs import NASTY, large, mixed, run, task

from .conftest import write_notebook
from .front_end import CHROMIUM_ARGUMENTS, PATIENCE, front_end

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

KINDS: Mapping[str, tuple[str, Callable[[RunView], str]]] = {
    "report": (".html", report),
    "timeline": (".html", timeline),
    "dag": (".svg", dag_file),
}
WIDTHS = (600, 1600)
#: Contrast of each text with what is behind the page, as WCAG counts it, of those that have too little.
FAINT_TEXTS = """() => {
  const light = (text) => {
    const [r, g, b] = text.match(/[\\d.]+/g).map(Number).map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const root = document.body || document.documentElement, back = light(getComputedStyle(root).backgroundColor);
  const found = [];
  for (const each of document.querySelectorAll("*")) {
    const own = [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !each.getClientRects().length || each.closest("button, select, option, style, script, title")) continue;
    const style = getComputedStyle(each), front = light(each instanceof SVGElement ? style.fill : style.color);
    const contrast = (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05);
    if (contrast < 4.5) found.push(`${each.textContent.slice(0, 40)}: ${contrast.toFixed(1)}`);
  }
  return found;
}"""


@pytest.fixture(scope="module")
def browser(browser_program: str) -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program, args=CHROMIUM_ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, path: Path, **options: Any) -> Iterator[Page]:
    """Open a file without a network; nothing may be asked for, and nothing may go wrong in it."""
    context = browser.new_context(offline=True, **options)
    page = context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request",
        lambda request: (
            wrong.append(request.url) if request.url != path.as_uri() and not request.url.startswith("data:") else None
        ),
    )
    page.on("dialog", lambda dialog: wrong.append(dialog.message))
    try:
        page.goto(path.as_uri())
        yield page
        assert wrong == []
    finally:
        context.close()


def written(directory: Path, kind: str, view: RunView) -> Path:
    ending, write = KINDS[kind]
    path = directory / f"{kind}{ending}"
    path.write_text(write(view), encoding="utf-8")
    return path


def nasty() -> RunView:
    """A run whose names would break a page that took them for markup."""
    return run(
        task(text, "FAILED" if at % 2 else "COMPLETED", key=at, script=text, tag=text) for at, text in enumerate(NASTY)
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("kind", [*KINDS])
def test_a_report_needs_no_network_and_can_be_read_in_any_window(
    kind: str, scheme: str, browser: Browser, tmp_path: Path
) -> None:
    for view in (mixed(), nasty()):
        path = written(tmp_path, kind, view)
        for width in WIDTHS:
            size = {"width": width, "height": 900}
            with opened(browser, path, viewport=size, color_scheme=scheme) as page:
                assert page.evaluate(FAINT_TEXTS) == []
                assert kind == "dag" or page.evaluate("document.documentElement.scrollWidth") == width
                back = page.evaluate("getComputedStyle(document.body || document.documentElement).backgroundColor")
                assert (back == "rgb(255, 255, 255)") == (scheme == "light")


def test_without_scripts_every_task_is_in_the_page(browser: Browser, tmp_path: Path) -> None:
    path = written(tmp_path, "report", large(1000))
    with opened(browser, path, java_script_enabled=False) as page:
        assert page.locator("tr[data-status]").count() == 1000
        assert page.locator("tr[data-status]:visible").count() == 250  # the first part; the others are folded away
        page.locator("summary", has_text="Tasks 751 to 1,000").click()
        assert page.get_by_text("(sample_00999)").first.is_visible()
        assert not page.locator(".controls").first.is_visible()


def test_with_scripts_a_table_pages_through_all_tasks_and_is_searched_and_sorted_by_keys(
    browser: Browser, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    path = written(tmp_path, "report", large(1000))
    with opened(browser, path) as page:
        rows, told = page.locator("tr[data-status]"), page.locator(".tasks [role=status]")
        assert rows.count() == 50
        expect(told).to_have_text("1 to 50 of 1,000 tasks")
        page.get_by_role("button", name="Next").press("Enter")
        expect(told).to_have_text("51 to 100 of 1,000 tasks")
        page.get_by_label("Search").fill("sample_0012 align")
        expect(told).to_have_text("1 to 4 of 4 tasks")
        page.get_by_label("Search").fill("nothing of that name")
        expect(told).to_have_text("No task fits")
        page.get_by_label("Search").fill("")
        page.get_by_role("combobox", name="Status").select_option("FAILED")
        expect(told).to_have_text("1 to 1 of 1 tasks")
        page.get_by_role("combobox", name="Status").select_option("")
        by_time = page.get_by_role("button", name="realtime")
        head = page.locator("thead th", has=by_time)
        for order, first in (("ascending", "110ms"), ("descending", "122ms")):
            by_time.press("Enter")
            expect(head).to_have_attribute("aria-sort", order)
            assert first in rows.first.inner_text()
        page.get_by_role("button", name="task_id").press("Space")
        assert "sample_00000" in rows.first.inner_text()


def test_a_timeline_can_be_made_wider_and_scrolls_by_keys(browser: Browser, tmp_path: Path) -> None:
    from playwright.sync_api import expect

    with opened(browser, written(tmp_path, "timeline", large(1000)), viewport={"width": 600, "height": 900}) as page:
        chart = page.locator(".timeline .scroll")
        assert chart.evaluate("each => each.scrollWidth === each.clientWidth")
        page.get_by_label("Width").press("End")
        assert chart.evaluate("each => each.scrollWidth > 20 * each.clientWidth")
        assert page.evaluate("document.documentElement.scrollWidth") == 600
        chart.focus()
        page.keyboard.press("End")
        page.keyboard.press("ArrowRight")
        expect(chart).not_to_have_js_property("scrollLeft", 0)


def test_no_text_of_a_drawing_lies_over_another_with_twenty_processes(browser: Browser, tmp_path: Path) -> None:
    from tests.reports.test_graph import twenty

    with opened(browser, written(tmp_path, "dag", twenty()), viewport={"width": 1600, "height": 900}) as page:
        over = page.evaluate("""() => {
          const boxes = [...document.querySelectorAll("text")].map((each) => [each.textContent, each.getBoundingClientRect()]);
          const over = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom - 2 && b.top < a.bottom - 2;
          return boxes.flatMap(([one, a], at) => boxes.slice(at + 1).filter(([_, b]) => over(a, b)).map(([two]) => [one, two]));
        }""")
        outside = page.evaluate("""() => [...document.querySelectorAll("g")].filter((g) => {
          const box = g.querySelector("rect").getBoundingClientRect();
          return [...g.querySelectorAll("text")].some((text) => {
            const its = text.getBoundingClientRect();
            return its.left < box.left || its.right > box.right;
          });
        }).map((g) => g.textContent)""")
        assert (over, outside) == ([], [])


def test_in_jupyterlab_the_dag_and_the_timeline_are_drawn_in_the_cell_and_the_mermaid_text_is_read(
    browser: Browser, tmp_path: Path
) -> None:
    from playwright.sync_api import expect

    cells = (
        "%load_ext nbflow",
        "%%process load -> rows\nrows = list(range(100))",
        "%%process fit(x, rows) -> y\ny = x + len(rows)",
        "made = fit(channel.of(1, 2, 3), rows=rows)",
        "%nbflow dag",
        "%nbflow timeline",
    )
    path = write_notebook(tmp_path / "reports.ipynb", *cells)
    notebook = nbformat.read(path, as_version=4)
    views = (mixed(), nasty())
    texts = [f"```mermaid\n{mermaid(graph(view), 'DAG')}```" for view in views]
    notebook.cells += [nbformat.v4.new_markdown_cell(text) for text in texts]
    nbformat.write(notebook, path)
    with front_end("lab", tmp_path) as served:
        page = browser.new_page(viewport={"width": 1280, "height": 2000})
        served.open(page, "reports.ipynb")
        served.run_all(page)
        outputs = page.locator(".jp-OutputArea")
        drawing = outputs.locator("svg[aria-label^='DAG of run']")
        expect(drawing).to_contain_text("✔ 3 completed", timeout=PATIENCE * 1000)
        expect(drawing.locator("path[marker-end]")).to_have_count(1)
        expect(outputs.locator("svg[aria-label^='Timeline of run']")).to_be_visible(timeout=PATIENCE * 1000)
        diagrams = page.locator(".jp-RenderedMermaid img")
        expect(diagrams).to_have_count(len(views), timeout=PATIENCE * 1000)
        assert page.get_by_text("Parse error").count() == 0
        page.keyboard.press("Control+s")
        expect(page.locator(".jp-mod-dirty")).to_have_count(0, timeout=PATIENCE * 1000)
        page.close()
    _is_kept_by_nbconvert(path)


def _is_kept_by_nbconvert(path: Path) -> None:
    words = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "html", "--stdout", path.name]
    page = subprocess.run(words, cwd=path.parent, capture_output=True, text=True, check=True).stdout
    assert "DAG of run" in page
    assert "✔ 3 completed" in page
    outputs = [output for cell in nbformat.read(path, as_version=4).cells for output in cell.get("outputs", ())]
    shown = [output.data for output in outputs if "data" in output and "of run" in output.data.get("text/html", "")]
    for bundle in shown:
        check(bundle["text/html"])
        assert "fit: 3 completed" in bundle["text/plain"]
    assert len(shown) == 2
