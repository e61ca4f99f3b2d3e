"""How plain values (numbers, strings, and lists, tuples and dicts of them) become bytes, at the speed of C.

Alone decides the bytes of a scalar and which subtree is plain enough for `marshal`. Knows nothing of objects, classes
or libraries. What it answers depends on the value only, never on how it came into memory: the same value must take
the same path in every process.
"""

from __future__ import annotations

import datetime
import decimal
import fractions
import marshal
import pathlib
import re
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator
from collections.abc import Set as AbstractSet
from itertools import islice
from operator import countOf
from typing import Any, NamedTuple, cast

import xxhash

SCALARS = frozenset({type(None), bool, int, float, complex, str, bytes, type(Ellipsis)})
_CONTAINERS = frozenset({list, tuple, dict})
_PLAIN = SCALARS | _CONTAINERS
_MUTABLE = frozenset({list, dict})

_VERSION = 2  # later versions of marshal write interning and sharing, which are not part of a value
DEEPEST = 200  # marshal itself gives up at 2,000 levels
# `t = (t, t)` forty times is small in memory and endless when written out; records in a long list lie at the top.
_MOST_TUPLES = (1 << 23,) * 8 + (1 << 16,) * (DEEPEST - 8)
CHUNK = 1 << 12
"""Values written at a time: the copy that is hashed stays small, and the values in the processor's cache."""

_LONG = 1 << 16
_STRINGS = frozenset({str})
_BETWEEN = "\0"  # strings joined by what none of them holds take a third of marshal's time


class Node(NamedTuple):
    """One value, opened: its own bytes, and the values inside it that are still to be visited.

    Attributes
    ----------
    head : bytes
        Self-delimiting; must hold the number of children where that varies.
    children : iterable of object
        In the order that counts; empty only as a sequence. What an iterator makes as it goes must be of classes whose
        identity never counts.
    owner : type or None
        The class whose code is part of the value.
    home : str
        The module where a task finds the value by name, so that its code is part of the value.
    """

    head: bytes
    children: Iterable[object] = ()
    owner: type | None = None
    home: str = ""


def fingerprint(data: bytes | bytearray | memoryview) -> bytes:
    """Digest raw bytes: 16 bytes, one shot (streaming is 10 to 15 % slower)."""
    return xxhash.xxh3_128_digest(data)


def tagged(tag: str, *chunks: bytes) -> bytes:
    """Mark bytes with a tag and their lengths; never equal to the bytes of a scalar, which never start with NUL."""
    marked = [len(chunk).to_bytes(8, "little") + chunk for chunk in chunks]
    return b"\0" + tag.encode() + b"\0" + b"".join(marked)


def counted(tag: str, count: int) -> bytes:
    """Mark the beginning of `count` values of a kind."""
    return b"\0" + tag.encode() + b"\0" + count.to_bytes(8, "little")


def shaped(tag: str, shape: tuple[int, ...]) -> bytes:
    """Mark the beginning of a value of several parts: how many of each there are, and which."""
    return b"\0" + tag.encode() + b"\0" + marshal.dumps(shape, _VERSION)


def text(value: str) -> bytes:
    """Encode a string, lone surrogates included."""
    return value.encode("utf-8", "surrogatepass")


def scalar(value: object) -> bytes:
    """Encode a value whose exact type is in `SCALARS`; the bytes delimit themselves."""
    if type(value) is bytes and len(value) > _LONG:
        return tagged("bytes", len(value).to_bytes(8, "little"), fingerprint(value))
    return marshal.dumps(value, _VERSION)  # type: ignore[arg-type]


def _range(value: range) -> bytes:
    return tagged("range", marshal.dumps((value.start, value.stop, value.step), _VERSION))


def _pattern(value: re.Pattern[str] | re.Pattern[bytes]) -> bytes:
    return tagged("pattern", scalar(value.pattern), scalar(int(value.flags)))


def _uuid(value: uuid.UUID) -> bytes:
    return tagged("uuid", value.bytes, scalar(value.is_safe.name))


def _path(value: pathlib.PurePath) -> bytes:
    return tagged("path", type(value).__name__.encode(), text(str(value)))


def _date(value: datetime.date) -> bytes:
    return tagged("date", value.isoformat().encode())


def _decimal(value: decimal.Decimal) -> bytes:
    # How the exponent is written depends on the context.
    return tagged("decimal", str(value).upper().encode())


def _fraction(value: fractions.Fraction) -> bytes:
    return tagged("fraction", scalar(value.numerator), scalar(value.denominator))


