"""What one Python wrote, another reads: entries and containers of values, as bytes that Python 3.11 made."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

from nbflow.core.parts import Part
from nbflow.core.task.entry import FileRecord, OutputRecord, TaskEntry, read_entry
from nbflow.storage import values

ENTRY = TaskEntry(
    status="COMPLETED",
    exit=0,
    realtime=12,
    run="happy_turing",
    boot="8cb035cf",
    outputs=(
        OutputRecord("r", "value", "ab" * 16, "*", (), True, "cd" * 16),
        OutputRecord("f", "file", "ef" * 16, "file('o')", ("o",)),
    ),
    files=(FileRecord(".nbflow/values", 72, 1795575909547007561, "38" * 16),),
    imports=(("np", "numpy", None),),
    left_out=("gen: a generator",),
    shown=True,
    unsure=("d.txt",),
    python="3.11",
    process="fit",
    name="fit (3)",
    parts=(Part("input", "x", bytes(range(16)), "3"),),
)
PAYLOAD = (
    "6e626631641dc5c3cc531878660100005b22434f4d504c45544544222c302c31322c2268617070795f747572696e67222c223863"
    "623033356366222c312c5b5b222e6e62666c6f772f76616c756573222c37322c313739353537353930393534373030373536312c"
    "223338333833383338333833383338333833383338333833383338333833383338225d5d2c5b5b2272222c2276616c7565222c22"
    "6162616261626162616261626162616261626162616261626162616261626162222c222a222c5b5d2c747275652c226364636463"
    "646364636463646364636463646364636463646364636463646364225d2c5b2266222c2266696c65222c22656665666566656665"
    "6665666566656665666566656665666566656665666566222c2266696c6528276f2729222c5b226f225d2c66616c73652c22225d"
    "5d2c5b5b226e70222c226e756d7079222c6e756c6c5d5d2c5b2267656e3a20612067656e657261746f72225d2c5b22642e747874"
    "225d2c22332e3131225d5b22666974222c2266697420283329222c5b5b22696e707574222c2278222c2230303031303230333034"
    "30353036303730383039306130623063306430653066222c2233225d5d5d"
)
VALUE = {"a": [1, 2.5, "x", None, True], "b": {"k": (1, 2)}, "big": bytearray(b"z" * 5000)}
CONTAINER = (
    "eNrLS0rLyS9n5LokzIACfI4pzp68JvSCS9pe4ZIZvP8aWKcehyqpnaLRw5g4JXaKhjejuwMLRLCHsWKKX0dqD2PSlNopPYzZU7wZvZna"
    "phT3MCdlpk+Z1gHVWzUKRsEoGAWjYBSMglEwCkbBKBgFo2AUjIJRMApGwSigOZhSqgcA6NVvCQ=="
)


def test_an_entry_is_read_and_written_as_these_bytes() -> None:
    assert read_entry(bytes.fromhex(PAYLOAD), whole=True) == ENTRY
    assert ENTRY.to_bytes().hex() == PAYLOAD


def test_a_container_is_read(tmp_path: Path) -> None:
    path = tmp_path / "values"
    path.write_bytes(zlib.decompress(base64.b64decode(CONTAINER)))
    assert values.load(path, buffers_dir=tmp_path) == VALUE
