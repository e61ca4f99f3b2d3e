"""Text with {expressions}: where they begin and end, what they read, what they give."""

from __future__ import annotations

import glob
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbflow.core.declaration.globs import glob_names, render_glob
from nbflow.core.declaration.interpolation import evaluate, names, render
from nbflow.errors import DeclarationError, InputError

TASK = SimpleNamespace(attempt=2, cpus=4)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("plain", set()),
        ("{{x}}", set()),
        ("{4 * task.attempt} GB", {"task"}),
        ("{a}-{b.c[d]}", {"a", "b", "d"}),
        ("{x:{width}.{digits}f}", {"x", "width", "digits"}),
        ("{id}", {"id"}),
        ("{[i for i in xs if i > low]}", {"xs", "low"}),
        ("{[i for i in i]}", {"i"}),
        ("{(lambda q, r=k: q + z)(1)}", {"k", "z"}),
        ("{d['a}b']}", {"d"}),
        ("{x!r:>5}", {"x"}),
    ],
)
def test_names_are_those_that_the_expressions_read_from_outside(text: str, read: set[str]) -> None:
    assert names(text) == read


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{4 * task.attempt} GB", "8 GB"),
        ("{{x}} {x}", "{x} a'b"),
        ("{x!r}", '"a\'b"'),
        ("{n:>5}|{n:{n}d}", "    3|  3"),
        ("{d['k']}{d[\"k\"]}", "vv"),
        ("{'}'}", "}"),
        ("{'a' if n != 3 else 'b'}", "b"),
        ("{ n }", "3"),
        ("{(lambda: n)()}", "3"),
        ("{[n for _ in range(2)]}", "[3, 3]"),
        ("{n, 1}", "(3, 1)"),
        ("é{n}", "é3"),
    ],
)
def test_text_is_rendered_as_an_f_string(text: str, said: str) -> None:
    assert render(text, {"task": TASK, "x": "a'b", "n": 3, "d": {"k": "v"}}) == said


def test_a_lone_expression_gives_its_value_and_not_its_text() -> None:
    assert evaluate("{2 * task.cpus}", {"task": TASK}) == 8
    assert evaluate("{n:d}", {"n": 3}) == "3"
    assert evaluate("{n} ", {"n": 3}) == "3 "


@pytest.mark.parametrize(
    "text", ["{x", "x}", "{}", "{ }", "{a b}", "{x!q}", "{x!}", "{(x}", "{x:{y}", "{lambda: 1}", "{x}}"]
)
def test_text_that_is_no_f_string_is_refused_by_name(text: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        names(text)
    assert text in str(caught.value)


@pytest.mark.parametrize("text", ["{(y := 3)}", "{await x}"])
def test_expressions_cannot_bind_or_wait(text: str) -> None:
    with pytest.raises(DeclarationError, match="must not use"):
        names(text)


def test_a_missing_name_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"`sampel` in `\{sampel\}` is not known here; it knows `sample`") as caught:
        render("{sampel}", {"sample": 1})
    assert caught.value.name == "sampel"


def test_an_expression_that_fails_is_an_error_with_its_cause() -> None:
    with pytest.raises(InputError, match="ZeroDivisionError"):
        render("{1 / n}", {"n": 0})
    with pytest.raises(InputError, match="cannot be formatted"):
        render("{n:d}", {"n": "a"})


@given(st.text())
def test_text_without_braces_stays_as_it_is(text: str) -> None:
    plain = text.replace("{", "").replace("}", "")
    assert render(plain, {}) == plain


@given(st.text())
def test_doubled_braces_give_any_text_back(text: str) -> None:
    assert render(text.replace("{", "{{").replace("}", "}}"), {}) == text


@pytest.mark.parametrize(
    ("text", "patterns"),
    [
        ("quant_{id}", ("quant_s1",)),
        ("{task.cpus}.txt", ("4.txt",)),
        ("*.{txt,log}", ("*.txt", "*.log")),
        ("*.{txt,log}.{a,b}", ("*.txt.a", "*.txt.b", "*.log.a", "*.log.b")),
        ("{a,{b,c}}.x", ("a.x", "b.x", "c.x")),
        ("{id,other}.txt", ("id.txt", "other.txt")),
        ("{id}.{bam,{id}.bai}", ("s1.bam", "s1.s1.bai")),
        ("{x}", ("{x}",)),
        ("a{,.gz}", ("a", "a.gz")),
        ("{id.upper()}", ("S1",)),
        ("{id!r:>6}", ("  's1'",)),
        ("{identity}", ("{identity}",)),
        ("**/*.txt", ("**/*.txt",)),
        ("x{a", ("x{a",)),
    ],
)
def test_braces_in_a_pattern_are_an_input_or_alternatives(text: str, patterns: tuple[str, ...]) -> None:
    assert render_glob(text, frozenset(("id",)), {"id": "s1", "task": TASK}) == patterns


@pytest.mark.parametrize("name", ["a[1]", "a*", "a?b", "{a,b}", "[!x]", "a,b", "ü {x}"])
def test_what_an_input_holds_is_literal_in_a_pattern(name: str, tmp_path: Path) -> None:
    (tmp_path / f"out_{name}.txt").touch()
    (tmp_path / "out_a1.txt").touch()
    (tmp_path / "out_ab.txt").touch()
    patterns = render_glob("out_{id}.txt", frozenset(("id",)), {"id": name})
    assert [found for pattern in patterns for found in glob.glob(pattern, root_dir=tmp_path)] == [f"out_{name}.txt"]


@pytest.mark.parametrize("value", ["/etc/passwd", "../x", "a/../../x", ""])
def test_a_pattern_cannot_lead_out_of_the_work_directory(value: str) -> None:
    with pytest.raises(InputError, match="inside the work directory"):
        render_glob("{id}", frozenset(("id",)), {"id": value})


def test_names_of_a_pattern_leave_alternatives_out() -> None:
    assert glob_names("{id}_{n}.{a,b}{task.cpus}{id:{n}}", frozenset(("id", "n"))) == {"id", "n", "task"}
    assert glob_names("{a,b}{x}", frozenset(("id",))) == frozenset()
