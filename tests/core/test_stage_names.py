"""``stage_as``: Nextflow's table of names (nextflow.io, process inputs, "Input file name")."""

from __future__ import annotations

import pytest

from nbflow.core.script.stage_names import stage_names

ONE, THREE = ["a.fq"], ["a.fq", "b.fq", "c.fq"]


@pytest.mark.parametrize(
    ("pattern", "names", "staged"),
    [
        ("*", ONE, ["a.fq"]),
        ("*", THREE, THREE),
        ("x.fq", ONE, ["x.fq"]),
        ("x*.fq", ONE, ["x.fq"]),
        ("x?.fq", ONE, ["x1.fq"]),
        ("x??.fq", ONE, ["x01.fq"]),
        ("x", THREE, ["x1", "x2", "x3"]),
        ("x.fq", THREE, ["x.fq1", "x.fq2", "x.fq3"]),
        ("x*.fq", THREE, ["x1.fq", "x2.fq", "x3.fq"]),
        ("x?.fq", THREE, ["x1.fq", "x2.fq", "x3.fq"]),
        ("x??.fq", THREE, ["x01.fq", "x02.fq", "x03.fq"]),
        ("d/*", ONE, ["d/a.fq"]),
        ("d/*", THREE, ["d/a.fq", "d/b.fq", "d/c.fq"]),
        ("d/", THREE, ["d/a.fq", "d/b.fq", "d/c.fq"]),
        ("d?/*", THREE, ["d1/a.fq", "d2/b.fq", "d3/c.fq"]),
        ("d??/*", ONE, ["d01/a.fq"]),
        ("d*/x", ONE, ["d1/x"]),
        ("d*/x*", THREE, ["d1/x1", "d2/x2", "d3/x3"]),
        ("d/x", THREE, ["d/x1", "d/x2", "d/x3"]),
        ("x", [], []),
    ],
)
def test_the_pattern_names_one_file_and_several_as_nextflow_does(
    pattern: str, names: list[str], staged: list[str]
) -> None:
    assert stage_names(pattern, names) == staged


def test_numbers_grow_beyond_their_digits() -> None:
    assert stage_names("x?", ["f"] * 11)[8:] == ["x9", "x10", "x11"]
