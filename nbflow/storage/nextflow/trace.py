"""The trace record of a task: what ``log`` shows of it, as it lies in a task entry and in ``.command.trace``.

Alone knows the fields of a trace record, their order, their Java types and how each is shown. Knows nothing of
databases, files and processes: bytes and texts in, values out.

A record is a ``dict``: times are milliseconds since 1970, durations milliseconds, sizes bytes, percentages floats,
an unknown value None. A field that does not apply yet is left out.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from nbflow.core.secrets import MASK, is_secret
from nbflow.core.units import format_duration, format_memory
from nbflow.storage.nextflow import kryo
from nbflow.storage.nextflow.kryo_read import UnknownClassError, decode_items

NONE_EXIT = 2147483647
"""The exit status of a task that has none: Java's ``Integer.MAX_VALUE``, shown as ``-``."""

FIELDS: Mapping[str, str] = {
    **dict.fromkeys(("task_id", "hash", "native_id", "process", "module", "container", "tag", "name", "status"), "str"),
    "exit": "str",
    **dict.fromkeys(("submit", "start", "complete"), "date"),
    **dict.fromkeys(("duration", "realtime"), "time"),
    **dict.fromkeys(("%cpu", "%mem"), "perc"),
    **dict.fromkeys(("rss", "vmem", "peak_rss", "peak_vmem", "rchar", "wchar"), "mem"),
    **dict.fromkeys(("syscr", "syscw"), "num"),
    **dict.fromkeys(("read_bytes", "write_bytes"), "mem"),
    "attempt": "num",
    **dict.fromkeys(("workdir", "script", "scratch", "queue"), "str"),
    "cpus": "num",
    **dict.fromkeys(("memory", "disk"), "mem"),
    "time": "time",
    **dict.fromkeys(("env", "error_action"), "str"),
    **dict.fromkeys(("vol_ctxt", "inv_ctxt"), "num"),
    **dict.fromkeys(("hostname", "cpu_model"), "str"),
    "accelerator": "num",
    "accelerator_type": "str",
}
"""Each field and how it is shown, in the order of Nextflow's ``TraceRecord``."""

_LOG_NAMES = {"pcpu": "%cpu", "pmem": "%mem"}
_UNKNOWN = "-"


def field_of(log_name: str) -> str:
    """Return the field that a name of ``log -f`` means: ``pcpu`` and ``pmem`` are ``%cpu`` and ``%mem``."""
    return _LOG_NAMES.get(log_name, log_name)


def masked_env(environ: Mapping[str, str]) -> str:
    """Return the text of the field ``env``: ``NAME=value`` lines, the values of secrets masked."""
    return "".join(f"{name}={MASK if is_secret(name) else value}\n" for name, value in environ.items())


# ---- in a task entry


def _scratch(value: object) -> bytes:
    return kryo.encode(value)


def _module(value: list[str]) -> bytes:
    # Class names are numbered through the record, and these two came before.
    encoder = kryo.Encoder()
    encoder.begin(kryo.LINKED_MAP)
    encoder.begin(kryo.TASK_ID)
    return encoder.encode(list(value))


_names = kryo.Encoder()
_MAP = _names.begin(kryo.LINKED_MAP)
_TASK_ID = _names.begin(kryo.TASK_ID)


def _task_id(value: int) -> bytes:
    return _TASK_ID + kryo.encode_int(value)[1:]


_Writer = Callable[[Any], bytes]
_INT, _LONG, _DOUBLE, _STR = kryo.encode_int, kryo.encode_long, kryo.encode_double, kryo.encode_string

# In the order in which Nextflow's local executor puts them.
_JAVA_TYPES: dict[str, _Writer] = {
    "task_id": _task_id,
    **dict.fromkeys(("status", "hash", "name"), _STR),
    "exit": _INT,
    **dict.fromkeys(("submit", "start"), _LONG),
    **dict.fromkeys(("process", "tag"), _STR),
    "module": _module,
    "container": _STR,
    "attempt": _INT,
    "script": _STR,
    "scratch": _scratch,
    **dict.fromkeys(("workdir", "queue"), _STR),
    "cpus": _INT,
    **dict.fromkeys(("memory", "disk", "time"), _LONG),
    "env": _STR,
    "accelerator": _INT,
    **dict.fromkeys(("accelerator_type", "error_action"), _STR),
    **dict.fromkeys(("complete", "duration", "realtime"), _LONG),
    "%cpu": _DOUBLE,
    "cpu_model": _STR,
    **dict.fromkeys(("rchar", "wchar", "syscr", "syscw", "read_bytes", "write_bytes"), _LONG),
    "%mem": _DOUBLE,
    **dict.fromkeys(("vmem", "rss", "peak_vmem", "peak_rss", "vol_ctxt", "inv_ctxt", "native_id"), _LONG),
    "hostname": _STR,
}
_SCHEMA = tuple((field, _STR(field), writer) for field, writer in _JAVA_TYPES.items())