def _timedelta(value: datetime.timedelta) -> bytes:
    return tagged("timedelta", marshal.dumps((value.days, value.seconds, value.microseconds), _VERSION))


PATHS = (pathlib.PosixPath, pathlib.WindowsPath, pathlib.PurePosixPath, pathlib.PureWindowsPath)

LEAVES: dict[type, Callable[..., bytes]] = {
    type(NotImplemented): lambda value: tagged("NotImplemented"),
    range: _range,
    decimal.Decimal: _decimal,
    fractions.Fraction: _fraction,
    datetime.date: _date,
    datetime.timedelta: _timedelta,
    uuid.UUID: _uuid,
    re.Pattern: _pattern,
    **dict.fromkeys(PATHS, _path),
}
"""Encoders of immutable values that hold no others, by exact type. Their identity never counts."""


def _members(level: list[Any]) -> Collection[object]:
    if len(level) == 1 and type(level[0]) is not dict:
        return cast(Collection[object], level[0])
    members: list[object] = []
    for item in level:
        members += item
        if type(item) is dict:
            members += item.values()
    return members


def plain_ids(root: object, known: AbstractSet[int] = frozenset(), deepest: int = DEEPEST) -> list[int] | None:
    """Find the lists and dicts of a subtree, if it is plain through and through.

    Parameters
    ----------
    root : object
        A list, tuple or dict of exactly these types.
    known : set of int
        Ids of objects visited before; meeting one of them again means sharing.
    deepest : int
        Levels to look into before giving up.

    Returns
    -------
    list of int or None
        Ids of all lists and dicts, level by level; None if something inside is not a plain type, a list or dict is
        met twice (sharing counts, and marshal would not show it), or the subtree is too deep or endless.
    """
    ids: list[int] = []
    met: set[int] = set()
    level: list[object] = [root]
    tuples = 0
    for most in _MOST_TUPLES[:deepest]:
        mutable = [id(item) for item in level if type(item) in _MUTABLE]
        tuples += len(level) - len(mutable)
        met.update(mutable)
        ids += mutable
        if tuples > most or len(met) != len(ids) or not known.isdisjoint(mutable):
            return None
        members = _members(level)
        kinds = set(map(type, members))
        if kinds <= SCALARS:
            return ids
        if not kinds <= _PLAIN:
            return None
        level = [item for item in members if type(item) in _CONTAINERS]
    return None


def _chunks(values: Collection[object]) -> Iterator[list[object]]:
    remaining = iter(values)
    return iter(lambda: list(islice(remaining, CHUNK)), [])


def _kinds(values: list[object]) -> AbstractSet[type]:
    # Counting one type is faster than collecting all.
    if values and type(values[0]) is str and countOf(map(type, values), str) == len(values):
        return _STRINGS
    return set(map(type, values))


def _chunk(values: list[object], kinds: AbstractSet[type]) -> bytes:
    if kinds == _STRINGS:
        joined = _BETWEEN.join(cast(list[str], values))
        if joined.count(_BETWEEN) == len(values) - 1:
            return b"\0" + text(joined)
    return marshal.dumps(values, _VERSION)  # begins with another byte


def _written(values: Collection[object]) -> bytes:
    if len(values) <= CHUNK:
        return fingerprint(marshal.dumps(values, _VERSION))  # type: ignore[arg-type]
    return fingerprint(b"".join(fingerprint(_chunk(chunk, _kinds(chunk))) for chunk in _chunks(values)))


def scalars(chunks: Iterable[list[Any]]) -> bytes | None:
    """Digest many scalars; a chunk is looked at and written while the processor has it at hand.

    Parameters
    ----------
    chunks : iterable of list
        All of `CHUNK` values, but for the last.

    Returns
    -------
    bytes or None
        None if something else is among them.
    """
    written = []
    for chunk in chunks:
        kinds = _kinds(chunk)
        if not kinds <= SCALARS:
            return None
        written.append(fingerprint(_chunk(chunk, kinds)))
    return fingerprint(b"".join(written))


def long_list(values: list[object]) -> bytes | None:
    """Encode a list of more than `CHUNK` scalars, as `plain` does; None if something else is in it."""
    found = scalars(values[start : start + CHUNK] for start in range(0, len(values), CHUNK))
    return None if found is None else counted("plain list", len(values)) + found


def plain(root: list[object] | tuple[object, ...] | dict[object, object]) -> bytes:
    """Encode a subtree for which `plain_ids` gave ids."""
    if isinstance(root, dict) and len(root) > CHUNK:
        return counted("plain dict", len(root)) + _written(root.keys()) + _written(root.values())
    return counted("plain " + type(root).__name__, len(root)) + _written(root)
