"""What a body reaches, case by case: a change that a fresh run would show is seen, any other is not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nbflow.core.code.closure import CodeDigester
from nbflow.errors import UnhashableInputError
from tests.core.notebooks import Notebook, key

SAME = {
    "comment in a helper": ("y = h(1)", "def h(x):\n    return x + 1", "def h(x):\n    # more\n    return x + 1"),
    "layout of a helper": ("y = h(1)", "def h(x): return [x, 'a']", 'def h( x ):\n\n    return (\n [x,\n "a", ])'),
    "blank lines above": ("y = h(1)", "def h(x): return x", "\n\n\n\ndef h(x): return x"),
    "another function of the cell": (
        "y = h(1)",
        "def h(x): return x\ndef g(): return 1",
        "def h(x): return x\ndef g(): return 2",
    ),
    "docstring of a helper": ("y = h(1)", "def h(x):\n    'a'\n    return x", "def h(x):\n    'b'\n    return x"),
    "annotation of a helper that is only called": (
        "y = h(1)",
        "def h(x: int): return x",
        "def h(x: float) -> int: return x",
    ),
    "annotation of a local variable": (
        "y = h(1)",
        "def h(x):\n  z: int = x\n  return z",
        "def h(x):\n  z: float = x\n  return z",
    ),
    "set literal in another order": ("y = h(1)", "def h(x): return x in {1, 2}", "def h(x): return x in {2, 1}"),
    "unreached helper": ("y = h(1)", "def h(x): return x\ndef k(): return 1", "def h(x): return x\ndef k(): return 2"),
    "global shadowed by a parameter": ("y = h(1)", "K = 1\ndef h(K): return K", "K = 2\ndef h(K): return K"),
    "global shadowed by a local": (
        "y = h(1)",
        "K = 1\ndef h(x):\n  K = x\n  return K",
        "K = 2\ndef h(x):\n  K = x\n  return K",
    ),
    "global shadowed by a comprehension": (
        "y = h([1])",
        "K = 1\ndef h(x): return [K for K in x]",
        "K = 2\ndef h(x): return [K for K in x]",
    ),
    "alias of an import that is not used": ("y = 1", "import json as a", "import json as b"),
    "class run again": (
        "y = C().m()",
        "class C:\n  K = 1\n  def m(self): return self.K",
        "class C:\n  K = 1\n\n  def m(self): return self.K",
    ),
    "docstring of a class and method": (
        "y = C().m()",
        "class C:\n  'a'\n  def m(self):\n    'b'\n    return 1",
        "class C:\n  def m(self):\n    return 1",
    ),
    "warm lru_cache": (
        "y = h(1)",
        "import functools\n@functools.lru_cache\ndef h(x): return x",
        "import functools\n@functools.lru_cache\ndef h(x): return x\nh(5)",
    ),
    "other lambda on the line": (
        "y = f(1)",
        "f, g = lambda x: x + 1, lambda x: x + 2",
        "f, g = lambda x: x + 1, lambda x: x + 3",
    ),
    "late cell of a closure": (
        "y = h()",
        "def mk():\n  def h(): return late\n  late = 1\n  return h\nh = mk()",
        "def mk():\n  def h(): return late\n  late = 1\n  return h\nh = mk()\nother = 2",
    ),
    "a decimal context": (
        "y = h(1)",
        "def h(x): return x",
        "import decimal\ndecimal.getcontext().prec = 5\ndef h(x): return x",
    ),
}


@pytest.mark.parametrize("case", SAME)
def test_what_a_fresh_run_would_not_show_does_not_count(case: str) -> None:
    body, first, second = SAME[case]
    assert key(body, first) == key(body, second)


MK = "def mk(n):\n  def g(x): return x + n\n  return g\n"
DATACLASS = "from dataclasses import dataclass\n@dataclass\nclass P:\n  x: int = 1\n"
OTHER = {
    "comment, where the text is read": (
        "import inspect\ny = inspect.getsource(h)",
        "def h(x):\n  # a\n  return x",
        "def h(x):\n  # b\n  return x",
    ),
    "import from the notebook itself": ("from __main__ import K as k\ny = k", "K = 1", "K = 2"),
    "class known by its base alone": (
        "y = [c.K for c in B.__subclasses__()]",
        "class B: pass\nclass C(B): K = 1",
        "class B: pass\nclass C(B): K = 2",
    ),
    "virtual subclass of an abstract class": (
        "y = isinstance(1, A)",
        "import abc\nclass A(abc.ABC): pass",
        "import abc\nclass A(abc.ABC): pass\nA.register(int)",
    ),
    "constant 1 to True": ("y = h(1)", "def h(x): return (x, 1)", "def h(x): return (x, True)"),
    "constant 1 to 1.0": ("y = h(1)", "def h(x): return (x, 1)", "def h(x): return (x, 1.0)"),
    "constant 0.0 to -0.0": ("y = h(1)", "def h(x): return (x, 0.0)", "def h(x): return (x, -0.0)"),
    "dict literal order": ("y = h(1)", "def h(x): return {1: x, 2: x}", "def h(x): return {2: x, 1: x}"),
    "default value": ("y = h()", "def h(x=1): return x", "def h(x=2): return x"),
    "global behind a default": ("y = h()", "D = 1\ndef h(x=D): return x", "D = 2\ndef h(x=D): return x"),
    "keyword default": ("y = h()", "def h(*, x=1): return x", "def h(*, x=True): return x"),
    "helper": ("y = h(1)", "def h(x): return x", "def h(x): return x + 1"),
    "helper's helper": (
        "y = h(1)",
        "def g(x): return x\ndef h(x): return g(x)",
        "def g(x): return -x\ndef h(x): return g(x)",
    ),
    "mutual recursion": (
        "y = a(1)",
        "def a(n): return n and b(n - 1)\ndef b(n): return n and a(n - 1)",
        "def a(n): return n and b(n - 1)\ndef b(n): return n and a(n - 2)",
    ),
    "global of a helper": ("y = h(1)", "K = 1\ndef h(x): return K", "K = 2\ndef h(x): return K"),
    "mutated global": ("y = K", "K = [1]", "K = [1]\nK.append(2)"),
    "global type": ("y = K", "K = 1", "K = True"),
    "method": ("y = C().m()", "class C:\n  def m(self): return 1", "class C:\n  def m(self): return 2"),
    "base class method": (
        "y = C().m()",
        "class B:\n  def m(self): return 1\nclass C(B): pass",
        "class B:\n  def m(self): return 2\nclass C(B): pass",
    ),
    "metaclass": (
        "y = C.k",
        "class M(type):\n  k = property(lambda s: 1)\nclass C(metaclass=M): pass",
        "class M(type):\n  k = property(lambda s: 2)\nclass C(metaclass=M): pass",
    ),
    "property": (
        "y = C().p",
        "class C:\n  @property\n  def p(self): return 1",
        "class C:\n  @property\n  def p(self): return 2",
    ),
    "static and class methods": (
        "y = C.s()",
        "class C:\n  @staticmethod\n  def s(): return 1",
        "class C:\n  @staticmethod\n  def s(): return 2",
    ),
    "cached property": (
        "y = C().p",
        "import functools\nclass C:\n  @functools.cached_property\n  def p(self): return 1",
        "import functools\nclass C:\n  @functools.cached_property\n  def p(self): return 2",
    ),
    "descriptor": (
        "y = C().d",
        "class D:\n  def __get__(self, o, t): return 1\nclass C:\n  d = D()",
        "class D:\n  def __get__(self, o, t): return 2\nclass C:\n  d = D()",
    ),
    "init_subclass": (
        "y = C.k",
        "class B:\n  def __init_subclass__(cls): cls.k = 1\nclass C(B): pass",
        "class B:\n  def __init_subclass__(cls): cls.k = 2\nclass C(B): pass",
    ),
    "class attribute set later": ("y = C.K", "class C: K = 1", "class C: K = 1\nC.K = 2"),
    "class attribute 0 to False": ("y = C.K", "class C: K = 0", "class C: K = 0\nC.K = False"),
    "method replaced": (
        "y = C().m()",
        "class C:\n  def m(self): return 1",
        "class C:\n  def m(self): return 1\nC.m = lambda self: 2",
    ),
    "dataclass default": ("y = P()", DATACLASS, DATACLASS.replace("= 1", "= 2")),
    "dataclass field": ("y = P()", DATACLASS, DATACLASS + "  z: int = 2\n"),
    "dataclass annotation": ("y = P()", DATACLASS, DATACLASS.replace("int", "float")),
    "dataclass options": ("y = P()", DATACLASS, DATACLASS.replace("@dataclass", "@dataclass(order=True)")),
    "enum value": ("y = E.A", "import enum\nclass E(enum.Enum):\n  A = 1", "import enum\nclass E(enum.Enum):\n  A = 2"),
    "enum order": (
        "y = list(E)",
        "import enum\nclass E(enum.Enum):\n  A = 1\n  B = 2",
        "import enum\nclass E(enum.Enum):\n  B = 2\n  A = 1",
    ),
    "namedtuple field": (
        "y = N(1)",
        "from collections import namedtuple\nN = namedtuple('N', 'a')",
        "from collections import namedtuple\nN = namedtuple('N', 'b')",
    ),
    "namedtuple default": (
        "y = N()",
        "from collections import namedtuple\nN = namedtuple('N', 'a', defaults=[1])",
        "from collections import namedtuple\nN = namedtuple('N', 'a', defaults=[2])",
    ),
    "partial argument": (
        "y = p()",
        "import functools\ndef add(a): return a\np = functools.partial(add, 1)",
        "import functools\ndef add(a): return a\np = functools.partial(add, 2)",
    ),
    "function behind a partial": (
        "y = p()",
        "import functools\ndef add(a): return a\np = functools.partial(add, 1)",
        "import functools\ndef add(a): return -a\np = functools.partial(add, 1)",
    ),
    "partialmethod": (
        "y = C().q()",
        "import functools\nclass C:\n  def m(self, a): return a\n  q = functools.partialmethod(m, 1)",
        "import functools\nclass C:\n  def m(self, a): return a\n  q = functools.partialmethod(m, 2)",
    ),
    "closure variable": ("y = g(1)", MK + "g = mk(1)", MK + "g = mk(2)"),
    "loop variable of lambdas": (
        "y = fs[0](1)",
        "fs = [lambda x: x + i for i in range(2)]",
        "fs = [lambda x: x + i for i in range(3)][:2]",
    ),
    "alias": (
        "y = g()",
        "def h1(): return 1\ndef h2(): return 2\ng = h1",
        "def h1(): return 1\ndef h2(): return 2\ng = h2",
    ),
    "lru_cache body": (
        "y = h(1)",
        "import functools\n@functools.lru_cache\ndef h(x): return x",
        "import functools\n@functools.lru_cache\ndef h(x): return -x",
    ),
    "decorated by the notebook": (
        "y = h(1)",
        "def deco(f):\n  def w(x): return f(x) + 1\n  return w\n@deco\ndef h(x): return x",
        "def deco(f):\n  def w(x): return f(x) + 2\n  return w\n@deco\ndef h(x): return x",
    ),
    "decorator's helper": (
        "y = h(1)",
        "def n(): return 1\ndef deco(f):\n  def w(x): return f(x) + n()\n  return w\n@deco\ndef h(x): return x",
        "def n(): return 2\ndef deco(f):\n  def w(x): return f(x) + n()\n  return w\n@deco\ndef h(x): return x",
    ),
    "wrapped by functools.wraps": (
        "y = h(1)",
        "import contextlib\n@contextlib.contextmanager\ndef h(x): yield x",
        "import contextlib\n@contextlib.contextmanager\ndef h(x): yield -x",
    ),
    "bound method's state": (
        "y = h()",
        "class C:\n  def __init__(self, n): self.n = n\n  def m(self): return self.n\nh = C(1).m",
        "class C:\n  def __init__(self, n): self.n = n\n  def m(self): return self.n\nh = C(2).m",
    ),
    "bound method's code": (
        "y = h()",
        "class C:\n  def m(self): return 1\nh = C().m",
        "class C:\n  def m(self): return 2\nh = C().m",
    ),
    "callable object": (
        "y = h()",
        "class C:\n  def __call__(self): return 1\nh = C()",
        "class C:\n  def __call__(self): return 2\nh = C()",
    ),
    "class of an instance": (
        "y = h.m()",
        "class C:\n  def m(self): return K\nK = 1\nh = C()",
        "class C:\n  def m(self): return K\nK = 2\nh = C()",
    ),
    "lambda in a dict": ("y = d['f'](1)", "d = {'f': lambda x: x + 1}", "d = {'f': lambda x: x + 2}"),
    "global of a lambda in a dict": (
        "y = d['f'](1)",
        "K = 1\nd = {'f': lambda x: x + K}",
        "K = 2\nd = {'f': lambda x: x + K}",
    ),
    "this lambda of the line": (
        "y = f(1)",
        "f, g = lambda x: x + 1, lambda x: x + 2",
        "f, g = lambda x: x + 3, lambda x: x + 2",
    ),
    "generator expression": (
        "y = h()",
        "K = 1\ndef h(): return sum(K for _ in 'ab')",
        "K = 2\ndef h(): return sum(K for _ in 'ab')",
    ),
    "lambda default": ("y = h()", "K = 1\nh = lambda x=K: x", "K = 2\nh = lambda x=K: x"),
    "class body in a function": (
        "y = h()",
        "K = 1\ndef h():\n  class C: k = K\n  return C.k",
        "K = 2\ndef h():\n  class C: k = K\n  return C.k",
    ),
    "format spec": ("y = h(1)", "w = 3\ndef h(x): return f'{x:{w}}'", "w = 4\ndef h(x): return f'{x:{w}}'"),
    "except clause": (
        "y = h()",
        "E = KeyError\ndef h():\n  try: return {}[1]\n  except E: return 1",
        "E = LookupError\ndef h():\n  try: return {}[1]\n  except E: return 1",
    ),
    "bound of a type variable": (
        "y = T.__bound__",
        "import typing\nT = typing.TypeVar('T', bound=int)",
        "import typing\nT = typing.TypeVar('T', bound=str)",
    ),
    "type behind a new one": (
        "y = T.__supertype__",
        "import typing\nT = typing.NewType('T', int)",
        "import typing\nT = typing.NewType('T', str)",
    ),
    "docstring by a name in a global": (
        "y = getattr(h, n)",
        "n = '__doc__'\ndef h(): 'a'",
        "n = '__doc__'\ndef h(): 'b'",
    ),
    "annotation's global": (
        "y = h(1)",
        "T = int\ndef h(x):\n  def g(z: T): return z\n  return g.__annotations__",
        "T = str\ndef h(x):\n  def g(z: T): return z\n  return g.__annotations__",
    ),
    "annotation that is read": ("y = h.__annotations__", "def h(x: int): return x", "def h(x: float): return x"),
    "annotation that get_type_hints may read": (
        "y = k(h)",
        "import typing\ndef h(x: int): return x\ndef k(f): return typing.get_type_hints(f)",
        "import typing\ndef h(x: str): return x\ndef k(f): return typing.get_type_hints(f)",
    ),
    "docstring that is read": ("y = h.__doc__", "def h(x):\n  'a'", "def h(x):\n  'b'"),
    "global statement": (
        "y = h()",
        "K = 1\ndef h():\n  global K\n  K += 1\n  return K",
        "K = 2\ndef h():\n  global K\n  K += 1\n  return K",
    ),
    "globals() with a constant": ("y = globals()['K']", "K = 1", "K = 2"),
    "globals().get in a helper": (
        "y = h()",
        "K = 1\ndef h(): return globals().get('K')",
        "K = 2\ndef h(): return globals().get('K')",
    ),
    "eval of a constant": ("y = eval('K + 1')", "K = 1", "K = 2"),
    "names in a pandas query": ("y = df.query('a > @K')", "K = 1\ndf = None", "K = 2\ndf = None"),
    "builtin shadowed": ("y = len([1])", "pass", "def len(x): return 5"),
    "module behind an alias": ("y = m.dumps(1)", "import json as m", "import pickle as m"),
    "shared list": ("a.append(1); y = len(b)", "a = [1]\nb = a", "a = [1]\nb = [1]"),
    "shared inside": ("a[0].append(1); y = len(b)", "b = [1]\na = [b]", "b = [1]\na = [[1]]"),
    "function attribute": ("y = h.n", "def h(): pass\nh.n = 1", "def h(): pass\nh.n = 2"),
    "code swapped in place": (
        "y = h()",
        "def g(): return 2\ndef h(): return 1",
        "def g(): return 2\ndef h(): return 1\nh.__code__ = g.__code__",
    ),
    "async and generators": ("y = h", "async def h():\n  yield 1", "async def h():\n  yield 2"),
    "import alias in the function": (
        "y = h()",
        "def h():\n  import json as m\n  return m",
        "def h():\n  import pickle as m\n  return m",
    ),
    "assert added": ("y = h(1)", "def h(x): return x", "def h(x):\n  assert x\n  return x"),
    "without text": ("y = h(1)", "exec('def h(x): return x')", "exec('def h(x): return -x')"),
    "global without text": ("y = h(1)", "K = 1\nexec('def h(x): return K')", "K = 2\nexec('def h(x): return K')"),
    "global of a function in another namespace": (
        "y = h()",
        "ns = {'K': 1}\nexec('def h(): return K', ns)\nh = ns['h']\ndel ns",
        "ns = {'K': 2}\nexec('def h(): return K', ns)\nh = ns['h']\ndel ns",
    ),
}


@pytest.mark.parametrize("case", OTHER)
def test_what_a_fresh_run_would_show_counts(case: str) -> None:
    body, first, second = OTHER[case]
    assert key(body, first) != key(body, second)
    assert key(body, first) == key(body, first)


NEWER = {
    "global of a generic function": ("y = f(0)", "K = 1\ndef f[T](x: T): return K", "K = 2\ndef f[T](x: T): return K"),
    "method of a generic class": (
        "y = C[int]().m()",
        "class C[T]:\n  def m(self): return 1",
        "class C[T]:\n  def m(self): return 2",
    ),
    "default of a generic method": (
        "y = C().m()",
        "class C[T]:\n  def m(self, x=1): return x",
        "class C[T]:\n  def m(self, x=2): return x",
    ),
    "type alias": ("y = A.__value__", "type A = int", "type A = str"),
    "class behind a type alias": ("y = A.__value__.v", "class K: v = 1\ntype A = K", "class K: v = 2\ntype A = K"),
    "bound of a type parameter": (
        "y = f.__type_params__[0].__bound__",
        "def f[T: int](x: T): return x",
        "def f[T: str](x: T): return x",
    ),
    "type alias in the body": ("type A = list[K]\ny = A.__value__", "K = int", "K = str"),
}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="newer syntax")
@pytest.mark.parametrize("case", NEWER)
def test_what_newer_syntax_reaches_counts(case: str) -> None:
    body, first, second = NEWER[case]
    assert key(body, first) != key(body, second)
    assert key(body, first) == key(body, first)


def test_a_process_object_counts_as_its_function() -> None:
    define = (
        "class Process:\n  def __init__(self, f): self.__nbflow_function__ = f\nK = {}\np = Process(lambda x: x + K)\n"
    )
    assert key("y = p(1)", define.format(1)) != key("y = p(1)", define.format(2))
    found = Notebook(define.format(1)).reach("y = p(1)")
    assert found.captured.keys() == {"p", "K"}
    assert found.captured["p"](1) == 2


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("y = eval(text)", "eval"),
        ("exec(text)", "exec"),
        ("y = globals()[name]", "globals"),
        ("y = locals()", "locals"),
        ("y = get_ipython().user_ns['x']", "get_ipython"),
        ("import importlib\ny = importlib.import_module(name)", "import_module"),
        ("y = _", "`_`"),
        ("y = Out[5]", "`Out`"),
        ("y = _12", "`_12`"),
        ("import os\ny = os.environ[name]", "os.environ"),
        ("import os\ny = dict(os.environ)", "os.environ"),
        ("import os\ny = os.getenv(name)", "os.getenv"),
        ("from os import environ\ny = environ[name]", "os.environ"),
        ("from os import getenv as ge\ny = ge('X')", "os.getenv"),
        ("import __main__\ny = __main__.K", "__main__"),
        ("import sys\ny = sys.modules['__main__'].K", "__main__"),
        ("import sys\ny = sys._getframe().f_globals['K']", "f_globals"),
        ("y = h.__globals__['K']", "__globals__"),
        ("y = h()", "eval"),
    ],
)
def test_access_that_cannot_be_resolved_is_named(body: str, named: str) -> None:
    notebook = Notebook("text = name = 'K'\n_ = 1\n_12 = 2\nOut = {5: 1}\ndef h(): return eval(text)")
    assert any(named in sentence for sentence in notebook.reach(body).unknown)


@pytest.mark.parametrize(
    "body",
    [
        "y = [_ for _ in range(3)]",
        "for _ in 'ab': pass",
        "y = globals()['K']",
        "y = h()",
        "y = getattr(json, name)",
        "y = df.eval('a')",
    ],
)
def test_what_can_be_resolved_is_not_called_unknown(body: str) -> None:
    notebook = Notebook("import json\nK = 1\nname = 'dumps'\ndf = None\ndef h(): return locals()")
    assert notebook.reach(body).unknown == ()


def test_declared_names_make_dynamic_access_known() -> None:
    notebook = Notebook("K = 1\nname = 'K'")
    found = notebook.reach("y = globals()[name]", declared_reads=["K"])
    assert found.unknown == ()
    assert found.captured == {"K": 1, "name": "K"}


def test_environment_variables_read_by_constant_names_count() -> None:
    body = "import os\ny = os.environ['A'], os.getenv('B'), os.environ.get('C'), 'D' in os.environ"

    def env_key(**environ: str) -> bytes:
        return Notebook(environ=environ).key(body)

    base = env_key(A="1")
    assert base == env_key(A="1", Z="2")
    assert base != env_key(A="2")
    for name in "BCD":
        assert base != env_key(A="1", **{name: ""})
    found = Notebook(environ={"A": "shown", "A_TOKEN": "hidden"}).reach(body + "; os.environ['A_TOKEN']").parts
    previews = {part.name: part.preview for part in found if part.kind == "env"}
    assert previews == {"A": "shown", "B": "not set", "C": "not set", "D": "not set", "A_TOKEN": "[secure]"}


def test_what_ipython_puts_into_the_namespace_is_not_shipped() -> None:
    notebook = Notebook("from IPython.core.interactiveshell import _modified_open as open")
    found = notebook.reach("y = open('x'), display(1), task.cpus, __name__")
    assert found.captured == {}
    assert found.missing == frozenset()
    assert {part.name for part in found.parts} == set()


def test_a_missing_name_is_told_and_does_not_fail() -> None:
    notebook = Notebook("def h(): return later")
    assert notebook.reach("y = h()").missing == {"later"}
    before = notebook.key("y = h()")
    notebook.run("later = 1")
    assert notebook.key("y = h()") != before


def test_the_walk_does_not_depend_on_the_order_of_definitions() -> None:
    cells = ["def a(n): return b(n) + c(n)", "def b(n): return c(n) + a(n)", "def c(n): return a(n) + b(n)"]
    assert (
        len({key(body, *order) for body in ["y = a(1)"] for order in (cells, cells[::-1], cells[1:] + cells[:1])}) == 1
    )
    first, second = (Notebook(*cells).reach(body).parts for body in ("y = a(1)", "y = c(1)"))
    assert first == second


def test_recursion_through_containers_and_classes_ends() -> None:
    notebook = Notebook(
        "class A:\n  def m(self): return B()\nclass B(A):\n  def m(self): return super().m(), fs\nfs = {}\nfs['b'] = B\nfs['f'] = lambda: fs"
    )
    assert {part.name for part in notebook.reach("y = B()").parts if part.kind in ("class", "global")} == {
        "A",
        "B",
        "fs",
    }


def test_an_instance_keeps_its_digest_when_its_class_is_run_again() -> None:
    define = "class P:\n  def __init__(self, x): self.x = x\n  def m(self): return self.x\n"
    notebook = Notebook(define, "p = P(1)")
    before = notebook.key("y = p.m()")
    notebook.run(define)
    after = [part for part in notebook.reach("y = p.m()").parts if part.name == "p"]
    assert after == [part for part in Notebook(define, "p = P(1)").reach("y = p.m()").parts if part.name == "p"]
    notebook.run("p = P(1)")
    assert notebook.key("y = p.m()") == before


def test_what_is_captured_is_what_a_task_needs() -> None:
    notebook = Notebook(
        "import json\nimport os.path\nclass P: pass\np = P()\nK = 1\nunused = 2\ndef h(): return K, json"
    )
    found = notebook.reach("import numpy\ny = h(), p, len('a.csv'), os.path.join('b')")
    assert found.captured.keys() == {"h", "K", "p", "P"}
    assert found.module_aliases == {"json": "json", "os": "os"}
    assert found.notebook_classes.keys() == {"P"}
    assert found.modules_to_import == ("numpy",)
    assert {"a.csv", "b"} <= found.strings
    assert len(found.sources) == 1
    assert {part.name for part in found.parts if part.kind == "package"} == {"numpy"}


def test_a_value_that_cannot_be_hashed_is_refused_by_name() -> None:
    notebook = Notebook("import threading\nlock = {'a': threading.Lock()}")
    with pytest.raises(UnhashableInputError, match="lock"):
        notebook.reach("y = lock")


DISPATCHER = """
import functools
@functools.singledispatch
def h(x): return 0
@h.register
def _(x: int): return {}
"""


def test_a_function_that_dispatches_by_type_counts_by_its_cases() -> None:
    base = key("y = h(1)", DISPATCHER.format("K"), "K = 1")
    assert base == key("y = h(1)", DISPATCHER.format("K"), "K = 1", "h(True)")
    assert base != key("y = h(1)", DISPATCHER.format("K"), "K = 2")
    assert base != key("y = h(1)", DISPATCHER.format("-K"), "K = 1")
    assert base != key("y = h(1)", DISPATCHER.format("K"), "K = 1", "h.register(str, lambda x: 1)")


def test_the_whole_environment_under_a_name_is_refused() -> None:
    with pytest.raises(UnhashableInputError, match="os.environ"):
        Notebook("from os import environ").reach("y = environ['X']")


def test_names_of_a_star_import_stay_the_bodys_own() -> None:
    body = "from json import *\ny = dumps(1)"
    assert key(body) == key(body, "from json import *") != key(body, "def dumps(x): return x")


COMPILER = """
import uuid
class Dispatcher:
    def __init__(self, f):
        self.py_func, self.targetoptions, self.state = f, {"nopython": True}, uuid.uuid4()
    def __reduce__(self):
        return Dispatcher, (self.state,)
