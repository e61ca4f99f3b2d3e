"""Calls back when a module has been imported, so that what a task may never use is never imported for it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

Hook = Callable[[ModuleType], object]


class _Finder:
    """Stands first in ``sys.meta_path`` and finds nothing itself."""

    def __init__(self, hooks: Mapping[str, Hook]) -> None:
        self.hooks = dict(hooks)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module that has a hook through the other finders, and let its loader call the hook."""
        hook = self.hooks.get(name)
        if hook is None:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                _call_when_loaded(spec, hook)
                return spec
        return None


def _call_when_loaded(spec: ModuleSpec, hook: Hook) -> None:
    loader = spec.loader
    run = getattr(loader, "exec_module", None)
    if loader is None or run is None:
        return

    def exec_module(module: ModuleType) -> None:
        del loader.exec_module  # back to the loader's own
        run(module)
        hook(module)

    loader.exec_module = exec_module  # type: ignore[method-assign]


def when_imported(hooks: Mapping[str, Hook]) -> None:
    """Call each hook with its module: now if it is loaded, else once it is.

    Parameters
    ----------
    hooks : mapping of str to callable
        By full module name.
    """
    waiting = {}
    for name, hook in hooks.items():
        module = sys.modules.get(name)
        if module is None:
            waiting[name] = hook
        else:
            hook(module)
    if waiting:
        sys.meta_path.insert(0, _Finder(waiting))
