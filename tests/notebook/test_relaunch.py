"""The offer to relaunch below a failed cell, and ``%nbflow relaunch``, over the wire of a real kernel."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import start_new_kernel

from nbflow.notebook.relaunch.offer import MIME, Offer, render_offer
from tests.integration.conftest import run_notebook, text_of, write_notebook
from tests.notebook.conftest import Kernel, Reply

FAIL = "%%process bad -> x\nx = 1 / zero"


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: Any) -> Iterator[Kernel]:
    directory = tmp_path_factory.mktemp("launch")
    write_notebook(directory / "a.ipynb", "zero = 1", FAIL)  # what a child runs: there it goes well
    environ = {**os.environ, "NBFLOW_NOTEBOOK": str(directory / "a.ipynb")}
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(directory), env=environ)
    one = Kernel(manager, client)
    assert one.run("%load_ext nbflow\nzero = 0").status == "ok"
    yield one
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def offers(reply: Reply) -> list[dict[str, Any]]:
    return [content["data"] for content in reply.of("display_data") if MIME in content["data"]]


def test_a_failed_task_is_followed_by_the_offer_after_its_error(kernel: Kernel) -> None:
    reply = kernel.run(FAIL)
    (offer,) = offers(reply)
    kinds = [output["msg_type"] for output in reply.outputs]
    assert kinds.index("error") < len(kinds) - 1 - kinds[::-1].index("display_data")
    assert "nbflow run --relaunch a.ipynb" in offer["text/plain"]
    assert "<code>nbflow run --relaunch a.ipynb</code>" in offer["text/html"]
    (name,) = kernel.run("%nbflow log -q").text("stdout").split()
    assert offer[MIME]["run"] == name
    assert offer[MIME]["kernel"]


def test_the_offer_follows_the_failure_of_a_channels_task_too(kernel: Kernel) -> None:
    assert kernel.run("%%process fit(k) -> y\ny = 1 / k").status == "ok"
    reply = kernel.run("fit(channel.of(1, 0))")
    assert reply.status == "error"
    assert len(offers(reply)) == 1


@pytest.mark.parametrize("cell", ["1 / 0", "%%process good -> x\nx = 1", "undefined", "%%process bad ->"])
def test_a_cell_whose_tasks_did_not_fail_offers_nothing(kernel: Kernel, cell: str) -> None:
    assert offers(kernel.run(cell)) == []


def test_a_cell_that_caught_the_failure_of_its_task_offers_nothing(kernel: Kernel) -> None:
    reply = kernel.run("try:\n    fit(0)\nexcept Exception as error:\n    print('caught')")
    assert reply.status == "ok"
    assert offers(reply) == []


def test_the_magic_asks_the_front_end_and_shows_a_widget_to_those_that_do_not_know_it(kernel: Kernel) -> None:
    kernel.run(FAIL)
    reply = kernel.run("%nbflow relaunch")
    (asked,) = [content for content in reply.of("comm_open") if content["target_name"] == "nbflow.relaunch"]
    (shown,) = offers(reply)
    assert asked["data"]["run"] == shown["text/plain"].split()[-1]
    assert "application/vnd.jupyter.widget-view+json" in shown


BY_WIDGET = """
from nbflow.notebook.relaunch.relaunch import relaunch_session
said = []
desk = get_ipython()._nbflow_first_use.desk()
print(relaunch_session(desk, desk.session.run.session, said.append))
"""


def asked(reply: Reply) -> str:
    (question,) = [content for content in reply.of("comm_open") if content["target_name"] == "nbflow.relaunch"]
    assert question["data"]["ask"] is True
    return str(question["comm_id"])


def test_a_front_end_that_answers_a_widgets_question_is_told_to_go_and_nothing_else_runs(kernel: Kernel) -> None:
    kernel.run(FAIL)
    comm = asked(kernel.run(BY_WIDGET))
    client = kernel.client
    client.shell_channel.send(client.session.msg("comm_msg", {"comm_id": comm, "data": {"here": True}}))
    answer: dict[str, Any] = {}
    while answer.get("comm_id") != comm:
        message = client.get_iopub_msg(timeout=60)
        answer = message["content"] if message["msg_type"] == "comm_msg" else {}
    assert answer["data"] == {"go": True}
    check = "import threading\nprint(said, desk.session.run is None, [type(t).__name__ for t in threading.enumerate()])"
    shown = kernel.run(check).text("stdout")
    assert shown.startswith("[] False") and "Timer" not in shown


def test_where_nobody_answers_a_widget_is_told_how_it_goes_beside_the_kernel(kernel: Kernel) -> None:
    kernel.run(FAIL)
    assert "relaunches run" in kernel.run(BY_WIDGET).text("stdout")
    shown = ""
    while "Run the cells" not in shown:
        shown = kernel.run("time = __import__('time')\ntime.sleep(0.2)\nprint(said[-1:])").text("stdout")
        assert "failed" not in shown, shown
    assert "completed: 1" in shown
    assert kernel.run("zero = 1").status == "ok"
    again = kernel.run(FAIL)
    assert again.status == "ok"
    assert any("reused from" in str(content) for content in again.of("display_data"))
    kernel.run("zero = 0")


def test_a_run_that_was_never_begun_here_is_said_to_be_none(kernel: Kernel) -> None:
    kernel.run("%resume new")
    reply = kernel.run("%nbflow relaunch happy_turing")
    assert "No run or session of nbflow is called 'happy_turing'" in reply.text("stderr")


def test_once_the_failed_cell_has_run_well_there_is_nothing_to_relaunch(kernel: Kernel) -> None:
    kernel.run(FAIL)
    kernel.run("zero = 1")
    assert kernel.run(FAIL).status == "ok"
    assert "there is nothing to relaunch" in kernel.run("%nbflow relaunch").text("stderr")


def test_without_a_notebook_the_offer_names_no_command() -> None:
    bundle = render_offer(Offer("", "s", "r", "k"))
    assert "nbflow run" not in bundle["text/plain"] and "nbflow run" not in bundle["text/html"]


def test_names_of_notebooks_are_escaped() -> None:
    assert "<script>" not in render_offer(Offer("<script>.ipynb", "s", "r", "k"))["text/html"]


def test_without_a_front_end_the_magic_says_what_to_type(tmp_path: Path) -> None:
    path = write_notebook(tmp_path / "a.ipynb", "%load_ext nbflow\nzero = 0", FAIL, "%nbflow relaunch")
    notebook = nbformat.read(path, 4)
    for cell in notebook.cells:
        cell.metadata["tags"] = ["raises-exception"]
    nbformat.write(notebook, path)
    done = run_notebook(path, environ={**os.environ, "NBFLOW_COMMAND": "nbflow run a.ipynb"})
    assert "in a terminal, type: nbflow run --relaunch a.ipynb" in text_of(done.cells[2])
    assert not any(MIME in output.get("data", {}) for output in done.cells[1].outputs)
