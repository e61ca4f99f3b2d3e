"""Functions and classes as bytes: their own code, and the values that hang on them.

Alone decides what of a function or class counts by itself. The globals that it reads are not part of it: whoever walks
from name to name (`closure`) adds them. Knows no namespaces and no files; text comes from `cells`.
"""

from __future__ import annotations

import abc
import ast
import enum
import functools
import sys
import types
from _abc import _get_dump  # type: ignore[import-not-found]  # what cloudpickle ships registries by
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

from nbflow.core.code.annotated import Walker, annotations_digest
from nbflow.core.code.cells import FUTURES, cell_text, definition_of_class, find_definition
from nbflow.core.code.dispatchers import attributes_of_dispatcher
from nbflow.core.code.mentions import Mentions
from nbflow.core.code.scan import mentions_of, mentions_of_code
from nbflow.core.code.scope import global_names
from nbflow.core.code.source import normal_form
from nbflow.core.parts import combine
from nbflow.core.python import PYTHON

_VERSION = PYTHON.encode()
# Made by Python or by a library from what else is in the class, or places of text, or caches.
_DERIVED = frozenset(
    {"__module__", "__qualname__", "__doc__", "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__"}
    | {"__slotnames__"}  # left by copyreg once an instance was pickled
    | {"__abstractmethods__", "_abc_impl", "__annotations__", "__annotate__", "__annotate_func__", "__parameters__"}
    | {
        "__annotations_cache__",
        "__conditional_annotations__",
        "__dataclass_fields__",
        "__signature__",
        "__type_params__",
    }
)
_ENUM_MACHINERY = frozenset(
    {"_member_map_", "_member_names_", "_value2member_map_", "_unhashable_values_", "_unhashable_values_map_"}
    | {"_hashable_values_", "_use_args_", "_value_repr_", "_inverted_", "_flag_mask_", "_all_bits_", "_singles_mask_"}
)
_PYDANTIC_STATE = frozenset({"__pydantic_fields__", "__private_attributes__", "__class_vars__"})
_FIELD_FACTS = ("name", "type", "default", "default_factory", "init", "repr", "hash", "compare", "kw_only")
_NONE = combine("none", [])
_EMPTY_CELL = combine("empty cell", [])


def is_importable(value: Any) -> bool:
    """Whether a worker gets a function or class by importing it, rather than by value: pickle's own rule."""
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    if module is None or module.__name__ == "__main__":
        return False
    found: Any = module
    for name in getattr(value, "__qualname__", "").split("."):
        found = getattr(found, name, None)
    return found is value


def reloaded(value: Any) -> Any:
    """What a module has now under the name of code that it made before it was loaded again; None for other code."""
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    if module is None or module.__name__ == "__main__":
        return None
    found: Any = module
    for name in value.__qualname__.split("."):
        found = getattr(found, name, None)
    if found is value or type(found) is not type(value) or getattr(found, "__qualname__", "") != value.__qualname__:
        return None
    if isinstance(value, FunctionType):
        # A wrapper has the name of what it wraps, and another code.
        own = value.__code__.co_qualname == found.__code__.co_qualname == value.__qualname__
        return found if own and value.__globals__ is vars(module) else None
    return found if found.__module__ == module.__name__ else None


def by_name(value: Any) -> bytes:
    """Digest code that is known by module and name."""
    # A method of a class that is written in C has no module of its own.
    module = getattr(value, "__module__", None) or getattr(getattr(value, "__objclass__", None), "__module__", "")
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", "")
    return combine("name", [str(module).encode(), str(name).encode()])


def function_digest(function: FunctionType, walker: Walker, *, annotations: bool = True) -> bytes:
    """Digest a function: its text, defaults, closure and attributes.

    Parameters
    ----------
    function : types.FunctionType
        One that is shipped by value.
    walker : Walker
        Digests values, and is told of the function.
    annotations : bool
        Whether its annotations count.

    Raises
    ------
    UnhashableInputError
        If something that hangs on it cannot be hashed.
    """
    walker.follow(function)
    facts = facts_of(function.__code__)
    chunks = [facts.form if annotations else facts.form_without_annotations, function.__name__.encode()]
    chunks += [_defaults(function, values, walker) for values in (function.__defaults__, function.__kwdefaults__)]
    if function.__closure__:
        chunks += _cells(function, walker)
    if function.__dict__:
        chunks += _attributes(function, walker)
    if annotations:
        chunks.append(annotations_digest(function, walker))
    return combine("function", chunks)


