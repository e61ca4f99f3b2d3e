"""Bodies: what of their text counts."""

from __future__ import annotations

import ast
import json
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.core.code.source import normal_form, parse_body
from nbflow.errors import DeclarationError


def form(text: str, **options: bool) -> bytes:
    return normal_form(ast.parse(text), **options)


SAME = [
    ("x = 1", "x = 1  # why"),
    ("x = 1\ny = 2", "x = 1; y = 2"),
    ("x = 'a'", 'x = "a"'),
    ("x = 'ab'", "x = 'a' 'b'"),
    ("x = (1)", "x = 1"),
    ("x = 255", "x = 0xFF"),
    ("x = 1000", "x = 1_000"),
    ("f(a, b)", "f(\n    a,\n    b,\n)"),
    ("x = a and \\\n b", "x = (a and b)"),
    ("if a:\n  b\nelse:\n  if c:\n    d", "if a:\n    b\nelif c:\n    d"),
    ("del (a, b)", "del a, b"),
    ("'about'\nx = 1", "x = 1"),
    ("def f():\n  'about'\n  return 1", "def f():\n  return 1"),
    ("class C:\n  'about'\n  x = 1", "class C:\n  x = 1"),
    ("x = {1, 2, 3}", "x = {3, 1, 2}"),
    ("x in {'a', b'a', None}", "x in {None, 'a', b'a'}"),
    ("f'{x}' 'b'", "f'{x}b'"),
    ("f'a' f'{x}'", "f'a{x}'"),
    ("f'abc'", "f'abc' ''"),
    ("f'{x:>{w}}'", 'f"{x:>{w}}"'),
    ("def f():\n  x: int = 1", "def f():\n  x: str = 1"),
    ("with (a, b): pass", "with a, b: pass"),
    ("x: int = 1", "x: float = 1"),
    ("def f():\n  def g(x: int): return x\n  return g(1)", "def f():\n  def g(x: float): return x\n  return g(1)"),
    ("return_ = yield_ = lambda: (yield)", "return_ = yield_ = lambda: ((yield))"),
]

OTHER = [
    ("x = 1", "x = True"),
    ("x = 1", "x = 1.0"),
    ("x = 0.0", "x = -0.0"),
    ("x = 1j", "x = 1.0"),
    ("x = 'a'", "x = b'a'"),
    ("x = None", "x = ..."),
    ("x = 'None'", "x = None"),
    ("x = 2**70", "x = 2**71"),
    ("x = 10**400", "x = 10**401"),
    ("x = (1, 2)", "x = [1, 2]"),
    ("x = {1: 2, 3: 4}", "x = {3: 4, 1: 2}"),
    ("x = {f(), g()}", "x = {g(), f()}"),
    ("x = {1, True}", "x = {True, 1}"),
    ("x = ['ab', 'c']", "x = ['a', 'bc']"),
    ("f(a, b)", "f(a)(b)"),
    ("f(a=1)", "f(**{'a': 1})"),
    ("x = 1", "x += 1"),
    ("f'{x}'", "f'{x!r}'"),
    ("f'{x:>3}'", "f'{x:>4}'"),
    ("f'{x}'", "'{x}'"),
    ("if a: b\nc", "if a:\n  b\n  c"),
    ("async def f(): pass", "def f(): pass"),
    ("def f(x, /): pass", "def f(x): pass"),
    ("def f(*, x): pass", "def f(x): pass"),
    ("from __future__ import annotations", "import annotations"),
    ("'shown'", "'other'"),
    ("x = 1\n'shown'", "x = 1\n'other'"),
    ("class C:\n  x: int", "class C:\n  x: str"),
    ("class C:\n  if y:\n    x: int", "class C:\n  if y:\n    x: str"),
    ("def f(x: int): pass", "def f(x: str): pass"),
    ("def f():\n  def g(x: int): pass\n  return g", "def f():\n  def g(x: float): pass\n  return g"),
    ("x: int = 1\ny = __annotations__", "x: float = 1\ny = __annotations__"),
    ("def f(): 'a'\ny = f.__doc__", "def f(): 'b'\ny = f.__doc__"),
    ("import a.b", "import a"),
    ("from . import a", "from .. import a"),
    ("a < b < c", "a < (b < c)"),
    ("x = '\\ud800'", "x = '\\ud801'"),
    ("del a", "del a, b"),
    ("def f(): pass", "class f: pass"),
    ("lambda x=1: x", "lambda x: x"),
    ("try: a\nexcept: b", "try: a\nfinally: b"),
]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_what_does_not_count(first: str, second: str) -> None:
    assert form(first) == form(second)


@pytest.mark.parametrize(("first", "second"), OTHER)
def test_what_counts(first: str, second: str) -> None:
    assert form(first) != form(second)


def test_annotations_and_docstrings_count_on_request() -> None:
    assert form("def f(x: int) -> str: pass", annotations=False) == form("def f(x): pass")
    assert form("x: int = 1", annotations=False) != form("x: int = 2", annotations=False)
    assert form("class C:\n  x: int", annotations=False) != form("class C:\n  x: str", annotations=False)
    assert form("def f():\n  'a'", docstrings=True) != form("def f():\n  'b'", docstrings=True)


def test_code_of_any_depth_has_a_normal_form() -> None:
    assert form("x = " + " + ".join(["a"] * 900)) != form("x = " + " + ".join(["a"] * 901))


