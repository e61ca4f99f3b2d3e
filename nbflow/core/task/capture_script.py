"""What a script reads beside its inputs: globals, variables of the environment, and the scripts of ``bin/``.

Alone decides what a name in a script stands for. Facts in, values and hash parts out.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nbflow.core.declaration.process import Process
from nbflow.core.parts import Part, combine, shorten
from nbflow.core.script import shell
from nbflow.core.script.bin_scripts import bin_directory, bin_part, bin_paths
from nbflow.core.secrets import MASK, is_secret
from nbflow.core.values.inputs import InputReader, strings_in
from nbflow.errors import MissingInputError

_RUNS_PROGRAMS = re.compile(r"subprocess|system|popen|exec|spawn|qx|`|get_ipython", re.IGNORECASE)
"""What code in any language runs programs with."""


def read_by_script(
    process: Process,
    inputs: frozenset[str],
    namespace: Mapping[str, Any],
    environ: Mapping[str, str],
    reader: InputReader,
    ext: Iterable[str] = (),
) -> tuple[dict[str, Any], list[Part]]:
    """What a script's ``$name`` mean: variables of the environment, else notebook globals; those declared are globals.

    Parameters
    ----------
    process : Process
        A script.
    inputs : frozenset of str
        Names of its inputs.
    namespace : mapping of str to object
        The notebook's.
    environ : mapping of str to str
        The kernel's environment.
    reader : InputReader
        Digests values.
    ext : iterable of str
        The settings of ``ext`` that count.

    Returns
    -------
    tuple of (dict of str to object, list of Part)
        The globals that it is given, and what it reads as parts of the task hash.

    Raises
    ------
    MissingInputError
        If it reads a name that is neither.
    """
    directives, declared = process.directives, frozenset(process.directives.reads)
    expressions = directives.hashed_names(ext)
    names = shell.globals_read(process.bash_text) - shell.names_set(directives.before_script) | declared | expressions
    # What a snippet before it sets is only known when it runs; bash itself then fails at a name that is not set.
    needed = declared if directives.before_script else shell.required(process.bash_text) | declared
    set_for_it = {*directives.env, *directives.secret}
    read = sorted(names - inputs - (set_for_it - expressions))
    hidden = environ.keys() - declared - expressions
    values = {name: namespace[name] for name in read if name not in hidden and name in namespace}
    for name in read:
        if name not in environ and name not in values and name in needed:
            raise _unknown(process, name, namespace)
    around = [name for text in process.snippets for name in shell.environment_read(text)]
    of_environment = {*read, *directives.env_reads} - values.keys() | ({*around} - set_for_it)
    env = [_env_part(name, environ.get(name)) for name in sorted(of_environment)]
    evals = [_eval_part(command) for kind, command in process.captured if kind == "eval"]
    return values, [*(reader.part("global", name, value) for name, value in values.items()), *env, *evals]


def _unknown(process: Process, name: str, namespace: Mapping[str, object]) -> MissingInputError:
    near = difflib.get_close_matches(name, namespace, 1)
    proposed = f"did you mean `${near[0]}`? Else define" if near else "define"
    return MissingInputError(
        f"script of `{process.name}` reads `${name}`, which is no input, no global and no environment variable; "
        f"{proposed} `{name}` in a cell above, or write `\\${name}` for a literal dollar",
        name=name,
    )


def _eval_part(command: str) -> Part:
    return Part("eval", shorten(command), combine("eval", [command.encode("utf-8", "surrogatepass")]))


def _env_part(name: str, value: str | None) -> Part:
    chunks = [] if value is None else [value.encode("utf-8", "surrogateescape")]
    shown = "not set" if value is None else MASK if is_secret(name) else shorten(value)
    return Part("env", name, combine("env", chunks), shown)


def bin_parts(
    process: Process, code: Iterable[str], values: Mapping[str, Any], reader: InputReader, *, fed: bool
) -> Iterator[Part]:
    """The scripts of ``bin/`` that a body names; all of them where what it runs is only known when it runs.

    Parameters
    ----------
    process : Process
        A script, or a Python body.
    code : iterable of str
        Of a Python body: its strings, and the code that it reaches.
    values : mapping of str to object
        Globals and inputs that the call knows: they may name what it runs.
    reader : InputReader
        Knows how files are read; their states are noted there.
    fed : bool
        Whether each item of a channel brings more inputs.
    """
    launch_dir = reader.files.launch_dir
    if bin_directory(launch_dir) is None:
        return
    texts = (process.text, process.bash_text, *process.snippets, *code)
    in_bash = shell.is_bash(shell.interpreter(process.text) or ())
    unseen = fed and not in_bash and any(_RUNS_PROGRAMS.search(text) for text in texts)
    every = unseen or any(map(shell.runs_anything, (process.bash_text, *process.snippets)))
    named = bin_paths(launch_dir, (*texts, *strings_in([*values.values()])), every=every)
    for name, path in named.items():
        reader.states[path] = reader.files.state(path)
        yield bin_part(name, path, lambda place: reader.files.disk.content(place, "deep"))
