"""What is told of a body that failed: its own traceback, without a frame of nbflow, and a hint where there is one.

Knows exceptions and tracebacks; writes nothing.
"""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from types import TracebackType

from nbflow.core.secrets import hidden


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a task failed.

    Attributes
    ----------
    ename, evalue : str
        Class and text of the exception.
    frames : tuple of (str, int, str, str)
        File name, line, function and source line, from the body inwards.
    text : str
        The traceback as printed, with the hint.
    hint : str
        What to do, where that is known; else empty.
    exit : int
        Exit status.
    origin : str
        The exceptions that led to it or that it groups, with their tracebacks; empty where there are none.
    """

    ename: str
    evalue: str
    frames: tuple[tuple[str, int, str, str], ...]
    text: str
    hint: str = ""
    exit: int = 1
    origin: str = ""


def without_secrets(told: Failure, secrets: Iterable[str]) -> Failure:
    """What is told, without the values of secrets: it is written down, and shown."""
    values = list(secrets)
    hide = partial(hidden, secrets=values)
    return replace(told, evalue=hide(told.evalue), text=hide(told.text), origin=hide(told.origin)) if values else told


#: Steps of a long traceback that are told, at either end.
_ENDS = 8


def describe(error: BaseException, filename: str, launch_dir: str) -> Failure:
    """Describe the exception that ended a body.

    Parameters
    ----------
    error : BaseException
        As raised; its traceback is cut down to the body's own.
    filename : str
        What the body was compiled as.
    launch_dir : str
        Where a relative path may have been meant to lie.
    """
    error.__traceback__ = _of_body(error.__traceback__, filename)
    hint = _hint(error, launch_dir)
    text = "".join(traceback.format_exception(error)) + (f"{hint}\n" if hint else "")
    frames = _frames(error) or _syntax_frame(error)
    return Failure(type(error).__name__, _text(error), frames, text, hint, _exit(error), _origin(error))


def _frames(error: BaseException) -> tuple[tuple[str, int, str, str], ...]:
    steps = [
        (frame.filename, frame.lineno or 0, frame.name, frame.line or "")
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    if len(steps) <= 2 * _ENDS + 1:
        return tuple(steps)
    between = ("", 0, "", f"[... {len(steps) - 2 * _ENDS:,} steps more in .command.err]")
    return (*steps[:_ENDS], between, *steps[-_ENDS:])


def _origin(error: BaseException) -> str:
    if error.__cause__ is not None:
        return "Raised from:\n" + _printed(error.__cause__)
    if error.__context__ is not None and not error.__suppress_context__:
        return "Raised while handling:\n" + _printed(error.__context__)
    if isinstance(error, BaseExceptionGroup):
        return "Its exceptions:\n" + "".join(_printed(each) for each in error.exceptions)
    return ""


def _printed(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def _of_body(trace: TracebackType | None, filename: str) -> TracebackType | None:
    while trace is not None and trace.tb_frame.f_code.co_filename != filename:
        trace = trace.tb_next
    return trace


def _text(error: BaseException) -> str:
    try:
        return "\n".join([str(error), *map(str, getattr(error, "__notes__", ()))])
    except Exception as broken:  # noqa: BLE001  # __str__ is the user's code
        return f"<its text cannot be made: {type(broken).__name__}>"


def _syntax_frame(error: BaseException) -> tuple[tuple[str, int, str, str], ...]:
    if not isinstance(error, SyntaxError):
        return ()
    return ((error.filename or "", error.lineno or 0, "<module>", (error.text or "").rstrip("\n")),)


def _exit(error: BaseException) -> int:
    if isinstance(error, SystemExit) and isinstance(error.code, int) and 0 < error.code < 256:
        return int(error.code)  # True is a status too
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def _hint(error: BaseException, launch_dir: str) -> str:
    if isinstance(error, OSError) and error.errno == errno.EBADF and error.__traceback__ is None:
        return "Hint: the body closed descriptors that it had not opened, such as its standard output; leave them open."
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return (
            "Hint: the disk is full. Free space on it (`nbflow clean` deletes earlier runs), then run the cell again."
        )
    name = getattr(error, "filename", None)
    if not isinstance(error, FileNotFoundError) or not isinstance(name, str) or os.path.isabs(name):
        return ""
    there = os.path.join(launch_dir, name)
    if not os.path.exists(there):
        return (
            f"Hint: {name!r} is looked for in the task's own work directory; write an absolute path to look elsewhere."
        )
    return (
        f"Hint: {name!r} lies in the launch directory, but a task runs in its own work directory. Make it an input "
        f"that is a Path, or write its absolute path: {there!r}."
    )
