"""Tests of the trace file: byte for byte what Nextflow writes of the same task."""

from __future__ import annotations

from datetime import datetime

import pytest

from nbflow.errors import NbflowError
from nbflow.reports.report import report
from nbflow.reports.timeline import timeline
from nbflow.reports.trace_file import java_double, read_fields, trace_file
from nbflow.storage.nextflow.trace import FIELDS, NONE_EXIT
from nbflow.storage.rows import TaskRow
from tests.reports.pages import check
from tests.reports.runs import NASTY, mixed, run, task

SUBMITTED = datetime(2014, 10, 23, 16, 33, 16, 288_000).timestamp() * 1000  # shown in local time

# The first line of the example in Nextflow's documentation of the trace file, and another as its own tests have it.
BLAST = task(
    "blast (1)",
    key="45ab752a" + "0" * 24,
    submit=round(SUBMITTED), native_id=2032, duration=60_000, realtime=5_000, peak_rss=31_247_565, peak_vmem=371_195_904,
    rchar=34_917_581, wchar=0, **{"%cpu": 0.0},
)  # fmt: skip


def lines(text: str) -> list[list[str]]:
    assert text.endswith("\n")
    return [line.split("\t") for line in text.removesuffix("\n").split("\n")]


def test_the_default_fields_and_their_formats_are_nextflows() -> None:
    head = "task_id\thash\tnative_id\tname\tstatus\texit\tsubmit\tduration\trealtime\t%cpu\tpeak_rss\tpeak_vmem\trchar\twchar"
    row = "1\t45/ab752a\t2032\tblast (1)\tCOMPLETED\t0\t2014-10-23 16:33:16.288\t1m\t5s\t0.0%\t29.8 MB\t354 MB\t33.3 MB\t0"
    assert trace_file([BLAST]) == f"{head}\n{row}\n"


def test_raw_figures_have_no_units() -> None:
    fields = read_fields("submit,duration,%cpu,peak_rss,exit,cpus,time,name")
    row = task("fit", duration=61_500, exit=NONE_EXIT, peak_rss=2**31 - 1, time=None, **{"%cpu": 99.7})
    submit = row.trace["submit"]
    assert lines(trace_file([row], fields, raw=True))[1] == [
        *(str(submit), "61500", "99.7", "2147483647", "-", "1", "-", "fit")
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"), (99.7, "99.7"), (1234567.0, "1234567.0"), (1e7, "1.0E7"), (12345678.9, "1.23456789E7"),
        (0.001, "0.001"), (0.0001, "1.0E-4"), (1.25e-5, "1.25E-5"), (-1e-4, "-1.0E-4"), (1 / 3, "0.3333333333333333"),
        (float("inf"), "Infinity"), (float("nan"), "NaN"),
    ],
)  # fmt: skip
def test_a_raw_percentage_is_written_as_java_writes_a_double(value: float, text: str) -> None:
    assert java_double(value) == text


def test_tasks_are_numbered_in_the_run_and_cached_ones_keep_their_figures() -> None:
    view = mixed()
    rows = lines(trace_file(view.tasks, read_fields("task_id,name,status,realtime,exit")))[1:]
    assert [row[0] for row in rows] == [str(number) for number in range(1, len(view.tasks) + 1)]
    assert rows[0] == ["1", "fit (0)", "CACHED", "2s", "0"]
    assert rows[-1] == ["17", "report (2)", "SUBMITTED", "-", "-"]


def test_a_row_of_a_pipeline_of_nextflow_needs_no_entry_of_nbflow() -> None:
    row = task("fit", module=["samtools/1.21", "bwa/0.7"], native_id=4711)
    bare = TaskRow(row.task_hash, row.session, row.run, row.status, row.work_dir, row.trace)
    assert lines(trace_file([bare], read_fields("name,module,native_id")))[1] == [
        "fit",
        "[samtools/1.21, bwa/0.7]",
        "4711",
    ]
    check(report(run([bare])))
    check(timeline(run([bare])))


def test_what_is_not_known_or_empty_or_false_is_a_dash() -> None:
    row = task("fit", tag="", scratch=False, env=None)
    assert lines(trace_file([row], ("tag", "scratch", "env", "queue")))[1] == ["-"] * 4


@pytest.mark.parametrize("text", NASTY)
def test_a_task_is_a_line_whatever_it_holds(text: str) -> None:
    row = task(text, tag=text, script=text, env=text)
    written = lines(trace_file([row], [*FIELDS]))
    assert [len(row) for row in written] == [len(FIELDS)] * 2


def test_a_field_that_nextflow_does_not_have_is_refused_with_the_nearest() -> None:
    assert read_fields(" hash, pcpu ,pmem") == ("hash", "%cpu", "%mem")
    for text, said in (
        ("hahs", "did you mean 'hash'?"),
        ("stdout", "no trace field 'stdout'"),
        (",", "no trace field"),
    ):
        with pytest.raises(NbflowError, match="The fields are: task_id, hash") as error:
            read_fields(text)
        assert said in str(error.value)