"""


def test_a_compiled_function_counts_by_its_python_function(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site-packages"
    (site / "compiler_b1-1.0.dist-info").mkdir(parents=True)
    (site / "compiler_b1.py").write_text(COMPILER)
    monkeypatch.syspath_prepend(str(site))
    cell = "from compiler_b1 import Dispatcher\nh = Dispatcher(lambda x: x + 1)"
    assert key("y = h(1)", cell) == key("y = h(1)", cell)
    assert key("y = h(1)", cell) != key("y = h(1)", cell.replace("x + 1", "x + 2"))
    del sys.modules["compiler_b1"]


WRAPPER = "class J:\n  def __init__(self, f, n): self.py_func, self.n = f, n\nh = J(lambda x: x, {})"


def test_the_notebooks_own_wrapper_counts_with_all_that_it_holds() -> None:
    assert key("y = h.n", WRAPPER.format(1)) != key("y = h.n", WRAPPER.format(2))


def test_an_object_that_answers_to_any_name_counts_by_what_it_is() -> None:
    define = "class A:\n  def __getattr__(self, name): return {}\na = A()"
    assert key("y = a.b", define.format(1)) != key("y = a.b", define.format(2))
    assert key("y = a.b", define.format(1)) == key("y = a.b", define.format(1))


KINDS = """
import abc, collections, dataclasses, enum, functools, typing
class Plain:
    __slots__ = ("a", "b")
    S = {"x", "y", "z"}
    def m(self): return {"p", "q"} and (lambda k={"u", "v"}: k)
