"""Tests of the lines that tell a browser the figures of tasks."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from nbflow.core.task.entry import FileRecord, OutputRecord, TaskEntry
from nbflow.storage.nextflow.trace import NONE_EXIT
from nbflow.storage.summaries import SummaryLog, field_number, read_line, read_lines, summary_line, with_status

HASH = "ab" * 16
TRACE = {
    "name": "fit (a\tb)", "process": "fit", "status": "COMPLETED", "exit": 0, "start": 1_700_000_000_000,
    "realtime": 1500, "%cpu": 99.94, "peak_rss": 1 << 20, "attempt": 1,
}  # fmt: skip
ENTRY = TaskEntry(
    "COMPLETED", 0, 1500, "happy_volta", "boot",
    outputs=(OutputRecord("score", "value", "cd" * 16), OutputRecord("table", "value", "ef" * 16)),
    files=(FileRecord("a", 10, 0, ""), FileRecord("b", 20, 0, "")),
)  # fmt: skip


def test_a_line_comes_back_as_it_was_with_blanks_for_tabs() -> None:
    summary = read_line(summary_line(HASH, TRACE, ENTRY))
    assert (summary.hash, summary.name, summary.process) == (HASH, "fit (a b)", "fit")
    assert (summary.status, summary.run) == ("COMPLETED", "happy_volta")
    assert summary.outputs == (("score", "cd" * 16), ("table", "ef" * 16))
    assert dict(summary.numbers) == {
        "exit": 0, "start": 1_700_000_000_000, "realtime": 1500, "%cpu": 99.9, "peak_rss": 1 << 20, "attempt": 1, "size": 30,
    }  # fmt: skip


def test_what_is_not_known_is_no_number() -> None:
    line = summary_line(HASH, {"exit": NONE_EXIT, "realtime": None, "attempt": True}, None, "sad_bell")
    assert read_line(line).numbers == {}
    assert field_number(line, "realtime") is None
    assert read_line(line).run == "sad_bell"


def test_bytes_that_are_no_utf8_stay_in_their_line() -> None:
    line = summary_line(HASH, {"name": "fit (\udcff)", "process": "fit"}, None)
    assert read_line(line).name.startswith("fit (")
    assert line.endswith(b"\n") and line.count(b"\n") == 1


def test_half_a_line_is_left_for_the_next_reading_and_one_that_was_cut_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "tasks.run"
    whole = summary_line(HASH, TRACE, ENTRY)
    path.write_bytes(whole + whole[:40])
    lines, offset = read_lines(path)
    assert lines == [whole.rstrip(b"\n")] and offset == len(whole)
    with path.open("ab") as file:
        file.write(whole[40:] + b"cut\toff\n" + whole)
    lines, _ = read_lines(path, offset)
    assert lines == [whole.rstrip(b"\n")] * 2
    assert read_lines(tmp_path / "none") == ([], 0)


def test_a_line_that_a_crash_cut_off_spoils_no_other(tmp_path: Path) -> None:
    path = tmp_path / "tasks.run"
    whole = summary_line(HASH, TRACE, ENTRY)
    path.write_bytes(whole[:40])
    with closing(SummaryLog(path)) as log:
        log.extend([whole])
    assert read_lines(path)[0] == [whole.rstrip(b"\n")]


def test_a_status_can_be_replaced() -> None:
    line = with_status(summary_line(HASH, TRACE, ENTRY), "DELETED")
    assert read_line(line).status == "DELETED"
    assert read_line(line)._replace(status="COMPLETED") == read_line(summary_line(HASH, TRACE, ENTRY))
