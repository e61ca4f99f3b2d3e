"""Cached tasks of one channel, resumed after a restart, outputs verified; beside joblib's hits and the mere reads."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import joblib

from nbflow.storage.database.leveldb import LevelStore
from tests.benchmarks.measure import Cost, Row, cost, median
from tests.benchmarks.stand import Notebook, notebook

TASKS = 10_000
ROUNDS = 5
PROCESS = "%%process fit(trees: int, *, depth: int = 3) -> score: float\nscore = trees / depth * big"


def rows() -> list[Row]:
    """Measure."""
    with notebook(instant=True) as stand:
        stand.cell("big = 20")
        stand.cell(PROCESS)
        _run(stand)
        hits, peers, floors = [], [], []
        with tempfile.TemporaryDirectory() as directory:
            memory, floor = _Joblib(directory), _Floor(Path(directory))
            for _ in range(ROUNDS):
                stand.reload()
                stand.cell(PROCESS)
                hits.append(_each(cost(lambda: _run(stand)), TASKS))
                peers.append(_each(cost(memory.hits), memory.count))
                floors.append(_each(cost(floor.reads), floor.count))
            floor.close()
    mine, peer, least = median(hits), median(peers), median(floors)
    what = f"cached task, {TASKS:,} in a channel"
    return [
        Row(what, "us", mine.wall, mine.cpu, "60", "joblib.Memory hit", peer.wall),
        Row(what, "us", mine.wall, mine.cpu, "60", "mere reads: entry and two files", least.wall),
    ]


def _run(stand: Notebook) -> None:
    stand.cell(f"scores = fit(channel.from_list(range({TASKS})), depth=5)")


def _each(total: Cost, count: int) -> Cost:
    return Cost(total.wall / count * 1e6, total.cpu / count * 1e6)


class _Joblib:
    """A function that joblib remembers."""

    count = 500

    def __init__(self, directory: str) -> None:
        self._remembered = joblib.Memory(directory, verbose=0).cache(_fit)
        self.hits()

    def hits(self) -> None:
        """Take every result from its cache."""
        for trees in range(self.count):
            self._remembered(trees, 5, 20)


def _fit(trees: int, depth: int, big: int) -> float:
    return trees / depth * big


class _Floor:
    """The least that a hit must do: an entry of a database, decoded, and two small files, read."""

    count = TASKS

    def __init__(self, directory: Path) -> None:
        self._db = LevelStore.open(directory / "db")
        entry = json.dumps({"status": "COMPLETED", "files": [["values", 100, 0, "0" * 32]], "rest": "x" * 700}).encode()
        for number in range(self.count):
            self._db.put(number.to_bytes(16), entry)
        self._paths = [str(directory / name) for name in (".exitcode", "values")]
        for path in self._paths:
            Path(path).write_bytes(b"0" * 100)

    def reads(self) -> None:
        """Read everything."""
        for number in range(self.count):
            json.loads(self._db.get(number.to_bytes(16)) or "")
            for path in self._paths:
                descriptor = os.open(path, os.O_RDONLY)
                os.read(descriptor, 65_537)
                os.close(descriptor)

    def close(self) -> None:
        """Close the database."""
        self._db.close()
