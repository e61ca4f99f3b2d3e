"""Makes the work directory of a script task ready to run: its script, what it is given, and the steps around it.

Alone writes the files of scripts before they start. Decides nothing about the cache and starts nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from nbflow.core.declaration import interpolation
from nbflow.core.declaration.directives import Directives
from nbflow.core.script import shell
from nbflow.core.script.environment import environment
from nbflow.core.script.epilogue import BEGIN, captures, epilogue
from nbflow.errors import InputError
from nbflow.execution.order import Order, output_specs, task_facts, task_view
from nbflow.execution.scripts import wrapper
from nbflow.execution.scripts.inputs import ScriptInputs, refuse_missing, script_inputs
from nbflow.execution.scripts.steps import AFTER, BEFORE, STEPS, Steps
from nbflow.storage import workdir
from nbflow.storage.shared import SharedFiles

_STDIN = ".command.in"
_LINKED = ("symlink", "rellink")


def given_to(order: Order, directives: Directives) -> ScriptInputs:
    """The variables of a script, and the names of its files in the work directory.

    Raises
    ------
    InputError
        If two files want one name.
    """
    process, captured = order.call.process, order.call.capture
    inputs = order.inputs
    set_otherwise = order.call.scene.environ.keys() | {*directives.secret, *shell.names_set(directives.before_script)}
    names = {*inputs, *directives.reads, *shell.globals_read(process.bash_text) - set_otherwise}
    values = {name: value for name, value in {**captured.values, **inputs}.items() if name in names}
    return script_inputs(values, captured.reader.files, order.task.name, directives.stage_as)


def prepare_script(
    order: Order, directives: Directives, shared: SharedFiles, environ: dict[str, str]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Write what a script task needs to run.

    Parameters
    ----------
    order : Order
        What is to be run.
    directives : Directives
        Of this task.
    shared : SharedFiles
        Writes what many tasks have.
    environ : dict of str to str
        The environment of the task.

    Returns
    -------
    tuple of (tuple of str, dict of str to str)
        Its command line, and its environment with what the script is given in it.

    Raises
    ------
    InputError
        If an input cannot be given to it.
    """
    process, work_dir = order.call.process, order.work_dir
    given = given_to(order, directives)
    refuse_missing(given.files, order.task.name)
    facts = task_facts(order, directives)
    named = f"{process.text}\n{process.bash_text}"
    variables = given.variables | shell.task_variables(facts) | shell.ext_variables(facts["ext"][0], named)
    interpreter, after = shell.interpreter(process.text) or wrapper.BASH, epilogue(captures(process.captured))
    exports, own = "", tuple[str, ...]()
    if shell.is_bash(interpreter):
        # As Nextflow runs it: it stops at the first error and at an unset variable.
        interpreter = directives.shell or (*interpreter, "-ue")
        text = shell.script(process.text, shell.prologue(variables) + (BEGIN if after else ""), after)
        after = ""
    else:
        text = shell.script(process.text, "")
        environ, exports, own = _set_variables(variables, order, environ)
    workdir.write(f"{work_dir}/{wrapper.SCRIPT}", text)
    _write_snippets(order, directives)
    steps = _steps(order, directives, (*interpreter, wrapper.SCRIPT), given, after)
    steps = replace(steps, kept=(*directives.env, *directives.secret, *own))
    command = _write_steps(order, steps)
    linked = {} if steps.staged else given.staged
    workdir.stage_all(work_dir, _relative(linked, order) if directives.stage_in_mode == "rellink" else linked)
    write = workdir.write if linked or exports or steps.are_needed or directives.secret else shared.write
    write(f"{work_dir}/.command.run", wrapper.script_wrapper(linked, command, exports, directives.secret))
    return command, environ


def _set_variables(
    variables: Mapping[str, Any], order: Order, environ: dict[str, str]
) -> tuple[dict[str, str], str, tuple[str, ...]]:
    """The environment with a script's variables, lines of its wrapper that set them, and their names.

    Those too large go into files.
    """
    made = environment(variables)
    places = {name: f"{workdir.PRIVATE}/variable-{name}" for name in made.files}
    for name, text in made.files.items():
        workdir.write(f"{order.work_dir}/{places[name]}", text)
    return made.added_to(environ, places), made.exports(places), made.names


def _relative(linked: Mapping[str, str], order: Order) -> dict[str, str]:
    """What relative links lead to, seen from where each of them really lies."""
    places = {name: os.path.realpath(os.path.dirname(f"{order.work_dir}/{name}")) for name in linked}
    return {name: os.path.relpath(target, places[name]) for name, target in linked.items()}


# Steps --------------------------------------------------------------------------------------------------------------


def _steps(order: Order, directives: Directives, command: tuple[str, ...], given: ScriptInputs, after: str) -> Steps:
    by_steps = directives.scratch is not False or directives.stage_in_mode not in _LINKED
    for name in given.staged:
        workdir.checked_name(name)
    return Steps(
        command,
        staged=given.staged if by_steps else {},
        stage_in_mode=directives.stage_in_mode,
        scratch=directives.scratch,
        stage_out_mode=directives.stage_out_mode,
        stdin=_stdin(order, directives),
        epilogue=after,
        outputs=(output_specs(order, directives) or ()) if directives.scratch else (),
        before=bool(directives.before_script),
        after=bool(directives.after_script),
    )


def _write_steps(order: Order, steps: Steps) -> tuple[str, ...]:
    """What starts the task."""
    if not steps.are_needed:
        return steps.command
    workdir.write(f"{order.work_dir}/{STEPS}", steps.text)
    return (*wrapper.BASH, STEPS)


def _write_snippets(order: Order, directives: Directives) -> None:
    for place, snippet in ((BEFORE, directives.before_script), (AFTER, directives.after_script)):
        if snippet:
            workdir.write(f"{order.work_dir}/{place}", f"{snippet.rstrip()}\n")


def _stdin(order: Order, directives: Directives) -> str:
    """The file that the script reads on its standard input; a value is written to one."""
    if directives.stdin is None:
        return ""
    task = task_view(order, directives)
    namespace = {**order.call.capture.values, **order.inputs, "task": task}
    value = interpolation.evaluate(directives.stdin.text, namespace)
    if isinstance(value, PurePath):
        if not any(value is each for each in _held(namespace.values())):
            raise InputError(
                f"`stdin: {directives.stdin.text}` gives the path {value}, which is no input, so that its content would not count; "
                "make it an input",
                name="stdin",
            )
        return order.call.capture.reader.files.absolute(str(value))
    workdir.write(f"{order.work_dir}/{_STDIN}", _text(value))
    return _STDIN


def _held(values: Iterable[object]) -> Iterator[object]:
    """Values, and those that they hold."""
    for value in values:
        yield value
        if isinstance(value, (list, tuple)):
            yield from value


def _text(value: object) -> str:
    """A value as a script reads it: a text as it is, a list line by line."""
    if isinstance(value, (list, tuple)):
        return "".join(f"{shell.text_of('stdin', item, f'stdin[{at}]')}\n" for at, item in enumerate(value))
    return value if isinstance(value, str) else shell.text_of("stdin", value, "stdin")
