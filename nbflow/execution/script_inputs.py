"""What a script is given: its variables, and the files that are staged for it.

Alone says under which name a file goes into the work directory of a script. Stages nothing and writes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from nbflow.core.values.inputs import Files
from nbflow.errors import InputError, MissingInputError


@dataclass(frozen=True, slots=True)
class Staged:
    """A file or directory that is staged.

    Attributes
    ----------
    name : str
        Relative name in the work directory.
    target : str
        Its absolute path.
    input : str
        The input or global that it belongs to.
    """

    name: str
    target: str
    input: str


@dataclass(frozen=True, slots=True)
class ScriptInputs:
    """The values of a script's variables, paths by the names under which they are staged.

    Attributes
    ----------
    variables : dict of str to object
        By name.
    staged : dict of str to str
        Relative name in the work directory, and absolute path.
    """

    variables: dict[str, Any]
    staged: dict[str, str]


def script_inputs(values: Mapping[str, Any], files: Files, task: str) -> ScriptInputs:
    """Name the files of a script's inputs.

    Parameters
    ----------
    values : mapping of str to object
        Inputs and globals.
    files : Files
        What their paths stand for.
    task : str
        The task's name, for errors.

    Raises
    ------
    InputError
        If a file is not there, or two want one name.
    """
    staged = {name: [*_staged(name, value, files, task)] for name, value in values.items()}
    _refuse_collisions([each for listed in staged.values() for each in listed], task)
    variables = {name: _variable(value, [each.name for each in staged[name]]) for name, value in values.items()}
    return ScriptInputs(variables, {each.name: each.target for listed in staged.values() for each in listed})


def _staged(name: str, value: Any, files: Files, task: str) -> Iterator[Staged]:
    for path in value if isinstance(value, (list, tuple)) else (value,):
        if isinstance(path, PurePath):
            target = _target(name, path, files, task)
            yield Staged(os.path.basename(target), target, name)


def _target(name: str, path: PurePath, files: Files, task: str) -> str:
    if "\0" in str(path):
        raise InputError(f"input `{name}` of `{task}` has a NUL character, which no file name can hold", name=name)
    target = files.absolute(str(path))
    if not os.path.lexists(target):
        raise MissingInputError(
            f"input `{name}` of `{task}` names {target}, which is not there; make it, or correct the path", name=name
        )
    return target


def _variable(value: Any, names: list[str]) -> Any:
    """A value as the script sees it: each path by the next of the names under which its paths are staged."""
    left = iter(names)
    if isinstance(value, (list, tuple)):
        return [next(left) if isinstance(item, PurePath) else item for item in value]
    return next(left) if isinstance(value, PurePath) else value


def _refuse_collisions(staged: list[Staged], task: str) -> None:
    known: dict[str, Staged] = {}
    for each in staged:
        other = known.setdefault(each.name, each)
        if other.target != each.target:
            raise InputError(_collision(other, each, task), name=each.input)


def _collision(first: Staged, second: Staged, task: str) -> str:
    inputs = f"`{first.input}`" if first.input == second.input else f"`{first.input}` and `{second.input}`"
    return (
        f"two files of {inputs} of `{task}` are called {first.name}: {first.target} and {second.target}; rename one, or stage "
        f"it elsewhere: write `#| stage_as:` and below it `#|   {second.input}: other/*`"
    )
