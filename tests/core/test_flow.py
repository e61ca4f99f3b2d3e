"""Names of a body: what it may read before it binds it, and what it binds."""

from __future__ import annotations

import pytest

from nbflow.core.code.source import parse_body

BUILTINS = {"print", "range", "len", "open", "ImportError", "ValueError", "sum", "super", "str", "int", "property"}

# body, names that it may read, names that it binds
CASES = {
    "straight": ("x = 1\ny = x + z", "z", "x y"),
    "read before bound": ("y = x\nx = 1", "x", "y x"),
    "augmented assignment": ("x += 1", "x", "x"),
    "item and attribute assignment": ("x[i] = 1\ny.a = 2", "x i y", ""),
    "del": ("del x", "x", ""),
    "bound and deleted": ("x = 1\ndel x", "", ""),
    "if on one side": ("if c: x = 1\nprint(x)", "c x", "x"),
    "if on both sides": ("if c: x = 1\nelse: x = 2\nprint(x)", "c", "x"),
    "if that raises": ("if c: x = 1\nelse: raise ValueError\nprint(x)", "c", "x"),
    "for": ("for i in s: x = i\nprint(x)", "s x", "i x"),
    "for over a literal": ("for i in (1, 2): x = i\nprint(x, i)", "", "i x"),
    "for over a range": ("for i in range(3): x = i\nprint(x)", "", "i x"),
    "for else": ("for i in s:\n  if i: x = 1; break\nelse:\n  x = 2\nprint(x)", "s", "i x"),
    "while": ("while c: x = 1\nprint(x)", "c x", "x"),
    "while true": ("while True:\n  x = 1\n  if x: break\nprint(x)", "", "x"),
    "continue": ("for i in (1, 2):\n  if c: continue\n  x = 1\nprint(x)", "c x", "i x"),
    "try": ("try: x = f()\nexcept ValueError: pass\nprint(x)", "f x", "x"),
    "try that rebinds": ("try: x = f()\nexcept ValueError: x = 1\nprint(x)", "f", "x"),
    "try that raises again": ("try: x = f()\nexcept ValueError: raise\nprint(x)", "f", "x"),
    "try else": ("try: f()\nexcept ValueError: x = 1\nelse: x = 2\nprint(x)", "f", "x"),
    "finally": ("try: f()\nfinally: x = 1\nprint(x)", "f", "x"),
    "read in finally": ("try: x = f()\nfinally: print(x)", "f x", "x"),
    "except name": ("try: f()\nexcept ValueError as e: print(e)", "f", ""),
    "with": ("with open(p) as h: x = h.read()\nprint(x)", "p", "h x"),
    "with that swallows": ("with suppress(ValueError): x = 1\nprint(x)", "suppress x", "x"),
    "match": (
        "match v:\n  case [a, *b]: x = a\n  case {'k': k, **r}: x = k\n  case _: x = 0\nprint(x)",
        "v",
        "a b x r k",
    ),
    "match without default": ("match v:\n  case 1: x = 1\nprint(x)", "v x", "x"),
    "match class and guard": ("match v:\n  case C(a=A.B) if g: pass", "v C A g", ""),
    "walrus": ("if (n := f()) > 1: print(n)\nprint(n)", "f", "n"),
    "walrus behind and": ("if a and (n := f()): print(n)", "a f", "n"),
    "walrus behind and, later": ("if a and (n := f()): pass\nprint(n)", "a f n", "n"),
    "walrus behind not": ("if not (a and (n := f())): pass\nelse: print(n)", "a f", "n"),
    "walrus in a comprehension": ("y = [z := i for i in s]", "s", "z y"),
    "comprehension": ("y = [x + k for x in x]", "x k", "y"),
    "comprehension variable stays inside": ("[i for i in s]\nprint(i)", "s i", ""),
    "nested comprehension": ("y = [j for i in s for j in i if j > k]", "s k", "y"),
    "lambda": ("f = lambda a, b=d: a + b + c", "d c", "f"),
    "lambda that calls itself": ("f = lambda n: f(n - 1)", "", "f"),
    "function": ("def f(a): return a + k", "k", "f"),
    "function, name bound before the call": ("def f(): return k\nk = 1\nf()", "", "f k"),
    "function, name bound after the call": ("def f(): return k\nf()\nk = 1", "k", "f k"),
    "recursion": ("def f(n): return f(n - 1)\nf(2)", "", "f"),
    "mutual recursion": ("def f(n): return g(n)\ndef g(n): return f(n)\nf(2)", "", "f g"),
    "function through a function": ("def f(): return g()\ndef g(): return k\nf()\nk = 1", "k", "f g k"),
    "defaults and decorators": ("@d\ndef f(a=b, *, c=e): pass", "d b e", "f"),
    "annotations": ("def f(a: T) -> R: pass\nx: U = 1", "T R U", "f x"),
    "decorated function may be called at once": ("@d\ndef f(): return k\nk = 1", "d k", "f k"),
    "local names": ("def f():\n  x = 1\n  def g(): return x\n  return g", "", "f"),
    "nonlocal": ("def f():\n  x = 1\n  def g():\n    nonlocal x\n    x += y\n  return g", "y", "f"),
    "global in a function": ("def f():\n  global x\n  x = 1\nf()", "", "x f"),
    "class": ("class C(B, metaclass=M):\n  x = k\n  y = x\n  def m(self): return x + q", "B M k x q", "C"),
    "class and comprehension": ("class C:\n  x = [1]\n  y = [x for _ in x]", "x", "C"),
    "class that names itself": ("class C:\n  def m(self): return C()", "", "C"),
    "private names": ("class C:\n  def m(self): return __k", "_C__k", "C"),
    "import": ("import a.b\nfrom c import d as e\nprint(a, e)", "", ""),
    "import in try": ("try:\n  import a\nexcept ImportError:\n  a = None\nprint(a)", "", "a"),
    "format spec": ("f'{x:{w}}'", "x w", ""),
    "star assignment": ("a, *b = c\n(d, e) = f", "c f", "a b d e"),
    "await": ("x = await f(y)", "f y", "x"),
    "generator": ("y = sum(i * k for i in s)", "k s", "y"),
    "conditional expression": ("y = a if b else c", "a b c", "y"),
    "async for": ("async for i in s: print(i)", "s", "i"),
}


