"""The channel that calling a process with a channel gives: a record of its outputs for each task.

Alone decides what a name after its dot means: an output goes before an operator of the same name.
"""

from __future__ import annotations

from typing import Any

from nbflow.execution.channels.channel import Channel
from nbflow.execution.channels.task_node import FieldNode, TaskNode


class ProcessChannel(Channel):
    """The channel of a process's outputs; ``r.name`` or ``r["name"]`` is the channel of one of them.

    Parameters
    ----------
    node : TaskNode
        The tasks.
    is_value : bool
        Whether there is one task, as its inputs are value channels.
    """

    def __init__(self, node: TaskNode, *, is_value: bool = False) -> None:
        super().__init__(node, is_value=is_value)
        self._tasks = node
        for name in self._names:
            if hasattr(Channel, name):
                self.__dict__[name] = _Output(self[name].node, name, is_value=is_value)

    @property
    def _names(self) -> tuple[str, ...]:
        return self._tasks.call.process.output_names

    @property
    def value(self) -> Any:
        """The item of a value channel; or, if an output is called so, the channel of that."""
        return self.__dict__["value"] if "value" in self._names else super().value

    def __getitem__(self, name: str) -> Channel:
        """The channel of one output.

        Raises
        ------
        KeyError
            If no output is called so.
        """
        if name not in self._names:
            raise KeyError(f"no output `{name}`; the outputs are {', '.join(self._names)}")
        return Channel(FieldNode(self._tasks.engine, self._tasks, name), is_value=self.is_value)

    def __getattr__(self, name: str) -> Channel:
        """The channel of one output."""
        if "_tasks" not in self.__dict__ or name.startswith("_"):
            raise AttributeError(name, name=name, obj=self)
        if name in self._names:
            return self[name]
        raise self._unknown(name, self._names)

    def _rows(self) -> list[dict[str, Any]]:
        return [*self._tasks.rows()]


class _Output(Channel):
    """An output that is called as an operator is."""

    def __init__(self, node: Any, name: str, *, is_value: bool) -> None:
        super().__init__(node, is_value=is_value)
        self._name = name

    def __call__(self, *_args: Any, **_options: Any) -> Any:
        """Say that this is no operator.

        Raises
        ------
        TypeError
            Always.
        """
        raise TypeError(
            f"`{self._name}` is an output of the process here; the operator is Channel.{self._name}(channel, ...), "
            "with `from nbflow import Channel`"
        )