def _defaults(function: FunctionType, values: object, walker: Walker) -> bytes:
    return _NONE if values is None else walker.value(values, f"defaults of {function.__qualname__}()")


def _cells(function: FunctionType, walker: Walker) -> Iterator[bytes]:
    for variable, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        yield variable.encode()
        try:
            content = cell.cell_contents
        except ValueError:
            yield _EMPTY_CELL
            continue
        yield walker.value(content, f"{variable} of {function.__qualname__}()")


def _attributes(function: FunctionType, walker: Walker) -> Iterator[bytes]:
    for name, value in sorted(vars(function).items()):
        yield name.encode()
        yield walker.value(value, f"{function.__qualname__}.{name}")


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """What is known of a code object.

    Attributes
    ----------
    form : bytes
        Digest of its text in normal form, or of the code object where no text is known.
    form_without_annotations : bytes
        The same without annotations.
    reads : frozenset of str
        Globals that it reads.
    mentions : Mentions
        What it mentions.
    bare_name : str
        The name that a plain ``def`` without decorators gives it; empty for others.
    """

    form: bytes
    form_without_annotations: bytes
    reads: frozenset[str]
    mentions: Mentions
    bare_name: str


def facts_of(code: CodeType) -> CodeFacts:
    """Find what is known of a function's code."""
    return _facts(code, cell_text(code.co_filename), code.co_filename)


@lru_cache(maxsize=4096)
def _facts(code: CodeType, text: str, filename: str) -> CodeFacts:
    found = find_definition(code)
    reads, _ = global_names(code)
    if found is None:
        bare = combine("code object", [_VERSION, code_object_bytes(code)])
        return CodeFacts(bare, bare, reads, mentions_of_code(code), "")
    futures = (code.co_flags & FUTURES).to_bytes(4, "little")
    forms = [normal_form(found.node, annotations=kept, docstrings=False) for kept in (True, False)]
    full, short = (combine("source", [form, futures]) for form in forms)
    decorated = isinstance(found.node, ast.Lambda) or bool(found.node.decorator_list)
    return CodeFacts(full, short, reads, mentions_of(found.node), "" if decorated else code.co_name)


def code_object_bytes(code: CodeType) -> bytes:
    """Write a code object as bytes, without file and lines: what it does in this version of Python."""
    numbers = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
    names = (code.co_name, code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars)
    chunks = [code.co_code, code.co_exceptiontable, repr(numbers).encode(), repr(names).encode()]
    return combine("code", [*chunks, *(_constant_bytes(constant) for constant in code.co_consts)])


def _constant_bytes(constant: object) -> bytes:
    if isinstance(constant, CodeType):
        return code_object_bytes(constant)
    if isinstance(constant, tuple):
        return combine("tuple", [_constant_bytes(item) for item in constant])
    if isinstance(constant, frozenset):
        return combine("frozenset", sorted(_constant_bytes(item) for item in constant))
    return combine(type(constant).__name__, [repr(constant).encode("utf-8", "surrogatepass")])


def class_digest(cls: type, walker: Walker) -> bytes:
    """Digest a class as it is now: its bases, its metaclass and all that its dictionary holds.

    Parameters
    ----------
    cls : type
        One that is shipped by value.
    walker : Walker
        Digests values, and is told of the methods.

    Raises
    ------
    UnhashableInputError
        If an attribute cannot be hashed.
    """
    chunks = [cls.__qualname__.encode(), walker.code(type(cls))]
    chunks += [walker.code(base) for base in cls.__bases__]
    members = list(_members(cls))
    plain = [name for name, _ in members if not name.startswith("__")]
    chunks.append("\n".join(plain).encode())  # their order can be seen
    annotations = _observes_annotations(cls)
    for name, value in sorted(members, key=lambda member: member[0]):
        chunks += [name.encode(), _member_digest(cls, name, value, walker, annotations)]
    chunks.append(annotations_digest(cls, walker))
    chunks += _dataclass_fields(cls, walker)
    chunks += _registered(cls, walker)
    chunks.append(_class_text(cls))
    return combine("class", chunks)


