"""``nbflow clean``: removes what runs left that no other run needs."""

from __future__ import annotations

import argparse

from nbflow.commands.shared import OK, add_runs, chosen
from nbflow.core.units import format_memory
from nbflow.errors import NbflowError
from nbflow.storage.browse import Reader
from nbflow.storage.clean import Deed, Step, clean


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.set_defaults(command=_clean)
    add_runs(parser, "clean it; without any, the latest run")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("-n", "--dry-run", action="store_true", help="print what would be removed")
    how.add_argument("-f", "--force", action="store_true", help="remove it")
    parser.add_argument("-k", "--keep-logs", action="store_true", help="keep entries, history and the tasks' logs")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing")


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
