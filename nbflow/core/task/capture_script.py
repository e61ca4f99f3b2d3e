"""What a script reads beside its inputs: globals, variables of the environment, and the scripts of ``bin/``.

Alone decides what a name in a script stands for. Facts in, values and hash parts out.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nbflow.core.declaration.process import Process
from nbflow.core.parts import Part, combine, shorten
from nbflow.core.script import shell
from nbflow.core.script.bin_scripts import bin_part, bin_paths
from nbflow.core.secrets import MASK, is_secret
from nbflow.core.values.inputs import InputReader
from nbflow.errors import MissingInputError


def read_by_script(
    process: Process,
    inputs: frozenset[str],
    namespace: Mapping[str, Any],
    environ: Mapping[str, str],
    reader: InputReader,
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
    names = shell.globals_read(process.bash_text) | declared | directives.hashed_names
    needed = shell.required(process.bash_text) | declared
    read = sorted(names - inputs - frozenset(directives.env))
    hidden = environ.keys() - declared
    values = {name: namespace[name] for name in read if name not in hidden and name in namespace}
    for name in read:
        if name not in environ and name not in values and name in needed:
            raise _unknown(process, name, namespace)
    env = [_env_part(name, environ.get(name)) for name in {*read, *directives.env_reads} - values.keys()]
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


def bin_parts(process: Process, launch_dir: str, strings: Iterable[str], reader: InputReader) -> Iterator[Part]:
    """The scripts of ``bin/`` that a body names.

    Parameters
    ----------
    process : Process
        A script, or a Python body.
    launch_dir : str
        Where the directory lies.
    strings : iterable of str
        The texts that a Python body has, and what it reaches.
    reader : InputReader
        Knows how files are read; their states are noted there.
    """
    texts = (process.text, process.bash_text) if process.is_script else tuple(strings)
    every = process.is_script and shell.runs_anything(process.bash_text)
    for name, path in bin_paths(launch_dir, texts, every=every).items():
        reader.states[path] = reader.files.state(path)
        yield bin_part(name, path, lambda place: reader.files.disk.content(place, "deep"))
