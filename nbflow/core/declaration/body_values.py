"""The values of the directives that stand around a body, give it something, or take its place.

Alone knows their types. What is bash (``before_script``, ``after_script``) and what is a body (``stub``) stays as it is typed:
its braces are its own, and nothing in it is interpolated. Carries nothing out.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import cast

from nbflow.core.declaration.directive_values import wrong
from nbflow.core.script import shell
from nbflow.errors import DeclarationError

_SECRET = re.compile(r"(?!__)[A-Za-z_](?:[0-9A-Za-z]+|_(?!_)){1,49}", re.ASCII)


def _snippet(name: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if isinstance(value, str) and value.strip() and "\0" not in value:
            return value
        raise wrong(name, value, "lines of bash", "module load samtools")

    return read


def _shell(value: object) -> tuple[str, ...]:
    words = _words(value)
    if not words or any(not word or "\n" in word or "\0" in word for word in words):
        raise wrong("shell", value, "a command line, or a list of its words", "bash -euo pipefail")
    if not shell.is_bash(words):
        raise wrong(
            "shell", value, "a command that starts bash (another interpreter stands after `#!`)", "bash -euo pipefail"
        )
    return words


def _words(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        try:
            return tuple(shlex.split(value))
        except ValueError as error:
            raise DeclarationError(f"directive `shell`: {error} in {value!r}; close it") from error
    return tuple(value) if isinstance(value, list) and all(isinstance(word, str) for word in value) else ()


def _secret(value: object) -> tuple[str, ...]:
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) for name in names):
        raise wrong("secret", value, "the name of a secret, or a list of names", "[MY_TOKEN]")
    return tuple(dict.fromkeys(secret_name(cast(str, name)) for name in names))


def secret_name(name: str) -> str:
    """A name of a secret, checked by Nextflow's rule.

    Raises
    ------
    DeclarationError
        If no secret can have it.
    """
    if _SECRET.fullmatch(name):
        return name
    raise DeclarationError(
        f"`{name}` cannot name a secret: it takes two or more letters, digits and `_`, no digit first and no two `_` side by side"
    )


def _stub(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise wrong("stub", value, "what runs instead of the body in a stub run", "touch out.txt")
    if value.startswith("#!"):
        raise DeclarationError("directive `stub` is run by what the body's `#!` line names; leave its own out")
    return value


def _fair(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise wrong("fair", value, "true or false (outputs have the order of the inputs in any case)", "true")


BODY_READERS: Mapping[str, Callable[[object], object]] = {
    "after_script": _snippet("after_script"),
    "before_script": _snippet("before_script"),
    "fair": _fair,
    "secret": _secret,
    "shell": _shell,
    "stub": _stub,
}
"""Reads the value of each of these directives; raises DeclarationError."""

AROUND_SCRIPTS = ("after_script", "before_script", "shell")
"""Those that only scripts have."""
