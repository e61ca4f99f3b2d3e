"""Source code as coloured pieces, so that a front end needs no highlighter.

Alone asks Pygments, which comes with IPython.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pygments.lexer import Lexer

_MOST = 200_000
_SHELLS = ("sh", "bash", "dash", "zsh", "ksh")


def pieces(source: str) -> list[list[str]]:
    """Take code apart.

    Parameters
    ----------
    source : str
        With its ``#!`` line, which says the language; Python without one.

    Returns
    -------
    list of [str, str]
        Pygments' short class of a piece, empty for plain text, and the text.
    """
    if len(source) > _MOST:
        return [["", source[:_MOST]], ["c", f"\n… {len(source) - _MOST:,} characters more\n"]]
    made: list[list[str]] = []
    for token, text in _lexer(source).get_tokens(source):
        kind = _kind(token)
        if made and made[-1][0] == kind:
            made[-1][1] += text
        else:
            made.append([kind, text])
    return made


def language_of(source: str) -> str:
    """The language that a ``#!`` line names, as in ``bash``; ``python`` without one."""
    first = source.lstrip("\n").partition("\n")[0]
    if not first.startswith("#!"):
        return "python"
    words = [word.rpartition("/")[2] for word in first[2:].split() if not word.startswith("-")]
    name = next((word for word in words if word != "env"), "bash")
    return name.rstrip("0123456789.").lower() or "bash"


def _lexer(source: str) -> Lexer:
    from pygments.lexers import BashLexer, PythonLexer, find_lexer_class_by_name
    from pygments.util import ClassNotFound

    name = language_of(source)
    options = {"stripnl": False, "ensurenl": False}
    if name == "python":
        return PythonLexer(**options)
    if name in _SHELLS:
        return BashLexer(**options)
    try:
        return find_lexer_class_by_name({"rscript": "r"}.get(name, name))(**options)
    except ClassNotFound:
        return BashLexer(**options)


def _kind(token: Any) -> str:
    from pygments.token import STANDARD_TYPES, Token

    while token is not Token and token not in STANDARD_TYPES:
        token = token.parent
    return str(STANDARD_TYPES.get(token, ""))
