"""``nbflow.toml``: settings for all or some processes, and for the local executor.

Alone reads that file's text, and says which of it holds for a process. Looks at no file; the text comes in.
"""

from __future__ import annotations

import datetime
import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from nbflow.core.declaration.directive_values import canonical
from nbflow.core.declaration.layers import Layer, read_layer
from nbflow.core.declaration.readers import READERS, SIGNATURE_BLOCKS
from nbflow.errors import DeclarationError, SettingsError

FILE = "nbflow.toml"
STANDARD = "standard"
"""The profile that holds where none is chosen, as in Nextflow."""

_SELECTORS = ("with_label", "with_name")
_SECTIONS = ("process", "executor")
"""Sections of the file, and of each profile."""
_BUDGET = ("cpus", "memory")
_OF_ONE_PROCESS = (*SIGNATURE_BLOCKS, "reads", "stage_as", "stdin", "stub")
_OF_CELLS = re.compile(r"`#\| ([\w-]+): ([^`]*)`")
_TABLE = "a table of names and values"


@dataclass(frozen=True, slots=True)
class Rule:
    """What is set for the processes that a selector selects.

    Attributes
    ----------
    layer : Layer
        What is set.
    kind : str
        ``with_label``, ``with_name``, or empty for all processes.
    pattern : str
        A regular expression that the whole label or name matches; with ``!`` in front, those that do not.
    """

    layer: Layer
    kind: str = ""
    pattern: str = ""

    def selects(self, name: str, labels: Sequence[str]) -> bool:
        """Whether it holds for a process; one without labels counts as one with an empty label, as in Nextflow."""
        if not self.kind:
            return True
        pattern = self.pattern.removeprefix("!").strip()
        words = [name] if self.kind == "with_name" else labels or [""]
        return any(re.fullmatch(pattern, word) for word in words) != self.pattern.startswith("!")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the file says, for the profiles that were chosen.

    Attributes
    ----------
    rules : tuple of Rule
        The strongest last.
    cpus, memory : int or None
        The budget of the local executor; None for all that the machine has.
    """

    rules: tuple[Rule, ...] = ()
    cpus: int | None = None
    memory: int | None = None

    def layers(self, name: str, labels: Sequence[str]) -> list[Layer]:
        """What holds for a process, the strongest last.

        Parameters
        ----------
        name : str
            Its name.
        labels : sequence of str
            Those of its cell.
        """
        return [rule.layer for rule in self.rules if rule.selects(name, labels)]

    def over(self, below: Settings) -> Settings:
        """These settings, and below them others."""
        return Settings((*below.rules, *self.rules), self.cpus or below.cpus, self.memory or below.memory)


NO_SETTINGS = Settings()


def read_settings(text: str, profiles: Sequence[str] = ()) -> Settings:
    """Read the file.

    Parameters
    ----------
    text : str
        Its content.
    profiles : sequence of str
        Those chosen, the strongest last; without any, ``standard`` if there is one.

    Raises
    ------
    SettingsError
        If it is no TOML, or has a section, directive or selector that is not known, or not the chosen profiles. Profiles
        that are not chosen are checked too.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f'{FILE} is not TOML: {error}; put text in quotes, as in `memory = "4 GB"`') from error
    _check_known(content, (*_SECTIONS, "profiles"), "section", FILE)
    found = _settings({name: part for name, part in content.items() if name != "profiles"}, ())
    offered = {
        name: _settings(_table(part, ("profiles", name)), ("profiles", name))
        for name, part in _table(content.get("profiles", {}), ("profiles",)).items()
    }
    for name in profiles or [name for name in offered if name == STANDARD]:
        if name not in offered:
            raise _unknown("profile", name, offered, FILE)
        found = offered[name].over(found)
    return found


def no_file(profiles: Sequence[str], place: str) -> Settings:
    """The settings where there is no file.

    Raises
    ------
    SettingsError
        If profiles were chosen: they would stand in it.
    """
    if profiles:
        raise SettingsError(
            f"profile `{profiles[0]}` was chosen, but there is no {FILE} in {place}; make one with [profiles.{profiles[0]}]"
        )
    return NO_SETTINGS


