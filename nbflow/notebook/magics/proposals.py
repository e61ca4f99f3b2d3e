"""What completion proposes: processes, directives and their values, commands and their options, runs and sessions.

Alone decides it. Reads the history and the tail of a run's events; opens no database, for it answers while somebody types.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nbflow.cli import subcommands
from nbflow.core.declaration.choices import CHOICES
from nbflow.core.declaration.directive_values import canonical
from nbflow.core.declaration.readers import READERS, SIGNATURE_BLOCKS
from nbflow.errors import NbflowError
from nbflow.execution.calls.bound import BoundProcess
from nbflow.notebook.environment import Place
from nbflow.storage.events import read_events
from nbflow.storage.layout import Layout
from nbflow.storage.nextflow.history import History, RunRecord
from nbflow.storage.rows import LOG_FIELDS

Proposal = tuple[str, str]
"""A text, and what it is in a word: front ends show both."""

_TAIL = 256 * 1024
_MOST_RUNS = 50
OWN_COMMANDS = frozenset(("relaunch", "wait"))
NOT_HERE = frozenset(("run",))
"""It starts a kernel of its own."""


def process_names(namespace: Mapping[str, Any]) -> list[Proposal]:
    """The notebook's processes, and the option that may stand before one."""
    names = {value.process.name for value in list(namespace.values()) if isinstance(value, BoundProcess)}
    return [*((name, "process") for name in sorted(names)), ("--rerun", "option")]


def directive_names(cell: str) -> list[Proposal]:
    """The directives that a cell does not have yet."""
    written = {canonical(line[2:].partition(":")[0].strip()) for line in cell.splitlines() if line.startswith("#|")}
    return [(f"{name}: ", "directive") for name in sorted((*READERS, *SIGNATURE_BLOCKS)) if name not in written]


def directive_values(given: str) -> list[Proposal]:
    """The values of a directive that has a list of them."""
    return [(value, "value") for value in CHOICES.get(canonical(given), ())]


class Commands:
    """What may follow ``%resume`` and ``%nbflow``.

    Parameters
    ----------
    namespace : mapping of str to object
        The notebook's.
    place : Place
        Whose history it is.
    """

    def __init__(self, namespace: Mapping[str, Any], place: Place) -> None:
        self._namespace = namespace
        self._layout = Layout(place.launch_dir, os.environ)

    def after(self, words: list[str]) -> list[Proposal]:
        """Propose what may follow some words, of which the first is the magic's name."""
        match words:
            case ["resume"]:
                return [*self._runs(), ("new", "session")]
            case ["nbflow"]:
                return [(name, "command") for name in sorted({*subcommands(), *OWN_COMMANDS} - NOT_HERE)]
            case ["nbflow", "relaunch"]:
                return self._runs()
            case ["nbflow", command, *given] if command in subcommands():
                return list(self._arguments(subcommands()[command], given))
        return []

    def _arguments(self, parser: argparse.ArgumentParser, given: list[str]) -> Iterator[Proposal]:
        options = {text: action for action in parser._actions for text in action.option_strings}
        last = options.get(given[-1]) if given else None
        if last is not None and last.nargs is None:
            yield from self._values(last)
            return
        for action in parser._actions:
            if not action.option_strings:
                yield from self._values(action)
        # Nextflow's long options with one dash are taken, and not taught.
        texts = (text for text in options if text.startswith("--") or len(text) == 2)
        yield from ((text, "option") for text in sorted(texts, key=lambda text: text.lstrip("-")))

    def _values(self, action: argparse.Action) -> Iterable[Proposal]:
        if action.choices:
            return [(str(choice), "value") for choice in action.choices]
        kind = str(action.metavar)
        if "RUN" in kind:
            return self._runs()
        if kind == "TASK":
            return self._tasks()
        return [(field, "field") for field in LOG_FIELDS] if kind in ("A,B", "EXPR") else []

    def _runs(self) -> list[Proposal]:
        """Runs and the sessions that they are of, the latest first."""
        records = self._records()[::-1][:_MOST_RUNS]
        names = [(record.run_name, "run") for record in records if record.run_name]
        sessions = dict.fromkeys(record.session[:8] for record in records)
        last = [("last", "run")] if records else []
        return [*last, *names, *((session, "session") for session in sessions)]

    def _tasks(self) -> list[Proposal]:
        """The notebook's processes, and those whose tasks the latest run has begun."""
        names = dict(process_names(self._namespace)[:-1])
        for record in self._records()[-1:]:
            path = self._layout.events(record.session, str(record.run_name))
            size = path.stat().st_size if path.exists() else 0
            events, _ = read_events(path, max(0, size - _TAIL))
            names |= {str(event["name"]).partition(" (")[0]: "process" for event in events if event.get("name")}
        return sorted(names.items())

    def _records(self) -> tuple[RunRecord, ...]:
        try:
            return History(self._layout.history).own_records()
        except NbflowError:
            return ()  # another process has its lock: there is nothing to propose at the moment
