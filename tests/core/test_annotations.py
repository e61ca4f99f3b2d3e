"""Annotations: evaluated once, checked, not used to convert but for str to Path."""

from __future__ import annotations

import collections.abc
import decimal
import inspect
import typing
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal, NewType, Optional, Protocol, TypedDict, Union

import numpy as np
import pytest

from nbflow.core.declaration.annotations import check_annotation, coerce, evaluate, names_in_types, signature
from nbflow.core.declaration.line import parse_line
from nbflow.errors import DeclarationError


class Base: ...


class Derived(Base): ...


class Sized(Protocol):
    size: int


class Row(TypedDict):
    a: int


Index = NewType("Index", int)


@pytest.mark.parametrize(
    ("value", "annotation"),
    [
        (1, int),
        (True, int),
        (np.int64(1), int),
        (1, float),
        (1.5, float),
        (np.float32(1), float),
        (np.float64(1), float),
        (1, complex),
        ("a", str),
        (None, None),
        (None, type(None)),
        (None, Optional[int]),  # noqa: UP045
        (None, int | None),
        (1, Union[str, int]),  # noqa: UP007
        (Derived(), Base),
        (Derived, type[Base]),
        (object(), Any),
        (object(), object),
        ([], list),
        ([1, 2], list[int]),
        ([], list[int]),
        ([1, None], list[int | None]),
        ((1, "a"), tuple[int, str]),
        ((1, 2, 3), tuple[int, ...]),
        ((), tuple[()]),
        ({"a": [1]}, dict[str, list[int]]),
        ({1, 2}, set[int]),
        ((1, 2), collections.abc.Sequence[int]),
        ({"a": 1}, collections.abc.Mapping[str, int]),
        (len, collections.abc.Callable[[str], int]),
        ("a", Literal["a", "b"]),
        (1, Annotated[int, "cpus"]),
        (1, Index),
        (np.zeros(2), np.ndarray),
        (np.zeros(2), np.ndarray[Any, Any]),
        (Path("a"), Path),
        (Path("a"), PurePath),
        (1, "quoted"),
        (1, Sized),
        ({"a": "b"}, Row),
        (1, typing.TypeVar("T")),
        (1, 3),
    ],
)
def test_a_fitting_value_is_accepted(value: object, annotation: object) -> None:
    assert check_annotation(value, annotation) is None


@pytest.mark.parametrize(
    ("value", "annotation", "said"),
    [
        ("1", int, "expected int, got str '1'"),
        (1.0, int, "expected int, got float 1.0"),
        (np.float64(1), int, "expected int, got float64 np.float64(1.0)"),
        ("1.0", float, "expected float, got str '1.0'"),
        (decimal.Decimal(1), float, "expected float, got Decimal"),
        (None, int, "expected int, got NoneType"),
        (1, None, "expected None, got int 1"),
        (1, bool, "expected bool, got int 1"),
        (1, str, "expected str, got int 1"),
        ("c", Literal["a", "b"], "expected Literal['a', 'b'], got str 'c'"),
        (True, Literal[1], "expected Literal[1], got bool True"),
        (1, str | None, "expected str | None, got int 1"),
        ((1,), list[int], "expected list[int], got tuple"),
        ([1, "a"], list[int], "expected list[int], got list"),
        ((1,), tuple[int, str], "expected tuple[int, str], got tuple"),
        ((1, "a"), tuple[int, ...], "expected tuple[int, ...], got tuple"),
        ({"a": "b"}, dict[str, int], "expected dict[str, int], got dict"),
        ({1: 1}, dict[str, int], "expected dict[str, int], got dict"),
        (Base(), Derived, "expected Derived, got Base"),
        ("a", Index, "got str 'a'"),
        ("a", Path, "expected Path, got str 'a'"),
        (1, type[Base], "got int 1"),
        ("x" * 500, int, "…"),
    ],
)
def test_another_value_is_told_what_was_expected(value: object, annotation: object, said: str) -> None:
    found = check_annotation(value, annotation)
    assert found is not None
    assert said in found
    assert len(found) < 150


@pytest.mark.parametrize(
    ("value", "annotation", "expected"),
    [
        ("a", Path, Path("a")),
        ("a", Path | None, Path("a")),
        ("a", Optional[Path], Path("a")),  # noqa: UP045
        (None, Path | None, None),
        (["a", Path("b")], list[Path], [Path("a"), Path("b")]),
        (("a", "b"), tuple[Path, ...], (Path("a"), Path("b"))),
        (["a", "b"], tuple[str, Path], ["a", "b"]),
        (("a", "b"), tuple[str, Path], ("a", Path("b"))),
        (("a",), tuple[str, Path], ("a",)),
        ([["a"]], list[list[Path]], [[Path("a")]]),
        ([], list[Path], []),
        ("a", Path | str, "a"),
        ("a", str, "a"),
        ("a", Any, "a"),
        ("1", int, "1"),
        (1, float, 1),
        (["a"], list[str], ["a"]),
        (["a"], list, ["a"]),
    ],
)
def test_only_a_str_for_a_path_is_converted(value: object, annotation: object, expected: object) -> None:
    found = coerce(value, annotation)
    assert found == expected
    assert type(found) is type(expected)


def test_a_signature_has_the_values_of_defaults_and_annotations() -> None:
    namespace: dict[str, object] = {"n": 3, "Base": Base}
    found = signature(parse_line("f(a: Base, /, b: Path | None = None, *, c: 'Later' = n + 1, d=lambda: n)"), namespace)
    assert list(found.parameters) == ["a", "b", "c", "d"]
    assert found.parameters["a"].annotation is Base
    assert found.parameters["a"].kind is inspect.Parameter.POSITIONAL_ONLY
    assert found.parameters["b"].annotation == Path | None
    assert found.parameters["c"].annotation == "Later"
    assert found.parameters["c"].default == 4
    assert found.parameters["d"].default.__globals__ is namespace
    assert found.bind(Base(), c=1).arguments["c"] == 1


def test_defaults_are_evaluated_once() -> None:
    calls: list[int] = []
    found = signature(parse_line("f(a=calls.append(1), b=[])"), {"calls": calls})
    assert found.parameters["b"].default is found.parameters["b"].default
    assert calls == [1]


def test_a_name_of_the_notebook_comes_before_the_ones_always_known() -> None:
    assert signature(parse_line("f(a: Path)"), {"Path": str}).parameters["a"].annotation is str
    assert signature(parse_line("f(a: Path)"), {}).parameters["a"].annotation is Path


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("f(a: Pth)", "the type of `a` of `f`: name 'Pth' is not defined; write `Path`, or run the cell"),
        ("f(a=xyzzy)", "the default of `a` of `f`: name 'xyzzy' is not defined; run the cell that defines it first"),
        ("f(a=1 / 0)", "the default of `a` of `f`, `1 / 0`, fails: ZeroDivisionError"),
    ],
)
def test_what_cannot_be_evaluated_is_named(line: str, told: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        signature(parse_line(line), {})
    assert told in str(caught.value)


def test_an_annotation_can_be_evaluated_alone() -> None:
    assert evaluate("list[int]", {}, "the type of `x`") == list[int]


def test_names_in_types_are_those_that_a_checker_must_know() -> None:
    outputs = parse_line("f -> a: pd.DataFrame, b: list[Row] | None, c: Path, d, e: 'Later'").outputs
    assert names_in_types(outputs or ()) == {"pd", "Row"}
