"""The cache browser in JupyterLab with 100,000 tasks, as users see it: from the keystroke to what is on the screen.

Chromium and JupyterLab take part in each figure: so beside the opening stands that of a widget that holds one word.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from typing import Any

from tests.benchmarks.measure import Row
from tests.browsing.made import MadeSession
from tests.integration.conftest import BROWSERS, write_notebook
from tests.integration.front_end import CHROMIUM_ARGUMENTS, front_end

TASKS = 100_000
OPENINGS = 5
_BEFORE = (
    "%load_ext nbflow",
    "%%process ready -> word\nimport ipywidgets\nword = 'ready'",
    "ipywidgets.HTML('<b class=word-0>ready</b>')",
)
_CELLS = (
    *_BEFORE,
    *("%cache {run}" for _ in range(OPENINGS)),
    *(f"ipywidgets.HTML('<b class=word-{number}>ready</b>')" for number in range(1, OPENINGS + 1)),
)

# Milliseconds from a keystroke until what is awaited is there and has been painted.
_UNTIL = """async ([selector, wanted]) => {
  const there = () => [...document.querySelectorAll(selector)].some((e) => e.offsetParent && (!wanted || e.getAttribute("aria-rowcount") === wanted));
  while (!there()) await new Promise((done) => requestAnimationFrame(done));
  await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
  return performance.now() - window.pressed;
}"""
_PRESSED = "window.addEventListener('keydown', () => { window.pressed = performance.now(); }, true)"

# A second of scrolling by a wheel, through the whole table: the time of each frame, and how many showed rows not read yet.
_SCROLL = """async (grid) => {
  const frames = [], empty = [];
  let last = performance.now(), top = grid.scrollTop;
  for (let each = 0; each < 120; each += 1) {
    grid.scrollTop = top += 400;
    const now = await new Promise((done) => requestAnimationFrame(done));
    frames.push(now - last);
    last = now;
    empty.push(grid.querySelectorAll(".nbf-unread").length > 0);
  }
  return [frames.slice(1), empty.filter(Boolean).length / empty.length];
}"""
_HAS_RUN = """([selector, before]) => {
  const prompt = document.querySelector(selector).innerText;
  return /\\d/.test(prompt) && prompt !== before;
}"""
_JUMP = """async (grid) => {
  const begun = performance.now();
  grid.scrollTop = grid.scrollHeight * Math.random();
  do await new Promise((done) => requestAnimationFrame(done)); while (!grid.querySelector(".nbf-row[data-at]:not(.nbf-unread)") || grid.querySelector(".nbf-unread"));
  return performance.now() - begun;
}"""


def rows() -> list[Row]:
    """Measure."""
    launch_dir = Path(tempfile.mkdtemp(prefix="notebook-"))
    run = str(MadeSession(launch_dir, TASKS, entries=False).first.run_name)
    begin = len(_BEFORE)
    with lab(launch_dir, [cell.replace("{run}", run) for cell in _CELLS]) as page:
        for number in range(begin):
            run_cell(page, number)
        page.locator(".word-0").wait_for()
        page.evaluate(_PRESSED)
        cold, *warm = [_opened(page, begin + each) for each in range(OPENINGS)]
        words = [_word(page, begin + OPENINGS + each, each + 1) for each in range(OPENINGS)]
        grid = page.locator(".nbf-grid").last
        grid.scroll_into_view_if_needed()
        jumps = [grid.evaluate(_JUMP) for _ in range(9)]
        frames, empty = grid.evaluate(_SCROLL)
        filtered = [_filtered(page, text) for text in ("sample_0999", "sample_0998", "sample_0997")]
    word = ("a widget that holds a word", statistics.median(words))
    many = f"{TASKS:,} tasks"
    return [
        Row(f"%cache, a kernel's first, {many}", "ms", cold, None, "", *word),
        Row(f"%cache, {many}", "ms", statistics.median(warm), None, "500", *word),
        Row("jump to another place until it is read", "ms", statistics.median(jumps)),
        Row("a frame while scrolling", "ms", statistics.median(frames), None, "", "the screen's own", 1000 / 60),
        Row("the slowest of 20 frames while scrolling", "ms", statistics.quantiles(frames, n=20)[-1]),
        Row("frames that wait for rows", "%", 100 * empty),
        Row("filter by text, from the last key", "ms", statistics.median(filtered)),
    ]


@contextmanager
def lab(launch_dir: Path, cells: Sequence[str], heard: Callable[[int], None] = lambda size: None) -> Iterator[Any]:
    """A notebook in JupyterLab, which tells of each message of the kernel how many bytes it has."""
    from playwright.sync_api import sync_playwright

    write_notebook(launch_dir / "notebook.ipynb", *cells)
    program = next(filter(None, map(which, BROWSERS)))
    with front_end("lab", launch_dir) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(600_000)
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard(len(frame))))
        served.open(page, "notebook.ipynb")
        yield page
        browser.close()


def run_cell(page: Any, number: int) -> None:
    """Run a cell; return when it has run."""
    cell = f".jp-CodeCell[data-windowed-list-index='{number}']"
    before = page.inner_text(f"{cell} .jp-InputPrompt")
    page.locator(f"{cell} .cm-content").click()
    page.keyboard.press("Control+Enter")
    page.wait_for_function(_HAS_RUN, arg=[f"{cell} .jp-InputPrompt", before])


def _opened(page: Any, number: int) -> float:
    run_cell(page, number)
    took: float = page.evaluate(_UNTIL, [f"[data-windowed-list-index='{number}'] .nbf-grid", str(TASKS + 1)])
    return took


def _word(page: Any, number: int, word: int) -> float:
    run_cell(page, number)
    took: float = page.evaluate(_UNTIL, [f".word-{word}", ""])
    return took


def _filtered(page: Any, text: str) -> float:
    page.get_by_label("Filter tasks by name or hash").last.fill(text[:-1])
    page.wait_for_timeout(1500)
    page.get_by_label("Filter tasks by name or hash").last.press_sequentially(text[-1])
    took: float = page.evaluate(_UNTIL, [".nbf-grid", "101"])
    return took
