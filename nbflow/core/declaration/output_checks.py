"""Whether the declared outputs fit the body: said when the cell is read, not when its work is done.

Alone knows which sources a script has and which a Python body. Knows nothing of how outputs are collected.
"""

from __future__ import annotations

import difflib

from nbflow.core.declaration.line import Declaration
from nbflow.core.declaration.outputs import Output
from nbflow.core.script import shell
from nbflow.errors import DeclarationError

_IN_A_BODY = {
    "env": '`{name} = os.environ["{argument}"]`',
    "eval": '`{name} = subprocess.check_output("{argument}", shell=True, text=True)`',
    "tuple": "`{name} = (..., ...)`",
    "record": "`{name} = {{...}}`",
}


def check_body_outputs(declaration: Declaration) -> None:
    """Refuse sources that only scripts have.

    Raises
    ------
    DeclarationError
        If an output of a Python body has one.
    """
    for output in declaration.outputs or ():
        source = output.source
        if source is not None and source.kind in _IN_A_BODY:
            instead = _IN_A_BODY[source.kind].format(name=output.name, argument=source.argument)
            raise DeclarationError(
                f"output `{output.name}`: {source.kind}() is for scripts; write {instead} in the body, and "
                f"`{output.name}` after `->`"
            )


def check_script_outputs(declaration: Declaration, interpreter: tuple[str, ...]) -> None:
    """Refuse outputs that a script cannot give.

    Parameters
    ----------
    declaration : Declaration
        With all its outputs.
    interpreter : tuple of str
        The words of the script's ``#!`` line.

    Raises
    ------
    DeclarationError
        If one without a source is no input, or an ``env()`` stands in a script that is not bash.
    """
    for output in declaration.outputs or ():
        if output.source is None:
            _check_input(output.name, output.name, declaration)
        else:
            _check_leaves(output, declaration, interpreter)


def check_stored_outputs(declaration: Declaration, *, is_script: bool) -> None:
    """Refuse outputs that a store directory (``store_dir``) cannot keep.

    Parameters
    ----------
    declaration : Declaration
        With all its outputs.
    is_script : bool
        Whether the body is a script, whose outputs without a source are inputs that it passes on.

    Raises
    ------
    DeclarationError
        If one is no file.
    """
    outputs = declaration.outputs or ()
    if not any(output.source is not None for output in outputs):
        raise DeclarationError(
            f'directive `store_dir` keeps files, and `{declaration.name}` puts out none; declare them as in `-> index = file("index")`'
        )
    for output in outputs:
        passed_on = is_script and output.source is None
        if not passed_on and (output.source is None or output.source.kind not in ("file", "files")):
            raise DeclarationError(
                f"output `{output.name}` of `{declaration.name}` is no file, and `store_dir` keeps only files; write the value to one, "
                "or take the directive out"
            )


def _check_leaves(output: Output, declaration: Declaration, interpreter: tuple[str, ...]) -> None:
    assert output.source is not None
    for name, leaf in output.source.leaves(output.name):
        if leaf.kind == "input":
            _check_input(name, str(leaf.argument), declaration)
        if leaf.kind == "env" and not shell.is_bash(interpreter):
            raise DeclarationError(
                f"output `{name}`: no other program can read the variables of a script for {' '.join(interpreter)}; write "
                f"`{leaf.argument}` to a file and use file(), or print it and use stdout()"
            )


def _check_input(output: str, name: str, declaration: Declaration) -> None:
    if name in declaration.input_names:
        return
    near = difflib.get_close_matches(name, declaration.input_names, 1)
    proposed = f"did you mean `{near[0]}`? " if near else ""
    raise DeclarationError(
        f"output `{output}` of script `{declaration.name}` has no source and `{name}` is no input; {proposed}Write "
        f'`{output} = file("result.txt")`, stdout(), env("NAME") or eval("command")'
    )
