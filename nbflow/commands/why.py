"""``nbflow why`` and ``nbflow diff``: why a task ran, and in what two runs differ."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence

from nbflow.commands.shared import OK, table
from nbflow.execution.explain.diff import TaskDiff, Verdict, compare
from nbflow.execution.explain.why import why
from nbflow.storage.browse import Reader
from nbflow.storage.rows import TaskRow


def add_why(parser: argparse.ArgumentParser) -> None:
    """Declare the words of ``why``."""
    parser.set_defaults(command=_why)
    parser.add_argument(
        "task",
        metavar="TASK",
        nargs="+",
        help="a task's name, as in fit (3); a process: its last task; or the beginning of a task hash, as in ab/12cd34",
    )
    parser.add_argument("--run", metavar="RUN", help="the run or session to look in; else the latest that has it")
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="list the parts of its hash, and all tasks of a process"
    )


def add_diff(parser: argparse.ArgumentParser) -> None:
    """Declare the words of ``diff``."""
    parser.set_defaults(command=_diff)
    for name in ("one", "other"):
        parser.add_argument(name, metavar="RUN", help="a run, a session (or the beginning of its id), or last")


def _why(arguments: argparse.Namespace, reader: Reader) -> int:
    print(why(reader, " ".join(arguments.task), arguments.run, verbose=arguments.verbose))
    return OK


def _diff(arguments: argparse.Namespace, reader: Reader) -> int:
    sides = [(text, reader.select(text)) for text in (arguments.one, arguments.other)]
    heads = [str(runs[0].run_name) if len(runs) == 1 else text for text, runs in sides]
    one, other = (list(reader.rows(runs)) for _, runs in sides)
    found = compare(one, other)
    print(table([("TASK", *heads, "DIFFERENCE"), *(line for diff in found for line in _lines(diff, heads))]))
    print(_summary(found, heads))
    return OK


def _lines(diff: TaskDiff, heads: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """One line for each difference, the first with the task's name."""
    first, *rest = list(_differences(diff, heads))
    yield (diff.name, _status(diff.one), _status(diff.other), first)
    yield from (("", "", "", each) for each in rest)


def _differences(diff: TaskDiff, heads: Sequence[str]) -> Iterator[str]:
    match diff.verdict:
        case Verdict.ONLY_ONE:
            yield f"only in {heads[0]}"
        case Verdict.ONLY_OTHER:
            yield f"only in {heads[1]}"
        case Verdict.SAME:
            yield "the same task"
        case Verdict.AGAIN:
            yield f"ran again: {diff.reason}"
        case Verdict.DIFFERS:
            yield from diff.parts or ("its parts are not known",)
    if diff.outputs:
        yield f"other output: {', '.join(diff.outputs)}"
    elif diff.verdict in (Verdict.AGAIN, Verdict.DIFFERS) and diff.outputs is not None:
        yield "the same outputs"


def _status(row: TaskRow | None) -> str:
    return "-" if row is None else row.status


def _summary(found: Sequence[TaskDiff], heads: Sequence[str]) -> str:
    counts = Counter(diff.verdict for diff in found)
    words = {
        Verdict.SAME: "the same",
        Verdict.AGAIN: "ran again",
        Verdict.DIFFERS: "different",
        Verdict.ONLY_ONE: f"only in {heads[0]}",
        Verdict.ONLY_OTHER: f"only in {heads[1]}",
    }
    return "Tasks: " + (", ".join(f"{counts[each]} {said}" for each, said in words.items() if counts[each]) or "none")
