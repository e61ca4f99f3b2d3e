"""`%load_ext nbflow`, in a fresh interpreter that has loaded what a kernel has."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys

from tests.benchmarks.measure import Row

ROUNDS = 7
_PROGRAM = """
import json, sys, time
import ipykernel.ipkernel, ipykernel.kernelapp, ipykernel.zmqshell
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
def took(text):
    begun, used = time.perf_counter(), time.process_time()
    assert shell.run_cell(text).success
    return (time.perf_counter() - begun) * 1e3, (time.process_time() - used) * 1e3
peer = [took("import joblib")] if sys.argv[1:] else []
print(json.dumps([took("%load_ext nbflow"), took("%%process f() -> x\\nx = 1"), *peer]))
"""


def rows() -> list[Row]:
    """Measure."""
    _times()  # compiles what is not compiled yet
    taken = [_times() for _ in range(ROUNDS)]
    load, declare, joblib = (
        [statistics.median(t) for t in zip(*step, strict=True)] for step in zip(*taken, strict=True)
    )
    return [
        Row("%load_ext nbflow", "ms", load[0], load[1], "100", "import joblib", joblib[0]),
        Row("the first %%process of a kernel, on top", "ms", declare[0], declare[1]),
    ]


def _times() -> list[list[float]]:
    command = [sys.executable, "-c", _PROGRAM, "peer"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    steps: list[list[float]] = json.loads(done.stdout.splitlines()[-1])
    return steps