names = st.sampled_from("abcxyz")
atoms = st.one_of(names, st.integers(-3, 3).map(repr), st.text("ab\"'\n", max_size=3).map(repr), st.just("1.5"))
expressions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "*", "and", "==", "in", "**"]), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]"),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: "{" + ", ".join(items) + "}"),
        st.tuples(names, st.lists(inner, max_size=2)).map(lambda t: f"{t[0]}({', '.join(t[1])})"),
        st.tuples(names, inner).map(lambda t: f"(lambda {t[0]}: {t[1]})"),
        st.tuples(inner, names, inner).map(lambda t: f"[{t[0]} for {t[1]} in {t[2]}]"),
        st.tuples(names, names).map(lambda t: f"f'{{{t[0]}:>{{{t[1]}}}}} tail'"),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
    ),
    max_leaves=12,
)


def _indented(lines: list[str]) -> str:
    return "\n".join("    " + line for text in lines for line in text.splitlines())


statements = st.recursive(
    st.one_of(
        st.tuples(names, expressions).map(lambda t: f"{t[0]} = {t[1]}"),
        expressions,
        names.map(lambda name: f"del {name}"),
    ),
    lambda inner: st.one_of(
        st.tuples(expressions, st.lists(inner, min_size=1, max_size=2)).map(lambda t: f"if {t[0]}:\n{_indented(t[1])}"),
        st.tuples(names, expressions, st.lists(inner, min_size=1, max_size=2)).map(
            lambda t: f"for {t[0]} in {t[1]}:\n{_indented(t[2])}"
        ),
        st.tuples(names, names, st.lists(inner, min_size=1, max_size=2)).map(
            lambda t: f"def {t[0]}({t[1]}=1):\n{_indented(t[2])}"
        ),
    ),
    max_leaves=6,
)
programs = st.lists(statements, min_size=1, max_size=4).map("\n".join)


@settings(max_examples=80, deadline=None)
@given(programs)
def test_code_written_anew_is_the_same(text: str) -> None:
    tree = ast.parse(text)
    assert normal_form(ast.parse(ast.unparse(tree))) == normal_form(tree)


@settings(max_examples=80, deadline=None)
@given(programs, st.data())
def test_a_changed_constant_or_name_is_seen(text: str, data: st.DataObject) -> None:
    tree = ast.parse(text)
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Name) or _is_number(node)]
    if not nodes:
        return
    before = normal_form(tree)
    node = data.draw(st.sampled_from(nodes))
    if isinstance(node, ast.Name):
        node.id += "_changed"
    else:
        node.value = 77  # type: ignore[attr-defined]
    assert normal_form(tree) != before


def _is_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, (int, float))


@settings(max_examples=50, deadline=None)
@given(programs)
def test_any_body_is_read_without_failing(text: str) -> None:
    try:
        body = parse_body(text, "%%process p")
    except DeclarationError:
        return
    assert body.definite_reads <= body.reads


ACROSS = [
    *(text for pair in SAME + OTHER for text in pair),
    "match x:\n  case [1, *r] if r: pass",
    "x[1:2, ...]",
    "print(*a, **b)",
]
"""Texts that every supported Python parses to the same code."""


@pytest.mark.parametrize("python", ["3.12", "3.13", "3.14"])
def test_the_normal_form_is_the_same_on_other_pythons(python: str) -> None:
    found = sorted(Path.home().glob(f".pyenv/versions/{python}.*/bin/python"))
    if not found:
        pytest.skip(f"no Python {python} here")
    script = (
        "import sys, json, ast, types\n"
        "sys.modules['xxhash'] = types.ModuleType('xxhash')\n"
        "from nbflow.core.code.source import normal_form\n"
        "print(json.dumps([normal_form(ast.parse(text)).hex() for text in json.load(sys.stdin)]))"
    )
    environ = {**os.environ, "PYTHONPATH": os.getcwd()}
    done = subprocess.run(
        [found[-1], "-W", "ignore", "-c", script],
        input=json.dumps(ACROSS),
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == [form(text).hex() for text in ACROSS]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("x", True),
        ("x;", False),
        ("x; # note", False),
        ("x = 1", False),
        ("x\n# end;", True),
        ("x = ';'\n';'", True),
        ("", False),
    ],
)
def test_the_last_expression_is_shown_unless_a_semicolon_ends_it(text: str, shown: bool) -> None:
    assert parse_body(text, "p").shows_last is shown


def test_a_body_that_awaits_is_async() -> None:
    assert parse_body("x = await f()", "p").is_async
    assert parse_body("async with f() as x: pass", "p").is_async
    assert not parse_body("async def f(): await g()", "p").is_async


@pytest.mark.parametrize("text", ["x =", "return 1", "yield 1", "def f(x, x): pass", "break", "x = 1\x00"])
def test_what_is_not_python_is_refused(text: str) -> None:
    with pytest.raises(DeclarationError, match="not valid Python"):
        parse_body(text, "p")


def test_a_syntax_error_names_its_line() -> None:
    with pytest.raises(DeclarationError) as caught:
        parse_body("\n\nx = 1\ny = (", "p")
    assert caught.value.line == 4


def test_strings_and_imports_are_found_everywhere() -> None:
    body = parse_body(
        "import a.b, c as d\ntry:\n  from e import f\nexcept ImportError:\n  f = g('x.csv')\nfrom h import *", "p"
    )
    assert [(found.name, found.module, found.attribute) for found in body.imports] == [
        ("a", "a", None),
        ("d", "c", None),
        ("f", "e", "f"),
    ]
    assert body.star_imports == ("h",)
    assert body.strings == {"x.csv"}
