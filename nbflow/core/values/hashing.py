"""Digests of values: equal exactly when a task, which gets them through a pickle trip, cannot tell them apart.

The door to the room: who wants a digest comes here. The code of functions and classes, and the files that paths name,
are digested by whoever passes `code` and `path`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath

from nbflow.core.values import refusals
from nbflow.core.values.plain import LEAVES, PATHS, SCALARS, fingerprint, scalar, tagged
from nbflow.core.values.refusals import Refusal
from nbflow.core.values.visit import Code, Visit

PathDigest = Callable[[PurePath], "bytes | None"]


def _file_encoder(path: PathDigest) -> Callable[[PurePath], bytes]:
    def encode(value: PurePath) -> bytes:
        found = path(value)
        return LEAVES[type(value)](value) if found is None else tagged("file", found)

    return encode


class Digester:
    """Digests values, and asks for the code of what they are made of.

    Parameters
    ----------
    code : callable or None
        Called with each function, class, builtin or module met inside a value; returns bytes that are equal exactly
        when its code is the same. Without it they count by module and name, functions of ``__main__`` and local ones
        by their code object.
    path : callable or None
        Called with each path met inside a value; returns the digest of what lies there, or None where the path counts
        as the mere text that it is. Without it all paths do.
    """

    def __init__(self, code: Code | None = None, path: PathDigest | None = None) -> None:
        self._code = code
        self._leaves = LEAVES
        if path is not None:
            files: dict[type, Callable[..., bytes]] = dict.fromkeys(PATHS, _file_encoder(path))
            self._leaves = {**LEAVES, **files}

    def digest(self, value: object, name: str = "value") -> bytes:
        """Digest a value.

        Parameters
        ----------
        value : object
            Never changed, never consumed.
        name : str
            What the user calls it; begins the place that a refusal names.

        Returns
        -------
        bytes
            16 bytes, independent of the process, the machine and PYTHONHASHSEED.

        Raises
        ------
        UnhashableInputError
            If something inside has no content that could be hashed; its `name` is the place, as in ``config["lock"]``.
        """
        if type(value) in SCALARS:
            return fingerprint(scalar(value))
        try:
            return fingerprint(Visit(self._code, self._leaves).bytes_of(value))
        except Refusal as refused:
            raise refusals.error(value, refused, name) from refused.__cause__


_DEFAULT = Digester()


def digest(value: object) -> bytes:
    """Digest a value: 16 bytes; classes and functions count by name (see `Digester`)."""
    return _DEFAULT.digest(value)
