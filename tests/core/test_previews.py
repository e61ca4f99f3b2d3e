"""Tests of what an entry keeps of a task's parts: a few KB, by which a change can still be told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from nbflow.core.parts import Part, combine
from nbflow.core.task.explain import differences
from nbflow.core.task.previews import CODE_LIMIT, preview_of_input, previewed
from nbflow.core.values.inputs import Files

MODULE = "\n".join(f"def function_{number}(x):\n    return x + {number}\n\n" for number in range(60))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(str(tmp_path), "standard", lambda _: None)


def module(directory: Path, number: int, text: str) -> Part:
    path = directory / f"m{number}.py"
    path.write_text(text)
    return Part("module", f"m{number}", combine("m", [text.encode()]), str(path))


def test_the_code_of_a_task_stays_within_a_few_kb_and_each_changed_line_is_still_named(
    tmp_path: Path, files: Files
) -> None:
    source = Part("source", "", bytes(16))
    before = previewed([source, *(module(tmp_path, n, MODULE) for n in range(5))], "y = 1\n", {}, files)
    changed = MODULE.replace("x + 58", "x - 58")
    after = previewed([source, *(module(tmp_path, n, changed) for n in range(5))], "y = 1\n", {}, files)
    assert sum(len(part.preview) for part in after) <= CODE_LIMIT
    assert after[0].preview == "y = 1\n"
    told = differences(after, before)
    assert [sentence.partition(": line ")[0] for sentence in told] == [f"local module `m{n}` changed" for n in range(5)]
    assert all(": line 234" in sentence for sentence in told)


def test_a_value_names_its_files_however_deep_they_lie_in_it(tmp_path: Path, files: Files) -> None:
    for name in ("a.txt", "b.txt", "c.txt"):
        (tmp_path / name).write_text(name)
    value = {"first": "a.txt", "others": [Path("b.txt"), (tmp_path / "c.txt",)], "none": "gone.txt"}
    lines = preview_of_input(value, "x", files).splitlines()
    assert [line.partition(" (")[0] for line in lines[1:]] == ["a.txt", "b.txt", "c.txt"]


def test_of_many_files_only_the_first_are_kept(tmp_path: Path, files: Files) -> None:
    for number in range(200):
        (tmp_path / f"{number:03}.txt").write_text("x")
    value: Any = [str(name) for name in sorted(os.listdir(tmp_path))]
    assert len(preview_of_input(value, "x", files)) < 3000
    assert len(preview_of_input(tmp_path, "x", files)) < 3000