class Abstract(abc.ABC):
    @abc.abstractmethod
    def m(self): ...
class Concrete(Abstract):
    def m(self): return super().m()
@dataclasses.dataclass(frozen=True, order=True)
class Record:
    a: int
    b: list[str] = dataclasses.field(default_factory=list)
    c: typing.ClassVar[int] = 3
class Color(enum.Enum):
    RED = 1
    ALSO = 1
    def m(self): return self.value
class Bits(enum.Flag):
    A = enum.auto()
    B = enum.auto()
class Number(enum.IntEnum):
    ONE = 1
class Pair(typing.NamedTuple):
    a: int
    b: str = "x"
class Shape(typing.TypedDict, total=False):
    a: int
class Speaks(typing.Protocol):
    def m(self) -> int: ...
T = typing.TypeVar("T")
class Box(typing.Generic[T]):
    def get(self) -> T: ...
Old = collections.namedtuple("Old", "a b", defaults=[1])
class Meta(type):
    def __new__(mcls, name, bases, space): return super().__new__(mcls, name, bases, space)
class Made(metaclass=Meta):
    K = {"a", "b"}
class Err(Exception):
    pass
def factory():
    class Inner:
        def m(self): return __class__
    return Inner
Inner = factory()
cached = functools.lru_cache(maxsize=5)(lambda x: x)
"""
KIND_NAMES = [
    "Plain",
    "Abstract",
    "Concrete",
    "Record",
    "Color",
    "Bits",
    "Number",
    "Pair",
    "Shape",
    "Speaks",
    "Box",
    "Old",
    "Made",
    "Err",
    "Inner",
    "cached",
    "Color.RED",
    "Bits.A|Bits.B",
    "Record(1)",
    "Pair(1)",
    "Old(1,2)",
    "Made()",
    "Err('x')",
    "Inner()",
]


def kind_keys() -> dict[str, str]:
    return {
        name: key(f"y = {name}", KINDS, f"v = {name}", "del v").hex() + key("y = v", KINDS, f"v = {name}").hex()
        for name in KIND_NAMES
    }


def test_every_kind_of_class_is_the_same_when_it_is_run_again() -> None:
    assert kind_keys() == kind_keys()


FORWARD = """
from __future__ import annotations
import dataclasses, typing, pydantic
class Model(pydantic.BaseModel):
    item: Item | None = None
