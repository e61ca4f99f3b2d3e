"""Scripts: which globals they read, and how values become variables without ever becoming code.

Alone quotes values for bash and says which names and values it takes. Writes and runs nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from pathlib import PurePath, PurePosixPath
from typing import Any

from nbflow.core.script.bash_names import read_names
from nbflow.errors import DeclarationError, InputError

TASK_FIELDS = ("name", "process", "tag", "hash", "attempt", "cpus", "memory", "time")
"""Fields of ``task`` that a script sees, as ``task_cpus`` and so on."""

_SET_BY_BASH = frozenset(
    ("_", "COLUMNS", "COPROC", "DIRSTACK", "EPOCHREALTIME", "EPOCHSECONDS", "EUID", "FUNCNAME", "GROUPS", "HISTCMD")
    + ("HOSTNAME", "HOSTTYPE", "IFS", "LINENO", "LINES", "MACHTYPE", "MAPFILE", "OLDPWD", "OPTARG", "OPTERR", "OPTIND")
    + ("OSTYPE", "PIPESTATUS", "PPID", "PS1", "PS2", "PS3", "PS4", "PWD", "RANDOM", "READLINE_LINE", "REPLY", "SECONDS")
    + ("SHELLOPTS", "SHLVL", "SRANDOM", "UID")
)
_STEERING = frozenset(
    (
        "CDPATH",
        "ENV",
        "EXECIGNORE",
        "FCEDIT",
        "FIGNORE",
        "FUNCNEST",
        "GLOBIGNORE",
        "GLOBSORT",
        "HOME",
        "INPUTRC",
        "LANG",
    )
    + ("LANGUAGE", "LOGNAME", "MAIL", "PATH", "POSIXLY_CORRECT", "PROMPT_COMMAND", "SHELL", "TERM", "TIMEFORMAT")
    + (
        "NODE_OPTIONS",
        "PERL5LIB",
        "PERL5OPT",
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "R_HOME",
        "RUBYLIB",
        "RUBYOPT",
    )
    + ("TMOUT", "TMPDIR", "TZ", "USER", "auto_resume", "histchars")
)
_TASK_VARIABLES = frozenset(f"task_{name}" for name in TASK_FIELDS)
RESERVED = _SET_BY_BASH | _STEERING | _TASK_VARIABLES
"""Names that mean something to the shell or to the programs that it starts, or that nbflow sets."""

EXT = "task_ext_"
"""What the variables begin with by which a script sees ``task.ext``."""

_RESERVED_PREFIXES = (EXT, "BASH", "COMP_", "DYLD_", "HIST", "LC_", "LD_", "NBFLOW_", "NXF_", "READLINE_", "_nbflow_")
_SHOWN: Mapping[type, Callable[[Any], str]] = {
    str: str.__str__,
    int: int.__repr__,
    float: float.__repr__,
    Decimal: Decimal.__str__,
}
_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@lru_cache(maxsize=256)
def globals_read(script: str) -> frozenset[str]:
    """Names that a bash script expands and does not set: notebook globals or variables of the environment.

    Parameters
    ----------
    script : str
        Its text.

    Returns
    -------
    frozenset of str
        Without what bash and nbflow set. Inputs are among them; the caller takes them out, and tells globals from
        variables of the environment.
    """
    names = read_names(script)
    return frozenset(name for name in names.expanded - names.assigned if not _is_set_by_shell(name))


def required(script: str) -> frozenset[str]:
    """Of `globals_read`, the names without which the script fails under ``bash -u``.

    Not those that only ever stand as in ``${name:-default}``, and none if the script has ``eval``, ``source`` or ``.``,
    which may set them out of sight.
    """
    names = read_names(script)
    return frozenset() if names.opaque else globals_read(script) & names.needed - names.defaulted


@lru_cache(maxsize=64)
def names_set(snippet: str) -> frozenset[str]:
    """Names that lines of bash set."""
    names = read_names(snippet)
    return frozenset(names.assigned | names.defaulted)


def environment_read(snippet: str) -> frozenset[str]:
    """Names that lines of bash around a script read from the environment.

    Those that they set too are among them (``A=${A:-1}``), but for those that everything depends on: a ``PATH`` that is
    made longer is another one in each kernel.
    """
    names = read_names(snippet)
    kept = {name for name in names.assigned if name in RESERVED or name.startswith(_RESERVED_PREFIXES)}
    return frozenset(name for name in names.expanded - kept if not _is_set_by_shell(name))


@lru_cache(maxsize=256)
def runs_anything(script: str) -> bool:
    """Whether a bash script may run programs that its text does not name: ``$tool``, ``eval``, ``source``."""
    names = read_names(script)
    return names.computed or names.opaque


def _is_set_by_shell(name: str) -> bool:
    return name in _SET_BY_BASH or name in _TASK_VARIABLES or name.startswith(("BASH", EXT))


def check_name(name: str, what: str) -> None:
    """Refuse a name that cannot be a variable of a script.

    Parameters
    ----------
    name : str
        Of an input or output.
    what : str
        For the error, as in "input of `quant`".

    Raises
    ------
    DeclarationError
        If it is reserved, or not plain ASCII.
    """
    article = "an" if what[0] in "aeiou" else "a"
    if not _SHELL_NAME.fullmatch(name):
        raise DeclarationError(
            f"`{name}` cannot be {article} {what}: a shell's variables have letters a-z, digits and `_` only"
        )
    if name in RESERVED or name.startswith(_RESERVED_PREFIXES):
        raise DeclarationError(
            f"`{name}` cannot be {article} {what}: it means something to the shell or to programs; rename it, as in "
            f"`{name.lower()}_`"
        )


def interpreter(body: str) -> tuple[str, ...] | None:
    """The words of the ``#!`` line; None if the body is no script.

    Raises
    ------
    DeclarationError
        If the line names no interpreter.
    """
    if not body.startswith("#!"):
        return None
    words = tuple(body.partition("\n")[0][2:].split())
    if not words:
        raise DeclarationError("the `#!` line names no interpreter; write `#!/usr/bin/env bash`")
    return words


def is_bash(words: tuple[str, ...]) -> bool:
    """Whether the words of a ``#!`` line start bash, directly or through ``env``."""
    programs = [PurePosixPath(word).name for word in words if not word.startswith("-") and "=" not in word]
    return (programs[1:] if programs[:1] == ["env"] else programs)[:1] == ["bash"]


