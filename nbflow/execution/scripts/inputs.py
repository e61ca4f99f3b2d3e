"""What a script is given: its variables, and the files that are staged for it.

Alone says under which name a file goes into the work directory of a script. Stages nothing and writes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from nbflow.core.script.stage_names import stage_names
from nbflow.core.values.inputs import Files
from nbflow.errors import InputError, MissingInputError

_AS_THEY_ARE: Mapping[str, object] = {}


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
    files : tuple of Staged
        What is staged, in order.
    """

    variables: dict[str, Any]
    files: tuple[Staged, ...]

    @property
    def staged(self) -> dict[str, str]:
        """Relative names in the work directory, and absolute paths."""
        return {each.name: each.target for each in self.files}


def script_inputs(
    values: Mapping[str, Any], files: Files, task: str, stage_as: Mapping[str, object] = _AS_THEY_ARE
) -> ScriptInputs:
    """Name the files of a script's inputs.

    Parameters
    ----------
    values : mapping of str to object
        Inputs and globals.
    files : Files
        What their paths stand for.
    task : str
        The task's name, for errors.
    stage_as : mapping of str to str
        Patterns of names, by input.

    Raises
    ------
    InputError
        If two files want one name.
    """
    staged = {name: _staged(name, value, files, task, str(stage_as.get(name, "*"))) for name, value in values.items()}
    listed = tuple(each for found in staged.values() for each in found)
    _refuse_collisions(listed, task)
    variables = {name: _variable(value, [each.name for each in staged[name]]) for name, value in values.items()}
    return ScriptInputs(variables, listed)


def refuse_missing(files: Iterable[Staged], task: str) -> None:
    """Refuse files that are not there.

    Raises
    ------
    MissingInputError
        With the first that is not.
    """
    for each in files:
        if not os.path.lexists(each.target):
            raise MissingInputError(
                f"input `{each.input}` of `{task}` names {each.target}, which is not there; make it, or correct the path",
                name=each.input,
            )


def _staged(name: str, value: Any, files: Files, task: str, pattern: str) -> list[Staged]:
    listed = value if isinstance(value, (list, tuple)) else (value,)
    targets = [_target(name, path, files, task) for path in listed if isinstance(path, PurePath)]
    names = stage_names(pattern, [os.path.basename(target) for target in targets])
    return [Staged(os.path.normpath(each), target, name) for each, target in zip(names, targets, strict=True)]


def _target(name: str, path: PurePath, files: Files, task: str) -> str:
    if "\0" in str(path):
        raise InputError(f"input `{name}` of `{task}` has a NUL character, which no file name can hold", name=name)
    return files.absolute(str(path))


def _variable(value: Any, names: list[str]) -> Any:
    """A value as the script sees it: each path by the next of the names under which its paths are staged."""
    left = iter(names)
    if isinstance(value, (list, tuple)):
        return [next(left) if isinstance(item, PurePath) else item for item in value]
    return next(left) if isinstance(value, PurePath) else value


def _refuse_collisions(staged: Iterable[Staged], task: str) -> None:
    known: dict[str, Staged] = {}
    for each in staged:
        other = known.setdefault(each.name, each)
        if other.target != each.target:
            raise InputError(_collision(other, each, task), name=each.input)
    for each in known.values():
        above = next((known[str(part)] for part in PurePath(each.name).parents if str(part) in known), None)
        if above is not None:
            raise InputError(
                f"`{each.input}` of `{task}` is staged as {each.name}, but {above.name} is the file or directory of "
                f"`{above.input}`; stage one under another name with `stage_as`",
                name=each.input,
            )


def _collision(first: Staged, second: Staged, task: str) -> str:
    inputs = f"`{first.input}`" if first.input == second.input else f"`{first.input}` and `{second.input}`"
    return (
        f"two files of {inputs} of `{task}` are called {first.name}: {first.target} and {second.target}; rename one, or stage "
        f"it elsewhere: write `#| stage_as:` and below it `#|   {second.input}: other/*`"
    )
