"""Strings and paths that stand for files: found wherever they lie in a value, and each file counts once."""

from __future__ import annotations

import os
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbflow.core.values.hashing import digest
from nbflow.core.values.inputs import Files, InputReader

Row = namedtuple("Row", ["id", "reads"])


@pytest.fixture
def reader(tmp_path: Path) -> Callable[[], InputReader]:
    for name in ("a.txt", "data/b.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (1_000_000_000, 1_000_000_000))
    files = Files(str(tmp_path), "standard", lambda path: None)
    return lambda: InputReader(files, lambda code: b"")


def _cycle() -> list[Any]:
    ring: list[Any] = ["a.txt", "data/b.txt"]
    ring.append(ring)
    return ring


HOLDERS: dict[str, Any] = {
    "a list": ["a.txt", "data/b.txt"],
    "a dict": {"x": "a.txt", "y": "data/b.txt"},
    "a list of dicts": [{"id": 1, "reads": "a.txt"}, {"id": 2, "reads": "data/b.txt"}],
    "a dict of dicts of lists": {"s": {"r": [["a.txt"], ("data/b.txt",)]}},
    "a list of named tuples": [Row("x", "a.txt"), Row("y", "data/b.txt")],
    "a set": {"a.txt", "data/b.txt"},
    "a list that holds itself": _cycle(),
    "many strings": [*map(str, range(100)), "a.txt", ["./data/b.txt"]],
    "many numbers": [*range(10_000), ["a.txt", "data/b.txt"]],
}


@pytest.mark.parametrize("value", HOLDERS.values(), ids=HOLDERS)
def test_strings_that_name_files_are_staged_and_hashed_wherever_they_lie(
    value: Any, reader: Callable[[], InputReader], tmp_path: Path
) -> None:
    first = reader()
    before = first.digest(value)
    assert first.staged == {"a.txt": f"{tmp_path}/a.txt", "data/b.txt": f"{tmp_path}/data/b.txt"}
    assert reader().digest(value) == before
    (tmp_path / "data/b.txt").write_text("another")
    assert reader().digest(value) != before


def test_strings_that_name_no_file_count_as_themselves(reader: Callable[[], InputReader]) -> None:
    for value in ("b.txt", ["data"], {"x": ["nothing", "data/", "", "\0", "x" * 5000, "a.txt\n"]}):
        read = reader()
        assert read.digest(value) == digest(value)
        assert read.staged == {}


@pytest.mark.parametrize("more", [[], [*map(str, range(100))]], ids=["alone", "among many"])
def test_a_file_that_appears_counts_from_then_on(
    more: list[str], reader: Callable[[], InputReader], tmp_path: Path
) -> None:
    value = {"x": [*more, "new.txt"]}
    before = reader().digest(value)
    (tmp_path / "new.txt").touch()
    assert reader().digest(value) != before


def test_spellings_of_one_file_have_one_digest_and_are_told_apart(
    reader: Callable[[], InputReader], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    spelled = [Path("a.txt"), tmp_path / "a.txt", Path("~/a.txt"), Path("data/../a.txt"), tmp_path / "data/../a.txt"]
    readers = [reader() for _ in spelled]
    assert len({read.digest(path) for read, path in zip(readers, spelled, strict=True)}) == 1
    assert len({tuple(read.spellings) for read in readers}) == len(spelled)


def test_too_many_parts_are_not_all_looked_at(reader: Callable[[], InputReader]) -> None:
    read = reader()
    assert read.digest(["a.txt", [0] * 1_000_001]) is not None
    assert read.staged == {"a.txt": read.files.absolute("a.txt")}