def _members(cls: type) -> Iterator[tuple[str, object]]:
    is_enum = issubclass(cls, enum.Enum)
    for name, value in vars(cls).items():
        if name in _DERIVED or isinstance(value, (types.MemberDescriptorType, types.GetSetDescriptorType)):
            continue
        if is_enum and name in _ENUM_MACHINERY:
            continue
        if name.startswith("__pydantic_") and name not in _PYDANTIC_STATE:
            continue
        yield name, value


def _observes_annotations(cls: type) -> bool:
    """Whether something besides Python itself made the class, and may have read its methods' annotations."""
    return type(cls) is not type or any(is_importable(base) and base is not object for base in cls.__bases__)


def _member_digest(cls: type, name: str, value: Any, walker: Walker, annotations: bool) -> bytes:
    if isinstance(value, FunctionType):
        return _method_digest(cls, value, walker, annotations)
    if isinstance(value, (staticmethod, classmethod)):
        return combine(type(value).__name__, [_member_digest(cls, name, value.__func__, walker, annotations)])
    if isinstance(value, property):
        parts = (value.fget, value.fset, value.fdel)
        return combine("property", [_member_digest(cls, name, part, walker, annotations) for part in parts])
    if isinstance(value, functools.cached_property):
        return combine("cached_property", [_member_digest(cls, name, value.func, walker, annotations)])
    if isinstance(value, enum.Enum) and type(value) is cls:
        state = {key: part for key, part in vars(value).items() if key not in ("__objclass__", "_sort_order_")}
        return combine("member", [walker.value(state, f"{cls.__qualname__}.{name}")])
    return walker.value(value, f"{cls.__qualname__}.{name}")


def _method_digest(cls: type, function: FunctionType, walker: Walker, annotations: bool) -> bytes:
    return walker.code(function) if annotations else function_digest(function, walker, annotations=False)


def _dataclass_fields(cls: type, walker: Walker) -> Iterator[bytes]:
    """Its own and inherited fields, without the proxies that their records hold."""
    for field in vars(cls).get("__dataclass_fields__", {}).values():
        facts = [getattr(field, fact, None) for fact in _FIELD_FACTS]
        yield walker.value([*facts, dict(field.metadata)], f"field {field.name} of {cls.__qualname__}")


def _registered(cls: type, walker: Walker) -> Iterator[bytes]:
    """Virtual subclasses of an abstract class: they travel with it, and ``isinstance`` tells."""
    if isinstance(cls, abc.ABCMeta):
        registry = (reference() for reference in _get_dump(cls)[0])
        yield from sorted(walker.code(found) for found in registry if found is not None)


def dispatcher_digest(dispatcher: Any, walker: Walker) -> bytes:
    """Digest a single-dispatch function: its functions by class; what it has found so far is no part of it."""
    pairs = [combine("case", [walker.code(kind), walker.code(case)]) for kind, case in dispatcher.registry.items()]
    attributes = walker.value(attributes_of_dispatcher(dispatcher), f"attributes of {dispatcher.__qualname__}()")
    return combine("dispatcher", [dispatcher.__name__.encode(), attributes, *sorted(pairs)])


def _class_text(cls: type) -> bytes:
    """The text of the class, where one of its methods leads to it: it says what decorators were given."""
    for name, value in _members(cls):
        function = getattr(value, "__func__", value)
        if isinstance(function, FunctionType) and function.__qualname__ == f"{cls.__qualname__}.{name}":
            code = function.__code__
            text = _class_form(code, cell_text(code.co_filename), code.co_filename, cls.__qualname__)
            if text:
                return text
    return b""


@lru_cache(maxsize=1024)
def _class_form(method: CodeType, text: str, filename: str, qualname: str) -> bytes:
    found = find_definition(method)
    node = definition_of_class(found, qualname) if found is not None else None
    return combine("class text", [normal_form(node, annotations=False)]) if node is not None else b""
