"""The factories of channels: ``channel.of(1, 2)``, ``channel.from_path("*.fq")``, ..."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbflow.core.declaration.file_rules import FileRules
from nbflow.errors import InputError
from nbflow.execution.channels.arguments import flag, function, refused, whole
from nbflow.execution.channels.channel import ENGINE, Channel
from nbflow.execution.channels.flow import Source
from nbflow.execution.channels.patterns import find, has_wildcard, pair_key

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ENGINE", "Channel", "ChannelFactory", "channel"]

_Pattern = str | os.PathLike[str]


class ChannelFactory:
    """The factories of channels: ``channel.of(1, 2)``, ``channel.from_path("*.fq")``, ..."""

    def __repr__(self) -> str:
        return "<channel factories: of, from_list, value, empty, from_path, from_file_pairs, from_frame>"

    def __reduce__(self) -> str:
        return "channel"

    def of(self, *items: Any) -> Channel:
        """A channel of the given items; a range stands for its numbers.

        Examples
        --------
        >>> list(channel.of(range(1, 4), "X", [5]))
        [1, 2, 3, 'X', [5]]
        """
        if len(items) == 1 and isinstance(items[0], range):
            return self.from_list(items[0])
        return self.from_list([each for item in items for each in (item if isinstance(item, range) else (item,))])

    def from_list(self, items: Iterable[Any]) -> Channel:
        """A channel of a list's items; the list is copied, a range or tuple is not.

        Examples
        --------
        >>> list(channel.from_list(["a", "b"]))
        ['a', 'b']
        """
        if isinstance(items, Channel) or not isinstance(items, Iterable) or isinstance(items, (str, bytes)):
            raise refused("channel.from_list", "items", "a list or another iterable of items", items)
        sequence: Sequence[Any] = items if isinstance(items, (range, tuple)) else list(items)
        if not isinstance(sequence, range) and any(isinstance(item, Channel) for item in sequence):
            raise InputError("an item cannot be a channel: use that channel itself, or a.mix(b), a.merge(b) of several")
        return Channel(Source(ENGINE, sequence))

    def value(self, item: Any) -> Channel:
        """A value channel: one item that can be read any number of times.

        Examples
        --------
        >>> channel.value([1, 2]).value
        [1, 2]
        """
        if isinstance(item, Channel):
            raise InputError("an item cannot be a channel: .first(), .collect() and others make a value channel of one")
        return Channel(Source(ENGINE, (item,)), is_value=True)

    def empty(self) -> Channel:
        """A channel without items.

        Examples
        --------
        >>> list(channel.empty())
        []
        """
        return self.from_list(())

    def from_path(
        self,
        *patterns: _Pattern | Sequence[_Pattern],
        glob: bool = True,
        type: str = "file",
        hidden: bool = False,
        max_depth: int | None = None,
        follow_links: bool = True,
        relative: bool = False,
        check_if_exists: bool = True,
    ) -> Channel:
        """A channel of the files that match, as absolute paths, sorted for each pattern.

        Parameters
        ----------
        *patterns : str or path
            Names or globs, relative to the current directory: ``*`` and ``?`` within a name, ``**`` through directories,
            ``[ab]``, ``{one,two}``.
        glob : bool
            Whether these are wildcards; else they are characters like others.
        type : str
            What a glob matches: ``file``, ``dir`` or ``any``.
        hidden : bool
            Whether a glob matches names that begin with a dot without saying so.
        max_depth : int or None
            How many levels of directories wildcards go down at most, the first included.
        follow_links : bool
            Whether a link to a directory is one; else it is a file.
        relative : bool
            Whether paths are relative to the directory in which the pattern's wildcards begin.
        check_if_exists : bool
            Whether a pattern or path of which there is nothing is an error.

        Raises
        ------
        InputError
            If there is nothing of one.

        Examples
        --------
        >>> channel.from_path("data/**.{fq,fq.gz}", check_if_exists=False)
        <channel: 0 items>
        """
        rules = _rules("channel.from_path", type, hidden, max_depth, follow_links)
        flag("channel.from_path", glob=glob, relative=relative, check_if_exists=check_if_exists)
        paths = []
        for pattern in _texts("channel.from_path", patterns):
            base, found = _found(pattern, rules, glob=glob, check=check_if_exists)
            paths += [Path(os.path.relpath(path, base) if relative else path) for path in found]
        return self.from_list(paths)

    def from_file_pairs(
        self,
        *patterns: _Pattern | Sequence[_Pattern],
        size: int | None = None,
        flat: bool = False,
        key: Callable[[Path], Any] | None = None,
        type: str = "file",
        hidden: bool = False,
        max_depth: int | None = None,
        follow_links: bool = True,
        check_if_exists: bool = True,
    ) -> Channel:
        """A channel of files that belong together: ``(key, [file, file])``, the files sorted.

        The key is the file's name to the last ``*`` or ``?`` before the ``{}`` or ``[]`` in which they differ, without ``-``,
        ``_`` and ``.`` at its end: of ``liver_1.fq`` for ``*_{1,2}.fq`` it is ``liver``.

        Parameters
        ----------
        *patterns : str or path
            Globs, as for `from_path`.
        size : int or None
            How many files belong together; -1 for any number. None: 2, or 1 of paths without wildcards. Files that are
            fewer are left out, with a warning.
        flat : bool
            Whether items are ``(key, file, file)``.
        key : callable or None
            Gives the key of a path instead.
        type, hidden, max_depth, follow_links, check_if_exists
            As for `from_path`.

        Raises
        ------
        InputError
            If nothing matches a pattern.

        Examples
        --------
        >>> channel.from_file_pairs("reads/*_{1,2}.fq", check_if_exists=False)
        <channel: 0 items>
        """
        operator = "channel.from_file_pairs"
        rules = _rules(operator, type, hidden, max_depth, follow_links)
        flag(operator, flat=flat, check_if_exists=check_if_exists)
        texts = _texts(operator, patterns)
        if size is None:
            size = 2 if any(map(has_wildcard, texts)) else 1
        elif size != -1:
            whole(operator, "size", size, 1)
        own = None if key is None else function(operator, key, "key")
        keyed = [
            (pair_key(path, pattern) if own is None else own(Path(path)), Path(path))
            for pattern in texts
            for path in _found(pattern, rules, glob=True, check=check_if_exists)[1]
        ]
        pairs = _pairs(keyed, size)
        return self.from_list([(found, *files) if flat else (found, files) for found, files in pairs])

    def from_frame(self, frame: pd.DataFrame) -> Channel:
        """A channel of a frame's rows, as named tuples of its columns.

        Examples
        --------
        >>> import pandas
        >>> list(channel.from_frame(pandas.DataFrame({"id": ["a"], "n": [1]})))
        [Row(id='a', n=1)]
        """
        if not hasattr(frame, "itertuples"):
            raise refused("channel.from_frame", "frame", "a pandas data frame", frame)
        return self.from_list(frame.itertuples(index=False, name="Row"))


def _rules(operator: str, type: str, hidden: bool, max_depth: int | None, follow_links: bool) -> FileRules:
    flag(operator, hidden=hidden, follow_links=follow_links)
    if type not in ("file", "dir", "any"):
        raise refused(operator, "type", "'file', 'dir' or 'any'", type)
    if max_depth is not None:
        whole(operator, "max_depth", max_depth, 1)
    return FileRules(type=type, hidden=hidden, max_depth=max_depth, follow_links=follow_links)


def _texts(operator: str, patterns: Iterable[object]) -> list[str]:
    listed = [each for pattern in patterns for each in (pattern if isinstance(pattern, (list, tuple)) else (pattern,))]
    for pattern in listed:
        if not isinstance(pattern, (str, os.PathLike)) or not os.fspath(pattern):
            raise refused(operator, "patterns", "paths or globs", pattern)
    if not listed:
        raise InputError(f"`{operator}` takes at least one path or glob")
    return [os.fspath(pattern) for pattern in listed]


def _found(pattern: str, rules: FileRules, *, glob: bool, check: bool) -> tuple[str, list[str]]:
    base, found = find(pattern, rules, glob=glob)
    if check and not any(map(os.path.exists, found)):
        raise InputError(
            f"no {'file' if rules.type == 'any' else rules.type} matches `{pattern}` in {Path.cwd()}; "
            "check the pattern, or pass check_if_exists=False"
        )
    return base, found


def _pairs(keyed: Iterable[tuple[Any, Path]], size: int) -> list[tuple[Any, list[Path]]]:
    full: list[tuple[Any, list[Path]]] = []
    groups: dict[Any, list[Path]] = {}
    for key, path in keyed:
        group = groups.setdefault(key, [])
        group.append(path)
        if len(group) == size:
            full.append((key, sorted(groups.pop(key))))
    if size == -1:
        return [(key, sorted(paths)) for key, paths in groups.items()]
    if groups:
        names = ", ".join(str(key) for key in list(groups)[:5]) + (", ..." if len(groups) > 5 else "")
        warnings.warn(
            f"left out, since they have not {size} files each: {names}; pass size=-1 to take what there is",
            UserWarning,
            stacklevel=3,
        )
    return full


channel = ChannelFactory()
