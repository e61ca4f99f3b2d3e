"""Every error nbflow raises on purpose, as one tree; nothing else is defined here and nothing is imported.

NbflowError
  + DeclarationError            the %%process line, its options or its body cannot be used as written
  + SettingsError               nbflow.toml cannot be used as written
  + InputError                  a call's inputs or the globals it reads cannot be used
      - MissingInputError       a parameter, a global or a file that is not there
      - UnhashableInputError    a value whose content cannot be hashed surely
  + CacheError                  what lies on disk cannot be opened
      - CacheLockedError        another kernel or process holds the session
      - UnknownSessionError     no session or run of that name
  + TaskFailedError             the body or script failed, or did not make what it declared
      - TaskAbortedError        the task was ended before it finished
  + NotMadeError                a preview needs what a task that would run makes
  + ExecutorError               the machinery that runs tasks failed, not the task

NbflowWarning is the category of every warning of nbflow's.

A text names the thing, says what was expected, and ends with the next step.
"""

from __future__ import annotations

from pathlib import Path


class NbflowWarning(RuntimeWarning, UserWarning):
    """What went wrong without stopping anything; a notebook shows it in one line."""


class NbflowError(Exception):
    """Base of all errors that nbflow raises on purpose."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the text, which names the thing and the next step, and no frame of nbflow's."""
        return [f"{type(self).__name__}: {self}", *getattr(self, "__notes__", ())]


class DeclarationError(NbflowError):
    """The ``%%process`` line, its options or its body cannot be used as written.

    Parameters
    ----------
    message : str
        What is wrong, what was expected, and the next step.
    line : int or None
        Line of the cell, counted from 1 at the ``%%process`` line.
    """

    def __init__(self, message: str, *, line: int | None = None) -> None:
        super().__init__(message if line is None else f"{message} (line {line} of the cell)")
        self.line = line


class SettingsError(NbflowError):
    """``nbflow.toml`` cannot be used as written."""


class InputError(NbflowError):
    """A call's inputs, or the globals that it reads, cannot be used.

    Parameters
    ----------
    message : str
        What is wrong, what was expected, and the next step.
    name : str or None
        The input or global that it is about.
    """

    def __init__(self, message: str, *, name: str | None = None) -> None:
        super().__init__(message)
        self.name = name


class MissingInputError(InputError):
    """A parameter, a global or a file that is not there."""


class UnhashableInputError(InputError):
    """A value whose content cannot be hashed surely: it is refused, never guessed."""


class CacheError(NbflowError):
    """What lies on disk cannot be opened."""


class CacheLockedError(CacheError):
    """Another kernel or process holds the session.

    Parameters
    ----------
    message : str
        Who holds it, and the next step.
    holder : str
        The holder as it named itself, or what is known of it.
    """

    def __init__(self, message: str, *, holder: str = "") -> None:
        super().__init__(message)
        self.holder = holder


class UnknownSessionError(CacheError):
    """No session or run has that name."""


class TaskFailedError(NbflowError):
    """The body or script failed, or did not make what it declared.

    Parameters
    ----------
    message : str
        The whole report: cause, command, exit status, output, work directory, tip.
    task : str
        The task's name, as in ``fit (3)``.
    work_dir : pathlib.Path or None
        Where it ran.
    exit : int or None
        Its exit status.
    shown : str
        The report as a notebook shows it, with colours; empty where it is the message.
    cause : str
        The first of it: what went wrong, in a line or a few.

    Attributes
    ----------
    lets_others_end : bool
        Whether the other tasks that run are not ended because of it (``error_strategy: finish``).
    """

    def __init__(
        self,
        message: str,
        *,
        task: str = "",
        work_dir: Path | None = None,
        exit: int | None = None,
        shown: str = "",
        cause: str = "",
    ) -> None:
        super().__init__(message)
        self.cause = cause or message
        self.lets_others_end = False
        self.task = task
        self.work_dir = work_dir
        self.exit = exit
        self.shown = shown

    def _render_traceback_(self) -> list[str]:
        return [*(self.shown or str(self)).splitlines(), *getattr(self, "__notes__", ())]


class TaskAbortedError(TaskFailedError):
    """The task was ended before it finished: an interrupt, another task's failure, or the end of the run."""


class NotMadeError(NbflowError):
    """A preview runs no process, and so has not what a task that would run makes.

    Parameters
    ----------
    task : str
        The task's name.
    """

    def __init__(self, task: str) -> None:
        super().__init__(f"`{task}` would run: a preview has none of its outputs, and what reads them is not run")
        self.task = task


class ExecutorError(NbflowError):
    """The machinery that runs tasks failed, not the task."""
