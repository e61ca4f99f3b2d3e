"""A notebook without a kernel: cells run in a dictionary, with their text where IPython keeps it."""

from __future__ import annotations

import itertools
import linecache
import sys
from typing import Any

from nbflow.core.code.closure import Reach, reach
from nbflow.core.code.source import normal_form, parse_body
from nbflow.core.parts import combine

_numbers = itertools.count()


class Notebook:
    """A namespace that cells are run in."""

    def __init__(self, *cells: str, sys_path: list[str] | None = None, environ: dict[str, str] | None = None) -> None:
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self.sys_path = sys.path if sys_path is None else sys_path
        self.environ = environ or {}
        for cell in cells:
            self.run(cell)

    def run(self, cell: str) -> None:
        """Run a cell as IPython does: its text is known under a name that no other run has."""
        name = f"/tmp/ipykernel_1/{next(_numbers)}.py"
        linecache.cache[name] = (len(cell), None, [line + "\n" for line in cell.splitlines()], name)  # type: ignore[assignment]
        exec(compile(cell, name, "exec", dont_inherit=True), self.namespace)

    def reach(self, body: str, **options: Any) -> Reach:
        """What a body reaches here."""
        parsed = parse_body(body, "%%process test")
        return reach(
            parsed.reads,
            self.namespace,
            sys_path=self.sys_path,
            tree=parsed.tree,
            environ=self.environ,
            **options,
        )

    def key(self, body: str) -> bytes:
        """Digest of a body and of all that it reaches."""
        chunks = [normal_form(parse_body(body, "%%process test").tree)]
        return combine("test", chunks + [part.chunk for part in self.reach(body).parts])


def key(body: str, *cells: str) -> bytes:
    """Digest of a body after these cells were run in a new notebook."""
    return Notebook(*cells).key(body)
