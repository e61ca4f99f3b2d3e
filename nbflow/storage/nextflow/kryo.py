"""Nextflow's serialization, Kryo 2.24.0: the part of it that a task entry needs.

Alone writes the bytes of Kryo, and cuts a task entry into its parts; `kryo_read` reads values back. Knows nothing of
what the values mean, and of neither databases nor files.

A task entry is the list ``[trace, context, reference count]``: two byte arrays and an Integer. `decode_record` cuts
it at known places and leaves the trace undecoded, since every hit pays for it.

The rules are Kryo's: each value is a class token and a body. 0 is null, 1 a class by name (the name written when first
met, its number after that), n >= 2 the registered class n-2. An object that is not a primitive wrapper then has a
marker: 1 for new, n >= 2 for object n-2 of this graph again. A writer may always emit 1, and this one does.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

ARRAY_LIST = "java.util.ArrayList"
LINKED_MAP = "java.util.LinkedHashMap"
TASK_ID = "nextflow.processor.TaskId"
DATE = "java.util.Date"
BYTES = "[B"

NULL = b"\x00"
_NEW = b"\x01"
_INT, _NEW_STRING, _BOOLEAN, _LONG, _DOUBLE = b"\x02", b"\x03\x01", b"\x05", b"\x09", b"\x0a"
_INT_MIN, _INT_MAX = -(2**31), 2**31 - 1
_LONG_MIN, _LONG_MAX = -(2**63), 2**63 - 1


class Long(int):
    """A Java ``long``; a plain ``int`` is an Integer where it fits."""


class TaskId(int):
    """A ``nextflow.processor.TaskId``."""


class Date(int):
    """A ``java.util.Date``, in milliseconds since 1970 UTC."""


def _varint(number: int) -> bytes:
    if number < 0x80:
        return _ONE_BYTE[number]
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_ONE_BYTE = tuple(bytes((n,)) for n in range(256))
_LAST_OF_ASCII = tuple(bytes((n | 0x80,)) for n in range(128))


def encode_int(value: int) -> bytes:
    """Encode an Integer: ``ValueError`` when it needs more than 32 bits."""
    if not _INT_MIN <= value <= _INT_MAX:
        raise ValueError(f"{value} is no 32-bit integer")
    return _INT + _varint(value << 1 if value >= 0 else ~(value << 1))


def encode_long(value: int) -> bytes:
    """Encode a Long: ``ValueError`` when it needs more than 64 bits."""
    if not _LONG_MIN <= value <= _LONG_MAX:
        raise ValueError(f"{value} is no 64-bit integer")
    return _LONG + _varlong(value << 1 if value >= 0 else ~(value << 1))


def _varlong(number: int) -> bytes:
    if number < 1 << 56:
        return _varint(number)
    # The ninth byte holds eight bits, so that 64 bits never take ten.
    low = bytes(number >> shift & 0x7F | 0x80 for shift in range(0, 56, 7))
    return low + _ONE_BYTE[number >> 56]


def encode_double(value: float) -> bytes:
    """Encode a Double."""
    return _DOUBLE + struct.pack(">d", value)


def encode_boolean(value: bool) -> bytes:
    """Encode a Boolean."""
    return _BOOLEAN + _ONE_BYTE[value]


def encode_string(value: str) -> bytes:
    """Encode a String, with its marker as a new object."""
    return _NEW_STRING + _text(value)


def _text(value: str) -> bytes:
    if value.isascii():
        body = value.encode("ascii")
        if 1 < len(body) < 64:
            return body[:-1] + _LAST_OF_ASCII[body[-1]]
        return _text_length(len(body)) + body
    # Java counts and writes UTF-16 units, each of a surrogate pair by itself (CESU-8).
    units = value.encode("utf-16-be", "surrogatepass")
    body = "".join(map(chr, struct.unpack(f">{len(units) // 2}H", units))).encode("utf-8", "surrogatepass")
    return _text_length(len(units) // 2) + body


def _text_length(units: int) -> bytes:
    marked = units + 1
    if marked < 64:
        return _ONE_BYTE[marked | 0x80]
    return _ONE_BYTE[marked & 0x3F | 0xC0] + _varint(marked >> 6)


class Encoder:
    """Encodes one graph: class names are numbered as they appear.

    A ``bool`` becomes a Boolean, an ``int`` an Integer (a Long where it does not fit), a ``float`` a Double, a ``str``
    a String, ``bytes`` a byte array, a ``list`` an ArrayList, a ``dict`` a LinkedHashMap; `Long`, `TaskId` and `Date`
    are themselves.
    """

    def __init__(self) -> None:
        self._names: dict[str, int] = {}

    def encode(self, value: object) -> bytes:
        """Encode one value: ``ValueError`` for a type that has no Java class here."""
        if value is None:
            return NULL
        writer = _WRITERS.get(type(value))
        if writer is None:
            raise ValueError(f"a {type(value).__name__} has no place in Nextflow's records")
        return writer(self, value)

    def begin(self, class_name: str) -> bytes:
        """Return the token and the marker that begin an object whose class goes by its name."""
        number = self._names.get(class_name)
        if number is not None:
            return _NEW + _varint(number) + _NEW
        number = self._names[class_name] = len(self._names)
        return _NEW + _varint(number) + _text(class_name) + _NEW


def _encode_any_int(_: Encoder, value: int) -> bytes:
    return encode_int(value) if _INT_MIN <= value <= _INT_MAX else encode_long(value)


def _encode_task_id(encoder: Encoder, value: int) -> bytes:
    return encoder.begin(TASK_ID) + encode_int(value)[1:]


def _encode_date(encoder: Encoder, value: int) -> bytes:
    return encoder.begin(DATE) + _varlong(value & 2**64 - 1)


def _encode_bytes(encoder: Encoder, value: bytes) -> bytes:
    return encoder.begin(BYTES) + _varint(len(value) + 1) + value


def _encode_list(encoder: Encoder, value: list[object]) -> bytes:
    return encoder.begin(ARRAY_LIST) + _varint(len(value)) + b"".join([encoder.encode(item) for item in value])


def _encode_map(encoder: Encoder, value: dict[object, object]) -> bytes:
    out = [encoder.begin(LINKED_MAP), _varint(len(value))]
    for key, item in value.items():
        out += encoder.encode(key), encoder.encode(item)
    return b"".join(out)


_WRITERS: dict[type, Callable[[Encoder, Any], bytes]] = {
    bool: lambda _, value: encode_boolean(value),
    int: _encode_any_int,
    Long: lambda _, value: encode_long(value),
    float: lambda _, value: encode_double(value),
    str: lambda _, value: encode_string(value),
    TaskId: _encode_task_id,
    Date: _encode_date,
    bytes: _encode_bytes,
    list: _encode_list,
    dict: _encode_map,
}


def encode(value: object) -> bytes:
    """Encode one value as a graph of its own.

    Raises
    ------
    ValueError
        A type without a Java class here, or a number that is too large for it.
    """
    return Encoder().encode(value)


# ---- the task entry

# The class names come in the same order in every entry, so all that precedes the lengths is always the same.
_names = Encoder()
_PROLOGUE = _names.begin(ARRAY_LIST) + _varint(3) + _names.begin(BYTES)
_NEXT_ARRAY = _names.begin(BYTES)


@dataclass(frozen=True, slots=True)
class Record:
    """A task entry, cut into its three parts.

    Attributes
    ----------
    trace : bytes
        The trace record, still encoded.
    context : bytes or None
        What lies in the slot of Nextflow's task context: nbflow's payload, in nbflow's databases.
    refcount : int
        Number of runs that name the entry.
    """

    trace: bytes
    context: bytes | None
    refcount: int


def encode_record(trace: bytes, context: bytes | None, refcount: int) -> bytes:
    """Put a task entry together.

    Raises
    ------
    ValueError
        The reference count needs more than 32 bits.
    """
    slot = NULL if context is None else _NEXT_ARRAY + _varint(len(context) + 1) + context
    return b"".join((_PROLOGUE, _varint(len(trace) + 1), trace, slot, encode_int(refcount)))


def decode_record(raw: bytes) -> Record:
    """Cut a task entry into its parts, none of which is decoded.

    Raises
    ------
    ValueError
        The bytes are no task entry, or damaged. There is no checksum: a damaged byte inside a part goes unseen here.
    """
    start, end, slot, slot_end = _cuts(raw)
    return Record(raw[start:end], raw[slot:slot_end] if slot else None, _refcount(raw, slot_end))


def context_of(raw: bytes) -> bytes | None:
    """Return what lies in the context slot of a task entry; ``ValueError`` as `decode_record`."""
    _, _, start, end = _cuts(raw)
    _refcount(raw, end)
    return raw[start:end] if start else None


def with_refcount(raw: bytes, refcount: int) -> bytes:
    """Return the task entry with another reference count; ``ValueError`` as `decode_record` and `encode_record`."""
    slot_end = _cuts(raw)[3]
    _refcount(raw, slot_end)
    return raw[:slot_end] + encode_int(refcount)


def _cuts(raw: bytes) -> tuple[int, int, int, int]:
    """Return where the trace begins and ends, and where the context begins (0 for null) and ends."""
    if not raw.startswith(_PROLOGUE):
        raise ValueError("no task entry: it does not begin as one")
    try:
        start, end = _array_span(raw, len(_PROLOGUE))
        if raw[end] == 0:
            return start, end, 0, end + 1
        if not raw.startswith(_NEXT_ARRAY, end):
            raise ValueError("no task entry: its second part is no byte array")
        return start, end, *_array_span(raw, end + len(_NEXT_ARRAY))
    except IndexError:
        raise ValueError("a task entry that ends too early") from None


def _array_span(raw: bytes, at: int) -> tuple[int, int]:
    """Return where an array's bytes begin and end; `at` is where its length is, marked by one more for null."""
    number, start = _read_varint(raw, at)
    if number == 0:
        raise ValueError("no task entry: a part is missing")
    return start, start + number - 1


def _read_varint(raw: bytes, at: int) -> tuple[int, int]:
    byte = raw[at]
    if byte < 0x80:
        return byte, at + 1
    if raw[at + 1] < 0x80:  # the length of most parts
        return byte & 0x7F | raw[at + 1] << 7, at + 2
    number = byte & 0x7F
    shift = 7
    while byte > 0x7F:
        if shift > 28:
            raise ValueError("a number that is too large for 32 bits")
        at += 1
        byte = raw[at]
        number |= (byte & 0x7F) << shift
        shift += 7
    return number, at + 1


def _refcount(raw: bytes, at: int) -> int:
    """Read the Integer that ends the entry; a part whose length is damaged shows here at the latest."""
    if raw[at : at + 1] != _INT:
        raise ValueError("no task entry: its third part is no Integer")
    try:
        number, end = _read_varint(raw, at + 1)
    except IndexError:
        raise ValueError("a task entry that ends too early") from None
    if end != len(raw) or number >> 32:
        raise ValueError("no task entry: it does not end as one")
    return number >> 1 ^ -(number & 1)
