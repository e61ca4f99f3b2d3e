"""How nbflow's warnings look in a notebook: one line, without the place in nbflow's own code that they come from."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from nbflow.errors import NbflowWarning


@contextmanager
def shown_in_a_line() -> Iterator[None]:
    """Show nbflow's warnings as the other lines of nbflow's; all others as before."""
    before = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, NbflowWarning):
            print(f"nbflow: WARN: {message}", file=file or sys.stderr)
        else:
            before(message, category, filename, lineno, file, line)

    warnings.showwarning = show
    try:
        yield
    finally:
        if warnings.showwarning is show:  # else somebody else has put theirs in its place
            warnings.showwarning = before