@dataclasses.dataclass
class Record:
    item: "list['Item']"
def read(item: Item): pass
def look(): return typing.get_type_hints(read)
class Item(pydantic.BaseModel):
    size: int = {}
"""


@pytest.mark.parametrize("body", ["y = Model(item={})", "y = Record([])", "y = look()"])
def test_classes_that_annotations_name_as_text_count(body: str) -> None:
    assert key(body, FORWARD.format(1)) == key(body, FORWARD.format(1))
    assert key(body, FORWARD.format(1)) != key(body, FORWARD.format(2))


def test_a_word_of_a_literal_is_no_name() -> None:
    cells = "from typing import Literal\nK = {}\nclass C:\n  kind: Literal['K']\n"
    assert key("y = C()", cells.format(1)) == key("y = C()", cells.format(2))


USE = """
import contextlib, copy, inspect, typing
for kind in (Plain, Abstract, Concrete, Record, Color, Bits, Number, Pair, Shape, Speaks, Box, Old, Made, Err, Inner):
    with contextlib.suppress(Exception):
        typing.get_type_hints(kind)
    with contextlib.suppress(Exception):
        inspect.signature(kind), isinstance(1, kind), issubclass(int, kind), kind[int]
    with contextlib.suppress(Exception):
        vars()["heir"] = type("Heir", (kind,), {})
