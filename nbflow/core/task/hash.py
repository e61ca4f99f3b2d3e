"""The task hash: a list of named parts, and the chain of hashes that gives each try a directory of its own.

Alone says what goes into a task hash (design 2.1) and in which order. Gets the parts as facts; looks nothing up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import xxhash

from nbflow.core.parts import SCHEME, Part, combine


class Task(NamedTuple):
    """One process with one set of input values.

    Attributes
    ----------
    process : str
        Process name.
    name : str
        ``fit``, or ``fit (3)`` for the third item of a channel, or ``fit (tag)``.
    base : bytes
        Digest of all parts; never itself the name of a directory.
    """

    process: str
    name: str
    base: bytes

    @property
    def seed(self) -> int:
        """Seed of the global random generators: a function of what is hashed, the same for every try."""
        return int.from_bytes(self.base[:4], "little")


def call_digest(parts: Iterable[Part]) -> bytes:
    """Digest the parts that are the same for all tasks of one call, so that a task hashes only its own inputs.

    Parameters
    ----------
    parts : iterable of Part
        Session, name, source, globals, packages, files, environment; each enters with kind and name, so their order is
        by kind and name and not by how they were found.
    """
    return combine(SCHEME, sorted(part.chunk for part in parts))


def task_digest(call: bytes, inputs: Mapping[str, bytes], sharing: Iterable[Part] = ()) -> bytes:
    """Digest of one task: its call's digest and the digests of its inputs.

    Parameters
    ----------
    call : bytes
        From `call_digest`.
    inputs : mapping of str to bytes
        Digests of the inputs by parameter name, in any order.
    sharing : iterable of Part
        Which of the inputs that came with an item hold an object in common.
    """
    pieces = [call]
    for name, digest in sorted(inputs.items()):
        pieces += (name.encode(), digest)
    pieces += [part.chunk for part in sharing]
    return combine("task", pieces)


def tries(base: bytes) -> Iterator[bytes]:
    """The task's hashes, one for each try, each chained to the one before.

    A try takes the first whose work directory is free, so that a work directory is never used twice
    (Nextflow's rule: ``TaskProcessor.checkCachedOrLaunchTask``; facts 2.5).
    """
    key, number = base, 0
    while True:
        number += 1
        key = xxhash.xxh3_128_digest(key + number.to_bytes(4, "little"))
        yield key
