"""What a process's name is bound to: called with values it returns values, with a channel a channel.

Alone turns arguments into calls and tasks. Knows neither IPython nor how a session is opened: that comes in as a `Desk`.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from types import FunctionType
from typing import Any, Protocol

from nbflow.core.declaration.binding import Spread, bind, check_complete, filled, spread
from nbflow.core.declaration.directive_values import INLINE
from nbflow.core.declaration.process import Process
from nbflow.core.task.capture import Scene, capture
from nbflow.core.task.resume import Execute, Reason
from nbflow.errors import DeclarationError, InputError, NotMadeError
from nbflow.execution.calls.call import Call, forced
from nbflow.execution.channels.channel import Channel
from nbflow.execution.channels.engine import Engine
from nbflow.execution.channels.flow import Node
from nbflow.execution.channels.origins import origins
from nbflow.execution.channels.process_channel import ProcessChannel
from nbflow.execution.channels.task_node import TaskNode, checked
from nbflow.execution.inline.kernel_body import inside
from nbflow.execution.lookup import Lookup
from nbflow.execution.result import Result, gathered
from nbflow.storage.values import DamagedValueError


class Desk(Protocol):
    """What a call needs of the session that it is made in."""

    engine: Engine

    def runner(self) -> Lookup:
        """The runner of the run, which begins with the first call."""
        ...

    def scene(self) -> Scene:
        """The moment of the call."""
        ...

    def await_result(self, waiting: Waiting) -> Result:
        """Wait for a task, showing what it prints; an interrupt ends it."""
        ...

    def opened(self, node: Node) -> None:
        """Note a channel of tasks that the cell must wait for."""
        ...

    def failed(self, node: Node, error: BaseException) -> None:
        """End what else the cell runs, since a task failed."""
        ...

    def printed(self, result: Result) -> None:
        """Show what a task of a channel printed (``debug``)."""
        ...

    def submitted(self, future: TaskFuture) -> None:
        """Note a future, whose failure must not be lost."""
        ...

    def unmade(self, process: Process, error: NotMadeError) -> dict[str, Any]:
        """What stands for the outputs of a process that lacks an input, in a preview; elsewhere raises the error."""
        ...

    def note(self, process: str, sentences: tuple[str, ...]) -> None:
        """Say, once, what the user should know of a process's code."""
        ...


class Waiting:
    """A task whose result is waited for.

    Attributes
    ----------
    process : Process
        What it is a task of.
    result : Result or None
        What came of it.
    work_dir : pathlib.Path or None
        Where it runs, once it does.
    """

    def __init__(self, process: Process) -> None:
        self.process = process
        self.result: Result | None = None
        self.work_dir: Path | None = None
        self.ended = threading.Event()

    def begun(self, work_dir: Path) -> None:
        """The task runs, and prints into files of its work directory."""
        self.work_dir = work_dir

    def done(self, result: Result) -> None:
        """Take the result."""
        self.result = result
        self.ended.set()


class TaskFuture(Future[Any]):
    """The value of a task that runs beside the cells; it can be awaited.

    Attributes
    ----------
    collected : bool
        Whether somebody asked how it ended.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.collected = False

    def result(self, timeout: float | None = None) -> Any:
        """The value, waiting for it; what the task failed with is raised."""
        self.collected = True
        return super().result(timeout)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What the task failed with, waiting for it; None where it did not."""
        self.collected = True
        return super().exception(timeout)

    def outcome(self) -> BaseException | None:
        """As `exception`, without counting as asked."""
        return super().exception()

    def __await__(self) -> Generator[Any, None, Any]:
        self.collected = True
        return asyncio.wrap_future(self).__await__()


