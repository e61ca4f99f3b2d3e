"""What the commands have in common: exit statuses, which runs are meant, tables."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from nbflow.errors import NbflowError
from nbflow.storage.browse import Reader
from nbflow.storage.nextflow.history import RunRecord

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130

_LIMITS = ("before", "after", "but")


def add_runs(parser: argparse.ArgumentParser, does: str) -> None:
    """Let a command name the runs that it is about."""
    parser.add_argument(
        "runs", nargs="*", metavar="RUN|SESSION|last", help=f"a run, a session (or the beginning of its id): {does}"
    )
    for name in _LIMITS:  # Nextflow writes them with one dash
        parser.add_argument(f"--{name}", f"-{name}", dest=name, metavar="RUN", help=f"nbflow's runs {name} this one")


def is_limited(arguments: argparse.Namespace) -> bool:
    """Whether runs are named by what they are not: those before, after or but one."""
    return any(getattr(arguments, name) for name in _LIMITS)


def chosen(arguments: argparse.Namespace, reader: Reader) -> list[RunRecord]:
    """Return the runs that a command is about: those named, else the latest, or those before, after or but one.

    Raises
    ------
    NbflowError
        There is no such run, or both runs and a limit are given.
    """
    if is_limited(arguments):
        return _limited(arguments, reader)
    records = (record for text in arguments.runs or ["last"] for record in reader.select(text))
    return list(dict.fromkeys(records))


def _limited(arguments: argparse.Namespace, reader: Reader) -> list[RunRecord]:
    given = [text for name in _LIMITS if (text := getattr(arguments, name))]
    if len(given) > 1 or arguments.runs:
        raise NbflowError("give runs, or one of --before, --after and --but")
    marks = reader.select(given[0])
    own = [record for record in reader.runs() if record.is_own]
    places = [place for place, record in enumerate(own) if record in marks]
    if not places:
        raise NbflowError(f"{given[0]!r} is no run of nbflow; its runs: nbflow log")
    if arguments.before:
        return own[: places[0]]
    return own[places[-1] + 1 :] if arguments.after else [record for record in own if record not in marks]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns between tabs, padded as Nextflow's."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("\t".join(map(str.ljust, row, widths)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
