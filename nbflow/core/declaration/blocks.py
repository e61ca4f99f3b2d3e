"""The long form of a signature: the ``input:`` and ``output:`` options.

Alone turns them into what would stand on the ``%%process`` line. Knows nothing of YAML and of bodies.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

from nbflow.core.declaration.line import Declaration, checked, parse_inputs, parse_outputs
from nbflow.core.declaration.outputs import SourceKind
from nbflow.errors import DeclarationError


def with_blocks(declaration: Declaration, values: Mapping[str, object]) -> Declaration:
    """Add the ``input:`` and ``output:`` options, the long form of the signature.

    Parameters
    ----------
    declaration : Declaration
        From the line.
    values : mapping
        The cell's options; others than ``input`` and ``output`` are left alone.

    Raises
    ------
    DeclarationError
        If the line gives the same already, or a block is no list or mapping of names.

    Notes
    -----
    A block is a mapping (``reads: Path``, ``depth: int = 3``, ``quant: file("quant_{id}")``) or a list of what would
    stand on the line.
    """
    if "input" in values:
        if declaration.inputs is not None:
            raise DeclarationError(f"inputs of `{declaration.name}` are given on the line and under `input:`; keep one")
        pieces = ", ".join(_block("input", values["input"]))
        declaration = replace(declaration, inputs=parse_inputs(pieces, declaration.name))
    if "output" in values:
        if declaration.outputs is not None:
            raise DeclarationError(
                f"outputs of `{declaration.name}` are given after `->` and under `output:`; keep one"
            )
        pieces = ", ".join(_block("output", values["output"])) or "None"
        declaration = replace(declaration, outputs=parse_outputs(pieces, declaration.name))
    return checked(declaration)


def _block(what: str, block: object) -> list[str]:
    """The pieces that would stand on the line."""
    if block is None:
        return []
    if isinstance(block, str):
        return [block]
    if isinstance(block, Mapping):
        return [_piece(what, name, value) for name, value in block.items()]
    if isinstance(block, list):
        return [piece for item in block for piece in _block(what, item)]
    raise DeclarationError(f"`{what}:` must be a list of names or a mapping of `name: type`, not {block!r}")


def _piece(what: str, name: object, value: object) -> str:
    if value is None:
        return str(name)
    if not isinstance(value, str):
        raise DeclarationError(
            f"`{name}` under `{what}:` must be a type, as in `{name}: {type(value).__name__}`, not {value!r}"
        )
    text = value.strip()
    if text.startswith("="):
        return f"{name} {text}"
    called = re.match(r"(\w+)\s*\(", text)
    is_source = what == "output" and called is not None and called[1] in get_args(SourceKind)
    return f"{name} = {text}" if is_source else f"{name}: {text}"
