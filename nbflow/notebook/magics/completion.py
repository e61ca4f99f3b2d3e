"""Completion: whether what is typed is nbflow's, in a look. What is then proposed lies in `nbflow.notebook.magics.proposals`.

Alone here: IPython's matcher. Loading nbflow registers it, so it imports nothing until somebody asks within a line of nbflow's.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

from nbflow.notebook.environment import Place

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

Matcher = Callable[[CompletionContext], SimpleMatcherResult]

_OPTION = re.compile(r"#\|\s*(?:([\w-]+)\s*:\s*)?\S*")
_PROCESS = re.compile(r"%%process\s+(?:--rerun\s+)?[\w-]*")
_MAGIC = re.compile(r"\s*%(nbflow|resume)\s")


def complete(shell: InteractiveShell, place: Place) -> Matcher:
    """Make the matcher of a shell.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The shell.
    place : Place
        Whose history it proposes.
    """

    def matcher(context: CompletionContext) -> SimpleMatcherResult:
        found = _found(context, shell.user_ns, place)
        token = context.token.lower()
        fitting = [SimpleCompletion(text, type=kind) for text, kind in found if text.lower().startswith(token)]
        # Where nbflow has something, Python's names and the directory's files only stand in the way.
        return {"completions": fitting, "suppress": bool(fitting), "ordered": True}

    marked: Matcher = context_matcher(identifier="nbflow")(matcher)
    return marked


def _found(context: CompletionContext, namespace: dict[str, Any], place: Place) -> list[tuple[str, str]]:
    before = context.text_until_cursor
    in_process = context.full_text.startswith("%%process")
    option = _OPTION.fullmatch(before) if in_process and context.cursor_line else None
    magic = _MAGIC.match(before)
    if option is None and magic is None and not _PROCESS.fullmatch(before):
        return []
    from nbflow.notebook.magics import proposals

    if option is not None:
        return proposals.directive_values(option[1]) if option[1] else proposals.directive_names(context.full_text)
    if magic is None:
        return proposals.process_names(namespace)
    words = before[magic.end() :].split(" ")[:-1]
    return proposals.Commands(namespace, place).after([word for word in (magic[1], *words) if word])
