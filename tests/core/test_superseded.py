"""Instances of a class whose cell ran again: they count as those of the class that has the name now, if its code agrees."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from nbflow.core.code.closure import reach
from tests.core.notebooks import Notebook

POINT = "class P:\n  def __init__(self, x): self.x = x\n  def m(self): return self.x, super().__hash__()\n"
COLOR = "import enum\nclass C(enum.Enum):\n  RED = 1\n  def m(self): return C.RED\n"


def test_an_instance_counts_the_same_when_the_cell_of_its_class_runs_again() -> None:
    for define, make in (
        (POINT, "v = P(1)"),
        (POINT, "v = {'a': [P(1)]}"),
        (COLOR, "v = C.RED"),
        (POINT, "v = P(1).m"),
    ):
        notebook = Notebook(define, make)
        before = notebook.key("y = v")
        old = notebook.namespace["P" if "P" in make else "C"]
        for _ in range(3):
            notebook.run(define)
            assert notebook.key("y = v") == before
        new = notebook.namespace["P" if "P" in make else "C"]
        assert notebook.reach("y = v").superseded == {old: new}


def test_a_base_class_whose_cell_ran_again_counts_the_same() -> None:
    notebook = Notebook(POINT, "class Q(P): pass", "v = Q(1)")
    before = notebook.key("y = v")
    notebook.run(POINT)
    assert notebook.key("y = v") == before


def test_a_class_with_other_code_or_state_stands_for_nothing() -> None:
    for change in (POINT.replace("self.x,", "-self.x,"), POINT + "P.n = 1"):
        notebook = Notebook(POINT, "v = P(1)")
        before = notebook.key("y = v")
        notebook.run(change)
        assert notebook.key("y = v") != before
        assert notebook.reach("y = v").superseded == {}


def test_classes_that_hold_each_other_are_compared_to_an_end() -> None:
    cells = "class A:\n  def m(self): return B\nclass B(A): pass\nA.b = B\n"
    notebook = Notebook(cells, "v = B()")
    before = notebook.key("y = v")
    notebook.run(cells)
    assert notebook.key("y = v") == before


def test_inputs_are_looked_through_for_such_classes() -> None:
    notebook = Notebook(POINT, "v = P(1)", POINT)
    found = reach((), notebook.namespace, sys_path=notebook.sys_path, values={"v": notebook.namespace["v"]})
    assert list(found.superseded.values()) == [notebook.namespace["P"]]


LIBRARY = """
import functools
def f(x): return x
@functools.lru_cache
def cached(x): return x
def deco(f):
    @functools.wraps(f)
    def wrapper(x): return f(x)
    return wrapper
class C:
    def m(self): return 1
"""


@pytest.mark.parametrize("made", ["lib_r1.f", "lib_r1.C", "lib_r1.C()", "lib_r1.C().m", "[lib_r1.f]", "lib_r1.cached"])
def test_what_came_from_a_module_before_it_was_loaded_again_counts_by_its_file(
    made: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "lib_r1.py").write_text(LIBRARY)
    notebook = Notebook(f"import lib_r1\nv = {made}", sys_path=sys.path)
    before = notebook.key("y = v")
    notebook.run("import importlib\nimportlib.reload(lib_r1)")
    assert notebook.key("y = v") == before
    assert notebook.reach("y = v").superseded
    (tmp_path / "lib_r1.py").write_text(LIBRARY.replace("return 1", "return 2"))
    changed = notebook.key("y = v")
    assert changed != before
    notebook.run("importlib.reload(lib_r1)")
    assert notebook.key("y = v") == changed
    del sys.modules["lib_r1"]


def test_a_wrapper_with_the_name_of_a_modules_function_counts_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "lib_r1.py").write_text(LIBRARY)
    found = Notebook("import lib_r1\nv = lib_r1.deco(lib_r1.f)", sys_path=sys.path).reach("y = v")
    assert found.superseded == {}
    del sys.modules["lib_r1"]
