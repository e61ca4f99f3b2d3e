"""Why a task ran: its parts against those of the nearest earlier task, in words.

Alone here: the sentence for each kind of part. Pure: compares two lists of parts. Knows neither where entries lie nor
who asks; what it can say is what the previews of the parts kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from nbflow.core.file_facts import compare_files, split_files
from nbflow.core.outline import Change, first_change
from nbflow.core.parts import Part, shorten
from nbflow.core.secrets import MASK

_WORK_DIR = re.compile(r"/[^\s,\[\](){}]*/[0-9a-f]{2}/[0-9a-f]{30}/")
_SHOWN = 60
"""Characters of a line of code or of a value in a sentence."""
_COMMON = 20
"""Characters that two long values keep of what they begin with alike."""
_SHORT_ID = 8

_LABELS: dict[str, str] = {
    "scheme": "nbflow's way of hashing",
    "session": "the session",
    "name": "the process name",
    "source": "the source",
    "stub": "the stub",
    "docstrings": "a docstring that the code reads",
    "text": "the text of a cell that the code reads",
    "input": "input `{}`",
    "global": "global `{}`",
    "function": "helper `{}`",
    "class": "class `{}`",
    "module": "local module `{}`",
    "package": "package `{}`",
    "file": "file `{}`",
    "data": "data beside module `{}`",
    "env": "environment variable `{}`",
    "directive": "option `{}`",
    "ext": "setting `ext.{}`",
    "secret": "secret `{}`",
    "bin": "`bin/{}`",
    "eval": "the command `{}` of an output",
    "alias": "module name `{}`",
    "hidden": "`{}`",
    "annotations": "the annotations of `{}`",
}
CODE = frozenset({"source", "function", "class", "module", "bin"})
"""Kinds of parts whose preview is an outline of code."""
_MADE_OF_FILES = frozenset({"input", "global", "file", "data"})


class Difference(NamedTuple):
    """One part in which two tasks differ.

    Attributes
    ----------
    kind, name : str
        Of the part.
    sentence : str
        As in ``global `threshold` changed: 0.5 -> 0.7``.
    """

    kind: str
    name: str
    sentence: str


def differing(now: Iterable[Part], before: Iterable[Part]) -> list[Difference]:
    """Name each part that differs, from what to what.

    Parameters
    ----------
    now, before : iterable of Part
        The parts of the task that runs and of the earlier one.

    Returns
    -------
    list of Difference
        What changed, in the order in which users look for causes, then what is new or gone.
    """
    new = {(part.kind, part.name): part for part in now}
    old = {(part.kind, part.name): part for part in before}
    keys = [key for key in dict.fromkeys([*new, *old]) if _differ(new.get(key), old.get(key))]
    keys.sort(key=lambda key: (key not in new or key not in old, _rank(key[0])))
    return [Difference(*key, sentence) for key in keys for sentence in _sentences(new.get(key), old.get(key))]


def differences(now: Iterable[Part], before: Iterable[Part]) -> list[str]:
    """The sentences of `differing`; empty where all parts agree."""
    return [difference.sentence for difference in differing(now, before)]


def _rank(kind: str) -> int:
    kinds = list(_LABELS)
    return kinds.index(kind) if kind in kinds else len(kinds)


def same(now: Iterable[Part], before: Iterable[Part]) -> bool:
    """Whether all parts agree, whatever was kept to explain them."""
    new, old = ({(part.kind, part.name): part.digest for part in parts} for parts in (now, before))
    return new == old


def _differ(new: Part | None, old: Part | None) -> bool:
    return new is None or old is None or new.digest != old.digest


def _sentences(new: Part | None, old: Part | None) -> Iterator[str]:
    if new is None or old is None:
        yield _alone(new, old)
    elif new.kind in _MADE_OF_FILES and (found := _of_files(new, old)):
        yield from found
    else:
        yield _changed(new, old)


def _alone(new: Part | None, old: Part | None) -> str:
    part = new or old
    assert part is not None
    if part.kind == "sharing":
        return f"`{part.name}` {'hold' if new else 'no longer hold'} an object in common"
    if new is None:
        return f"{_label(part)} is no longer used"
    value = split_files(part.preview)[0]
    return f"{_label(part)} is new" + (f": {_short(value)}" if value and part.kind not in CODE else "")


def _changed(new: Part, old: Part) -> str:
    if new.kind in CODE:
        return f"{_label(new)} changed{_in_code(first_change(new.preview, old.preview))}"
    if new.kind == "session":
        return f"{_label(new)} is another one: {old.preview[:_SHORT_ID]} -> {new.preview[:_SHORT_ID]}"
    if new.kind == "sharing":
        return f"what `{new.name}` hold in common changed"
    return f"{_label(new)} changed{_in_value(split_files(new.preview)[0], split_files(old.preview)[0])}"


def _label(part: Part) -> str:
    known = _LABELS.get(part.kind)
    return known.format(part.name) if known else " ".join(filter(None, (part.kind, part.name and f"`{part.name}`")))


def _in_code(change: Change | None) -> str:
    if change is None:
        return ""
    more = {0: "", 1: ", and another place"}.get(change.more, f", and {change.more} other places")
    place = f": line {change.line}"
    if change.before is None:
        return f"{place} is new{_quoted(change.after)}{more}"
    if change.after is None:
        return f"{place} is gone{_quoted(change.before)}{more}"
    if not change.before or not change.after:
        return f"{place}{_quoted(change.after)}{more}"
    before, after = _apart(change.before, change.after)
    return f"{place}: `{before}` -> `{after}`{more}"


def _quoted(line: str | None) -> str:
    return f": `{_short(line)}`" if line else ""


def _in_value(new: str, old: str) -> str:
    if MASK in (new, old):
        return " (its value is a secret, which is not recorded)"
    if not new or not old:
        return ""
    if new == old:
        return f": its content (it is still {_short(new)})"
    return ": {} -> {}".format(*_apart(old, new))


def _of_files(new: Part, old: Part) -> list[str]:
    """What changed of the files that a value names, if that is what changed."""
    said = compare_files(split_files(new.preview)[1], split_files(old.preview)[1])
    return said if new.kind == "file" else [f"{_label(new)}: {sentence}" for sentence in said]


def _apart(old: str, new: str) -> tuple[str, str]:
    """Two texts short enough to be read, with the place where they differ in them."""
    by_name = _WORK_DIR.sub("", old), _WORK_DIR.sub("", new)
    if by_name[0] != by_name[1]:
        old, new = by_name  # each run of a task puts its files out somewhere else: that is not what differs
    if max(len(old), len(new)) <= _SHOWN:
        return old, new
    alike = next((at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    cut = max(alike - _COMMON, 0)
    begin: Callable[[str], str] = lambda text: _short(f"…{text[cut:]}" if cut else text)  # noqa: E731
    return begin(old), begin(new)


def _short(text: str) -> str:
    return shorten(text, _SHOWN)
