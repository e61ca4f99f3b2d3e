"""Digests stay what they are: in another process, under another hash seed, on another Python, in the next version.

A digest that changes makes every cached task of every user run again. Where that is meant, `parts.SCHEME` changes with it,
so that an old digest is never taken for a new one; then these are written anew.
"""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import ipaddress
import operator
import pathlib
import random
import re
import types
import uuid
import zoneinfo
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from nbflow.core.parts import SCHEME, Part
from nbflow.core.task import hash as task_hash
from nbflow.core.values.hashing import digest


class Colour(enum.Enum):
    RED = 1


class Level(enum.IntFlag):
    LOW = 1
    HIGH = 2


class Point(NamedTuple):
    x: int
    y: int


@dataclasses.dataclass
class Box:
    content: object


@dataclasses.dataclass(frozen=True, slots=True)
class Slotted:
    a: object


class Text(str):
    pass


class Own:
    def __nbflow_digest__(self) -> object:
        return ("own", 1)


def a_function() -> None:
    pass


def ring() -> list[object]:
    first: list[object] = [1]
    first.append(first)
    return first


SHARED = [1]
SQUARE = np.arange(9.0).reshape(3, 3)
MULTI = pd.MultiIndex.from_product([[1, 2], ["a", "b"]], names=["x", "y"])

VALUES: dict[str, Any] = {
    "None": None,
    "True": True,
    "1": 1,
    "-1": -1,
    "2**70": 2**70,
    "1.0": 1.0,
    "-0.0": -0.0,
    "nan": float("nan"),
    "complex": 1 + 2j,
    "text": "h\u00e9llo",
    "lone surrogate": "\ud800",
    "bytes": b"a\0b",
    "long bytes": bytes(100_000),
    "ellipsis": ...,
    "list": [1, 2.5, "a", None],
    "nested": {"a": [1, {"b": (2, 3)}], "c": []},
    "tuple": (1, (2, ())),
    "set": {"a", "b", 1},
    "frozenset": frozenset({(1, "x"), frozenset({2})}),
    "shared": [SHARED, SHARED],
    "not shared": [[1], [1]],
    "ring": ring(),
    "many ints": list(range(10_000)),
    "many strings": [*map(str, range(10_000))],
    "many strings with NUL": ["\0", *map(str, range(10_000))],
    "large dict": {f"key {i}": i / 3 for i in range(10_000)},
    "range": range(1, 10, 2),
    "slice": slice(1, None),
    "bytearray": bytearray(b"ab"),
    "memoryview": memoryview(b"ab"),
    "array of doubles": array.array("d", [1.0]),
    "deque": collections.deque([1, [2]], maxlen=3),
    "ordered dict": collections.OrderedDict(a=1),
    "default dict": collections.defaultdict(list, a=[1]),
    "counter": collections.Counter("aab"),
    "keys": {"a": 1}.keys(),
    "read-only dict": types.MappingProxyType({"a": 1}),
    "namespace": types.SimpleNamespace(a=[1]),
    "named tuple": Point(1, 2),
    "box": Box([1]),
    "slotted": Slotted([1]),
    "member": Colour.RED,
    "flags": Level.LOW | Level.HIGH,
    "text subclass": Text("a"),
    "own": Own(),
    "date": datetime.date(2024, 2, 29),
    "time of day": datetime.time(1, 2, 3, 4, fold=1),
    "date and time": datetime.datetime(2024, 7, 1, 12, tzinfo=zoneinfo.ZoneInfo("Europe/Rome")),
    "utc": datetime.datetime(2024, 7, 1, tzinfo=datetime.UTC),
    "span": datetime.timedelta(1, 2, 3),
    "decimal": decimal.Decimal("1.10"),
    "fraction": fractions.Fraction(1, 3),
    "uuid": uuid.UUID(int=1),
    "path": pathlib.PurePosixPath("a/b"),
    "pattern": re.compile("a+", re.IGNORECASE),
    "address": ipaddress.ip_address("10.0.0.1"),
    "generator of random": random.Random(1),
    "error": ValueError("a", 1),
    "buffer": io.BytesIO(b"abc"),
    "partial": functools.partial(operator.add, 1),
    "builtin": len,
    "class": Box,
    "function": a_function,
    "method": Box(1).__eq__,
    "array": SQUARE,
    "array F": np.asfortranarray(SQUARE),
    "array turned": SQUARE.T,
    "array strided": SQUARE[::2, ::-1],
    "array big endian": np.arange(3, dtype=">i4"),
    "array of dates": np.array(["2024-01-01"], "M8[s]"),
    "array of text": np.array(["ab", "c"]),
    "array of strings": np.array(["ab", "c"], np.dtypes.StringDType()),
    "array of objects": np.array([1, "a", [2]], object),
    "array of records": np.zeros(2, [("a", "f8"), ("b", "i4", (2,))]),
    "array of nothing": np.zeros((0, 3)),
    "masked array": np.ma.masked_array([1, 2], [False, True]),
    "numpy scalar": np.float32(1.5),
    "numpy date": np.datetime64("2024-01-01", "D"),
    "dtype": np.dtype("f4"),
    "numpy generator": np.random.default_rng(1),
    "sparse rows": sparse.csr_array(SQUARE),
    "sparse places": sparse.coo_array(SQUARE),
    "frame": pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": pd.Categorical(["u", "v"])}),
    "series": pd.Series([1.5, None], name="s"),
    "dates": pd.date_range("2024", periods=2, tz="UTC"),
    "multi index": MULTI,
    "nullable": pd.array([1, None], dtype="Int64"),
    "timestamp": pd.Timestamp("2024-01-01", tz="UTC"),
    "polars frame": pl.DataFrame({"a": [1, None], "b": ["x", "y"], "c": [[1], []]}),
    "arrow table": pa.table({"a": [1, None], "b": ["x", "y"], "c": [{"k": 1}, None]}),
    "arrow array": pa.array([[1, 2], None, []]),
}


