"""Inputs with the files that they name: one digest for a value and for what it refers to on disk.

Alone decides when a string or a path stands for a file, and what of the file counts (design 1.8, 2.1). Reads files only to
hash them; stages nothing: it says what must be staged.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from nbflow.core.parts import Part, combine
from nbflow.core.values.files import CONTENT_MODES, PLAIN, Disk, file_digest
from nbflow.core.values.hashing import Digester
from nbflow.core.values.preview import preview
from nbflow.errors import InputError

OutputDigest = Callable[[str], "str | None"]
"""Takes an absolute path; the content digest (hex) of a task's output that lies there, None for any other file."""

_LONGEST_NAME = 1024
_NAMELESS = frozenset({int, float, bool, complex, bytes, type(None)})
_MOST_LOOKED_AT = 1_000_000
_FEW = 20
"""Names that are looked for one by one; among more, those that begin with no name in the launch directory are left out."""
_EVERYWHERE = ("", ".", "..")
"""What a path may begin with beside the name of something that is there."""
_CONTAINERS = (list, tuple, set, frozenset, dict)


@dataclass(frozen=True, slots=True)
class Files:
    """Which file a path or a string names, and what of it counts.

    Attributes
    ----------
    launch_dir : str
        Absolute; relative names begin here, and paths inside it count relative to it.
    mode : str
        The ``cache`` mode: what of a file counts.
    output_digest : callable
        Knows the outputs of tasks, which count by content.
    disk : Disk
        Looks at files and reads them.
    passed_over : frozenset of str
        Directories that do not count inside a directory that is an input: nbflow's own.
    """

    launch_dir: str
    mode: str
    output_digest: OutputDigest
    disk: Disk = PLAIN
    passed_over: frozenset[str] = frozenset()

    def read(self, path: str) -> tuple[bytes, bytes]:
        """Digest of the file or directory at an absolute path, and its state before it was read: see `state`.

        Raises
        ------
        InputError
            If it is neither, or changes while it is read.
        """
        state = self.state(path)
        if self.mode not in CONTENT_MODES:
            return state, state
        return self._known(path) or self._digest(path, self.mode), state

    def state(self, path: str) -> bytes:
        """What must be the same of it when a task that was given it has ended; found without reading content.

        Raises
        ------
        InputError
            If nothing is there.
        """
        mode = "standard" if self.mode in CONTENT_MODES else self.mode
        return self._known(path) or self._digest(path, mode)

    def changed(self, states: Mapping[str, bytes]) -> list[str]:
        """Those of some absolute paths that are not as they were.

        Parameters
        ----------
        states : mapping of str to bytes
            The earlier `state` of each.
        """
        return [path for path, state in states.items() if self._state_now(path) != state]

    def _state_now(self, path: str) -> bytes | None:
        try:
            return self.state(path)
        except InputError:
            return None

    def _digest(self, path: str, mode: str) -> bytes:
        base = Path(self.launch_dir)
        return file_digest(Path(path), mode, base, disk=self.disk, passed_over=self.passed_over)

    def _known(self, path: str) -> bytes | None:
        known = self.output_digest(path)
        return None if known is None else output_file_digest(path, known)

    def absolute(self, name: str) -> str:
        """The absolute path that a name stands for."""
        return os.path.normpath(os.path.join(self.launch_dir, os.path.expanduser(name)))

    def staged_as(self, name: str) -> str | None:
        """Where a named file goes in the work directory; None where the name works from there as it is."""
        relative = os.path.normpath(name)
        return None if os.path.isabs(os.path.expanduser(name)) or relative.startswith("..") else relative

    def names_file(self, text: str) -> bool:
        """Whether a string names a regular file of the launch directory."""
        if not text or len(text) > _LONGEST_NAME or "\0" in text or "\n" in text:
            return False
        path = os.path.join(self.launch_dir, text)
        return path.startswith(self.launch_dir + os.sep) and os.path.isfile(path)

    def named_in(self, value: Any) -> list[str]:
        """The strings in a value that name regular files of the launch directory, sorted."""
        if type(value) is str:
            return [value] if self.names_file(value) else []
        texts = strings_in(value)
        if len(texts) > _FEW:
            there = {*os.listdir(self.launch_dir), *_EVERYWHERE}
            texts = {text for text in texts if text.partition(os.sep)[0] in there}
        return sorted(text for text in texts if self.names_file(text))


