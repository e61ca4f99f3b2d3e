"""The parts of a task hash, and the one way bytes are combined into a digest.

Alone decides how bytes become a digest: xxh3_128 over a tag and length-marked chunks, so that no two different
sequences of chunks feed the same bytes. Knows nothing of what the chunks mean.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import xxhash

SCHEME = "nbflow-1"
"""Names the hash scheme; it is part of every task hash, so that a change of scheme is a miss and never a stale hit."""

PREVIEW_LIMIT = 120
"""Characters of a value that an entry keeps for `why`; an entry must stay within a few KB."""


def combine(tag: str, chunks: Iterable[bytes]) -> bytes:
    """Digest a tag and chunks, each marked with its length.

    Parameters
    ----------
    tag : str
        What the chunks are, as in ``"list"`` or ``"task"``.
    chunks : iterable of bytes
        In the order that counts.

    Returns
    -------
    bytes
        16 bytes.
    """
    pieces = [_head(tag)]
    for chunk in chunks:
        pieces += (len(chunk).to_bytes(8, "little"), chunk)
    return xxhash.xxh3_128_digest(b"".join(pieces))


@lru_cache(maxsize=256)
def _head(tag: str) -> bytes:
    name = tag.encode()
    return len(name).to_bytes(8, "little") + name


def shorten(text: str, limit: int = PREVIEW_LIMIT) -> str:
    """Bound a preview: at most `limit` characters, cut ones marked by an ellipsis."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


@dataclass(frozen=True, slots=True)
class Part:
    """One named part of a task hash.

    Attributes
    ----------
    kind : str
        ``source``, ``input``, ``global``, ``function``, ``class``, ``module``, ``package``, ``file``, ``env``, ...
    name : str
        What the user calls it: a parameter, a global, a module, a distribution, a file.
    digest : bytes
        16 bytes; equal exactly when the part is the same.
    preview : str
        Bounded text of the value or code for `why`; never hashed.
    """

    kind: str
    name: str
    digest: bytes
    preview: str = ""

    @property
    def chunk(self) -> bytes:
        """The bytes by which this part enters the task hash."""
        return combine(self.kind, (self.name.encode("utf-8", "surrogatepass"), self.digest))
