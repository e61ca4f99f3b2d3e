"""What a body changed of what it was given, found by digests.

Works inside the worker, after the body. Knows nothing of how outputs are stored.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbflow.core.parts import combine
from nbflow.core.values.hashing import Digester
from nbflow.core.values.objects import named
from nbflow.errors import UnhashableInputError
from nbflow.execution.spec import WorkerSpec
from nbflow.execution.worker.namespace import load_captured

Classes = Mapping[type, tuple[str, str]]
"""The notebook's classes, as captured: name, and digest of the code in hex."""

_MISSING = object()
_UNCHANGEABLE = (int, float, complex, str, bytes, bool, type(None))


class Codes:
    """Digests of code met inside values; unsure ones are bound to this task, so that they never equal another's.

    Parameters
    ----------
    spec : WorkerSpec
        The task.
    classes : mapping of type to (str, str)
        The notebook's classes, as captured: name, and digest in hex.

    Attributes
    ----------
    met_class : bool
        Whether a class of the notebook was among them.
    met_code : bool
        Whether code was that travels by value.
    """

    def __init__(self, spec: WorkerSpec, classes: Classes) -> None:
        self.task = bytes.fromhex(spec.hash)
        self.classes = classes
        self.met_class = False
        self.met_code = False

    def __call__(self, obj: object) -> bytes:
        """Digest a function, class, builtin or module."""
        known = self.classes.get(obj) if isinstance(obj, type) else None
        if known is not None:
            self.met_class = True
            return bytes.fromhex(known[1])
        module = getattr(obj, "__module__", None) or getattr(obj, "__name__", "")
        version = _version(str(module).partition(".")[0])
        if version is None or "<" in getattr(obj, "__qualname__", ""):
            self.met_code = True
            return combine("code of a task", (named(obj), self.task))
        return combine("installed code", (named(obj), version.encode()))


def _version(package: str) -> str | None:
    """The version of an installed package, where it is sure; the Python version for what belongs to Python."""
    if package in sys.stdlib_module_names and package != "__main__":
        return sys.version
    module = sys.modules.get(package)
    place = getattr(module, "__file__", None) or ""
    version = getattr(module, "__version__", None)
    installed = any(part in ("site-packages", "dist-packages") for part in Path(place).parts)
    return version if installed and isinstance(version, str) else None


def captured_classes(spec: WorkerSpec, namespace: Mapping[str, Any]) -> Classes:
    """The notebook's classes as they were captured, with name and digest; asked before the body can bind them anew."""
    found = {name: namespace.get(name) for name in spec.classes}
    return {cls: (name, spec.classes[name]) for name, cls in found.items() if isinstance(cls, type)}


class Snapshot:
    """What a body is given, kept to be compared with what it leaves behind.

    Parameters
    ----------
    spec : WorkerSpec
        The task.
    namespace : mapping
        Filled, before the body runs.
    """

    def __init__(self, spec: WorkerSpec, namespace: Mapping[str, Any]) -> None:
        self.spec = spec
        self.names = dict(namespace)
        self.classes = captured_classes(spec, namespace)
        self._attributes = {cls: _attributes(cls) for cls in self.classes}

    def changed_classes(self) -> list[str]:
        """Attributes of captured classes that the body set, as ``Foo.count``."""
        found = []
        for cls, before in self._attributes.items():
            after = _attributes(cls)
            differing = [
                key for key in {**before, **after} if before.get(key, _MISSING) is not after.get(key, _MISSING)
            ]
            found += [f"{self.classes[cls][0]}.{key}" for key in differing]
        return found

    def changed_globals(self, namespace: Mapping[str, Any]) -> list[str]:
        """Globals that the body changed in place, or that functions bound anew."""
        suspects = []
        for name, digest in self.spec.checks.items():
            value = namespace.get(name, _MISSING)
            same = value is self.names.get(name, _MISSING)
            if name in self.spec.binds or (same and isinstance(value, _UNCHANGEABLE)):
                continue
            if value is _MISSING or self._digest(name, value) != digest:
                suspects.append(name)
        return self._surely_changed(suspects, namespace) if suspects else []

    def _surely_changed(self, suspects: list[str], namespace: Mapping[str, Any]) -> list[str]:
        # The kernel may digest code in another way than this process can: compare with the captured value itself.
        # Loading makes methods of captured classes run in the fresh namespace: so it needs all that the body had.
        fresh = dict(self.names)
        load_captured(self.spec, fresh)
        return [name for name in suspects if name in namespace and not self._equal(name, fresh, namespace)]

    def _equal(self, name: str, fresh: Mapping[str, Any], namespace: Mapping[str, Any]) -> bool:
        return name in fresh and self._digest(name, fresh[name]) == self._digest(name, namespace[name])

    def _digest(self, name: str, value: object) -> str | None:
        try:
            return Digester(Codes(self.spec, self.classes)).digest(value, name).hex()
        except UnhashableInputError:
            return None


def _attributes(cls: type) -> dict[str, Any]:
    # Python and `abc` keep books in these.
    return {key: value for key, value in vars(cls).items() if not key.startswith(("__", "_abc_"))}
