"""Tests of what files take up and give back: of a file with several links, once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nbflow.storage.sizes import Freed, Taken, freed_by


@pytest.fixture
def trees(tmp_path: Path) -> list[Path]:
    """Two trees that share a file of 500 bytes, and have one of 10 and 20 bytes each."""
    made = [tmp_path / "one", tmp_path / "other"]
    for size, tree in enumerate(made, 1):
        (tree / "below").mkdir(parents=True)
        (tree / "below" / "own").write_bytes(b"x" * 10 * size)
    (made[0] / "shared").write_bytes(b"x" * 500)
    os.link(made[0] / "shared", made[1] / "below" / "shared")
    return made


def test_what_is_taken_counts_with_the_first_link_and_what_is_given_back_with_the_last(trees: list[Path]) -> None:
    taken, freed = Taken(), Freed()
    assert [taken.by(tree) for tree in trees] == [510, 20]
    assert [freed.by(tree) for tree in trees] == [10, 520]


def test_a_file_that_has_a_link_elsewhere_is_taken_and_not_given_back(trees: list[Path], tmp_path: Path) -> None:
    os.link(trees[0] / "shared", tmp_path / "published")
    freed = Freed()
    assert [freed.by(tree) for tree in trees] == [10, 20]
    assert Taken().by(trees[1]) == 520


def test_two_links_in_one_tree_count_once(trees: list[Path]) -> None:
    os.unlink(trees[1] / "below" / "shared")
    os.link(trees[0] / "shared", trees[0] / "twin")
    assert freed_by(trees[0]) == Taken().by(trees[0]) == 510
    assert freed_by(trees[0] / "twin") == 0


def test_no_link_is_gone_through_and_what_is_not_there_takes_nothing(trees: list[Path], tmp_path: Path) -> None:
    (tmp_path / "apart").mkdir()
    (tmp_path / "apart" / "link").symlink_to(trees[0])
    assert freed_by(tmp_path / "apart") == Taken().by(tmp_path / "apart") == len(str(trees[0]))
    assert freed_by(tmp_path / "gone") == Taken().by(tmp_path / "gone") == 0


def test_a_single_file_has_its_size(trees: list[Path]) -> None:
    assert freed_by(trees[0] / "below" / "own") == 10
