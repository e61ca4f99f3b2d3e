"""Tests of the sentences of why: one for each kind of part, from what to what."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nbflow.core.file_facts import describe
from nbflow.core.parts import Part, combine
from nbflow.core.task.explain import Difference, differences, differing

A, B = (combine("v", [letter]) for letter in (b"a", b"b"))


def said(kind: str, name: str, before: str | None, after: str | None) -> list[str]:
    old = [] if before is None else [Part(kind, name, A, before)]
    new = [] if after is None else [Part(kind, name, B, after)]
    return differences(new, old)


@pytest.mark.parametrize(
    ("kind", "name", "before", "after", "sentence"),
    [
        ("global", "threshold", "0.5", "0.7", "global `threshold` changed: 0.5 -> 0.7"),
        ("global", "n", None, "3", "global `n` is new: 3"),
        ("global", "n", "3", None, "global `n` is no longer used"),
        ("global", "d", "dict of 9", "dict of 9", "global `d` changed: its content (it is still dict of 9)"),
        ("input", "n", "1", "2", "input `n` changed: 1 -> 2"),
        ("source", "", "a = 1\nb = 2", "a = 1\nb = 3", "the source changed: line 2: `b = 2` -> `b = 3`"),
        ("function", "clean", "a\nb\nc", "a\nb\nd", "helper `clean` changed: line 3: `c` -> `d`"),
        ("function", "clean", "a", "a\nb", "helper `clean` changed: line 2 is new: `b`"),
        ("function", "clean", "a\nb", "a", "helper `clean` changed: line 2 is gone: `b`"),
        ("function", "f", "a\nb\nc", "x\nb\ny", "helper `f` changed: line 1: `a` -> `x`, and another place"),
        ("function", "clean", None, "a", "helper `clean` is new"),
        ("function", "clean", "a", "a", "helper `clean` changed"),
        ("class", "Model", "K = 1", "K = 2", "class `Model` changed: line 1: `K = 1` -> `K = 2`"),
        ("module", "lib", "x = 1", "x = 2", "local module `lib` changed: line 1: `x = 1` -> `x = 2`"),
        ("package", "pandas", "2.1.0", "2.2.0", "package `pandas` changed: 2.1.0 -> 2.2.0"),
        ("package", "pandas", None, "2.2.0", "package `pandas` is new: 2.2.0"),
        ("env", "LANG", "C", "not set", "environment variable `LANG` changed: C -> not set"),
        (
            "env",
            "API_TOKEN",
            "[secure]",
            "[secure]",
            "environment variable `API_TOKEN` changed (its value is a secret, which is not recorded)",
        ),
        ("directive", "env", "A=1", "A=2", "option `env` changed: A=1 -> A=2"),
        ("session", "", "11111111-1", "22222222-2", "the session is another one: 11111111 -> 22222222"),
        ("scheme", "", "nbflow-1", "nbflow-2", "nbflow's way of hashing changed: nbflow-1 -> nbflow-2"),
        ("alias", "np", "module numpy", "module cupy", "module name `np` changed: module numpy -> module cupy"),
        ("hidden", "K of f", "1", "2", "`K of f` changed: 1 -> 2"),
        ("sharing", "a, b", None, "", "`a, b` hold an object in common"),
        ("sharing", "a, b", "", None, "`a, b` no longer hold an object in common"),
        ("annotations", "f", "", "", "the annotations of `f` changed"),
        ("docstrings", "", "", "", "a docstring that the code reads changed"),
        ("stub", "", "no", "yes", "the stub changed: no -> yes"),
        ("bin", "tool", "#!/bin/sh\na", "#!/bin/sh\nb", "`bin/tool` changed: line 2: `a` -> `b`"),
        ("eval", "tool --version", None, "", "the command `tool --version` of an output is new"),
        ("text", "", "", "", "the text of a cell that the code reads changed"),
        ("container", "img", "a", "b", "container `img` changed: a -> b"),
    ],
)
def test_each_kind_of_part_has_its_sentence(
    kind: str, name: str, before: str | None, after: str | None, sentence: str
) -> None:
    assert said(kind, name, before, after) == [sentence]


def test_parts_that_agree_are_not_mentioned() -> None:
    same = Part("global", "n", A, "1")
    assert differing([same, Part("global", "m", B, "2")], [same, Part("global", "m", A, "1")]) == [
        Difference("global", "m", "global `m` changed: 1 -> 2")
    ]


def test_what_changed_comes_before_what_is_new_or_gone_and_the_source_before_packages() -> None:
    now = [Part("alias", "np", B, ""), Part("package", "pandas", B, "2"), Part("source", "", B, "a")]
    before = [Part("global", "n", A, "1"), Part("package", "pandas", A, "1"), Part("source", "", A, "b")]
    assert [difference.kind for difference in differing(now, before)] == ["source", "package", "global", "alias"]


def test_long_values_are_shown_where_they_differ() -> None:
    before, after = ("x" * 80 + letter + "y" * 80 for letter in "ab")
    [sentence] = said("global", "s", before, after)
    assert "xxxa" in sentence and "xxxb" in sentence and len(sentence) < 180


def test_outputs_of_tasks_are_told_apart_by_their_names_and_not_by_where_each_lies() -> None:
    a, b, c = (f"/home/me/work/{letter * 2}/{letter * 30}/quant_{letter}" for letter in "abc")
    assert said("input", "results", f"[{a}, {b}]", f"[{a}, {c}]") == [
        "input `results` changed: [quant_a, quant_b] -> [quant_a, quant_c]"
    ]
    again = a.replace("/aa/", "/dd/")
    [sentence] = said("input", "results", f"[{a}]", f"[{again}]")
    assert "/aa/" in sentence and "/dd/" in sentence


class Files:
    """A value that names files, before and after what was done to them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def write(self, name: str, text: str, seconds: int = 0) -> None:
        path = self.directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        os.utime(path, ns=(0, seconds * 10**9))

    def preview(self, value: str, *names: str) -> str:
        return "\n".join([value, *(line for name in names for line in describe(str(self.directory / name), name))])


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_a_file_whose_size_changed_is_named_with_both_sizes(files: Files) -> None:
    files.write("a.fq", "ACGT")
    before = files.preview("a.fq", "a.fq")
    files.write("a.fq", "ACGTA")
    after = files.preview("a.fq", "a.fq")
    assert said("input", "reads", before, after) == ["input `reads`: content of a.fq changed: 4 -> 5 bytes"]
    assert said("file", "a.fq", before, after) == ["content of a.fq changed: 4 -> 5 bytes"]


