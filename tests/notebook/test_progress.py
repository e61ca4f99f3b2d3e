"""One display per cell: counters, live updates, and what a saved notebook keeps."""

from __future__ import annotations

import subprocess
import threading
import time
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from nbconvert import HTMLExporter, MarkdownExporter

from nbflow.execution.inline.executor import InlineExecutor
from nbflow.execution.inline.foreground import Foreground
from nbflow.execution.job import Running
from nbflow.execution.progress import ProcessCounts, Progress, RunningTask
from nbflow.notebook.environment import Audience
from nbflow.notebook.progress.progress import INTERVAL, ProgressDisplay
from nbflow.notebook.progress.render import (
    ROWS,
    Verdict,
    duration,
    render_summary,
    render_verdict,
    short_hash,
    status_of,
)

from .conftest import Kernel

HASH = "ab12cd34" + "0" * 24
OTHER = "ffeeddcc" + "1" * 24


class Recorder:
    """A publisher that keeps what it is told, and when."""

    def __init__(self) -> None:
        self.seen: list[tuple[bool, str, dict[str, str], float]] = []

    def publish(self, data: Any, metadata: Any = None, *, transient: Any = None, update: bool = False) -> None:
        self.seen.append((update, transient["display_id"], data, time.monotonic()))


# The counters


def only(progress: Progress) -> ProcessCounts:
    (counts,) = progress.snapshot()
    return counts


def test_a_task_is_counted_once_wherever_it_is() -> None:
    progress = Progress()
    progress.submitted("align", 5)
    progress.started("align", HASH, "align (1)")
    progress.started("align", OTHER, "align (2)")
    progress.cached("align", HASH, "align (3)", saved=60)
    progress.completed("align", HASH, "align (1)")
    counts = only(progress)
    assert (counts.waiting, counts.running, counts.completed, counts.cached) == (2, 1, 1, 1)
    assert (counts.ended, counts.total, counts.saved) == (2, 5, 60)
    assert not counts.settled
    progress.failed("align", OTHER, "align (2)")
    progress.aborted("align")
    progress.started("align", HASH, "align (4)")
    progress.aborted("align", HASH)
    counts = only(progress)
    assert (counts.waiting, counts.running, counts.failed, counts.aborted) == (0, 0, 1, 2)
    assert counts.settled


def test_a_retried_task_waits_again() -> None:
    progress = Progress()
    progress.submitted("align")
    progress.started("align", HASH, "align")
    progress.retried("align", HASH)
    assert (only(progress).waiting, only(progress).running, only(progress).retried) == (1, 0, 1)


def test_an_ignored_failure_is_no_failure() -> None:
    progress = Progress()
    progress.submitted("align", 2)
    progress.started("align", HASH, "align")
    progress.ignored("align", HASH)
    progress.ignored("align")  # it waited for the same task
    counts = only(progress)
    assert (counts.running, counts.ignored, counts.failed, counts.ended) == (0, 2, 0, 2)


def test_running_tasks_are_known_by_name_and_age_and_how_long_the_completed_ones_took() -> None:
    progress = Progress()
    progress.submitted("align", 3)
    progress.started("align", HASH, "align (1)", 1000.0)
    progress.started("align", OTHER, "align (2)", 1001.0)
    progress.completed("align", HASH, "align (1)", took=3.0)
    counts = only(progress)
    assert counts.tasks == (RunningTask(OTHER, "align (2)", 1001.0),)
    assert (counts.completed, counts.took, counts.took_squared) == (1, 3.0, 9.0)


def test_reused_tasks_are_counted_by_the_run_that_executed_them() -> None:
    progress = Progress()
    for run in ("calm_curie", "happy_turing", "calm_curie", ""):
        progress.reused("align", HASH, "align", 1, run)
    assert only(progress).runs == (("calm_curie", 2), ("happy_turing", 1))
    assert only(progress).cached == 4


def test_the_total_is_unknown_while_a_channel_cannot_tell() -> None:
    progress, told = Progress(), {"a": None, "b": 2}
    progress.opened("align", lambda: told["a"])
    progress.opened("align", lambda: told["b"])
    progress.submitted("align")
    progress.cached("align", HASH, "align")
    assert only(progress).total is None
    assert not only(progress).settled
    told["a"] = 0
    assert (only(progress).total, only(progress).settled) == (2, False)
    progress.reused("align", HASH, "align", 0)
    assert only(progress).settled
    progress.submitted("align")  # called with a value, beside its channels
    assert only(progress).total == 3


def test_the_last_task_is_named_but_a_failed_one_stays() -> None:
    progress = Progress()
    progress.submitted("align", 3)
    progress.cached("align", HASH, "align (1)")
    assert only(progress).label == "align (1)"
    progress.started("align", HASH, "align (2)")
    progress.failed("align", "ff" * 16, "align (2)")
    progress.cached("align", HASH, "align (3)")
    assert (only(progress).label, only(progress).hash) == ("align (2)", "ff" * 16)


