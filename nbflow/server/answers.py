"""Answers a page's questions: those of the model, for each launch directory below the server's root, and where these are.

Alone decides what a server shows. It changes nothing, leaves no trace where it reads, runs no code that tasks made or that
somebody sent, and follows no link out of the root.
"""

from __future__ import annotations

import ast
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from nbflow.browsing.bounds import Bounds
from nbflow.browsing.model import Answer, Model, Question
from nbflow.core.declaration.settings import FILE
from nbflow.core.retention import Retention
from nbflow.errors import NbflowError
from nbflow.server.places import Places
from nbflow.storage.browse import Reader
from nbflow.storage.layout import Layout
from nbflow.storage.nextflow.history import RunRecord
from nbflow.storage.settings import retention_here

_MODELS = 8
"""Launch directories of which what was read is kept."""
_SLICE = 0.4
"""Seconds that one answer may search."""
_COSTLY = (ast.Mult, ast.Pow, ast.Mod, ast.LShift, ast.comprehension)


class Answers:
    """Answers the questions of pages.

    Parameters
    ----------
    root : str or pathlib.Path
        The server's root directory.
    scratch : pathlib.Path
        Where snapshots of databases lie while they are read; private to the user.
    environ : mapping of str to str
        Where ``NXF_CACHE_DIR`` and ``NXF_WORK`` are looked up.

    Notes
    -----
    May be asked from any thread.
    """

    def __init__(self, root: str | Path, scratch: Path, environ: Mapping[str, str] = os.environ) -> None:
        self._places = Places(root, environ)
        self._scratch = scratch
        self._environ = environ
        self._models: OrderedDict[Path, Model] = OrderedDict()
        self._lock = threading.Lock()

    def answer(self, question: Question) -> Answer:
        """Answer a question; ``directory`` says which launch directory it is about.

        Raises
        ------
        NotHereError
            There is no such launch directory below the root.
        NbflowError
            It cannot be answered; the text says why.
        """
        directory = str(question.get("directory") or "")
        if question.get("ask") == "directories":
            return self._directories(directory)
        _refuse_costly(str(question.get("where") or ""))
        return self._model(self._places.launch(directory)).answer(question)

    def _directories(self, under: str) -> Answer:
        """The launch directories at and below a directory; asked again until it is complete."""
        found = self._places.find(self._places.resolve(under), _SLICE)
        return {
            "directories": [self._places.name(path) for path in found.directories],
            "complete": found.is_complete,
            "limited": found.is_limited,
        }

    def _model(self, layout: Layout) -> Model:
        bounds, scratch, environ = self._places.bounds, self._scratch, self._environ
        with self._lock:
            model = self._models.pop(layout.launch_dir, None)
            if model is None:
                model = Model(lambda: _ConfinedReader(layout, scratch, bounds, environ), bounds)
            self._models[layout.launch_dir] = model
            while len(self._models) > _MODELS:
                self._models.popitem(last=False)
            return model


class _ConfinedReader(Reader):
    """Reads the sessions of which no file lies outside the bounds; made anew for each question."""

    def __init__(self, layout: Layout, scratch: Path, bounds: Bounds, environ: Mapping[str, str]) -> None:
        readable = bounds.holds(layout.launch_dir / FILE)
        retention = partial(retention_here, layout.launch_dir, environ) if readable else Retention
        super().__init__(layout, scratch=scratch, retention=retention)
        self._bounds = bounds
        self._records: tuple[RunRecord, ...] | None = None

    def runs(self) -> tuple[RunRecord, ...]:
        if self._records is None:
            records = super().runs()
            inside = {session for session in {record.session for record in records} if self._is_inside(session)}
            self._records = tuple(record for record in records if record.session in inside)
        return self._records

    def _is_inside(self, session: str) -> bool:
        directory, database = self.layout.session_dir(session), self.layout.db_dir(session)
        return self._bounds.holds(directory) and not _has_links(directory) and not _has_links(database)


def _has_links(directory: Path) -> bool:
    """Whether a directory of the cache holds symlinks; neither nbflow nor Nextflow makes any there."""
    try:
        with os.scandir(directory) as entries:
            return any(entry.is_symlink() for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _refuse_costly(where: str) -> None:
    """Refuse filters that a kernel may try, and that could take all of a server's memory or time."""
    try:
        nodes = list(ast.walk(ast.parse(where.strip() or "0", mode="eval")))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # the filter itself says what is wrong with it
    costly = any(isinstance(node, _COSTLY) or (isinstance(node, ast.Name) and node.id == "round") for node in nodes)
    if costly:
        raise NbflowError(f"the filter {where!r} may compare and add here; what else it computes, ask in a notebook")
