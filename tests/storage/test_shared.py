"""Equal files of work directories are one, as long as that cannot be told."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from nbflow.storage.shared import SharedFiles


def test_equal_files_are_one_and_others_are_not(tmp_path: Path) -> None:
    shared = SharedFiles()
    for name, text, mode in (("a", "x", 0o444), ("b", "x", 0o444), ("c", "y", 0o444), ("d", "x", 0o400)):
        shared.write(f"{tmp_path}/{name}", text, mode)
    inodes = [(tmp_path / name).stat().st_ino for name in "abcd"]
    assert inodes[0] == inodes[1] and len(set(inodes)) == 3
    assert [(tmp_path / name).read_text() for name in "abcd"] == ["x", "x", "y", "x"]
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in "abcd"] == [0o444, 0o444, 0o444, 0o400]


def test_what_somebody_wrote_into_an_earlier_one_does_not_reach_the_next(tmp_path: Path) -> None:
    shared = SharedFiles()
    shared.write(f"{tmp_path}/a", "x", 0o644)
    (tmp_path / "a").write_text("changed")
    shared.write(f"{tmp_path}/b", "x", 0o644)
    shared.write(f"{tmp_path}/c", "x", 0o644)
    assert [(tmp_path / name).read_text() for name in "abc"] == ["changed", "x", "x"]
    assert (tmp_path / "b").stat().st_ino == (tmp_path / "c").stat().st_ino


def test_an_earlier_one_may_be_deleted(tmp_path: Path) -> None:
    shared = SharedFiles()
    shared.write(f"{tmp_path}/a", "x")
    (tmp_path / "a").unlink()
    shared.write(f"{tmp_path}/b", "x")
    assert (tmp_path / "b").read_text() == "x"


def test_a_file_system_without_links_gets_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    shared = SharedFiles()
    for name in "ab":
        shared.write(f"{tmp_path}/{name}", "x")
    assert [(tmp_path / name).read_text() for name in "ab"] == ["x", "x"]


def test_many_contents_are_not_all_remembered(tmp_path: Path) -> None:
    shared = SharedFiles()
    for number in range(1000):
        shared.write(f"{tmp_path}/{number}", str(number))
    assert len(shared._sources) < 100
