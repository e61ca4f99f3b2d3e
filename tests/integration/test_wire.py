"""Cells that fail, are interrupted or lose their kernel, as the front end sees it over the wire."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.execution.live_processes import alive, wait_until

from .conftest import StartKernel, write_notebook


def asleep(sleeper: str, number: int) -> bool:
    return wait_until(lambda: len(alive(sleeper)) == number)


def test_a_failed_process_cell_is_an_error_reply_and_aborts_what_is_queued(start_kernel: StartKernel) -> None:
    kernel = start_kernel()
    failing, queued = kernel.send("%%process bad -> z\nz = 1\nz = z / 0"), kernel.send("reached = True")
    reply = kernel.reply(failing)
    assert (reply.status, reply.content["ename"]) == ("error", "TaskFailedError")
    assert "line 3" in "\n".join(reply.content["traceback"])
    assert kernel.reply(queued).status in {"aborted", "error"}
    assert kernel.run("reached").content["ename"] == "NameError"


def test_a_failed_channel_task_fails_the_cell_that_started_it_and_aborts_what_is_queued(
    start_kernel: StartKernel,
) -> None:
    kernel = start_kernel()
    kernel.run("%%process invert(x) -> y\ny = 1 / x")
    failing, queued = kernel.send("inverted = invert(channel.of(1, 0, 2))"), kernel.send("reached = True")
    reply = kernel.reply(failing)
    assert (reply.status, reply.content["ename"]) == ("error", "TaskFailedError")
    assert kernel.reply(queued).status in {"aborted", "error"}
    assert kernel.run("invert(4)").of("execute_result")[0]["data"]["text/plain"] == "0.25"


@pytest.mark.parametrize("call", ["wait(1)", "waited = wait(channel.of(1))"], ids=["a value", "a channel"])
def test_an_interrupt_ends_the_task_and_leaves_the_kernel_usable(
    start_kernel: StartKernel, sleeper: str, call: str
) -> None:
    kernel = start_kernel()
    kernel.run(f"%%process wait(x) -> y = stdout()\n#!/usr/bin/env bash\nsetsid {sleeper} & {sleeper}")
    running = kernel.send(call)
    assert asleep(sleeper, 2)
    kernel.interrupt()
    reply = kernel.reply(running)
    assert (reply.status, reply.content["ename"]) == ("error", "KeyboardInterrupt")
    assert asleep(sleeper, 0)
    kernel.run("%%process add(x) -> y\ny = x + 1")
    assert kernel.run("add(1)").of("execute_result")[0]["data"]["text/plain"] == "2"


def test_no_process_of_a_task_outlives_a_killed_kernel(start_kernel: StartKernel, sleeper: str) -> None:
    kernel = start_kernel()
    kernel.run(f"%%process script(x) -> y = stdout()\n#!/usr/bin/env bash\nsetsid {sleeper} & {sleeper}")
    kernel.run(
        "%%process body(x) -> y\n"
        "import subprocess\n"
        f"subprocess.Popen({sleeper.split()!r}, start_new_session=True)\n"
        f"y = subprocess.run({sleeper.split()!r}).returncode"
    )
    started = kernel.run(
        "import os, threading\n"
        "threads = [threading.Thread(target=each.submit, args=(1,)) for each in (script, body)]\n"
        "_ = [thread.start() for thread in threads], [thread.join() for thread in threads]\n"
        "os.getpid()"
    )
    assert asleep(sleeper, 4)
    os.kill(int(started.of("execute_result")[0]["data"]["text/plain"]), signal.SIGKILL)
    assert asleep(sleeper, 0)


def test_a_cell_shows_all_its_processes_in_the_order_of_their_calls_while_the_first_runs(
    start_kernel: StartKernel, tmp_path: Path
) -> None:
    write_notebook(tmp_path / "a.ipynb")
    kernel, gate = start_kernel("a.ipynb"), tmp_path / "gate"
    body = f"import pathlib, time\nwhile not pathlib.Path({str(gate)!r}).exists():\n    time.sleep(0.02)\n"
    kernel.run(f"%%process held(x: int) -> y: int\n{body}y = x")
    kernel.run("%%process added(xs: list) -> y: int\ny = sum(xs)")
    kernel.run("%%process never(x) -> y\ny = x")
    running = kernel.send(
        "fives = held(channel.of(3, 4, 5).filter(lambda x: x > 3))\n"
        "total = added(fives.collect())\n"
        "none = never(channel.empty())"
    )
    live = kernel.wait_for_display("running: 2", "never")
    assert [line.partition(" | ")[2] for line in live[1:]] == ["0 of 2, running: 2", "no task yet", "no task -"]
    gate.touch()
    [*_, settled] = kernel.reply(running).of("update_display_data")
    lines = settled["data"]["text/plain"].splitlines()[1:4]
    assert [line.partition(" | ")[2] for line in lines] == ["2 of 2 ✔", "1 of 1 ✔", "no task -"]
    assert "never | no task -" in lines


def test_loading_twice_is_as_loading_once(start_kernel: StartKernel, tmp_path: Path) -> None:
    kernel = start_kernel()
    assert kernel.run("%load_ext nbflow").status == "ok"
    assert kernel.run("%reload_ext nbflow").status == "ok"
    reply = kernel.run("%%process once -> y\nprint('ran')\ny = 1")
    assert reply.text("stdout").count("ran") == 1
    assert len(reply.of("display_data")) == 1
    assert len(list(tmp_path.glob("work/[0-9a-f][0-9a-f]/*"))) == 1