def _settings(sections: Mapping[str, object], above: tuple[str, ...]) -> Settings:
    _check_known(sections, _SECTIONS, "section", _place(above) if above else FILE)
    budget = _budget(_table(sections.get("executor", {}), (*above, "executor")), (*above, "executor"))
    rules = _rules(_table(sections.get("process", {}), (*above, "process")), (*above, "process"))
    return replace(budget, rules=tuple(rules))


def _rules(process: Mapping[str, object], path: tuple[str, ...]) -> Iterator[Rule]:
    """The weakest first: what holds for all, by label, by name."""
    yield Rule(_layer({name: value for name, value in process.items() if canonical(name) not in _SELECTORS}, path))
    for kind in _SELECTORS:
        for name, part in process.items():
            if canonical(name) == kind:
                yield from _selected(kind, _table(part, (*path, name)), (*path, name))


def _selected(kind: str, selectors: Mapping[str, object], path: tuple[str, ...]) -> Iterator[Rule]:
    for pattern, settings in selectors.items():
        place = (*path, pattern)
        _check_pattern(pattern, _place(place))
        yield Rule(_layer(_table(settings, place), place), kind, pattern)


def _layer(values: Mapping[str, object], path: tuple[str, ...]) -> Layer:
    place = _place(path)
    for name in values:
        if canonical(name) in _OF_ONE_PROCESS:
            raise SettingsError(f"{place}: `{name}` is about one process; write it in its cell, as `#| {name}:`")
        if name.partition(":")[0] in ("withName", "withLabel"):
            kind, _, pattern = name.partition(":")
            raise SettingsError(
                f"{place}: `{name}` is a table here; write [process.{canonical(kind)}.{_key(pattern.strip())}]"
            )
    try:
        return read_layer({name: _plain(name, value, place) for name, value in values.items()}, place=place)
    except DeclarationError as error:
        raise SettingsError(f"{place}: {_OF_CELLS.sub(_as_toml, str(error))}") from error


def _as_toml(said: re.Match[str]) -> str:
    """What an error proposes for a cell, as it is written here."""
    name, value = said.groups()
    plain = re.fullmatch(r"[0-9.]+|true|false|\".*\"|\[.*\]", value)
    return f"`{name} = {value}`" if plain else f'`{name} = "{value}"`'


def _budget(values: Mapping[str, object], path: tuple[str, ...]) -> Settings:
    place = _place(path)
    _check_known(values, _BUDGET, "setting", place)
    try:
        return Settings(
            **{name: cast(Any, READERS[name](_plain(name, value, place))) for name, value in values.items()}
        )
    except DeclarationError as error:
        raise SettingsError(f"{place}: {_OF_CELLS.sub(_as_toml, str(error))}") from error


def _plain(name: str, value: object, place: str) -> object:
    """A value with the types that YAML has: TOML's dates and times are no directive's."""
    if isinstance(value, (datetime.date, datetime.time)):
        raise SettingsError(
            f'{place}: `{name}` is a date or time of TOML; write a text in quotes, as in `time = "1h 30m"`'
        )
    if isinstance(value, list):
        return [_plain(name, item, place) for item in value]
    return {key: _plain(key, item, place) for key, item in value.items()} if isinstance(value, Mapping) else value


def _table(value: object, path: tuple[str, ...]) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return value
    raise SettingsError(
        f"{FILE}: `{'.'.join(map(_key, path))}` must be {_TABLE}, not {value!r}; write [{'.'.join(map(_key, path))}]"
    )


def _check_known(given: Iterable[str], known: Iterable[str], what: str, place: str) -> None:
    for name in given:
        if name not in known:
            raise _unknown(what, name, known, place)


def _unknown(what: str, name: str, known: Iterable[str], place: str) -> SettingsError:
    listed = list(known)
    near = difflib.get_close_matches(name, listed, 1)
    others = ", ".join(f"`{each}`" for each in listed)
    proposed = (
        f"did you mean `{near[0]}`?" if near else f"known are {others}" if others else f"there is no {what} there"
    )
    return SettingsError(f"{place}: unknown {what} `{name}`; {proposed}")


def _check_pattern(pattern: str, place: str) -> None:
    try:
        re.compile(pattern.removeprefix("!").strip())
    except re.error as error:
        raise SettingsError(
            f"{place} is no regular expression: {error}; put a backslash before special characters"
        ) from error


def _place(path: tuple[str, ...]) -> str:
    return f"{FILE}, [{'.'.join(map(_key, path))}]"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[\w-]+", name, re.ASCII) else f'"{name}"'
