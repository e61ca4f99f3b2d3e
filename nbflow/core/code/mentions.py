"""What a piece of code mentions besides names: modules, strings, environment variables, and access that no reader can follow.

Alone says what a mention means: what the code may look at. Knows no syntax (`scan` finds the mentions) and no values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

HISTORY_NAMES = frozenset({"_", "__", "___", "_i", "_ii", "_iii", "_ih", "_oh", "_dh", "In", "Out"})
"""IPython's names for earlier inputs and outputs; ``_12`` and ``_i12`` are others."""

CODE_RUNNERS = frozenset({"eval", "exec"})
"""Builtins that run text as code."""

FRAME_READERS = frozenset({"query", "eval", "evaluate"})
"""Methods that evaluate an expression in their caller's frame: pandas' and numexpr's."""

_READS_ANNOTATIONS = frozenset(
    {"__annotations__", "__annotate__", "annotationlib", "get_type_hints", "get_annotations", "signature", "Signature"}
    | {"getfullargspec", "singledispatch", "singledispatchmethod", "validate_call", "beartype", "typechecked"}
)
_READS_DOCSTRINGS = frozenset({"__doc__", "getdoc", "help", "pydoc", "docopt", "doctest", "getcomments"})
_READS_TEXT = frozenset({"getsource", "getsourcelines", "findsource", "getblock", "getcomments"})
_FINDS_FILES = frozenset(
    {"__file__", "__path__", "__spec__", "resources", "importlib_resources", "get_data", "get_resource_reader"}
    | {"getfile", "getsourcefile", "pkg_resources", "resource_filename", "resource_string", "resource_stream"}
)
_RUNS_SHELLS = frozenset(
    {"subprocess", "system", "popen", "getoutput", "getstatusoutput", "create_subprocess_shell", "expandvars"}
    | {"__nbflow_system__", "__nbflow_getoutput__"}
)
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)")
_QUERIED = re.compile(r"@([A-Za-z_]\w*)")


@dataclass(slots=True)
class Mentions:
    """What code mentions.

    Attributes
    ----------
    modules : set of tuple of (str, int)
        Modules imported anywhere, with the number of leading dots; ``from m import a`` mentions `m` and `m.a`.
    strings : set of str
        String constants.
    env : set of str
        Environment variables read by a constant name.
    names : set of str
        Globals read by a constant name, as in ``globals()["K"]``.
    dynamic : set of str
        Access that cannot be resolved: what is written, as in ``eval(...)``.
    dynamic_env : set of str
        Uses of the environment by a name that is computed.
    attributes : set of str
        Names of attributes.
    values : set of str
        Names used other than to be called: what they stand for may be looked into.
    calls : set of str
        Names that are called.
    draws : set of str
        Functions that draw from a global random generator.
    seeds : set of str
        Functions that seed one.
    """

    modules: set[tuple[str, int]] = field(default_factory=set)
    strings: set[str] = field(default_factory=set)
    env: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    dynamic: set[str] = field(default_factory=set)
    dynamic_env: set[str] = field(default_factory=set)
    attributes: set[str] = field(default_factory=set)
    values: set[str] = field(default_factory=set)
    calls: set[str] = field(default_factory=set)
    draws: set[str] = field(default_factory=set)
    seeds: set[str] = field(default_factory=set)

    def add(self, other: Mentions) -> None:
        """Take in what another piece of code mentions."""
        for name in Mentions.__slots__:
            if found := getattr(other, name):
                getattr(self, name).update(found)

    @property
    def reads_annotations(self) -> bool:
        """Whether something may look at annotations of functions."""
        return self._has(_READS_ANNOTATIONS)

    @property
    def reads_docstrings(self) -> bool:
        """Whether something may look at docstrings."""
        return self._has(_READS_DOCSTRINGS)

    @property
    def reads_text(self) -> bool:
        """Whether something may look at the text of functions and classes, comments and all."""
        return self._has(_READS_TEXT)

    @property
    def finds_files(self) -> bool:
        """Whether code may look for files beside itself."""
        return self._has(_FINDS_FILES)

    def shell_variables(self) -> frozenset[str]:
        """Names of environment variables that strings mention as ``$NAME``, where code runs shell commands."""
        if not self._has(_RUNS_SHELLS):
            return frozenset()
        return frozenset(name for text in self.strings for name in _VARIABLE.findall(text))

    def queried(self, texts: Iterable[str]) -> frozenset[str]:
        """Names that expressions mention as ``@name``, where code has them evaluated in its own frame."""
        if FRAME_READERS.isdisjoint(self.attributes):
            return frozenset()
        return frozenset(name for text in (*self.strings, *texts) for name in _QUERIED.findall(text))

    def _has(self, words: frozenset[str]) -> bool:
        kinds = (self.attributes, self.values, self.calls, self.strings, self.names)
        imported = {part for module, _ in self.modules for part in module.split(".")}
        return not all(words.isdisjoint(kind) for kind in (*kinds, imported))


def is_history(name: str) -> bool:
    """Whether a name is IPython's for an earlier input or output, whose numbers change between sessions."""
    return name in HISTORY_NAMES or (name[:1] == "_" and name.removeprefix("_").removeprefix("i").isdigit())
