"""The walk from name to name, which `closure` starts and reads the results of.

Alone resolves names: in the namespace where a function lives, then among the builtins. Each name becomes a part of its
own, so that the order of the walk and recursion among functions leave no trace in the digests.
"""

from __future__ import annotations

import ast
import builtins
import os
import sys
from collections.abc import Iterable, Mapping
from itertools import islice
from types import FunctionType, ModuleType
from typing import Any

from nbflow.core.code import sharing
from nbflow.core.code.annotated import annotations_digest
from nbflow.core.code.beside import files_beside
from nbflow.core.code.code_walk import LRU_CACHE, CodeWalk, DigestValue
from nbflow.core.code.definitions import (
    facts_of,
    function_digest,
    is_importable,
)
from nbflow.core.code.mentions import CODE_RUNNERS, is_history
from nbflow.core.code.modules import Modules
from nbflow.core.code.reached import Reached
from nbflow.core.code.scan import mentions_of
from nbflow.core.code.source import normal_form
from nbflow.core.parts import combine
from nbflow.core.values.preview import preview
from nbflow.errors import UnhashableInputError

PROVIDED = frozenset({"task", "display"})
"""Names that a body reads and that the worker, not the notebook, gives it."""

_MODULE_DUNDERS = frozenset(
    {"__name__", "__doc__", "__builtins__", "__spec__", "__loader__", "__package__", "__file__", "__debug__"}
    | {"__annotations__", "__import__", "__build_class__"}
)
_SHELL_NAMES = frozenset({"get_ipython", "exit", "quit", "open"})
_SEEING = CODE_RUNNERS | {"globals"}
_MISSING = object()
_HOLDERS = (list, tuple, set, frozenset)
_MOST_TYPES = 1000


