"""Operators that make several channels of one, or look at what passes."""

from __future__ import annotations

import keyword
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from nbflow.core.record import make_record
from nbflow.errors import InputError
from nbflow.execution.channels.arguments import Function, condition, flag, function, refused
from nbflow.execution.channels.engine import Engine
from nbflow.execution.channels.flow import Node
from nbflow.execution.channels.handle import ChannelT, Handle
from nbflow.execution.channels.items import HOLE, loaded
from nbflow.execution.channels.kinds import Each, blame
from nbflow.execution.channels.order import Order

_UNPRINTED: Final = 256
"""Items that may wait to be printed."""


class Forking(Handle[ChannelT]):
    """The operators of a channel that make several of it, or look at what passes."""

    def branch(self, **conditions: object) -> Any:
        """Several channels: each item goes to the first whose condition holds; where none does, it is dropped.

        Parameters
        ----------
        **conditions : callable, type, re.Pattern, object or True
            For each channel by name, as for `filter`; True takes all that is left.

        Returns
        -------
        named tuple of Channel
            The channels by name. What their items become is for `map` to say.

        Examples
        --------
        >>> small, large = channel.of(1, 2, 30).branch(small=lambda n: n < 10, large=True)
        >>> list(small), list(large)
        ([1, 2], [30])
        """
        _check_labels("branch", conditions)
        tests = [_anything if test is True else condition("branch", test) for test in conditions.values()]
        routed = Each(self._node.engine, self._node, "branch", partial(_routed, tests))
        return self._record("branch", conditions, [partial(_on_route, number) for number in range(len(tests))], routed)

    def multi_map(self, **functions: Callable[[Any], Any]) -> Any:
        """Several channels: each function makes one of the items.

        Parameters
        ----------
        **functions : callable
            For each channel by name: takes an item.

        Returns
        -------
        named tuple of Channel
            The channels by name.

        Examples
        --------
        >>> more, squared = channel.of(1, 2).multi_map(more=lambda n: n + 1, squared=lambda n: n * n)
        >>> list(more), list(squared)
        ([2, 3], [1, 4])
        """
        _check_labels("multi_map", functions)
        makes = [partial(_applied, function("multi_map", make, name)) for name, make in functions.items()]
        return self._record("multi_map", functions, makes, self._node)

    def _record(self, operator: str, labels: Mapping[str, object], makes: Sequence[Function], node: Node) -> Any:
        channels = [self._channel(Each(node.engine, node, operator, make), is_value=self._is_value) for make in makes]
        return make_record(operator, tuple(labels), tuple(channels))

    def tap(self, function: Callable[[ChannelT], Any]) -> ChannelT:
        """Give this channel to a function, a process for one, and go on with it.

        To keep it under a name an assignment does, as it does instead of Nextflow's ``set``: ``log = channel.of(1, 2)``.

        Parameters
        ----------
        function : callable
            Takes the channel; what it returns is not looked at.

        Examples
        --------
        >>> seen = []
        >>> list(channel.of(1, 2).tap(seen.append).map(str)), list(seen[0])
        (['1', '2'], [1, 2])
        """
        _checked("tap", function)(self)  # the whole channel, which is one of the kind that it is made for
        return self._itself()

    def view(
        self, function: Callable[[Any], Any] | None = None, *, newline: bool = True, tag: str | None = None
    ) -> ChannelT:
        """Print the items, in their order, as they come, and go on with them; the cell waits for it.

        Parameters
        ----------
        function : callable or None
            What is printed of an item; by default the item.
        newline : bool
            Whether each is on a line of its own.
        tag : str or None
            What is printed before each, to tell one channel from another.

        Examples
        --------
        >>> _ = channel.of(1, 2).view(lambda n: f"item {n}")
        item 1
        item 2
        """
        flag("view", newline=newline)
        if tag is not None and not isinstance(tag, str):
            raise refused("view", "tag", "a text", tag)
        make = None if function is None else _checked("view", function)
        engine = self._node.engine
        engine.open(_Printer(engine, self._node, make, "\n" if newline else "", f"[{tag}] " if tag else ""))
        return self._itself()

    def _itself(self) -> ChannelT:
        return self  # type: ignore[return-value]  # a Handle is always the channel of its kind


_checked = function  # the parameters of the methods are called so too


def _check_labels(operator: str, labels: Mapping[str, object]) -> None:
    if not labels:
        raise InputError(f"`{operator}` takes at least one channel, as in `.{operator}(name=function)`")
    for label in labels:
        if label.startswith("_") or keyword.iskeyword(label):
            raise InputError(f"`{operator}`: a channel cannot be called `{label}`; choose another name", name=label)


def _anything(_item: Any) -> bool:
    return True


def _routed(tests: list[Function], item: Any) -> Any:
    for number, test in enumerate(tests):
        if test(item):
            return number, item
    return HOLE


def _on_route(number: int, routed: tuple[int, Any]) -> Any:
    return routed[1] if routed[0] == number else HOLE


def _applied(make: Function, item: Any) -> Any:
    return make(loaded(item))


class _Printer(Node):
    """Prints items in the thread that runs the cells: from another one it would be lost, or in another cell's output."""

    ordered = True

    def __init__(self, engine: Engine, upstream: Node, make: Function | None, end: str, before: str) -> None:
        super().__init__(engine, upstream, order=Order())
        self._make = make
        self._end = end
        self._before = before
        self._unprinted = 0

    def takes(self, side: int) -> bool:
        return self._unprinted < _UNPRINTED

    def accept(self, position: int, item: Any) -> None:
        try:
            text = self._before + str(loaded(item) if self._make is None else self._make(loaded(item)))
        except BaseException as error:
            blame(error, "view", item)
            raise
        self._unprinted += 1
        self.engine.foreground.put(partial(self._print, text))

    def _print(self, text: str) -> None:
        print(text, end=self._end)
        self.engine.post(self._printed)

    def _printed(self) -> None:
        self._unprinted -= 1

    def skip(self, side: int, position: int) -> None:
        """Nothing: a hole is no item."""

    def upstream_length(self, side: int, length: int) -> None:
        """Nothing: it is over when all has been given."""

    def upstream_done(self, side: int) -> None:
        self.end(0)
