"""Tests of previews: of every kind of output, within bounds of size, memory and time."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbflow.browsing import previews
from nbflow.browsing.look import ROWS, TEXT, look
from nbflow.browsing.previews import of_file, preview
from nbflow.core.task.entry import FileRecord, OutputRecord, TaskEntry
from nbflow.storage.values import dump

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class Shown:
    """Shows itself as HTML."""

    def _repr_html_(self) -> str:
        return "<b>bold</b>"


class Broken:
    """Fails to show itself as HTML."""

    def _repr_html_(self) -> str:
        raise ValueError("no")

    def __repr__(self) -> str:
        return "broken but here"


def figure() -> Any:
    from matplotlib.figure import Figure

    made = Figure()
    made.subplots().plot([1, 2])
    return made


@pytest.mark.parametrize(
    ("value", "kind", "note"),
    [
        (pd.DataFrame({"a": range(1000), "b": "x"}), "table", "DataFrame: 1,000 rows, 2 columns"),
        (pd.Series([1, 2], name="s"), "table", "Series: 2 rows, 1 column"),
        (np.zeros((200, 300)), "text", "ndarray of float64, 200 by 300"),
        (np.float64(1.5), "text", "float64 of float64, scalar"),
        (PNG, "image", "70 bytes"),
        (figure(), "image", "matplotlib.Figure"),
        (Shown(), "html", "Shown"),
        (Broken(), "text", "Broken"),
        ("text" * 100_000, "text", "text of 400,000 characters"),
        (list(range(10**6)), "text", "list of 1,000,000"),
        ({"a": 1}, "text", "dict of 1"),
        (3, "text", "int"),
        (None, "text", "NoneType"),
    ],
)
def test_a_value_is_shown_as_what_it_is_within_bounds(value: object, kind: str, note: str) -> None:
    seen = look(value)
    assert seen["kind"] == kind
    assert note in seen["note"]
    assert len(seen.get("text", "")) <= TEXT
    assert len(seen.get("rows", ())) <= ROWS


def stored(work_dir: Path, value: object) -> tuple[TaskEntry, OutputRecord]:
    (work_dir / ".nbflow").mkdir(parents=True)
    dumped = dump({"v": value}, work_dir / ".nbflow/values", buffers_dir=work_dir / ".nbflow")
    output = OutputRecord("v", "value", "0" * 32)
    return TaskEntry("COMPLETED", 0, 1, "", "", (output,), (FileRecord(".nbflow/values", dumped.size, 0, ""),)), output


def test_a_value_is_made_in_a_process_of_its_own(tmp_path: Path) -> None:
    seen = preview(tmp_path, *stored(tmp_path, {"a": [1, 2]}))
    assert seen["text"] == "{'a': [1, 2]}"
    assert "dict of 1" in seen["note"] and "kept" in seen["note"]


class Hungry:
    """Takes more memory than there is when it is made."""

    def __reduce__(self) -> Any:
        return bytes, (1 << 42,)


class Endless:
    """Is never made."""

    def __reduce__(self) -> Any:
        return exec, ("while True: pass",)


class Quitting:
    """Ends the process that makes it."""

    def __reduce__(self) -> Any:
        return os._exit, (3,)


@pytest.mark.parametrize("value", [Hungry(), Quitting()])
def test_a_value_that_cannot_be_made_is_said_to_be_so(tmp_path: Path, value: object) -> None:
    seen = preview(tmp_path, *stored(tmp_path, value))
    assert seen["kind"] == "text" and "it cannot be shown here" in seen["note"]


def test_a_value_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(previews, "PATIENCE", 2.0)
    seen = preview(tmp_path, *stored(tmp_path, Endless()))
    assert "it cannot be shown here" in seen["note"]


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.txt", b"line\n" * 100_000, "text"),
        ("a.csv", b"a,b\n1,2\n" * 1000, "table"),
        ("a.tsv", b"a\tb\n1\t2\n", "table"),
        ("a.vcf", b"##meta\n#CHROM\tPOS\nchr1\t5\n", "table"),
        ("a.csv", b"", "text"),
        ("a.png", PNG, "image"),
        ("a.html", b"<p>hello</p>", "html"),
        ("a.bin", b"\0\1\2", "text"),
        ("a.bam", b"\x1f\x8b\0", "text"),
    ],
)
def test_a_file_is_shown_by_its_name_and_within_bounds(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(content)
    seen = of_file(tmp_path / name)
    assert seen["kind"] == kind
    assert name in seen["note"]
    assert len(seen.get("text", "")) <= TEXT and len(seen.get("rows", ())) <= ROWS


def test_a_vcf_without_its_meta_lines_is_a_table(tmp_path: Path) -> None:
    (tmp_path / "a.vcf").write_bytes(b"##meta\n#CHROM\tPOS\nchr1\t5\n")
    seen = of_file(tmp_path / "a.vcf")
    assert (seen["columns"], seen["rows"]) == (["#CHROM", "POS"], [["chr1", "5"]])


def test_a_pipe_does_not_block_and_a_file_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "pipe" in of_file(tmp_path / "pipe")["note"]
    assert "cannot be shown" in of_file(tmp_path / "gone")["note"]


def test_files_are_listed_and_one_of_them_shown(tmp_path: Path) -> None:
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_text(name)
    output = OutputRecord("f", "files", "", paths=("a.txt", "b.txt"))
    entry = TaskEntry("COMPLETED", 0, 1, "", "", (output,))
    assert [row[0] for row in preview(tmp_path, entry, output)["rows"]] == ["a.txt", "b.txt"]
    assert preview(tmp_path, entry, output, "b.txt")["text"] == "b.txt"
    elsewhere = preview(tmp_path, entry, output, "../../etc/passwd")
    assert elsewhere["kind"] == "table"
    directory = OutputRecord("d", "file", "", paths=(".",))
    assert preview(tmp_path, entry, directory)["kind"] == "table"
