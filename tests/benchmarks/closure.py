"""The closure of a notebook function when nothing changed: 20 functions and 3 local modules, all looked at anew."""

from __future__ import annotations

import linecache
import sys
import tempfile
from pathlib import Path
from typing import Any

import cloudpickle

from nbflow.core.code.closure import reach
from nbflow.core.code.source import parse_body
from tests.benchmarks.measure import Row, interleaved

FUNCTIONS = 20
MODULES = 3
ROUNDS = 200
_MODULE = "import math\nK = {0}\n" + "".join(
    f"def f{n}(x):\n    '''Work on x.'''\n    return x * {n} + math.floor(K)\n" for n in range(15)
)


def rows() -> list[Row]:
    """Measure."""
    with tempfile.TemporaryDirectory() as directory:
        for number in range(MODULES):
            (Path(directory) / f"bench_lib_{number}.py").write_text(_MODULE.format(number))
        sys.path.insert(0, directory)
        namespace = _notebook()
        body = parse_body("r = f0(trees)", "%%process bench")

        def mine() -> object:
            return reach(body.reads, namespace, sys_path=sys.path, tree=body.tree, environ={})

        def peer() -> object:
            return cloudpickle.dumps(namespace["f0"])

        mine()
        taken, other = interleaved([mine, peer], ROUNDS)
    what = f"closure: {FUNCTIONS} functions, {MODULES} local modules"
    return [
        Row(what, "ms", taken.wall * 1e3, taken.cpu * 1e3, "<= 1", "cloudpickle, which reads no file", other.wall * 1e3)
    ]


def _notebook() -> dict[str, Any]:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    cells = ["import numpy as np, pandas as pd\nimport " + ", ".join(f"bench_lib_{n}" for n in range(MODULES))]
    cells += [
        f"def f{n}(x):\n    y = x + {n}\n    return f{n + 1}(y) + bench_lib_{n % MODULES}.f1(y)"
        for n in range(FUNCTIONS - 1)
    ]
    cells += [f"def f{FUNCTIONS - 1}(x):\n    return np.sum([x])", "trees = 3"]
    for number, cell in enumerate(cells):
        name = f"/tmp/ipykernel_1/bench-{number}.py"
        linecache.cache[name] = (len(cell), None, cell.splitlines(keepends=True), name)
        exec(compile(cell, name, "exec", dont_inherit=True), namespace)
    return namespace
