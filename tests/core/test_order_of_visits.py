"""Whatever calls whatever, and in whatever order it was defined and is visited: what is reached counts, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.core.notebooks import Notebook

NAMES = [f"n{number}" for number in range(6)]
KINDS = {
    "function": "def {name}(x):\n  return x, {constant}, {uses}\n",
    "lambda in a dict": "{name} = {{'f': lambda x: (x, {constant}, {uses})}}\n",
    "class": "class {name}:\n  K = {constant}\n  def m(self): return {uses}\n",
    "instance": "class Of_{name}:\n  def m(self): return {constant}, {uses}\n{name} = Of_{name}()\n",
    "closure": "def make_{name}(k):\n  def inner(): return k, {uses}\n  return inner\n{name} = make_{name}({constant})\n",
    "value": "{name} = [{constant}]\n",
}


@dataclass(frozen=True)
class Code:
    """Definitions that use each other: a kind and the names that each uses."""

    kinds: tuple[str, ...]
    uses: tuple[tuple[str, ...], ...]
    order: tuple[int, ...]

    def cells(self, changed: str = "", order: tuple[int, ...] | None = None) -> list[str]:
        texts = [
            KINDS[kind].format(name=name, constant=7 if name == changed else 1, uses=", ".join(uses) or "0")
            for name, kind, uses in zip(NAMES, self.kinds, self.uses, strict=True)
        ]
        return [texts[at] for at in order or self.order]

    def reached(self, root: str) -> set[str]:
        found, pending = set[str](), [root]
        while pending:
            name = pending.pop()
            if name not in found:
                found.add(name)
                at = NAMES.index(name)
                pending += () if self.kinds[at] == "value" else self.uses[at]
        return found


CODES = st.builds(
    Code,
    st.tuples(*[st.sampled_from(sorted(KINDS))] * len(NAMES)),
    st.tuples(*[st.lists(st.sampled_from(NAMES), max_size=3, unique=True).map(tuple)] * len(NAMES)),
    st.permutations(range(len(NAMES))).map(tuple),
)
ROOT = "n0"


@settings(max_examples=60, deadline=None)
@given(CODES, st.permutations(range(len(NAMES))).map(tuple))
def test_the_order_of_definitions_leaves_no_trace(code: Code, order: tuple[int, ...]) -> None:
    body = f"y = {ROOT}"
    assert Notebook(*code.cells()).key(body) == Notebook(*code.cells(order=order)).key(body)


@settings(max_examples=60, deadline=None)
@given(CODES, st.sampled_from(NAMES))
def test_a_change_counts_exactly_where_it_is_reached(code: Code, changed: str) -> None:
    body = f"y = {ROOT}"
    same = Notebook(*code.cells()).key(body) == Notebook(*code.cells(changed)).key(body)
    assert same is (changed not in code.reached(ROOT))


@settings(max_examples=30, deadline=None)
@given(CODES, st.sampled_from(NAMES), st.sampled_from(NAMES))
def test_parts_do_not_depend_on_where_the_walk_comes_in(code: Code, first: str, second: str) -> None:
    notebook = Notebook(*code.cells())
    alone = {(part.kind, part.name): part.digest for part in notebook.reach(f"y = {first}").parts}
    both = {(part.kind, part.name): part.digest for part in notebook.reach(f"y = {first}, {second}").parts}
    assert alone.items() <= both.items()


def digests() -> list[str]:
    kinds = sorted(KINDS)
    rings = [tuple(kinds[(at + turn) % len(kinds)] for at in range(len(NAMES))) for turn in range(len(kinds))]
    uses = tuple((NAMES[(at + 1) % 6], NAMES[(at + 2) % 6]) for at in range(6))
    return [Notebook(*Code(ring, uses, tuple(range(6))).cells()).key(f"y = {ROOT}").hex() for ring in rings]


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_digests_are_the_same_in_every_process(seed: str) -> None:
    script = "import json; from tests.core.test_order_of_visits import digests; print(json.dumps(digests()))"
    environ = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path])}
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == digests()
