"""What stands in a preview for an output of a task that would run: whoever uses it is told which task that is.

Knows no task, and not how a preview is made.
"""

from __future__ import annotations

import sys
from typing import Any

from nbflow.errors import NotMadeError


class Unmade:
    """Stands for an output of a task that would run: whoever uses it gets a `NotMadeError`.

    Parameters
    ----------
    task : str
        The task's name.
    """

    def __init__(self, task: str) -> None:
        self.__dict__["_nbflow_task"] = task

    def __repr__(self) -> str:
        return f"<not made: `{self._nbflow_task}` would run>"

    def __getattr__(self, name: str) -> Any:
        raise NotMadeError(self.__dict__["_nbflow_task"])

    @property  # type: ignore[misc]  # what isinstance asks
    def __class__(self) -> Any:
        # IPython asks what the first name of a line is before it runs it; whoever else asks uses the output.
        if str(sys._getframe(1).f_globals.get("__name__")).startswith("IPython"):
            return Unmade
        raise NotMadeError(self.__dict__["_nbflow_task"])


def _use(self: Unmade, *_: object, **__: object) -> Any:
    raise NotMadeError(self._nbflow_task)


for _name in (
    *(
        "nbflow_digest",
        "call",
        "iter",
        "next",
        "len",
        "bool",
        "getitem",
        "setitem",
        "delitem",
        "contains",
        "setattr",
        "delattr",
        "eq",
    ),
    *("ne", "lt", "le", "gt", "ge", "hash", "add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "mod"),
    *("floordiv", "rfloordiv", "pow", "rpow", "matmul", "rmatmul", "neg", "abs", "invert", "and", "or", "xor", "int"),
    *("float", "index", "complex", "round", "str", "format", "bytes", "fspath", "enter", "await", "reduce_ex", "array"),
):
    setattr(Unmade, f"__{_name}__", _use)


def unmade_task(value: object) -> str | None:
    """The task that would make a value; None where the value is there."""
    return object.__getattribute__(value, "__dict__")["_nbflow_task"] if type(value) is Unmade else None
