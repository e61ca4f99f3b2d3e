"""A widget's messages while a cell runs: a canary for what nbflow has to do in ipykernel for them."""

from __future__ import annotations

import ipykernel
import pytest
from ipykernel.comm.comm import BaseComm
from packaging.version import Version

from .conftest import Kernel

#: Makes a button in a cell, as front ends see it, and keeps the thread busy till the button is pressed.
MAKE = """
import threading, ipywidgets
from nbflow.notebook.subshells import has_subshell, let_through, works_beside_cells
pressed = threading.Event()
button = ipywidgets.Button()
button.on_click(lambda button: pressed.set())
"""
ROUTES_BY_PUBLISHER = hasattr(BaseComm, "_reply_subshell_for")

pytestmark = pytest.mark.skipif(
    Version(ipykernel.__version__) < Version("7"), reason="this ipykernel has no subshells, so nothing to watch"
)


def value(kernel: Kernel, expression: str) -> str:
    return str(kernel.run(expression).of("execute_result")[0]["data"]["text/plain"])


def make_subshell(kernel: Kernel) -> str:
    client = kernel.client
    client.control_channel.send(client.session.msg("create_subshell_request", {}))
    return str(client.get_control_msg(timeout=30)["content"]["subshell_id"])


def press_while_busy(kernel: Kernel, subshell: str, seconds: int) -> str:
    model = value(kernel, "button.model_id").strip("'")
    busy = kernel.send(f"print('busy', flush=True)\npressed.wait({seconds})")
    kernel.wait_for_text("busy")
    message = kernel.client.session.msg(
        "comm_msg", {"comm_id": model, "data": {"method": "custom", "content": {"event": "click"}}}
    )
    message["header"]["subshell_id"] = subshell
    kernel.client.shell_channel.send(message)
    [result] = kernel.reply(busy).of("execute_result")
    return str(result["data"]["text/plain"])


def test_with_the_remedy_a_button_works_while_a_cell_runs(kernel: Kernel) -> None:
    assert kernel.run(MAKE + "let_through(button)").status == "ok"
    assert value(kernel, "works_beside_cells(get_ipython().kernel)") == "True"
    subshell = make_subshell(kernel)
    assert value(kernel, "has_subshell(get_ipython().kernel)") == "True"
    assert press_while_busy(kernel, subshell, 60) == "True"


def test_the_remedy_is_needed_where_ipykernel_routes_by_who_published_last(kernel: Kernel) -> None:
    """If this fails, ipykernel has changed: see whether `let_through` can go."""
    kernel.run(MAKE)
    assert press_while_busy(kernel, make_subshell(kernel), 3) == str(not ROUTES_BY_PUBLISHER)
