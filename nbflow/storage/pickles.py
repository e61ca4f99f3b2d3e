"""How objects become pickles and come back: cloudpickle, with references for what the reader already has.

Alone decides what is written by value and what by reference, and turns whatever a pickle may raise into an error of its
own. Knows no files.

Three kinds of references: the namespace that functions run in, classes that the reader has (by name and digest of their
code), and paths inside the work directory.
"""

from __future__ import annotations

import functools
import io
import os
import pickle
import sys
import types
import typing
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, ClassVar, NoReturn

import cloudpickle

from nbflow.core.code.dispatchers import attributes_of_dispatcher, is_dispatcher
from nbflow.errors import CacheError

IN_BAND_BELOW = 4096
"""Bytes below which a buffer stays in the pickle: an index record and padding would cost more."""


class DamagedValueError(CacheError):
    """A container or one of its buffers is missing, cut off or changed, or its objects cannot be made here: a miss."""


class UnstorableValueError(CacheError):
    """An object cannot be written to a container, as a generator, a lock or an open file."""


@dataclass(frozen=True, slots=True)
class References:
    """What is written as a reference instead of by value.

    Attributes
    ----------
    namespace : dict or None
        Functions that run in it are written without their globals, and run in the reader's namespace.
    classes : mapping of type to (str, str)
        Classes that the reader has: name, and digest of their code in hex.
    work_dir : str or None
        Paths inside it are written relative to it.
    launch_dir : str or None
        So are those inside this directory, where it holds the work directory, and of other work directories: a launch
        directory may be moved.
    stand_ins : mapping
        Functions and classes that another is written for: instances come back as instances of that one.
    met : set of str
        Filled by writing: the paths inside the work directory that a value holds, relative to it.
    """

    namespace: dict[str, Any] | None = None
    classes: Mapping[type, tuple[str, str]] = field(default_factory=dict)
    work_dir: str | None = None
    launch_dir: str | None = None
    stand_ins: Mapping[Any, Any] = field(default_factory=dict)
    met: set[str] = field(default_factory=set, compare=False)


def _no_class(name: str, digest: str) -> NoReturn:
    raise LookupError(f"class {name!r} is not there")


@dataclass(frozen=True, slots=True)
class Resolvers:
    """What the references of a container stand for where it is read.

    Attributes
    ----------
    namespace : dict or None
        What functions that were written without their globals run in.
    resolve_class : callable
        Takes name and digest of a class and returns it, or raises: then the container is refused as damaged.
    work_dir : str or None
        What relative paths are joined to.
    """

    namespace: dict[str, Any] | None = None
    resolve_class: Callable[[str, str], type] = _no_class
    work_dir: str | None = None


def _remake_cached(parameters: dict[str, Any], function: Callable[..., Any], attributes: dict[str, Any]) -> Any:
    cached = functools.lru_cache(**parameters)(function)
    cached.__dict__.update(attributes)
    return cached


def _reduce_cached(cached: Any) -> Any:
    # By itself it is looked up by name, which a function of the notebook does not have. The cache starts empty.
    if cloudpickle.cloudpickle._lookup_module_and_qualname(cached) is not None:
        return cached.__reduce__()
    return _remake_cached, (cached.cache_parameters(), cached.__wrapped__, vars(cached))


def _remake_property(function: Callable[..., Any], name: str | None) -> functools.cached_property[Any]:
    made = functools.cached_property(function)
    if name is not None:
        made.__set_name__(object, name)
    return made


def _reduce_property(made: functools.cached_property[Any]) -> Any:
    # Python 3.11 keeps a lock in it.
    return _remake_property, (made.func, made.attrname)


def _remake_dispatcher() -> Any:
    return functools.singledispatch(lambda *given: None)  # replaced at once: what it will hold may hold the dispatcher


def _fill_dispatcher(dispatcher: Any, state: tuple[dict[type, Callable[..., Any]], dict[str, Any]]) -> None:
    registry, attributes = state
    functools.update_wrapper(dispatcher, registry[object])
    for kind, function in registry.items():
        dispatcher.register(kind, function)
    dispatcher.__dict__.update(attributes)


def _reduce_dispatcher(dispatcher: Any) -> Any:
    # What it is made of belongs to functools; by itself it would be looked up by name, which the notebook's has not.
    state = dict(dispatcher.registry), attributes_of_dispatcher(dispatcher)
    return _remake_dispatcher, (), state, None, None, _fill_dispatcher


def _make_code(filename: str, make: Callable[..., types.CodeType], arguments: tuple[Any, ...]) -> types.CodeType:
    return make(*arguments).replace(co_filename=filename)


