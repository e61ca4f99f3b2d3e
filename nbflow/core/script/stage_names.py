"""Under which names files go into a script's work directory: ``stage_as``, with Nextflow's ``*`` and ``?``.

Alone knows these patterns (nextflow.io, process inputs, "Input file name"). Texts in, texts out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence


def stage_names(pattern: str, names: Sequence[str]) -> list[str]:
    """Name the files of one input.

    Parameters
    ----------
    pattern : str
        As in ``reads_*.fq``. A last part ``*`` is the file's own name. Elsewhere in the last part ``*`` is the file's
        number, from 1, and nothing where the input is a single file; in directories it always is the number. ``?``, ``??``,
        ... is the number, with as many digits. A pattern without any gets the number at its end where there are several
        files.
    names : sequence of str
        Their own names, in order.

    Returns
    -------
    list of str
        Relative names, in order.
    """
    if len(names) > 1 and not re.search(r"[*?]", pattern):
        pattern = f"{pattern}*"
    return [_name(pattern, name, number, single=len(names) == 1) for number, name in enumerate(names, 1)]


def _name(pattern: str, own: str, number: int, *, single: bool) -> str:
    folder, slash, last = pattern.rpartition("/")
    named = own if last in ("", "*") else _numbered(last, "" if single else str(number), number)
    return _numbered(folder, str(number), number) + slash + named


def _numbered(text: str, star: str, number: int) -> str:
    return re.sub(r"\?+", lambda marks: str(number).zfill(len(marks[0])), text.replace("*", star))
