"""Which settings of ``ext`` a process reads: only those count for the task hash, and only those are given to its tasks.

Alone decides it, from texts and syntax trees. Where the use of a name cannot be followed, all settings count. What is
missed here all the same is missing in the task and fails it there: it never changes a result unseen.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import lru_cache

from nbflow.core.declaration.process import Process

Keys = frozenset[str] | None
"""Names of settings; None where any may be read."""

_MENTION = re.compile(r"(?<![A-Za-z0-9])ext(?![A-Za-z0-9])")
_USE = re.compile(r"""ext(?:\s*\.\s*([A-Za-z]\w*)|\s*\[\s*(?:'([A-Za-z]\w*)'|"([A-Za-z]\w*)")\s*\]|_(\w+))""")
_BARE_TASK = re.compile(r"(?<![\w.])task(?!\w)(?!\s*\.\s*[A-Za-z])")
_TASK = "task"


def ext_keys(process: Process, *, task_is_read_elsewhere: bool = False) -> frozenset[str]:
    """The settings of ``ext`` that a process may read.

    Parameters
    ----------
    process : Process
        The process.
    task_is_read_elsewhere : bool
        Whether functions that its body reaches read ``task``.
    """
    directives = process.directives
    if not directives.ext:
        return frozenset()
    globs = [
        leaf.argument or "" for output in process.outputs or () if output.source for _, leaf in output.source.leaves("")
    ]
    found = [_in_expressions(text) for text in (*directives.expressions, *globs)]
    around = (process.bash_text, directives.before_script, directives.after_script)
    found += [_in_text(process.text), *map(_in_text, around)] if process.body is None else [_in_tree(process.body.tree)]
    if task_is_read_elsewhere or None in found:
        return frozenset(directives.ext)
    return frozenset(directives.ext).intersection(frozenset[str]().union(*filter(None, found)))


def _in_expressions(text: str) -> Keys:
    return None if _BARE_TASK.search(text) else _in_text(text)


def _in_text(text: str) -> Keys:
    """In a script, or another text: ``ext.NAME``, ``ext["NAME"]`` or ``task_ext_NAME``."""
    uses = [_USE.match(text, mention.start()) for mention in _MENTION.finditer(text)]
    return None if None in uses else frozenset(name for use in uses if use for name in use.groups() if name)


@lru_cache(maxsize=64)
def _in_tree(tree: ast.Module) -> Keys:
    """In a Python body; ``task`` by itself may lead anywhere."""
    followed, keys = set[int](), list[Keys]()
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(ast.Attribute(owner, "ext"), str(key)) | ast.Subscript(
                ast.Attribute(owner, "ext"), ast.Constant(str(key))
            ) if not key.startswith("_"):
                followed |= {id(node.value), id(owner)}
                keys.append(frozenset((key,)))
            case ast.Attribute(_, "ext") if id(node) not in followed:
                keys.append(None)
            case ast.Attribute(ast.Name(name) as owner, attribute) if name == _TASK and not attribute.startswith("_"):
                followed.add(id(owner))
            case ast.Constant(str(text)) if _MENTION.search(text):
                keys.append(_in_expressions(text))
    return None if None in keys or _is_used_otherwise(tree, followed) else frozenset[str]().union(*filter(None, keys))


def _is_used_otherwise(tree: ast.Module, followed: Iterable[int]) -> bool:
    """Whether ``task`` is passed on, or is reached by another way than its name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == _TASK and id(node) not in followed:
            return True
        if isinstance(node, ast.Attribute) and node.attr == _TASK:
            return True
        if isinstance(node, (ast.Import, ast.ImportFrom)) and any(
            _TASK in (each.name, each.asname) for each in node.names
        ):
            return True
    return False
