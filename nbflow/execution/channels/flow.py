"""How items move: nodes that hold a channel's items by position, and the one thread that moves them.

Alone decides in which order items are pulled, pushed on and kept. A node's positions are resolved in any order but always
read in the order of the input, so that what a channel holds never depends on timing. Knows no process, no cache and no
executor: a node that runs tasks is a subclass elsewhere.

Notes
-----
Nodes change only in the engine's thread. Other threads hand work over by `Engine.post` and wait by `Node.wait`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from queue import SimpleQueue
from typing import Any, Final

from nbflow.execution.inline.foreground import Foreground

WINDOW: Final = 256
"""Tasks that may wait or run at once; what bounds memory however long a channel is."""


_PULLED_AT_ONCE: Final = 32
"""Items that the engine moves before it looks at what else there is to do."""


class _Mark:
    """A named constant that stands where no item is."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


PENDING: Final = _Mark("PENDING")
HOLE: Final = _Mark("HOLE")


class Lazy:
    """An item that is read when it is needed; no ABC, for each item of a channel is asked whether it is one."""

    __slots__ = ()

    def load(self) -> Any:
        """The item itself."""
        raise NotImplementedError


def loaded(item: Any) -> Any:
    """The item itself, read if it was not yet."""
    return item.load() if isinstance(item, Lazy) else item


class Node:
    """The items of a channel, by position.

    Parameters
    ----------
    engine : Engine
        The thread that moves its items.
    upstream : Node or None
        Where its items come from; its positions are the same.
    """

    def __init__(self, engine: Engine, upstream: Node | None = None) -> None:
        self.engine = engine
        self.upstream = upstream
        self.length: int | None = None
        self.failure: BaseException | None = None
        self._first_open = 0
        self._resolved_beyond: set[int] = set()
        self._items: list[Any] = []
        self._subscribers: list[_Subscriber] = []
        self._connected = False

    # Reading: from any thread ---------------------------------------------------------------------------------------

    def get(self, position: int) -> Any:
        """The item at a position, `HOLE` where it was dropped, `PENDING` where it is not there yet."""
        return self._items[position] if position < len(self._items) else PENDING

    @property
    def done(self) -> bool:
        """Whether every position is resolved."""
        return self.length is not None and self._first_open >= self.length

    @property
    def over(self) -> bool:
        """Whether nothing more will come: every position is resolved, or the channel failed."""
        return self.failure is not None or self.done

    def wait(self, position: int) -> Any:
        """Block until a position is resolved.

        Returns
        -------
        object
            Its item, `HOLE`, or `PENDING` where the channel ended before it.

        Raises
        ------
        BaseException
            What ended the channel, where it failed.
        """
        if not self._is_resolved(position):
            self.engine.connect(self)
            self.engine.wait_until(lambda: self._is_resolved(position) or self._ends_before(position))
        if self._is_resolved(position):
            return self.get(position)
        if self.failure is not None:
            raise self.failure
        return PENDING

    def _ends_before(self, position: int) -> bool:
        return self.failure is not None or (self.length is not None and position >= self.length)

    def __iter__(self) -> Iterator[Any]:
        position = 0
        while (item := self.wait(position)) is not PENDING:
            if item is not HOLE:
                yield loaded(item)
            position += 1

    # Moving: in the engine's thread only ----------------------------------------------------------------------------

    def _is_resolved(self, position: int) -> bool:
        return position < self._first_open or position in self._resolved_beyond

    def resolved(self) -> Iterator[int]:
        """The positions resolved at this moment."""
        return chain(range(self._first_open), sorted(self._resolved_beyond))

    def keep(self, position: int, item: Any) -> None:
        """Store an item; a subclass may store less than the item."""
        while len(self._items) <= position:
            self._items.append(PENDING)
        self._items[position] = item

    def resolve(self, position: int, item: Any) -> None:
        """Store an item and push it on."""
        self.keep(position, item)
        self._mark(position)
        self.engine.notify(ended=self.done)
        for subscriber in self._subscribers:
            subscriber.push(position, item)

    def _mark(self, position: int) -> None:
        if position == self._first_open and not self._resolved_beyond:
            self._first_open += 1
            return
        self._resolved_beyond.add(position)
        while self._first_open in self._resolved_beyond:
            self._resolved_beyond.remove(self._first_open)
            self._first_open += 1

    def end(self, length: int) -> None:
        """Say how many positions there are."""
        self.length = length
        self.engine.notify(ended=True)
        for subscriber in self._subscribers:
            subscriber.end(length)

    def fail(self, error: BaseException) -> None:
        """End the channel with an error, and all that depends on it."""
        if self.failure is None and not self.done:
            self.failure = error
            self.engine.notify(ended=True)
            for subscriber in self._subscribers:
                subscriber.node.fail(error)

    def accept(self, position: int, item: Any) -> None:
        """Take an item from upstream; what a kind of node is, is what it does here."""
        raise NotImplementedError

    def connect(self) -> None:
        """Begin to take items from upstream (once)."""
        if not self._connected:
            self._connected = True
            if self.upstream is not None:
                self.engine.subscribe(self.upstream, self)