def test_processes_stay_in_the_order_in_which_they_came() -> None:
    progress = Progress()
    for name in ("b", "a", "b", "c"):
        progress.submitted(name)
    assert [counts.name for counts in progress.snapshot()] == ["b", "a", "c"]


def test_the_version_tells_whether_anything_changed() -> None:
    progress = Progress()
    before = progress.version
    progress.submitted("align")
    assert progress.version > before
    assert progress.version == progress.version


def test_the_first_task_is_announced_once_in_its_own_thread() -> None:
    calls: list[threading.Thread] = []
    progress = Progress(lambda: calls.append(threading.current_thread()))
    progress.opened("align", lambda: 1)
    progress.submitted("align")
    progress.submitted("other")
    assert calls == [threading.current_thread()]


def test_counts_from_many_threads_add_up() -> None:
    progress = Progress()

    def work(task_hash: str) -> None:
        for _ in range(2000):
            progress.submitted("align")
            progress.started("align", task_hash, "align")
            progress.completed("align", task_hash, "align")

    threads = [threading.Thread(target=work, args=(f"{number:032x}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (only(progress).submitted, only(progress).completed, only(progress).running) == (8000, 8000, 0)


# How they look


class Outline(HTMLParser):
    """The tags of a page and its text; fails on markup that does not close."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


DONE = ProcessCounts("align", 10, 10, completed=8, cached=2, saved=123, hash=HASH, label="align (s9)")
FAILED = ProcessCounts("sort", 3, 3, completed=1, failed=1, aborted=1, hash=HASH, label="sort (2)")


def test_a_finished_process_carries_a_mark_and_no_arbitrary_hash() -> None:
    text = render_summary([DONE, FAILED], 65)["text/plain"]
    assert text == (
        "nbflow · 13 tasks · 1m 5s · saved 2m 3s\n"
        "align | 10 of 10, cached: 2 ✔\n"
        "[ab/12cd34] sort (2) | 3 of 3, failed: 1, aborted: 1 ✖"
    )


def test_the_head_says_what_came_from_which_run() -> None:
    some = replace(DONE, runs=(("calm_curie", 1), ("happy_turing", 1)))
    assert head_of([some]) == "nbflow · 10 tasks · 1s · 2 reused from calm_curie and happy_turing · saved 2m 3s"
    whole = replace(DONE, completed=0, cached=10, runs=(("calm_curie", 10),))
    assert head_of([whole]) == "nbflow · 10 tasks · 1s · all reused from calm_curie · saved 2m 3s"
    other = replace(whole, name="sort", saved=0.0, runs=(("a", 2), ("b", 3), ("c", 1), ("d", 4)))
    assert head_of([whole, other]).endswith(" · all reused from calm_curie, d and 3 more runs · saved 2m 3s")


def head_of(processes: list[ProcessCounts]) -> str:
    return render_summary(processes, 1)["text/plain"].splitlines()[0]


def test_a_process_without_tasks_says_so() -> None:
    assert "report | no task -" in render_summary([DONE, ProcessCounts("report", 0)], 1)["text/plain"]


def test_the_table_can_be_read_aloud() -> None:
    outline = Outline(render_summary([DONE, FAILED], 1)["text/html"])
    assert [tag for tag, _ in outline.tags].count("caption") == 1
    assert [attrs["scope"] for tag, attrs in outline.tags if tag == "th"] == ["row", "row"]
    assert sum(attrs.get("role") == "status" for _, attrs in outline.tags) == 1
    assert not any(attrs.get("role") == "progressbar" for _, attrs in outline.tags), "all is over"
    assert "failed" in outline.text


def test_of_very_many_processes_those_that_failed_are_shown() -> None:
    many = [ProcessCounts(f"p{number:03}", 1, 1, completed=1) for number in range(200)]
    many[123] = replace(FAILED, name="p123")
    outline = Outline(render_summary(many, 1)["text/html"])
    assert len([tag for tag, _ in outline.tags if tag == "th"]) == ROWS
    assert "p123" in outline.text and "p000" in outline.text and "p199" not in outline.text
    assert f"and {200 - ROWS} more processes: {200 - ROWS} of {200 - ROWS} tasks" in outline.text


def test_names_are_text_and_never_markup() -> None:
    evil = '<img src=x onerror="1">&'
    counts = ProcessCounts(evil, 1, 1, running=1, hash=HASH, label=evil)
    for html in (
        render_summary([counts], 1)["text/html"],
        render_verdict(Verdict("failed", f"{evil} `{evil}`"))["text/html"],
    ):
        outline = Outline(html)
        assert all(tag != "img" for tag, _ in outline.tags)
        assert evil in outline.text


def test_colours_have_fallbacks_and_nothing_needs_a_kernel() -> None:
    html = render_summary([DONE, FAILED], 1)["text/html"] + render_verdict(Verdict("cached", "train"))["text/html"]
    assert "<script" not in html
    assert "<style" not in html
    assert html.count("var(--jp-") == html.count(", #") + html.count(", 13px")


@pytest.mark.parametrize(
    ("counts", "status"),
    [
        (ProcessCounts("p", None), "waiting"),
        (ProcessCounts("p", 1, 1, waiting=1), "waiting"),
        (ProcessCounts("p", 1, 1, running=1), "running"),
        (ProcessCounts("p", 2, 2, waiting=1, completed=1), "running"),
        (ProcessCounts("p", 2, 2, running=1, failed=1), "failed"),
        (ProcessCounts("p", 2, 2, cached=2), "cached"),
        (ProcessCounts("p", 2, 2, cached=1, completed=1), "completed"),
        (ProcessCounts("p", 2, 2, aborted=1, completed=1), "aborted"),
    ],
)
def test_the_status_says_what_matters_most(counts: ProcessCounts, status: str) -> None:
    assert status_of(counts) == status


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0ms"),
        (0.0351, "35ms"),
        (1, "1s"),
        (1.26, "1.2s"),
        (59.99, "59.9s"),
        (60, "1m"),
        (123, "2m 3s"),
        (3600, "1h"),
        (13260, "3h 41m"),
        (190800, "2d 5h"),
    ],
)
def test_durations_are_written_as_nextflow_does(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_verdict_is_one_line_with_code_in_it() -> None:
    bundle = render_verdict(Verdict("completed", "train: ran, 1.2s · global `threshold` changed: 0.5 -> 0.7"))
    assert bundle["text/plain"] == "✔ train: ran, 1.2s · global `threshold` changed: 0.5 -> 0.7"
    assert "<code>threshold</code> changed: 0.5 -&gt; 0.7" in bundle["text/html"]


def test_the_short_hash_is_nextflows() -> None:
    assert short_hash(HASH) == "ab/12cd34"


# The display


def test_quick_tasks_show_the_summary_only() -> None:
    progress, recorder = Progress(), Recorder()
    display = ProgressDisplay(progress, recorder, Audience.FRONT_END)
    display.start()
    progress.submitted("align")
    progress.cached("align", HASH, "align")
    display.finish()
    display.finish()
    assert [update for update, *_ in recorder.seen] == [False]
    assert recorder.seen[0][2]["text/plain"].endswith("[ab/12cd34] align | 1 of 1, cached: 1 ↺")


def test_a_cell_without_tasks_shows_nothing() -> None:
    recorder = Recorder()
    display = ProgressDisplay(Progress(), recorder, Audience.FRONT_END)
    display.start()
    display.finish()
    assert recorder.seen == []


def test_slow_tasks_are_followed_at_most_four_times_a_second() -> None:
    progress, recorder = Progress(), Recorder()
    display = ProgressDisplay(progress, recorder, Audience.FRONT_END)
    progress.submitted("align", 1000)
    display.start()
    display.start()
    while len(recorder.seen) < 4:
        progress.cached("align", HASH, "align")
        time.sleep(0.01)
    live = [when for *_, when in recorder.seen]
    display.finish()
    assert all(later - earlier >= INTERVAL * 0.9 for earlier, later in pairwise(live))
    assert [update for update, *_ in recorder.seen] == [False, *[True] * (len(recorder.seen) - 1)]
    assert len({display_id for _, display_id, *_ in recorder.seen}) == 1
    assert "progressbar" in recorder.seen[0][2]["text/html"]
    assert "progressbar" not in recorder.seen[-1][2]["text/html"]


def test_a_verdict_takes_the_place_of_the_progress() -> None:
    progress, recorder = Progress(), Recorder()
    display = ProgressDisplay(progress, recorder, Audience.FRONT_END)
    progress.submitted("train")
    progress.started("train", HASH, "train")
    display.start()
    while not recorder.seen:
        time.sleep(0.01)
    progress.completed("train", HASH, "train")
    display.finish(Verdict("completed", "train: ran, 1.2s"))
    assert recorder.seen[-1][0] is True
    assert recorder.seen[-1][2]["text/plain"] == "✔ train: ran, 1.2s"


def test_after_the_output_was_cleared_the_display_is_a_new_one() -> None:
    progress, recorder = Progress(), Recorder()
    display = ProgressDisplay(progress, recorder, Audience.FRONT_END)
    progress.submitted("train")
    display.start()
    while not recorder.seen:
        time.sleep(0.01)
    display.lost()
    display.finish(Verdict("completed", "train: ran"))
    assert recorder.seen[-1][0] is False


class Asked(InlineExecutor):
    """An executor that tells of one real process, and counts how often it was asked."""

    def __init__(self, pid: int = 0) -> None:
        super().__init__(Foreground(lambda: None))
        self.pid = pid
        self.times = 0

    def running(self) -> list[Running]:
        self.times += 1
        return [Running(HASH, self.pid, time.time())] if self.pid else []


def test_what_running_tasks_use_is_shown_with_their_process() -> None:
    progress, recorder = Progress(), Recorder()
    progress.submitted("align")
    with subprocess.Popen(["sleep", "600"]) as task:
        progress.started("align", HASH, "align (1)", time.time())
        display = ProgressDisplay(progress, recorder, Audience.FRONT_END, partial(Asked, task.pid))
        display.start()
        while not any("CPU " in data["text/plain"] for _, _, data, _ in recorder.seen):
            time.sleep(0.02)
        task.kill()
    display.finish()


@pytest.mark.parametrize("audience", [Audience.FILE, Audience.TERMINAL])
def test_nothing_is_measured_when_nobody_looks(audience: Audience) -> None:
    progress, asked = Progress(), Asked()
    display = ProgressDisplay(progress, Recorder(), audience, lambda: asked)
    display.start()
    progress.submitted("align")
    progress.started("align", HASH, "align")
    time.sleep(0.5)
    progress.completed("align", HASH, "align")
    display.finish()
    assert asked.times == 0


def test_an_interrupt_that_comes_late_leaves_no_display_that_moves_no_more() -> None:
    class Interrupted(Recorder):
        def publish(self, data: Any, metadata: Any = None, *, transient: Any = None, update: bool = False) -> None:
            interrupt = not self.seen
            super().publish(data, metadata, transient=transient, update=update)
            if interrupt:
                raise KeyboardInterrupt

    progress, recorder = Progress(), Interrupted()
    progress.reused("align", HASH, "align", 0)
    display = ProgressDisplay(progress, recorder, Audience.FRONT_END)
    with pytest.raises(KeyboardInterrupt):
        display.finish()
    assert "align | 1 of 1" in recorder.seen[-1][2]["text/plain"]
    shown = len(recorder.seen)
    display.finish()
    assert len(recorder.seen) == shown


def test_without_a_front_end_only_the_settled_state_is_published() -> None:
    progress, recorder = Progress(), Recorder()
    display = ProgressDisplay(progress, recorder, Audience.FILE)
    progress.submitted("align")
    display.start()
    time.sleep(0.3)
    assert recorder.seen == []
    progress.cached("align", HASH, "align")
    display.finish()
    assert len(recorder.seen) == 1


def test_a_terminal_gets_plain_lines(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    display = ProgressDisplay(progress, shell.display_pub, Audience.TERMINAL)
    progress.submitted("align", 2)
    display.start()
    progress.cached("align", HASH, "align (1)")
    progress.cached("align", HASH, "align (2)")
    display.finish()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("nbflow · 2 tasks · ")
    assert lines[1:] == ["align | 2 of 2, cached: 2 ↺"]


# In a kernel

CELL = """
import time
from nbflow.execution.progress import Progress
from nbflow.notebook.environment import Audience
from nbflow.notebook.progress.progress import ProgressDisplay
progress = Progress()
display_ = ProgressDisplay(progress, get_ipython().display_pub, Audience.FRONT_END)
progress.submitted("align", 3)
display_.start()
for number in range(3):
    progress.started("align", "ab12cd34" + "0" * 24, f"align ({number})")
    time.sleep(0.3)
    progress.completed("align", "ab12cd34" + "0" * 24, f"align ({number})")
display_.finish()
"""


def test_updates_from_the_thread_belong_to_the_cell(kernel: Kernel) -> None:
    reply = kernel.run(CELL)  # keeps messages of this cell only
    assert len(reply.of("display_data")) == 1
    assert len(reply.of("update_display_data")) >= 2


def test_the_display_is_shown_although_the_cell_is_captured(kernel: Kernel) -> None:
    kernel.run("publisher = get_ipython().display_pub")
    captured = "%%capture\n" + CELL.replace("get_ipython().display_pub", "publisher")
    assert len(kernel.run(captured).of("display_data")) == 1


def test_what_is_saved_with_the_notebook_is_the_summary_and_can_be_exported() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    NotebookClient(notebook, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert output["output_type"] == "display_data"
    assert output["data"]["text/plain"].endswith("align | 3 of 3 ✔")
    html, _ = HTMLExporter().from_notebook_node(notebook)
    assert '<th scope="row"' in html
    assert "3 of 3" in html
    markdown, _ = MarkdownExporter().from_notebook_node(notebook)
    assert "3 of 3" in markdown
