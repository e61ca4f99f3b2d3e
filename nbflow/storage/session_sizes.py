"""What a session takes up on disk, and what each of its runs gives back when it goes.

Alone knows where what belongs to a session lies: the work directories of its tasks, the values of its calls, its entries, and the
files that operators wrote for it alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from nbflow.storage.browse import Reader
from nbflow.storage.collected import Collected
from nbflow.storage.nextflow.index import read_columns
from nbflow.storage.published import is_linked_to
from nbflow.storage.sizes import Freed, Taken

_STEP = 64


def taken_by(reader: Reader, session: str) -> Iterator[int | None]:
    """Measure what a session takes up: yield None from time to time, so that one may go on later, and bytes last."""
    taken = Taken()
    size = sum(map(taken.by, _beside_tasks(reader, session)))
    indexes = reader.layout.session_dir(session).glob("index.*")
    tasks = {task_hash for index in indexes for task_hash in read_columns(index)[0]}
    for number, task_hash in enumerate(tasks):
        if number % _STEP == 0:
            yield None
        size += taken.by(reader.layout.work_dir(task_hash.decode()))
    yield size


def freed_by_runs(reader: Reader, session: str, oldest_first: Sequence[str]) -> dict[str, int]:
    """Measure what each run of a session gives back once those before it are gone.

    A task goes with the last run that names it, unless results were only linked to, and what is left of the session with the
    last of all.

    Parameters
    ----------
    reader : Reader
        Reads the launch directory.
    session : str
        The session.
    oldest_first : sequence of str
        Its runs, in the order in which they go; at least one.
    """
    last = {key: run for run in oldest_first for key in reader.hashes_of(session, run)}
    places: dict[str, list[Path]] = {run: [] for run in oldest_first}
    for key, run in last.items():
        places[run].append(reader.layout.work_dir(key.hex()))
    freed = Freed()
    frees = {run: sum(freed.by(place) for place in places[run] if not is_linked_to(place)) for run in oldest_first}
    frees[oldest_first[-1]] += sum(map(freed.by, _beside_tasks(reader, session)))
    return frees


def _beside_tasks(reader: Reader, session: str) -> list[Path]:
    layout = reader.layout
    return [layout.stage_dir(session), layout.session_dir(session), *Collected(layout.work_root).orphans(session)]
