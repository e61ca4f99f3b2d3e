"""What a failed task's error says: cause, the task's own traceback, exit status, output, work directory, next step.

Alone here: the words and their order, which are Nextflow's error report where it has them. Pure: facts in, text out;
reads no file and knows no shell.
"""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nbflow.errors import TaskFailedError
from nbflow.execution.place import ROOT

#: Lines of a stream that are shown, from its end, as Nextflow shows them.
TAIL_LINES = 50
_TAIL_CHARACTERS = 8000
#: Lines of source before and after the one that failed.
_AROUND = 2

_MEANING = {
    signal.SIGKILL: "the machine may have run out of memory",
    signal.SIGXFSZ: "it wrote a larger file than is allowed here",
    **dict.fromkeys(
        (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGILL, signal.SIGFPE), "native code crashed"
    ),
}

_RED, _GREEN, _BOLD, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[1m", "\x1b[0m"

_CRASH = "(most recent call first):"
_OF_NO_USE = ("Extension modules:", f'  File "{ROOT}/nbflow/', '  File "<string>", line 1 in <module>')
"""Lines that `faulthandler` writes of a crash and that say nothing of it."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One step of a task's traceback, outermost first.

    Attributes
    ----------
    filename : str
        A path, or what stands for one, as in ``%%process train``.
    line : int
        Counted from 1; in a ``%%process`` cell from its first line.
    function : str
        Name of the function, ``<module>`` for the body itself.
    source : str
        The line's text; empty where it is not known.
    """

    filename: str
    line: int
    function: str = "<module>"
    source: str = ""


@dataclass(frozen=True, slots=True)
class FailureFacts:
    """All that is told about a failed task.

    Attributes
    ----------
    task : str
        Its name, as in ``fit (3)``.
    cause : str
        What went wrong, in one line or a few: ``ValueError: no trees``, or
        ``terminated with an error exit status (3)``.
    frames : tuple of Frame
        The task's own traceback; empty for a script.
    origin : str
        What the exception came of, a title in its first line; empty where it came of no other.
    sources : mapping of str to str
        Whole text of the files that frames name, so that the lines around can be shown.
    command : str
        The script as it ran; empty for a Python body.
    exit : int or None
        Exit status, if the task had one.
    out, err : str
        What it printed; the end is shown.
    work_dir : pathlib.Path or None
        Where it ran.
    hint : str
        A line on what to do, where more can be said than the usual tip.
    """

    task: str
    cause: str
    frames: tuple[Frame, ...] = ()
    origin: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    exit: int | None = None
    out: str = ""
    err: str = ""
    work_dir: Path | None = None
    hint: str = ""


def report(facts: FailureFacts, *, colour: bool = False) -> str:
    """Write the report.

    Parameters
    ----------
    facts : FailureFacts
        What is known.
    colour : bool
        Whether to use ANSI colours, as IPython's tracebacks do.
    """
    paint: Callable[[str, str], str] = _painted if colour else _unpainted
    return "\n\n".join(part for part in _parts(facts, paint) if part)


def failure(facts: FailureFacts, *, colour: bool = True) -> TaskFailedError:
    """Make the error of a failed task, which a notebook shows as the report and nothing else.

    Parameters
    ----------
    facts : FailureFacts
        What is known.
    colour : bool
        Whether the notebook's traceback has colours.
    """
    shown = report(facts, colour=colour)
    return TaskFailedError(
        report(facts), task=facts.task, work_dir=facts.work_dir, exit=facts.exit, shown=shown, cause=facts.cause
    )


def signal_name(number: int) -> str:
    """Name of the signal that ended a task, and what that often means.

    Parameters
    ----------
    number : int
        The signal's.
    """
    try:
        known = signal.Signals(number)
    except ValueError:
        return f"signal {number}"
    meaning = _MEANING.get(known)
    return f"{known.name}: {meaning}" if meaning else known.name


def _parts(facts: FailureFacts, paint: Callable[[str, str], str]) -> list[str]:
    return [
        paint(f"Error executing process > '{facts.task}'", _RED + _BOLD),
        _section("Caused by:", paint(_head(facts.cause), _RED)),
        "\n".join(_frame(frame, facts.sources, paint) for frame in facts.frames),
        _section(facts.origin.partition("\n")[0], _tail(facts.origin.partition("\n")[2])) if facts.origin else "",
        _section("Command executed:", _tail(facts.command)) if facts.command else "",
        _section("Command exit status:", str(facts.exit)) if facts.exit is not None else "",
        _section("Command output:", _tail(facts.out)) if facts.out.strip() else "",
        _section("Command error:", _tail(_tidied(facts.err))) if facts.err.strip() else "",
        _section("Work dir:", str(facts.work_dir)) if facts.work_dir else "",
        facts.hint,
        _tip(facts.work_dir) if facts.work_dir else "",
    ]


def _tip(work_dir: Path) -> str:
    return f"Tip: run it again by hand with   cd {shlex.quote(str(work_dir))}; bash .command.run"


def _section(title: str, text: str) -> str:
    return title + "\n" + "\n".join("  " + line for line in text.splitlines())


def _frame(frame: Frame, sources: Mapping[str, str], paint: Callable[[str, str], str]) -> str:
    if not frame.filename:
        return frame.source
    place = f"Cell {frame.filename}" if frame.filename.startswith("%%") else f"File {frame.filename}"
    within = "" if frame.function == "<module>" else f", in {frame.function}"
    head = paint(f"{place}, line {frame.line}", _GREEN) + within
    return "\n".join([head, *_lines_around(frame, sources.get(frame.filename, ""), paint)])


def _lines_around(frame: Frame, source: str, paint: Callable[[str, str], str]) -> list[str]:
    lines = source.splitlines()
    if not 0 < frame.line <= len(lines):
        return [paint(f"----> {frame.line} ", _GREEN) + frame.source] if frame.source else []
    numbers = range(max(1, frame.line - _AROUND), min(len(lines), frame.line + _AROUND) + 1)
    width = len(str(numbers[-1]))
    return [_numbered(number, width, lines[number - 1], number == frame.line, paint) for number in numbers]


def _numbered(number: int, width: int, text: str, here: bool, paint: Callable[[str, str], str]) -> str:
    mark = paint(f"----> {number:{width}} ", _GREEN) if here else f"      {number:{width}} "
    return (mark + text).rstrip()


def _head(text: str) -> str:
    """The beginning of a text that may be long, saying what is left out."""
    lines = text[:_TAIL_CHARACTERS].splitlines()[:TAIL_LINES]
    kept = "\n".join(lines)
    left = len(text.rstrip("\n")) - len(kept)
    return f"{kept}\n[... {left:,} characters more in the work directory]" if left > 0 else kept


def _tidied(err: str) -> str:
    """What a task wrote; of a crash, without nbflow's own frames and Python's list of all extension modules."""
    if _CRASH not in err:
        return err
    return "".join(line for line in err.splitlines(keepends=True) if not line.startswith(_OF_NO_USE))


def _tail(text: str) -> str:
    """The end of a text that may be long, saying what is left out."""
    lines = text.rstrip("\n").splitlines()
    kept = lines[-TAIL_LINES:]
    end = "\n".join(kept)
    if len(end) > _TAIL_CHARACTERS:
        return (
            f"[... {len(text) - _TAIL_CHARACTERS:,} characters more in the work directory]\n{end[-_TAIL_CHARACTERS:]}"
        )
    if len(kept) < len(lines):
        return f"[... {len(lines) - len(kept):,} lines more in the work directory]\n{end}"
    return end


def _painted(text: str, colour: str) -> str:
    return "\n".join(f"{colour}{line}{_PLAIN}" for line in text.splitlines())


def _unpainted(text: str, colour: str) -> str:
    return text
