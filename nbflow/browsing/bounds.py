"""What may be looked at of the tasks' outputs and files.

Alone decides it. A kernel shows its user everything; a server shows only what lies below its root directory, and makes
no values: they are pickles, and reading one runs code.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may be looked at.

    Attributes
    ----------
    within : pathlib.Path or None
        A directory, without symlinks on its path: files that lie elsewhere in truth are not read. None for no limit.
    values : bool
        Whether values may be made in order to show them.
    """

    within: Path | None = None
    values: bool = True

    def holds(self, path: str | os.PathLike[str]) -> bool:
        """Whether a file or directory may be read: links are followed, and count with what they lead to."""
        return self.within is None or Path(os.path.realpath(path)).is_relative_to(self.within)

    def refusal(self, path: Path) -> str:
        """Say that something is not read, without a word of what it is."""
        return f"{path.name} lies outside the server's root directory, and is not shown here"


EVERYTHING = Bounds()