for made in (Color.RED, Bits.A | Bits.B, Record(1), Pair(1), Old(1, 2), Made(), Err('x'), Inner(), Plain()):
    with contextlib.suppress(Exception):
        copy.deepcopy(made)
    with contextlib.suppress(Exception):
        hash(made), repr(made), made == made, made < made, dir(made), made.__reduce_ex__(5)
"""


def test_a_class_that_was_used_is_the_same_class() -> None:
    """What Python and libraries leave in a class as it is used, `copyreg`'s ``__slotnames__`` first, is not its code."""
    for name in KIND_NAMES:
        assert key(f"y = {name}", KINDS, USE) == key(f"y = {name}", KINDS), name


@pytest.mark.parametrize("seed", ["0", "1"])
def test_digests_of_code_are_the_same_in_every_process(seed: str) -> None:
    script = "import json; from tests.core.test_closure import kind_keys; print(json.dumps(kind_keys()))"
    environ = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == kind_keys()


def test_functions_in_inputs_are_followed() -> None:
    def input_parts(constant: int) -> Any:
        notebook = Notebook(f"K = {constant}\ndef f(x): return x + K")
        return notebook.reach("y = g(1)", values={"g": notebook.namespace["f"]}).parts

    assert input_parts(1) != input_parts(2)


