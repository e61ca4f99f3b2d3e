"""Tests of -p name=value and of the cell that it makes."""

from __future__ import annotations

import math

import nbformat
import pytest
from nbformat import v4

from nbflow.errors import NbflowError
from nbflow.headless.parameters import inject, parse_parameter


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-2.5", -2.5),
        ("1e-3", 0.001),
        ("0x10", 16),
        ("true", True),
        ("null", None),
        ("", None),
        ("yes", "yes"),
        ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"),
        ("data/x.csv", "data/x.csv"),
        ("a: b #c", "a: b #c"),
        ("*.fq", "*.fq"),
        ("[1, 2.5, a]", [1, 2.5, "a"]),
        ('{"a": [1, null]}', {"a": [1, None]}),
        ('"3"', "3"),
        ("'3'", "3"),
        ("a=b", "a=b"),
    ],
)
def test_a_value_is_json_or_a_word_of_yaml_and_else_text(text: str, value: object) -> None:
    name, found = parse_parameter(f"x={text}")
    assert (name, found, type(found)) == ("x", value, type(value))


def test_numbers_without_a_json_form_are_numbers() -> None:
    assert math.isnan(float(str(parse_parameter("x=.nan")[1])))
    assert parse_parameter("x=-.inf")[1] == -math.inf


@pytest.mark.parametrize("text", ["x", "=3", "1x=3", "x y=3", "x={a: 1}", "x=[1, 2", 'x="open'])
def test_what_is_no_parameter_is_refused_as_typed(text: str) -> None:
    with pytest.raises(NbflowError) as refused:
        parse_parameter(text)
    assert repr(text) in str(refused.value)


def notebook(source: str = "n = 1\nm: int = 2\na, b = 3, 4") -> nbformat.NotebookNode:
    cells = [
        v4.new_markdown_cell("# title"),
        v4.new_code_cell(source, metadata={"tags": ["parameters"]}),
        v4.new_code_cell("print(n)"),
    ]
    return v4.new_notebook(cells=cells)


def test_the_values_come_right_behind_the_defaults() -> None:
    injected = inject(notebook(), {"n": math.inf, "m": [1, {"k": math.nan}], "b": "it's"})
    source = injected.cells[2].source
    assert injected.cells[2].metadata.tags == ["injected-parameters"]
    namespace: dict[str, object] = {}
    exec(source, namespace)
    assert (namespace["n"], namespace["b"]) == (math.inf, "it's")
    assert str(namespace["m"]) == "[1, {'k': nan}]"
    nbformat.validate(injected)


def test_what_papermill_injected_before_is_replaced() -> None:
    once = inject(notebook(), {"n": 5})
    twice = inject(once, {"n": 6})
    assert [cell.source for cell in twice.cells if "injected-parameters" in cell.metadata.get("tags", ())] == [
        "# Parameters\nn = 6"
    ]


def test_an_unknown_parameter_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(NbflowError, match=r"no parameter 'k'; .* assigns: n, m, a, b"):
        inject(notebook(), {"n": 1, "k": 2})


def test_a_notebook_without_a_parameters_cell_takes_none() -> None:
    plain = v4.new_notebook(cells=[v4.new_code_cell("n = 1")])
    assert inject(plain, {}) is plain
    with pytest.raises(NbflowError, match="tag the cell that assigns their defaults"):
        inject(plain, {"n": 1})


def test_a_parameters_cell_that_is_no_python_is_refused() -> None:
    with pytest.raises(NbflowError, match="must be plain Python"):
        inject(notebook("%matplotlib inline\nn = 1"), {"n": 1})
