"""The values of ``publish_dir`` and ``store_dir``: where a process's output files go when its tasks are done.

Alone knows their options, which are Nextflow's. Publishes nothing.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from nbflow.core.declaration import interpolation
from nbflow.core.declaration.directive_values import Dynamic, canonical, is_dynamic, wrong
from nbflow.errors import DeclarationError, InputError

MODES = ("symlink", "rellink", "link", "copy", "copy_no_follow", "move")
COMPARED = ("standard", "lenient", "deep")
"""How a published file may be compared with the one that would take its place."""

_CLOUD = {"content_type", "storage_class", "tags", "labels", "retry_strategy"}


@dataclass(frozen=True, slots=True)
class PublishRule:
    """One rule of ``publish_dir``.

    Attributes
    ----------
    path : str or Dynamic
        The directory; relative to the launch directory.
    mode : str
        One of `MODES`.
    pattern : str or None
        Which of the output files are published, relative to the work directory; None for all.
    save_as : Dynamic or None
        The name under which ``filename`` is published; nothing is published where it gives None.
    overwrite : bool or str
        Whether a file that is there is replaced: never, always, or where it differs, compared in one of the ways `COMPARED`.
    enabled : bool or Dynamic
        Whether the rule holds.
    fail_on_error : bool
        Whether the cell fails when a file cannot be published; else a warning says so.
    """

    path: str | Dynamic
    mode: str = "symlink"
    pattern: str | None = None
    save_as: Dynamic | None = None
    overwrite: bool | str = "standard"
    enabled: bool | Dynamic = True
    fail_on_error: bool = True

    @property
    def names(self) -> frozenset[str]:
        """Names that its expressions read."""
        dynamic = (value for value in (self.path, self.save_as, self.enabled) if isinstance(value, Dynamic))
        return frozenset[str]().union(*(value.names for value in dynamic)) - {"filename"}

    def directory(self, namespace: Mapping[str, object]) -> str | None:
        """The directory for one task; None where the rule does not hold for it.

        Raises
        ------
        InputError
            If an expression fails, or gives no path.
        """
        enabled = self.enabled
        if not (interpolation.evaluate(enabled.text, namespace) if isinstance(enabled, Dynamic) else enabled):
            return None
        return directory("publish_dir", self.path, namespace)

    def name(self, filename: str, namespace: Mapping[str, object]) -> str | None:
        """The name under which a file is published; None where it is not.

        Raises
        ------
        InputError
            If its expression fails.
        """
        if self.save_as is None:
            return filename
        name = interpolation.evaluate(self.save_as.text, {**namespace, "filename": filename})
        return str(name) if name else None


def directory(directive: str, path: str | Dynamic, namespace: Mapping[str, object]) -> str:
    """The directory that a directive names for one task.

    Raises
    ------
    InputError
        If its expression fails, or gives no path.
    """
    value = interpolation.evaluate(path.text, namespace) if isinstance(path, Dynamic) else path
    if value is None or not str(value) or "\0" in str(value):
        shown = path.text if isinstance(path, Dynamic) else path
        raise InputError(f"`{directive}: {shown}` gives {value!r}, which is no directory", name=directive)
    return str(value)


def _path(name: str, example: str) -> Callable[[object], str | Dynamic]:
    def read(value: object) -> str | Dynamic:
        if not isinstance(value, str) or not value:
            raise wrong(name, value, "a directory", example)
        return _dynamic(value) if is_dynamic(value) else value

    return read


def _dynamic(text: str) -> Dynamic:
    interpolation.names(text)
    return Dynamic(text)


def _rules(value: object) -> tuple[PublishRule, ...]:
    listed = value if isinstance(value, list) else [value]
    return tuple(_rule(item) for item in listed)


def _rule(value: object) -> PublishRule:
    if not isinstance(value, Mapping):
        return PublishRule(_PATH(value))
    options = {canonical(str(name)): option for name, option in value.items()}
    for name in options:
        _check_known(name)
    if "path" not in options:
        raise DeclarationError("directive `publish_dir` needs a `path`; write `#|   path: results` below it")
    return PublishRule(**{name: _READERS[name](option) for name, option in options.items()})


def _check_known(name: str) -> None:
    known = [item.name for item in fields(PublishRule)]
    if name in _CLOUD:
        raise DeclarationError(f"option `{name}` of `publish_dir` is for cloud storage; take it out")
    if name not in known:
        near = difflib.get_close_matches(name, known, 1) or known
        raise DeclarationError(f"directive `publish_dir` has no option `{name}`; did you mean `{near[0]}`?")


def _choice(name: str, allowed: tuple[object, ...], example: str) -> Callable[[object], Any]:
    def read(value: object) -> Any:
        word = canonical(value) if isinstance(value, str) else value
        if any(word is each or (isinstance(each, str) and word == each) for each in allowed):
            return word
        raise wrong(f"publish_dir: {name}", value, ", ".join(str(each).lower() for each in allowed), example)

    return read


def _text(value: object) -> str:
    if isinstance(value, str) and value and not value.startswith("/"):
        return value
    raise wrong("publish_dir: pattern", value, "a pattern of output files", '"*.bam"')


def _save_as(value: object) -> Dynamic:
    if isinstance(value, str) and value:
        return _dynamic(value)
    raise wrong("publish_dir: save_as", value, "a name, as a text with {filename}", '"{filename.lower()}"')


def _enabled(value: object) -> bool | Dynamic:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and is_dynamic(value):
        return _dynamic(value)
    raise wrong("publish_dir: enabled", value, "true, false or an expression", "true")


_PATH = _path("publish_dir", "results")
_READERS: Mapping[str, Callable[[object], Any]] = {
    "path": _PATH,
    "mode": _choice("mode", MODES, "copy"),
    "pattern": _text,
    "save_as": _save_as,
    "overwrite": _choice("overwrite", (True, False, *COMPARED), "true"),
    "enabled": _enabled,
    "fail_on_error": _choice("fail_on_error", (True, False), "true"),
}

PUBLISH_READERS: Mapping[str, Callable[[object], object]] = {
    "publish_dir": _rules,
    "store_dir": _path("store_dir", "/data/indexes"),
}
"""Reads the value of each of these directives; raises DeclarationError."""
