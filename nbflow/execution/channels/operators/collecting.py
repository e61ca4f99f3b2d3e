"""The operator that writes items into files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from pathlib import Path, PurePath
from typing import Any, Final

from nbflow.errors import InputError
from nbflow.execution.channels import kept_files
from nbflow.execution.channels.arguments import Function, flag, function, refused, sorting, whole
from nbflow.execution.channels.engine import Engine
from nbflow.execution.channels.handle import ChannelT, Handle
from nbflow.execution.channels.items import loaded
from nbflow.execution.channels.kinds import Step, Stepped
from nbflow.execution.channels.operators.parsing import work_root

_NAME: Final = "collect-file.data"


class Collecting(Handle[ChannelT]):
    """The operator of a channel that writes its items into files."""

    def collect_file(
        self,
        function: Callable[[Any], Any] | None = None,
        *,
        name: str | PurePath | None = None,
        store_dir: str | PurePath | None = None,
        newline: bool = False,
        seed: object = None,
        sort: bool | str | Callable[[Any], Any] = False,
        keep_header: bool = False,
        skip: int | None = None,
    ) -> ChannelT:
        r"""Write texts, bytes and contents of files into one file, or into several by name; the cell waits for it.

        A file that is there with the same content is left as it is, so tasks that take it are reused.

        Parameters
        ----------
        function : callable or None
            Gives of an item what is written: that, or a tuple of the file's name and what is written there. Without one,
            an item that is such a tuple says it itself.
        name : str, path or None
            What the file is called; with a directory, where it goes. None: files are collected under their own names,
            texts in ``collect-file.data``.
        store_dir : str, path or None
            The directory that files go to; None: a place in the work directory that follows from their content.
        newline : bool
            Whether a newline follows each item.
        seed : str, bytes, path, dict or None
            What files begin with; a dict gives it by name.
        sort : bool, str or callable
            Whether the items of a file are sorted, or the key that they are sorted by. By default they keep the order of
            the channel, which never depends on timing.
        keep_header : bool
            Whether the first lines of the first item come first, and are left out of the others.
        skip : int or None
            How many lines are left out of each item, and kept as header; by default 0, with `keep_header` 1.

        Returns
        -------
        Channel
            The paths of the files, sorted by name.

        Examples
        --------
        >>> words = channel.of("Hola", "Ciao", "Hello")
        >>> [path.name for path in words.collect_file(lambda word: (f"{word[0]}.txt", word), newline=True)]
        ['C.txt', 'H.txt']
        """
        flag("collect_file", newline=newline, keep_header=keep_header)
        make = loaded if function is None else partial(_applied, _checked("collect_file", function))
        file_name, folder = _place(name, store_dir)
        if keep_header and seed is not None:
            raise InputError("`collect_file`: `keep_header` and `seed` contradict each other; give one", name="seed")
        lines = int(keep_header) if skip is None else whole("collect_file", "skip", skip, int(keep_header))
        step = _CollectFile(
            make,
            file_name,
            partial(_write, self._node.engine, folder),
            "\n" if newline else "",
            seed,
            sorting(
                "collect_file", {"index": False, "natural": True}.get(sort, sort) if isinstance(sort, str) else sort
            ),
            lines,
            keep_header=keep_header,
        )
        engine = self._node.engine
        collected = self._channel(Stepped(engine, self._node, "collect_file", step))
        engine.open(collected.node)
        return collected


_checked = function  # the parameter of the method is called so too


def _applied(make: Function, item: Any) -> Any:
    return make(loaded(item))


def _place(name: object, store_dir: object) -> tuple[str | None, Path | None]:
    for argument, value in {"name": name, "store_dir": store_dir}.items():
        if value is not None and not isinstance(value, (str, PurePath)):
            raise refused("collect_file", argument, "a text or a path", value)
    path = None if name is None else PurePath(str(name))
    if path is not None and not path.name:
        raise refused("collect_file", "name", "the name of a file", name)
    folder = store_dir if store_dir is not None else path.parent if path is not None and len(path.parts) > 1 else None
    return None if path is None else path.name, None if folder is None else Path(str(folder)).expanduser().absolute()


def _write(engine: Engine, folder: Path | None, pieces: Iterable[bytes | Path], name: str) -> Path:
    return kept_files.write(pieces, name, root=work_root(engine.work_root), folder=folder)


class _CollectFile(Step):
    def __init__(
        self,
        make: Function,
        name: str | None,
        write: Callable[..., Path],
        end: str,
        seed: Any,
        sort: Function | None,
        skip: int,
        *,
        keep_header: bool,
    ) -> None:
        self._make = make
        self._name = name
        self._write = write
        self._end = end.encode()
        self._seed = seed
        self._sort = sort
        self._skip = skip
        self._keep_header = keep_header
        self._entries: dict[str, list[Any]] = {}

    def feed(self, item: Any) -> tuple[Any, ...]:
        made = self._make(item)
        name, values = self._named(made)
        for value in values:
            if not isinstance(value, (str, bytes, PurePath)):
                raise InputError(f"a {type(value).__name__} cannot be written into a file: give texts, bytes or paths")
            self._entries.setdefault(name, []).append(value)
        return ()

    def _named(self, made: Any) -> tuple[str, tuple[Any, ...]]:
        if isinstance(made, (tuple, list)) and len(made) > 1:
            name = str(made[0])
            if not name or PurePath(name).name != name:
                raise InputError(f"`{name}` cannot be the name of a file; the first part of a tuple names it")
            return name, tuple(made[1:])
        own = made.name if isinstance(made, PurePath) else _NAME
        return self._name or own, (made,)

    def finish(self) -> Iterator[Path]:
        for name in sorted(self._entries):
            entries = self._entries.pop(name)
            if self._sort is not None:
                entries.sort(key=self._sort)
            yield self._write(chain(self._begin(name), self._pieces(entries)), name)

    def _begin(self, name: str) -> Iterator[bytes | Path]:
        seed = self._seed.get(name) if isinstance(self._seed, Mapping) else self._seed
        if seed is not None:
            yield from self._piece(seed, skip=0)

    def _pieces(self, entries: list[Any]) -> Iterator[bytes | Path]:
        for number, entry in enumerate(entries):
            yield from self._piece(entry, skip=0 if self._keep_header and number == 0 else self._skip)

    def _piece(self, entry: Any, skip: int) -> Iterator[bytes | Path]:
        if skip:
            lines = _content(entry).split(b"\n", skip)
            yield lines[skip] if len(lines) > skip else b""
        else:
            yield Path(entry) if isinstance(entry, PurePath) else _content(entry)
        if self._end:
            yield self._end


def _content(entry: Any) -> bytes:
    if isinstance(entry, PurePath):
        return Path(entry).read_bytes()
    return entry if isinstance(entry, bytes) else entry.encode()
