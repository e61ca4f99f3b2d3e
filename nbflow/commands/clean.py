"""``nbflow clean``: removes what runs left that no other run needs."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import datetime

from nbflow.commands.shared import OK, add_runs, chosen, is_limited, table
from nbflow.core.retention import Due, Retention
from nbflow.core.units import format_memory
from nbflow.errors import NbflowError
from nbflow.storage.browse import Reader
from nbflow.storage.clean import Deed, Step, clean
from nbflow.storage.retention import clean_expired, expiry


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.set_defaults(command=_clean)
    add_runs(parser, "clean it; without any, the latest run")
    parser.add_argument(
        "--expired",
        action="store_true",
        help="what the limits of [retention] in nbflow.toml, or of %%config NBFlow, let go; -n says what goes when",
    )
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
    if arguments.expired:
        return _expired(arguments, reader)
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


# What has expired -----------------------------------------------------------------------------------------------------

_HEADS = ("RUN", "SESSION", "LAST USED", "SIZE", "GOES", "WHY")
_TIME = "%Y-%m-%d %H:%M"


def _expired(arguments: argparse.Namespace, reader: Reader) -> int:
    if arguments.runs or is_limited(arguments) or arguments.keep_logs:
        raise NbflowError("--expired says itself which runs go, as a whole: give no runs, and not -k")
    retention = reader.retention()
    if not retention.has_limits:
        raise NbflowError(
            "nothing ever expires here: set storage_expiration_hours, age_limit or size_limit in the section [retention] of "
            f"{reader.layout.launch_dir / 'nbflow.toml'}, or by %config NBFlow in a notebook"
        )
    now = time.time()
    dues = expiry(reader, retention, now)
    if arguments.dry_run:
        if not arguments.quiet:
            print(_forecast(dues, retention, now))
        return OK
    runs, freed, left = clean_expired(reader, dues, now)
    for text in left:
        print(f"nbflow: left: {text}", file=sys.stderr)
    if not arguments.quiet:
        print(f"{datetime.fromtimestamp(now):{_TIME}}  Removed {_runs(runs)}, freed {format_memory(freed)}")
    return OK


def _forecast(dues: Sequence[Due], retention: Retention, now: float) -> str:
    sizes = sum(due.use.frees for due in dues), sum(due.use.frees for due in dues if due.is_due(now))
    total, expired = (f"{format_memory(size)}{_cost(retention, size)}" for size in sizes)
    gone = sum(due.is_due(now) for due in dues)
    return "\n".join(
        [
            table([_HEADS, *(_row(due, now) for due in dues)]),
            f"{total} in all; -f would remove {_runs(gone)}: {expired}",
        ]
    )


def _row(due: Due, now: float) -> tuple[str, ...]:
    use = due.use
    used = f"{datetime.fromtimestamp(use.used):{_TIME}}"
    return use.run, use.session[:8], used, format_memory(use.frees), due.goes(now), due.why


def _cost(retention: Retention, size: int) -> str:
    return f" ({cost})" if (cost := retention.cost(size)) else ""


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"
