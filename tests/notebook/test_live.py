"""What is shown of a cell while its tasks run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nbflow.execution.local.meter import Use
from nbflow.execution.progress import ProcessCounts, RunningTask
from nbflow.execution.remaining import Estimate
from nbflow.notebook.progress.live import NAMED, Moment, coarse, render_progress
from nbflow.notebook.progress.render import ROWS

from .test_progress import HASH, Outline

NOW = 1000.0
TASKS = tuple(RunningTask(f"{number:032x}", f"align (s{number})", NOW - 10 * number - 0.5) for number in range(3))
RUNNING = ProcessCounts(
    "align", 10, 10, waiting=4, running=3, completed=1, cached=2, tasks=TASKS, hash=HASH, label="align (s1)"
)
FAILED = ProcessCounts("sort", 5, 5, completed=1, failed=1, ignored=1, aborted=1, running=1, retried=2)


def html(*processes: ProcessCounts, **more: object) -> str:
    return render_progress(Moment(processes, 3.25, NOW, **more))["text/html"]  # type: ignore[arg-type]


def head(*processes: ProcessCounts, **more: object) -> str:
    return render_progress(Moment(processes, 3.25, NOW, **more))["text/plain"].splitlines()[0]  # type: ignore[arg-type]


def bars(text: str) -> list[dict[str, str | None]]:
    return [attrs for _, attrs in Outline(text).tags if attrs.get("role") == "progressbar"]


def test_as_text_it_reads_as_on_nextflows_console() -> None:
    text = render_progress(Moment([RUNNING], 3.25))["text/plain"]
    assert text == "nbflow · 3 of 10 tasks · 3.2s\n[ab/12cd34] align (s1) | 3 of 10, cached: 2, running: 3"


def test_a_row_says_how_many_tasks_are_where() -> None:
    text = Outline(html(RUNNING, FAILED)).text
    for words in ("1 done", "2 cached", "3 running", "4 waiting", "1 failed", "2 retried", "1 ignored", "1 aborted"):
        assert words in text
    assert "failed" not in Outline(html(RUNNING).partition("</style>")[2]).text, "what there is none of is not shown"


def test_an_open_channel_has_no_total_yet() -> None:
    counts = ProcessCounts("align", None, 1200, waiting=1000, completed=200)
    assert head(counts, RUNNING).startswith("nbflow · 203 of 1,210 tasks so far")
    assert "200 of 1,200 so far" in Outline(html(counts)).text
    [bar] = bars(html(counts))
    assert "aria-valuenow" not in bar, "a bar whose end is not known has no value"
    assert bar["aria-valuetext"] == "200 of 1,200 so far"


def test_a_process_without_tasks_says_so() -> None:
    [bar] = bars(html(ProcessCounts("report", None)))
    assert bar["aria-valuetext"] == "no task yet"
    assert "waiting" in Outline(html(ProcessCounts("report", None))).text


def test_a_bar_is_labelled_and_its_segments_differ_by_more_than_colour() -> None:
    text = html(RUNNING)
    [bar] = bars(text)
    assert (bar["aria-label"], bar["aria-valuenow"], bar["aria-valuemax"]) == ("align", "3", "10")
    assert bar["aria-valuetext"] == "3 of 10, cached: 2, running: 3"
    segments = [attrs for tag, attrs in Outline(text).tags if "nbflow-" in str(attrs.get("class")) and tag == "span"]
    assert [(each["class"], each["style"]) for each in segments] == [
        ("nbflow-cached", "width: 20%"),
        ("nbflow-completed", "width: 10%"),
        ("nbflow-running", "width: 30%"),
    ]
    rules = [line for line in text.splitlines() if line.startswith((".nbflow-cached", ".nbflow-failed", ".nbflow-run"))]
    assert len({rule.partition("gradient(")[2].partition(",")[0] for rule in rules}) == 3, "each hatched its own way"


def test_updates_are_not_read_aloud_each_time() -> None:
    [status] = [attrs for _, attrs in Outline(html(RUNNING, FAILED)).tags if attrs.get("role") == "status"]
    assert status["aria-live"] == "off"


def test_the_oldest_running_tasks_are_named_with_their_age() -> None:
    assert "align (s2) 20s · align (s1) 10s · align (s0) 500ms" in Outline(html(RUNNING)).text
    many = tuple(RunningTask(f"{number:032x}", "x" * 500, NOW) for number in range(NAMED + 1200))
    text = html(replace(RUNNING, tasks=many))
    assert "and 1,200 more" in Outline(text).text
    assert "x" * 100 not in text, "a long name is cut"


def test_what_tasks_use_stands_with_their_process_and_in_sum() -> None:
    uses = {"align": Use(1.95, 1 << 30), "sort": Use(0.05, 1 << 29)}
    assert head(RUNNING, FAILED, uses=uses).endswith(" · CPU 200%, 1.5 GB")
    assert "CPU 195%, 1 GB" in Outline(html(RUNNING, FAILED, uses=uses)).text
    assert "CPU" not in head(RUNNING)


@pytest.mark.parametrize(
    ("estimate", "words"),
    [(Estimate(61.2), "about 1m 10s left"), (Estimate(14.9, is_least=True), "at least 10s left"), (None, "")],
)
def test_the_time_that_is_left_is_told_only_where_it_is_known(estimate: Estimate | None, words: str) -> None:
    said = head(RUNNING, remaining=estimate)
    assert (words in said) if words else ("left" not in said)


@pytest.mark.parametrize(
    ("seconds", "rounded"), [(0.2, 1), (9.5, 10), (11, 15), (61, 70), (301, 360), (3601, 4200), (36000, 36000)]
)
def test_an_estimate_claims_no_more_than_it_can_know(seconds: float, rounded: float) -> None:
    assert coarse(seconds) == rounded
    assert coarse(rounded) == coarse(rounded, down=True) == rounded
    assert coarse(seconds, down=True) <= seconds


def test_names_are_text_and_never_markup() -> None:
    evil = '<img src=x onerror="1">&'
    task = RunningTask(HASH, evil, NOW)
    outline = Outline(html(ProcessCounts(evil, 1, 1, running=1, hash=HASH, label=evil, tasks=(task,))))
    assert all(tag != "img" for tag, _ in outline.tags)
    assert outline.text.count(evil) == 2


def test_colours_have_fallbacks_and_no_script_is_needed() -> None:
    text = html(RUNNING, FAILED)
    assert "<script" not in text
    assert text.count("var(--jp-") == text.count(", #") + text.count(", 13px")


def test_hundreds_of_processes_are_a_small_page_with_those_that_run() -> None:
    many = [ProcessCounts(f"process_{number:03}", 10, 10, completed=10) for number in range(300)]
    many[250] = replace(RUNNING, name="process_250")
    text = html(*many)
    assert "process_250" in text
    assert len(bars(text)) == ROWS
    assert "and 250 more processes: 2,500 of 2,500 tasks" in Outline(text).text
    assert len(text) < 40_000
