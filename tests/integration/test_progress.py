"""What is seen of a cell while it runs, how it is cancelled, and what is left of it, in JupyterLab and Notebook 7."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbconvert import HTMLExporter

from nbflow.notebook.progress.cancel import MIME
from tests.execution.live_processes import alive, wait_until
from tests.notebook.conftest import Kernel
from tests.notebook.test_subshells import make_subshell, pytestmark  # noqa: F401  # where there are none, nothing can be pressed

from .conftest import StartKernel, statuses, write_notebook
from .front_end import CHROMIUM_ARGUMENTS, PATIENCE, FrontEnd, front_end

LOAD = "%load_ext nbflow"
NAP = "%%process nap(x) -> y = stdout()\n#!/usr/bin/env bash\n{sleeper}"
CALL = "napped = nap(channel.of(1, 2))"
LOG = "%nbflow log last -f name,status"
VIEW = "application/vnd.jupyter.widget-view+json"


# Over the wire


def send_as_front_end(kernel: Kernel, code: str) -> str:
    """Send a cell as JupyterLab does, with the cell's id."""
    message = kernel.client.session.msg("execute_request", {"code": code, "silent": False, "store_history": True})
    message["metadata"]["cellId"] = "a-cell"
    kernel.client.shell_channel.send(message)
    return str(message["header"]["msg_id"])


def wait_for(kernel: Kernel, what: str) -> dict[str, Any]:
    """The content of the next output that holds this."""
    while True:
        message = kernel.client.get_iopub_msg(timeout=PATIENCE)
        if what in json.dumps(message["content"], default=str):
            return dict(message["content"])


def press(kernel: Kernel, subshell: str, model: str) -> None:
    data = {"method": "custom", "content": {"event": "click"}}
    message = kernel.client.session.msg("comm_msg", {"comm_id": model, "data": data})
    message["header"]["subshell_id"] = subshell
    kernel.client.shell_channel.send(message)


@pytest.mark.parametrize(
    "call",
    ["nap(1)", CALL, "try:\n    nap(1)\nfinally:\n    import time\n    time.sleep(0.1)"],
    ids=["value", "channel", "code"],
)
def test_the_button_ends_the_cell_and_its_tasks_as_an_interrupt_does(
    start_kernel: StartKernel, sleeper: str, call: str
) -> None:
    kernel = start_kernel()
    kernel.run(NAP.format(sleeper=sleeper))
    subshell = make_subshell(kernel)
    running, queued = send_as_front_end(kernel, call), kernel.send("reached = True")
    shown = wait_for(kernel, VIEW)
    assert len(alive(sleeper)) >= 1
    press(kernel, subshell, shown["data"][VIEW]["model_id"])
    reply = kernel.reply(running)
    assert (reply.status, reply.content["ename"]) == ("error", "KeyboardInterrupt")
    assert "what this cell ran was ended" in "\n".join(reply.content["traceback"])
    updates = {each["transient"]["display_id"]: each["data"] for each in reply.of("update_display_data")}
    assert updates[shown["transient"]["display_id"]] == {"text/plain": "", "text/html": ""}, (
        "no widget stays to be saved"
    )
    assert wait_until(lambda: not alive(sleeper))
    assert kernel.reply(queued).status in {"aborted", "error"}
    assert set(statuses(kernel.run(LOG).text("stdout")).values()) == {"ABORTED"}


def test_nbflow_run_and_what_has_no_front_end_get_no_button(start_kernel: StartKernel, tmp_path: Path) -> None:
    write_notebook(tmp_path / "a.ipynb")
    for notebook in ("a.ipynb", None):
        kernel = start_kernel(notebook)
        make_subshell(kernel)
        kernel.run("%%process held(x) -> y\nimport time\ntime.sleep(2)\ny = x")
        reply = kernel.run("many = held(channel.of(1))")
        assert reply.status == "ok"
        assert VIEW not in json.dumps([output["content"] for output in reply.outputs], default=str)
        assert "ipywidgets" not in kernel.run("import sys; print(*sys.modules)").text("stdout").split()


# In a browser


class Looked:
    """A notebook in a browser."""

    def __init__(self, served: FrontEnd, page: Any, path: Path) -> None:
        self.served, self.page, self.path = served, page, path
        self.cell = page.locator(".jp-CodeCell").nth(2)
        self.output = self.cell.locator(".jp-OutputArea")
        self.button = self.cell.get_by_role("button", name="Cancel")

    def cancel(self) -> None:
        from playwright.sync_api import expect

        expect(self.button).to_be_visible(timeout=PATIENCE * 1000)
        self.button.click()
        expect(self.output).to_contain_text("what this cell ran was ended", timeout=PATIENCE * 1000)
        expect(self.output).to_contain_text("aborted: 2")
        expect(self.button).to_have_count(0)  # the offer to relaunch may be there

    def saved(self, holds: str) -> str:
        """Save it; its text once that is in it."""
        self.page.keyboard.press("Control+s")
        assert wait_until(lambda: holds in self.path.read_text())
        return self.path.read_text()

    def see_no_broken_widget(self) -> None:
        from playwright.sync_api import expect

        for text in ("Error displaying widget", "Loading widget"):
            for found in self.page.get_by_text(text).all():
                expect(found).to_be_hidden()


