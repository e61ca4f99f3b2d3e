"""The command line: ``nbflow log``, ``clean``, ``why`` and ``run``.

Alone knows the commands' words and options, and prints. What they do lies below: `nbflow.storage.browse`,
`nbflow.storage.clean`, `nbflow.execution.why`, `nbflow.headless`. In a notebook ``%nbflow`` comes here too.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

from nbflow.core.units import format_memory
from nbflow.errors import NbflowError
from nbflow.execution.why import why
from nbflow.headless.parameters import parse_parameter
from nbflow.headless.terminal import Terminal
from nbflow.storage.browse import Reader, nothing_ran
from nbflow.storage.clean import Deed, Step, clean
from nbflow.storage.layout import Layout
from nbflow.storage.nextflow.history import RunRecord
from nbflow.storage.nextflow.trace import field_of
from nbflow.storage.rows import LOG_FIELDS

_HEADS = ("TIMESTAMP", "DURATION", "RUN NAME", "STATUS", "REVISION ID", "SESSION ID", "COMMAND")
_REVISION = 10
_ESCAPES = {"\\t": "\t", "\\n": "\n", "\\\\": "\\"}

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line of this process.

    Parameters
    ----------
    argv : sequence of str or None
        What was typed after ``nbflow``; None for this process's own command line.

    Returns
    -------
    int
        The exit status: 0, 1 for a failure, 2 for a command that cannot be read, 130 for an interrupt.
    """
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *_, **__: print(f"nbflow: WARN: {message}", file=sys.stderr)
        try:
            status = execute(sys.argv[1:] if argv is None else argv, Reader(Layout(Path.cwd(), os.environ)))
            sys.stdout.flush()
        except BrokenPipeError:  # whoever read has gone, as in `nbflow log | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        return status


