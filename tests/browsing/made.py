"""A session as large as one likes, made without running anything: what a browser has to bear."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from nbflow.core.parts import Part
from nbflow.core.task.entry import FileRecord, OutputRecord, TaskEntry
from nbflow.storage.database.cache import TaskCache
from nbflow.storage.database.leveldb import LevelStore
from nbflow.storage.database.marker import mark_session
from nbflow.storage.events import EventLog
from nbflow.storage.layout import Layout
from nbflow.storage.nextflow.history import History, RunRecord
from nbflow.storage.nextflow.index import IndexWriter
from nbflow.storage.nextflow.trace import NONE_EXIT, encode_trace
from nbflow.storage.summaries import SummaryLog, summary_line

SESSION = "3b1c9f2e-5f0c-4c6e-9a51-0c1f0a4d7e21"
_SHARES = {"fastqc": 0.33, "trim": 0.33, "align": 0.33, "multiqc": 0.01}
_EVENTS = ("submitted", "started", "ended")


class MadeSession:
    """A session with a run that executed many tasks, one in two hundred of which failed.

    Parameters
    ----------
    directory : pathlib.Path
        The launch directory.
    tasks : int
        How many.
    entries : bool
        Whether the database holds their entries: to make a hundred thousand takes half a minute.
    summaries : bool
        Whether their lines are there.
    """

    def __init__(
        self, directory: Path, tasks: int, *, entries: bool = True, summaries: bool = True, session: str = SESSION
    ) -> None:
        self.layout = Layout(directory, {})
        self.layout.ensure()
        self.history = History(self.layout.history)
        self.session = session
        self._random = random.Random(7)
        mark_session(self.layout.session_dir(session), "rnaseq.ipynb")
        self.tasks = list(self._made(tasks))
        self.first = self._run(self.tasks, entries=entries, summaries=summaries)

    def resumed(self, taken: int) -> RunRecord:
        """Add a run that took the first tasks from the cache and no more."""
        record = self.history.begin(self.session, "nbflow run rnaseq.ipynb")
        with closing(IndexWriter(self.layout.index(self.session, str(record.run_name)))) as index:
            for key, _, _ in self.tasks[:taken]:
                index.append(key, True)
        self.history.update(str(record.run_name), 900, "OK")
        return record

    def _run(
        self, tasks: list[tuple[bytes, dict[str, object], TaskEntry]], *, entries: bool, summaries: bool
    ) -> RunRecord:
        record = self.history.begin(self.session, "nbflow run rnaseq.ipynb")
        name = str(record.run_name)
        self._write_index(name, tasks)
        self._write_events(name, tasks)
        made = [(key, trace, entry._replace(run=name)) for key, trace, entry in tasks]
        if summaries:
            with closing(SummaryLog(self.layout.summaries(self.session, name))) as log:
                log.extend(summary_line(key.hex(), trace, entry) for key, trace, entry in made)
        if entries:
            with closing(LevelStore.open(self.layout.db_dir(self.session))) as store:
                cache = TaskCache(store)
                for key, trace, entry in made:
                    cache.put(key, encode_trace(trace), entry.to_bytes())
        self.history.update(name, 723_000, "ERR")
        return record

    def _write_index(self, name: str, tasks: list[tuple[bytes, dict[str, object], TaskEntry]]) -> None:
        with closing(IndexWriter(self.layout.index(self.session, name))) as index:
            for key, _, _ in tasks:
                index.append(key, False)

    def _write_events(self, name: str, tasks: list[tuple[bytes, dict[str, object], TaskEntry]]) -> None:
        with closing(EventLog(self.layout.events(self.session, name))) as log:
            log.extend(
                {"event": event, "hash": key.hex(), "name": entry.name, "reason": "has not run before", "at": 1.7e9}
                for key, _, entry in tasks
                for event in _EVENTS
            )

    def _made(self, count: int) -> Iterator[tuple[bytes, dict[str, object], TaskEntry]]:
        begun = time.time() * 1000 - 723_000
        names = [name for name, share in _SHARES.items() for _ in range(max(1, round(count * share)))][:count]
        for number, process in enumerate(names, 1):
            yield self._task(number, process, begun + number * 7)

    def _task(self, number: int, process: str, at: float) -> tuple[bytes, dict[str, object], TaskEntry]:
        key = self._random.randbytes(16)
        name = f"{process} (sample_{number:06d})"
        failed = number % 200 == 0
        took = int(self._random.lognormvariate(8, 1))
        trace: dict[str, object] = {
            "task_id": number,
            "status": "FAILED" if failed else "COMPLETED",
            "hash": f"{key.hex()[:2]}/{key.hex()[2:8]}",
            "name": name,
            "exit": 137 if failed else NONE_EXIT if number % 999 == 0 else 0,
            "submit": round(at),
            "start": round(at) + 12,
            "process": process,
            "tag": f"sample_{number:06d}",
            "attempt": 1,
            "script": f"#!/usr/bin/env bash\n{process} sample_{number:06d}.fq",
            "workdir": str(self.layout.work_dir(key.hex())),
            "cpus": 1,
            "complete": round(at) + took + 40,
            "duration": took + 40,
            "realtime": took,
            "%cpu": round(self._random.uniform(20, 199), 1),
            "peak_rss": self._random.randrange(1 << 20, 1 << 33),
        }
        parts = (Part("name", "", process.encode().ljust(16)), Part("input", "reads", key, f"sample_{number:06d}.fq"))
        files = (FileRecord("out.bam", self._random.randrange(1 << 30), 0, "0" * 32),)
        outputs = (OutputRecord("bam", "file", key[::-1].hex(), paths=("out.bam",)),)
        status = str(trace["status"])
        return (
            key,
            trace,
            TaskEntry(
                status, 137 if failed else 0, took, "", "boot", outputs, files, process=process, name=name, parts=parts
            ),
        )
