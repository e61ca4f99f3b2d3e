"""Functions and their text: found by code object, never trusted unless it compiles to the same code."""

from __future__ import annotations

import ast
import linecache
import sys
from typing import Any

import pytest

from nbflow.core.code.cells import find_definition
from nbflow.core.code.definitions import code_object_bytes, facts_of, is_importable
from tests.core.notebooks import Notebook


def function(text: str, name: str = "f") -> Any:
    return Notebook(text).namespace[name]


@pytest.mark.parametrize("index", range(6))
def test_each_lambda_of_a_line_has_its_own_text(index: int) -> None:
    text = "f = [lambda: 1, lambda x: x, lambda: (lambda: 2), lambda: 1 if a else 2, lambda: [i for i in b], lambda: c.d()]"
    found = find_definition(function(text)[index].__code__)
    if sys.version_info[:2] == (3, 12) and index == 0:
        # Python 3.12 gives a lambda that returns a constant no place: its code object counts instead, never a guess.
        assert found is None
        return
    assert found is not None
    segment = text.split("= ", 1)[1].strip("[]").split(", lambda")[index]
    assert text[found.node.col_offset : found.node.end_col_offset].removeprefix("lambda") == segment.removeprefix(
        "lambda"
    )


def test_a_lambda_inside_another_is_told_from_it() -> None:
    outer = function("f = lambda: lambda: a")
    texts = [ast.unparse(find_definition(code).node) for code in (outer.__code__, outer().__code__)]
    assert texts == ["lambda: lambda: a", "lambda: a"]


def test_text_that_is_not_the_code_is_not_believed() -> None:
    f = function("def f(): return 1")
    name = f.__code__.co_filename
    other = "def f(): return 2"
    linecache.cache[name] = (len(other), None, [other + "\n"], name)  # type: ignore[assignment]
    assert find_definition(f.__code__) is None
    assert facts_of(f.__code__).form != facts_of(function("def f(): return 2").__code__).form


def test_code_without_text_counts_by_what_it_does() -> None:
    def bare(text: str) -> bytes:
        space: dict[str, Any] = {}
        exec(text, space)
        assert find_definition(space["f"].__code__) is None
        return facts_of(space["f"].__code__).form

    assert bare("def f(): return {1, 'a'} and 1 in {3, 'b'}") == bare(
        "\n\ndef f():\n  return {1, 'a'} and 1 in {3, 'b'}"
    )
    bodies = [
        "return 1",
        "return True",
        "return 1.0",
        "return (1, 2)",
        "return a",
        "return b",
        "return 0.0",
        "return -0.0",
    ]
    assert len({bare(f"def f(): {body}") for body in bodies}) == len(bodies)


def test_nested_code_counts_in_a_code_object() -> None:
    one, two = (compile(f"def f():\n  return lambda: {n}", "x", "exec") for n in (1, True))
    assert code_object_bytes(one) != code_object_bytes(two)


def test_what_a_worker_can_import() -> None:
    assert is_importable(linecache.getlines)
    assert is_importable(Notebook)
    assert not is_importable(function("def f(): pass"))
    assert not is_importable(function("import functools\ndef g(): pass\nf = functools.wraps(g)(lambda: 1)"))
