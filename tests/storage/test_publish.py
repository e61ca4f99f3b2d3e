"""Files that are published: each mode, what is replaced, and what never happens to users' own files."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nbflow.core.declaration.publish_values import MODES
from nbflow.storage.publish import publish


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "work/out.txt"
    path.parent.mkdir()
    path.write_text("content")
    os.utime(path, ns=(10**18, 10**18 + 7))
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "work/tree"
    (root / "deep").mkdir(parents=True)
    (root / "deep/file").write_text("in it")
    (root / "link").symlink_to("deep/file")
    return root


@pytest.mark.parametrize("mode", MODES)
def test_a_file_is_there_under_its_new_name_in_every_mode(source: Path, tmp_path: Path, mode: str) -> None:
    target = tmp_path / "results/a/b.txt"
    assert publish(source, target, mode, "standard")
    assert target.read_text() == source.read_text() == "content"
    assert os.listdir(target.parent) == ["b.txt"]
    assert target.is_symlink() == (mode in ("symlink", "rellink"))
    assert source.is_symlink() == (mode == "move")
    assert target.stat().st_mtime_ns == 10**18 + 7


@pytest.mark.parametrize("mode", MODES)
def test_a_directory_is_published_whole(tree: Path, tmp_path: Path, mode: str) -> None:
    target = tmp_path / "results/tree"
    publish(tree, target, mode, "standard")
    publish(tree, target, mode, True)
    assert (target / "deep/file").read_text() == (target / "link").read_text() == "in it"
    assert (tree / "deep/file").read_text() == "in it"


def test_links_are_as_their_modes_say(source: Path, tmp_path: Path) -> None:
    for mode in ("symlink", "rellink", "link"):
        publish(source, tmp_path / mode, mode, "standard")
    assert os.readlink(tmp_path / "symlink") == str(source)
    assert os.readlink(tmp_path / "rellink") == "work/out.txt"
    assert (tmp_path / "link").samefile(source)


def test_a_relative_link_fits_the_place_to_which_its_directory_really_leads(source: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere/deep").mkdir(parents=True)
    (tmp_path / "results").symlink_to("elsewhere/deep")
    publish(source, tmp_path / "results/out.txt", "rellink", "standard")
    assert (tmp_path / "results/out.txt").read_text() == "content"


def test_links_inside_are_followed_or_kept(tree: Path, tmp_path: Path) -> None:
    publish(tree, tmp_path / "followed", "copy", "standard")
    publish(tree, tmp_path / "kept", "copy_no_follow", "standard")
    assert not (tmp_path / "followed/link").is_symlink()
    assert (tmp_path / "kept/link").is_symlink()


@pytest.mark.parametrize("mode", MODES)
def test_what_is_there_already_is_left_alone(source: Path, tmp_path: Path, mode: str) -> None:
    target = tmp_path / "out"
    publish(source, target, mode, "standard")
    before = target.lstat()
    assert not publish(source, target, mode, "standard")
    assert target.lstat() == before


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("other", ["file", "link", "directory"])
def test_what_differs_is_replaced_unless_that_is_forbidden(source: Path, tmp_path: Path, mode: str, other: str) -> None:
    target = tmp_path / "out"
    if other == "file":
        target.write_text("the user's")
    elif other == "link":
        target.symlink_to(tmp_path / "nowhere")
    else:
        (target / "in").mkdir(parents=True)
    assert not publish(source, target, mode, False)
    assert publish(source, target, mode, "standard")
    assert target.read_text() == "content"


@pytest.mark.parametrize(
    ("how", "replaced"), [("lenient", False), ("standard", True), ("deep", True), (True, True), (False, False)]
)
def test_a_copy_of_the_same_size_is_compared_as_is_said(
    source: Path, tmp_path: Path, how: bool | str, replaced: bool
) -> None:
    target = tmp_path / "out"
    target.write_text("tnetnoc")
    assert publish(source, target, "copy", how) is replaced
    assert target.read_text() == ("content" if replaced else "tnetnoc")


def test_an_equal_file_of_another_time_is_left_alone_only_if_content_is_compared(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_text("content")
    assert not publish(source, target, "copy", "deep")
    assert publish(source, target, "copy", "standard")


def test_another_mode_replaces_what_the_former_published(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    publish(source, target, "symlink", "standard")
    publish(source, target, "copy", "standard")
    assert not target.is_symlink()
    publish(source, target, "symlink", "standard")
    assert target.is_symlink()


def test_a_move_leaves_a_link_and_never_takes_a_file_that_an_output_only_links_to(source: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("the user's own")
    (source.parent / "linked").symlink_to(mine)
    publish(source.parent / "linked", tmp_path / "out", "move", "standard")
    assert mine.read_text() == (tmp_path / "out").read_text() == "the user's own"
    assert not (tmp_path / "out").is_symlink()
    assert not publish(source.parent / "linked", tmp_path / "out", "move", "standard")


def test_what_cannot_be_published_leaves_what_was_there(source: Path, tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.write_text("before")
    with pytest.raises(OSError, match="gone"):
        publish(tmp_path / "gone", target, "copy", "standard")
    assert target.read_text() == "before"
    assert sorted(os.listdir(tmp_path)) == ["out", "work"]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["file", "directory"])
def test_tasks_that_publish_to_one_place_at_once_leave_one_of_theirs_whole(
    tmp_path: Path, mode: str, kind: str
) -> None:
    sources = [tmp_path / f"work/{number}/out" for number in range(40)]
    for number, path in enumerate(sources):
        path.mkdir(parents=True)
        (path / "one").write_text("x" * number)
        (path / "two").write_text("x" * number)
    given = sources if kind == "directory" else [path / "one" for path in sources]
    target = tmp_path / "results/out"
    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(lambda source: publish(source, target, mode, overwrite=True), given))
    assert os.listdir(target.parent) == ["out"]
    if kind == "directory" and mode != "move":
        assert (target / "one").read_text() == (target / "two").read_text()