def _reduce_code(code: types.CodeType) -> Any:
    # cloudpickle 3.1.3 gives all code one file name, but tracebacks and inspect find a cell by the name of its own.
    return _make_code, (code.co_filename, *cloudpickle.Pickler.dispatch_table[types.CodeType](code))


def _reduce_new_type(made: Any) -> Any:
    # By itself it is looked up by name, which one of the notebook does not have.
    if cloudpickle.cloudpickle._lookup_module_and_qualname(made) is not None:
        return made.__reduce__()
    return typing.NewType, (made.__name__, made.__supertype__)


def _remake_alias(name: str, meaning: Any, parameters: tuple[Any, ...]) -> Any:
    return typing.TypeAliasType(name, meaning, type_params=parameters)  # type: ignore[attr-defined,unused-ignore]


def _reduce_alias(made: Any) -> Any:
    if cloudpickle.cloudpickle._lookup_module_and_qualname(made) is not None:
        return made.__name__
    return _remake_alias, (made.__name__, made.__value__, made.__type_params__)


_NEWER: dict[Any, Any] = {}
if sys.version_info >= (3, 12):
    _NEWER[typing.TypeAliasType] = _reduce_alias


def _refuse_file(file: io.TextIOWrapper) -> NoReturn:
    raise TypeError(f"cannot pickle an open file ({file.name!r})")


def _reduce_class(cls: type, reduced: Any) -> Any:
    if reduced is NotImplemented or reduced[0] is not cloudpickle.cloudpickle._make_skeleton_class:
        return reduced
    metaclass, name, bases, attributes, *tracked = reduced[1]
    if not all(isinstance(base, type) for base in bases):
        return reduced  # as `TypedDict`, which is a function
    slots = {"__slots__": cls.__slots__} if "__slots__" in vars(cls) else {}  # type: ignore[attr-defined]
    return _remake_class, (metaclass, name, bases, {**attributes, **slots}, *tracked), *reduced[2:]


def _remake_class(
    metaclass: Any, name: str, bases: tuple[type, ...], attributes: dict[str, Any], tracker: str, extra: Any
) -> Any:
    """Make an empty class, to be filled: without the hooks of other classes that come by value.

    What those did when the class was made is in what it is filled with; and the globals that they use are not there yet.
    """
    native = next(kind for kind in metaclass.__mro__ if _has_a_home(kind))
    hooks = {
        base: vars(base)["__init_subclass__"]
        for base in {ancestor for each in bases for ancestor in each.__mro__ if not _has_a_home(ancestor)}
        if "__init_subclass__" in vars(base)
    }
    try:
        for base in hooks:
            type.__delattr__(base, "__init_subclass__")
        made = native.__new__(metaclass, name, bases, dict(attributes))
    finally:
        for base, hook in hooks.items():
            type.__setattr__(base, "__init_subclass__", hook)
    return cloudpickle.cloudpickle._lookup_class_or_track(tracker, made)


def _should_go_by_name(function: Any) -> bool:
    return cloudpickle.cloudpickle._lookup_module_and_qualname(function) is not None


def _has_a_home(cls: type) -> bool:
    """Whether a class can be imported, and so does not come by value."""
    return cloudpickle.cloudpickle._lookup_module_and_qualname(cls) is not None


def _itself(code: Any) -> Any:
    return code


class _NamespaceToken:
    """Stands for the namespace in the pickle."""


