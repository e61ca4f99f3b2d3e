"""What a ``file()`` or ``files()`` takes of the files that are there.

Alone says what the options mean: how many, of which kind. Light, for the worker loads it; finds no files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileRules:
    """What an output takes of the files that are there.

    Attributes
    ----------
    least : int
        Files that there must be.
    most : int or None
        Files that there may be; None is any number.
    type : {"file", "dir", "any"}
        What counts.
    hidden : bool
        Whether wildcards match names with a leading dot.
    include_inputs : bool
        Whether wildcards match staged inputs.
    follow_links : bool
        Whether links to directories are looked into.
    max_depth : int or None
        Levels of directories that wildcards go down, the first included; None is any number.
    """

    least: int = 1
    most: int | None = None
    type: str = "any"
    hidden: bool = False
    include_inputs: bool = False
    follow_links: bool = True
    max_depth: int | None = None


def file_rules(kind: str, pattern: str, options: Mapping[str, object]) -> FileRules:
    """What the options of a ``file()`` or ``files()`` mean.

    Parameters
    ----------
    kind : {"file", "files"}
        The source.
    pattern : str
        Its argument: with ``**`` only files count, as in Nextflow.
    options : mapping
        As in ``optional=True``; checked.
    """
    least, most = _numbers(kind, options)
    stars = "**" in pattern and options.get("glob") is not False
    given = {name: value for name, value in options.items() if name not in ("optional", "arity", "glob")}
    return FileRules(least, most, **{"type": "file" if stars else "any", **given})  # type: ignore[arg-type]


def _numbers(kind: str, options: Mapping[str, object]) -> tuple[int, int | None]:
    if "arity" in options:
        low, dots, high = str(options["arity"]).partition("..")
        return int(low), None if high == "*" else int(high if dots else low)
    return int(not options.get("optional")), 1 if kind == "file" else None
