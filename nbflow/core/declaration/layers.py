"""What is said of a process in several places, put together: settings for all or some processes, and its own cell.

Alone decides what wins. Knows neither YAML nor TOML.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from nbflow.core.declaration.directives import Directives
from nbflow.core.declaration.readers import SIGNATURE_BLOCKS, fields_of, known
from nbflow.errors import DeclarationError

_MERGED = ("env", "ext", "other", "resource_limits")
"""Mappings of which each layer gives some keys; in all else a layer replaces what is below it."""


@dataclass(frozen=True, slots=True)
class Layer:
    """Directives that are set in one place.

    Attributes
    ----------
    fields : mapping of str to object
        Fields of `Directives`.
    place : str
        Where, for errors; empty for the cell.
    """

    fields: Mapping[str, Any]
    place: str = ""

    def without(self, names: Iterable[str]) -> Layer:
        """The layer without some fields."""
        left_out = frozenset(names)
        return replace(self, fields={name: value for name, value in self.fields.items() if name not in left_out})


def read_layer(values: Mapping[str, object], lines: Mapping[str, int] | None = None, place: str = "") -> Layer:
    """Read the directives that are set in one place.

    Parameters
    ----------
    values : mapping
        By name, in any spelling; ``input`` and ``output`` are left alone.
    lines : mapping of str to int, optional
        The line of the cell of each, for errors.
    place : str
        As `Layer.place`.

    Raises
    ------
    DeclarationError
        If a directive is unknown, given twice, or of a wrong type; the text proposes what to write.
    """
    found: dict[str, Any] = {}
    spelled: dict[str, str] = {}
    for given, value in values.items():
        if given in SIGNATURE_BLOCKS:
            continue
        try:
            name = known(given)
            if name in spelled:
                raise DeclarationError(f"`{spelled[name]}` and `{given}` are the same directive; keep one")
            spelled[name] = given
            found = _over(found, fields_of(name, value))
        except DeclarationError as error:
            raise DeclarationError(str(error), line=(lines or {}).get(given)) from None
    return Layer(found, place)


def merged(layers: Iterable[Layer]) -> Directives:
    """What layers say together: a later one wins; of ``env``, ``ext`` and ``resource_limits`` key by key."""
    found: dict[str, Any] = {}
    places: dict[str, str] = {}
    for layer in layers:
        found = _over(found, layer.fields)
        places |= dict.fromkeys((*layer.fields, *layer.fields.get("other", ())), layer.place)
    found["other"] = dict(sorted(found.get("other", {}).items()))
    set_in = {name: place for name, place in places.items() if place}
    return Directives(**found, set_in=set_in).limited()


def parse_directives(values: Mapping[str, object], lines: Mapping[str, int] | None = None) -> Directives:
    """Read the options of a cell as directives; parameters and errors as `read_layer`."""
    return merged([read_layer(values, lines)])


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = {name: {**below[name], **above[name]} for name in _MERGED if name in below and name in above}
    return {**below, **above, **both}