def disable_labextension(root: Path) -> None:
    config = root / ".settings" / "config" / "labconfig" / "page_config.json"
    config.parent.mkdir(parents=True)
    config.write_text(json.dumps({"disabledExtensions": {"nbflow": True}}))


@pytest.mark.parametrize("kind", ["lab", "notebook"])
def test_a_cell_is_cancelled_by_its_button_also_in_a_page_that_was_loaded_meanwhile_and_no_broken_widget_is_ever_seen(
    kind: str, browser_program: str, tmp_path: Path, sleeper: str
) -> None:
    from playwright.sync_api import expect, sync_playwright

    path = write_notebook(tmp_path / "nap.ipynb", LOAD, NAP.format(sleeper=sleeper), CALL)
    with front_end(kind, tmp_path) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program, args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        here = Looked(served, page, path)
        served.open(page, "nap.ipynb")

        served.run_all(page)
        expect(here.output.get_by_role("progressbar", name="nap")).to_be_visible(timeout=PATIENCE * 1000)
        expect(here.output).to_contain_text("2 running")
        expect(here.button).to_have_count(1, timeout=PATIENCE * 1000)
        page.route("**/interrupt*", lambda route: route.fulfill(status=500, json={"message": "not yours"}))
        here.button.click()
        expect(here.output.get_by_role("status").filter(has_text="Not cancelled: not yours")).to_be_visible()
        page.unroute("**/interrupt*")
        here.cancel()
        assert wait_until(lambda: not alive(sleeper))
        text = here.saved("aborted: 2")
        assert VIEW not in text
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            html, _ = HTMLExporter().from_notebook_node(nbformat.reads(text, as_version=4))
        assert "aborted: 2" in html and "widget-view" not in html

        served.reload(page)
        expect(here.output).to_contain_text("aborted: 2")
        here.see_no_broken_widget()
        served.run_all(page)
        expect(here.button).to_be_visible(timeout=PATIENCE * 1000)
        meanwhile = here.saved(VIEW)
        assert MIME in meanwhile

        served.reload(page, is_busy=True)
        expect(here.output).to_contain_text("2 running")
        expect(here.button).to_have_count(1, timeout=PATIENCE * 1000)
        here.button.focus()
        page.keyboard.press("Enter")
        assert wait_until(lambda: not alive(sleeper))
        expect(here.button).to_have_count(0, timeout=PATIENCE * 1000)
        served.end_kernels()

        page.goto("about:blank")
        path.write_text(meanwhile)
        served.open(page, "nap.ipynb")
        expect(here.output).to_contain_text("2 running")
        here.see_no_broken_widget()
        expect(here.button).to_have_count(0)
        browser.close()


def test_without_the_labextension_a_widget_cancels_the_cell_and_words_help_once_the_page_was_loaded_anew(
    browser_program: str, tmp_path: Path, sleeper: str
) -> None:
    from playwright.sync_api import expect, sync_playwright

    disable_labextension(tmp_path)
    path = write_notebook(tmp_path / "nap.ipynb", LOAD, NAP.format(sleeper=sleeper), CALL)
    with front_end("lab", tmp_path) as served, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program, args=CHROMIUM_ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        here = Looked(served, page, path)
        served.open(page, "nap.ipynb")
        served.run_all(page)
        here.cancel()
        assert wait_until(lambda: not alive(sleeper))
        served.run_all(page)
        expect(here.button).to_have_count(1, timeout=PATIENCE * 1000)
        meanwhile = here.saved(VIEW)

        # The front end asks for its widgets behind the cell that runs, so it gets none.
        served.reload(page, is_busy=True)
        expect(here.output).to_contain_text("2 running")
        words = "e => getComputedStyle(e, '::after').content"
        assert "interrupt the kernel" in here.output.locator(".jp-OutputArea-output").last.evaluate(words)
        served.end_kernels()
        assert wait_until(lambda: not alive(sleeper))

        page.goto("about:blank")
        path.write_text(meanwhile)
        served.open(page, "nap.ipynb")
        expect(here.output).to_contain_text("2 running")
        expect(page.get_by_text("Error displaying widget")).to_have_count(1, timeout=PATIENCE * 1000)
        here.see_no_broken_widget()
        browser.close()
