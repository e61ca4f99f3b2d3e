"""A launch directory with sessions, runs and tasks made by hand, as the runner leaves them."""

from __future__ import annotations

import os
import time
from contextlib import closing
from pathlib import Path

from nbflow.core.parts import Part
from nbflow.core.task.entry import COMPLETED, TaskEntry
from nbflow.storage.browse import Reader
from nbflow.storage.database.cache import TaskCache
from nbflow.storage.database.leveldb import LevelStore
from nbflow.storage.database.marker import mark_session
from nbflow.storage.events import EventLog
from nbflow.storage.layout import Layout
from nbflow.storage.nextflow.history import History, RunRecord
from nbflow.storage.nextflow.index import IndexWriter
from nbflow.storage.nextflow.trace import encode_trace

SESSION = "11111111-1111-4111-8111-111111111111"
OTHER = "22222222-2222-4222-8222-222222222222"


def key(number: int) -> bytes:
    """A task hash."""
    return bytes([number]) * 16


def age(layout: Layout, record: RunRecord, hours: float) -> None:
    """Let a run have been so long ago: in the history, and by the times of its files."""
    then = time.time() - hours * 3600
    began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(then))
    lines = layout.history.read_text().splitlines()
    aged = [f"{began}{line[len(began) :]}" if f"\t{record.run_name}\t" in line else line for line in lines]
    layout.history.write_text("".join(f"{line}\n" for line in aged))
    for place in (layout.index, layout.events):
        file = place(record.session, str(record.run_name))
        if file.exists():
            os.utime(file, (then, then))


class Launch:
    """A launch directory in the making."""

    def __init__(self, directory: Path) -> None:
        self.layout = Layout(directory, {})
        self.layout.ensure()
        self.reader = Reader(self.layout)
        self.history = History(self.layout.history)
        self._named: dict[str, dict[str, list[bytes]]] = {}

    def run(
        self,
        *,
        ran: tuple[int, ...] = (),
        hits: tuple[int, ...] = (),
        session: str = SESSION,
        status: str = COMPLETED,
        parts: tuple[Part, ...] = (),
    ) -> RunRecord:
        """Add a run that executed some tasks, and took some from the cache."""
        mark_session(self.layout.session_dir(session))
        record = self.history.begin(session, "nbflow run a.ipynb")
        name = str(record.run_name)
        with closing(LevelStore.open(self.layout.db_dir(session))) as store:
            cache = TaskCache(store)
            for number in ran:
                cache.put(key(number), self._trace(number, status), self._entry(number, name, status, parts))
                self._fill(number)
            cache.count_run({*map(key, hits)})
        with closing(IndexWriter(self.layout.index(session, name))) as index:
            for number in ran:
                index.append(key(number), False)
            for number in hits:
                index.append(key(number), True)
        self.history.update(name, 1000, "OK")
        return record

    def events(self, record: RunRecord, *events: dict[str, object]) -> None:
        """Add events to a run."""
        with closing(EventLog(self.layout.events(record.session, str(record.run_name)))) as log:
            log.extend(events)

    def work_dir(self, number: int) -> Path:
        """The work directory of a task."""
        return self.layout.work_dir(key(number).hex())

    def _trace(self, number: int, status: str) -> bytes:
        task_hash = key(number).hex()
        return encode_trace(
            {
                "task_id": number,
                "name": f"fit ({number})",
                "process": "fit",
                "status": status,
                "exit": 0,
                "hash": f"{task_hash[:2]}/{task_hash[2:8]}",
                "workdir": str(self.work_dir(number)),
                "realtime": 1500,
            }
        )

    @staticmethod
    def _entry(number: int, run: str, status: str, parts: tuple[Part, ...]) -> bytes:
        return TaskEntry(status, 0, 1500, run, "boot", process="fit", name=f"fit ({number})", parts=parts).to_bytes()

    def _fill(self, number: int) -> None:
        directory = self.work_dir(number)
        (directory / ".nbflow").mkdir(parents=True)
        (directory / ".exitcode").write_text("0")
        (directory / ".command.out").write_text(f"task {number}\n")
        (directory / ".nbflow" / "values").write_bytes(b"v" * 1000)
        os.chmod(directory / ".nbflow" / "values", 0o444)
