"""Work directories: used once, inputs staged without harm, exit statuses never guessed."""

from __future__ import annotations

import os

import pytest

from nbflow.errors import InputError
from nbflow.storage import workdir


def test_a_work_directory_is_never_used_twice(tmp_path):
    path = tmp_path / "work" / "ab" / "cdef"
    assert workdir.create(path)
    assert (path / ".nbflow").is_dir()
    (path / "kept").write_text("x")
    assert not workdir.create(path)
    assert (path / "kept").read_text() == "x"


def test_a_file_in_the_way_counts_as_taken(tmp_path):
    (tmp_path / "cd").write_text("")
    assert not workdir.create(tmp_path / "cd")


def test_inputs_are_symlinks_also_below_directories(tmp_path):
    (tmp_path / "x.csv").write_text("data")
    work = tmp_path / "w"
    workdir.create(work)
    workdir.stage_all(work, {"x.csv": str(tmp_path / "x.csv"), "data/deep/x.csv": str(tmp_path / "x.csv")})
    assert (work / "data/deep/x.csv").read_text() == "data"
    assert os.readlink(work / "x.csv") == str(tmp_path / "x.csv")


def test_staging_the_same_input_again_is_harmless(tmp_path):
    workdir.create(tmp_path / "w")
    for _ in range(2):
        workdir.stage(tmp_path / "w", "a", "/data/a")


def test_two_inputs_of_one_name_are_refused_naming_both(tmp_path):
    workdir.create(tmp_path / "w")
    workdir.stage(tmp_path / "w", "a", "/one/a")
    with pytest.raises(InputError, match="/one/a and /two/a"):
        workdir.stage(tmp_path / "w", "a", "/two/a")


def test_nothing_is_staged_through_an_input_directory(tmp_path):
    (tmp_path / "mine").mkdir()
    workdir.create(tmp_path / "w")
    workdir.stage(tmp_path / "w", "d", tmp_path / "mine")
    with pytest.raises(InputError):
        workdir.stage(tmp_path / "w", "d/a", "/two/a")
    assert list((tmp_path / "mine").iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../a", "/a", ".", "x/../../a", ".nbflow/values", ".exitcode", ".command.sh", "a\0b", ""]
)
def test_names_outside_or_of_nbflow_itself_are_refused(name, tmp_path):
    workdir.create(tmp_path / "w")
    with pytest.raises(InputError):
        workdir.stage(tmp_path / "w", name, "/data/a")


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ("0", 0),
        ("0\n", 0),
        ("137", 137),
        ("", None),
        ("256", None),
        ("-1", None),
        ("0x", None),
        ("1 2", None),
        ("00000", None),
    ],
)
def test_only_a_whole_number_is_an_exit_status(content, status, tmp_path):
    (tmp_path / ".exitcode").write_text(content)
    assert workdir.read_exit(tmp_path) == status


def test_no_exit_file_is_no_exit_status(tmp_path):
    assert workdir.read_exit(tmp_path) is None


def test_small_files_are_read_with_the_facts_of_what_was_read(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"x" * 100_000)
    content, size, mtime_ns = workdir.read_small(path)
    assert (content, size, mtime_ns) == (b"x" * 100_000, 100_000, path.stat().st_mtime_ns)
    assert workdir.stat_of(path) == (size, mtime_ns)
    assert workdir.stat_of(tmp_path / "b") is None
