"""Local modules beside the kernel's copies of them: what differs is told, what was put in from outside comes along."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.core.notebooks import Notebook

PLUGGED = "REG = {}\ndef reg(f):\n    REG[f.__name__] = f\n    return f\nclass Base: pass\n"
PLUGINS = {
    "a decorator": "import hub_d1\n@hub_d1.reg\ndef f(): return 1\n",
    "a class that registers itself": "import hub_d1\nclass C(hub_d1.Base): pass\nhub_d1.REG['C'] = C\n",
    "a list of a class": "import hub_d1\nclass C: pass\nhub_d1.Base.known = [C]\n",
    "a dispatcher": "import hub_d1\n@hub_d1.told.register\ndef _(x: int): return 1\n",
    "a subclass": "import hub_d1\nclass C(hub_d1.Base): pass\n",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    loaded = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    yield tmp_path
    for name in set(sys.modules) - loaded:
        del sys.modules[name]


def notebook(home: Path, *cells: str) -> Notebook:
    return Notebook(*cells, sys_path=[str(home), *sys.path])


@pytest.mark.parametrize("case", PLUGINS)
def test_modules_that_register_themselves_come_along(home: Path, case: str) -> None:
    told = "import functools\n@functools.singledispatch\ndef told(x): return 0\n"
    (home / "hub_d1.py").write_text(told + PLUGGED)
    (home / "plugin_d1.py").write_text(PLUGINS[case])
    body = "y = hub_d1.Base.__subclasses__()" if case == "a subclass" else "y = hub_d1.REG"
    found = notebook(home, "import hub_d1, plugin_d1").reach(body)
    assert {part.name for part in found.parts if part.kind == "module"} == {"hub_d1", "plugin_d1"}
    assert "plugin_d1" in found.submodules
    assert found.notes == ()


def test_a_module_that_is_only_imported_beside_it_does_not(home: Path) -> None:
    (home / "hub_d1.py").write_text(PLUGGED)
    (home / "plugin_d1.py").write_text(PLUGINS["a subclass"])
    found = notebook(home, "import hub_d1, plugin_d1").reach("y = hub_d1.REG")
    assert {part.name for part in found.parts if part.kind == "module"} == {"hub_d1"}


DRIFTS = {
    "a literal": ("K = 1\n", "m.K = 2", True),
    "an entry of a literal": ("D = {'a': 1}\n", "m.D['a'] = 2", True),
    "a function registered by the notebook": (PLUGGED, "m.reg(lambda: 1)", True),
    "a case added by the notebook": (
        "import functools\n@functools.singledispatch\ndef h(x): return 0\n",
        "m.h.register(int, lambda x: 1)",
        True,
    ),
    "a method replaced": ("class C:\n    def m(self): return 1\n", "m.C.m = lambda self: 2", True),
    "a cache that was filled": ("cache = {}\ndef f(x):\n    cache[x] = x\n", "m.f(1)", False),
    "a literal that the module changes": ("D = {'a': 1}\nD['b'] = 2\n", "", False),
    "a counter of the module": ("n = 0\ndef f():\n    global n\n    n += 1\n", "m.f()", False),
    "its own decorators": (PLUGGED + "@reg\ndef f(): return 1\n", "", False),
    "nothing": ("K = 1\nL = K\nD = {'a': [K]}\nf = lambda: 1\n", "", False),
}


@pytest.mark.parametrize("case", DRIFTS)
def test_what_was_changed_in_the_kernel_is_told(home: Path, case: str) -> None:
    text, change, told = DRIFTS[case]
    (home / "mod_d1.py").write_text(text)
    notes = notebook(home, "import mod_d1 as m", change).reach("y = m").notes
    assert bool(notes) is told
    assert all("mod_d1" in note and "tasks run the file" in note for note in notes)


def test_a_module_in_an_archive_counts(home: Path) -> None:
    def key(text: str) -> bytes:
        with zipfile.ZipFile(home / "packed.zip", "w") as packed:
            packed.writestr("inner_d1/__init__.py", "")
            packed.writestr("inner_d1/mod_d2.py", text)
        path = [str(home / "packed.zip"), *sys.path]
        return Notebook(sys_path=path).key("import inner_d1.mod_d2\ny = inner_d1.mod_d2.K")

    assert key("K = 1\n") == key("K = 1  # note\n") != key("K = 2\n")