def encode_trace(record: Mapping[str, object]) -> bytes:
    """Encode a trace record for a task entry.

    Parameters
    ----------
    record : mapping of str to object
        Fields of `FIELDS`, ``task_id`` among them, in any order: they are written in Nextflow's.

    Returns
    -------
    bytes
        What Nextflow reads as a ``LinkedHashMap``.

    Raises
    ------
    ValueError
        ``task_id`` is missing, a field is unknown, or its value does not fit its Java type.
    """
    if record.get("task_id") is None or not record.keys() <= _JAVA_TYPES.keys():
        raise ValueError(
            f"a trace record has task_id and known fields only: {sorted(record.keys() - _JAVA_TYPES.keys())}"
        )
    out = [_MAP, bytes((len(record),))]
    try:
        for field, encoded_field, write in _SCHEMA:
            if field in record:
                value = record[field]
                out += encoded_field, kryo.NULL if value is None else write(value)
    except (AttributeError, TypeError, ValueError, struct.error) as error:
        raise ValueError(f"the trace field {field!r} cannot hold {record[field]!r}: {error}") from error
    return b"".join(out)


def decode_trace(raw: bytes) -> dict[str, object]:
    """Decode the trace record of a task entry, Nextflow's or nbflow's.

    Returns
    -------
    dict of str to object
        In the order of the bytes. What follows an object of an unknown class is left out, as its end cannot be found.

    Raises
    ------
    ValueError
        Damage.
    """
    record: dict[str, object] = {}
    try:
        for field, value in decode_items(raw):
            if type(field) is not str:
                raise ValueError("no trace record: a field without a name")
            record[field] = value
    except UnknownClassError:
        return record
    return record


# ---- as shown


def format_field(field: str, value: object) -> str:
    """Show a field's value as Nextflow's ``log`` and trace file do.

    Parameters
    ----------
    field : str
        One of `FIELDS`; see `field_of` for the names of ``log -f``.
    value : object
        None shows as ``-``.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        Unknown field.
    """
    display = FIELDS.get(field)
    if display is None:
        raise ValueError(f"no trace field {field!r}; the fields are: {', '.join(FIELDS)}")
    if value is None or value == []:
        return _UNKNOWN
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return _FORMATS[display](value)


def _format_number(value: float) -> str:
    return _UNKNOWN if value == NONE_EXIT else str(value)


def _format_date(value: float) -> str:
    seconds, milliseconds = divmod(int(value), 1000)
    try:
        return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M:%S}.{milliseconds:03d}" if value else _UNKNOWN
    except (OverflowError, OSError, ValueError):
        return str(value)  # a damaged time is shown for what it is


_FORMATS: dict[str, Callable[[float], str]] = {
    "str": _format_number,
    "num": _format_number,
    "date": _format_date,
    "time": lambda value: format_duration(int(value)),
    "mem": lambda value: format_memory(int(value)),
    "perc": lambda value: f"{value:.1f}%",
}


# ---- in .command.trace

_HEADER = "nextflow.trace/v2"
_PER_CENT = ("%cpu", "%mem")
_KILOBYTES = ("vmem", "rss", "peak_vmem", "peak_rss")
_TRACE_FILE = (
    "realtime", "%cpu", "cpu_model", "rchar", "wchar", "syscr", "syscw", "read_bytes", "write_bytes",
    "%mem", "vmem", "rss", "peak_vmem", "peak_rss", "vol_ctxt", "inv_ctxt",
)  # fmt: skip


def trace_text(record: Mapping[str, Any]) -> str:
    """Return the text of ``.command.trace``: those of its fields that the record knows.

    Notes
    -----
    The file has percentages in tenths and memory in KB; Nextflow's reader takes a missing field for unknown.
    """
    lines = [f"{field}={_to_file(field, record[field])}" for field in _TRACE_FILE if record.get(field) is not None]
    return "\n".join((_HEADER, *lines, ""))


def parse_trace_text(text: str) -> dict[str, object]:
    """Read the text of ``.command.trace`` into fields of a trace record; what it does not understand is left out.

    Notes
    -----
    The figures are for show only, and a task that was killed leaves half a file: so there is no error.
    """
    header, _, rest = text.partition("\n")
    if header != _HEADER:
        return {}
    pairs = (line.partition("=")[::2] for line in rest.split("\n"))
    values = {field: _from_file(field, value) for field, value in pairs if field in _TRACE_FILE}
    return {field: value for field, value in values.items() if value is not None}


def _to_file(field: str, value: Any) -> str:
    if field in _PER_CENT:
        return str(round(value * 10))
    if field in _KILOBYTES:
        return str(value // 1024)
    return " ".join(str(value).split())


def _from_file(field: str, text: str) -> object:
    if field == "cpu_model":
        return text
    if not re.fullmatch(r"[0-9]{1,15}", text):
        return None
    if field in _PER_CENT:
        return int(text) / 10
    return int(text) * (1024 if field in _KILOBYTES else 1)
