"""The walk through code: from a function or class to what hangs on it, and to the names that it reads.

Alone decides which code travels by value and which is known by name, and follows the first. Resolves no names: it puts
them in a queue, which `walk` empties.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable, Mapping
from types import FunctionType, ModuleType
from typing import Any

from nbflow.core.code.cells import cell_text, is_cell
from nbflow.core.code.definitions import (
    by_name,
    class_digest,
    dispatcher_digest,
    facts_of,
    function_digest,
    is_importable,
    reloaded,
)
from nbflow.core.code.dispatchers import is_dispatcher
from nbflow.core.code.mentions import Mentions
from nbflow.core.code.modules import Modules
from nbflow.core.code.reached import Reached
from nbflow.core.parts import combine

CodeDigest = Callable[[object], bytes]
DigestValue = Callable[[Any, CodeDigest, str], bytes]

LRU_CACHE = type(functools.lru_cache(lambda: None))
"""The type of functions that remember their results."""
_LOADED = (FunctionType, type, LRU_CACHE)


class CodeWalk:
    """One walk over code.

    Parameters
    ----------
    namespace : dict
        The notebook's: its names are shipped.
    digest_value : callable
        See `closure.reach`.
    modules : Modules
        Looks modules up.
    environ : mapping of str to str
        The environment of the task.
    """

    def __init__(
        self, namespace: dict[str, Any], digest_value: DigestValue, modules: Modules, environ: Mapping[str, str]
    ) -> None:
        self._namespace = namespace
        self._digest_value = digest_value
        self._queue: list[tuple[dict[str, Any], str, str]] = []
        self._read: set[tuple[int, str]] = set()
        self._followed: dict[int, FunctionType] = {}
        self._stack: list[int] = []
        self._known: dict[int, tuple[object, bytes]] = {}
        self._recursions = 0
        self._compared: set[int] = set()
        self._documents: list[tuple[str, object]] = []
        self.found = Reached(modules, environ)

    def value(self, value: object, name: str) -> bytes:
        """Digest a value; the code inside is followed."""
        return self._digest_value(value, self.code, name)

    def read(self, namespace: dict[str, Any], names: Iterable[str], owner: str, *, surely: bool = True) -> None:
        """Follow names that code reads; those read only perhaps are not missing when they are not there."""
        for name in names:
            if (id(namespace), name) not in self._read and (surely or name in namespace):
                self._read.add((id(namespace), name))
                self._queue.append((namespace, name, owner))

    def code(self, value: object) -> bytes:
        """Digest a function, class, builtin or module by itself, and follow what it leads to."""
        known = self._known.get(id(value))
        if known is not None:
            return known[1]
        if id(value) in self._stack:
            self._recursions += 1
            distance = len(self._stack) - self._stack.index(id(value))
            return combine("recursion", [distance.to_bytes(4, "little")])
        before = self._recursions
        self._stack.append(id(value))
        try:
            digest = self._own_digest(value)
        finally:
            self._stack.pop()
        if self._recursions == before:  # else it depends on where the walk came in
            self._known[id(value)] = (value, digest)
        return digest

    def _own_digest(self, value: Any) -> bytes:
        if isinstance(value, ModuleType):
            self.found.needs(value.__name__)
            return combine("module", [value.__name__.encode()])
        if isinstance(value, _LOADED) and self.is_older_copy(value):
            self.found.needs(value.__module__)
            return by_name(value)
        if isinstance(value, FunctionType) and not is_importable(value):
            return dispatcher_digest(value, self) if is_dispatcher(value) else function_digest(value, self)
        if isinstance(value, LRU_CACHE) and not is_importable(value):
            settings = self.value(value.cache_parameters(), "cache_parameters")
            return combine("lru_cache", [self.code(value.__wrapped__), settings])
        if isinstance(value, type) and not is_importable(value):
            return self._class(value)
        self.found.needs(getattr(value, "__module__", None) or "")
        return by_name(value)

    def is_older_copy(self, value: Any) -> bool:
        """Whether code is what a local module had before it was loaded again: the file counts, as for what it has now."""
        if is_importable(value) or (current := reloaded(value)) is None or not self.found.is_local(value.__module__):
            return False
        self.found.superseded[value] = current
        return True

    def _class(self, cls: type) -> bytes:
        name = cls.__qualname__
        digest = class_digest(cls, self)
        self._documents.append((name, cls.__doc__))
        current = self._namespace.get(name)
        if current is cls:
            self.found.classes[name] = digest
            self.read(self._namespace, (name,), "")
        elif isinstance(current, type) and cls.__module__ == current.__module__ and self._agree(cls, current):
            self.found.superseded[cls] = current
            self.read(self._namespace, (name,), "")
        return digest

    def _agree(self, cls: type, current: type) -> bool:
        """Whether a class that lost its name, as its cell ran again, has the same code as the one that has it now."""
        if id(cls) in self._compared:
            return cls in self.found.superseded
        self._compared.add(id(cls))
        outer, self._stack = self._stack, []  # as seen from the class itself, wherever the walk came from
        try:
            return class_digest(cls, self) == class_digest(current, self)
        finally:
            self._stack = outer

    def follow(self, function: FunctionType) -> None:
        """Follow what a function's code reads, where its globals are not an installed module's."""
        if id(function) in self._followed:
            return
        facts = facts_of(function.__code__)
        self._followed[id(function)] = function
        self._documents.append((function.__qualname__, function.__doc__))
        if not self._is_installed(function):
            self._keep_source(function)
            self.read(function.__globals__, facts.reads, function.__qualname__)
            self.found.reads_task |= "task" in facts.reads
            self._mentioned(facts.mentions, function.__globals__, f"`{function.__qualname__}`")

    def named(self, owner: object, names: frozenset[str]) -> None:
        """Follow names that annotations mention as text, where the owner's own globals have them."""
        namespace = getattr(owner, "__globals__", self._namespace)
        self.read(namespace, names, getattr(owner, "__qualname__", ""), surely=False)

    def _is_installed(self, function: FunctionType) -> bool:
        """Whether a function that is shipped by value, as a decorator's wrapper is, was made by installed code."""
        module = sys.modules.get(str(function.__globals__.get("__name__")))
        if module is None or module.__name__ == "__main__" or vars(module) is not function.__globals__:
            return False
        self.found.needs(module.__name__)
        return self.found.is_installed(module.__name__)

    def _keep_source(self, function: FunctionType) -> None:
        filename = function.__code__.co_filename
        if is_cell(filename):
            self.found.sources[filename] = cell_text(filename)

    def _mentioned(self, found: Mentions, namespace: dict[str, Any], owner: str) -> None:
        self.read(namespace, found.names, owner, surely=False)
        self.found.mentioned(found, owner)
