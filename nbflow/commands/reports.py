"""``nbflow report``, ``timeline``, ``dag`` and ``trace``: a run's reports, as files; in a notebook, shown in the cell.

What draws them is imported when it is used: the other commands need not wait for it.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from collections.abc import Callable
from html import escape
from pathlib import Path
from urllib.parse import quote

from nbflow.commands.shared import OK
from nbflow.errors import NbflowError
from nbflow.reports.trace_file import DEFAULT_FIELDS, read_fields, trace_file
from nbflow.reports.view import view
from nbflow.storage.browse import Reader

_STDOUT = "-"
_DRAWN = (".mmd", ".svg")


def add_report(parser: argparse.ArgumentParser) -> None:
    """Declare the words of ``report``."""
    _add(parser, _report, "report-<run>.html")


def add_timeline(parser: argparse.ArgumentParser) -> None:
    """Declare the words of ``timeline``."""
    _add(parser, _timeline, "timeline-<run>.html")


def add_dag(parser: argparse.ArgumentParser) -> None:
    """Declare the words of ``dag``."""
    _add(parser, _dag, "dag-<run>.mmd and dag-<run>.svg; what ends in .mmd is Mermaid text, in .svg a drawing")


def add_trace(parser: argparse.ArgumentParser) -> None:
    """Declare the words of ``trace``."""
    _add(parser, _trace, "trace-<run>.txt")
    parser.add_argument(
        "-f", "--fields", metavar="A,B", help=f"the columns (default: {','.join(DEFAULT_FIELDS)})".replace("%", "%%")
    )
    parser.add_argument("--raw", action="store_true", help="durations in milliseconds, sizes in bytes, no units")


def _add(parser: argparse.ArgumentParser, command: Callable[[argparse.Namespace, Reader], int], default: str) -> None:
    parser.set_defaults(command=command)
    parser.add_argument(
        "run", nargs="?", default="last", metavar="RUN", help="a run; a session (or the beginning of its id): its latest run; "
        "or last (default)",
    )  # fmt: skip
    parser.add_argument("-o", "--output", metavar="FILE", help=f"where to write it, - to print it (default: {default})")
    parser.add_argument("--overwrite", action="store_true", help="write it though the file is there")


def _report(arguments: argparse.Namespace, reader: Reader) -> int:
    from nbflow.reports.report import report

    run = view(reader, arguments.run)
    path = _written(arguments, f"report-{run.name}.html", report(run))
    if path is not None and arguments.show is not None:
        link = (
            f'<a href="{escape(quote(os.path.relpath(path)))}" target="_blank" rel="noopener">{escape(str(path))}</a>'
        )
        arguments.show(
            {
                "text/plain": f"Report on run {run.name}: {path}",
                "text/html": f"Report on run {escape(run.name)}: {link}",
            }
        )
    elif path is not None:
        print(path)
    return OK


def _timeline(arguments: argparse.Namespace, reader: Reader) -> int:
    from nbflow.reports.timeline import timeline, timeline_figure, timeline_text

    run = view(reader, arguments.run)
    if _is_shown(arguments):
        arguments.show({"text/plain": timeline_text(run), "text/html": timeline_figure(run)})
        return OK
    return _tell(_written(arguments, f"timeline-{run.name}.html", timeline(run)))


def _dag(arguments: argparse.Namespace, reader: Reader) -> int:
    from nbflow.reports.dag import dag_figure, dag_file, dag_text
    from nbflow.reports.graph import graph
    from nbflow.reports.mermaid import mermaid

    kind = None if arguments.output is None else _kind(arguments.output)
    run = view(reader, arguments.run)
    if _is_shown(arguments):
        arguments.show({"text/plain": dag_text(graph(run)), "text/html": dag_figure(run)})
        return OK
    texts = {".mmd": mermaid(graph(run), f"DAG of run {run.name}"), ".svg": dag_file(run)}
    names = {f"dag-{run.name}{each}": text for each, text in texts.items() if kind in (None, each)}
    for name in names:
        _check(Path(arguments.output or name), arguments)
    return max(_tell(_written(arguments, name, text)) for name, text in names.items())


def _kind(output: str) -> str:
    """In which form a file of that name is drawn."""
    kind = ".mmd" if output == _STDOUT else Path(output).suffix.lower()
    if kind not in _DRAWN:
        raise NbflowError(f"cannot draw {output}: give it a name that ends in {' or '.join(_DRAWN)}")
    return kind


def _trace(arguments: argparse.Namespace, reader: Reader) -> int:
    fields = DEFAULT_FIELDS if arguments.fields is None else read_fields(arguments.fields)
    run = view(reader, arguments.run)
    return _tell(_written(arguments, f"trace-{run.name}.txt", trace_file(run.tasks, fields, raw=arguments.raw)))


# Writing ------------------------------------------------------------------------------------------------------------


def _is_shown(arguments: argparse.Namespace) -> bool:
    return arguments.show is not None and arguments.output is None


def _tell(path: Path | None) -> int:
    if path is not None:
        print(path)
    return OK


def _written(arguments: argparse.Namespace, default: str, text: str) -> Path | None:
    """Write a file, or print the text; where it was written.

    A notebook's cell that runs again writes its own file again; else a file that is there is kept, as Nextflow keeps it.
    """
    text = text.encode("utf-8", "backslashreplace").decode()  # a name of a file need not be one of characters
    if arguments.output == _STDOUT:
        sys.stdout.write(text)
        return None
    path = Path(default if arguments.output is None else arguments.output)
    _check(path, arguments)
    _write(path, text)
    return path


def _check(path: Path, arguments: argparse.Namespace) -> None:
    if arguments.output != _STDOUT and path.exists() and not (arguments.overwrite or _is_shown(arguments)):
        raise NbflowError(
            f"{path} is there already: write another file with -o FILE, or this one again with --overwrite"
        )


def _write(path: Path, text: str) -> None:
    """Write aside, then rename: whoever has the file open, or an interrupt, never finds half of it."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        try:
            aside.write_text(text, encoding="utf-8", newline="\n")
            os.replace(aside, path)
        finally:
            aside.unlink(missing_ok=True)
    except OSError as error:
        raise NbflowError(f"cannot write {path}: {error.strerror}. Name another file with -o FILE") from error
