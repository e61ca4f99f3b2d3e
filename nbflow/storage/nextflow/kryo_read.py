"""Reads the values of Nextflow's serialization, Kryo 2.24.0, that trace records are made of.

Alone reads the bytes of Kryo; `kryo` tells their rules. Knows nothing of what the values mean, and of neither databases
nor files. Whatever the bytes, decoding ends soon, and damage raises ``ValueError`` and nothing else.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from functools import partial
from itertools import zip_longest
from typing import NoReturn

from nbflow.storage.nextflow.kryo import ARRAY_LIST, BYTES, DATE, LINKED_MAP, TASK_ID, Date, Long, TaskId

_GSTRING = "org.codehaus.groovy.runtime.GStringImpl"
_LISTS = (ARRAY_LIST, "java.util.Arrays$ArrayList")
_MAPS = (LINKED_MAP, "java.util.HashMap")

# Lists in lists, and texts made of texts, would let a few damaged bytes ask for endless stack or memory.
_MAX_DEPTH = 64
_MAX_TEXT = 1 << 20

_UNFINISHED = object()
_TOO_EARLY = "the bytes end too early"
_last_of_ascii = re.compile(rb"[\x80-\xff]").search


class UnknownClassError(ValueError):
    """The bytes hold an object of a class that nbflow cannot read, so what follows it cannot be found."""


def decode(raw: bytes) -> object:
    """Decode one graph.

    Parameters
    ----------
    raw : bytes
        What `encode` or Nextflow wrote.

    Returns
    -------
    object
        As `nbflow.storage.nextflow.kryo.Encoder` says, the other way round; a GString becomes a ``str``.

    Raises
    ------
    UnknownClassError
        An object of a class that nbflow cannot read.
    ValueError
        Damage.
    """
    decoder = _Decoder(raw)
    try:
        value = decoder.value()
    except IndexError:
        raise ValueError(_TOO_EARLY) from None
    decoder.expect_end()
    return value


def decode_items(raw: bytes) -> Iterator[tuple[object, object]]:
    """Decode a graph that is a map, pair by pair, so that what precedes an unknown object can be kept.

    Raises
    ------
    UnknownClassError, ValueError
        As `decode` does, and when the graph is no map.
    """
    decoder = _Decoder(raw)
    try:
        yield from decoder.root_map()
    except IndexError:
        raise ValueError(_TOO_EARLY) from None
    decoder.expect_end()


class _Decoder:
    """Reads one graph from its start; `_pos` is where the next byte is.

    Reading past the end raises ``IndexError``: checking before each byte would double the time.
    """

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._pos = 0
        self._depth = 0
        self._names: list[str] = []
        self._objects: list[object] = []

    def value(self) -> object:
        token = self._unsigned(32)
        if token == 0:
            return None
        if token == 1:
            class_name = self._class_name()
            return self._referable(_NAMED_READERS.get(class_name) or partial(_refuse, class_name))
        reader = _READERS.get(token)
        if reader is None:
            raise UnknownClassError(f"a class registered as {token - 2}, unknown to nbflow")
        return reader(self)

    def root_map(self) -> Iterator[tuple[object, object]]:
        if self._unsigned(32) != 1 or self._class_name() not in _MAPS or self._unsigned(32) != 1:
            raise ValueError("no map where one was expected")
        self._objects.append(_UNFINISHED)
        for _ in range(self._count()):
            yield self.value(), self.value()

    def expect_end(self) -> None:
        if self._pos != len(self._raw):
            raise ValueError(f"{len(self._raw) - self._pos} bytes too many")

    def _take(self, size: int) -> bytes:
        start = self._pos
        self._pos = end = start + size
        if end > len(self._raw):
            raise ValueError(_TOO_EARLY)
        return self._raw[start:end]

    def _byte(self) -> int:
        self._pos += 1
        return self._raw[self._pos - 1]

    def _unsigned(self, bits: int) -> int:
        raw, pos = self._raw, self._pos
        number = raw[pos]
        if number > 0x7F:
            number &= 0x7F
            for shift in range(7, 64, 7):
                pos += 1
                byte = raw[pos]
                if shift == 56:  # a ninth byte holds eight bits
                    number |= byte << 56
                    break
                number |= (byte & 0x7F) << shift
                if byte < 0x80:
                    break
            if number >> bits:
                raise ValueError(f"a number that is too large for {bits} bits")
        self._pos = pos + 1
        return number

    def _signed(self, bits: int) -> int:
        number = self._unsigned(bits)
        return number >> 1 ^ -(number & 1)

    def _count(self) -> int:
        """Read how many members follow; each takes a byte at least, so damage cannot ask for more than there are."""
        return self._unsigned(32)

    def _class_name(self) -> str:
        number = self._unsigned(32)
        if number > len(self._names):
            raise ValueError("a class name that was never written")
        if number == len(self._names):
            self._names.append(self._text() or "")
        return self._names[number]

    def _referable(self, read: Callable[[_Decoder, int], object]) -> object:
        marker = self._unsigned(32)
        if marker == 0:
            return None
        if marker > 1:
            return self._earlier(marker - 2)
        number = len(self._objects)
        self._objects.append(_UNFINISHED)
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise ValueError(f"more than {_MAX_DEPTH} levels of nesting")
        value = self._objects[number] = read(self, number)
        self._depth -= 1
        return value

    def _earlier(self, number: int) -> object:
        if number >= len(self._objects) or self._objects[number] is _UNFINISHED:
            raise ValueError("a reference to an object that was never written")
        return self._objects[number]

    def _text(self) -> str | None:
        first = self._byte()
        if first < 0x80:
            return self._ascii_text(self._pos - 1)
        units = first & 0x3F
        if first & 0x40:
            units |= self._unsigned(32) << 6
        return None if units == 0 else self._counted_text(units - 1)

    def _ascii_text(self, start: int) -> str:
        last = _last_of_ascii(self._raw, start)
        if last is None:
            raise ValueError(_TOO_EARLY)
        self._pos = last.end()
        return self._raw[start : self._pos - 1].decode("ascii") + chr(self._raw[self._pos - 1] & 0x7F)

    def _counted_text(self, units: int) -> str:
        start = self._pos
        plain = self._raw[start : start + units]
        if len(plain) == units and plain.isascii():
            self._pos += units
            return plain.decode("ascii")
        for _ in range(units):
            lead = self._byte()
            self._pos += 0 if lead < 0x80 else 1 if lead < 0xE0 else 2
        body = self._raw[start : self._pos].decode("utf-8", "surrogatepass")
        return body.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")

    def _boolean(self) -> bool:
        return self._byte() != 0

    def _list(self, number: int) -> list[object]:
        # Known before it is filled: its members may refer to it.
        items: list[object] = []
        self._objects[number] = items
        items.extend(self.value() for _ in range(self._count()))
        return items

    def _map(self, number: int) -> dict[object, object]:
        items: dict[object, object] = {}
        self._objects[number] = items
        for _ in range(self._count()):
            key = self.value()
            if type(key) in (list, dict):
                raise ValueError("a collection as a key")
            items[key] = self.value()
        return items

    def _byte_array(self, _: int) -> bytes | None:
        size = self._unsigned(32)
        return None if size == 0 else self._take(size - 1)

    def _gstring(self, _: int) -> str:
        values = [self.value() for _ in range(self._array())]
        strings = [self._string() for _ in range(self._array())]
        parts = [part for pair in zip_longest(strings, values, fillvalue="") for part in pair]
        texts = [_java_text(part) for part in parts]
        if sum(map(len, texts)) > _MAX_TEXT:
            raise ValueError("a text that is too large")
        return "".join(texts)

    def _array(self) -> int:
        """Read the head of an array: its marker, which takes a reference, and its length."""
        if self._unsigned(32) != 1:
            raise ValueError("no array where one was expected")
        self._objects.append(_UNFINISHED)
        return max(self._count(), 1) - 1  # 0 is a null array

    def _string_body(self, _: int) -> str | None:
        return self._text()

    def _string(self) -> object:
        if self._raw[self._pos] != 1:
            return self._referable(_Decoder._string_body)
        self._pos += 1
        text = self._text()
        self._objects.append(text)
        return text

    def _date(self, _: int) -> Date:
        number = self._unsigned(64)
        return Date(number - (number >> 63 << 64))

    def _task_id(self, _: int) -> TaskId:
        return TaskId(self._signed(32))


def _java_text(value: object) -> str:
    """Return a part of a GString as Groovy writes it."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if not isinstance(value, str | int | float):
        raise UnknownClassError("a text with a part that is neither text nor number")
    return str(value)


def _refuse(class_name: str, decoder: _Decoder, _: int) -> NoReturn:
    raise UnknownClassError(f"an object of class {class_name!r}, unknown to nbflow")


def _unpacked(form: str) -> Callable[[_Decoder], object]:
    size = struct.calcsize(form)
    return lambda decoder: struct.unpack(form, decoder._take(size))[0]


_READERS: dict[int, Callable[[_Decoder], object]] = {
    2: lambda decoder: decoder._signed(32),
    3: _Decoder._string,
    4: _unpacked(">f"),
    5: _Decoder._boolean,
    6: _unpacked(">b"),
    7: lambda decoder: chr(struct.unpack(">H", decoder._take(2))[0]),
    8: _unpacked(">h"),
    9: lambda decoder: Long(decoder._signed(64)),
    10: _unpacked(">d"),
}

_NAMED_READERS: dict[str, Callable[[_Decoder, int], object]] = {
    **dict.fromkeys(_LISTS, _Decoder._list),
    **dict.fromkeys(_MAPS, _Decoder._map),
    BYTES: _Decoder._byte_array,
    TASK_ID: _Decoder._task_id,
    DATE: _Decoder._date,
    _GSTRING: _Decoder._gstring,
}
