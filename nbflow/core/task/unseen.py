"""Files that a body looks for by a pattern, where a task has none of them: its working directory is its own.

Alone finds such patterns, and looks whether the launch directory has what they would match. Decides nothing: what is
found is told to the user.
"""

from __future__ import annotations

import ast
import glob
from functools import lru_cache

from nbflow.core.code.source import Body

_FINDERS = frozenset({"glob", "iglob", "rglob"})


def unseen(body: Body, launch_dir: str) -> tuple[str, ...]:
    """Say which patterns match files of the launch directory that the task will not see, in sentences.

    Parameters
    ----------
    body : Body
        The body; what it finds in places that it names by absolute paths is seen.
    launch_dir : str
        Where the files are looked for.
    """
    found = ((pattern, _matches(pattern, launch_dir)) for pattern in _patterns(body.text))
    return tuple(
        f"`{pattern}` finds nothing of the launch directory ({count} there match): a task runs in a directory of its own; "
        "pass the files as an input, as in `channel.from_path(...)` or a list of paths"
        for pattern, count in found
        if count
    )


def _matches(pattern: str, launch_dir: str) -> int:
    return len(glob.glob(pattern, root_dir=launch_dir, recursive=True))


@lru_cache(maxsize=256)
def _patterns(text: str) -> tuple[str, ...]:
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    found = (_pattern(call) for call in calls)
    return tuple(sorted({pattern for pattern in found if pattern and not pattern.startswith(("/", "~"))}))


def _pattern(call: ast.Call) -> str:
    """The constant that a call of ``glob.glob`` or of a relative path's ``glob`` is given; empty for other calls."""
    called = call.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    given = call.args[0].value if call.args and isinstance(call.args[0], ast.Constant) else None
    if name not in _FINDERS or not isinstance(given, str):
        return ""
    inside = _directory(called.value) if isinstance(called, ast.Attribute) else ""
    return "" if inside is None else f"{inside}{'**/' * (name == 'rglob')}{given}"


def _directory(owner: ast.expr) -> str | None:
    """The directory of ``Path("data").glob`` with a slash; empty for the module `glob`, None for what is not known."""
    if isinstance(owner, ast.Name):
        return "" if owner.id == "glob" else None
    is_path = isinstance(owner, ast.Call) and getattr(owner.func, "attr", getattr(owner.func, "id", "")) == "Path"
    if not is_path:
        return None
    assert isinstance(owner, ast.Call)
    arguments = [argument.value if isinstance(argument, ast.Constant) else None for argument in owner.args]
    if not arguments:
        return ""
    return f"{arguments[0]}/" if isinstance(arguments[0], str) else None
