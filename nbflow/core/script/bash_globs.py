"""Patterns of files as bash writes them: for what a script made in a directory that only its own shell sees.

Alone knows how a pattern becomes a word of bash that can do nothing but match. Texts in, texts out.
"""

from __future__ import annotations

import re

from nbflow.core.script.shell import quote

_PIECE = re.compile(r"\[([*?\[])\]|(\*+|\?)|(\[[!^]?\]?[^\]/]*\])|([^*?\[]+|\[)", re.DOTALL)


def bash_word(pattern: str) -> str:
    """A pattern as a word of bash.

    Parameters
    ----------
    pattern : str
        With ``*``, ``?``, ``[...]`` and ``**``; ``[*]`` stands for the character itself.
    """
    return "".join(_piece(match) for match in _PIECE.finditer(pattern))


def _piece(match: re.Match[str]) -> str:
    escaped, star, bracket, plain = match.groups()
    if bracket:
        return _bracket(bracket)
    return star or quote(escaped or plain)


def _bracket(text: str) -> str:
    inner = text[1:-1]
    negated = "!" if inner[:1] in ("!", "^") else ""
    rest = inner[len(negated) :]
    return f"[{negated}{''.join(c if c.isalnum() or c in '-_.' else quote(c) for c in rest)}]"
