"""Modules: where their code lies, and what of it counts, without importing anything.

Alone decides what is local and what is installed. Local code counts by its files, as a worker will import them; installed
code by its distribution's name and version. Reads files and directories, and the kernel's modules to compare with.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
import sysconfig
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from pathlib import Path

import xxhash

from nbflow.core.code.distributions import distributions_of, is_site
from nbflow.core.code.mentions import Mentions
from nbflow.core.code.scan import mentions_of
from nbflow.core.code.source import normal_form
from nbflow.core.parts import combine

# What runs a task is no part of what it computes, wherever it was loaded from; `SCHEME` says when it must count.
_OWN = __name__.partition(".")[0]
_Analysis = tuple[bytes, bytes, Mentions, "ast.Module | None"]
_MOST_KNOWN = 1024
_known: dict[tuple[bytes, bool], _Analysis] = {}
_STDLIB = tuple({os.path.realpath(sysconfig.get_path(name)) + os.sep for name in ("stdlib", "platstdlib")})


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file of a local module, as a worker will import it.

    Attributes
    ----------
    module : str
        Dotted name.
    path : str
        Absolute.
    content : bytes
        Digest of its bytes.
    digest : bytes
        Digest of what counts of it: the normal form of Python code, the bytes of anything else.
    docstrings : bytes
        Digest of the same with docstrings.
    mentions : Mentions
        What its code mentions.
    tree : ast.Module or None
        Its syntax tree.
    """

    module: str
    path: str
    content: bytes
    digest: bytes
    docstrings: bytes
    mentions: Mentions
    tree: ast.Module | None


class Modules:
    """Looks modules up as a worker with this search path will find them.

    Parameters
    ----------
    sys_path : iterable of str
        The module search path; ``""`` is the current directory.
    """

    def __init__(self, sys_path: Iterable[str]) -> None:
        self._path = [os.path.abspath(entry) if entry else os.getcwd() for entry in sys_path]
        self._specs: dict[str, ModuleSpec | None] = {}
        self._homes: dict[str, str] = {}

    def home(self, module: str) -> str:
        """Say where a module's code lies.

        Returns
        -------
        str
            ``stdlib``, ``installed``, ``local``, or ``unknown`` when there is no such module.
        """
        if module not in self._homes:
            self._homes[module] = self._home(module)
        return self._homes[module]

    def _home(self, module: str) -> str:
        top = module.partition(".")[0]
        if top in sys.builtin_module_names or top == _OWN:
            return "stdlib"
        spec = self.spec(top)
        if spec is None:
            return "stdlib" if top in sys.stdlib_module_names else "unknown"
        homes = {self._home_of_path(top, path) for path in _places(spec)}
        for home in ("local", "installed", "stdlib"):
            if home in homes:
                return self._home_of_part(module) if home == "local" and len(homes) > 1 else home
        return "stdlib"

    def _home_of_part(self, module: str) -> str:
        """Find where one part of a namespace package lies that has both local and installed parts."""
        spec = self.spec(module)
        homes = {self._home_of_path(module.partition(".")[0], path) for path in _places(spec)} if spec else set()
        return "installed" if homes == {"installed"} else "local"

    def _home_of_path(self, top: str, path: str) -> str:
        if not is_site(path) and _is_stdlib(os.path.dirname(path)):
            return "stdlib"
        return "installed" if self.distributions(top) else "local"

    def distributions(self, module: str) -> tuple[tuple[str, str], ...]:
        """Find the installed distributions that hold a module: name and version, sorted."""
        spec = self.spec(module.partition(".")[0])
        return distributions_of(module.partition(".")[0], tuple(_site_directories(spec))) if spec else ()

    def spec(self, module: str) -> ModuleSpec | None:
        """Find a module without importing it or its parents; None if there is none."""
        if module not in self._specs:
            self._specs[module] = self._find(module)
        return self._specs[module]

    def _find(self, module: str) -> ModuleSpec | None:
        parent, _, _ = module.rpartition(".")
        if not parent:
            return PathFinder.find_spec(module, self._path) or _editable_spec(module)
        package = self.spec(parent)
        if package is None or package.submodule_search_locations is None:
            return None
        return PathFinder.find_spec(module, list(package.submodule_search_locations))

    def local_files(self, names: Iterable[str]) -> dict[str, LocalFile]:
        """Read the files of local modules, of the local modules that they import, and of their packages.

        Parameters
        ----------
        names : iterable of str
            Dotted names; those that are not local are left out.

        Returns
        -------
        dict of str to LocalFile
            By module name; a package without ``__init__.py`` has no file.
        """
        found: dict[str, LocalFile] = {}
        seen: set[str] = set()
        pending = sorted(names)
        while pending:
            module = pending.pop()
            if module in seen or not module:
                continue
            seen.add(module)
            pending.append(module.rpartition(".")[0])
            if self.home(module) != "local" or (file := self._read(module)) is None:
                continue
            found[module] = file
            pending.extend(self.imports_of(file))
        return found

    def _read(self, module: str) -> LocalFile | None:
        spec = self.spec(module)
        origin = spec.origin if spec is not None and spec.has_location else None
        return _read_file(module, origin) if origin is not None else None

    def imports_of(self, file: LocalFile) -> set[str]:
        """Name the modules that a local file imports, relative ones resolved."""
        spec = self.spec(file.module)
        is_package = spec is not None and spec.submodule_search_locations is not None
        package = file.module if is_package else file.module.rpartition(".")[0]
        return {absolute_name(name, level, package) for name, level in file.mentions.modules}


