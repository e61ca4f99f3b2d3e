"""Executed Python tasks with a body that costs nothing; beside a bare pool, which keeps nothing and isolates nothing."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import count

from tests.benchmarks.hits import PROCESS
from tests.benchmarks.measure import Cost, Row, interleaved
from tests.benchmarks.stand import Notebook, notebook

CHANNEL, SINGLE, ROUNDS = 100, 25, 5
_numbers = count()


def rows() -> list[Row]:
    """Measure."""
    with notebook() as stand, ProcessPoolExecutor(2, multiprocessing.get_context("forkserver")) as pool:
        stand.cell("big = 20")
        stand.cell(PROCESS)
        works: list[Callable[[], object]] = [
            lambda: _one_by_one(stand),
            lambda: _channel(stand),
            lambda: [pool.submit(_fit, next(_numbers)).result() for _ in range(SINGLE)],
            lambda: list(pool.map(_fit, range(CHANNEL))),
        ]
        for work in works:
            work()  # starts processes
        single, channel, peer_single, peer_channel = interleaved(works, ROUNDS, everything_below=True)
    return [
        _row("executed task, one by one", single, SINGLE, peer_single),
        _row(f"executed task, {CHANNEL} in a channel", channel, CHANNEL, peer_channel),
    ]


def _row(what: str, mine: Cost, tasks: int, peer: Cost) -> Row:
    each = 1e3 / tasks
    return Row(what, "ms", mine.wall * each, mine.cpu * each, "3", "ProcessPoolExecutor", peer.wall * each)


def _one_by_one(stand: Notebook) -> None:
    first = next(_numbers) * SINGLE
    stand.cell(f"for number in range({first}, {first + SINGLE}): fit(number, depth=4)")


def _channel(stand: Notebook) -> None:
    first = next(_numbers) * CHANNEL
    stand.cell(f"scores = fit(channel.from_list(range({first}, {first + CHANNEL})), depth=5)")


def _fit(trees: int) -> float:
    return trees / 5 * 20