@pytest.mark.parametrize("case", CASES)
def test_names_of(case: str) -> None:
    text, reads, binds = CASES[case]
    body = parse_body(text, "p")
    assert body.reads - BUILTINS == set(reads.split())
    assert body.binds == tuple(binds.split())


DEFINITE = {
    "y = x": "x",
    "if c: y = x": "c",
    "y = a and b": "a",
    "y = a if b else c": "b",
    "def f(): return x\nf()": "",
    "try: x\nexcept NameError: pass": "",
    "for i in s: x": "s",
    "[x for i in s]": "s",
    "if c: x = 1\ny = x": "c",
    "from m import *\ny = x": "",
    "x: T = y": "y",
    "with a as b: c": "a c",
    "f'{x}'": "x",
}


@pytest.mark.parametrize("text", DEFINITE)
def test_names_that_every_run_reads(text: str) -> None:
    assert parse_body(text, "p").definite_reads == set(DEFINITE[text].split())


def test_a_body_run_again_reads_none_of_its_own_outputs() -> None:
    body = parse_body("a = f(1)\nb = [a + i for i in range(3)]\ndef g(): return a, b\nc = g()", "p")
    assert not set(body.binds) & body.reads


@pytest.mark.skipif("sys.version_info < (3, 12)", reason="newer syntax")
def test_type_parameters_are_not_read() -> None:
    body = parse_body(
        "def f[T: B](x: T) -> T: return x\nclass C[U]:\n  def m(self) -> U: ...\ntype L[V] = list[V]", "p"
    )
    assert body.reads - {"list"} <= {"B", "T", "U", "V"}


def test_what_is_read_after_exec_may_have_been_bound_by_it() -> None:
    body = parse_body("y = J\nexec(open('x.py').read())\nz = K", "body")
    assert {"J", "K"} <= body.reads
    assert "J" in body.definite_reads
    assert "K" not in body.definite_reads