class Walk(CodeWalk):
    """One walk over what code reaches, from name to name.

    Parameters
    ----------
    namespace, digest_value, modules, environ
        As `CodeWalk` takes them.
    """

    def __init__(
        self, namespace: dict[str, Any], digest_value: DigestValue, modules: Modules, environ: Mapping[str, str]
    ) -> None:
        super().__init__(namespace, digest_value, modules, environ)
        self._tree: ast.Module | None = None
        self._stars: dict[str, Any] = {}
        self._bare: dict[str, FunctionType] = {}
        self._data: dict[str, Any] = {}
        self._seeing: set[str] = set()

    # What the caller does: start, read, value, finish

    def start(self, tree: ast.Module) -> None:
        """Take in the body's own text."""
        self._tree = tree
        self._stars = _star_names(tree)
        self._mentioned(mentions_of(tree, top_level=True), self._namespace, "the body")

    def needs(self, modules: Iterable[str]) -> None:
        """Follow modules that code imports by computed names."""
        for module in modules:
            self.found.needs(module)

    def value_given(self, value: object, name: str) -> None:
        """Follow what an input leads to; its own digest is the caller's."""
        self._needs_types(value)
        self.value(value, name)

    def finish(self, declared_env: frozenset[str], *, knows_all: bool) -> Reached:
        """Walk to the end."""
        self._follow()
        if self.found.may_read_any_global and not knows_all:
            self._take_everything()
            self._follow()
        self._take_sharing()
        self._take_beside()
        self._take_observed()
        self.found.close(declared_env, knows_all=knows_all)
        return self.found

    def _follow(self) -> None:
        while self._queue or self.found.wanted:
            self._empty_queue()
            self.found.take_modules()
            self.found.take_registered()
            self._take_heirs()
            self._take_queried()
        for name in self._seeing & self.found.mentions.values:
            self.found.dynamic(name, "the code")

    # Names

    def _empty_queue(self) -> None:
        while self._queue:
            namespace, name, owner = self._queue.pop()
            value = namespace.get(name, _MISSING)
            if value is _MISSING or self._is_shells(name, value):
                self._absent(name)
            elif namespace is self._namespace:
                self._take_global(name, _held(value, "__nbflow_function__", value))
            else:
                self._take_hidden(name, value, owner)

    def _is_shells(self, name: str, value: object) -> bool:
        """Whether a name stands for what IPython puts into the namespace, which a worker has not."""
        if name not in _SHELL_NAMES:
            return False
        space = (
            value.__globals__ if isinstance(value, FunctionType) else {}
        )  # its `open` says that it is of another module
        maker = space.get("__name__") or getattr(value, "__module__", None) or type(value).__module__
        return str(maker).startswith(("IPython", "ipykernel"))

    def _absent(self, name: str) -> None:
        if name == "get_ipython":
            self.found.dynamic("get_ipython()", "the code")
        elif name in _SEEING:
            self._seeing.add(name)
        elif name not in PROVIDED and not hasattr(builtins, name):
            self.found.missing.add(name)

    def _take_global(self, name: str, value: Any) -> None:
        if name in _MODULE_DUNDERS or self._stars.get(name, _MISSING) is value:
            return
        if value is os.environ:
            raise UnhashableInputError(f"`{name}` is os.environ; write `os.environ` where it is read", name=name)
        if isinstance(value, ModuleType):
            self._take_alias(name, value)
            return
        if is_history(name):
            self.found.dynamic(name, "the code")
            self.found.captured[name] = value
            return
        self.found.captured[name] = value
        if _sees_names(value):
            self.found.dynamic(f"{name}(...)", "the code")
        if isinstance(value, (FunctionType, LRU_CACHE)):
            self._take_function(name, value)
        elif isinstance(value, type):
            self.found.part("class", name, self.code(value), "")
        else:
            self._data[name] = value
            self._needs_types(value)
            self.found.part("global", name, self._data_digest(name, value), preview(value, name))

    def _take_everything(self) -> None:
        """Take along all that can be, for code that may read any of it; what cannot is missing in the task, by name."""
        for name, value in list(self._namespace.items()):
            known = name in self.found.captured or is_history(name) or self._is_shells(name, value)
            if known or name.startswith("_") or _sees_names(value) or _held(value, "__nbflow_function__") is not None:
                continue
            try:
                self._take_global(name, value)
            except UnhashableInputError:
                self.found.captured.pop(name, None)

    def _needs_types(self, value: Any) -> None:
        """Note the modules whose methods a value brings along: of its own type, and of the types that it holds."""
        held = value.values() if isinstance(value, dict) else value if isinstance(value, _HOLDERS) else ()
        for kind in {type(value), *map(type, islice(held, _MOST_TYPES))}:
            self.found.needs(kind.__module__)

    def _data_digest(self, name: str, value: Any) -> bytes:
        compiled = _held(value, "py_func")
        if isinstance(compiled, FunctionType) and self.found.is_installed(type(value).__module__):
            # numba: its own state is a random identity and what it has compiled
            options = self.value(_held(value, "targetoptions"), name)
            return combine("compiled", [self.code(type(value)), self.code(compiled), options])
        return self.value(value, name)

    def _take_alias(self, name: str, module: ModuleType) -> None:
        if module.__name__ == "__main__":
            self.found.dynamic(name, "the code")
        self.found.aliases[name] = module.__name__
        self.found.part("alias", name, combine("alias", [module.__name__.encode()]), f"module {module.__name__}")
        self.found.needs(module.__name__)

    def _take_function(self, name: str, value: Any) -> None:
        if isinstance(value, FunctionType) and self._may_drop_annotations(name, value):
            self._bare[name] = value
            digest = function_digest(value, self, annotations=False)
        else:
            digest = self.code(value)
        self.found.part("function", name, digest, "")

    def _may_drop_annotations(self, name: str, function: FunctionType) -> bool:
        bare = function.__name__ == name == facts_of(function.__code__).bare_name
        return bare and not is_importable(function) and not self.is_older_copy(function)

    def _take_hidden(self, name: str, value: Any, owner: str) -> None:
        if name in _MODULE_DUNDERS:
            return
        if isinstance(value, ModuleType):
            digest = combine("alias", [value.__name__.encode()])
            self.found.needs(value.__name__)
        else:
            digest = self.value(value, f"{name} of {owner}()")
        self.found.part("hidden", f"{name} of {owner}", digest, preview(value, name))

    # At the end

    def _take_heirs(self) -> None:
        """Follow the notebook's subclasses of classes, where code may ask for them."""
        if "__subclasses__" in self.found.mentions.attributes:
            classes: list[type[object]] = [value for value in self.found.captured.values() if isinstance(value, type)]
            heirs = [heir.__name__ for cls in classes for heir in cls.__subclasses__()]
            self.read(self._namespace, heirs, "", surely=False)

    def _take_queried(self) -> None:
        """Follow the names that expressions mention, where pandas looks them up in the frame of its caller."""
        texts = [value for value in self._data.values() if isinstance(value, str)]
        self.read(self._namespace, self.found.mentions.queried(texts), "", surely=False)

    def _take_sharing(self) -> None:
        for names in sharing.groups(self._data):
            digest = self.value([self._data[name] for name in names], names[0])
            self.found.part("sharing", ", ".join(names), digest, "hold an object in common")

    def _take_beside(self) -> None:
        """Add the data files that local modules find where they lie."""
        for name, paths in sorted(files_beside(self.found.files, self.found.mentions).items()):
            self.found.part("data", name, self.value(paths, name), "\n".join(map(str, paths.values())))

    def _take_observed(self) -> None:
        """Add annotations and docstrings where code may look at them."""
        self.found.mentions.names.update(value for value in self._data.values() if isinstance(value, str))
        everything = self.found.mentions.reads_annotations
        for name, function in self._bare.items():
            if everything or name in self.found.mentions.values:
                self.found.part("annotations", name, annotations_digest(function, self), "annotations")
        if self.found.mentions.reads_docstrings:
            chunks = sorted({_docstring(*each) for each in self._documents}) + [
                file.docstrings for _, file in sorted(self.found.files.items())
            ]
            if self._tree is not None:
                chunks.append(normal_form(self._tree, docstrings=True))
            self.found.part("docstrings", "", combine("docstrings", chunks), "docstrings")
        if self.found.mentions.reads_text:
            texts = sorted(text.encode("utf-8", "surrogatepass") for text in self.found.sources.values())
            self.found.part("text", "", combine("text", texts), "text of the cells")
        self._empty_queue()


def _docstring(name: str, text: object) -> bytes:
    return combine("docstring", [name.encode(), repr(text).encode("utf-8", "surrogatepass")])


def _sees_names(value: object) -> bool:
    """Whether a value is the builtin that looks names up in the frame of its caller."""
    return any(value is getattr(builtins, name) for name in _SEEING)


def _held(value: Any, name: str, default: Any = None) -> Any:
    """An attribute that an object has itself: a class may make up an answer to any other name."""
    try:
        return object.__getattribute__(value, "__dict__").get(name, default)
    except AttributeError:
        return default


def _star_names(tree: ast.Module) -> dict[str, Any]:
    """Names that ``from module import *`` binds in the body: once they are in the notebook too, they are still its own."""
    found: dict[str, Any] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*" and node.module in sys.modules:
            module = sys.modules[node.module]
            public = getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")])
            found.update((name, getattr(module, name, _MISSING)) for name in public)
    return found
