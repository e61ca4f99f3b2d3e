"""Carries retention out: looks up when runs were last alive and what they take up, and cleans away what has expired.

What goes is decided in `nbflow.core.retention`, how a run is cleaned in `nbflow.storage.clean`. What ``publish_dir`` linked
to stays: nobody is there to see results go.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from nbflow.core.retention import Due, Retention, RunUse, plan
from nbflow.errors import CacheLockedError
from nbflow.storage.browse import Reader, by_session
from nbflow.storage.clean import Step, clean
from nbflow.storage.collected import Collected
from nbflow.storage.database.lock import holder_of
from nbflow.storage.database.marker import is_marked
from nbflow.storage.layout import Layout
from nbflow.storage.nextflow.history import RunRecord
from nbflow.storage.published import is_linked_to
from nbflow.storage.removal import remove
from nbflow.storage.session_sizes import freed_by_runs
from nbflow.storage.sizes import freed_by

_HEADLESS = "nbflow run "


def run_uses(reader: Reader, *, sizes: bool) -> list[RunUse]:
    """Return nbflow's runs as retention sees them.

    Parameters
    ----------
    reader : Reader
        Reads the launch directory.
    sizes : bool
        Whether it is looked up what they take up, which looks at every file.
    """
    own = [record for record in reader.runs() if record.is_own and record.run_name]
    found: list[RunUse] = []
    for session, records in by_session(own).items():
        if is_marked(reader.layout.session_dir(session)):
            found.extend(_uses(reader, session, records, sizes=sizes))
    return found


def _uses(reader: Reader, session: str, records: list[RunRecord], *, sizes: bool) -> Iterator[RunUse]:
    held = holder_of(reader.layout.lock(session)) is not None
    used = {str(record.run_name): _last_alive(reader.layout, record) for record in records}
    oldest_first = sorted(used, key=used.__getitem__)
    frees = freed_by_runs(reader, session, oldest_first) if sizes else {}
    for run in oldest_first:
        yield RunUse(session, run, used[run], held, frees.get(run, 0))


def _last_alive(layout: Layout, record: RunRecord) -> float:
    """When a run wrote last: a crashed one has no duration in the history."""
    run = str(record.run_name)
    began = 0.0 if record.timestamp is None else record.timestamp.timestamp()
    return max(began, *map(_mtime, (layout.index(record.session, run), layout.events(record.session, run))))


def _mtime(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def expiry(reader: Reader, retention: Retention, now: float, *, sizes: bool = True) -> list[Due]:
    """Say of each run of the launch directory when it goes, and what it gives back then.

    Parameters
    ----------
    reader : Reader
        Reads the launch directory.
    retention : Retention
        The limits.
    now : float
        Seconds since the epoch.
    sizes : bool
        Whether it is looked up what runs take up; a limit of size needs it.
    """
    return plan(run_uses(reader, sizes=sizes), retention, now)


def clean_expired(reader: Reader, dues: Iterable[Due], now: float) -> tuple[int, int, list[str]]:
    """Clean away the runs that are due.

    Parameters
    ----------
    reader : Reader
        Reads the launch directory.
    dues : iterable of Due
        As `expiry` gave them.
    now : float
        Seconds since the epoch.

    Returns
    -------
    tuple of int, int and list of str
        How many runs went, the bytes that they gave back, and what there is to say of sessions that somebody has opened
        meanwhile: of these nothing went.
    """
    names = {due.use.run for due in dues if due.is_due(now)}
    runs = [record for record in reader.runs() if record.is_own and record.run_name in names]
    steps: list[Step] = []
    gone, left = 0, []
    for records in by_session(runs).values():
        try:
            clean(reader, records, steps.append, really=True, spare=is_linked_to)
            gone += len(records)
        except CacheLockedError as error:
            left.append(str(error))
    return gone, sum(step.size for step in steps), left


def drop_succeeded(reader: Reader, session: str) -> int:
    """Clean away what the headless runs of a session left, since the last of them succeeded; history and logs stay.

    What an interactive kernel's run names stays too: it only ages.

    Returns
    -------
    int
        Bytes that were given back.
    """
    records = [record for record in reader.runs() if record.session == session and record.is_own]
    headless = [record for record in records if (record.command or "").startswith(_HEADLESS)]
    steps: list[Step] = []
    clean(reader, headless, steps.append, really=True, keep_logs=True, spare=is_linked_to)
    freed = sum(step.size for step in steps)
    stage = reader.layout.stage_dir(session)
    if len(headless) == len(records) and os.path.lexists(stage):
        freed += freed_by(stage)
        remove(stage, reader.layout.work_root)
    if len(headless) == len(records):
        freed += sum(Collected(reader.layout.work_root).release(session).values())
    return freed
