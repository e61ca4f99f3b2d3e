"""Tests of diff: which tasks of two runs belong together, and in what they differ."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from nbflow.core.parts import Part, combine
from nbflow.core.task.entry import COMPLETED, OutputRecord, TaskEntry
from nbflow.execution.explain.diff import TaskDiff, Verdict, compare
from nbflow.storage.rows import TaskRow


def row(number: int, name: str = "fit", output: str = "y", session: str = "s", **values: object) -> TaskRow:
    parts = tuple(
        Part("global", part, combine("v", [str(value).encode()]), str(value)) for part, value in values.items()
    )
    session_part = Part("session", "", combine("session", [session.encode()]), session)
    outputs = (OutputRecord("y", "value", output),)
    entry = TaskEntry(
        COMPLETED, 0, 10, "run", "boot", outputs=outputs, process=name, name=name, parts=(session_part, *parts)
    )
    trace = {"name": name, "process": name}
    return TaskRow(f"{number:02x}" * 16, session, "run", COMPLETED, Path("/w"), trace, entry, "it was asked for")


def only(found: list[TaskDiff]) -> TaskDiff:
    [diff] = found
    return diff


def test_one_task_in_both_runs_is_the_same() -> None:
    assert only(compare([row(1, n=1)], [replace(row(1, n=1), status="CACHED")])).verdict is Verdict.SAME


def test_a_task_that_differs_names_parts_and_outputs_from_the_first_run_to_the_second() -> None:
    diff = only(compare([row(1, n=1, m=1)], [row(2, n=2, m=1, output="z")]))
    assert (diff.verdict, diff.parts, diff.outputs) == (Verdict.DIFFERS, ("global `n` changed: 1 -> 2",), ("y",))
    assert only(compare([row(1, n=1)], [row(2, n=2)])).outputs == ()


def test_a_task_that_ran_again_with_the_same_parts_says_why() -> None:
    diff = only(compare([row(1, n=1)], [row(2, n=1)]))
    assert (diff.verdict, diff.reason, diff.parts) == (Verdict.AGAIN, "it was asked for", ())


def test_that_the_sessions_differ_is_no_difference_of_each_task() -> None:
    diff = only(compare([row(1, n=1)], [row(2, n=1, session="t")]))
    assert (diff.verdict, diff.reason) == (Verdict.AGAIN, "sessions share nothing")
    assert only(compare([row(1, n=1)], [row(2, n=2, session="t")])).parts == ("global `n` changed: 1 -> 2",)


def test_of_several_tasks_of_one_name_those_that_are_nearest_belong_together() -> None:
    found = compare([row(1, n=1, m=1), row(2, n=2, m=2)], [row(4, n=2, m=3), row(3, n=1, m=4), row(5, n=9, m=9)])
    assert [(diff.one and diff.one.task_hash[:2], diff.other and diff.other.task_hash[:2]) for diff in found] == [
        ("01", "03"),
        ("02", "04"),
        (None, "05"),
    ]
    assert [diff.verdict for diff in found] == [Verdict.DIFFERS, Verdict.DIFFERS, Verdict.ONLY_OTHER]


def test_a_task_whose_entry_is_gone_is_compared_by_name_only() -> None:
    diff = only(compare([replace(row(1, n=1), entry=None)], [row(2, n=1)]))
    assert (diff.verdict, diff.parts, diff.outputs) == (Verdict.DIFFERS, (), None)
