"""Edits of a notebook, each version run in a fresh kernel: what must run again does, what need not does not.

A stale hit would show as a status, and as a wrong value. The values are those that a run without any cache gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from tests.remembering.conftest import Cell, Forge, Notebooks
from tests.remembering.edits import HIT, MISS, batched, own, write
from tests.remembering.forge import FORGET


@dataclass(frozen=True)
class Edit:
    """A notebook before and after an edit.

    Names of files and modules begin with MOD, which is another text in each edit. `before` and `after` are cells above the process `t`, separated by lines of dashes; `body` is that of `t`, and
    `body_after` where it changes. `r` is its output, `value` its repr after the edit.
    """

    name: str
    before: str
    after: str
    body: str
    verdict: str
    value: str
    body_after: str | None = None
    options: str = ""
    options_after: str | None = None
    head: str = "t -> r"
    head_after: str | None = None
    files: dict[str, str] = field(default_factory=dict)
    files_after: dict[str, str] = field(default_factory=dict)
    environ: dict[str, str] = field(default_factory=dict)
    environ_after: dict[str, str] = field(default_factory=dict)
    last: str = "r"

    alone: bool = False

    @property
    def needs_kernel(self) -> bool:
        """Whether it cannot share a kernel with other edits."""
        return self.alone or bool(self.environ or self.environ_after)

    def cells(self, number: int, *, after: bool) -> list[str]:
        setup, body, options, head = self.before, self.body, self.options, self.head
        if after:
            setup = self.after
            body = self.body_after or body
            options = self.options if self.options_after is None else self.options_after
            head = self.head_after or head
        above = [cell.strip("\n") for cell in setup.split("\n---\n") if cell.strip()]
        cells = [*above, f"%%process t{number}{head[1:]}\n{options}{body}", self.last]
        return [own(cell, number) for cell in cells]


HELPER = "def h(x):\n    return x + {}\n"

EDITS = [
    # Code text
    Edit("comment in the body", "", "", "r = 1 + 1", HIT, "2", "r = 1 + 1  # two"),
    Edit("layout of the body", "", "", "r = [1, 2]", HIT, "[1, 2]", "r = [\n    1,\n    2,\n]"),
    Edit("constant of another type", "", "", "r = [1]", MISS, "[True]", "r = [True]"),
    Edit("float for int", "", "", "r = [1]", MISS, "[1.0]", "r = [1.0]"),
    Edit("negative zero", "", "", "r = [0.0]", MISS, "[-0.0]", "r = [-0.0]"),
    Edit("key order of a literal", "", "", "r = [*{'a': 1, 'b': 2}]", MISS, "['b', 'a']", "r = [*{'b': 2, 'a': 1}]"),
    Edit("set literal, another hash seed", "", "", "r = len({'a', 'b', 'c'})", HIT, "3"),
    Edit(
        "docstring of a helper",
        "def h():\n    'one'\n    return 1",
        "def h():\n    'two'\n    return 1",
        "r = h()",
        HIT,
        "1",
    ),
    Edit("docstring that is read", "def h():\n    'one'", "def h():\n    'two'", "r = h.__doc__", MISS, "'two'"),
    Edit("resources", "", "", "r = 5", HIT, "5", options="#| cpus: 1\n", options_after="#| cpus: 2\n#| tag: x\n"),
    Edit("a cell added above", "x = 1", "y = 9\n---\nx = 1\n---\nz = 3", "r = x", HIT, "1"),
    Edit(
        "env directive",
        "",
        "",
        "import os\nr = os.environ['Q']",
        MISS,
        "'2'",
        options="#| env:\n#|   Q: 1\n",
        options_after="#| env:\n#|   Q: 2\n",
    ),
    Edit(
        "await in the body",
        "import asyncio\nn = 1",
        "import asyncio\nn = 2",
        "r = await asyncio.sleep(0, n)",
        MISS,
        "2",
    ),
    Edit("shell line", "", "", "x = !echo one\nr = list(x)", MISS, "['two']", "x = !echo two\nr = list(x)"),
    Edit("interpolation of a shell line", "w = 'one'", "w = 'two'", "x = !echo {w}\nr = list(x)", MISS, "['two']"),
    Edit("dollar of a shell line", "w = 'one'", "w = 'two'", "x = !echo $w\nr = list(x)", MISS, "['two']"),
    Edit(
        "match and walrus",
        "k = 1",
        "k = 2",
        "match (y := k):\n    case 1:\n        r = 'a'\n    case _:\n        r = 'b'",
        MISS,
        "'b'",
    ),
    Edit("star import", "", "", "from math import *\nr = floor(2.5)", MISS, "3", "from math import *\nr = ceil(2.5)"),
    # Code that is reached
    Edit("helper", HELPER.format(1), HELPER.format(2), "r = h(1)", MISS, "3"),
    Edit(
        "helper's helper",
        "def g():\n    return 1\n---\ndef h():\n    return g()",
        "def g():\n    return 2\n---\ndef h():\n    return g()",
        "r = h()",
        MISS,
        "2",
    ),
    Edit(
        "helper that is not reached",
        HELPER.format(1) + "def other(): return 1",
        HELPER.format(1) + "def other(): return 2",
        "r = h(1)",
        HIT,
        "2",
    ),
    Edit(
        "mutual recursion",
        "def a(n):\n    return 1 if n == 0 else b(n - 1)\ndef b(n):\n    return a(n)",
        "def a(n):\n    return 1 if n == 0 else b(n - 1)\ndef b(n):\n    return a(n) + 1",
        "r = a(2)",
        MISS,
        "3",
    ),
    Edit(
        "recursion through a dict",
        "def a(n): return F['b'](n)\ndef b(n): return n\nF = {'a': a, 'b': b}",
        "def a(n): return F['b'](n)\ndef b(n): return n + 1\nF = {'a': a, 'b': b}",
        "r = a(1)",
        MISS,
        "2",
    ),
    Edit(
        "global of a helper",
        "k = 1\n---\ndef h():\n    return k",
        "k = 2\n---\ndef h():\n    return k",
        "r = h()",
        MISS,
        "2",
    ),
    Edit("class attribute", "class C:\n    K = 1", "class C:\n    K = 2", "r = C.K", MISS, "2"),
    Edit("class attribute set later", "class C:\n    K = 1", "class C:\n    K = 1\n---\nC.K = 2", "r = C.K", MISS, "2"),
    Edit(
        "method", "class C:\n    def m(self): return 1", "class C:\n    def m(self): return 2", "r = C().m()", MISS, "2"
    ),
    Edit(
        "method of a base class",
        "class B:\n    def m(self): return 1\n---\nclass C(B): pass",
        "class B:\n    def m(self): return 2\n---\nclass C(B): pass",
        "r = C().m()",
        MISS,
        "2",
    ),
    Edit(
        "class of an instance",
        "class C:\n    def m(self): return 1\n---\no = C()",
        "class C:\n    def m(self): return 2\n---\no = C()",
        "r = o.m()",
        MISS,
        "2",
    ),
    Edit(
        "class of an instance in a dict",
        "class C:\n    def m(self): return 1\n---\no = {'a': [C()]}",
        "class C:\n    def m(self): return 2\n---\no = {'a': [C()]}",
        "r = o['a'][0].m()",
        MISS,
        "2",
    ),
    Edit(
        "helper of a method",
        "def h(): return 1\n---\nclass C:\n    def m(self): return h()\n---\no = C()",
        "def h(): return 2\n---\nclass C:\n    def m(self): return h()\n---\no = C()",
        "r = o.m()",
        MISS,
        "2",
    ),
    Edit(
        "monkeypatched method",
        "class C:\n    def m(self): return 1",
        "class C:\n    def m(self): return 1\n---\nC.m = lambda self: 2",
        "r = C().m()",
        MISS,
        "2",
    ),
    Edit(
        "metaclass",
        "class M(type):\n    def k(cls): return 1\n---\nclass C(metaclass=M): pass",
        "class M(type):\n    def k(cls): return 2\n---\nclass C(metaclass=M): pass",
        "r = C.k()",
        MISS,
        "2",
    ),
    Edit(
        "property",
        "class C:\n    @property\n    def p(self): return 1",
        "class C:\n    @property\n    def p(self): return 2",
        "r = C().p",
        MISS,
        "2",
    ),
    Edit(
        "dataclass default",
        "from dataclasses import dataclass\n@dataclass\nclass D:\n    a: int = 1",
        "from dataclasses import dataclass\n@dataclass\nclass D:\n    a: int = 2",
        "r = D().a",
        MISS,
        "2",
    ),
    Edit(
        "enum value",
        "from enum import Enum\nclass E(Enum):\n    A = 1",
        "from enum import Enum\nclass E(Enum):\n    A = 2",
        "r = E.A.value",
        MISS,
        "2",
    ),
    Edit(
        "closure variable",
        "def mk(n):\n    return lambda: n\ng = mk(1)",
        "def mk(n):\n    return lambda: n\ng = mk(2)",
        "r = g()",
        MISS,
        "2",
    ),
    Edit(
        "closure variable changed in place",
        "def mk():\n    n = [1]\n    def f(): return n[0]\n    def s(v): n[0] = v\n    return f, s\nf, s = mk()",
        "def mk():\n    n = [1]\n    def f(): return n[0]\n    def s(v): n[0] = v\n    return f, s\nf, s = mk()\n---\ns(2)",
        "r = f()",
        MISS,
        "2",
    ),
    Edit(
        "partial",
        "from functools import partial\nfrom operator import add\np = partial(add, 1)",
        "from functools import partial\nfrom operator import add\np = partial(add, 2)",
        "r = p(1)",
        MISS,
        "3",
    ),
    Edit(
        "default argument", "k = 1\n---\ndef h(x=k): return x", "k = 2\n---\ndef h(x=k): return x", "r = h()", MISS, "2"
    ),
    Edit(
        "mutable default argument",
        "def h(x=[]): return len(x)",
        "def h(x=[]): return len(x)\n---\nh.__defaults__[0].append(1)",
        "r = h()",
        MISS,
        "1",
    ),
    Edit(
        "alias swapped",
        "def a(): return 1\ndef b(): return 2\ng = a",
        "def a(): return 1\ndef b(): return 2\ng = b",
        "r = g()",
        MISS,
        "2",
    ),
    Edit(
        "lambda in a dict",
        "d = {'f': lambda: 1, 'g': lambda: 2}",
        "d = {'f': lambda: 2, 'g': lambda: 1}",
        "r = d['f']()",
        MISS,
        "2",
    ),
    Edit(
        "two lambdas on one line",
        "a, b = (lambda: 1), (lambda: 2)",
        "b, a = (lambda: 1), (lambda: 2)",
        "r = a()",
        MISS,
        "2",
    ),
    Edit(
        "decorator",
        "def deco(f):\n    return lambda: f() + 1\n---\n@deco\ndef h(): return 1",
        "def deco(f):\n    return lambda: f() + 2\n---\n@deco\ndef h(): return 1",
        "r = h()",
        MISS,
        "3",
    ),
    Edit(
        "lru_cache",
        "from functools import lru_cache\n@lru_cache\ndef h(): return 1",
        "from functools import lru_cache\n@lru_cache\ndef h(): return 2",
        "r = h()",
        MISS,
        "2",
    ),
    Edit(
        "warm lru_cache",
        "from functools import lru_cache\n@lru_cache\ndef h(): return 1",
        "from functools import lru_cache\n@lru_cache\ndef h(): return 1\n---\nh()",
        "r = h()",
        HIT,
        "1",
    ),
    Edit(
        "bound method",
        "class O:\n    def __init__(self, n): self.n = n\n    def m(self): return self.n\nh = O(1).m",
        "class O:\n    def __init__(self, n): self.n = n\n    def m(self): return self.n\nh = O(2).m",
        "r = h()",
        MISS,
        "2",
    ),
    Edit(
        "callable object",
        "class O:\n    def __call__(self): return 1\nh = O()",
        "class O:\n    def __call__(self): return 2\nh = O()",
        "r = h()",
        MISS,
        "2",
    ),
    Edit("function attribute", "def h(): return h.k\nh.k = 1", "def h(): return h.k\nh.k = 2", "r = h()", MISS, "2"),
    Edit(
        "process called in a body",
        "%%process f(x) -> y\ny = x + 1",
        "%%process f(x) -> y\ny = x + 2",
        "r = f(1)",
        MISS,
        "3",
    ),
    Edit(
        "helper of a process called in a body",
        HELPER.format(1) + "---\n%%process f(x) -> y\ny = h(x)",
        HELPER.format(2) + "---\n%%process f(x) -> y\ny = h(x)",
        "r = f(1)",
        MISS,
        "3",
    ),
    Edit(
        "global of a process called in a body",
        "k = 1\n---\n%%process f(x) -> y\ny = x + k",
        "k = 2\n---\n%%process f(x) -> y\ny = x + k",
        "r = f(1)",
        MISS,
        "3",
    ),
    Edit(
        "process called in a body, unchanged",
        "%%process f(x) -> y\ny = f'''{x}\n  b'''",
        "%%process f(x) -> y\ny = f'''{x}\n  b'''",
        "r = f(1)",
        HIT,
        "'1\\n  b'",
    ),
    Edit(
        "default of a process called in a body",
        "k = 1\n---\n%%process f(x=k) -> y\ny = x",
        "k = 2\n---\n%%process f(x=k) -> y\ny = x",
        "r = f()",
        MISS,
        "2",
    ),
    Edit("builtin shadowed", "", "def len(x):\n    return 7", "r = len([])", MISS, "7"),
    Edit(
        "exception class",
        "class E(Exception):\n    code = 1\ndef h(): raise E",
        "class E(Exception):\n    code = 2\ndef h(): raise E",
        "try:\n    h()\nexcept E as e:\n    r = e.code",
        MISS,
        "2",
    ),
    Edit("format spec", "w = 3", "w = 5", "x = 1\nr = f'{x:{w}}'", MISS, "'    1'"),
    Edit("comprehension scope", "k = 1", "k = 2", "r = [x * k for x in [1]]", MISS, "[2]"),
    Edit("shadowed by a local", "k = 1", "k = 2", "r = sum(k for k in [5])", HIT, "5"),
    Edit("globals() with a constant", "K = 1", "K = 2", "r = globals()['K']", MISS, "2"),
    Edit(
        "globals() with a computed name",
        "K = 1",
        "K = 2",
        "n = 'K'.upper()\nr = globals()[n]",
        MISS,
        "2",
        options="#| reads: [K]\n",
    ),
    Edit("eval", "K = 1", "K = 2", "r = eval('K' + '')", MISS, "2", options="#| reads: [K]\n"),
    Edit(
        "getattr with a computed name",
        "class C:\n    a = 1\n---\no = C()\nn = 'a'",
        "class C:\n    a = 2\n---\no = C()\nn = 'a'",
        "r = getattr(o, n)",
        MISS,
        "2",
    ),
    Edit(
        "import alias in the body",
        "",
        "",
        "import math as m\nr = m.floor(2.5)",
        MISS,
        "(2+0j)",
        "import cmath as m\nr = m.sqrt(4)",
    ),
    Edit("module behind a name", "import math as m", "import cmath as m", "r = m.sqrt(4)", MISS, "(2+0j)"),
    Edit(
        "type hints that are read",
        "class A:\n    x: int",
        "class A:\n    x: str",
        "import typing\nr = typing.get_type_hints(A)['x'].__name__",
        MISS,
        "'str'",
    ),
    Edit(
        "named tuple default",
        "from collections import namedtuple\nN = namedtuple('N', 'a', defaults=[1])",
        "from collections import namedtuple\nN = namedtuple('N', 'a', defaults=[2])",
        "r = N().a",
        MISS,
        "2",
    ),
    Edit(
        "slots and getstate",
        "class S:\n    __slots__ = ('a',)\ns = S()\ns.a = 1",
        "class S:\n    __slots__ = ('a',)\ns = S()\ns.a = 2",
        "r = s.a",
        MISS,
        "2",
    ),
    Edit(
        "redefined class, old instance",
        "class C:\n    def m(self): return 1\n---\no = C()",
        "class C:\n    def m(self): return 1\n---\no = C()\n---\nclass C:\n    def m(self): return 1",
        "r = o.m()",
        HIT,
        "1",
    ),
    # Values
    Edit("list changed in place", "l = [1]", "l = [1]\n---\nl.append(2)", "r = sum(l)", MISS, "3"),
    Edit(
        "array changed in place",
        "import numpy as np\na = np.zeros(1000)",
        "import numpy as np\na = np.zeros(1000)\n---\na[500] = 1",
        "r = float(a.sum())",
        MISS,
        "1.0",
    ),
    Edit(
        "frame changed in place",
        "import pandas as pd\nd = pd.DataFrame({'a': [1, 2]})",
        "import pandas as pd\nd = pd.DataFrame({'a': [1, 2]})\n---\nd.loc[0, 'a'] = 5",
        "r = int(d.a.sum())",
        MISS,
        "7",
    ),
    Edit(
        "frame attrs",
        "import pandas as pd\nd = pd.DataFrame({'a': [1]})",
        "import pandas as pd\nd = pd.DataFrame({'a': [1]})\nd.attrs['u'] = 'm'",
        "r = d.attrs.get('u')",
        MISS,
        "'m'",
    ),
    Edit("dict order", "d = {'a': 1, 'b': 2}", "d = {'b': 2, 'a': 1}", "r = [*d]", MISS, "['b', 'a']"),
    Edit("negative zero value", "x = 0.0", "x = -0.0", "r = str(x)", MISS, "'-0.0'"),
    Edit("bool for int", "x = 1", "x = True", "r = str(x)", MISS, "'True'"),
    Edit(
        "numpy scalar",
        "import numpy as np\nx = 1",
        "import numpy as np\nx = np.int64(1)",
        "r = type(x).__name__",
        MISS,
        "'int64'",
    ),
    Edit(
        "set of strings",
        "s = {'a', 'b', 'c', 'd'}",
        "s = {'d', 'c', 'b', 'a'}",
        "r = sorted(s)",
        HIT,
        "['a', 'b', 'c', 'd']",
    ),
    Edit(
        "shared or equal",
        "a = [1]\nx = [a, a]",
        "x = [[1], [1]]",
        "x[0].append(2)\nr = len(x[1])",
        MISS,
        "1",
        head="t -> r, x",
    ),
    Edit(
        "globals that share",
        "a = [1]\nb = a",
        "a = [1]\nb = [1]",
        "a.append(2)\nr = len(b)",
        MISS,
        "1",
        head="t -> r, a, b",
    ),
    Edit(
        "generator state",
        "import numpy as np\ng = np.random.default_rng(0)",
        "import numpy as np\ng = np.random.default_rng(0)\n---\n_ = g.random()",
        "r = type(g).__name__",
        MISS,
        "'Generator'",
    ),
    Edit(
        "transposed array",
        "import numpy as np\na = np.array([[1, 2], [3, 4]])",
        "import numpy as np\na = np.array([[1, 2], [3, 4]]).T",
        "r = a.tolist()",
        MISS,
        "[[1, 3], [2, 4]]",
    ),
    Edit(
        "view or copy",
        "import numpy as np\na = np.arange(10)[::2]",
        "import numpy as np\na = np.arange(10)[::2].copy()",
        "r = a.tolist()",
        HIT,
        "[0, 2, 4, 6, 8]",
    ),
    Edit(
        "frame built by column",
        "import pandas as pd\nd = pd.DataFrame({'a': [1], 'b': [2]})",
        "import pandas as pd\nd = pd.DataFrame({'a': [1]})\nd['b'] = 2",
        "r = int(d.sum().sum())",
        HIT,
        "3",
    ),
    Edit(
        "class of a channel's items",
        "class C:\n    def m(self): return 1\n---\n%%process f(o) -> y\ny = o.m()",
        "class C:\n    def m(self): return 2\n---\n%%process f(o) -> y\ny = o.m()",
        "r = 0",
        HIT,
        "[2, 2]",
        last="list(f(channel.of(C(), C())))",
    ),
    Edit("seeded draws", "", "", "import random, numpy as np\nr = random.random() != np.random.rand()", HIT, "True"),
    Edit("a global's type of key", "d = {1: 'a'}", "d = {'1': 'a'}", "r = [*d]", MISS, "['1']"),
    Edit(
        "regular expression flags",
        "import re\np = re.compile('a')",
        "import re\np = re.compile('a', re.I)",
        "r = bool(p.match('A'))",
        MISS,
        "True",
    ),
    # Environment and files
    Edit(
        "environment variable",
        "import os",
        "import os",
        "r = os.environ.get('NB_T')",
        MISS,
        "'2'",
        environ={"NB_T": "1"},
        environ_after={"NB_T": "2"},
    ),
    Edit(
        "getenv in a helper",
        "import os\ndef h(): return os.getenv('NB_T')",
        "import os\ndef h(): return os.getenv('NB_T')",
        "r = h()",
        MISS,
        "'2'",
        environ={"NB_T": "1"},
        environ_after={"NB_T": "2"},
    ),
    Edit(
        "environment by a declared name",
        "import os",
        "import os",
        "n = 'NB' + '_T'\nr = os.environ[n]",
        MISS,
        "'2'",
        options="#| env: [NB_T]\n",
        environ={"NB_T": "1"},
        environ_after={"NB_T": "2"},
    ),
    Edit(
        "other environment variable",
        "import os",
        "import os",
        "r = os.environ.get('NB_T')",
        HIT,
        "None",
        environ_after={"NB_U": "2"},
    ),
    Edit(
        "environment changed in the notebook",
        "import os\nos.environ['NB_T'] = '1'",
        "import os\nos.environ['NB_T'] = '2'",
        "r = os.environ['NB_T']",
        MISS,
        "'2'",
    ),
    Edit(
        "string names a file",
        "",
        "",
        "r = open('MOD.txt').read()",
        MISS,
        "'two!'",
        files={"MOD.txt": "one"},
        files_after={"MOD.txt": "two!"},
    ),
    Edit(
        "string in a subdirectory",
        "",
        "",
        "r = open('MODin/x.txt').read()",
        MISS,
        "'two!'",
        files={"MODin/x.txt": "one"},
        files_after={"MODin/x.txt": "two!"},
    ),
    Edit(
        "string of a helper names a file",
        "def h(): return open('MOD.txt').read()",
        "def h(): return open('MOD.txt').read()",
        "r = h()",
        MISS,
        "'two!'",
        files={"MOD.txt": "one"},
        files_after={"MOD.txt": "two!"},
    ),
    Edit(
        "global string names a file",
        "p = 'MOD.txt'",
        "p = 'MOD.txt'",
        "r = open(p).read()",
        MISS,
        "'two!'",
        files={"MOD.txt": "one"},
        files_after={"MOD.txt": "two!"},
    ),
    Edit(
        "list of strings names files",
        "p = ['MOD.txt']",
        "p = ['MOD.txt']",
        "r = open(p[0]).read()",
        MISS,
        "'two!'",
        files={"MOD.txt": "one"},
        files_after={"MOD.txt": "two!"},
    ),
    Edit(
        "global path",
        "from pathlib import Path\np = Path('MOD.txt')",
        "from pathlib import Path\np = Path('MOD.txt')",
        "r = p.read_text()",
        MISS,
        "'two!'",
        files={"MOD.txt": "one"},
        files_after={"MOD.txt": "two!"},
    ),
    Edit(
        "path in an object",
        "from pathlib import Path\nfrom types import SimpleNamespace\nc = SimpleNamespace(p=Path('MOD.txt'))",
        "from pathlib import Path\nfrom types import SimpleNamespace\nc = SimpleNamespace(p=Path('MOD.txt'))",
        "r = c.p.read_text()",
        MISS,
        "'two!'",
        files={"MOD.txt": "one"},
        files_after={"MOD.txt": "two!"},
    ),
    Edit(
        "directory input",
        "from pathlib import Path\np = Path('MODd')",
        "from pathlib import Path\np = Path('MODd')",
        "r = sorted(f.name for f in p.iterdir())",
        MISS,
        "['a', 'b']",
        files={"MODd/a": "1"},
        files_after={"MODd/b": "2"},
    ),
    Edit(
        "deep directory input",
        "from pathlib import Path\np = Path('MODd')",
        "from pathlib import Path\np = Path('MODd')",
        "r = (p / 'x/a').read_text()",
        MISS,
        "'23'",
        files={"MODd/x/a": "1"},
        files_after={"MODd/x/a": "23"},
    ),
    Edit(
        "file rewritten with equal content, by content",
        "",
        "",
        "r = open('MOD.txt').read()",
        HIT,
        "'one'",
        files={"MOD.txt": "one"},
        files_after={"MOD.txt": "one"},
        options="#| cache: deep\n",
    ),
    Edit(
        "file rewritten with equal size, by content",
        "",
        "",
        "r = open('MOD.txt').read()",
        MISS,
        "'two'",
        files={"MOD.txt": "one"},
        files_after={"MOD.txt": "two"},
        options="#| cache: deep\n",
    ),
    Edit(
        "file rewritten with equal size",
        "",
        "",
        "r = open('MOD.txt').read()",
        MISS,
        "'two'",
        files={"MOD.txt": "one"},
        files_after={"MOD.txt": "two"},
    ),
    Edit(
        "file that was not there",
        "",
        "",
        "import os\nr = os.path.exists('MOD.txt')",
        MISS,
        "True",
        files_after={"MOD.txt": "two"},
    ),
    Edit(
        "local module",
        "import MOD",
        "import MOD",
        "r = MOD.f()",
        MISS,
        "2",
        files={"MOD.py": "def f(): return 1\n"},
        files_after={"MOD.py": "def f(): return 2\n"},
    ),
    Edit(
        "local module, comment",
        "import MOD",
        "import MOD",
        "r = MOD.f()",
        HIT,
        "1",
        files={"MOD.py": "def f(): return 1\n"},
        files_after={"MOD.py": "# new\n\ndef f():\n    return 1\n"},
    ),
    Edit(
        "from import",
        "from MOD import f",
        "from MOD import f",
        "r = f()",
        MISS,
        "2",
        files={"MOD.py": "def f(): return 1\n"},
        files_after={"MOD.py": "def f(): return 2\n"},
    ),
    Edit(
        "module of a module",
        "import MOD",
        "import MOD",
        "r = MOD.f()",
        MISS,
        "2",
        files={"MOD.py": "from MODlow import K\ndef f(): return K\n", "MODlow.py": "K = 1\n"},
        files_after={"MODlow.py": "K = 2\n"},
    ),
    Edit(
        "import in the body",
        "",
        "",
        "import MOD\nr = MOD.K",
        MISS,
        "2",
        files={"MOD.py": "K = 1\n"},
        files_after={"MOD.py": "K = 2\n"},
    ),
    Edit(
        "import in a helper",
        "def h():\n    from MOD import K\n    return K",
        "def h():\n    from MOD import K\n    return K",
        "r = h()",
        MISS,
        "2",
        files={"MOD.py": "K = 1\n"},
        files_after={"MOD.py": "K = 2\n"},
    ),
    Edit(
        "import_module with a constant",
        "",
        "",
        "import importlib\nr = importlib.import_module('MOD').K",
        MISS,
        "2",
        files={"MOD.py": "K = 1\n"},
        files_after={"MOD.py": "K = 2\n"},
    ),
    Edit(
        "local package",
        "from MODpkg.sub import f",
        "from MODpkg.sub import f",
        "r = f()",
        MISS,
        "2",
        files={
            "MODpkg/__init__.py": "",
            "MODpkg/sub.py": "from .low import K\ndef f(): return K\n",
            "MODpkg/low.py": "K = 1\n",
        },
        files_after={"MODpkg/low.py": "K = 2\n"},
    ),
    Edit(
        "data of a local class",
        "import MOD\nc = MOD.C()",
        "import MOD\nc = MOD.C()",
        "r = c.m()",
        MISS,
        "2",
        files={"MOD.py": "class C:\n    def m(self): return 1\n"},
        files_after={"MOD.py": "class C:\n    def m(self): return 2\n"},
    ),
    Edit(
        "file read by a local module",
        "import MOD",
        "import MOD",
        "r = MOD.f()",
        MISS,
        "'two!'",
        files={"MOD.py": "def f(): return open('MOD.txt').read()\n", "MOD.txt": "one"},
        files_after={"MOD.txt": "two!"},
    ),
    # Outputs
    Edit("more outputs", "", "", "r = 1\ns = 2", MISS, "(1, 2)", head_after="t -> r, s", last="r, globals().get('s')"),
    Edit("annotation of an output", "", "", "r = 1", MISS, "1", head_after="t -> r: int"),
    Edit("fewer outputs", "", "", "r = 1\ns = 2", HIT, "1", head="t -> r, s", head_after="t -> r"),
    # Scripts
    Edit(
        "script text",
        "",
        "",
        "#!/usr/bin/env bash\necho one",
        MISS,
        "'two\\n'",
        "#!/usr/bin/env bash\necho two",
        head="t -> r = stdout()",
    ),
    Edit(
        "script global",
        "w = 'one'",
        "w = 'two'",
        "#!/usr/bin/env bash\necho $w",
        MISS,
        "'two\\n'",
        head="t -> r = stdout()",
    ),
    Edit(
        "script environment",
        "",
        "",
        "#!/usr/bin/env bash\necho $NB_T",
        MISS,
        "'2\\n'",
        head="t -> r = stdout()",
        environ={"NB_T": "1"},
        environ_after={"NB_T": "2"},
    ),
    Edit(
        "script path",
        "from pathlib import Path\np = Path('MOD.txt')",
        "from pathlib import Path\np = Path('MOD.txt')",
        "#!/usr/bin/env bash\ncat $p",
        MISS,
        "'two!'",
        head="t -> r = stdout()",
        files={"MOD.txt": "one"},
        files_after={"MOD.txt": "two!"},
    ),
    Edit(
        "script list global",
        "w = ['a', 'b']",
        "w = ['a b']",
        '#!/usr/bin/env bash\necho "${#w[@]}"',
        MISS,
        "'1\\n'",
        head="t -> r = stdout()",
    ),
    # Not the notebook's values
    Edit(
        "directory of the notebook changed",
        "",
        "import os\nos.makedirs('sub', exist_ok=True)\nos.chdir('sub')",
        "r = open('MOD.txt').read()",
        HIT,
        "'one'",
        files={"MOD.txt": "one"},
        alone=True,
    ),
    Edit(
        "pandas display options",
        "import pandas as pd",
        "import pandas as pd\npd.set_option('display.max_rows', 5)",
        "r = len(pd.DataFrame({'a': [1]}))",
        HIT,
        "1",
    ),
]


TOGETHER = [(number, edit) for number, edit in enumerate(EDITS) if not edit.needs_kernel]
APART = [(number, edit) for number, edit in enumerate(EDITS) if edit.needs_kernel]


@pytest.fixture(scope="module")
def both_runs(
    forges: list[Forge], tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, list[Cell]], dict[str, list[Cell]]]:
    """All edits that can share a kernel, before and after, many in a kernel."""
    notebooks = Notebooks(tmp_path_factory.mktemp("together"), forges)
    return _run_together(notebooks, after=False), _run_together(notebooks, after=True)


def _run_together(notebooks: Notebooks, *, after: bool) -> dict[str, list[Cell]]:
    found: dict[str, list[Cell]] = {}
    for number, edit in TOGETHER:
        write(edit.files_after if after else edit.files, notebooks.directory, number)
    for batch in batched(TOGETHER):
        typed = {edit.name: [FORGET, *edit.cells(number, after=after)] for number, edit in batch}
        told = iter(notebooks.run(*(cell for cells in typed.values() for cell in cells)))
        found |= {name: [next(told) for _ in cells] for name, cells in typed.items()}
    return found


def test_names_of_edits_differ() -> None:
    assert len({edit.name for edit in EDITS}) == len(EDITS)


@pytest.mark.parametrize(("number", "edit"), TOGETHER, ids=[edit.name for _, edit in TOGETHER])
def test_edit(number: int, edit: Edit, both_runs: tuple[dict[str, list[Cell]], dict[str, list[Cell]]]) -> None:
    before, after = (run[edit.name] for run in both_runs)
    assert _task(before, f"t{number}")[1] == MISS, _told(before)
    _check(edit, after, f"t{number}")


@pytest.mark.parametrize(("number", "edit"), APART, ids=[edit.name for _, edit in APART])
def test_edit_in_a_kernel_of_its_own(number: int, edit: Edit, notebooks: Notebooks) -> None:
    write(edit.files, notebooks.directory, number)
    before = notebooks.run(*edit.cells(number, after=False), environ=edit.environ)
    assert _task(before, f"t{number}")[1] == MISS, _told(before)
    write(edit.files_after, notebooks.directory, number)
    _check(edit, notebooks.run(*edit.cells(number, after=True), environ=edit.environ_after), f"t{number}")


def _check(edit: Edit, after: list[Cell], name: str) -> None:
    assert after[-1].result == edit.value, _told(after)
    assert _task(after, name)[1] == edit.verdict, _told(after)


def _task(cells: list[Cell], name: str) -> tuple[str, str, str]:
    found = [task for cell in cells for task in cell.tasks if task[0] == name]
    assert len(found) == 1, _told(cells)
    return found[0]


def _told(cells: list[Cell]) -> str:
    return "\n".join(f"{cell.shown}{cell.ename} {cell.evalue} {cell.tasks} -> {cell.result}" for cell in cells)