def absolute_name(name: str, level: int, package: str) -> str:
    """Resolve a module named with `level` leading dots inside a package."""
    if level == 0:
        return name
    base = package
    for _ in range(level - 1):
        base = base.rpartition(".")[0]
    return f"{base}.{name}".strip(".")


@lru_cache(maxsize=512)
def _is_stdlib(directory: str) -> bool:
    return (os.path.realpath(directory) + os.sep).startswith(_STDLIB)


def _places(spec: ModuleSpec) -> list[str]:
    if spec.origin is not None and spec.has_location:
        return [spec.origin]
    return list(spec.submodule_search_locations or ())


def _site_directories(spec: ModuleSpec) -> Iterable[str]:
    """The directories that hold the module, where installers put their records too."""
    for place in _places(spec):
        parent = os.path.dirname(place)
        yield os.path.dirname(parent) if os.path.basename(place).startswith("__init__.") else parent


def _editable_spec(module: str) -> ModuleSpec | None:
    """Ask the finders that editable installs leave behind; others may import or change things."""
    for finder in sys.meta_path:
        maker = type(finder).__module__ if not isinstance(finder, type) else finder.__module__
        if maker.startswith("__editable__") and (spec := finder.find_spec(module, None, None)) is not None:
            return spec
    return None


def _read_file(module: str, path: str) -> LocalFile:
    data = _bytes_at(path)
    content = xxhash.xxh3_128_digest(data)
    key = content, path.endswith(tuple(EXTENSION_SUFFIXES))
    if key not in _known:
        if len(_known) > _MOST_KNOWN:
            _known.clear()
        _known[key] = _analysed(*key, data)
    digest, docstrings, mentions, tree = _known[key]
    return LocalFile(module, path, content, digest, docstrings, mentions, tree)


def _bytes_at(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except NotADirectoryError:
        archive = next(str(parent) for parent in Path(path).parents if parent.is_file())
        with zipfile.ZipFile(archive) as packed:
            return packed.read(os.path.relpath(path, archive).replace(os.sep, "/"))


def _analysed(content: bytes, compiled: bool, data: bytes) -> _Analysis:
    try:
        tree = None if compiled else ast.parse(importlib.util.decode_source(data))
    except (SyntaxError, ValueError, RecursionError):
        tree = None  # importing it will fail in the task, which then says so
    if tree is None:
        raw = combine("file", [content])
        return raw, raw, Mentions(), None
    plain = combine("module", [normal_form(tree, annotations=True, docstrings=False)])
    full = combine("module", [normal_form(tree, annotations=True, docstrings=True)])
    return plain, full, mentions_of(tree), tree
