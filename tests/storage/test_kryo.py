"""Kryo's bytes: what Nextflow's own serializer wrote, both ways; and that damage is a ValueError and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.storage.nextflow.kryo import (
    Date,
    Encoder,
    Long,
    TaskId,
    decode_record,
    encode,
    encode_int,
    encode_long,
    encode_record,
    encode_string,
    with_refcount,
)
from nbflow.storage.nextflow.kryo_read import UnknownClassError, decode, decode_items

_LINES = (Path(__file__).parent / "kryo-golden.txt").read_text(encoding="utf-8").splitlines()[1:]
GOLDEN = {name: bytes.fromhex(digits) for name, digits in (line.split("\t") for line in _LINES)}

TRACE = {
    "task_id": TaskId(1),
    "status": "COMPLETED",
    "hash": "ab/cdef12",
    "name": "foo (1)",
    "exit": 0,
    "submit": Long(1700000000000),
    "tag": None,
    "%cpu": 12.5,
    "workdir": "/tmp/work/ab/cdef1234567890abcdef1234567890",
    "env": None,
}
BOTH_WAYS = {
    "null": None,
    "int0": 0,
    "int1": 1,
    "int-1": -1,
    "int64": 64,
    "intMAX": 2**31 - 1,
    "long1700000000000": Long(1700000000000),
    "long-1": Long(-1),
    "longMAX": Long(2**63 - 1),
    "double12.5": 12.5,
    "true": True,
    "str_empty": "",
    "str_a": "a",
    "str_ab": "ab",
    "str_63": "x" * 63,
    "str_64": "x" * 64,
    "str_utf8_é": "é",
    "str_utf8_aé": "aé",
    "str_euro": "€",
    "str_emoji": "😀",
    "str_100": "y" * 100,
    "TaskId7": TaskId(7),
    "TaskId300": TaskId(300),
    "bytes010203": b"\x01\x02\x03",
    "map": TRACE,
    "module_list": ["a/1", "b/2"],
    "date": Date(1700000000000),
    "record": [GOLDEN["map"], None, 1],
}
READ_ONLY = {
    "float1.5": 1.5,
    "ctx": {"x": 1, "y": "hello", "l": [1, "hello"]},
    "record_ctx": [GOLDEN["map"], GOLDEN["ctx"], 2],
    "same_string_twice": ["hello", "hello", "hello"],
    "arrays_aslist": ["q"],
    "gstring(sample S1/3)": "sample S1/3",
}


def test_every_golden_value_is_tested():
    assert GOLDEN.keys() == BOTH_WAYS.keys() | READ_ONLY.keys() | {"bigdec"}


@pytest.mark.parametrize("name", BOTH_WAYS)
def test_golden_bytes_are_written(name):
    assert encode(BOTH_WAYS[name]) == GOLDEN[name]


@pytest.mark.parametrize("name", [*BOTH_WAYS, *READ_ONLY])
def test_golden_bytes_are_read_with_their_types(name):
    expected = BOTH_WAYS.get(name, READ_ONLY.get(name))
    value = decode(GOLDEN[name])
    assert (value, type(value)) == (expected, type(expected))


def test_golden_task_ids_and_longs_keep_their_types_inside_a_map():
    types = {name: type(value) for name, value in decode(GOLDEN["map"]).items()}
    assert types == {name: type(value) for name, value in TRACE.items()}


def test_a_date_counts_milliseconds_since_1970():
    assert datetime.fromtimestamp(decode(GOLDEN["date"]) / 1000, UTC) == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_an_object_of_an_unknown_class_is_named():
    with pytest.raises(UnknownClassError, match=r"java\.math\.BigDecimal"):
        decode(GOLDEN["bigdec"])


def test_an_unknown_registered_class_is_named():
    with pytest.raises(UnknownClassError, match="17"):
        decode(bytes((19, 1)))


def test_what_precedes_an_unknown_object_in_a_map_can_be_kept():
    encoder = Encoder()
    raw = encoder.begin("java.util.LinkedHashMap") + b"\x02" + encode_string("known") + encode_int(1)
    raw += encode_string("unknown") + encoder.begin("com.example.Thing") + b"\x00"
    items = decode_items(raw)
    assert next(items) == ("known", 1)
    with pytest.raises(UnknownClassError, match=r"com\.example\.Thing"):
        next(items)


def test_a_class_name_is_written_once_in_a_graph():
    assert encode([[], TaskId(1), TaskId(2)]).count(b"nextflow.processor") == 1
    assert decode(encode([[], TaskId(1), TaskId(2)])) == [[], 1, 2]


@pytest.mark.parametrize("value", [{1}, (1,), object(), 1j])
def test_a_type_without_a_java_class_is_refused(value):
    with pytest.raises(ValueError, match=type(value).__name__):
        encode(value)


@pytest.mark.parametrize(("write", "value"), [(encode_int, 2**31), (encode_int, -(2**31) - 1), (encode_long, 2**63)])
def test_a_number_that_java_cannot_hold_is_refused(write, value):
    with pytest.raises(ValueError, match="bit"):
        write(value)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**31), 2**31 - 1)
    | st.integers(-(2**63), 2**63 - 1).map(Long)
    | st.integers(-(2**31), 2**31 - 1).map(TaskId)
    | st.integers(-(2**63), 2**63 - 1).map(Date)
    | st.floats(allow_nan=False)
    | st.text()
    | st.text(st.characters(codec="ascii"), min_size=60, max_size=70)
    | st.text(st.characters(exclude_categories=()), max_size=5)  # with halves of surrogate pairs
    | st.binary()
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def _typed(value):
    if isinstance(value, list):
        return [_typed(item) for item in value]
    if isinstance(value, dict):
        return [(key, _typed(item)) for key, item in value.items()]
    return type(value), value


def _joined(value):
    """Join surrogate pairs, which Java cannot tell from the character they stand for."""
    if isinstance(value, str):
        return value.encode("utf-16-be", "surrogatepass").decode("utf-16-be", "surrogatepass")
    if isinstance(value, list):
        return [_joined(item) for item in value]
    if isinstance(value, dict):
        return {key: _joined(item) for key, item in value.items()}
    return value


@given(VALUES)
@settings(max_examples=150, deadline=None)
def test_what_is_written_is_read_back(value):
    assert _typed(decode(encode(value))) == _typed(_joined(value))


@pytest.mark.parametrize("length", [1, 2, 62, 63, 64, 65, 126, 127, 128, 8190, 8192, 20000])
@pytest.mark.parametrize("letter", ["x", "é", "€", "😀", "\0"])
def test_strings_of_each_length_form(letter, length):
    assert decode(encode(letter * length)) == letter * length


# ---- the task entry


@pytest.mark.parametrize("name", ["record", "record_ctx"])
def test_a_golden_entry_is_cut_and_put_together(name):
    record = decode_record(GOLDEN[name])
    assert [record.trace, record.context, record.refcount] == decode(GOLDEN[name])
    assert encode_record(record.trace, record.context, record.refcount) == GOLDEN[name]


@given(st.binary(max_size=300), st.none() | st.binary(max_size=20000), st.integers(-(2**31), 2**31 - 1))
@settings(deadline=None)
def test_an_entry_is_what_kryo_makes_of_the_list(trace, context, refcount):
    raw = encode_record(trace, context, refcount)
    record = decode_record(raw)
    assert raw == encode([trace, context, refcount])
    assert (record.trace, record.context, record.refcount) == (trace, context, refcount)


@pytest.mark.parametrize("name", ["record", "record_ctx"])
@pytest.mark.parametrize("refcount", [0, 63, 64, 2**31 - 1, -1])
def test_a_new_reference_count_changes_nothing_else(name, refcount):
    before = decode_record(GOLDEN[name])
    after = decode_record(with_refcount(GOLDEN[name], refcount))
    assert (after.trace, after.context, after.refcount) == (before.trace, before.context, refcount)


def test_every_truncated_entry_is_damage():
    for name in ("record", "record_ctx"):
        for size in range(len(GOLDEN[name])):
            with pytest.raises(ValueError, match="."):
                decode_record(GOLDEN[name][:size])
            with pytest.raises(ValueError, match="."):
                with_refcount(GOLDEN[name][:size], 1)


def test_bytes_after_an_entry_are_damage():
    with pytest.raises(ValueError, match="end"):
        decode_record(GOLDEN["record"] + b"\x00")


def test_a_reference_count_that_java_could_not_hold_is_damage():
    with pytest.raises(ValueError, match="end"):
        decode_record(GOLDEN["record"][:-1] + b"\xff\xff\xff\xff\x7f")


# ---- damage


def _mutations(raw):
    change = st.tuples(st.sampled_from("=+-"), st.integers(0, len(raw)), st.binary(min_size=1, max_size=6))
    return st.lists(change, min_size=1, max_size=4).map(lambda changes: _changed(raw, changes))


def _changed(raw, changes):
    for kind, at, new in changes:
        if kind == "=":
            raw = raw[:at] + new + raw[at + len(new) :]
        elif kind == "+":
            raw = raw[:at] + new + raw[at:]
        else:
            raw = raw[:at] + raw[at + len(new) :]
    return raw


def _only_value_errors(read, raw):
    try:
        read(raw)
    except ValueError:
        return


_SEEDS = [
    GOLDEN[name] for name in ("map", "record_ctx", "ctx", "same_string_twice", "gstring(sample S1/3)", "str_emoji")
]


@given(st.sampled_from(_SEEDS).flatmap(_mutations) | st.binary(max_size=60))
@settings(max_examples=600, deadline=None)
def test_damage_raises_value_errors_only(raw):
    _only_value_errors(decode, raw)
    _only_value_errors(lambda data: list(decode_items(data)), raw)
    _only_value_errors(decode_record, raw)
    _only_value_errors(lambda data: with_refcount(data, 1), raw)


def test_every_truncated_map_is_damage():
    for size in range(len(GOLDEN["map"])):
        with pytest.raises(ValueError, match="."):
            decode(GOLDEN["map"][:size])


def test_endless_nesting_is_damage():
    with pytest.raises(ValueError, match="nesting"):
        decode(
            GOLDEN["module_list"][: GOLDEN["module_list"].index(b"\xf4") + 1] + b"\x01\x01" + b"\x01\x00\x01\x01" * 5000
        )


def test_texts_that_double_are_damage():
    encoder = Encoder()
    gstring = "org.codehaus.groovy.runtime.GStringImpl"
    raw = encoder.begin("java.util.ArrayList") + b"\x3c" + encode_string("0123456789")
    # Each is made of the one before, twice: two values, three empty strings.
    earlier, number = 1, 2
    for _ in range(59):
        reference = bytes((earlier + 2,)) if earlier + 2 < 128 else bytes((earlier + 2 & 0x7F | 0x80, earlier + 2 >> 7))
        token = b"\x03" if earlier == 1 else b"\x01\x01"
        raw += encoder.begin(gstring) + b"\x01\x03" + (token + reference) * 2 + b"\x01\x04" + b"\x01\x81" * 3
        earlier, number = number, number + 6
    with pytest.raises(ValueError, match="too large"):
        decode(raw)


@pytest.mark.parametrize("count", [b"\xff\xff\xff\xff\x0f", b"\xff\xff\xff\x7f"])
@pytest.mark.parametrize("name", ["java.util.ArrayList", "java.util.LinkedHashMap", "[B"])
def test_a_huge_count_asks_for_no_memory(name, count):
    with pytest.raises(ValueError, match="early"):
        decode(Encoder().begin(name) + count)


def test_a_reference_to_nothing_is_damage():
    with pytest.raises(ValueError, match="never written"):
        decode(b"\x03\x02")
