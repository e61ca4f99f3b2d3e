"""Tests of the report: what it says of a run, and that nothing in a run can break it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.reports import task_table
from nbflow.reports.report import report
from nbflow.reports.view import RunView
from nbflow.storage.rows import TaskRow
from tests.reports.pages import Page, check
from tests.reports.runs import NASTY, large, mixed, run, task


def rows_of(page: Page) -> list[str]:
    return [each.text for each in page.all("tr", lambda row: "data-status" in row.attributes)]


def test_a_report_is_whole_by_itself_and_says_what_its_tables_and_plots_are() -> None:
    for view in (mixed(), large(700), run([]), run([], live=True), run([task("train")], status=None)):
        check(report(view))


def test_every_task_is_in_the_file_without_scripts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_table, "PART", 3)
    page = check(report(mixed()))
    rows = rows_of(page)
    assert [next(name for name in (each.name for each in mixed().tasks) if name in row) for row in rows]
    assert len(rows) == len(mixed().tasks)
    captions = [each.text for each in page.all("caption") if each.text.startswith("Tasks")]
    assert captions[0] == "Tasks 1 to 3 of 17"
    assert captions[-1] == "Tasks 16 to 17 of 17"
    folded = page.all("details", lambda each: each.text.startswith("Tasks"))
    assert ["open" in each.attributes for each in folded] == [True, *[False] * 5]


def test_a_run_that_goes_on_says_so_and_shows_what_runs_and_waits() -> None:
    page = check(report(mixed()))
    said = page.all("p", lambda each: each.attributes.get("role") == "status")
    assert [each.text for each in said] == [
        "▶ This run goes on: 1 running and 1 submitted at 12:01:00. Write the file again to see more."
    ]
    assert any("report (1)" in row and "RUNNING" in row for row in rows_of(page))
    assert any("report (2)" in row and "SUBMITTED" in row for row in rows_of(page))
    over = check(report(run([task("train")])))
    assert not over.all("p", lambda each: "goes on" in each.text)


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (run([], status="OK"), "the run succeeded"),
        (run([], status="ERR"), "the run failed"),
        (run([], status=None), "the run was cut off: its kernel ended before it"),
        (run([], live=True), "the run goes on"),
    ],
)
def test_how_a_run_ended_is_said_in_words(view: RunView, said: str) -> None:
    assert said in [each.text for each in check(report(view)).all("dd")]


def test_the_summary_counts_tasks_by_status_and_what_the_cache_saved() -> None:
    page = check(report(mixed()))
    counts = [each.text for each in page.all("li", lambda each: "strong" not in each.inside) if each.text[:1].isdigit()]
    assert counts == ["9✔ completed", "4↺ cached", "1▶ running", "1… submitted", "1✖ failed", "1■ aborted"]
    facts = dict(zip((each.text for each in page.all("dt")), (each.text for each in page.all("dd")), strict=True))
    assert facts["Saved by the cache"] == "8s"
    assert facts["Tasks"] == "17 tasks of 4 processes"
    assert facts["So far"] == "1m"


def test_cpu_hours_are_counted_as_in_nextflow_with_the_share_of_cached_and_failed_tasks() -> None:
    hour = 3_600_000
    tasks = [
        task("fit (1)", key=1, runs=hour, cpus=2),
        task("fit (2)", "CACHED", key=2, runs=hour, cpus=1),
        task("fit (3)", "FAILED", key=3, runs=hour, cpus=1),
    ]
    assert "4.0 (25.0% cached, 25.0% failed)" in [each.text for each in check(report(run(tasks))).all("dd")]


def test_a_failed_task_is_shown_with_what_it_printed(tmp_path: Path) -> None:
    row = task("score", "FAILED")
    work_dir = tmp_path / "work"
    work_dir.mkdir()
    (work_dir / ".command.err").write_text("".join(f"line {n}\n" for n in range(500)) + "no such column </pre>\n")
    row = TaskRow(row.task_hash, row.session, row.run, row.status, work_dir, row.trace, row.entry)
    page = check(report(run([row])))
    shown = next(each.text for each in page.all("pre") if "no such column" in each.text)
    assert shown.endswith("no such column </pre>")
    assert "line 470\n" not in shown  # its end is what tells


def test_of_a_failure_it_is_said_whether_the_task_was_run_again_or_the_failure_ignored() -> None:
    tasks = [
        task("fit", "FAILED", key=at, error_action=action) for at, action in enumerate(("RETRY", "IGNORE", "TERMINATE"))
    ]
    notes = [
        each.text for each in check(report(run(tasks))).all("div") if each.attributes.get("class") == "notice failed"
    ]
    assert ["run again" in note for note in notes] == [True, False, False]
    assert ["ignored" in note for note in notes] == [False, True, False]


def test_a_plot_has_its_numbers_beside_it_and_leaves_out_what_nobody_knows() -> None:
    tasks = [task(f"fit ({n})", key=n, runs=1000 * n) for n in (1, 2, 3, 4, 5)]
    page = check(report(run(tasks)))
    titles = [each.text for each in page.all("figcaption")]
    assert "Time that tasks ran (realtime)" in titles
    assert "Peak virtual memory" not in titles
    assert "Peak memory of the memory asked for" not in titles
    table = next(each for each in page.all("table") if each.text.startswith("Time that tasks ran (realtime)"))
    assert table.text.endswith("fit51s2s3s4s5s3s\n")
    asked = check(report(run([task("fit", peak_rss=2**20, memory=2**22)])))
    table = next(each for each in asked.all("table") if each.text.startswith("Peak memory of the memory asked for"))
    assert "25 %" in table.text


def test_the_body_of_a_process_is_in_the_file_once_for_all_its_tasks() -> None:
    text = report(run([task(f"fit ({n})", key=n, script="y = x ** 2") for n in range(100)]))
    assert text.count("y = x ** 2") == 1


def told(text: str) -> RunView:
    """A run whose every text is this one."""
    texts = dict.fromkeys(("name", "process", "tag", "script", "hash"), text)
    tasks = [task("fit"), task("fit", "FAILED")]
    return run(
        TaskRow(
            each.task_hash,
            text,
            text,
            each.status,
            Path(text.encode("utf-8", "replace").decode()),
            {**each.trace, **texts},
            each.entry,
            text,
        )
        for each in tasks
    )


@pytest.mark.parametrize("text", NASTY)
def test_nothing_that_a_task_holds_is_taken_for_markup(text: str) -> None:
    page, plain = check(report(told(text))), check(report(told("plain")))
    assert page.shape == plain.shape
    assert any(each.text == text for each in page.all("pre"))


@settings(max_examples=30, deadline=None)
@given(st.text(st.characters(exclude_characters="\r\0"), min_size=1).filter(str.strip))
def test_a_report_has_the_same_shape_whatever_its_texts_are(text: str) -> None:
    assert check(report(told(text))).shape == check(report(told("plain"))).shape
