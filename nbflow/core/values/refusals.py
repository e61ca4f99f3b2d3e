"""Which values have no content that could be hashed, what to call them, and where inside a value they were found.

Alone decides the words of a refusal. Looks at types and walks containers; never calls what it looks at, so that no
iterator is consumed and no file read.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator

from nbflow.core.parts import shorten
from nbflow.errors import UnhashableInputError

_MAKE_INSIDE = "create it inside the body"

_REFUSED = {
    "builtins.generator": ("a generator", "pass a list of what it yields"),
    "builtins.async_generator": ("an asynchronous generator", "pass a list of what it yields"),
    "builtins.coroutine": ("a coroutine", "await it and pass the result"),
    "builtins.frame": ("a frame", "pass the values that the body needs"),
    "builtins.traceback": ("a traceback", "pass its text, from `traceback.format_exception`"),
    "_io._IOBase": ("an open file", "pass its path, and open it inside the body"),
    "_socket.socket": ("a socket", f"pass the address, and {_MAKE_INSIDE}"),
    "_thread.lock": ("a lock", f"pass the data that it guards, or {_MAKE_INSIDE}"),
    "_thread.RLock": ("a lock", f"pass the data that it guards, or {_MAKE_INSIDE}"),
    "_thread._local": ("thread-local data", "pass the values that the body needs"),
    "threading.Condition": ("a lock", f"pass the data that it guards, or {_MAKE_INSIDE}"),
    "threading.Event": ("a thread's event", f"pass whether it is set, or {_MAKE_INSIDE}"),
    "threading.Semaphore": ("a lock", f"pass the data that it guards, or {_MAKE_INSIDE}"),
    "threading.Barrier": ("a lock", f"pass the data that it guards, or {_MAKE_INSIDE}"),
    "threading.Thread": ("a thread", "wait for it and pass its result"),
    "multiprocessing.synchronize.SemLock": ("a lock", f"pass the data that it guards, or {_MAKE_INSIDE}"),
    "multiprocessing.process.BaseProcess": ("a running program", "wait for it and pass its result"),
    "subprocess.Popen": ("a running program", "wait for it and pass its output"),
    "concurrent.futures._base.Future": ("a future", "pass its `result()`"),
    "concurrent.futures._base.Executor": ("a pool of workers", _MAKE_INSIDE),
    "_asyncio.Future": ("a future", "await it and pass the result"),
    "asyncio.futures.Future": ("a future", "await it and pass the result"),
    "sqlite3.Connection": ("a database connection", f"pass the database's path, and {_MAKE_INSIDE}"),
    "sqlite3.Cursor": ("a database cursor", "pass the rows, from `fetchall()`"),
    "sqlalchemy.engine.base.Engine": ("a database connection", f"pass the database's address, and {_MAKE_INSIDE}"),
    "sqlalchemy.engine.base.Connection": ("a database connection", f"pass the address, and {_MAKE_INSIDE}"),
    "h5py._hl.base.HLObject": ("an open HDF5 file", "pass its path, and open it inside the body"),
    "weakref.ReferenceType": ("a weak reference", "pass the object that it refers to"),
    "weakref.ProxyType": ("a weak reference", "pass the object that it refers to"),
    "weakref.CallableProxyType": ("a weak reference", "pass the object that it refers to"),
    "weakref.WeakValueDictionary": ("a dict of weak references", "pass `dict(...)` of it"),
    "weakref.WeakKeyDictionary": ("a dict of weak references", "pass `dict(...)` of it"),
    "_weakrefset.WeakSet": ("a set of weak references", "pass `set(...)` of it"),
    "_contextvars.ContextVar": ("a context variable", "pass its value, from `get()`"),
    "_ctypes._Pointer": ("a pointer", "pass the data that it points to"),
    "ipywidgets.widgets.widget.Widget": ("a widget", "pass its value, as in `slider.value`"),
    "IPython.core.interactiveshell.InteractiveShell": ("the notebook's kernel", "pass the values that the body needs"),
    "polars.lazyframe.frame.LazyFrame": ("a plan that has not run", "pass `collect()` of it"),
    "dask.base.DaskMethodsMixin": ("a plan that has not run", "pass `compute()` of it"),
    "pyarrow._dataset.Dataset": ("a data set that lies in files", "pass its path, or `to_table()` of it"),
    "pyarrow._dataset.Fragment": ("a data set that lies in files", "pass its path, or `to_table()` of it"),
    "zarr.core.array.Array": ("an array that lies in files", "pass its path, or `array[:]`"),
    "zarr.core.group.Group": ("arrays that lie in files", "pass their path, and open them inside the body"),
    "netCDF4._netCDF4.Dataset": ("an open file", "pass its path, and open it inside the body"),
}
_LONGEST_KEY = 128  # bits
_READABLE_BUFFERS = frozenset({"_io.BytesIO", "_io.StringIO"})
_ITERATOR_HOMES = frozenset({"builtins", "itertools", "array", "_csv", "_collections", "_functools"})


class Refusal(Exception):
    """A value that cannot be hashed was met; becomes an UnhashableInputError once its place is known.

    Parameters
    ----------
    value : object
        The value itself.
    reason : str
        What it is, and the way out.
    """

    def __init__(self, value: object, reason: str) -> None:
        super().__init__(reason)
        self.value = value
        self.reason = reason


def _dotted(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def refusal(cls: type) -> str | None:
    """Say why a value of this class cannot be hashed, and the way out; None if it may be."""
    if _dotted(cls) in _READABLE_BUFFERS:
        return None
    for base in cls.__mro__:
        if found := _REFUSED.get(_dotted(base)):
            return f"{found[0]} cannot be hashed; {found[1]}"
    if cls.__module__ in _ITERATOR_HOMES and hasattr(cls, "__next__"):
        return f"an iterator ({cls.__name__}) cannot be hashed without using it up; pass `list(...)` of it"
    return None


def unpicklable(value: object, error: BaseException) -> Refusal:
    """Refuse an object that cannot say what it is made of."""
    cls = type(value)
    return Refusal(
        value,
        f"a {_dotted(cls).removeprefix('builtins.')} cannot be hashed ({type(error).__name__}: {error}); pass the data that it holds, "
        f"{_MAKE_INSIDE}, or give its class a method `__nbflow_digest__` that returns what identifies it",
    )


def _label(key: object) -> str:
    if isinstance(key, str):
        return json.dumps(shorten(key, 40), ensure_ascii=False)
    # Python refuses to write out very large integers.
    writable = isinstance(key, float | None) or (isinstance(key, int) and key.bit_length() < _LONGEST_KEY)
    return repr(key) if writable else type(key).__name__


def _attributes(value: object) -> Iterator[tuple[str, object]]:
    own = getattr(value, "__dict__", None)
    if isinstance(own, dict):
        yield from ((f".{name}", item) for name, item in own.items())
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else tuple(slots):
            if name not in ("__dict__", "__weakref__") and hasattr(value, name):
                yield f".{name}", getattr(value, name)


def _inside(value: object) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield f"[{_label(key)}]", item
            yield f".key({_label(key)})", key
    elif isinstance(value, list | tuple | deque):
        yield from ((f"[{i}]", item) for i, item in enumerate(value))
    elif isinstance(value, set | frozenset):
        yield from (("{...}", item) for item in value)
    if not isinstance(value, type):
        yield from _attributes(value)


def _path(root: object, wanted: object) -> str:
    waiting: deque[tuple[str, object]] = deque([("", root)])
    met: dict[int, object] = {}
    while waiting:
        path, value = waiting.popleft()
        if value is wanted:
            return path
        if id(value) not in met:
            met[id(value)] = value
            waiting.extend((path + step, item) for step, item in _inside(value))
    return ""


def error(root: object, refused: Refusal, name: str) -> UnhashableInputError:
    """Name the place of a refused value inside the value that was asked for."""
    place = name + _path(root, refused.value)
    return UnhashableInputError(f"{place}: {refused.reason}", name=place)
