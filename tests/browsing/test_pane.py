"""Tests of what is shown of one task."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from nbflow.browsing.code import language_of, pieces
from nbflow.browsing.model import Model
from nbflow.browsing.pane import TAIL
from nbflow.core.parts import Part
from nbflow.core.task.entry import FileRecord, OutputRecord, TaskEntry
from nbflow.storage.database.cache import TaskCache
from nbflow.storage.database.leveldb import LevelStore
from nbflow.storage.nextflow.trace import encode_trace
from nbflow.storage.summaries import SummaryLog, summary_line
from tests.storage.launch import SESSION, Launch, key

DIGEST = key(77)


class Told(Launch):
    """A launch directory whose tasks have parts and outputs of their own."""

    def task(
        self, number: int, name: str, parts: tuple[Part, ...] = (), outputs: tuple[OutputRecord, ...] = ()
    ) -> None:
        record = self.run()
        run, process = str(record.run_name), name.partition(" (")[0]
        trace = {"task_id": number, "name": name, "process": process, "status": "COMPLETED", "submit": number * 1000}
        files = (FileRecord("a.txt", 10, 0, "0" * 32), FileRecord(".nbflow/values", 99, 0, "0" * 32))
        entry = TaskEntry(
            "COMPLETED", 0, 5, run, "", outputs, files, process=process, name=name, parts=parts, left_out=("g: a lock",)
        )
        with closing(LevelStore.open(self.layout.db_dir(SESSION))) as store:
            TaskCache(store).put(key(number), encode_trace(trace), entry.to_bytes())
        with closing(SummaryLog(self.layout.summaries(SESSION, run))) as log:
            log.extend([summary_line(key(number).hex(), trace, entry)])
        from nbflow.storage.nextflow.index import IndexWriter

        with closing(IndexWriter(self.layout.index(SESSION, run))) as index:
            index.append(key(number), False)
        self._fill(number)

    def pane(self, number: int) -> dict[str, object]:
        question = {"ask": "task", "session": SESSION, "id": key(number).hex()}
        return Model(lambda: self.reader).answer(question)


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path)


def trees(number: int) -> Part:
    return Part("global", "trees", key(number), str(number))


def test_a_task_that_ran_is_compared_with_the_one_of_its_name_part_by_part(told: Told) -> None:
    same = Part("package", "numpy", key(9), "2.0")
    told.task(1, "fit (a)", (same, trees(10)))
    told.task(2, "fit (b)", (same, trees(20)))
    told.task(3, "fit (a)", (same, trees(30), Part("input", "x", key(3), "1")))
    pane = told.pane(3)
    assert str(pane["why"]).startswith("ran because it differs from fit (a)")
    assert pane["changes"] == ["global `trees` changed: 10 -> 30", "input `x` is new: 1"]
    parts = [(part["kind"], part["name"], part["state"], part["before"], part["now"]) for part in pane["parts"]]  # type: ignore[attr-defined]
    assert parts == [
        ("global", "trees", "changed", "10", "30"),
        ("input", "x", "new", "", "1"),
        ("package", "numpy", "same", "", "2.0"),
    ]
    assert pane["before"]["id"] == key(1).hex()  # type: ignore[index]


def test_a_first_task_has_not_run_before_and_lists_its_parts(told: Told) -> None:
    told.task(1, "fit", (trees(10),))
    pane = told.pane(1)
    assert pane["why"] == "ran because it has not run before"
    assert [part["state"] for part in pane["parts"]] == [""]  # type: ignore[attr-defined]


def test_an_input_names_the_task_that_made_it_and_how_that_is_known(told: Told) -> None:
    told.task(1, "make", (), (OutputRecord("table", "value", DIGEST.hex()), OutputRecord("frame", "value", "12" * 16)))
    path = told.layout.work_dir(key(1).hex()) / "a.txt"
    parts = (
        Part("input", "file", key(40), str(path)),
        Part("global", "table", DIGEST, "DataFrame"),
        Part("input", "x", DIGEST, "DataFrame"),
        Part("global", "frame", key(41), "DataFrame"),
        Part("global", "trees", key(42), "10"),
        Part("package", "numpy", key(9), "2.0"),
    )
    told.task(2, "fit", parts)
    told.task(3, "later", (), (OutputRecord("trees", "value", key(42).hex()),))
    inputs = {each["name"]: each["maker"] for each in told.pane(2)["inputs"]}  # type: ignore[attr-defined]
    assert {name: maker and (maker["name"], maker["how"]) for name, maker in inputs.items()} == {
        "file": ("make", "made by"),
        "table": ("make", "made by"),
        "x": ("make", "same value as"),
        "frame": ("make", "likely made by"),
        "trees": None,
    }


def test_outputs_have_sizes_and_files(told: Told) -> None:
    outputs = (OutputRecord("v", "value", DIGEST.hex()), OutputRecord("f", "file", DIGEST.hex(), paths=("a.txt",)))
    told.task(1, "make", (), outputs)
    pane = told.pane(1)
    shown = [(each["name"], each["size"], [name for name, _ in each["files"]]) for each in pane["outputs"]]  # type: ignore[attr-defined]
    assert shown == [("v", "99 B", []), ("f", "10 B", ["a.txt"])]
    assert pane["left_out"] == ["g: a lock"]


def test_of_a_long_log_the_end_is_shown_without_colours(told: Told) -> None:
    told.task(1, "make")
    (told.work_dir(1) / ".command.out").write_text("x" * (2 * TAIL) + "\x1b[31mred\x1b[0m")
    log = told.pane(1)["logs"]["stdout"]  # type: ignore[index]
    assert log["text"].endswith("xxxred") and len(log["text"]) <= TAIL and log["cut"] > TAIL


def test_a_task_whose_work_directory_is_gone_is_shown_from_its_entry(told: Told) -> None:
    import shutil

    told.task(1, "make", (trees(1),))
    shutil.rmtree(told.work_dir(1))
    pane = told.pane(1)
    assert pane["is_there"] is False
    assert pane["logs"]["stdout"]["text"] == "" and pane["parts"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("first", "language"),
    [
        ("x = 1", "python"),
        ("#!/usr/bin/env bash", "bash"),
        ("#!/bin/sh -e", "sh"),
        ("#!/usr/bin/env -S Rscript --vanilla", "rscript"),
        ("#!/usr/bin/python3.11", "python"),
        ("#!", "bash"),
    ],
)
def test_the_language_is_told_by_the_first_line(first: str, language: str) -> None:
    assert language_of(f"{first}\n") == language


@pytest.mark.parametrize("source", ["", "\n\nx = '''a\n", "#!/usr/bin/env nothing\nx\n", "x = 1 # é\n" * 3])
def test_the_pieces_of_a_source_are_the_source(source: str) -> None:
    assert "".join(text for _, text in pieces(source)) == source
