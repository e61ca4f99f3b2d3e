"""Tests of the timeline: where bars lie, and how many tasks there may be."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from nbflow.reports.bars import bar_of, span
from nbflow.reports.lanes import merged, packed
from nbflow.reports.timeline import BARS, timeline, timeline_figure, timeline_text
from tests.reports.pages import Element, check, read
from tests.reports.runs import MOMENT, large, mixed, run, task


def bars(text: str) -> list[Element]:
    """The parts of bars, told from the signs of the legend."""
    return read(text).all("rect", lambda each: "g" in each.inside and "y" in each.attributes)


def test_a_timeline_is_whole_by_itself() -> None:
    for view in (mixed(), large(BARS + 1), run([]), run([task("train")], status=None)):
        check(timeline(view))


def test_a_bar_waits_from_submit_to_start_runs_its_realtime_and_then_ends() -> None:
    view = run([task("fit", at=1000, waits=1000, runs=2000, complete=MOMENT + 10_000)])
    assert span(view) == (MOMENT, 10_000)
    shown = bars(timeline(view))
    assert [(each.attributes["x"], each.attributes["width"]) for each in shown] == [
        ("10%", "10%"),
        ("20%", "20%"),
        ("40%", "60%"),
    ]
    waits, runs, ends = shown
    assert "url(#" in waits.attributes["fill"]
    assert "fill" not in runs.attributes  # one colour, where the others are hatched
    assert "url(#" in ends.attributes["fill"]


def test_what_goes_on_reaches_to_this_moment() -> None:
    view = run([task("fit", "RUNNING", at=10_000, waits=20_000), task("late", "SUBMITTED", at=30_000)], live=True)
    running, waiting = (bar_of(each, *span(view)) for each in view.tasks)
    assert running is not None
    assert waiting is not None
    assert (running.submit, running.start, running.stop, running.complete) == (10_000, 30_000, 60_000, 60_000)
    assert (waiting.submit, waiting.start, waiting.complete) == (30_000, 60_000, 60_000)


def test_a_cached_task_has_no_bar_and_does_not_stretch_the_axis() -> None:
    view = run(
        [task("old", "CACHED", key=1, at=-86_400_000, runs=3_000), task("fit", key=2, at=0, waits=0, runs=1_000)]
    )
    assert span(view) == (MOMENT, 1_000)
    text = timeline(view)
    assert len(bars(text)) == 1
    assert "cached: took 3s on " in text


def test_each_row_is_named_and_has_its_status_as_a_sign_and_a_word() -> None:
    page = check(timeline(mixed()))
    labels = [each.text for each in page.all("div", lambda each: "title" in each.attributes)]
    assert labels[0] == "↺ fit (0)"
    assert labels[-4:] == ["✖ score (1)", "■ score (2)", "▶ report (1)", "… report (2)"]
    words = [each.text for each in page.all("text")]
    assert "2.5s / 28.6 MB / ✖ failed" in words
    assert "2.5s / 28.6 MB / ■ aborted" in words
    assert any(each.endswith("▶ running") for each in words)


def test_times_that_cannot_be_are_no_bars_outside_the_chart() -> None:
    odd = [
        task("a", key=1, start=MOMENT - 5000),
        task("b", key=2, complete=MOMENT - 1),
        task("c", key=3, realtime=10**12),
        task("d", key=4, submit=None, start=None, complete=None),
    ]
    view = run(odd)
    begin, length = span(view)
    for each in odd[:3]:
        bar = bar_of(each, begin, length)
        assert bar is not None
        assert 0 <= bar.submit <= length
        assert 0 <= bar.start <= bar.stop <= length
    check(timeline(view))


def test_of_many_tasks_those_of_a_process_share_lanes_and_what_failed_is_marked() -> None:
    view = large(1000)
    page = check(timeline(view))
    executed = [each for each in view.tasks if each.status != "CACHED"]
    titles = [each.text for each in page.all("title") if "g" in each.inside]
    assert len(titles) == len(executed)
    failed = [each for each in page.all("text") if each.text == "✖"]
    assert len(failed) == view.counts["FAILED"]
    assert "286 completed" in re.sub(r"[^\w ]", " ", " ".join(each.text for each in page.all("text")))


def test_what_a_notebook_keeps_of_ten_thousand_tasks_stays_small() -> None:
    view = large(10_000)
    assert len(timeline_figure(view)) < 100_000
    assert len(timeline_text(view).splitlines()) == 4


def test_the_text_of_a_timeline_names_each_process_and_when_it_ran() -> None:
    assert timeline_text(mixed()).splitlines()[1:3] == [
        "fit: 8 completed, 4 cached; +800ms to +4.7s",
        "split: 1 completed; +0ms to +2.5s",
    ]


SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)).map(lambda pair: (pair[0], sum(pair))), max_size=60)


@given(SPANS)
def test_in_a_lane_nothing_lies_over_anything_and_there_are_no_more_lanes_than_needed(
    spans: list[tuple[int, int]],
) -> None:
    lanes = packed(spans)
    for lane in {*lanes}:
        mine = sorted(span for span, its in zip(spans, lanes, strict=True) if its == lane)
        assert all(one[1] <= other[0] for one, other in pairwise(mine))
    moments = {begin for begin, _ in spans}
    at_once = max((sum(begin <= moment < end for begin, end in spans) for moment in moments), default=0)
    empty = sum(begin == end for begin, end in spans)
    assert max(lanes, default=-1) + 1 <= at_once + empty


def test_bars_near_each_other_are_drawn_as_one_but_failures_are_not() -> None:
    view = run([
        task("a", key=1, at=0, waits=0, runs=100),
        task("b", key=2, at=105, waits=0, runs=100),
        task("c", "FAILED", key=3, at=210, waits=0, runs=100),
        task("d", key=4, at=315, waits=0, runs=100),
        task("e", key=5, at=600, waits=0, runs=100),
    ])  # fmt: skip
    found = [bar for each in view.tasks if (bar := bar_of(each, *span(view))) is not None]
    assert [[bar.task.name for bar in together] for together in merged(found, 10)] == [["a", "b"], ["c"], ["d"], ["e"]]
