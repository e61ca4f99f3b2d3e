"""How arguments and channel items meet a process's parameters.

Alone decides which parameters a channel feeds and how an item is spread over them (design 1.5). Knows no channel: an
argument that will be fed later is marked by the caller.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from nbflow.core.record import fields_of
from nbflow.errors import InputError, MissingInputError

_EMPTY: Final = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Spread:
    """How the items of one channel become arguments.

    Attributes
    ----------
    process : str
        Process name, for errors.
    free : tuple of str
        Parameters that an item must give; one takes the item as it is, several take its fields.
    optional : tuple of str
        Parameters with a default that a record's field of that name overrides.
    """

    process: str
    free: tuple[str, ...]
    optional: tuple[str, ...] = ()

    def arguments(self, item: Any) -> dict[str, Any]:
        """The arguments that an item gives.

        Raises
        ------
        InputError
            If the item does not fit the parameters.
        """
        if len(self.free) == 1:
            return {self.free[0]: item}
        fields = item if isinstance(item, Mapping) else _fields(item)
        if fields is not None:
            return self._by_name(fields)
        if isinstance(item, (tuple, list)):
            return self._by_position(item)
        raise InputError(
            f"`{self.process}` takes {_names(self.free)} from each item, but an item is a {type(item).__name__}: "
            f"give records (named tuples, dicts, frame rows) or tuples of {len(self.free)}"
        )

    def _by_name(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        missing = [name for name in self.free if name not in fields]
        if missing:
            raise MissingInputError(
                f"`{self.process}` needs {_names(missing)}, but the item has only {_names(list(map(str, fields)))}; "
                "add the field with .map(), or give the parameter in the call",
                name=missing[0],
            )
        return {name: fields[name] for name in (*self.free, *self.optional) if name in fields}

    def _by_position(self, item: Sequence[Any]) -> dict[str, Any]:
        if len(item) != len(self.free):
            raise InputError(
                f"`{self.process}` takes {len(self.free)} values from each item ({_names(self.free)}), "
                f"but an item has {len(item)}; make them equal with .map(), or give a parameter in the call"
            )
        return dict(zip(self.free, item, strict=True))


def _fields(item: Any) -> dict[str, Any] | None:
    fields = fields_of(item)
    return None if fields is None else dict(zip(fields, item, strict=True))


def _names(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def bind(process: str, signature: inspect.Signature, args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Bind a call's arguments by name, defaults not filled in.

    Raises
    ------
    InputError
        If an argument has no parameter, or two.
    """
    try:
        return dict(signature.bind_partial(*args, **kwargs).arguments)
    except TypeError as error:
        raise InputError(f"`{process}{signature}`: {error}; see its parameters") from error


def missing(signature: inspect.Signature, given: Mapping[str, Any]) -> tuple[str, ...]:
    """Parameters without a value and without a default."""
    return tuple(p.name for p in signature.parameters.values() if p.name not in given and p.default is _EMPTY)


def spread(process: str, signature: inspect.Signature, given: Mapping[str, Any], fed: str, *, whole: bool) -> Spread:
    """Say which parameters a channel feeds.

    Parameters
    ----------
    given : mapping
        The bound arguments, the channel's among them.
    fed : str
        The parameter that the channel was bound to.
    whole : bool
        Whether the item goes there as it is (the channel was passed by keyword).
    """
    if whole:
        return Spread(process, (fed,))
    open_names = {fed, *missing(signature, given)}
    free = tuple(name for name in signature.parameters if name in open_names)
    defaults = tuple(p.name for p in signature.parameters.values() if p.name not in given and p.default is not _EMPTY)
    return Spread(process, free, defaults)


def filled(signature: inspect.Signature, given: Mapping[str, Any]) -> dict[str, Any]:
    """All arguments in the order of the parameters, defaults filled in; parameters without a value are left out."""
    values = {p.name: given.get(p.name, p.default) for p in signature.parameters.values()}
    return {name: value for name, value in values.items() if value is not _EMPTY}


def check_complete(process: str, signature: inspect.Signature, given: Mapping[str, Any]) -> None:
    """Raise MissingInputError unless every parameter without a default has a value."""
    names = missing(signature, given)
    if names:
        raise MissingInputError(
            f"`{process}{signature}` was called without {_names(names)}; pass a value or a channel", name=names[0]
        )
