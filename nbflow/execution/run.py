"""The run: what a kernel's life with nbflow writes as it goes. A record only."""

from __future__ import annotations

from dataclasses import dataclass

from nbflow.storage.database.cache import TaskCache
from nbflow.storage.events import EventLog
from nbflow.storage.nextflow.index import IndexWriter
from nbflow.storage.summaries import SummaryLog


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a session: what it writes as it goes.

    Attributes
    ----------
    session : str
        The session's id.
    name : str
        The run's name.
    boot : str
        Identity of the machine's start.
    cache : TaskCache
        The session's entries.
    index : IndexWriter
        The run's list of tasks.
    events : EventLog
        For whoever watches the run.
    summaries : SummaryLog
        For whoever looks through its tasks.
    """

    session: str
    name: str
    boot: str
    cache: TaskCache
    index: IndexWriter
    events: EventLog
    summaries: SummaryLog
