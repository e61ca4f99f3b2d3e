"""Rules of `file()` and `files()`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nbflow.core.declaration.file_rules import file_rules
from nbflow.errors import TaskFailedError
from nbflow.execution.outputs.collect import collect
from nbflow.execution.spec import OutputSpec


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    (tmp_path / "input.txt").write_text("the user's")
    work = tmp_path / "work"
    for name in (".command.sh", ".command.out", ".exitcode", ".nbflow/values", ".hidden.txt"):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text("")
    for name in ("b.txt", "a.txt", "x.csv", "out/deep/c.txt"):
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(f"content of {name}")
    (work / "input.txt").symlink_to(tmp_path / "input.txt")
    return work


def found(work_dir, kind, *patterns, inputs=("input.txt",), **options):
    rules = file_rules(kind, " ".join(patterns), options)
    return collect(work_dir, OutputSpec("o", kind=kind, patterns=patterns, rules=rules), inputs)


def test_files_are_sorted_and_inputs_and_hidden_ones_left_out(work_dir):
    assert found(work_dir, "files", "*.txt").paths == ("a.txt", "b.txt")


def test_stars_of_two_go_down(work_dir):
    assert found(work_dir, "files", "**/*.txt").paths == ("a.txt", "b.txt", "out/deep/c.txt")


def test_several_patterns_are_one_set(work_dir):
    assert found(work_dir, "files", "a.*", "*.csv", "a.txt").paths == ("a.txt", "x.csv")


def test_an_input_is_found_by_its_own_name(work_dir):
    assert found(work_dir, "file", "input.txt").paths == ("input.txt",)


def test_a_hidden_file_is_found_by_its_own_name(work_dir):
    assert found(work_dir, "file", ".hidden*").paths == (".hidden.txt",)


@pytest.mark.parametrize("pattern", [".command*", ".exitcode", ".nbflow", ".nbflow/*", ".*code", "./.command.sh"])
def test_what_is_nbflows_own_is_never_found(pattern, work_dir):
    assert found(work_dir, "files", pattern, optional=True).paths == ()


def test_several_files_for_one_are_an_error_that_lists_them(work_dir):
    with pytest.raises(TaskFailedError, match=r"matches 2: a\.txt, b\.txt"):
        found(work_dir, "file", "*.txt")


def test_no_file_is_an_error_that_lists_what_is_there(work_dir):
    with pytest.raises(TaskFailedError, match=r'"\*\.bam"\) matches nothing; the work directory holds .*a\.txt.*out/'):
        found(work_dir, "files", "*.bam")


@pytest.mark.parametrize("kind", ["file", "files"])
def test_no_file_is_fine_where_it_is_optional(kind, work_dir):
    assert found(work_dir, kind, "*.bam", optional=True).paths == ()


def test_files_are_recorded_with_size_time_and_content(work_dir):
    (record,) = found(work_dir, "file", "a.txt").files
    facts = (work_dir / "a.txt").stat()
    assert (record.path, record.size, record.mtime_ns) == ("a.txt", facts.st_size, facts.st_mtime_ns)


def test_the_digest_tells_names_and_content(work_dir):
    first = found(work_dir, "files", "*.txt").digest
    os.utime(work_dir / "a.txt", ns=(1, 1))
    assert found(work_dir, "files", "*.txt").digest == first
    (work_dir / "a.txt").write_text("CONTENT OF a.txt")
    changed = found(work_dir, "files", "*.txt").digest
    assert changed != first
    (work_dir / "a.txt").rename(work_dir / "c.txt")
    assert found(work_dir, "files", "*.txt").digest not in (first, changed)


def test_a_directory_counts_with_all_that_lies_in_it(work_dir):
    first = found(work_dir, "file", "out")
    assert [record.path for record in first.files] == ["out", "out/deep", "out/deep/c.txt"]
    (work_dir / "out/deep/c.txt").write_text("CONTENT OF c.txt")
    changed = found(work_dir, "file", "out").digest
    (work_dir / "out/empty").mkdir()
    assert len({first.digest, changed, found(work_dir, "file", "out").digest}) == 3


def test_links_to_directories_are_not_followed_in_circles(work_dir):
    (work_dir / "out/loop").symlink_to(work_dir / "out")
    assert [record.path for record in found(work_dir, "file", "out").files] == ["out", "out/deep", "out/deep/c.txt"]


def test_a_directory_that_holds_inputs_is_no_output(work_dir):
    (work_dir / "data").mkdir()
    (work_dir / "data/in.csv").symlink_to("/data/in.csv")
    paths = found(work_dir, "files", "*", "data/*", inputs=("input.txt", "data/in.csv")).paths
    assert paths == ("a.txt", "b.txt", "out", "x.csv")
