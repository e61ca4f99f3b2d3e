"""Channels: what users hold of a flow of items, with Nextflow's factories and operators.

A channel says what items there are; `flow` moves them. Knows no cache, no executor and no notebook.
"""

from __future__ import annotations

import dis
import glob
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbflow.errors import InputError
from nbflow.execution.channels.flow import Engine, Node, Source
from nbflow.execution.channels.operators import Collect, Filter, Map

if TYPE_CHECKING:
    import pandas as pd


class Channel:
    """A flow of items, in the order of the input whatever the timing; it can be read again.

    Made by the factories of `channel`, by operators, and by calling a process with a channel.
    """

    def __init__(self, node: Node, *, is_value: bool = False) -> None:
        self._node = node
        self._is_value = is_value

    @property
    def node(self) -> Node:
        """Where its items are."""
        return self._node

    @property
    def is_value(self) -> bool:
        """Whether it is a value channel: one item that is read any number of times."""
        return self._is_value

    def __repr__(self) -> str:
        state = f"{self._node.length} items" if self._node.done else "open"
        return f"<{'value channel' if self._is_value else 'channel'}: {state}>"

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the items, waiting for each.

        Raises
        ------
        InputError
            If the channel is unpacked (``a, b = channel``): items are not outputs.
        """
        if _caller_unpacks():
            raise InputError(
                "a channel cannot be unpacked: its items are not the outputs of the process. "
                "Take one output as a channel by its name, as in `r = fit(items)` and `r.score`"
            )
        return iter(self._node)

    def __nbflow_digest__(self) -> object:
        """A channel is no value: it cannot be a part of one, nor a global of a body."""
        raise InputError(
            "a channel is given to a process as an argument of its own, not inside a value and not as a global; "
            "pass it to the call, or its items as a value with .collect().value"
        )

    def map(self, function: Callable[[Any], Any]) -> Channel:
        """Give each item to a function; the channel of what it returns."""
        return Channel(Map(self._node.engine, self._node, function), is_value=self._is_value)

    def filter(self, predicate: Callable[[Any], Any]) -> Channel:
        """Keep the items for which the predicate holds."""
        return Channel(Filter(self._node.engine, self._node, predicate))

    def collect(self) -> Channel:
        """All items as one list: a value channel."""
        return Channel(Collect(self._node.engine, self._node), is_value=True)

    @property
    def value(self) -> Any:
        """The item of a value channel, waiting for it.

        Raises
        ------
        InputError
            If this is not a value channel.
        """
        if not self._is_value:
            raise InputError("only a value channel has a value; use .collect().value, or iterate over the channel")
        return next(iter(self._node))

    def to_frame(self) -> pd.DataFrame:
        """The items as a data frame, one row each: for a process's channel, its inputs and outputs.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise InputError("to_frame() needs pandas: pip install pandas") from error
        return pd.DataFrame([_row(item) for item in self._rows()])

    def _rows(self) -> Iterable[Any]:
        return self._node


def _row(item: Any) -> dict[str, Any]:
    if isinstance(item, Mapping):
        return dict(item)
    fields = getattr(item, "_fields", None)
    return dict(zip(fields, item, strict=True)) if fields else {"item": item}


def _caller_unpacks() -> bool:
    """Whether ``__iter__`` was called by an unpacking assignment: only the instruction tells it from a loop."""
    frame = sys._getframe(2)
    return dis.opname[frame.f_code.co_code[frame.f_lasti]].startswith("UNPACK_")


class ChannelFactory:
    """The factories of channels: ``channel.of(1, 2)``, ``channel.from_path("*.fq")``, ..."""

    def __repr__(self) -> str:
        return "<channel factories: of, from_list, value, from_path, from_frame>"

    def __reduce__(self) -> str:
        return "channel"

    def of(self, *items: Any) -> Channel:
        """A channel of the given items."""
        return self.from_list(items)

    def from_list(self, items: Iterable[Any]) -> Channel:
        """A channel of a list's items; the list is copied, a range or tuple is not."""
        sequence: Sequence[Any] = items if isinstance(items, (range, tuple)) else list(items)
        return Channel(Source(ENGINE, sequence))

    def value(self, item: Any) -> Channel:
        """A value channel: one item that can be read any number of times."""
        return Channel(Source(ENGINE, (item,)), is_value=True)

    def from_path(self, *patterns: str | os.PathLike[str], check_if_exists: bool = True) -> Channel:
        """A channel of the files that match, as absolute paths, sorted.

        Parameters
        ----------
        *patterns : str or path
            Globs, relative to the current directory; ``**`` reaches into directories.
        check_if_exists : bool
            Whether a pattern without a match is an error.

        Raises
        ------
        InputError
            If nothing matches a pattern.
        """
        found = [path for pattern in patterns for path in _matches(os.fspath(pattern), check_if_exists)]
        return self.from_list([Path(path) for path in found])

    def from_frame(self, frame: pd.DataFrame) -> Channel:
        """A channel of a frame's rows, as named tuples of its columns."""
        return self.from_list(frame.itertuples(index=False, name="Row"))


def _matches(pattern: str, check: bool) -> list[str]:
    found = sorted(os.path.abspath(path) for path in glob.glob(os.path.expanduser(pattern), recursive=True))
    if check and not found:
        raise InputError(
            f"no file matches `{pattern}` in {Path.cwd()}; check the pattern, or pass check_if_exists=False"
        )
    return found


ENGINE = Engine()
"""Moves the items of all channels of this process; its thread starts with the first that is used."""

channel = ChannelFactory()
