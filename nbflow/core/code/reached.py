"""What a walk has found so far: hash parts, modules, environment, and what could not be resolved.

Alone turns mentions into hash parts: local files, distributions, environment variables. Walks no names.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from nbflow.core.code.drift import code_from_elsewhere, drifted
from nbflow.core.code.mentions import Mentions, is_history
from nbflow.core.code.modules import LocalFile, Modules
from nbflow.core.parts import Part, combine, shorten
from nbflow.core.secrets import MASK, is_secret
from nbflow.errors import UnhashableInputError

_IMPORTING = ("import_module", "__import__", "run_module", "entry_points", "iter_", "walk_packages")
_MADE_BY_EXTENSIONS = "_cython_"  # the types that all extensions of one Cython share; any of them makes it


class Reached:
    """The collection of what code reaches.

    Parameters
    ----------
    modules : Modules
        Looks modules up.
    environ : mapping of str to str
        The environment of the task.

    Attributes
    ----------
    wanted : set of str
        Modules that are still to be looked up.
    files : dict of str to LocalFile
        Local files that count, by module.
    mentions : Mentions
        What all code that was reached mentions.
    """

    def __init__(self, modules: Modules, environ: Mapping[str, str]) -> None:
        self._modules = modules
        self._environ = environ
        self._digests: dict[tuple[str, str], list[tuple[bytes, str]]] = {}
        self._dynamic: set[tuple[str, str]] = set()
        self._dynamic_env: set[tuple[str, str]] = set()
        self._registries: dict[bool, set[str]] = {False: set(), True: set()}
        self.wanted: set[str] = set()
        self.files: dict[str, LocalFile] = {}
        self.mentions = Mentions()
        self.captured: dict[str, Any] = {}
        self.installed: set[str] = set()
        self.submodules: set[str] = set()
        self.aliases: dict[str, str] = {}
        self.missing: set[str] = set()
        self.unknown: set[str] = set()
        self.sources: dict[str, str] = {}
        self.classes: dict[str, bytes] = {}
        self.superseded: dict[Any, Any] = {}
        self.notes: set[str] = set()
        self.reads_task = False

    def parts(self) -> tuple[Part, ...]:
        """The hash parts found, sorted; several functions of one name outside the notebook make one part."""
        found = []
        for (kind, name), entries in sorted(self._digests.items()):
            digests = sorted({digest for digest, _ in entries})
            digest = digests[0] if len(digests) == 1 else combine("several", digests)
            found.append(Part(kind, name, digest, entries[0][1]))
        return tuple(found)

    def part(self, kind: str, name: str, digest: bytes, shown: str) -> None:
        """Add a hash part."""
        self._digests.setdefault((kind, name), []).append((digest, shown))

    def dynamic(self, written: str, owner: str) -> None:
        """Note access that cannot be resolved."""
        self._dynamic.add((written, owner))

    def mentioned(self, found: Mentions, owner: str) -> None:
        """Take in what notebook code mentions."""
        self.mentions.add(found)
        self.wanted.update(name for name, level in found.modules if level == 0)
        self._dynamic.update((written, owner) for written in found.dynamic)
        self._dynamic_env.update((written, owner) for written in found.dynamic_env)

    def needs(self, module: str) -> None:
        """Note a module that code uses."""
        if module and module != "__main__":
            self.wanted.add(module)

    def take_modules(self) -> None:
        """Look the wanted modules up; the local files found may want more."""
        wanted, self.wanted = self.wanted, set()
        for module in sorted(wanted | self._used_submodules(wanted)):
            home = self._modules.home(module)
            if home == "installed":
                self._take_installed(module)
            elif home == "local":
                self._take_local(module)
            elif home == "unknown" and module in sys.modules:
                self._refuse_made(module)

    def is_local(self, module: str) -> bool:
        """Whether a module counts by its file."""
        return self._modules.home(module) == "local"

    def is_installed(self, module: str) -> bool:
        """Whether a module counts by its distribution's version."""
        return self._modules.home(module) in ("installed", "stdlib")

    def _take_installed(self, module: str) -> None:
        for name, version in self._modules.distributions(module):
            self._digests[("package", name)] = [(combine("package", [version.encode()]), version)]
        if self._modules.spec(module) is not None:
            self.installed.add(module)

    def _take_local(self, module: str) -> None:
        for name, file in self._modules.local_files((module,)).items():
            if name not in self.files:
                self.files[name] = file
                self.part("module", name, file.digest, file.path)
                self._take_file_mentions(name, file)
                if drifted(file):
                    self._note_drift(file)

    def take_registered(self) -> None:
        """Want the local modules that put functions or classes into those that count: a task must import them too."""
        heirs = "__subclasses__" in self.mentions.attributes
        for name in sorted(self.files.keys() - self._registries[heirs]):
            self._registries[heirs].add(name)
            others = code_from_elsewhere(name, heirs=heirs)
            local = {module for module in others - {"__main__"} if self._modules.home(module) == "local"}
            self.wanted |= local
            self.submodules |= local
            if "__main__" in others:
                self._note_drift(self.files[name])

    def _note_drift(self, file: LocalFile) -> None:
        self.notes.add(
            f"module `{file.module}` in this kernel differs from {file.path}; tasks run the file as it is now"
        )

    def _take_file_mentions(self, name: str, file: LocalFile) -> None:
        found = file.mentions
        self.mentions.add(found)
        self.wanted.update(self._modules.imports_of(file))
        importing = [written for written in found.dynamic if written.startswith(_IMPORTING)]
        self._dynamic.update((written, f"module `{name}`") for written in importing)
        self._dynamic_env.update((written, f"module `{name}`") for written in found.dynamic_env)

    def _used_submodules(self, wanted: set[str]) -> set[str]:
        """Modules that code reaches as attributes of a package which the kernel has loaded."""
        found: set[str] = set()
        pending = [name for name in (*wanted, *self.aliases.values()) if hasattr(sys.modules.get(name), "__path__")]
        while pending:
            package = pending.pop()
            for attribute in self.mentions.attributes:
                name = f"{package}.{attribute}"
                if name in sys.modules and name not in found and name not in self.files:
                    found.add(name)
                    pending.append(name)
        self.submodules |= found
        return found

    def _refuse_made(self, module: str) -> None:
        known = "__main__", *sys.builtin_module_names  # a task has a `__main__` of its own, with the notebook's names
        made = getattr(sys.modules[module], "__file__", None) is None and module not in known
        if made and "." not in module and not module.startswith(_MADE_BY_EXTENSIONS):
            raise UnhashableInputError(
                f"module `{module}` was made in this kernel and has no file, so a task cannot import it; "
                "put its code into a file beside the notebook",
                name=module,
            )

    @property
    def draws_random(self) -> bool:
        """Whether code draws from a global random generator that it does not seed itself."""
        return bool(self.mentions.draws and not self.mentions.seeds)

    @property
    def may_read_any_global(self) -> bool:
        """Whether some access names no global that is known from the text."""
        return any(not is_history(written) and not written.startswith(_IMPORTING) for written, _ in self._dynamic)

    def close(self, declared_env: frozenset[str], *, knows_all: bool) -> None:
        """Add what can be said only at the end."""
        self.mentions.env |= declared_env | (self.mentions.shell_variables() - self.captured.keys())
        self._take_environment(bool(declared_env))
        if not knows_all:
            self.unknown.update(_unknown_global(written, owner) for written, owner in self._dynamic)

    def _take_environment(self, declared: bool) -> None:
        for name in sorted(self.mentions.env):
            value = self._environ.get(name)
            chunks = [] if value is None else [value.encode("utf-8", "surrogateescape")]
            shown = "not set" if value is None else MASK if is_secret(name) else shorten(value)
            self.part("env", name, combine("env", chunks), shown)
        if not declared:
            self.unknown.update(_unknown_variable(written, owner) for written, owner in self._dynamic_env)


def _unknown_global(written: str, owner: str) -> str:
    if is_history(written):
        return f"`{written}` is a result of this session that another session does not have: give it a name of its own"
    if written.startswith(_IMPORTING):
        return f"`{written}` in {owner} may import any module: name those it imports with `#| reads: [MODULE]`"
    return f"`{written}` in {owner} may read any global: name those it reads with `#| reads: [NAME]`"


def _unknown_variable(written: str, owner: str) -> str:
    return f"`{written}` in {owner} may read any environment variable: name those it reads with `#| env: [NAME]`"