@pytest.mark.parametrize("name", VALUES)
def test_a_digest_stays_what_it_is(name: str) -> None:
    assert digest(VALUES[name]).hex() == PINNED[name]


def test_another_scheme_is_another_task_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part("source", "", digest(1))
    before = task_hash.call_digest([part])
    monkeypatch.setattr(task_hash, "SCHEME", SCHEME + "x")
    assert task_hash.call_digest([part]) != before


def test_every_pinned_digest_belongs_to_a_value_of_its_own() -> None:
    assert list(PINNED) == list(VALUES)
    assert len(set(PINNED.values())) == len(PINNED)


PINNED: dict[str, str] = {
    "None": "626d368fe0e74b4f1a038927df1311d6",
    "True": "1d33c0bd3511c80d20948828081ddcb4",
    "1": "b43a4514c6d4d1e4e99dcaa8de4d257c",
    "-1": "a18acdf4375c4f8363f195859429a96e",
    "2**70": "8a67e0a1426323ecfbfd4458dfb58647",
    "1.0": "c5cfbc0f280e15291a2eb1b64ede67a2",
    "-0.0": "20751e3dbb0dafad15202973cf7b28df",
    "nan": "e3202fac0da24988adf2c558833bc96c",
    "complex": "b4bccd04857473b66490a3d75aff1a01",
    "text": "658c7614d8603693a267f53da16212ad",
    "lone surrogate": "a4dad6930a3c47356305e00d0b19fba5",
    "bytes": "76293ebb74fff2c863ea47ef50f8c01b",
    "long bytes": "335154c85f649316e2b6bb8e10c0eb54",
    "ellipsis": "4a810a3f4b01805cab8a815a3d735ad3",
    "list": "45506db1771288096b396d4456705e1f",
    "nested": "e30761993b2037edf210f772eddeaf90",
    "tuple": "711128c51ec26bdc64c47825a183116e",
    "set": "215d74ceb061ebbaed5ef64421e098eb",
    "frozenset": "67eee020246cec3705bb6337745aaa53",
    "shared": "986aa786297b9a4576cbb9f57038ccef",
    "not shared": "e6a60e0e5fc327eae2e3c56ee414f461",
    "ring": "aecb4681379846bf75fd3c8b3fff5bde",
    "many ints": "08bbf39780864d84f3b29e9ef0742b2a",
    "many strings": "30cd6f5f14f37ebe13e7c1964420974d",
    "many strings with NUL": "d2e5fe8393442bd0d9672fd02f5b1325",
    "large dict": "5232469bdbaafd550deddb8f8e3ee5d0",
    "range": "1512b1a06eccd97bc1c69b33be1879eb",
    "slice": "507af1e5fce64e811244886fd276b92e",
    "bytearray": "82f6311ee744ecdd2b2e55da2a2dfdb8",
    "memoryview": "f428e01757c8ce4c9f392e2f6b7262a0",
    "array of doubles": "451759e326260955c68dcc08dda96d14",
    "deque": "cf02af36ce1af254cea1635968118e15",
    "ordered dict": "d3fb9576096c7a301d086c079fc5787a",
    "default dict": "25ccf4f4e4756bdc80da576e2c35ebeb",
    "counter": "50d877b56a1965cf46a6c520ca070389",
    "keys": "db84e61160c2fba4130910f926136900",
    "read-only dict": "5b76d6562dc92aaa36382bcaf3ee7237",
    "namespace": "918f75037723fed82b9fd3cd5b010dad",
    "named tuple": "0ac952826a2139b04fc6d4b074665fb9",
    "box": "f3a2115012786ecba1c5e8a4caef5214",
    "slotted": "8ac1d1b54389ba671edcfad73bce8753",
    "member": "8cb45d4c42707c6ac4d13a0ccac2faf4",
    "flags": "5fdcc9d53e496347ee51a1b23d0625e3",
    "text subclass": "f949f76b7cf86026d44c2720367cab21",
    "own": "e4d10c088040071ced064d35ff92acb6",
    "date": "6a0402ecc0376ca99fb32a37c235125a",
    "time of day": "0c46346db36daa769ba17038becedb4f",
    "date and time": "f23a68f3a7a0f2dc14e8f0067c8a01d5",
    "utc": "894eb58ca7d884b520a1e02ce4474923",
    "span": "18e2258e372387abf34960fba66772c5",
    "decimal": "2b8f2313fc40457e24377a7bc00abe43",
    "fraction": "dac294d6123bfdf741bfb716702a4bd3",
    "uuid": "f98c7a05173d0d13c7078dad5b38b4f5",
    "path": "1b9d82e6639a20076ae075be9dca484a",
    "pattern": "fd56e2f6e10f6a4280f23fb091107508",
    "address": "81e0311093fa6ba6015aa72a6cbd23a4",
    "generator of random": "92b1fa057c558b69a17e93e9cee24511",
    "error": "24313c153571b0c322f8ff52c8652848",
    "buffer": "7672e5ad31158eba1d1dfec782d14fd4",
    "partial": "32c732e6d7e0d079bea0819799f84f2f",
    "builtin": "8a8df6000a80fb3431077947315127b1",
    "class": "b536a1dbec2b4f8d9200792bad70b8d0",
    "function": "8671590d55c7c159a0d287d7ab0bfb3e",
    "method": "3671438fcf28838da1278d79b8e2ecb8",
    "array": "0ac49d6fd6d06714ce0db0a919b53fcc",
    "array F": "7e21dce78e0a5f364d7ccd0e3afa1f79",
    "array turned": "4f5e399762e9927cb667c11d9d40d3e0",
    "array strided": "64d2fc667e50c4b85acaa92589498068",
    "array big endian": "a48b077d89b3d9e38deff74b43e20a10",
    "array of dates": "124c02f69f4dfd7f6654a2af2613472e",
    "array of text": "a88d7f3a77affbbecbc579362b0fbfeb",
    "array of strings": "2d0301eb50c6c2ac08cad2cb8d17a9f4",
    "array of objects": "9c13d93968cba343fab88878b5d55012",
    "array of records": "64708de94b6a0a7a315e5a921642f053",
    "array of nothing": "16929c834fb1dff43ac7a878e7b66962",
    "masked array": "1c6c5fec021eb48748a56a2700d3a6b0",
    "numpy scalar": "8d745fafda51dc1be2c08643591e14d4",
    "numpy date": "79ab7a1c209c22846e3d6be6a29ad444",
    "dtype": "62b34916e0f4b0b5beb7378304827b4d",
    "numpy generator": "f2b1e6a32046663477ac9309a8da0e6e",
    "sparse rows": "4823ef10c41145e945bfa0a31619ce51",
    "sparse places": "4385c640d0d380d2b4a912d8b9f4e393",
    "frame": "de6f1b045e6abf96c9357270eb6e1b78",
    "series": "3884facb361763df05a8d710e9dbaa1e",
    "dates": "025afc236cbf6486a3dcec73a98cf671",
    "multi index": "c2803cb78820c8f6a5740cdd8b2f7d5f",
    "nullable": "d0860cd2cfb1b6b73c974ebe19c0738c",
    "timestamp": "4cc77769215b1b9e7176f3085787687c",
    "polars frame": "30731fcfa416cb5b9edba9a295de1d76",
    "arrow table": "fabf7ccfa6488933cf7ff6ebe5683a64",
    "arrow array": "d393fc9184790d70a793e4e39481b0fd",
}