def execute(words: Sequence[str], reader: Reader) -> int:
    """Run one command; what is wrong is printed.

    Parameters
    ----------
    words : sequence of str
        What was typed after ``nbflow``.
    reader : Reader
        Reads the launch directory.

    Returns
    -------
    int
        As `main`.
    """
    try:
        arguments = _parser().parse_args(words)
        arguments.words = list(words)
        command: Callable[[argparse.Namespace, Reader], int] = arguments.command
        return command(arguments, reader)
    except SystemExit as left:  # argparse has printed the usage
        return left.code if isinstance(left.code, int) else USAGE
    except NbflowError as error:
        print(f"nbflow: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


# log ------------------------------------------------------------------------------------------------------------------


def _log(arguments: argparse.Namespace, reader: Reader) -> int:
    if arguments.list_fields:
        print("\n".join(LOG_FIELDS))
        return OK
    if arguments.runs or _is_limited(arguments):
        fields = _fields(arguments.fields)
        separator = _unescaped(arguments.separator)
        for row in reader.rows(chosen(arguments, reader)):
            print(separator.join(row.text(field) for field in fields))
        return OK
    return _print_history(reader, quiet=arguments.quiet)


def _print_history(reader: Reader, *, quiet: bool) -> int:
    records = reader.runs()
    if not records:
        print(nothing_ran(reader.layout), file=sys.stderr)
    elif quiet:
        print("\n".join(record.run_name or "-" for record in records))
    else:
        print(_table([_HEADS, *map(_history_row, records)]))
    return OK


def _history_row(record: RunRecord) -> tuple[str, ...]:
    began = "-" if record.timestamp is None else f"{record.timestamp:%Y-%m-%d %H:%M:%S}"
    revision = (record.revision or "-")[:_REVISION]
    rest = (record.duration, record.run_name, record.status, revision, record.session, record.command)
    return (began, *(text or "-" for text in rest))


def _table(rows: Sequence[Sequence[str]]) -> str:
    """Columns between tabs, padded as Nextflow's."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("\t".join(map(str.ljust, row, widths)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)


def _fields(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if field_of(name) not in LOG_FIELDS]
    if unknown or not names:
        raise NbflowError(f"no field {', '.join(unknown) or text!r}; list the fields with: nbflow log -l")
    return names


def _unescaped(text: str) -> str:
    for typed, meant in _ESCAPES.items():
        text = text.replace(typed, meant)
    return text


# clean ----------------------------------------------------------------------------------------------------------------


def _clean(arguments: argparse.Namespace, reader: Reader) -> int:
    if not arguments.force and not arguments.dry_run:
        raise NbflowError(
            "Neither -f or -n specified -- refused to clean. See what would be removed with -n, remove it with -f"
        )
    steps: list[Step] = []

    def done(step: Step) -> None:
        steps.append(step)
        if not arguments.quiet:
            print(f"{step.deed.value[arguments.dry_run]} {step.path}{_why_left(step, reader)}")

    runs = chosen(arguments, reader)
    clean(reader, runs, done, really=arguments.force, keep_logs=arguments.keep_logs)
    if not arguments.quiet:
        freed = format_memory(sum(step.size for step in steps))
        print(f"{'Would free' if arguments.dry_run else 'Freed'} {freed}")
    return OK


def _why_left(step: Step, reader: Reader) -> str:
    if step.deed is not Deed.LEAVE:
        return ""
    return f" (it lies outside {reader.layout.work_root}: remove it by hand)"


# why ------------------------------------------------------------------------------------------------------------------


def _why(arguments: argparse.Namespace, reader: Reader) -> int:
    print(why(reader, arguments.task, arguments.run, verbose=arguments.verbose))
    return OK


# run ------------------------------------------------------------------------------------------------------------------


def _run(arguments: argparse.Namespace, reader: Reader) -> int:
    try:
        from nbflow.headless.run import Plan, environment, run_notebook
    except ImportError as error:
        raise NbflowError(f"`nbflow run` needs {error.name}; install it with: pip install 'nbflow[run]'") from error
    notebook = Path(arguments.notebook).absolute()
    command = shlex.join(["nbflow", *arguments.words])
    resume = "new" if arguments.new else arguments.resume
    if arguments.resume:
        Reader(Layout(notebook.parent, os.environ)).history.find(resume)  # better now than in the kernel
    plan = Plan(
        notebook,
        environment(os.environ, notebook, command, resume, arguments.work),
        dict(map(parse_parameter, arguments.parameters)),
        None if arguments.output is None else Path(arguments.output),
    )
    return run_notebook(plan, Terminal(sys.stdout, sys.stderr))


# Which runs -----------------------------------------------------------------------------------------------------------


def chosen(arguments: argparse.Namespace, reader: Reader) -> list[RunRecord]:
    """Return the runs that a command is about: those named, else the latest, or those before, after or but one."""
    if _is_limited(arguments):
        return _limited(arguments, reader)
    records = (record for text in arguments.runs or ["last"] for record in reader.select(text))
    return list(dict.fromkeys(records))


def _is_limited(arguments: argparse.Namespace) -> bool:
    return any((arguments.before, arguments.after, arguments.but))


def _limited(arguments: argparse.Namespace, reader: Reader) -> list[RunRecord]:
    given = [text for text in (arguments.before, arguments.after, arguments.but) if text]
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


# The words ------------------------------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nbflow", description="Task cache, work directories and resume for Jupyter notebooks."
    )
    parser.add_argument("--version", action="version", version=f"nbflow {version('nbflow')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_log(commands.add_parser("log", help="print the history, or the tasks of a run"))
    _add_clean(commands.add_parser("clean", help="remove what runs left that no other run needs"))
    _add_why(commands.add_parser("why", help="say why a task ran, or whence it was taken"))
    _add_run(commands.add_parser("run", help="run a notebook from its first cell to its last"))
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_run)
    parser.add_argument("notebook", metavar="NOTEBOOK", help="an .ipynb file, which stays as it is")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--resume", metavar="ID", help="continue this session or run; else the notebook's latest")
    which.add_argument("--new", action="store_true", help="begin a new session, which takes nothing from the cache")
    parser.add_argument("-w", "--work", metavar="DIR", help="the work directory (default: work beside the notebook)")
    parser.add_argument(
        "-p", dest="parameters", action="append", default=[], metavar="NAME=VALUE",
        help="a value for a name of the cell tagged `parameters`",
    )  # fmt: skip
    parser.add_argument("-o", "--output", metavar="OUT.ipynb", help="where to write the notebook with its outputs")


def _add_log(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_log)
    _add_runs(parser, "print one line for each task of it; without any, the history")
    parser.add_argument("-f", "--fields", default="workdir", metavar="A,B", help="fields to print (default: workdir)")
    parser.add_argument("-s", dest="separator", default="\t", metavar="SEP", help="what stands between them")
    parser.add_argument("-l", "--list-fields", action="store_true", help="list the fields")
    parser.add_argument("-q", "--quiet", action="store_true", help="print the run names of the history only")


def _add_clean(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_clean)
    _add_runs(parser, "clean it; without any, the latest run")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("-n", "--dry-run", action="store_true", help="print what would be removed")
    how.add_argument("-f", "--force", action="store_true", help="remove it")
    parser.add_argument("-k", "--keep-logs", action="store_true", help="keep entries, history and the tasks' logs")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing")


def _add_why(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_why)
    parser.add_argument("task", metavar="TASK", help="a task's name, a process, or the beginning of a hash (ab/12cd34)")
    parser.add_argument("--run", metavar="RUN", help="the run or session to look in; else the latest that has it")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="list the parts of its hash, and all of many tasks"
    )


def _add_runs(parser: argparse.ArgumentParser, does: str) -> None:
    parser.add_argument(
        "runs", nargs="*", metavar="RUN|SESSION|last", help=f"a run, a session (or the beginning of its id): {does}"
    )
    for name in ("before", "after", "but"):
        parser.add_argument(f"--{name}", metavar="RUN", help=f"nbflow's runs {name} this one")