class BoundProcess:
    """A process, ready to be called.

    Parameters
    ----------
    process : Process
        What was declared.
    signature : inspect.Signature
        Its parameters, defaults and types evaluated.
    function : types.FunctionType
        What it is inside another body.
    desk : Desk
        The session that it runs in.
    """

    def __init__(self, process: Process, signature: inspect.Signature, function: FunctionType, desk: Desk) -> None:
        self.process = process
        self.__name__ = self.__qualname__ = process.name
        self.__signature__ = signature
        self.__nbflow_function__ = function
        self._desk = desk

    def __repr__(self) -> str:
        return f"<process {self.process.name}{self.__signature__}>"

    def __reduce__(self) -> Any:
        # Inside a body a process is a plain function: nothing of the session goes along.
        return _itself, (self.__nbflow_function__,)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the process: values give its outputs, a channel gives a channel."""
        if inside():
            return self.__nbflow_function__(*args, **kwargs)
        return self._call(args, kwargs, rerun=False)

    def rerun(self, *args: Any, **kwargs: Any) -> Any:
        """Run the process again, whatever is remembered."""
        return self._call(args, kwargs, rerun=True)

    def submit(self, *args: Any, **kwargs: Any) -> TaskFuture:
        """Run the process beside the cells.

        Raises
        ------
        InputError
            If a channel is given: its tasks run beside each other anyway.
        """
        given = bind(self.process.name, self.__signature__, args, kwargs)
        if self.process.directives.executor == INLINE:
            raise InputError(
                f"`{self.process.name}` runs in the kernel itself (`executor: inline`), so it cannot run beside the cells; "
                f"call `{self.process.name}(...)`"
            )
        if any(isinstance(value, Channel) for value in given.values()):
            raise InputError(
                f"`{self.process.name}.submit` takes values; call `{self.process.name}(channel)` for a channel"
            )
        future = TaskFuture(self.process.name)
        call = self._single(given, rerun=False)
        self._desk.submitted(future)
        self._desk.runner().start(call, {}, None, lambda result: self._fulfil(future, result))
        return future

    def _fulfil(self, future: TaskFuture, result: Result) -> None:
        try:
            if result.failure is not None:
                raise result.failure
            future.set_result(gathered(self.process.name, self._values(result)))
        except BaseException as error:  # noqa: BLE001  # whoever asks the future gets it
            future.set_exception(error)

    def _call(self, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, rerun: bool) -> Any:
        try:
            given = bind(self.process.name, self.__signature__, args, kwargs)
            channels = {name: value for name, value in given.items() if isinstance(value, Channel)}
            if channels:
                return self._flow(given, channels, frozenset(kwargs), rerun=rerun)
            _, values = self.run_single(given, rerun=rerun)
        except NotMadeError as error:
            values = self._desk.unmade(self.process, error)
        return gathered(self.process.name, values)

    # One task ---------------------------------------------------------------------------------------------------------

    def run_single(self, given: Mapping[str, Any], *, rerun: bool) -> tuple[Result, dict[str, Any]]:
        """Run one task, or take it from the cache, and read its outputs.

        Parameters
        ----------
        given : mapping of str to object
            Its arguments.
        rerun : bool
            Whether it runs whatever is remembered.

        Raises
        ------
        TaskFailedError
            If it failed.
        """
        call = self._single(given, rerun=rerun)
        result = self._result(call)
        try:
            return result, self._values(result)
        except DamagedValueError as error:
            if not result.cached:
                raise
            again = replace(call, forced=Execute(Reason.VALUE_UNREADABLE, str(error)))
            result = self._result(again)
            return result, self._values(result)

    def _values(self, result: Result) -> dict[str, Any]:
        """The outputs of a task; those of one whose failure is ignored are None."""
        if result.ignored:
            return dict.fromkeys(self.process.output_names)
        return self._desk.runner().values(result.key)

    def _result(self, call: Call) -> Result:
        waiting = Waiting(self.process)
        self._desk.runner().start(call, {}, None, waiting.done, waiting.begun)
        result = self._desk.await_result(waiting)
        if result.failure is not None:
            raise result.failure
        return result

    def _single(self, given: Mapping[str, Any], *, rerun: bool) -> Call:
        signature = self.__signature__
        check_complete(self.process.name, signature, given)
        values = {name: self._checked(name, value) for name, value in filled(signature, given).items()}
        return self._made(values, (), rerun=rerun)

    def _checked(self, name: str, value: Any) -> Any:
        annotation = self.__signature__.parameters[name].annotation
        return value if annotation is inspect.Parameter.empty else checked(self.process.name, name, value, annotation)

    def _made(self, fixed: Mapping[str, Any], fed: tuple[str, ...], *, rerun: bool) -> Call:
        unsupported = self.process.directives.unsupported()
        if unsupported:
            raise DeclarationError(f"process `{self.process.name}` cannot run: {'; '.join(unsupported)}")
        scene = self._desk.scene()
        captured = capture(self.process, fixed, scene, fed)
        self._desk.note(self.process.name, captured.notes)
        return Call(self.process, captured, scene, forced(self.process, captured, rerun=rerun))

    # A channel --------------------------------------------------------------------------------------------------------

    def _flow(
        self, given: Mapping[str, Any], channels: Mapping[str, Channel], by_keyword: frozenset[str], *, rerun: bool
    ) -> ProcessChannel:
        fed = self._fed(channels)
        how = spread(self.process.name, self.__signature__, given, fed, whole=fed in by_keyword)
        awaited = {name: channel.node for name, channel in channels.items() if name != fed}
        fixed = self._fixed(given, channels, how)
        inputs = (*how.free, *how.optional, *awaited)
        call = self._made(fixed, inputs, rerun=rerun)
        node = self._node(channels[fed], call, how, awaited)
        runner = self._desk.runner()
        runner.stage(call)
        runner.called(call, inputs, origins((node.upstream, *awaited.values())))
        self._desk.opened(node)
        return ProcessChannel(node, is_value=channels[fed].is_value)

    def _fed(self, channels: Mapping[str, Channel]) -> str:
        """The parameter whose channel is spread over tasks; the others must be value channels."""
        queues = [name for name, channel in channels.items() if not channel.is_value]
        if len(queues) > 1:
            a, b = queues[:2]
            raise InputError(
                f"`{self.process.name}` was given two channels, `{a}` and `{b}`, and cannot know how their items pair; "
                f"combine them first: `{a}.join({b})` by a key, `{a}.combine({b})` each with each, or `{a}.merge({b})` one by one"
            )
        return queues[0] if queues else next(iter(channels))

    def _fixed(self, given: Mapping[str, Any], channels: Mapping[str, Channel], how: Spread) -> dict[str, Any]:
        plain = {name: value for name, value in given.items() if name not in channels}
        values = filled(self.__signature__, plain)
        taken = {*channels, *how.free, *how.optional}
        fixed = {name: self._checked(name, value) for name, value in values.items() if name not in taken}
        check_complete(self.process.name, self.__signature__, {**given, **dict.fromkeys(how.free)})
        return fixed

    def _node(self, fed: Channel, call: Call, how: Spread, awaited: Mapping[str, Node]) -> TaskNode:
        parameters = self.__signature__.parameters
        names = (*how.free, *how.optional, *awaited)
        types = {
            name: parameters[name].annotation
            for name in names
            if parameters[name].annotation is not inspect.Parameter.empty
        }
        defaults = {name: parameters[name].default for name in how.optional}
        desk = self._desk
        return TaskNode(
            desk.engine,
            fed.node,
            desk.runner(),
            call,
            how,
            awaited,
            defaults,
            types,
            desk.failed,
            desk.printed,
            single=fed.is_value,
        )


def _itself(function: Callable[..., Any]) -> Callable[..., Any]:
    return function
