"""The task cache: one entry a task hash, as Nextflow's list of trace, context and reference count.

Alone here: what an entry is made of, and how often it is counted. It must not know what the payload in the context slot
says (that is `nbflow.core.task.entry`), nor where the store keeps its bytes.

The reference count is the number of runs whose index names the entry. Nextflow adds one at each hit and takes one away
at each clean, and so deletes what another run still needs once the two have drifted apart; here `recount` makes it true.
"""

from __future__ import annotations

import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TypeVar

from nbflow.errors import NbflowWarning
from nbflow.storage.database.store import Change, Store
from nbflow.storage.nextflow.kryo import Record, context_of, decode_record, encode_record, with_refcount

_BATCH = 1000
_T = TypeVar("_T")


class TaskCache:
    """The entries of one session, as one run sees them.

    Parameters
    ----------
    store : Store
        Where they lie; it stays the caller's to close.

    Notes
    -----
    Methods may be called from any thread.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()

    def get(self, task_hash: bytes) -> bytes | None:
        """Return the payload of a task's entry.

        Parameters
        ----------
        task_hash : bytes
            The 16 bytes of the hash.

        Returns
        -------
        bytes or None
            None if there is no entry, or none of nbflow's, or a damaged one (with an NbflowWarning).
        """
        raw = self._store.get(task_hash)
        return None if raw is None else _read(task_hash, raw, context_of)

    def get_record(self, task_hash: bytes) -> Record | None:
        """Return the whole entry, trace undecoded, or None as :meth:`get` does."""
        raw = self._store.get(task_hash)
        return None if raw is None else _read(task_hash, raw, decode_record)

    def put(self, task_hash: bytes, trace: bytes, payload: bytes) -> None:
        """Save a task's entry, named by this run alone, as Nextflow does after an execution.

        Parameters
        ----------
        task_hash : bytes
            The 16 bytes of the hash.
        trace : bytes
            The trace record in Nextflow's form (`nbflow.storage.nextflow.trace`).
        payload : bytes
            What nbflow keeps of the task (`nbflow.core.task.entry`).
        """
        raw = encode_record(trace, payload, 1)
        with self._lock:
            self._store.put(task_hash, raw)

    def update(self, task_hash: bytes, payload: bytes) -> None:
        """Replace the payload of an entry; trace and reference count stay. Nothing happens where there is no entry."""
        with self._lock:
            record = self.get_record(task_hash)
            if record is not None:
                self._store.put(task_hash, encode_record(record.trace, payload, record.refcount))

    def count_run(self, hashes: Iterable[bytes]) -> None:
        """Count one run more that names these entries; those that are gone are passed over.

        Parameters
        ----------
        hashes : iterable of bytes
            What the run took from the cache, each once, best in order; what it executed counts it already.

        Notes
        -----
        Done once, when the run ends: to rewrite an entry at each hit would cost as much as the hit. The counts of a
        run that was killed are too low until `recount`, and nothing of nbflow's relies on them before.
        """
        with self._lock:
            self._rewrite(hashes, lambda _, count: count + 1)

    def entries(self) -> Iterator[tuple[bytes, Record]]:
        """Yield every entry that can be read, in the order of the hashes."""
        for key, raw in self._store.iterate():
            record = _read(key, raw, decode_record)
            if record is not None:
                yield key, record

    def recount(self, names_per_run: Mapping[str, Iterable[bytes]]) -> dict[bytes, int]:
        """Make every reference count the number of runs that name the entry.

        Parameters
        ----------
        names_per_run : mapping of str to iterable of bytes
            By run name, the task hashes of its index; every run of the session that is to be kept.

        Returns
        -------
        dict of bytes to int
            The count of every entry; those with 0 are needed by none of these runs.
        """
        counted = Counter(task_hash for names in names_per_run.values() for task_hash in set(names))
        counts = {}
        with self._lock:
            wrong = []
            for key, record in self.entries():
                counts[key] = counted[key]
                if record.refcount != counted[key]:
                    wrong.append(key)
            self._rewrite(wrong, lambda key, _: counted[key])
        return counts

    def delete(self, hashes: Iterable[bytes]) -> None:
        """Remove these entries, in one batch."""
        self._store.write_batch([(task_hash, None) for task_hash in hashes])

    def _rewrite(self, hashes: Iterable[bytes], count: Callable[[bytes, int], int]) -> None:
        rest = iter(hashes)
        while some := list(islice(rest, _BATCH)):
            self._store.write_batch([change for key in some for change in self._counted(key, count)])

    def _counted(self, task_hash: bytes, count: Callable[[bytes, int], int]) -> Iterator[Change]:
        raw = self._store.get(task_hash)
        record = None if raw is None else _read(task_hash, raw, decode_record)
        if raw is not None and record is not None:
            yield task_hash, with_refcount(raw, count(task_hash, record.refcount))


def _read(task_hash: bytes, raw: bytes, read: Callable[[bytes], _T]) -> _T | None:
    try:
        return read(raw)
    except ValueError as error:
        warnings.warn(
            f"the cache entry of task {task_hash.hex()} is damaged ({error}); the task counts as not cached",
            NbflowWarning,
            stacklevel=4,
        )
        return None