def _moves_with(work_dir: PurePath, launch_dir: str | None) -> PurePath:
    """The directory that moves as a whole: the launch directory if it holds the work directories, else their root."""
    root = work_dir.parent.parent  # work/ab/cdef...
    return PurePath(launch_dir) if launch_dir is not None and root.is_relative_to(launch_dir) else root


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """cloudpickle, with references; hooks sit in `reducer_override`, which plain values never reach."""

    # cloudpickle turns an open file into an in-memory copy of its text: another object than the one that was given.
    dispatch_table: ClassVar = ChainMap(
        {
            io.TextIOWrapper: _refuse_file,
            types.CodeType: _reduce_code,
            functools.cached_property: _reduce_property,
            typing.NewType: _reduce_new_type,
            **_NEWER,
            type(functools.lru_cache(lambda: None)): _reduce_cached,
        },
        cloudpickle.Pickler.dispatch_table,
    )

    def __init__(self, file: io.BytesIO, references: References, keep: Callable[[pickle.PickleBuffer], bool]) -> None:
        super().__init__(file, protocol=5, buffer_callback=keep)
        self.references = references
        self.stand_ins = {id(old): current for old, current in references.stand_ins.items()}
        self.inside = None if references.work_dir is None else PurePath(references.work_dir)
        self.around = None if self.inside is None else _moves_with(self.inside, references.launch_dir)
        if references.namespace is not None:
            self.globals_ref[id(references.namespace)] = _NamespaceToken()

    def reducer_override(self, obj: Any) -> Any:
        if id(obj) in self.stand_ins:
            return _itself, (self.stand_ins[id(obj)],)
        if isinstance(obj, type):
            known = self.references.classes.get(obj)
            if known is None:
                return _reduce_class(obj, super().reducer_override(obj))
            return _reference, ("class", *known)
        if is_dispatcher(obj) and not _should_go_by_name(obj):
            return _reduce_dispatcher(obj)
        if isinstance(obj, types.FunctionType) and obj.__globals__ is self.references.namespace:
            return self._bound_to_namespace(obj)
        if isinstance(obj, PurePath) and self.around is not None and obj.is_relative_to(self.around):
            return _reference, ("work", self._from_work_dir(obj))
        if type(obj) is _NamespaceToken:
            return _reference, ("namespace",)
        return super().reducer_override(obj)

    def _from_work_dir(self, path: PurePath) -> str:
        relative = os.path.relpath(path, self.inside)
        if self.inside is not None and path.is_relative_to(self.inside):
            self.references.met.add(relative)
        return relative

    def _bound_to_namespace(self, function: types.FunctionType) -> Any:
        # cloudpickle would copy every global that the function names; the capture decides what is shipped, and
        # the function must see later changes of the one namespace.
        make, arguments, (attributes, slots), *rest = self._dynamic_function_reduce(function)
        return make, arguments, (attributes, {**slots, "__globals__": {}}), *rest


def _reference(kind: str, *arguments: str) -> NoReturn:
    raise pickle.UnpicklingError("a reference can only be read by nbflow.storage.values.load")


def pickled(obj: object, references: References) -> tuple[bytes, list[memoryview]]:
    """Pickle an object.

    Parameters
    ----------
    obj : object
        Anything that cloudpickle can store, but for open files, which it would turn into copies of their text.
    references : References
        What is not stored by value.

    Returns
    -------
    tuple of (bytes, list of memoryview)
        The pickle, and its buffers in order.

    Raises
    ------
    UnstorableValueError
        When the object cannot be pickled.
    """
    buffers: list[memoryview] = []

    def keep(buffer: pickle.PickleBuffer) -> bool:
        try:
            raw = buffer.raw()
        except BufferError:
            return True
        if raw.nbytes < IN_BAND_BELOW:
            return True
        buffers.append(raw)
        return False

    file = io.BytesIO()
    try:
        _Pickler(file, references, keep).dump(obj)
    except Exception as error:
        # Any code of the value's class may run here and raise anything.
        raise UnstorableValueError(f"cannot be stored: {error or type(error).__name__}") from error
    return file.getvalue(), buffers


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, buffers: list[Any], resolvers: Resolvers) -> None:
        super().__init__(file, buffers=buffers)
        self.resolvers = resolvers

    def find_class(self, module: str, name: str) -> Any:
        if module == __name__ and name == _reference.__name__:
            return self._resolve
        return super().find_class(module, name)

    def _resolve(self, kind: str, *arguments: str) -> Any:
        if kind == "class":
            return self.resolvers.resolve_class(*arguments)
        if kind == "work" and self.resolvers.work_dir is not None:
            return Path(os.path.normpath(os.path.join(self.resolvers.work_dir, *arguments)))
        if kind == "namespace" and self.resolvers.namespace is not None:
            return self.resolvers.namespace
        raise pickle.UnpicklingError(f"holds a reference to a {kind} that the reader did not give")


def unpickled(name: str, raw: bytes, buffers: list[Any], resolvers: Resolvers) -> Any:
    """Make an object from its pickle.

    Parameters
    ----------
    name : str
        What errors call it.
    raw : bytes
        The pickle, known to be intact.
    buffers : list of buffers
        As given by `pickled`, in the same order.
    resolvers : Resolvers
        What the references stand for.

    Returns
    -------
    object
        The object.

    Raises
    ------
    DamagedValueError
        Whatever goes wrong but for a lack of memory; the text names a package that is missing.
    """
    try:
        return _Unpickler(io.BytesIO(raw), buffers, resolvers).load()
    except MemoryError:
        raise
    except ModuleNotFoundError as error:
        raise DamagedValueError(f"{name}: needs package {error.name!r}, which is not installed here") from error
    except Exception as error:
        # Unpickling runs code of any class, which may raise anything; whatever it is, there is no value.
        cause = f"{type(error).__name__}: {error}"
        raise DamagedValueError(f"{name}: cannot be made here ({cause}); run its task again") from error
