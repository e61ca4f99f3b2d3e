"""1,000 scripts that do nothing in one channel, run and then resumed; beside xargs, which keeps nothing, and Snakemake."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from itertools import count
from pathlib import Path

from tests.benchmarks.measure import Cost, Row, cost
from tests.benchmarks.stand import Notebook, notebook

TASKS = 1000
_PROCESS = "%%process nothing(x)\n#!/usr/bin/env bash\ntrue"
_SNAKEFILE = f"""
rule all:
    input: expand("out/{{i}}", i=range({TASKS}))

rule nothing:
    output: touch("out/{{i}}")
    shell: "true"
"""
_numbers = count()


def rows() -> list[Row]:
    """Measure."""
    with notebook() as stand, tempfile.TemporaryDirectory() as directory:
        stand.cell(_PROCESS)
        stand.cell("nothing(channel.of('first', 'second'))")  # starts processes
        Path(directory, "Snakefile").write_text(_SNAKEFILE)
        first = next(_numbers) * TASKS
        ran = cost(lambda: _channel(stand, first), everything_below=True)
        resumed = cost(lambda: _channel(stand, first), everything_below=True)
        xargs = cost(lambda: _xargs(directory), everything_below=True)
        snakemake = [_snakemake(directory), _snakemake(directory)]
    made = [
        _row("ran", ran, "xargs -P 2, one bash each", xargs),
        _row("ran", ran, "snakemake -j 2", snakemake[0]),
        _row("resumed", resumed, "snakemake -j 2, nothing to do", snakemake[1]),
    ]
    return [row for row in made if row is not None]


def _row(how: str, mine: Cost, peer: str, cost_of_peer: Cost | None) -> Row | None:
    if cost_of_peer is None:
        print(f"not measured, as it is not installed: {peer}", file=sys.stderr)
        return None
    each = 1e3 / TASKS
    budget = "8" if how == "ran" else ""
    what = f"{TASKS:,} scripts of a channel, {how}, each"
    return Row(what, "ms", mine.wall * each, mine.cpu * each, budget, peer, cost_of_peer.wall * each)


def _channel(stand: Notebook, first: int) -> None:
    stand.cell(f"nothing(channel.of(*range({first}, {first + TASKS})))")


def _xargs(directory: str) -> None:
    numbers = "\n".join(map(str, range(TASKS)))
    command = ["xargs", "-P", "2", "-I{}", "bash", "-c", "true"]
    subprocess.run(command, cwd=directory, input=numbers, text=True, check=True)


def _snakemake(directory: str) -> Cost | None:
    if importlib.util.find_spec("snakemake") is None:
        return None
    command = [sys.executable, "-m", "snakemake", "-j", "2", "--quiet", "all"]
    return cost(lambda: subprocess.run(command, cwd=directory, check=True, capture_output=True), everything_below=True)
