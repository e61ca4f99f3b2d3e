"""What ``env()`` and ``eval()`` outputs are captured from: lines of bash that write ``.command.env``, and its reader.

Alone knows that file's form, which is Nextflow's: ``NAME=value`` and ``/NAME/``; of a command ``/NAME/=exit:0``. Runs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from nbflow.core.script.shell import quote

ENV = ".command.env"

BEGIN = "_nbflow_began_in=$PWD\n"
"""A line of bash that stands before the script."""


class Captured(NamedTuple):
    """What is captured for an output.

    Attributes
    ----------
    block : str
        Its name in the file.
    kind : {"env", "eval"}
        As typed.
    argument : str
        The variable, or the command.
    """

    block: str
    kind: str
    argument: str


def captures(sources: Iterable[tuple[str, str]]) -> list[Captured]:
    """Name what is captured, each once.

    Parameters
    ----------
    sources : iterable of (kind, argument)
        Those of all outputs, in order; others than ``env`` and ``eval`` are left out.
    """
    wanted = dict.fromkeys(source for source in sources if source[0] in ("env", "eval"))
    evals = [argument for kind, argument in wanted if kind == "eval"]
    return [
        Captured(argument if kind == "env" else f"nxf_out_eval_{evals.index(argument) + 1}", kind, argument)
        for kind, argument in wanted
    ]


def epilogue(wanted: Iterable[Captured]) -> str:
    """Lines of bash to be run when a script has come to its end, in its shell; none where nothing is captured.

    A command that fails ends them with its status.
    """
    lines = [line for each in wanted for line in (_env(each) if each.kind == "env" else _eval(each))]
    if not lines:
        return ""
    start = [r"IFS=$' \t\n'", 'builtin cd -- "$_nbflow_began_in"', f": >|{ENV}"]
    return "\n".join(["", "# nbflow: what its outputs are captured from", *start, *lines, ""])


def _env(each: Captured) -> list[str]:
    name = each.argument
    write = f"builtin printf '{name}=%s\\n/{name}/\\n' \"${{{name}[*]-}}\" >>{ENV}"
    return [f"if declare -p {name} >/dev/null 2>&1; then {write}; fi"]


def _eval(each: Captured) -> list[str]:
    block, failed = each.block, quote(f"nbflow: the command of eval({each.argument!r}) failed")
    write = f'builtin printf \'{block}=%s\\n/{block}/=exit:%s\\n\' "$_nbflow_text" "$_nbflow_status" >>{ENV}'
    return [
        f"_nbflow_status=0; _nbflow_text=$(eval -- {quote(each.argument)}) || _nbflow_status=$?",
        write,
        f'if [[ $_nbflow_status != 0 ]]; then builtin echo {failed} >&2; exit "$_nbflow_status"; fi',
    ]


def read_captured(text: str, wanted: Iterable[Captured]) -> dict[Captured, str]:
    """Read the file.

    Parameters
    ----------
    text : str
        Its content.
    wanted : iterable of Captured
        As given to `epilogue`.

    Returns
    -------
    dict of Captured to str
        Without those that the script did not set; empty if the file is no such file.
    """
    listed = list(wanted)
    match = re.fullmatch("".join(map(_pattern, listed)), text, re.DOTALL)
    found = dict(zip(listed, match.groups(), strict=True)) if match else {}
    return {each: value for each, value in found.items() if value is not None}


def _pattern(each: Captured) -> str:
    end = f"/{each.block}/" + ("=exit:0" if each.kind == "eval" else "")
    return f"(?:{each.block}=(.*)\n{end}\n)?"
