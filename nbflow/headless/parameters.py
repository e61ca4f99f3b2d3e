"""Parameters of a headless run: ``-p name=value`` and the notebook's cell tagged ``parameters`` (papermill's convention).

Alone reads values from a command line, and puts a cell with them behind the tagged one. Runs nothing, writes nothing.
"""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbflow.core.declaration.options import split_options
from nbflow.errors import DeclarationError, NbflowError

if TYPE_CHECKING:
    from nbformat import NotebookNode

_TAG, _INJECTED = "parameters", "injected-parameters"
_SIMPLE = re.compile(r"[\w.+~-]*", re.ASCII)


def parse_parameter(text: str) -> tuple[str, object]:
    """Read ``name=value``.

    Parameters
    ----------
    text : str
        The value is JSON, or a word of YAML 1.2's core types (``3``, ``1e-3``, ``true``, ``null``) or a list of such;
        any other text is a string.

    Raises
    ------
    NbflowError
        There is no ``=``, no name before it, or what begins as a list, a mapping or a quoted string is none.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise NbflowError(f"-p {text!r} is no parameter: write -p name=value")
    try:
        return name, json.loads(value)
    except ValueError:
        pass
    if not _SIMPLE.fullmatch(value) and value[:1] not in ("[", "{", '"', "'"):
        return name, value
    try:
        if value[:1] == "{":
            raise DeclarationError("a mapping must be JSON")
        return name, split_options(f"#| {name}: {value}\n").values[name]
    except DeclarationError as error:
        raise NbflowError(
            f"-p {text!r}: the value cannot be read ({error}); put a string in quotes: '\"...\"'"
        ) from error


def inject(notebook: NotebookNode, parameters: Mapping[str, object]) -> NotebookNode:
    """Put a cell with the parameters behind the cell tagged ``parameters``; one that papermill put there is replaced.

    Raises
    ------
    NbflowError
        There is no such cell, or it does not assign a name that is given.
    """
    if not parameters:
        return notebook
    at = next((at for at, cell in enumerate(notebook.cells) if _TAG in _tags(cell)), None)
    if at is None:
        raise NbflowError("The notebook takes no parameters: tag the cell that assigns their defaults `parameters`")
    known = _assigned(notebook.cells[at].source)
    unknown = [name for name in parameters if name not in known]
    if unknown:
        raise NbflowError(
            f"The notebook has no parameter {', '.join(map(repr, unknown))}; its cell tagged `parameters` assigns: "
            f"{', '.join(known) or 'nothing'}"
        )
    rest = [cell for cell in notebook.cells[at + 1 :] if _INJECTED not in _tags(cell)]
    notebook.cells = [*notebook.cells[: at + 1], _cell(parameters, notebook), *rest]
    return notebook


def _tags(cell: Any) -> list[str]:
    return list(cell.metadata.get("tags", ()))


def _assigned(source: str) -> list[str]:
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise NbflowError(
            f"The cell tagged `parameters` must be plain Python: {error.msg} (line {error.lineno})"
        ) from error
    targets = [
        target
        for node in tree.body
        for target in (node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)])
    ]
    return list(
        dict.fromkeys(
            node.id for target in targets if target for node in ast.walk(target) if isinstance(node, ast.Name)
        )
    )


def _cell(parameters: Mapping[str, object], notebook: NotebookNode) -> NotebookNode:
    from nbformat import v4

    source = "\n".join(["# Parameters", *(f"{name} = {_python(value)}" for name, value in parameters.items())])
    cell: NotebookNode = v4.new_code_cell(source, metadata={"tags": [_INJECTED]})  # type: ignore[no-untyped-call]
    if (notebook.nbformat, notebook.nbformat_minor) < (4, 5):
        cell.pop("id", None)
    return cell


def _python(value: object) -> str:
    """The value as Python source: what `repr` gives, but for numbers that have no literal."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, list):
        return f"[{', '.join(map(_python, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {_python(each)}' for key, each in value.items())}}}"
    return repr(value)
