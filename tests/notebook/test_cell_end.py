"""A cell ends when its channel tasks have ended, and fails when one of them failed: tested over the wire."""

from __future__ import annotations

import signal
import time

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from nbflow.notebook.cell.cell_end import CellEnd

from .conftest import Kernel

# What a notebook would have: "tasks" that end when `wait` is called, one of which may fail.
SETUP = """
import time
from nbflow.notebook.cell.cell_end import CellEnd

class TaskFailed(Exception):
    pass

class Work:
    def __init__(self):
        self.tasks, self.log = [], []
    def begin(self, info):
        self.log.append("begin")
        self.tasks.clear()
    def wait(self):
        self.log.append("wait")
        tasks, self.tasks = self.tasks, []
        for seconds, error in tasks:
            try:
                if seconds:
                    print("waiting", flush=True)
                time.sleep(seconds)
            except KeyboardInterrupt:
                self.log.append("ended")
                raise
            if error:
                raise TaskFailed(error)
    def cancel(self):
        self.log.append("cancel")
        ended, self.tasks = len(self.tasks), []
        return ended

    def after(self, *, failed: bool) -> None:
        pass

work = Work()
def start(error="", seconds=0):
    work.tasks.append((seconds, error))
end = CellEnd(get_ipython(), work)
end.register()
"""


@pytest.fixture(scope="module")
def ready(kernel: Kernel) -> Kernel:
    assert kernel.run(SETUP).status == "ok"
    return kernel


def value(kernel: Kernel, expression: str) -> str:
    """Evaluate without a cell of its own, so that the log stays as it is."""
    reply = kernel.run("", silent=True, user_expressions={"value": expression})
    return str(reply.content["user_expressions"]["value"]["data"]["text/plain"])


FAILING = {
    "statement": "start('boom')",
    "trailing semicolon": "start('boom');",
    "loop": "for i in range(3):\n    start('boom' if i == 2 else '')",
    "async cell": "import asyncio\nawait asyncio.sleep(0.01)\nstart('boom')",
    "%%capture": "%%capture\nstart('boom')",
    "%%time": "%%time\nstart('boom')",
    "a cell in a cell": "start('boom')\nget_ipython().run_cell('1 + 1')\nget_ipython().run_cell('')",
    "%%capture in an async cell": "await asyncio.sleep(0)\nget_ipython().run_cell('%%capture\\nstart(\"boom\")')",
}


@pytest.mark.parametrize("cell", FAILING.values(), ids=FAILING.keys())
def test_a_failed_task_makes_the_reply_an_error_with_one_traceback(ready: Kernel, cell: str) -> None:
    reply = ready.run(cell)
    assert reply.status == "error"
    assert reply.content["ename"] == "TaskFailed"
    assert reply.content["evalue"] == "boom"
    assert [error["ename"] for error in reply.of("error")] == ["TaskFailed"]


@pytest.mark.parametrize("cell", [cell.replace("boom", "") for cell in FAILING.values()], ids=FAILING.keys())
def test_a_cell_whose_tasks_succeed_is_ok_and_waits_once(ready: Kernel, cell: str) -> None:
    ready.run("work.log.clear()")
    assert ready.run(cell).status == "ok"
    assert value(ready, "work.log.count('wait')") == "2"  # the clearing cell's own, and this one's


def test_the_last_expression_is_shown_before_the_failure(ready: Kernel) -> None:
    reply = ready.run("start('boom')\n42")
    kinds = [output["msg_type"] for output in reply.outputs if output["msg_type"] in ("execute_result", "error")]
    assert kinds == ["execute_result", "error"]
    assert value(ready, "_") == "42"


def test_cells_queued_behind_a_failure_are_aborted(ready: Kernel) -> None:
    ready.run("reached = False")
    first = ready.send("start('boom', 0.3)")
    second = ready.send("reached = True")
    assert ready.reply(first).status == "error"
    while True:
        message = ready.client.get_shell_msg(timeout=30)
        if message["parent_header"]["msg_id"] == second:
            break
    assert message["content"]["status"] == "aborted"
    assert value(ready, "reached") == "False"


def test_the_execution_count_goes_on_by_one(ready: Kernel) -> None:
    first = ready.run("start('boom')").content["execution_count"]
    assert ready.run("1").content["execution_count"] == first + 1


def test_a_cell_without_history_fails_too(ready: Kernel) -> None:
    assert ready.run("start('boom')", store_history=False).status == "error"


def test_the_cells_own_error_wins_and_its_tasks_are_ended(ready: Kernel) -> None:
    reply = ready.run("start('boom')\nstart()\n1/0")
    assert reply.content["ename"] == "ZeroDivisionError"
    assert [error["ename"] for error in reply.of("error")] == ["ZeroDivisionError"]
    assert "ended 2 tasks of this cell" in reply.text("stderr")
    assert value(ready, "work.log[-1]") == "'cancel'"


def test_a_failed_cell_without_tasks_says_nothing_about_tasks(ready: Kernel) -> None:
    assert "nbflow" not in ready.run("1/0").text("stderr")
    assert "nbflow" not in ready.run("syntax error").text("stderr")


