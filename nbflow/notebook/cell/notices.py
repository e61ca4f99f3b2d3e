"""What a user should know of a process's code, said once a kernel.

Alone remembers what has been said, and which cell declares which process.
"""

from __future__ import annotations

import sys

from nbflow.core.declaration.process import Process


class Notices:
    """The notices of a notebook."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._declared: dict[str, tuple[str, bytes]] = {}

    def note(self, process: str, sentences: tuple[str, ...]) -> None:
        """Say of a process what has not been said yet."""
        for sentence in sentences:
            if sentence not in self._said:
                self._said.add(sentence)
                print(f"nbflow: `{process}` {sentence}", file=sys.stderr)

    def declared(self, process: Process, cell: str | None) -> None:
        """Say so if another cell of the notebook declares a process of that name with another body."""
        if cell is None:
            return  # only front ends say which cell it is; the same cell after an edit is no other
        body = process.source.digest
        before, earlier = self._declared.get(process.name, (cell, body))
        self._declared[process.name] = cell, body
        if before != cell and earlier != body:
            self.note(
                process.name, ("is declared by two cells, with different bodies: it means the one that ran last",)
            )
