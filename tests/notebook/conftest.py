"""Real shells and real kernels for the notebook floor's tests."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel


@dataclass
class Reply:
    """What came over the wire for one execute request."""

    status: str
    content: dict[str, Any]
    outputs: list[dict[str, Any]] = field(default_factory=list)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [output["content"] for output in self.outputs if output["msg_type"] == kind]

    def text(self, stream: str) -> str:
        return "".join(content["text"] for content in self.of("stream") if content["name"] == stream)


class Kernel:
    """A kernel that a test talks to over the wire."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def send(self, code: str, **options: Any) -> str:
        return self.client.execute(code, **options)

    def wait_for_text(self, text: str) -> None:
        """Read output until a stream shows the text (its messages are gone for ``reply`` then)."""
        while True:
            message = self.client.get_iopub_msg(timeout=30)
            if message["msg_type"] == "stream" and text in message["content"]["text"]:
                return

    def wait_for_display(self, *texts: str) -> list[str]:
        """Read output until a display shows the texts; the lines of that display."""
        while True:
            message = self.client.get_iopub_msg(timeout=30)
            if message["msg_type"] in {"display_data", "update_display_data"}:
                shown = str(message["content"]["data"]["text/plain"])
                if all(text in shown for text in texts):
                    return shown.splitlines()

    def reply(self, request: str) -> Reply:
        outputs = self._outputs(request)
        while True:
            message = self.client.get_shell_msg(timeout=30)
            if message["parent_header"].get("msg_id") == request:
                return Reply(message["content"]["status"], message["content"], outputs)

    def run(self, code: str, **options: Any) -> Reply:
        return self.reply(self.send(code, **options))

    def interrupt(self) -> None:
        self.manager.interrupt_kernel()

    def _outputs(self, request: str) -> list[dict[str, Any]]:
        outputs: list[dict[str, Any]] = []
        while True:
            try:
                message = self.client.get_iopub_msg(timeout=30)
            except queue.Empty:
                raise AssertionError(f"no end of the cell within 30 s; so far: {outputs}") from None
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return outputs
            outputs.append(message)


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    manager, client = start_new_kernel(kernel_name="python3")
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[InteractiveShell]:
    """A plain IPython of its own."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    InteractiveShell.clear_instance()
    one = InteractiveShell.instance()
    one.history_manager.enabled = False
    yield one
    one.reset(new_session=False)
    InteractiveShell.clear_instance()
