"""Values as variables of the environment, for scripts in other languages than bash.

Alone says which text stands for a value there, and which values are too large for it. Writes and runs nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbflow.core.script.shell import encode, quote, scalar, text_of
from nbflow.errors import InputError

LARGEST = 64 << 10
"""Bytes of a value that still is a variable; Linux itself refuses single ones of 128 KB."""
ALL_TOGETHER = 1 << 20
"""Bytes that all variables may have together: Linux gives a program 2 MB for them and its arguments."""
FILE = "{}_file"
"""The variable that names the file of a larger value."""


@dataclass(frozen=True, slots=True)
class Environment:
    """Variables of a script.

    Attributes
    ----------
    texts : dict of str to str
        By name; what is not UTF-8 in a file name stands as surrogates.
    files : dict of str to str
        Texts that are too large for a variable, by the name of the value.
    """

    texts: dict[str, str]
    files: dict[str, str]

    @property
    def names(self) -> tuple[str, ...]:
        """The variables, those that name files among them."""
        return (*self.texts, *map(FILE.format, self.files))

    def added_to(self, environ: Mapping[str, str], places: Mapping[str, str]) -> dict[str, str]:
        """An environment with the variables set.

        Parameters
        ----------
        environ : mapping of str to str
            What it is without.
        places : mapping of str to str
            Where each of `files` lies, as the script reaches it.
        """
        kept = {name: text for name, text in environ.items() if name not in self.files}
        return kept | self._all(places)

    def _all(self, places: Mapping[str, str]) -> dict[str, str]:
        return self.texts | {FILE.format(name): place for name, place in places.items()}

    def exports(self, places: Mapping[str, str]) -> str:
        """Lines of bash that set the variables and can do nothing else; `places` as for `added_to`."""
        lines = [f"export {name}={quote(text)}\n" for name, text in self._all(places).items()]
        unset = [f"unset -v {' '.join(self.files)}\n"] if self.files else []
        return "".join([*unset, *lines])


def environment(values: Mapping[str, object]) -> Environment:
    """The variables by which a script in any language sees values.

    Parameters
    ----------
    values : mapping of str to object
        None is the empty text; bools are ``true`` and ``false``; numbers as Python shows them; paths as their text; lists
        and tuples of these are JSON, where numbers stay numbers (those that JSON lacks are texts) and None is ``null``.

    Raises
    ------
    InputError
        If a value is of another type, no variable can hold it, or all together are too large.
    """
    texts = {name: _text(name, value) for name, value in values.items()}
    large = {name: text for name, text in texts.items() if len(encode(text)) > LARGEST}
    for name in large:
        _refuse_taken(name, values)
    small = {name: text for name, text in texts.items() if name not in large}
    size = sum(len(name) + len(encode(text)) for name, text in small.items())
    if size > ALL_TOGETHER:
        largest = max(small, key=lambda name: len(small[name]))
        raise InputError(
            f"the inputs of the script have {size} bytes together, and the environment of a program holds {ALL_TOGETHER}; "
            f"pass the largest, `{largest}`, as a file",
            name=largest,
        )
    return Environment(small, large)


def _refuse_taken(name: str, values: Mapping[str, object]) -> None:
    variable = FILE.format(name)
    if variable in values:
        raise InputError(
            f"`{name}` has more than {LARGEST} bytes, so `{variable}` would name its file, but that is an input too; rename one",
            name=name,
        )


def _text(name: str, value: object) -> str:
    if not isinstance(value, (list, tuple)):
        return text_of(name, value, name)
    items = [_item(name, item, f"{name}[{at}]") for at, item in enumerate(value)]
    return json.dumps(items, ensure_ascii=False, separators=(",", ":"))


def _item(name: str, value: object, where: str) -> Any:
    text = text_of(name, value, where)
    plain = scalar(value)
    if plain is None or isinstance(plain, bool):
        return plain
    if isinstance(plain, int):
        return int(plain)
    return float(plain) if isinstance(plain, float) and math.isfinite(plain) else text