def test_a_code_digest_alone_counts_all_that_is_reached() -> None:
    def digest(cells: str) -> bytes:
        return CodeDigester()(Notebook(cells).namespace["f"])

    base = digest("K = 1\ndef g(): return K\ndef f(): return g()")
    assert base == digest("K = 1\ndef g(): return  K\ndef f(): return g()")
    assert base != digest("K = 2\ndef g(): return K\ndef f(): return g()")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A directory of local modules: write(name, text), key(body, cells), and modules are forgotten afterwards."""
    loaded = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    class Project:
        path = tmp_path

        def write(self, name: str, text: str) -> None:
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

        def notebook(self, *cells: str) -> Notebook:
            return Notebook(*cells, sys_path=[str(tmp_path), *sys.path])

        def key(self, body: str, *cells: str) -> bytes:
            for name in set(sys.modules) - loaded:
                del sys.modules[name]
            return self.notebook(*cells).key(body)

    yield Project()
    for name in set(sys.modules) - loaded:
        del sys.modules[name]


USES = {
    "module global": ("y = lib_b1.h()", ["import lib_b1"]),
    "function taken from it": ("y = h()", ["from lib_b1 import h"]),
    "alias": ("y = m.h()", ["import lib_b1 as m"]),
    "import in the body": ("import lib_b1\ny = lib_b1.h()", []),
    "import in a helper": ("y = f()", ["def f():\n  from lib_b1 import h\n  return h()"]),
    "star import in the body": ("from lib_b1 import *\ny = h()", []),
    "star import in the notebook": ("y = h()", ["from lib_b1 import *"]),
    "import by a constant name": ("import importlib\ny = importlib.import_module('lib_b1').h()", []),
    "class in it": ("y = C().m()", ["from lib_b1 import C"]),
    "instance of its class": ("y = c.m()", ["from lib_b1 import C\nc = C()"]),
    "subclass of its class": ("y = D().m()", ["from lib_b1 import C\nclass D(C): pass"]),
    "partial of its function": ("y = p()", ["import functools, lib_b1\np = functools.partial(lib_b1.h)"]),
}
LIB = "import helper_b1\nK = 1\nclass C:\n    def m(self): return helper_b1.g()\ndef h(): return K + helper_b1.g()\n"


@pytest.mark.parametrize("case", USES)
def test_a_local_module_counts_by_its_file_and_those_it_imports(project: Any, case: str) -> None:
    body, cells = USES[case]
    project.write("lib_b1.py", LIB)
    project.write("helper_b1.py", "def g(): return 1\n")
    base = project.key(body, *cells)
    project.write("helper_b1.py", "# a comment\ndef g():\n    'text'\n    return 1\n")
    assert project.key(body, *cells) == base
    project.write("helper_b1.py", "def g(): return 2\n")
    changed = project.key(body, *cells)
    assert changed != base
    project.write("lib_b1.py", LIB.replace("K = 1", "K = 2"))
    assert project.key(body, *cells) not in (base, changed)


def test_a_file_edited_but_not_reloaded_is_a_miss_and_a_warning(project: Any) -> None:
    project.write("lib_b1.py", "def h(): return 1\n")
    notebook = project.notebook("import lib_b1")
    before = notebook.key("y = lib_b1.h()")
    assert notebook.reach("y = lib_b1.h()").notes == ()
    project.write("lib_b1.py", "def h(): return 2\n")
    assert notebook.key("y = lib_b1.h()") != before
    (note,) = notebook.reach("y = lib_b1.h()").notes
    assert "lib_b1" in note
    notebook.run("import importlib\nimportlib.reload(lib_b1)")
    assert notebook.reach("y = lib_b1.h()").notes == ()


@pytest.mark.parametrize("change", ["lib_b1.h = lambda: 3", "lib_b1.K = 3", "lib_b1.C.m = lambda self: 3"])
def test_a_patched_local_module_is_warned_of(project: Any, change: str) -> None:
    project.write("lib_b1.py", "K = 1\nclass C:\n    def m(self): return 1\ndef h(): return 1\n")
    notebook = project.notebook("import lib_b1", change)
    assert len(notebook.reach("y = lib_b1.h()").notes) == 1


def test_relative_imports_and_parts_of_packages_count(project: Any) -> None:
    project.write("pkg_b1/__init__.py", "")
    project.write("pkg_b1/one.py", "from . import two\nfrom .three import f\ndef g(): return two.h() + f()\n")
    project.write("pkg_b1/two.py", "def h(): return 1\n")
    project.write("pkg_b1/three.py", "def f(): return 1\n")
    project.write("pkg_b1/four.py", "")
    cells = ["from pkg_b1 import one"]
    seen = {project.key("y = one.g()", *cells)}
    for name in ("__init__", "one", "two", "three"):
        project.write(f"pkg_b1/{name}.py", (project.path / f"pkg_b1/{name}.py").read_text() + "x = 1\n")
        key_now = project.key("y = one.g()", *cells)
        assert key_now not in seen
        seen.add(key_now)
    project.write("pkg_b1/four.py", "x = 1\n")
    assert project.key("y = one.g()", *cells) in seen


def test_a_submodule_reached_as_an_attribute_counts(project: Any) -> None:
    project.write("space_b1/inner/deep.py", "K = 1\n")
    cells = ["import space_b1.inner.deep"]
    before = project.key("y = space_b1.inner.deep.K", *cells)
    notebook = project.notebook(*cells)
    assert "space_b1.inner.deep" in notebook.reach("y = space_b1.inner.deep.K").submodules
    project.write("space_b1/inner/deep.py", "K = 2\n")
    assert project.key("y = space_b1.inner.deep.K", *cells) != before


def test_the_file_that_the_worker_will_find_counts(project: Any) -> None:
    project.write("lib_b1.py", "K = 1\n")
    before = project.key("import lib_b1\ny = lib_b1.K")
    project.write("other/lib_b1.py", "K = 2\n")
    notebook = Notebook(sys_path=[str(project.path / "other"), str(project.path), *sys.path])
    assert notebook.key("import lib_b1\ny = lib_b1.K") != before


def test_a_constant_taken_from_a_module_counts_and_travels_by_value(project: Any) -> None:
    project.write("lib_b1.py", "K = [1]\n")
    notebook = project.notebook("from lib_b1 import K")
    before = notebook.key("y = K")
    notebook.run("K.append(2)")
    assert notebook.key("y = K") != before
    assert notebook.reach("y = K").captured == {"K": [1, 2]}


def test_a_wrapper_made_by_a_local_module_counts_as_the_kernel_has_it(project: Any) -> None:
    text = "N = 1\ndef deco(f):\n    def w(x): return f(x) + N\n    return w\n"
    project.write("lib_b1.py", text)
    body, cells = "y = h(1)", ["import lib_b1\n@lib_b1.deco\ndef h(x): return x"]
    before = project.key(body, *cells)
    notebook = project.notebook(*cells)
    project.write("lib_b1.py", text.replace("N = 1", "N = 2"))
    not_reloaded = notebook.key(body)
    assert len({before, not_reloaded, project.key(body, *cells)}) == 3


def test_a_module_without_a_file_is_refused() -> None:
    made = "import sys, types\nm = types.ModuleType('made_b1')\nsys.modules['made_b1'] = m\n"
    notebook = Notebook(made)
    try:
        with pytest.raises(UnhashableInputError, match="made_b1"):
            notebook.reach("y = m.x")
    finally:
        del sys.modules["made_b1"]


def test_the_version_of_an_installed_distribution_counts(tmp_path: Path) -> None:
    site = tmp_path / "site-packages"
    (site / "inst_b1").mkdir(parents=True)
    (site / "inst_b1" / "__init__.py").write_text("def h(): return 1\n")
    (site / "Inst_B1-1.0.dist-info").mkdir()
    (site / "unrelated-1.0.dist-info").mkdir()

    def installed_key() -> bytes:
        return Notebook(sys_path=[str(site), *sys.path]).key("import inst_b1\ny = inst_b1.h()")

    before = installed_key()
    (site / "inst_b1" / "__init__.py").write_text("def h(): return 2\n")
    (site / "unrelated-1.0.dist-info").rename(site / "unrelated-2.0.dist-info")
    assert installed_key() == before
    (site / "Inst_B1-1.0.dist-info").rename(site / "Inst_B1-1.1.dist-info")
    assert installed_key() != before


def test_editable_code_beside_its_record_is_local_and_installed_code_anywhere_is_not(tmp_path: Path) -> None:
    for name in ("here_b1", "there_b1"):
        (tmp_path / f"{name}.py").write_text("x = 1\n")
    (tmp_path / "here_b1-1.0.egg-info").mkdir()
    (tmp_path / "there_b1-1.0.dist-info").mkdir()
    parts = Notebook(sys_path=[str(tmp_path), *sys.path]).reach("import here_b1, there_b1").parts
    assert {(part.kind, part.name) for part in parts} == {
        ("module", "here_b1"),
        ("package", "there-b1"),
    }
