"""The visit of a value: how a whole, with all that it leads to, becomes bytes.

Alone decides the order of the visit, what is numbered when it is first met and named by its number afterwards, and which
of the neighbouring modules opens a class. Never writes, never prints, never imports a library.
"""

from __future__ import annotations

import enum
import functools
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, count
from typing import Any, NamedTuple

from nbflow.core.values import arrays, frames, labelled, objects, refusals, tensors, unsteady
from nbflow.core.values.plain import (
    CHUNK,
    DEEPEST,
    LEAVES,
    SCALARS,
    Node,
    counted,
    fingerprint,
    long_list,
    plain,
    plain_ids,
    scalar,
    tagged,
    text,
)
from nbflow.core.values.refusals import Refusal

Code = Callable[[object], bytes]
Leaves = Mapping[type, Callable[..., bytes]]

_SETS = frozenset({set, frozenset})
_PLAIN_ROOTS = frozenset({list, tuple, dict})
_FROZEN = frozenset({tuple, frozenset})
_SCAN_DEPTH = 4  # a plain subtree is looked for this far down only: the scans of a deep value would add up
_KEY_BUDGET = 200  # values looked at to order one element of a set
_CACHED = type(functools.lru_cache(lambda: None))
_CODE = (
    types.FunctionType,
    types.BuiltinFunctionType,
    types.MethodDescriptorType,
    types.WrapperDescriptorType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    _CACHED,
    types.ModuleType,
    type,
)


class _Handler(NamedTuple):
    encode: Callable[[Any], bytes | None] | None = None
    open: Callable[[Any], Node] | None = None
    by_value: bool = False


