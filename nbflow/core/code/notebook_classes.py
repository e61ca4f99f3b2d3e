"""Classes of the notebook, for stored instances: they come back as the current class, if its code is the same.

Alone decides that. Reads the namespace, changes nothing.
"""

from __future__ import annotations

import sys
from typing import Any

from nbflow.core.code.closure import reach


class NotebookClasses:
    """Finds classes by name and digest.

    Parameters
    ----------
    namespace : dict
        The notebook's.

    Notes
    -----
    What was found is remembered until `forget`, since a cell may read many instances, but a later cell may change a class.
    """

    def __init__(self, namespace: dict[str, Any]) -> None:
        self._namespace = namespace
        self._known: dict[str, tuple[type, str]] = {}

    def resolve(self, name: str, digest: str) -> type:
        """The class of a name, if its code has a digest (hex).

        Raises
        ------
        LookupError
            If there is none, or its code has changed.
        """
        known = self._known.get(name)
        if known is None or known[0] is not self._namespace.get(name):
            known = self._known[name] = self._look_up(name)
        if known[1] != digest:
            raise LookupError(f"class `{name}` has changed since; run the cell that makes the value again")
        return known[0]

    def forget(self) -> None:
        """Digest classes anew from now on."""
        self._known.clear()

    def _look_up(self, name: str) -> tuple[type, str]:
        found = self._namespace.get(name)
        if not isinstance(found, type):
            raise LookupError(f"class `{name}` is not defined; run the cell that defines it first")
        digests = reach([name], self._namespace, sys_path=sys.path).notebook_classes
        return found, digests[name].hex() if name in digests else ""
