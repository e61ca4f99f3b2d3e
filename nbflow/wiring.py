"""A run from its beginning to its end: the one place that says which store, lock, files and executors are used.

Alone brings the classes of the floors together. Must not know when a run begins, or what is said of it: `nbflow.session` does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass

from nbflow.errors import CacheError
from nbflow.execution.channels.engine import Engine
from nbflow.execution.explain.reasons import Reasons
from nbflow.execution.explain.why import entries_elsewhere
from nbflow.execution.inline.executor import Executors, InlineExecutor
from nbflow.execution.inline.kernel_body import Console
from nbflow.execution.local.executor import LocalExecutor
from nbflow.execution.open_run import Open
from nbflow.execution.progress import Progress
from nbflow.execution.run import Run
from nbflow.execution.runner import Runner
from nbflow.storage.browse import Reader
from nbflow.storage.claim import Claim
from nbflow.storage.database.cache import TaskCache
from nbflow.storage.database.leveldb import LevelStore
from nbflow.storage.database.marker import adopt, mark_session, notebook_of
from nbflow.storage.events import EventLog
from nbflow.storage.layout import Layout
from nbflow.storage.machine import boot_id
from nbflow.storage.nextflow.history import History, RunRecord
from nbflow.storage.nextflow.index import IndexWriter
from nbflow.storage.summaries import SummaryLog


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a kernel gives its runs.

    Attributes
    ----------
    layout : Layout
        The launch directory.
    history : History
        Its history.
    claim : Claim
        Finds and locks the session.
    notebook : str
        Relative to the launch directory; empty where it is unknown.
    command : str
        For the history.
    engine : Engine
        Moves the items of channels.
    progress : callable
        Gives the counters of the cell that runs now.
    resolve_class : callable
        Finds the notebook's class of a name, if its code has a given digest.
    console : callable
        Keeps what a body that runs in the kernel displays.
    say : callable
        Shows a line to the user; called in the thread that runs cells.
    """

    layout: Layout
    history: History
    claim: Claim
    notebook: str
    command: str
    engine: Engine
    progress: Callable[[], Progress]
    resolve_class: Callable[[str, str], type]
    console: Console
    say: Callable[[str], None]


def begin_run(around: Surroundings, wanted: str | None, budget: Mapping[str, int]) -> Open:
    """Begin a run, with its line in the history.

    Parameters
    ----------
    around : Surroundings
        What it begins in.
    wanted : str or None
        A session or one of its runs; ``new``; None where nobody said.
    budget : mapping of str to int
        The local executor's, as far as it is set.

    Raises
    ------
    CacheError
        The session cannot be opened.
    """
    layout, foreground = around.layout, around.engine.foreground
    layout.ensure()
    with ExitStack() as resources:
        session = _take_session(around, wanted, resources)
        store = LevelStore.open(layout.db_dir(session))
        resources.callback(store.close)
        record = around.history.begin(session, around.command)
        run = _files(layout, record, store, resources)
        reader = Reader(layout)
        reasons = Reasons(run.cache, reader.earlier_indexes(session), lambda: entries_elsewhere(reader, record))
        executor = Executors(LocalExecutor(**budget), InlineExecutor(foreground))
        told = around.progress, around.resolve_class, reasons.ran, around.console
        runner = Runner(run, layout, executor, *told, lambda line: foreground.put(lambda: around.say(line)))
        return Open(record, time.time(), resources.pop_all(), runner, executor, reasons)
    raise AssertionError("not reached")


def _take_session(around: Surroundings, wanted: str | None, resources: ExitStack) -> str:
    """Find and lock the session, and note that it is nbflow's, and this notebook's."""
    session, lock = around.claim.take(wanted)
    resources.enter_context(lock)
    directory = around.layout.session_dir(session)
    mark_session(directory, around.notebook)
    if around.notebook and notebook_of(directory) != around.notebook:
        adopt(directory, around.notebook)
    return session


def _files(layout: Layout, record: RunRecord, store: LevelStore, resources: ExitStack) -> Run:
    """What the run writes as it goes."""
    session, name = record.session, str(record.run_name)
    index = IndexWriter(layout.index(session, name))
    resources.callback(index.close)
    events = EventLog(layout.events(session, name))
    resources.callback(events.close)
    summaries = SummaryLog(layout.summaries(session, name))
    resources.callback(summaries.close)
    return Run(session, name, boot_id(), TaskCache(store), index, events, summaries)


def end_run(around: Surroundings, ended: Open, status: str) -> None:
    """End a run: its tasks, its files, its line in the history.

    Parameters
    ----------
    around : Surroundings
        What it began in.
    ended : Open
        The run.
    status : str
        For the history: ``OK`` or ``ERR``.
    """
    with ExitStack() as last:  # each is done whatever becomes of the others: no lock may be left behind
        last.callback(_note_end, around, ended, status)
        last.callback(ended.resources.close)
        last.callback(ended.runner.close)
        last.callback(around.engine.close)
        if ended.executor is not None:
            last.callback(ended.executor.close)


def _note_end(around: Surroundings, ended: Open, status: str) -> None:
    if not around.layout.history.exists():
        return  # somebody deleted it while the run went on
    try:
        around.history.update(str(ended.record.run_name), round((time.time() - ended.began) * 1000), status)
    except (OSError, CacheError) as error:
        around.say(f"nbflow: the end of run {ended.record.run_name} is not in the history: {error}")
