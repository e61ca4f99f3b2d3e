"""Executed script tasks that do nothing; beside a bash started by `subprocess` that does the same."""

from __future__ import annotations

import subprocess
import tempfile
from itertools import count
from pathlib import Path

from tests.benchmarks.measure import Row, interleaved
from tests.benchmarks.stand import Notebook, notebook

SINGLE, ROUNDS = 25, 5
_PROCESS = '%%process say(word: int) -> out = file("out")\n#!/usr/bin/env bash\necho $word > out'
_numbers = count()


def rows() -> list[Row]:
    """Measure."""
    with notebook() as stand, tempfile.TemporaryDirectory() as directory:
        script = Path(directory, "script")
        script.write_text("word=7\necho $word > out\n")
        stand.cell(_PROCESS)
        works = [lambda: _scripts(stand), lambda: _bare(directory)]
        for work in works:
            work()
        mine, peer = interleaved(works, ROUNDS, everything_below=True)
    each = 1e3 / SINGLE
    what = "executed script, one by one"
    return [Row(what, "ms", mine.wall * each, mine.cpu * each, "8", "subprocess bash -ue", peer.wall * each)]


def _scripts(stand: Notebook) -> None:
    first = next(_numbers) * SINGLE
    stand.cell(f"for number in range({first}, {first + SINGLE}): say(number)")


def _bare(directory: str) -> None:
    for _ in range(SINGLE):
        subprocess.run(["bash", "-ue", "script"], cwd=directory, check=True)