class _Subscriber:
    """A node that takes another's items: first those that were already there, as the engine pulls them."""

    def __init__(self, upstream: Node, node: Node) -> None:
        self.node = node
        self._upstream = upstream
        self._backlog = upstream.resolved()

    def pull(self) -> bool:
        """Move one item of the backlog; False when there is none left to move."""
        position = next(self._backlog, None)
        if position is None or self.node.failure is not None:
            return False
        self.push(position, self._upstream.get(position))
        return True

    def push(self, position: int, item: Any) -> None:
        if item is HOLE:
            self.node.resolve(position, HOLE)
        else:
            _guarded(self.node, self.node.accept, position, item)

    def end(self, length: int) -> None:
        _guarded(self.node, self.node.end, length)


def _guarded(node: Node, step: Callable[..., None], *args: Any) -> None:
    """Whatever a step raises ends its channel: nothing is lost, nothing else stops."""
    try:
        step(*args)
    except BaseException as error:  # noqa: BLE001  # the channel's reader gets it, SystemExit of user code included
        node.fail(error)


class Source(Node):
    """Items that are there: a sequence, which is read and not copied."""

    def __init__(self, engine: Engine, items: Sequence[Any]) -> None:
        super().__init__(engine)
        self._sequence = items
        self._first_open = self.length = len(items)

    def get(self, position: int) -> Any:
        return self._sequence[position] if position < len(self._sequence) else PENDING


class Engine:
    """The one thread that moves items; it starts with the first channel that is used."""

    def __init__(self, window: int = WINDOW) -> None:
        self.in_flight = 0
        self._changed = threading.Condition()
        self._awaited = 0
        self._window = window
        self._posted: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._pulling: list[_Subscriber] = []
        self._waiting: list[tuple[Node, Callable[[], None]]] = []
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self.foreground = Foreground(lambda: self.notify(ended=True))

    def post(self, step: Callable[[], None]) -> None:
        """Run a step in the engine's thread, soon."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="nbflow-engine", daemon=True)
                self._thread.start()
        self._posted.put(step)

    def run_or_post(self, step: Callable[[], None]) -> None:
        """Run a step at once if this is the engine's thread, else soon."""
        if self._thread is not None and threading.get_ident() == self._thread.ident:
            step()
        else:
            self.post(step)

    def run_and_wait(self, step: Callable[[], None]) -> None:
        """Run a step in the engine's thread, and wait until it has run."""
        ended = threading.Event()

        def run() -> None:
            step()
            ended.set()

        self.run_or_post(run)
        ended.wait()

    def connect(self, node: Node) -> None:
        """Let a node, and all that it needs, take items."""
        if not node._connected:
            self.post(node.connect)

    def subscribe(self, upstream: Node, node: Node) -> None:
        """Give a node all items of another: those there now and those to come."""
        subscriber = _Subscriber(upstream, node)
        self._pulling.append(subscriber)
        upstream._subscribers.append(subscriber)
        upstream.connect()
        if upstream.failure is not None:
            node.fail(upstream.failure)
        elif upstream.length is not None:
            subscriber.end(upstream.length)

    def when_over(self, node: Node, step: Callable[[], None]) -> None:
        """Run a step when nothing more will come from a node."""
        self._waiting.append((node, step))

    def wait_until(self, holds: Callable[[], bool], *, items: bool = True) -> None:
        """Block until something holds that depends on nodes; only another thread than the engine's may wait.

        Parameters
        ----------
        holds : callable
            What is waited for.
        items : bool
            Whether it may come to hold with an item; False where it does only with the end of a channel.
        """
        while not self._await_either(holds, items):
            self.foreground.run()

    def _await_either(self, holds: Callable[[], bool], items: bool) -> bool:
        """Block until something holds, or the thread that waits is called to work; whether it holds."""
        with self._changed:
            self._awaited += items
            try:
                self._changed.wait_for(lambda: holds() or self.foreground.calls)
            finally:
                self._awaited -= items
            return holds()

    def notify(self, *, ended: bool = False) -> None:
        """Wake those who wait for items, or, if a channel has ended, all.

        Who waits for the end of a channel is not woken for each of its items: that would cost more than a hit.
        """
        if self._awaited or ended:
            with self._changed:
                self._changed.notify_all()

    def close(self) -> None:
        """End the thread."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None and thread is not threading.current_thread():
            self._posted.put(None)
            thread.join()

    def _run(self) -> None:
        while True:
            step = self._posted.get() if self._idle() else self._next_step()
            if step is _STOP:
                return
            step()
            self._settle()

    def _idle(self) -> bool:
        return not self._pulling or self.in_flight >= self._window

    def _next_step(self) -> Callable[[], None] | None:
        return self._posted.get() if not self._posted.empty() else self._pull

    def _pull(self) -> None:
        # The last comes first: what lies downstream drains before more is drawn from the source.
        subscriber = self._pulling[-1]
        for _ in range(_PULLED_AT_ONCE):
            if not subscriber.pull():
                self._pulling.remove(subscriber)
                return
            if self._pulling[-1] is not subscriber or self.in_flight >= self._window or not self._posted.empty():
                return

    def _settle(self) -> None:
        # A step may end the node that another one waits for.
        while ready := [pair for pair in self._waiting if pair[0].over]:
            for pair in ready:
                self._waiting.remove(pair)
                pair[1]()


_STOP: Final = None