def test_a_base_exception_in_a_cell_ends_its_tasks_and_the_next_cell_waits_again(ready: Kernel) -> None:
    reply = ready.run("class Stop(BaseException): pass\nstart('boom')\nraise Stop()")
    assert reply.status == "error"
    assert value(ready, "work.log[-1]") == "'cancel'"
    assert ready.run("start('boom')").content["ename"] == "TaskFailed"


def test_failures_of_silent_cells_do_not_reach_the_next_cell(ready: Kernel) -> None:
    assert ready.run("start('boom')", silent=True).status == "ok"
    assert ready.run("1").status == "ok"


@pytest.mark.parametrize("start", ["", "import asyncio; await asyncio.sleep(0)\n"], ids=["cell", "async cell"])
def test_an_interrupt_during_the_wait_fails_the_cell_and_leaves_the_kernel_usable(ready: Kernel, start: str) -> None:
    request = ready.send(start + "start('', 60)")
    ready.wait_for_text("waiting")
    begun = time.monotonic()
    ready.interrupt()
    reply = ready.reply(request)
    assert time.monotonic() - begun < 30
    assert reply.content["ename"] == "KeyboardInterrupt"
    assert [error["ename"] for error in reply.of("error")] == ["KeyboardInterrupt"]
    assert "cell_end.py" not in "".join(reply.content["traceback"])
    assert value(ready, "work.log[-1]") == "'ended'"
    assert ready.run("1 + 1").of("execute_result")[0]["data"]["text/plain"] == "2"
    assert ready.run("start('boom')").status == "error"


def test_an_async_cell_interrupted_in_its_body_ends_its_tasks(ready: Kernel) -> None:
    request = ready.send("import asyncio\nstart('boom')\nprint('here', flush=True)\nawait asyncio.sleep(60)")
    ready.wait_for_text("here")
    ready.interrupt()
    # ipykernel 7 schedules the cancellation without waking its loop: it takes effect with the next message.
    ready.send("", silent=True)
    assert ready.reply(request).content["ename"] == "CancelledError"
    assert value(ready, "work.log[-1]") == "'cancel'"
    assert ready.run("1").status == "ok"


def test_the_interrupt_handler_of_before_is_back_after_the_cell(ready: Kernel) -> None:
    before = value(ready, "__import__('signal').getsignal(2)")
    ready.run("start('boom')")
    assert value(ready, "__import__('signal').getsignal(2)") == before


def test_a_cell_that_follows_a_cell_whose_end_was_lost_waits_again(ready: Kernel) -> None:
    # An interrupt between two callbacks can swallow post_run_cell: as if another cell had begun and never ended.
    ready.run("from types import SimpleNamespace as N\nend._running._cells.append(N(raw_cell='lost', cell_id=None))")
    assert ready.run("start('boom')").status == "error"


def test_the_cell_that_registers_waits_for_its_own_tasks(ready: Kernel) -> None:
    ready.run("end.unregister()")
    assert ready.run("start('boom')").status == "ok"
    assert ready.run("work.tasks.clear()\nend.register()\nstart('boom')").status == "error"


def test_registering_and_unregistering_twice_is_harmless(ready: Kernel) -> None:
    ready.run("end.register()\nwork.log.clear()")
    ready.run("start()")
    assert value(ready, "work.log") == "['wait', 'begin', 'wait']"
    ready.run("end.unregister()\nend.unregister()\nwork.log.clear()")
    ready.run("1")
    assert value(ready, "work.log") == "[]"
    ready.run("end.register()")


def test_nbclient_stops_at_the_cell_whose_task_failed() -> None:
    sources = [SETUP, "start('boom')\nprint('shown')", "print('not reached')"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    with pytest.raises(CellExecutionError, match="boom"):
        NotebookClient(notebook, kernel_name="python3").execute()
    assert [output["output_type"] for output in notebook.cells[1].outputs] == ["stream", "error"]
    assert notebook.cells[2].outputs == []


class Work:
    """Tasks of a plain shell."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.error: BaseException | None = None

    def begin(self, info: object) -> None:
        self.log.append("begin")

    def wait(self) -> None:
        self.log.append("wait")
        if self.error is not None:
            raise self.error

    def cancel(self) -> int:
        self.log.append("cancel")
        return 1

    def after(self, *, failed: bool) -> None:
        pass


def test_in_plain_ipython_a_failed_task_fails_the_cell(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    work = Work()
    end = CellEnd(shell, work)
    end.register()
    work.error = ValueError("boom")
    result = shell.run_cell("x = 1")
    assert result.error_in_exec is work.error
    assert not shell.last_execution_succeeded
    assert capsys.readouterr().out.count("boom") == 1
    work.error = None
    assert shell.run_cell("x = 1").success
    end.unregister()


def test_in_plain_ipython_an_interrupted_wait_is_a_keyboard_interrupt(shell: InteractiveShell) -> None:
    class Interrupted(Work):
        def wait(self) -> None:
            signal.raise_signal(signal.SIGINT)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        CellEnd(shell, Interrupted()).register()
        assert isinstance(shell.run_cell("1").error_in_exec, KeyboardInterrupt)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_empty_cell_neither_begins_nor_ends(shell: InteractiveShell) -> None:
    work = Work()
    CellEnd(shell, work).register()
    shell.run_cell("")
    shell.run_cell("  \n")
    assert work.log == []
