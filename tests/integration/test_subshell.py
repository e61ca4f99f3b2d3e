"""A canary: a screen answers while a cell runs, where the kernel has subshells. No browser: messages as a front end sends them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.notebook.conftest import Kernel

PATIENCE = 60.0
PANEL = """
from nbflow.notebook.screens.panel import make_panel
from nbflow.notebook.subshells import works_beside_cells
panel = make_panel('browser', {'ask': lambda question: {'echo': question}}, options={}, acts=[], launch_dir='')
print(works_beside_cells(get_ipython().kernel), panel.comm.comm_id)
"""
WAITS = "import time\nfrom pathlib import Path\nwhile not Path('go').exists():\n    time.sleep(0.05)"


def answers(client: Any, comm: str) -> list[dict[str, Any]]:
    """The contents of what a widget sends, until it has answered."""
    found: list[dict[str, Any]] = []
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and not any("answer" in content for content in found):
        message = client.get_iopub_msg(timeout=PATIENCE)
        if message["msg_type"] == "comm_msg" and message["content"]["comm_id"] == comm:
            found.append(message["content"]["data"].get("content", {}))
    return found


def test_a_question_is_answered_while_a_cell_runs(start_kernel: Callable[..., Kernel], tmp_path: Path) -> None:
    kernel = start_kernel()
    beside, comm = kernel.run(PANEL).text("stdout").split()
    if beside != "True":
        pytest.skip("this ipykernel has no subshells: the widget says that buttons wait for the cell")
    client = kernel.client
    client.control_channel.send(client.session.msg("create_subshell_request", {}))
    subshell = client.get_control_msg(timeout=PATIENCE)["content"]["subshell_id"]
    client.execute(WAITS)
    try:
        for _ in range(2):  # sent again, it is not worked on again
            data = {"method": "custom", "content": {"id": "1", "ask": {"ask": "sessions"}}}
            message = client.session.msg("comm_msg", {"comm_id": comm, "data": data})
            message["header"]["subshell_id"] = subshell
            client.shell_channel.send(message)
        found = answers(client, comm)
    finally:
        (tmp_path / "go").touch()
    assert [content["answer"] for content in found if "answer" in content] == [{"echo": {"ask": "sessions"}}]
    assert {"id": "1", "received": True} in found
