"""Files of lines that only grow, written by one process while others read along.

Alone here: that a line is whole. Must not know what a line says. Nothing is ever decided by such a file: no run fails for it.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable
from pathlib import Path

from nbflow.errors import NbflowWarning


class Lines:
    """The writing end, open until closed; those who write lines of a kind inherit from it.

    Parameters
    ----------
    path : pathlib.Path
        The file; its directory must be there.

    Notes
    -----
    Each call is one write of whole lines at the end of the file, so calls from several threads do not mix. If the disk
    refuses one, an NbflowWarning says so and the log stays silent from then on.
    """

    _loss = ""
    """What is missing where it cannot be written, in words."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            if not _ends_whole(path):
                os.write(self._descriptor, b"\n")
        except OSError as error:
            self._give_up(error)

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _write(self, lines: Iterable[bytes]) -> None:
        """Write lines, each with its end, in one go."""
        if self._descriptor < 0:
            return
        try:
            os.write(self._descriptor, b"".join(lines))
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        self.close()
        warnings.warn(f"cannot write {self._path}: {error}; {self._loss}", NbflowWarning, stacklevel=4)


def whole_lines(path: Path, offset: int = 0) -> tuple[list[bytes], int]:
    """Read the lines that were written since `offset`, without their ends.

    Parameters
    ----------
    path : pathlib.Path
        The file; one that is not there has no lines.
    offset : int
        Byte to begin at: 0, or what the call before returned.

    Returns
    -------
    tuple of list of bytes and int
        The lines, and the offset for the next call. A last line that is still being written is left for that call.

    Raises
    ------
    OSError
        It is there, and cannot be read.
    """
    try:
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], 0
    end = data.rfind(b"\n") + 1
    return data[:end].split(b"\n")[:-1], offset + end


def _ends_whole(path: Path) -> bool:
    """Tell whether the file ends with a whole line: a run that was killed may have left half of one."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 1, 0))
        return file.read(1) in (b"", b"\n")