def task_variables(task: Mapping[str, object]) -> dict[str, object]:
    """The variables by which a script sees its task.

    Parameters
    ----------
    task : mapping
        Fields of the task; those that are no `TASK_FIELDS` are left out. ``memory`` is in bytes and ``time`` in seconds,
        so that a script can compute with them; None is empty.
    """
    return {f"task_{name}": _whole(task[name]) for name in TASK_FIELDS if name in task}


def ext_variables(settings: Mapping[str, object], text: str) -> dict[str, object]:
    """The variables by which a script sees the settings of ``ext``; those that it names and that are not set are empty."""
    named = dict.fromkeys(re.findall(rf"{EXT}(\w+)", text, re.ASCII))
    known = {name: value for name, value in settings.items() if name in named or not isinstance(value, Mapping)}
    return {EXT + name: value for name, value in {**named, **known}.items() if _SHELL_NAME.fullmatch(name)}


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def prologue(variables: Mapping[str, object]) -> str:
    """Assignments that set variables of a bash script, and can do nothing else.

    Parameters
    ----------
    variables : mapping of str to object
        None is the empty string; bools are ``true`` and ``false``; numbers as Python shows them; paths as their text;
        lists and tuples of these are arrays.

    Returns
    -------
    str
        Lines of bash. Encode them with `encode`: file names need not be UTF-8.

    Raises
    ------
    InputError
        If a value is of another type, or no shell can hold it.

    Notes
    -----
    The names are unset first: what the environment exports under such a name would else be changed for the programs
    that the script starts.
    """
    if not variables:
        return ""
    lines = [f"{name}={_quoted(name, value)}" for name, value in variables.items()]
    return "\n".join([f"unset -v {' '.join(variables)}", *lines, ""])


def script(body: str, assignments: str, epilogue: str = "") -> str:
    """A script with its prologue, right below the ``#!`` line, and its epilogue.

    Parameters
    ----------
    body : str
        As typed; begins with ``#!``.
    assignments : str
        From `prologue`.
    epilogue : str
        What runs when it has come to its end.
    """
    first, _, rest = body.rstrip("\n").partition("\n")
    return f"{first}\n{assignments}{rest}".rstrip("\n") + "\n" + epilogue


def encode(text: str) -> bytes:
    """The bytes of a script or prologue; a file name that is not UTF-8 gets its own bytes back."""
    return text.encode("utf-8", "surrogateescape")


def _quoted(name: str, value: object) -> str:
    if isinstance(value, (list, tuple)):
        return "(" + " ".join(quote(text_of(name, item, f"{name}[{at}]")) for at, item in enumerate(value)) + ")"
    return quote(text_of(name, value, name))


def quote(text: str) -> str:
    """A text as one word of a shell."""
    return "'" + text.replace("'", "'\\''") + "'"


def text_of(name: str, value: object, where: str) -> str:
    """The text that stands for a scalar in a script.

    Parameters
    ----------
    name : str
        The input or global.
    value : object
        It, or an item of it.
    where : str
        How the user would write it, as in ``names[2]``.

    Raises
    ------
    InputError
        If it is no scalar, or no script can hold its text.
    """
    text = _plain_text(value)
    if text is None:
        raise InputError(
            f"`{where}` is of type {type(value).__name__}, which a script cannot take; pass a text, number, bool, path "
            f"or a list of these, as in `str({name})`",
            name=name,
        )
    if "\0" in text:
        raise InputError(f"`{where}` contains a NUL character, which no shell can hold; pass it as a file", name=name)
    try:
        encode(text)
    except UnicodeEncodeError as error:
        raise InputError(f"`{where}` is not valid text: {error.reason}; pass it as a file", name=name) from error
    return text


def _plain_text(value: object) -> str | None:
    """The text of a scalar; None if it is none. Subclasses (enums, NumPy's numbers) give the text of what they hold."""
    if isinstance(value, PurePath):
        return os.fspath(value)
    value = scalar(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    for kind, show in _SHOWN.items():
        if isinstance(value, kind):
            return show(value)
    return None


def scalar(value: Any) -> Any:
    """NumPy's scalars as Python's; others as they are."""
    return value.item() if getattr(value, "shape", None) == () and hasattr(value, "item") else value
