"""How tensors open: torch's storages by their bytes, wherever a tensor or a module leads to one.

Alone knows torch's layout; finds the library in `sys.modules` only. Tensors themselves open by the reduce protocol, which
names their type, strides and whole storage, as a task receives them. Pickled one by one, tensors never share a storage
afterwards: so storages count by content, and tensors by which of them are one object.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from typing import Any

from nbflow.core.values.plain import Node, fingerprint, tagged, text

Opened = tuple[Callable[[Any], bytes | None] | None, Callable[[Any], Node] | None, bool]


def _content(storage: Any) -> bytes:
    here = storage if storage.device.type == "cpu" else storage.cpu()
    size = here.nbytes()
    if not size:
        return fingerprint(b"")
    return fingerprint(memoryview((ctypes.c_char * size).from_address(here.data_ptr())).cast("B"))


def _encode_storage(storage: Any) -> bytes:
    untyped = getattr(storage, "_untyped_storage", storage)
    kind = text(str(getattr(storage, "dtype", "bytes")))
    return tagged("storage", kind, text(str(untyped.device)), _content(untyped))


def handler(cls: type) -> Opened | None:
    """Find how values of a class open: (encode, open, by value) of a hashing handler, None if not a tensor's class."""
    torch = sys.modules.get("torch")
    if torch is not None and issubclass(cls, torch.storage.TypedStorage | torch.storage.UntypedStorage):
        return _encode_storage, None, True
    return None
