"""What a body reaches: from the names that it reads through functions, classes and local modules to the end.

Alone walks from name to name. Resolves names in the namespace that it is given; imports nothing and changes nothing.
What it finds is both what is hashed and what is shipped, so that a task sees exactly what was hashed.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nbflow.core.code.code_walk import CodeDigest, DigestValue
from nbflow.core.code.modules import Modules
from nbflow.core.code.reached import Reached
from nbflow.core.code.walk import Walk
from nbflow.core.parts import Part, combine
from nbflow.core.values.hashing import Digester


@dataclass(frozen=True, slots=True)
class Reach:
    """What a body's code reaches.

    Attributes
    ----------
    captured : dict of str to object
        Every notebook global to ship: data, functions and classes, by name; modules and builtins are not among them.
    parts : tuple of Part
        Hash parts, sorted by kind and name: ``global``, ``function``, ``class``, ``alias`` (a name for a module),
        ``module`` (a local file), ``data`` (files beside one), ``package``, ``env``, ``sharing``, ``annotations``, ``docstrings``, ``hidden``
        (globals of functions that live in another namespace).
    modules_to_import : tuple of str
        Installed modules that the code imports or uses: worth loading before a worker forks.
    submodules : tuple of str
        Modules that must be imported before the body runs, since code reaches them as attributes of their package.
    module_aliases : dict of str to str
        Globals that are modules: name to module.
    strings : frozenset of str
        String constants of all code that was reached, the body's among them.
    missing : frozenset of str
        Names that are found nowhere.
    unknown : tuple of str
        Why the code may read more than was found, in sentences; empty when all was found.
    sources : dict of str to str
        Texts of the cells that reached code was defined in, by file name.
    notebook_classes : dict of str to bytes
        Digests of the classes of the notebook, by global name.
    superseded : dict
        Code that lost its name: a class whose cell ran again with the same code, functions and classes of a local module
        that was loaded again. They count, and travel, as what has the name now.
    notes : tuple of str
        What a user should be warned of, in sentences.
    draws_random : bool
        Whether the code draws from a global random generator that it does not seed itself.
    reads_task : bool
        Whether functions that it calls read ``task``.
    """

    captured: dict[str, Any]
    parts: tuple[Part, ...]
    modules_to_import: tuple[str, ...]
    submodules: tuple[str, ...]
    module_aliases: dict[str, str]
    strings: frozenset[str]
    missing: frozenset[str]
    unknown: tuple[str, ...]
    sources: dict[str, str]
    notebook_classes: dict[str, bytes]
    superseded: dict[Any, Any]
    notes: tuple[str, ...]
    draws_random: bool
    reads_task: bool


def digest_by_content(value: Any, code: CodeDigest, name: str) -> bytes:
    """Digest a value by its content alone; the `digest_value` of callers that stage no files."""
    return Digester(code=code).digest(value, name)


def reach(
    reads: Iterable[str],
    namespace: dict[str, Any],
    *,
    digest_value: DigestValue = digest_by_content,
    sys_path: Iterable[str],
    tree: ast.Module | None = None,
    environ: Mapping[str, str] | None = None,
    values: Mapping[str, Any] | None = None,
    declared_reads: Iterable[str] = (),
    declared_env: Iterable[str] = (),
) -> Reach:
    """Find all that a body's code reaches.

    Parameters
    ----------
    reads : iterable of str
        Names that the body may read before it binds them, without its inputs.
    namespace : dict
        The notebook's.
    digest_value : callable
        ``digest_value(value, code, name)`` digests a value; it calls ``code`` with each function, class and module
        inside.
    sys_path : iterable of str
        Where the worker will look for modules.
    tree : ast.Module or None
        The body.
    environ : mapping of str to str or None
        The environment of the task; None for this process's.
    values : mapping of str to object or None
        Inputs: what their functions and classes reach counts too, they themselves do not.
    declared_reads, declared_env : iterable of str
        What the user declares that the code reads by computed names: globals and modules, and environment variables.
        When given, such access is no longer unknown.

    Returns
    -------
    Reach

    Raises
    ------
    UnhashableInputError
        If a global that is read cannot be hashed surely.
    """
    walk = Walk(namespace, digest_value, Modules(sys_path), os.environ if environ is None else environ)
    if tree is not None:
        walk.start(tree)
    for name, value in (values or {}).items():
        walk.value_given(value, name)
    declared = frozenset(declared_reads)
    walk.read(namespace, frozenset(reads) | declared, "")
    walk.needs(declared - namespace.keys())
    return _reach_of(walk.finish(frozenset(declared_env), knows_all=bool(declared)))


def _reach_of(found: Reached) -> Reach:
    return Reach(
        captured=dict(sorted(found.captured.items())),
        parts=found.parts(),
        modules_to_import=tuple(sorted(found.installed)),
        submodules=tuple(sorted(found.submodules)),
        module_aliases=dict(sorted(found.aliases.items())),
        strings=frozenset(found.mentions.strings),
        missing=frozenset(found.missing),
        unknown=tuple(sorted(found.unknown)),
        sources=found.sources,
        notebook_classes=found.classes,
        superseded=found.superseded,
        notes=tuple(sorted(found.notes)),
        draws_random=found.draws_random,
        reads_task=found.reads_task,
    )


class CodeDigester:
    """Digests a function or class with all that it reaches, for values that travel without a body.

    Parameters
    ----------
    sys_path : iterable of str or None
        Where the worker will look for modules; None for this process's path.
    environ : mapping of str to str or None
        The environment of the task; None for this process's.
    digest_value : callable
        As `reach` takes it.
    """

    def __init__(
        self,
        sys_path: Iterable[str] | None = None,
        environ: Mapping[str, str] | None = None,
        digest_value: DigestValue = digest_by_content,
    ) -> None:
        self._sys_path = sys_path
        self._environ = environ
        self._digest_value = digest_value

    def __call__(self, value: object) -> bytes:
        """Digest code: 16 bytes."""
        sys_path = sys.path if self._sys_path is None else self._sys_path
        environ = os.environ if self._environ is None else self._environ
        walk = Walk({}, self._digest_value, Modules(sys_path), environ)
        own = walk.code(value)
        found = walk.finish(frozenset(), knows_all=False)
        return combine("reached", [own, *sorted(part.chunk for part in found.parts())])