def test_a_file_of_the_same_size_with_other_content_is_told_from_one_that_was_touched(files: Files) -> None:
    files.write("a.fq", "ACGT")
    before = files.preview("a.fq", "a.fq")
    files.write("a.fq", "ACGG", seconds=5)
    assert said("input", "reads", before, files.preview("a.fq", "a.fq")) == [
        "input `reads`: content of a.fq changed (it still has 4 bytes)"
    ]
    files.write("a.fq", "ACGT", seconds=5)
    [sentence] = said("input", "reads", before, files.preview("a.fq", "a.fq"))
    assert sentence.startswith("input `reads`: a.fq was touched or written again, with the same content: ")
    assert sentence.endswith("modified 1970-01-01 00:00:00 -> 1970-01-01 00:00:05")


def test_another_mode_of_comparison_is_said_where_the_file_is_the_same(files: Files) -> None:
    files.write("a.fq", "ACGT")
    path = str(files.directory / "a.fq")
    before, after = ("\n".join(["a.fq", *describe(path, "a.fq", mode)]) for mode in ("standard", "deep"))
    assert said("input", "reads", before, after) == [
        "input `reads`: a.fq is compared by `cache: deep`, before by `cache: standard`"
    ]


def test_of_a_large_file_only_size_and_time_are_known(files: Files) -> None:
    files.write("a.fq", "A" * 300_000)
    before = files.preview("a.fq", "a.fq")
    files.write("a.fq", "C" * 300_000, seconds=5)
    [sentence] = said("input", "reads", before, files.preview("a.fq", "a.fq"))
    assert "a.fq was touched or written again, with as many bytes" in sentence


def test_of_several_files_those_that_changed_came_or_went_are_named(files: Files) -> None:
    for name in ("d/a", "d/b", "d/c"):
        files.write(name, name)
    before = files.preview("d", "d")
    files.write("d/a", "longer")
    files.write("d/x", "x")
    (files.directory / "d" / "c").unlink()
    assert said("input", "reads", before, files.preview("d", "d")) == [
        "input `reads`: content of d/a changed: 3 -> 6 bytes",
        "input `reads`: d/x is new",
        "input `reads`: d/c is no longer there",
    ]


def test_files_that_were_only_written_again_are_not_named_beside_one_whose_content_changed(files: Files) -> None:
    for name in ("index/a", "index/b"):
        files.write(name, "1")
    before = files.preview("index", "index")
    for name, text in {"index/a": "1", "index/b": "2"}.items():
        files.write(name, text, seconds=5)
    assert said("input", "index", before, files.preview("index", "index")) == [
        "input `index`: content of index/b changed (it still has 1 bytes)"
    ]


def test_a_data_file_of_a_module_is_named(files: Files) -> None:
    files.write("lib/table.csv", "1")
    before = files.preview("1 files", "lib/table.csv")
    files.write("lib/table.csv", "12")
    assert said("data", "lib", before, files.preview("1 files", "lib/table.csv")) == [
        "data beside module `lib`: content of lib/table.csv changed: 1 -> 2 bytes"
    ]


def test_another_path_is_a_change_of_the_value(files: Files) -> None:
    for name in ("a", "b"):
        files.write(name, name)
    assert said("input", "reads", files.preview("a", "a"), files.preview("b", "b")) == ["input `reads` changed: a -> b"]


def test_the_output_of_a_task_that_ran_again_is_named_although_it_lies_elsewhere(files: Files) -> None:
    files.write("one/a", "1")
    files.write("two/a", "12")
    before = "\n".join(["/w/one/a", *describe(str(files.directory / "one" / "a"), "a")])
    after = "\n".join(["/w/two/a", *describe(str(files.directory / "two" / "a"), "a")])
    assert said("input", "reads", before, after) == ["input `reads`: content of a changed: 1 -> 2 bytes"]
