"""``nbflow log``: the history, or the tasks of runs as rows of fields."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from string import Template

from nbflow.commands.shared import OK, add_runs, chosen, is_limited, table
from nbflow.errors import NbflowError
from nbflow.storage.browse import Reader, nothing_ran
from nbflow.storage.filters import RowFilter, unknown_field
from nbflow.storage.nextflow.history import RunRecord
from nbflow.storage.nextflow.trace import field_of
from nbflow.storage.rows import LOG_FIELDS, TaskRow

_HEADS = ("TIMESTAMP", "DURATION", "RUN NAME", "STATUS", "REVISION ID", "SESSION ID", "COMMAND")
_REVISION = 10
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\\\": "\\"}


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.set_defaults(command=_log)
    add_runs(parser, "print one line for each task of it; without any, the history")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("-f", "--fields", metavar="A,B", help="the fields to print (default: workdir)")
    how.add_argument(
        "-t", "--template", metavar="TEXT|FILE", help="what to print for each task, with $name for the field `name`"
    )
    parser.add_argument(
        "-F", "--filter", metavar="EXPR", help="""only tasks for which this holds: "status == 'FAILED' and exit > 1" """
    )
    parser.add_argument("-s", dest="separator", default="\t", metavar="SEP", help="what stands between fields")
    parser.add_argument("-l", "--list-fields", action="store_true", help="list the fields")
    parser.add_argument("-q", "--quiet", action="store_true", help="print the run names of the history only")


def _log(arguments: argparse.Namespace, reader: Reader) -> int:
    if arguments.list_fields:
        print("\n".join(LOG_FIELDS))
        return OK
    if not (arguments.runs or is_limited(arguments) or arguments.fields or arguments.template or arguments.filter):
        return _print_history(reader, quiet=arguments.quiet)
    shown = _printer(arguments)
    holds = RowFilter(arguments.filter) if arguments.filter else None
    for row in reader.rows(chosen(arguments, reader)):
        if holds is None or holds(row):
            print(shown(row))
    return OK


def _print_history(reader: Reader, *, quiet: bool) -> int:
    records = reader.runs()
    if not records:
        print(nothing_ran(reader.layout), file=sys.stderr)
    elif quiet:
        print("\n".join(record.run_name or "-" for record in records))
    else:
        print(table([_HEADS, *map(_history_row, records)]))
    return OK


def _history_row(record: RunRecord) -> tuple[str, ...]:
    began = "-" if record.timestamp is None else f"{record.timestamp:%Y-%m-%d %H:%M:%S}"
    revision = (record.revision or "-")[:_REVISION]
    rest = (record.duration, record.run_name, record.status, revision, record.session, record.command)
    return (began, *(text or "-" for text in rest))


def _printer(arguments: argparse.Namespace) -> Callable[[TaskRow], str]:
    if arguments.template:
        return _by_template(arguments.template)
    fields = _fields("workdir" if arguments.fields is None else arguments.fields)
    separator = _unescaped(arguments.separator)
    return lambda row: separator.join(row.text(field) for field in fields)


def _by_template(text: str) -> Callable[[TaskRow], str]:
    """As Nextflow's: the text itself, or a file that holds it."""
    template = Template(_read(text))
    names = template.get_identifiers()
    for name in names:
        if field_of(name) not in LOG_FIELDS:
            raise unknown_field(name)
    if not template.is_valid():
        raise NbflowError("a `$` of the template stands before no name; write `$$` for the character itself")
    return lambda row: template.substitute({name: row.text(name) for name in names}).removesuffix("\n")


def _read(text: str) -> str:
    try:
        return Path(text).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return _unescaped(text)  # no file of that name


def _fields(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if field_of(name) not in LOG_FIELDS:
            raise unknown_field(name)
    if not names:
        raise unknown_field(text)
    return names


def _unescaped(text: str) -> str:
    for typed, meant in _ESCAPES.items():
        text = text.replace(typed, meant)
    return text