class InputReader:
    """Digests inputs, and collects what must be staged for them.

    Parameters
    ----------
    files : Files
        Which file a name stands for.
    code : callable
        Digest of functions, classes and modules that values hold.

    Attributes
    ----------
    staged : dict of str to str
        Work directory name to absolute path, of all that was read.
    states : dict of str to bytes
        Absolute path to the state in which it was read.
    spellings : list of str
        Names as they were given, in the order of reading: two spellings of a file have one digest.
    """

    def __init__(self, files: Files, code: Callable[[object], bytes]) -> None:
        self.files = files
        self.code = code
        self.staged: dict[str, str] = {}
        self.states: dict[str, bytes] = {}
        self.spellings: list[str] = []
        self._digester = Digester(code=code, path=self.path)

    def digest(self, value: Any, name: str = "value") -> bytes:
        """Digest of a value and of the files that it names.

        Parameters
        ----------
        value : object
            Never changed, never consumed.
        name : str
            What the user calls it.

        Raises
        ------
        UnhashableInputError
            If its content cannot be hashed surely.
        InputError
            If a file that it names cannot be read.
        """
        return self._named(self._digester.digest(value, name), value)

    def digest_with(self, value: Any, code: Callable[[object], bytes], name: str) -> bytes:
        """As `digest`, for a caller that digests code in its own way."""
        return self._named(Digester(code=code, path=self.path).digest(value, name), value)

    def _named(self, own: bytes, value: Any) -> bytes:
        if type(value) in _NAMELESS:
            return own
        named = [self.named(text) for text in self.files.named_in(value)]
        return combine("named", (own, *named)) if named else own

    def fresh(self) -> InputReader:
        """A reader of the same kind that has collected nothing."""
        return InputReader(self.files, self.code)

    def named(self, text: str) -> bytes:
        """Digest of the file that a string names; it is staged."""
        return self._read(text)

    def path(self, path: PurePath) -> bytes | None:
        """Digest of the file that a path names, staged where it is relative; None where nothing is there."""
        name = str(path)
        return self._read(name) if os.path.lexists(self.files.absolute(name)) else None

    def part(self, kind: str, name: str, value: Any) -> Part:
        """A value as a part of the task hash."""
        return Part(kind, name, self.digest(value, name), preview(value, name))

    def strings(self, texts: Iterable[str]) -> Iterator[Part]:
        """The files that string constants of the code name, as parts."""
        for text in sorted(texts):
            if self.files.names_file(text):
                yield Part("file", text, self.named(text), text)

    def _read(self, name: str) -> bytes:
        path, relative = self.files.absolute(name), self.files.staged_as(name)
        if relative is not None and relative != ".":
            self.staged[relative] = path
        self.spellings.append(name)
        digest, self.states[path] = self.files.read(path)
        return digest


def output_file_digest(path: str, content: str) -> bytes:
    """Digest by which a file that a task made counts as an input, given its content digest (hex): its place does not."""
    return combine("output", (os.path.basename(path).encode("utf-8", "surrogateescape"), bytes.fromhex(content)))


def strings_in(root: Any) -> set[str]:
    """Strings that a value is, or that containers in it hold; of a value with too many parts those that were met."""
    found, seen, stack, left = set[str](), set[int](), [[root]], _MOST_LOOKED_AT
    while stack and (left := left - len(stack[-1])) >= 0:
        items = stack.pop()
        kinds = set(map(type, items))  # most have one kind, and it need not be looked at item by item
        if any(issubclass(kind, str) for kind in kinds):
            found.update(item for item in items if isinstance(item, str))
        if any(issubclass(kind, _CONTAINERS) for kind in kinds):
            inner = {id(item): item for item in items if isinstance(item, _CONTAINERS) and id(item) not in seen}
            seen.update(inner)
            stack += [[*item.values()] if isinstance(item, dict) else [*item] for item in inner.values()]
    return found
