"""What operators and factories are called with: checked at the call, by name, so that nothing fails later for it.

Pure. Alone decides what counts as a condition: a predicate, a type, a regular expression or a plain value, as in Nextflow.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from nbflow.errors import InputError
from nbflow.execution.channels.items import loaded

Function: TypeAlias = Callable[[Any], Any]
By: TypeAlias = int | str | Iterable[int | str]


def refused(operator: str, name: str, expected: str, value: object) -> InputError:
    """Say that an argument cannot be used."""
    given = value if isinstance(value, (str, int, float, type(None))) else type(value)
    shown = f"a {given.__name__}" if isinstance(given, type) else repr(given)
    return InputError(f"`{operator}`: `{name}` must be {expected}, not {shown}", name=name)


def function(operator: str, value: object, name: str = "function") -> Function:
    """Check that an argument can be called.

    Raises
    ------
    InputError
        If it cannot.
    """
    if not callable(value):
        raise refused(operator, name, "a function of an item", value)
    return value


def key(operator: str, value: object, name: str = "by") -> Function:
    """Check the function by which items are compared; None compares the items themselves."""
    return _itself if value is None else function(operator, value, name)


def whole(operator: str, name: str, value: object, least: int) -> int:
    """Check that an argument is a whole number, and not too small.

    Raises
    ------
    InputError
        If it is none.
    """
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise refused(operator, name, f"a whole number from {least} on", value)
    return value


def flag(operator: str, **values: object) -> None:
    """Check that arguments are True or False.

    Raises
    ------
    InputError
        If one is not.
    """
    for name, value in values.items():
        if not isinstance(value, bool):
            raise refused(operator, name, "True or False", value)


def indices(operator: str, value: Any) -> tuple[int | str, ...]:
    """The positions or field names that ``by`` gives, as a tuple.

    Raises
    ------
    InputError
        If they are none.
    """
    given = (value,) if isinstance(value, (int, str)) or not isinstance(value, Iterable) else tuple(value)
    for each in given:
        if isinstance(each, bool) or not (isinstance(each, str) or (isinstance(each, int) and each >= 0)):
            raise refused(operator, "by", "a position from 0 on, a field's name, or a list of these", each)
    if len(set(given)) != len(given) or not given:
        raise InputError(f"`{operator}`: `by` must name at least one position or field, each once", name="by")
    return given


def condition(operator: str, value: Any) -> Function:
    """A test of items: a predicate as it is; a type, a regular expression (of the whole text) or a value is compared with.

    Raises
    ------
    InputError
        If it is a channel, which says nothing of single items.
    """
    if isinstance(value, type) and value is not bool:  # which everybody means as a predicate
        return lambda item: isinstance(loaded(item), value)
    if isinstance(value, re.Pattern):
        return lambda item: value.fullmatch(str(loaded(item))) is not None
    if callable(value):
        return lambda item: value(loaded(item))
    if hasattr(value, "__nbflow_digest__"):
        raise refused(operator, "condition", "a predicate, a type, a regular expression or a value", value)
    return lambda item: bool(loaded(item) == value)


def sorting(operator: str, value: object, *, name: str = "sort") -> Function | None:
    """The key that ``sort`` gives: None for no sorting, the item itself for True, or a function.

    Raises
    ------
    InputError
        If it is something else.
    """
    if value is None or value is False:
        return None
    if value is True:
        return _itself
    if not callable(value):
        raise refused(operator, name, "True, False or a function of an item", value)
    return value


def _itself(item: Any) -> Any:
    return item
