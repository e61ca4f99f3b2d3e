"""Global names of compiled code: Python's own scoping, on every version the same."""

from __future__ import annotations

import pytest

from nbflow.core.code.scope import global_names

CASES = {
    "def f(a): return a + k": ("k", ""),
    "def f():\n  def g(): return k\n  return g": ("k", ""),
    "def f(s): return [k for i in s if i]": ("k", ""),
    "def f():\n  global x\n  x = 1": ("", "x"),
    "def f():\n  global x\n  del x": ("x", ""),
    "def f():\n  class C:\n    y = 1\n    z = y, k\n  return C": ("k", ""),
    "def f():\n  class C:\n    def m(self): return y, __class__\n  return C": ("y", ""),
    "def f(a=k): return f'{a:{w}}'": ("w", ""),
    "async def f():\n  async for i in s: yield i": ("s", ""),
    "def f():\n  try: pass\n  except E as e: raise e": ("E", ""),
}


@pytest.mark.parametrize("text", CASES)
def test_global_names_of_a_function(text: str) -> None:
    space: dict[str, object] = {"k": 1}
    exec(text, space)
    reads, stores = global_names(space["f"].__code__)  # type: ignore[attr-defined]
    assert (reads, stores) == tuple(frozenset(names.split()) for names in CASES[text])
