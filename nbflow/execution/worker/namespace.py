"""The one namespace that a body and all notebook code that it reaches share, made in the worker.

Alone prepares the interpreter of a worker: ``__main__``, ``sys.path``, sources for tracebacks, random generators and
what bodies find among the builtins. Does not run the body.
"""

from __future__ import annotations

import builtins
import importlib
import linecache
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from types import ModuleType, TracebackType
from typing import Any, NoReturn, Self, cast

from nbflow.core.code import ipython_syntax
from nbflow.core.ext import with_ext
from nbflow.execution.spec import JOB, Capture, WorkerSpec
from nbflow.execution.worker import display, patterns, sources
from nbflow.execution.worker.hooks import when_imported
from nbflow.storage import values
from nbflow.storage.values import DamagedValueError, Resolvers

_BACKEND = "module://nbflow.execution.worker.figures"


class TaskFacts:
    """What a body sees as `task`: the directives of its task, by attribute.

    Parameters
    ----------
    facts : mapping of str to object
        By name.
    """

    __slots__ = ("_facts",)

    def __init__(self, facts: Mapping[str, Any]) -> None:
        object.__setattr__(self, "_facts", dict(facts))

    def __getattr__(self, name: str) -> Any:
        try:
            return object.__getattribute__(self, "_facts")[name]
        except (KeyError, AttributeError):
            raise AttributeError(f"task has no {name!r}; it has {', '.join(self._facts)}", name=name) from None

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"task.{name} cannot be set: directives are written above the body, as `#| {name}: ...`")

    def __reduce__(self) -> tuple[type[TaskFacts], tuple[dict[str, Any]]]:
        return TaskFacts, (self._facts,)

    def __repr__(self) -> str:
        return f"task({', '.join(f'{name}={value!r}' for name, value in self._facts.items())})"


def prepare_interpreter(spec: WorkerSpec) -> dict[str, Any]:
    """Make this process ready for a body.

    Parameters
    ----------
    spec : WorkerSpec
        What the worker must do.

    Returns
    -------
    dict
        The namespace of a new ``__main__``: empty but for its dunders.
    """
    main = _new_main()
    sys.modules["__main__"] = main
    if spec.sys_path:
        sys.path[:] = [entry or spec.launch_dir for entry in spec.sys_path]
    sys.argv[:] = [""]
    sources.read_sources()
    for filename, text in {spec.filename: spec.source, **spec.sources}.items():
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    _add_builtins()
    patterns.watch(spec.launch_dir)
    _seed(spec.seed)
    return main.__dict__


def _new_main() -> ModuleType:
    main = ModuleType("__main__")
    main.__dict__["__builtins__"] = builtins
    return main


def rehearse(spec: WorkerSpec) -> dict[str, Any]:
    """Make a namespace that is not the worker's own, to no end but that this process has done it once."""
    space = _new_main().__dict__
    sources.rehearse()
    fill(space, spec)
    random.seed(spec.seed)
    when_imported({})
    spec.source.splitlines(keepends=True)
    return space


def fill(namespace: dict[str, Any], spec: WorkerSpec) -> None:
    """Bind all that a body may read.

    Parameters
    ----------
    namespace : dict
        The worker's.
    spec : WorkerSpec
        What the worker must do.

    Raises
    ------
    DamagedValueError
        When captured values cannot be loaded.
    ImportError
        When a module of the notebook cannot be imported.
    """
    for module in spec.modules:
        importlib.import_module(module)
    for name, module in spec.module_aliases.items():
        namespace[name] = importlib.import_module(module)
    if spec.capture is not None:
        load_captured(spec, namespace)
    if spec.item is not None:
        resolvers = Resolvers(namespace, resolver(spec, namespace), os.getcwd())
        namespace.update(_loaded(spec.item, resolvers))
    namespace["task"] = TaskFacts(with_ext(spec.task))


def load_captured(spec: WorkerSpec, into: dict[str, Any]) -> None:
    """Bind the captured globals in a namespace, and make their functions run in it."""
    if spec.capture is not None:
        into.update(_loaded(spec.capture, Resolvers(namespace=into)))


def _loaded(capture: Capture, resolvers: Resolvers) -> dict[str, Any]:
    if capture.text is not None:
        return cast("dict[str, Any]", values.unpack(capture.text, JOB, resolvers))
    expected, buffers_dir = capture.expected, capture.buffers_dir
    found = values.load(capture.path, buffers_dir=buffers_dir, expected=expected, resolvers=resolvers)
    return cast("dict[str, Any]", found)


def resolver(spec: WorkerSpec, namespace: Mapping[str, Any]) -> Callable[[str, str], type]:
    """What finds the captured class of a name and digest."""

    def resolve_class(name: str, digest: str) -> type:
        found = namespace.get(name)
        if spec.classes.get(name) != digest or not isinstance(found, type):
            raise DamagedValueError(f"class {name!r} with this code was not captured; run the cell again")
        return found

    return resolve_class


def _seed(seed: int) -> None:
    random.seed(seed)
    when_imported(
        {
            "numpy.random": lambda module: module.seed(seed & 0xFFFF_FFFF),
            "matplotlib": lambda module: module.rcParams.__setitem__("backend", _BACKEND),
            "IPython.core.display_functions": _patch_ipython,
        }
    )


def _patch_ipython(module: ModuleType) -> None:
    for name in ("display", "update_display", "publish_display_data", "clear_output"):
        setattr(module, name, getattr(display, name))


def _add_builtins() -> None:
    for name, helper in {**HELPERS, ipython_syntax.SYSTEM: _system, "get_ipython": _no_ipython}.items():
        setattr(builtins, name, helper)


def _no_ipython() -> NoReturn:
    raise NameError(  # what libraries expect that ask whether there is one
        "there is no IPython in a task: `!` commands and %time work in the body itself, not in functions of other cells. "
        "Move the command into the body, call subprocess.run() in the function, or use `#| executor: inline`"
    )


def _system(command: str, expand: Callable[[], str] | None = None) -> None:
    sys.stdout.flush()
    subprocess.run(shell_command(command, expand), check=False)


def _getoutput(command: str, expand: Callable[[], str] | None = None) -> list[str]:
    finished = subprocess.run(
        shell_command(command, expand), check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace"
    )
    return finished.stdout.splitlines()


def shell_command(command: str, expand: Callable[[], str] | None) -> list[str]:
    """The command line that runs what stands behind ``!``, its names filled in."""
    return [os.environ.get("SHELL", "sh"), "-c", _expanded(command, expand)]


def _expanded(command: str, expand: Callable[[], str] | None) -> str:
    if expand is None:
        return command
    try:
        return expand()
    except Exception:  # noqa: BLE001  # IPython's rule: a name that cannot be filled in is left as written
        return command


class _Clock:
    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self(None)

    def __call__(self, value: Any) -> Any:
        processor, wall = time.process_time() - self._processor, time.perf_counter() - self._wall
        print(f"CPU times: {processor:.3g} s\nWall time: {wall:.3g} s")
        return value


HELPERS: Mapping[str, Callable[..., Any]] = {ipython_syntax.GETOUTPUT: _getoutput, ipython_syntax.TIMER: _Clock}
"""What rewritten IPython syntax calls, wherever a body runs; `ipython_syntax.SYSTEM` writes to the body's own output."""
