"""The options of ``file()`` and ``files()``: what each takes.

Alone knows their types; the names are Nextflow's in snake_case (nextflow.io, process outputs, ``path``). What they mean is not known here.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from nbflow.errors import DeclarationError

_ARITY = re.compile(r"(\d+)(?:\.\.(\d+|\*))?")


class _Option(NamedTuple):
    fits: Callable[[object], bool]
    expected: str
    example: str


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_depth(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_arity(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return False
    match = _ARITY.fullmatch(str(value))
    return match is not None and (match[2] in (None, "*") or int(match[2]) >= int(match[1]))


_FLAGS = {
    name: _Option(_is_flag, "True or False", "True")
    for name in ("optional", "hidden", "include_inputs", "follow_links", "glob")
}
_FILE = {
    **_FLAGS,
    "type": _Option(lambda value: value in ("file", "dir", "any"), '"file", "dir" or "any"', '"file"'),
    "max_depth": _Option(_is_depth, "a number of directory levels, at least 1", "2"),
}
_FILES = {
    **_FILE,
    "arity": _Option(_is_arity, 'a number of files, as 2, "0..1" or "1..*"', '"1..*"'),
}
OPTIONS: Mapping[str, Mapping[str, _Option]] = {"file": _FILE, "files": _FILES}
"""By the source that has them; the other sources have none."""


def read_options(name: str, kind: str, call: ast.Call) -> Mapping[str, object]:
    """Read the options of an output's source.

    Parameters
    ----------
    name : str
        The output's, for errors.
    kind : str
        The source's.
    call : ast.Call
        As parsed by Python.

    Raises
    ------
    DeclarationError
        If it has no such option, or the option does not take such a value.
    """
    found = {item.arg: _value(name, kind, item) for item in call.keywords if item.arg is not None}
    if len(found) < len(call.keywords):
        raise DeclarationError(f"output `{name}`: write the options of {kind}() one by one, not with `**`")
    if "optional" in found and "arity" in found:
        raise DeclarationError(f'output `{name}`: `arity` says whether it is optional, as in `arity="0..*"`; keep one')
    return found


def _value(name: str, kind: str, item: ast.keyword) -> object:
    options, given = OPTIONS.get(kind, {}), str(item.arg)
    if given not in options:
        raise DeclarationError(f"output `{name}`: {kind}() has no option `{given}`; {_proposal(kind, given)}")
    option = options[given]
    value = item.value.value if isinstance(item.value, ast.Constant) else item.value
    if not option.fits(value):
        shown = ast.unparse(item.value)
        raise DeclarationError(
            f"output `{name}`: `{given}` takes {option.expected}, not {shown}; write `{given}={option.example}`"
        )
    return value


def _proposal(kind: str, given: str) -> str:
    if given == "arity" and kind == "file":
        return "it gives one file, or None with `optional=True`; files() has `arity`"
    options = OPTIONS.get(kind, {})
    near = difflib.get_close_matches(re.sub(r"(?=[A-Z])", "_", given).lower(), options, 1)
    known = ", ".join(f"`{option}`" for option in options) or "none"
    return f"did you mean `{near[0]}`?" if near else f"it has {known}"
