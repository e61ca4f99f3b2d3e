"""Tests of why: which tasks a text means, and what is said of one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from nbflow.core.parts import Part, combine
from nbflow.core.task.entry import COMPLETED, TaskEntry
from nbflow.core.task.resume import Reason
from nbflow.errors import NbflowError
from nbflow.execution.explain.why import explain, matching, why
from nbflow.storage.rows import TaskRow
from tests.storage.launch import OTHER, SESSION, Launch


def row(number: int, **values: object) -> TaskRow:
    parts = tuple(
        Part("global", name, combine("v", [str(value).encode()]), str(value)) for name, value in values.items()
    )
    entry = TaskEntry(COMPLETED, 0, 10, "first_run", "boot", process="fit", name=f"fit ({number})", parts=parts)
    trace = {"name": f"fit ({number})", "process": "fit", "realtime": 10, "exit": 0}
    return TaskRow(f"{number:02x}" * 16, "s", "this_run", COMPLETED, Path("/w"), trace, entry, Reason.NEW.value)


def before(row: TaskRow) -> TaskRow:
    return replace(row, run="first_run")


def test_a_text_means_a_task_then_a_process_then_a_hash() -> None:
    rows = [row(1), row(0xAB), row(3)]
    assert matching(rows, "fit (3)") == rows[2:]
    assert matching(rows, "fit") == rows
    for text in ("ab/abab", "[ab/abab]", "abab", "AB"):
        assert matching(rows, text) == rows[1:2]
    assert matching(rows, "a") == matching(rows, "fits") == []


def test_a_task_that_ran_is_compared_with_the_nearest_earlier_one() -> None:
    earlier = [before(row(1, n=5, m=5, k=5)), before(row(2, n=1, m=2, k=4)), before(row(3, n=1, m=2, k=3))]
    text = explain(row(9, n=1, m=2, k=3.5), earlier)
    assert "ran because it differs from fit (2) [02/020202] of first_run:" in text
    assert "global `k` changed: 4 -> 3.5" in text and "`n`" not in text


def test_a_decision_that_was_not_about_its_parts_is_said_as_it_was_made() -> None:
    text = explain(replace(row(9, n=1), reason="output `y` was modified after the run"), [row(1, n=2)])
    assert "ran because output `y` was modified after the run" in text and "differs" not in text


def test_a_first_task_has_not_run_before() -> None:
    assert "ran because it has not run before" in explain(row(9, n=1), [])
    assert "ran because it has not run before" in explain(row(9, n=1), [row(1, n=1)])


def test_a_cached_task_names_the_run_that_executed_it() -> None:
    text = explain(replace(row(9), status="CACHED"), [row(1)])
    assert "fit (9) [09/090909]: CACHED in this_run (10ms)" in text and "executed by first_run" in text


def test_verbose_lists_the_parts() -> None:
    assert "global n " in explain(row(9, n=1), [], verbose=True)
    assert "global n " not in explain(row(9, n=1), [])


def test_the_latest_run_that_has_the_task_is_meant_unless_one_is_named(tmp_path: Path) -> None:
    launch = Launch(tmp_path)
    first = launch.run(ran=(1,))
    second = launch.run(hits=(1,))
    third = launch.run(ran=(2,))
    assert f"CACHED in {second.run_name}" in why(launch.reader, "fit (1)")
    assert f"COMPLETED in {first.run_name}" in why(launch.reader, "fit (1)", str(first.run_name))
    assert f"COMPLETED in {third.run_name}" in why(launch.reader, "fit")
    with pytest.raises(NbflowError, match=r"No task is called 'fot'.*Did you mean 'fit'"):
        why(launch.reader, "fot")


def test_a_process_means_its_last_task_and_all_of_them_where_asked(tmp_path: Path) -> None:
    launch = Launch(tmp_path)
    launch.run(ran=tuple(range(1, 15)))
    text = why(launch.reader, "fit")
    assert text.startswith("fit (14) [0e/0e0e0e]") and text.count("COMPLETED in") == 1
    assert text.endswith("the last of 14 tasks; all of them: nbflow why -v fit")
    assert why(launch.reader, "fit", verbose=True).count("COMPLETED in") == 14


def test_the_same_session_is_asked_before_others_and_then_the_fewest_differences_then_the_newest() -> None:
    here, elsewhere = [before(row(1, n=5, m=5))], [before(row(2, n=1, m=2, session=2)), before(row(3, n=2, m=2))]
    assert "differs from fit (1)" in explain(row(9, n=1, m=2, session=1), here, elsewhere)
    assert "differs from fit (2)" in explain(row(9, n=1, m=2, session=1), [], elsewhere)
    assert "differs from fit (8)" in explain(row(9, n=1), [before(row(8, n=2)), before(row(7, n=3))])


def test_tasks_beside_each_other_in_a_channel_are_not_compared() -> None:
    assert "has not run before" in explain(row(9, n=1), [row(8, n=2)])
    again = replace(row(8, n=2), trace={"name": "fit (9)", "process": "fit"})
    assert "differs from fit (9) [08/080808]" in explain(row(9, n=1), [again])


def test_an_item_that_is_there_still_is_none_that_a_new_one_took_the_place_of(tmp_path: Path) -> None:
    launch = Launch(tmp_path)
    launch.run(ran=(1,), parts=(Part("input", "x", b"a" * 16, "1"),))
    launch.run(hits=(1,), ran=(2,), parts=(Part("input", "x", b"b" * 16, "2"),))
    assert "has not run before" in why(launch.reader, "fit (2)")
    launch.run(ran=(3,), parts=(Part("input", "x", b"c" * 16, "3"),))
    assert "differs from fit (1)" in why(launch.reader, "fit (3)")


def test_another_session_is_named_where_this_one_has_no_earlier_task(tmp_path: Path) -> None:
    launch = Launch(tmp_path)
    launch.run(ran=(1,), parts=(Part("global", "n", b"a" * 16, "1"),))
    launch.run(ran=(2,), parts=(Part("global", "n", b"b" * 16, "2"),), session=OTHER)
    assert "global `n` changed: 1 -> 2" in why(launch.reader, "fit", OTHER)
    assert "has not run before" in why(launch.reader, "fit", SESSION)


def test_an_earlier_task_that_differs_in_nothing_is_no_explanation() -> None:
    def part(preview: str) -> Part:
        return Part("input", "reads", b"a" * 16, preview)

    now, before = row(9), row(1)
    assert now.entry is not None and before.entry is not None
    now = replace(now, entry=now.entry._replace(parts=(part("a.fq (1 bytes, modified 2)"),)))
    before = replace(before, entry=before.entry._replace(parts=(part("a.fq (1 bytes, modified 1)"),)))
    assert "has not run before" in explain(now, [before])
