"""The command line: ``nbflow run``, ``log``, ``why``, ``diff``, ``report`` and its kin, ``secrets`` and ``clean``.

Alone brings the commands together, and says how what is wrong is printed. In a notebook ``%nbflow`` comes here too.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from nbflow.commands import clean, log, reports, run, secrets, why
from nbflow.commands.shared import FAILED, INTERRUPTED, USAGE
from nbflow.errors import NbflowError
from nbflow.storage.browse import Reader
from nbflow.storage.layout import Layout
from nbflow.storage.settings import retention_here

Show = Callable[[dict[str, str]], None]

_ABOUT = "Task cache, work directories and resume for Jupyter notebooks."
_EXAMPLES = """\
examples:
  nbflow run notebook.ipynb                       run it; what is in the cache is not run again
  nbflow run --relaunch notebook.ipynb            go on with the run that failed
  nbflow run --preview notebook.ipynb             say what would run, and why; run nothing
  nbflow log                                      the runs of this directory
  nbflow log last -f name,status,realtime         the tasks of the latest run
  nbflow log last -F "status == 'FAILED'"         those of them that failed
  nbflow why train                                why the task ran, from what to what
  nbflow diff happy_turing last                   in what two runs differ
  nbflow report happy_turing                      write a page on a run; also: timeline, dag, trace
  nbflow secrets set MY_TOKEN                     ask for a secret, for `#| secret: MY_TOKEN`
  nbflow clean -f --before last                   remove what only earlier runs need
  nbflow clean --expired -n                       what goes by itself, and when

Each has a --help of its own. In a notebook: %nbflow log, why, diff, dag, clean ..."""


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
            reader = Reader(Layout(Path.cwd(), os.environ), retention=lambda: retention_here(Path.cwd(), os.environ))
            status = execute(sys.argv[1:] if argv is None else argv, reader)
            sys.stdout.flush()
        except BrokenPipeError:  # whoever read has gone, as in `nbflow log | head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return FAILED
        return status


def execute(words: Sequence[str], reader: Reader, show: Show | None = None) -> int:
    """Run one command; what is wrong is printed.

    Parameters
    ----------
    words : sequence of str
        What was typed after ``nbflow``.
    reader : Reader
        Reads the launch directory.
    show : callable or None
        Shows a MIME bundle, where somebody can see it; else what would be shown is written to files.

    Returns
    -------
    int
        As `main`.
    """
    try:
        arguments = _parser().parse_args(words)
        arguments.words = list(words)
        arguments.show = show
        command: Callable[[argparse.Namespace, Reader], int] = arguments.command
        return command(arguments, reader)
    except SystemExit as left:  # argparse has printed the usage
        return left.code if isinstance(left.code, int) else USAGE
    except NbflowError as error:
        print(f"nbflow: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED


def subcommands() -> Mapping[str, argparse.ArgumentParser]:
    """The commands, by name: what completion reads their words from."""
    kind = argparse._SubParsersAction
    found = next(action for action in _parser()._actions if isinstance(action, kind))
    return dict(found.choices)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nbflow", description=_ABOUT, epilog=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"nbflow {version('nbflow')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")
    run.add(commands.add_parser("run", help="run a notebook from its first cell to its last"))
    log.add(commands.add_parser("log", help="print the history, or the tasks of a run"))
    why.add_why(commands.add_parser("why", help="say why a task ran, or whence it was taken"))
    why.add_diff(commands.add_parser("diff", help="say in which tasks two runs differ, and how"))
    reports.add_report(
        commands.add_parser(
            "report", help="write a page on a run: its summary, what its tasks used, and a table of them"
        )
    )
    reports.add_timeline(commands.add_parser("timeline", help="write a page that shows when each task of a run ran"))
    reports.add_dag(commands.add_parser("dag", help="draw the processes of a run, and what flows between them"))
    reports.add_trace(commands.add_parser("trace", help="write Nextflow's trace file of a run"))
    secrets.add(commands.add_parser("secrets", help="list, set or delete the secrets that tasks are given"))
    clean.add(commands.add_parser("clean", help="remove what runs left that no other run needs"))
    return parser
