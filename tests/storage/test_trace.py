"""Trace records: Nextflow's order, types and formats."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.core.secrets import is_secret
from nbflow.storage.nextflow import kryo
from nbflow.storage.nextflow.kryo_read import decode
from nbflow.storage.nextflow.trace import (
    FIELDS,
    NONE_EXIT,
    decode_trace,
    encode_trace,
    field_of,
    format_field,
    masked_env,
    parse_trace_text,
    trace_text,
)

_LINES = (Path(__file__).parent / "kryo-golden.txt").read_text(encoding="utf-8").splitlines()[1:]
GOLDEN = {name: bytes.fromhex(digits) for name, digits in (line.split("\t") for line in _LINES)}


def _words(text):
    return text.split()


# The names and the order as Nextflow's local executor writes them for a task that ended.
ORDER = _words(
    "task_id status hash name exit submit start process tag module container attempt script scratch workdir queue cpus "
    "memory disk time env accelerator accelerator_type error_action complete duration realtime %cpu cpu_model rchar "
    "wchar syscr syscw read_bytes write_bytes %mem vmem rss peak_vmem peak_rss vol_ctxt inv_ctxt native_id"
)
BEGAN = 1700000000000


def a_record(**changes):
    record = dict.fromkeys(ORDER)
    record |= {"task_id": 3, "status": "COMPLETED", "hash": "ab/cdef12", "name": "fit (3)", "exit": 0, "process": "fit"}
    record |= {"submit": BEGAN, "start": BEGAN + 5, "complete": BEGAN + 900, "duration": 900, "realtime": 880}
    record |= {"attempt": 1, "script": "echo 'é😀'\n", "workdir": "/work/ab/cdef12", "cpus": 2, "memory": 2**33}
    record |= {"%cpu": 99.7, "%mem": 0.1, "rss": 2**31, "native_id": 4711}
    return record | changes


def test_the_bytes_are_those_of_a_map_of_java_values_in_nextflows_order():
    record = a_record(tag="x")
    typed = decode_trace(encode_trace(record))
    assert (typed, list(typed)) == (record, ORDER)
    assert encode_trace(record) == kryo.encode(typed)


def test_golden_fields_are_written_byte_for_byte():
    # The golden map has %cpu and env in places of their own; what comes before them is as Nextflow writes it.
    record = decode_trace(GOLDEN["map"])
    written = encode_trace(record)
    same = GOLDEN["map"].index(kryo.encode_string("%cpu"))
    assert written[:same] == GOLDEN["map"][:same]
    assert decode_trace(written) == record


def test_golden_record_is_read():
    record = decode_trace(GOLDEN["map"])
    assert (record["name"], record["submit"], record["%cpu"], record["tag"]) == ("foo (1)", BEGAN, 12.5, None)


def test_a_record_is_read_back_in_nextflows_order_whatever_the_order_it_had():
    record = a_record()
    shuffled = dict(sorted(record.items()))
    assert list(decode_trace(encode_trace(shuffled)).items()) == list(record.items())


def test_java_types_are_nextflows_even_for_small_numbers():
    types = {name: type(value) for name, value in decode(encode_trace(a_record(disk=1, time=1, rchar=0))).items()}
    longs = _words("submit start complete duration realtime memory disk time rchar rss native_id")
    assert {types[name] for name in longs} == {kryo.Long}
    assert {types[name] for name in ("exit", "attempt", "cpus")} == {int}
    assert (types["task_id"], types["%cpu"]) == (kryo.TaskId, float)


def test_whole_percentages_are_doubles():
    assert type(decode(encode_trace(a_record(**{"%cpu": 100})))["%cpu"]) is float


def test_fields_that_do_not_apply_are_left_out():
    assert decode_trace(encode_trace({"task_id": 1, "status": "FAILED"})) == {"task_id": 1, "status": "FAILED"}


def test_modules_scratch_and_hostname_fit():
    record = {"task_id": 1, "module": ["a/1", "b/2"], "scratch": True, "hostname": "node1"}
    assert decode_trace(encode_trace(record)) == record


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"colour": "red"}, "colour"),
        ({"task_id": None}, "task_id"),
        ({"cpus": 2**31}, "cpus"),
        ({"cpus": 1.5}, "cpus"),
        ({"name": 7}, "name"),
        ({"%cpu": "many"}, "%cpu"),
        ({"memory": 2**63}, "memory"),
    ],
)
def test_what_java_could_not_read_is_refused_by_name(changes, named):
    with pytest.raises(ValueError, match=named):
        encode_trace(a_record(**changes))


def test_what_follows_an_object_of_an_unknown_class_is_left_out():
    encoder = kryo.Encoder()
    raw = encoder.begin(kryo.LINKED_MAP) + b"\x02" + kryo.encode_string("status") + kryo.encode_string("COMPLETED")
    raw += kryo.encode_string("container") + encoder.begin("com.example.Image") + b"\x07\x07"
    assert decode_trace(raw) == {"status": "COMPLETED"}


@pytest.mark.parametrize("raw", [b"", b"\x00", GOLDEN["ctx"][:-1], GOLDEN["module_list"], kryo.encode({1: 2})])
def test_damage_is_a_value_error(raw):
    with pytest.raises(ValueError, match="."):
        decode_trace(raw)


# ---- as shown


@pytest.fixture
def utc(monkeypatch):
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("submit", BEGAN + 7, "2023-11-14 22:13:20.007"),
        ("submit", 0, "-"),
        ("complete", 10**30, "1" + "0" * 30),
        ("duration", 931, "931ms"),
        ("duration", 2_123, "2.1s"),
        ("realtime", 16_000, "16s"),
        ("duration", 600_000, "10m"),
        ("duration", 90_123_000, "1d 1h 2m 3s"),
        ("rss", 31_258_050, "29.8 MB"),
        ("rss", 0, "0"),
        ("memory", 4 * 2**30, "4 GB"),
        ("%cpu", 99.7, "99.7%"),
        ("%mem", 0, "0.0%"),
        ("exit", 0, "0"),
        ("exit", NONE_EXIT, "-"),
        ("exit", None, "-"),
        ("cpus", 2, "2"),
        ("tag", "a b", "a b"),
        ("tag", "", ""),
        ("scratch", True, "true"),
        ("module", ["a/1", "b/2"], "[a/1, b/2]"),
        ("module", [], "-"),
        ("memory", "a lot", "a lot"),
    ],
)
def test_fields_are_shown_as_nextflow_shows_them(utc, field, value, shown):
    assert format_field(field, value) == shown


def test_dates_are_shown_in_local_time():
    assert format_field("start", BEGAN) == f"{datetime.fromtimestamp(BEGAN // 1000):%Y-%m-%d %H:%M:%S}.000"


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_shows_an_unknown_value_as_a_dash(field):
    assert format_field(field, None) == "-"


def test_every_field_that_is_written_can_be_shown():
    assert set(ORDER) <= FIELDS.keys()
    assert FIELDS.keys() - set(ORDER) == {"hostname"}


def test_an_unknown_field_is_an_error_that_lists_them():
    with pytest.raises(ValueError, match="colour.*task_id"):
        format_field("colour", 1)


def test_log_says_pcpu_and_pmem():
    assert [field_of(name) for name in ("pcpu", "pmem", "name")] == ["%cpu", "%mem", "name"]


# ---- secrets


@pytest.mark.parametrize(
    "name",
    [
        "AWS_REGION",
        "GITHUB_TOKEN",
        "my_secret_x",
        "OPENAI_API_KEY",
        "apikey",
        "DB_PASSWORD",
        "PGPASSWD",
        "SSH_PRIVATE_KEY",
    ],
)
def test_secrets_are_masked_by_name(name):
    assert is_secret(name)
    assert masked_env({"LANG": "C", name: "s3\nDROP"}) == f"LANG=C\n{name}=[secure]\n"


@pytest.mark.parametrize("name", ["LANG", "PATH", "LAWS", "KEYBOARD", "OMP_NUM_THREADS"])
def test_other_variables_are_not(name):
    assert not is_secret(name)


# ---- .command.trace

TRACE_FILE = """nextflow.trace/v2
realtime=880
%cpu=997
cpu_model=Some CPU @ 3.00GHz
rchar=1000
wchar=100
syscr=10
syscw=5
read_bytes=0
write_bytes=4096
%mem=1
vmem=4
rss=3
peak_vmem=4
peak_rss=3
vol_ctxt=7
inv_ctxt=8
"""
FIGURES = {
    "realtime": 880,
    "%cpu": 99.7,
    "cpu_model": "Some CPU @ 3.00GHz",
    "rchar": 1000,
    "wchar": 100,
    "syscr": 10,
    "syscw": 5,
    "read_bytes": 0,
    "write_bytes": 4096,
    "%mem": 0.1,
    "vmem": 4096,
    "rss": 3072,
    "peak_vmem": 4096,
    "peak_rss": 3072,
    "vol_ctxt": 7,
    "inv_ctxt": 8,
}


def test_trace_file_is_read_in_the_units_of_a_record():
    assert parse_trace_text(TRACE_FILE) == FIGURES


def test_trace_file_is_written_in_its_own_units():
    assert trace_text(FIGURES | {"name": "no figure"}) == TRACE_FILE


def test_unknown_figures_are_left_out_of_the_file():
    assert trace_text({"realtime": 5, "rss": None}) == "nextflow.trace/v2\nrealtime=5\n"


@pytest.mark.parametrize("text", ["", "realtime=5\n", "nextflow.trace/v1\nrealtime=5\n"])
def test_another_format_has_no_figures(text):
    assert parse_trace_text(text) == {}


def test_what_cannot_be_understood_is_left_out():
    text = "nextflow.trace/v2\nrealtime=5\nrss=many\nsyscr=-1\nnew=1\nwchar\nrchar=" + "9" * 400
    assert parse_trace_text(text) == {"realtime": 5}


@given(st.text())
@settings(deadline=None)
def test_any_text_after_the_header_gives_figures_that_can_be_recorded(text):
    figures = parse_trace_text("nextflow.trace/v2\n" + text)
    assert decode_trace(encode_trace({"task_id": 1, **figures})) == {"task_id": 1, **figures}
