"""Flows for tests: an engine of one's own, items that end when the test says so, and readers in threads."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

from nbflow.execution.channels.channel import Channel
from nbflow.execution.channels.engine import Engine
from nbflow.execution.channels.flow import Node, Source
from nbflow.execution.channels.reading import read

PATIENCE = 20


class Later(Node):
    """Resolves its items in an order that the test decides, as tasks do."""

    def __init__(self, engine: Engine, upstream: Node, function: Callable[[Any], Any] = lambda item: item) -> None:
        super().__init__(engine, upstream)
        self.function = function
        self.taken: list[tuple[int, Any]] = []
        self.held = self.kept()

    def takes(self, side: int) -> bool:
        return self.engine.has_room

    def accept(self, position: int, item: Any) -> None:
        self.engine.in_flight += 1
        self.taken.append((position, item))

    def finish(self, number: int = 0) -> None:
        position, item = self.taken.pop(number)
        self.engine.in_flight -= 1
        self.resolve(position, self.function(item))


class Flow:
    """Channels of one engine, some of whose items come when the test lets them."""

    def __init__(self, window: int = 256) -> None:
        self.engine = Engine(window)
        self.laters: list[Later] = []

    def of(self, *items: Any) -> Channel:
        return self.source(items)

    def source(self, items: Any) -> Channel:
        return Channel(Source(self.engine, items))

    def later(self, items: Channel, function: Callable[[Any], Any] = lambda item: item) -> Channel:
        """The same items, each once `Later.finish` was called for it: it runs by itself, as a process does."""
        self.laters.append(Later(self.engine, items.node, function))
        self.engine.connect(self.laters[-1])
        return Channel(self.laters[-1])

    def tasks(self, *items: Any) -> Channel:
        return self.later(self.of(*items))

    def finish(self, number: int = 0, later: int = -1) -> None:
        self.engine.run_and_wait(lambda: self.laters[later].finish(number))
        self.idle()

    def idle(self) -> None:
        """Wait until the engine has moved all that it can move: it looks at what was posted between any two items."""
        moved = True
        while moved:
            before = self._state()
            for _ in range(3):
                ended = threading.Event()
                self.engine.post(ended.set)
                assert ended.wait(PATIENCE)
            moved = self._state() != before or any(ref() and ref().wants() for ref in self.engine._pulling)

    def _state(self) -> list[int]:
        return [len(later.taken) for later in self.laters]

    def run_all(self, rng: random.Random) -> None:
        """Let tasks end, one at a time, in a random order, until none is left."""
        while True:
            self.idle()
            waiting = [later for later in self.laters if later.taken]
            if not waiting:
                return
            later = rng.choice(waiting)
            number = rng.randrange(len(later.taken))
            self.engine.run_and_wait(lambda later=later, number=number: later.finish(number))

    def close(self) -> None:
        self.engine.close()


class Reader(threading.Thread):
    """Reads a channel in a thread of its own."""

    def __init__(self, channel: Channel) -> None:
        super().__init__(daemon=True)
        self.channel, self.items, self.error = channel, [], None
        self.start()

    def run(self) -> None:
        try:
            for item in read(self.channel.node):
                self.items.append(item)
        except BaseException as error:  # noqa: BLE001  # handed to the thread that asks
            self.error = error

    def result(self) -> list[Any]:
        self.join(PATIENCE)
        assert not self.is_alive(), f"still waits after {self.items}"
        if self.error is not None:
            raise self.error
        return self.items