class Visit:
    """One visit of one value; its state is what was met so far.

    Parameters
    ----------
    code : callable or None
        Digests functions, classes, builtins and modules.
    leaves : mapping of type to callable
        Encoders of values that hold no others.
    outer : mapping of int to int or None
        With it, the visit only orders an element of a set: it knows the numbers given so far, stops after a while and
        does not look into further sets.
    """

    __slots__ = ("_classes", "_code", "_handlers", "_keep", "_leaves", "_numbers", "_out", "_outer", "_sealed")

    def __init__(self, code: Code | None, leaves: Leaves = LEAVES, outer: Mapping[int, int] | None = None) -> None:
        self._code = code
        self._leaves = leaves
        self._outer = outer
        self._out: list[bytes] = []
        self._numbers: dict[int, int] = {}
        self._keep: list[object] = []  # ids mean something only while the objects live
        self._sealed: dict[int, bytes | None] = {}
        self._classes: dict[type | types.ModuleType, bytes] = {}
        self._handlers: dict[type, _Handler] = {}

    def bytes_of(self, root: object) -> bytes:
        """Write a value as bytes; raise `Refusal` where something inside has no content that could be hashed."""
        stack: list[Iterator[object]] = [iter((root,))]
        while stack:
            for value in stack[-1]:
                if type(value) in SCALARS:
                    self._out.append(scalar(value))
                elif children := self._visit(value, len(stack)):
                    stack.append(iter(children))
                    break
            else:
                stack.pop()
            if self._outer is not None and len(self._out) > _KEY_BUDGET:
                break
        return b"".join(self._out)

    def _visit(self, value: object, depth: int) -> Iterable[object]:
        kind = type(value)
        if (encode := self._leaves.get(kind)) is not None:
            self._out.append(encode(value))
            return ()
        known = self._numbers.get(id(value))
        if known is not None:
            self._out.append(counted("again", known))
            return ()
        if self._outer and (met := self._outer.get(id(value))) is not None:
            self._out.append(counted("met", met))
            return ()
        if kind in _PLAIN_ROOTS:
            return self._visit_builtin(value, depth)
        return self._visit_other(value)

    def _visit_builtin(self, value: Any, depth: int) -> Iterable[object]:
        if type(value) is tuple and depth > 1 and (sealed := self._seal(value)) is not None:
            self._out.append(sealed)
            return ()
        if type(value) is list and len(value) > CHUNK and (written := long_list(value)) is not None:
            self._number(value)
            self._out.append(written)
            return ()
        levels = DEEPEST if depth <= _SCAN_DEPTH else 1
        ids = plain_ids(value, self._numbers.keys(), levels)
        if ids is not None and not (self._outer and any(map(self._outer.__contains__, ids))):
            self._numbers.update(zip(ids, count(len(self._numbers))))
            self._out.append(plain(value))
            return ()
        self._number(value)
        self._out.append(counted(type(value).__name__, len(value)))
        return list(chain.from_iterable(value.items())) if type(value) is dict else value

    def _visit_other(self, value: object) -> Iterable[object]:
        handler = self._handler(type(value))
        if handler.encode is not None and (encoded := handler.encode(value)) is not None:
            self._out.append(encoded)
            return ()
        if not handler.by_value:
            self._number(value)
        node = self._opened(value, handler.open or objects.open_object)
        self._out.append(node.head)
        if node.owner is not None:
            self._out.append(self._class(node.owner))
        if self._code is not None and node.home in sys.modules and node.home != "__main__":
            self._out.append(self._class(sys.modules[node.home]))
        if node.children:
            self._keep.append(node.children)
        return node.children

    def _opened(self, value: object, opener: Callable[[Any], Node]) -> Node:
        try:
            return opener(value)
        except (Refusal, MemoryError):
            raise
        # Looking into a value runs code of its class, which may raise anything.
        except Exception as error:
            raise refusals.unpicklable(value, error) from error

    def _number(self, value: object) -> None:
        self._numbers[id(value)] = len(self._numbers)
        self._keep.append(value)

    def _class(self, owner: type | types.ModuleType) -> bytes:
        found = self._classes.get(owner)
        if found is None:
            found = self._classes[owner] = self._encode_code(owner) or objects.named(owner)
        return found

    def _handler(self, cls: type) -> _Handler:
        found = self._handlers.get(cls)
        if found is None:
            found = self._handlers[cls] = self._resolve(cls)
        return found

    def _resolve(self, cls: type) -> _Handler:
        if _defines(cls, "__nbflow_digest__"):
            return _Handler(open=objects.open_own)
        if _defines(cls, "__nbflow_function__"):
            return _Handler(encode=lambda value: self._encode_code(value.__nbflow_function__))
        if issubclass(cls, _CODE):
            return _Handler(encode=self._encode_code, open=objects.open_code)
        if issubclass(cls, enum.Enum):
            return _Handler(encode=self._encode_member, open=objects.open_object, by_value=True)
        if (known := objects.OPENERS.get(cls)) is not None:
            return _Handler(open=known, by_value=_dotted(cls) in objects.BY_VALUE)
        if cls in _SETS:
            return _Handler(encode=self._seal if cls is frozenset else None, open=self._open_set)
        if (library := _library(cls)) is not None:  # type: ignore[arg-type]
            return _Handler(*library)
        if (reason := refusals.refusal(cls)) is not None:
            return _Handler(open=functools.partial(_refuse, reason))
        return _Handler(open=objects.open_object, by_value=_dotted(cls) in objects.BY_VALUE)

    def _leaf(self, value: object) -> bytes | None:
        kind = type(value)
        if kind in SCALARS:
            return scalar(value)
        if (encode := self._leaves.get(kind)) is not None:
            return encode(value)
        if kind in _FROZEN:
            return self._seal(value)  # type: ignore[arg-type]
        if kind in _PLAIN_ROOTS:
            return None
        handler = self._handler(kind)
        return handler.encode(value) if handler.encode is not None else None

    def _seal(self, root: tuple[object, ...] | frozenset[object]) -> bytes | None:
        """Encode a tuple or frozenset of immutable values by value; None if something inside is mutable."""
        stack = [] if id(root) in self._sealed else [root]
        while stack:
            inner: Any = [item for item in stack[-1] if type(item) in _FROZEN and id(item) not in self._sealed]
            if inner:
                stack.extend(inner)
            else:
                item = stack.pop()
                self._sealed[id(item)] = self._seal_one(item)
        return self._sealed[id(root)]

    def _seal_one(self, value: tuple[object, ...] | frozenset[object]) -> bytes | None:
        self._keep.append(value)
        encoded = []
        for item in value:
            if (leaf := self._leaf(item)) is None:
                return None
            encoded.append(leaf)
        if type(value) is frozenset:
            encoded.sort()
        return counted("sealed " + type(value).__name__, len(encoded)) + fingerprint(b"".join(encoded))

    def _open_set(self, value: set[object] | frozenset[object]) -> Node:
        one = scalar if SCALARS.issuperset(map(type, value)) else self._leaf
        leaves: list[bytes | None] = list(map(one, value))
        head = counted(type(value).__name__, len(leaves))
        if all(leaf is not None for leaf in leaves):
            return Node(head + b"=" + fingerprint(b"".join(sorted(leaf for leaf in leaves if leaf is not None))))
        if self._outer is not None:
            return Node(head + b"?")
        return Node(head + b"#", sorted(value, key=self._key))

    def _key(self, value: object) -> bytes:
        """Order an element of a set by what it holds and what it shares with values met before, never by its hash.

        Elements that differ only far down, or only in what they share with values met later, keep the set's own order:
        another process may then give another digest, which is a miss too many and never a stale hit.
        """
        return self._leaf(value) or Visit(self._code, self._leaves, self._numbers).bytes_of(value)

    def _encode_member(self, value: enum.Enum) -> bytes | None:
        inner = self._leaf(value._value_)
        if inner is None:
            return None
        return tagged("enum", self._class(type(value)), text(str(value._name_)), inner)

    def _encode_code(self, value: object) -> bytes | None:
        """Encode a function, class or module: by the caller's `code`, else by name where that is enough."""
        bound = getattr(value, "__self__", None)
        if isinstance(value, types.BuiltinFunctionType) and not isinstance(bound, types.ModuleType | None):
            return None
        if self._code is not None:
            return tagged("code", self._code(value))
        if isinstance(value, types.ModuleType):
            raise Refusal(value, "a module cannot be hashed without its code; pass the values that the body needs")
        if isinstance(value, types.FunctionType | _CACHED) and not objects.is_by_name(value):
            return None
        return objects.named(value)


_LIBRARIES = (arrays.handler, frames.handler, tensors.handler, labelled.handler, unsteady.handler)


@functools.lru_cache(maxsize=256)
def _library(cls: type) -> tuple[Any, Any, bool] | None:
    # What a class's library is does not change while the class lives; finding it costs more than a small array.
    return next((found for handler in _LIBRARIES if (found := handler(cls)) is not None), None)


def _defines(cls: type, name: str) -> bool:
    # A metaclass may answer to any name, and stands for nothing by it.
    return any(name in vars(base) for base in cls.__mro__)


def _dotted(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _refuse(reason: str, value: object) -> Node:
    raise Refusal(value, reason)
