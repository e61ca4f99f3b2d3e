"""Tests of previews: values in a few words, at a cost that does not grow with the value."""

from __future__ import annotations

import enum
from collections import namedtuple
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbflow.core.parts import PREVIEW_LIMIT
from nbflow.core.values.preview import preview


@dataclass
class Settings:
    rate: float
    password: str = "hidden"


class Colour(enum.Enum):
    RED = 1


class Loud:
    __slots__ = ()

    def __repr__(self) -> str:
        raise AssertionError("code of the user's was run")


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.5, "0.5"),
        (True, "True"),
        ("a\nb", "'a\\nb'"),
        (b"a", "b'a'"),
        (None, "None"),
        (10**200, "int of 665 bits"),
        (Path("d/a.fq"), "d/a.fq"),
        ([1, "a", None], "[1, 'a', None]"),
        ((1,), "(1,)"),
        ((), "()"),
        ({2, 1}, "{1, 2}"),
        (set(), "set()"),
        (list(range(9)), "list of 9"),
        ({"a": [1, [2, [3]]]}, "{'a': [1, [2, list of 1]]}"),
        ({"rate": 1, "api_key": "x"}, "{'rate': 1, 'api_key': [secure]}"),
        (Settings(0.5), "Settings(rate=0.5, password=[secure])"),
        (SimpleNamespace(a=1), "SimpleNamespace(a=1)"),
        (Point(1, 2), "Point(x=1, y=2)"),
        (Colour.RED, "Colour.RED"),
        (date(2026, 1, 31), "datetime.date(2026, 1, 31)"),
        ("postgres://me:secret@host/db", "'postgres://[secure]@host/db'"),
        (np.zeros((2, 3), "f4"), "ndarray of shape (2, 3) and type float32"),
        (pd.DataFrame({"a": [1]}), "DataFrame of shape (1, 1)"),
        (Loud(), "Loud"),
        ([Loud()], "[Loud]"),
    ],
)
def test_a_value_is_shown_by_its_text_or_else_by_what_it_is(value: Any, shown: str) -> None:
    assert preview(value, "x") == shown


def test_a_name_that_tells_of_a_secret_hides_the_value() -> None:
    assert preview("x", "API_TOKEN") == "[secure]"


def test_no_more_is_shown_than_the_limit_however_large_the_value() -> None:
    for value in ("x" * 10**6, ["x" * 10**6] * 8, {"k" * 1000: {"x" * 1000: 1}}, 10**10**5):
        assert len(preview(value)) <= PREVIEW_LIMIT


def test_a_value_that_holds_itself_is_shown() -> None:
    held: list[Any] = [1]
    held.append(held)
    assert preview(held) == "[1, [1, [1, list of 2]]]"
