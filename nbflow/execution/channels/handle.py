"""What users hold of a flow of items, without its operators: reading it, and what it says of itself.

Knows no operator and no factory.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from nbflow.errors import InputError
from nbflow.execution.channels.arguments import refused
from nbflow.execution.channels.flow import Node
from nbflow.execution.channels.reading import read

if TYPE_CHECKING:
    import pandas as pd

ChannelT = TypeVar("ChannelT", bound="Handle[Any]")


class Handle(Generic[ChannelT]):
    """A flow of items that can be read; as long as it is there, it can be read again."""

    def __init__(self, node: Node, *, is_value: bool = False) -> None:
        self._node = node
        self._is_value = is_value
        self._kept = node.kept()

    def _channel(self, node: Node, *, is_value: bool = False) -> ChannelT:
        """A channel of a node's items."""
        raise NotImplementedError

    @property
    def node(self) -> Node:
        """Where its items are."""
        return self._node

    @property
    def is_value(self) -> bool:
        """Whether it is a value channel: one item that is read any number of times."""
        return self._is_value

    def __repr__(self) -> str:
        node = self._node
        count = (node.length or 0) - node.holes
        state = f"{count} item{'s' * (count != 1)}" if node.done else "failed" if node.failure else "open"
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
        return read(self._node)

    def __nbflow_digest__(self) -> object:
        """A channel is no value: it cannot be a part of one, nor a global of a body."""
        raise InputError(
            "a channel is given to a process as an argument of its own, not inside a value and not as a global; "
            "pass it to the call, or its items as a value with .collect().value"
        )

    @property
    def value(self) -> Any:
        """The item of a value channel, waiting for it.

        Raises
        ------
        InputError
            If this is not a value channel, or it holds nothing, as ``.first()`` of an empty channel does.
        """
        if not self._is_value:
            raise InputError("only a value channel has a value; use .collect().value, or iterate over the channel")
        for item in read(self._node):
            return item
        raise InputError("this value channel holds nothing, since no item came; give it a default with .if_empty(...)")

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
        return read(self._node)


def channel_argument(operator: str, name: str, value: object) -> Handle[Any]:
    """Check that an argument is a channel.

    Raises
    ------
    InputError
        If it is none.
    """
    if not isinstance(value, Handle):
        raise refused(operator, name, "a channel (make one with channel.of or channel.from_list)", value)
    return value


def _row(item: Any) -> dict[str, Any]:
    if isinstance(item, Mapping):
        return dict(item)
    fields = getattr(item, "_fields", None)
    return dict(zip(fields, item, strict=True)) if fields else {"item": item}


def _caller_unpacks() -> bool:
    """Whether ``__iter__`` was called by an unpacking assignment: only the instruction tells it from a loop."""
    frame = sys._getframe(2)
    return dis.opname[frame.f_code.co_code[frame.f_lasti]].startswith("UNPACK_")
