"""Why a task ran, in words: the decision's reason, or what differs from the nearest earlier task of its process.

Reads entries only when somebody asks, so that a hit costs nothing.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from nbflow.core.task.entry import TaskEntry, nearest, read_entry
from nbflow.core.task.explain import differences, same
from nbflow.core.task.resume import Reason
from nbflow.execution.result import Result
from nbflow.storage.database.cache import TaskCache
from nbflow.storage.nextflow.index import read_index

_LOOKED_AT = 2000
_CANDIDATES = 100
_SHOWN = 3


def _none(key: bytes) -> bool:
    return False


class Reasons:
    """Explains the tasks of a run.

    Parameters
    ----------
    cache : TaskCache
        The session's entries.
    indexes : iterable of pathlib.Path
        Of the session's earlier runs, the latest first.
    elsewhere : callable
        Gives the entries of other sessions, the latest first; asked where a process has none in this one.
    """

    def __init__(
        self, cache: TaskCache, indexes: Iterable[Path], elsewhere: Callable[[], Iterable[TaskEntry]] = tuple
    ) -> None:
        self._cache = cache
        self._indexes = tuple(indexes)
        self._load_elsewhere = elsewhere
        self._elsewhere: dict[str, list[TaskEntry]] | None = None
        self._earlier: dict[str, deque[bytes]] | None = None
        self._mine = _by_process()

    def ran(self, result: Result) -> None:
        """Note a task of this run: a later one is compared with it too."""
        self._mine[result.task.process].appendleft(result.key)

    def sentence(self, result: Result, beside: Callable[[bytes], bool] = _none) -> str:
        """Why a task ran.

        Parameters
        ----------
        result : Result
            Of a task that was executed.
        beside : callable
            Whether a task hash is of the same channel: such tasks came neither before nor after it.
        """
        assert result.reason is not None
        if result.reason.reason is not Reason.NEW:
            return result.reason.sentence
        changed = self.differences(result.entry, result.key, beside)
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        return "; ".join(changed[:_SHOWN]) + more if changed else result.reason.sentence

    def differences(self, entry: TaskEntry, key: bytes, beside: Callable[[bytes], bool] = _none) -> list[str]:
        """What differs from the nearest earlier task of its process, in this session or else in others.

        Returns
        -------
        list of str
            Sentences; empty where there is no earlier task.
        """
        for earlier in (self._entries(entry.process, key, beside), self._of_other_sessions(entry.process)):
            before = nearest(entry.parts, (other for other in earlier if not same(other.parts, entry.parts)))
            if before is not None:
                return differences(entry.parts, before.parts)
        return []

    def _of_other_sessions(self, process: str) -> Iterator[TaskEntry]:
        if self._elsewhere is None:
            self._elsewhere = defaultdict(list)
            for entry in islice(self._load_elsewhere(), _LOOKED_AT):
                self._elsewhere[entry.process].append(entry)
        yield from self._elsewhere.get(process, ())

    def _entries(self, process: str, but: bytes, beside: Callable[[bytes], bool]) -> Iterator[TaskEntry]:
        if self._earlier is None:
            self._earlier = self._load()
        mine = list(self._mine[process])
        before = mine[mine.index(but) + 1 :] if but in mine else mine
        for key in [*before, *self._earlier[process]]:
            payload = None if key == but or beside(key) else self._cache.get(key)
            if payload is not None and (entry := _whole(payload)) is not None:
                yield entry

    def _load(self) -> dict[str, deque[bytes]]:
        found = _by_process()
        for key in self._keys():
            payload = self._cache.get(key)
            entry = None if payload is None else _whole(payload)
            if entry is not None and len(found[entry.process]) < _CANDIDATES:
                found[entry.process].append(key)
        return found

    def _keys(self) -> list[bytes]:
        keys: dict[bytes, None] = {}
        for path in self._indexes:
            keys.update(dict.fromkeys(record.task_hash for record in reversed(read_index(path))))
            if len(keys) > _LOOKED_AT:
                break
        return list(keys)[:_LOOKED_AT]


def _by_process() -> dict[str, deque[bytes]]:
    return defaultdict(lambda: deque(maxlen=_CANDIDATES))


def _whole(payload: bytes) -> TaskEntry | None:
    try:
        return read_entry(payload, whole=True)
    except ValueError:
        return None
