"""A real kernel, over the wire: what a front end is sent while processes run, and when they are reused."""

from __future__ import annotations

import pytest


def test_output_comes_in_its_order_and_again_on_a_hit(kernel, tmp_path):
    assert kernel.run(f"import os; os.chdir({str(tmp_path)!r})\n%load_ext nbflow").status == "ok"
    cell = """%%process order
import sys
print("1")
print("2", file=sys.stderr)
display({"three": 3})
print("4")
import matplotlib.pyplot as plt
plt.plot([1, 2]); plt.show()
print("5")
import pandas as pd
pd.DataFrame({"a": [1]})"""

    def seen(reply):
        shown = []
        for message in reply.outputs:
            content, kind = message["content"], message["msg_type"]
            if kind == "stream" and not content["text"].startswith("nbflow: "):
                if shown and shown[-1][0] == content["name"]:
                    shown[-1] = (content["name"], shown[-1][1] + content["text"])
                else:
                    shown.append((content["name"], content["text"]))
            elif kind in ("display_data", "execute_result") and "order:" not in content["data"]["text/plain"]:
                shown.append((kind, tuple(sorted(content["data"]))))
        return shown

    ran, hit = kernel.run(cell), kernel.run(cell)
    expected = [
        ("stdout", "1\n"),
        ("stderr", "2\n"),
        ("display_data", ("text/plain",)),
        ("stdout", "4\n"),
        ("display_data", ("image/png", "text/plain")),
        ("stdout", "5\n"),
        ("execute_result", ("text/html", "text/plain")),
    ]
    assert (ran.status, hit.status) == ("ok", "ok")
    assert seen(ran) == expected
    assert seen(hit) == expected
    (line,) = [message for message in hit.outputs if "reused from" in str(message["content"])]
    assert line["msg_type"] == "display_data"


def test_output_comes_while_a_task_runs(kernel):
    request = kernel.send("%%process slowly\nimport time\nprint('begun', flush=True)\ntime.sleep(2)\nprint('ended')")
    kernel.wait_for_text("begun")
    reply = kernel.reply(request)
    assert reply.text("stdout").endswith("ended\n")


def test_a_future_can_be_awaited_and_does_not_hold_the_cell(kernel):
    assert kernel.run("%%process later(x) -> y\nimport time\ntime.sleep(0.5)\ny = x + 1").status == "ok"
    assert kernel.run("future = later.submit(1)\nprint(future.done())").text("stdout").endswith("False\n")
    assert kernel.run("print(await future)").text("stdout") == "2\n"


def test_tasks_run_beside_each_other_and_items_flow_through_steps(kernel):
    kernel.run("%%process double(x) -> y\ny = x * 2")
    kernel.run("%%process add(x, k=1) -> y\ny = x + k")
    assert kernel.run("print(list(add(double(channel.of(1, 2, 3)), k=10)))").text("stdout").endswith("[12, 14, 16]\n")


def test_inline_runs_in_the_kernel_with_figures_and_pictures(kernel):
    cell = """%%process drawn -> pid
#| executor: inline
import os
pid = os.getpid()
print("drawing")
import matplotlib.pyplot as plt
plt.plot([1, 2]);"""
    ran, hit = kernel.run(cell), kernel.run(cell)
    for reply in (ran, hit):
        assert reply.status == "ok", reply.content
        assert reply.text("stdout").endswith("drawing\n")
        assert ["image/png" in shown["data"] for shown in reply.of("display_data")].count(True) == 1
    assert kernel.run("print(pid == os.getpid())").text("stdout") == "True\n"


@pytest.mark.parametrize("executor", ["local", "inline"])
def test_a_failed_cell_has_the_status_error_and_points_into_itself(kernel, executor):
    reply = kernel.run(f"%%process bad_{executor} -> r\n#| executor: {executor}\nzero = 0\nr = 1 / zero")
    assert reply.status == "error"
    assert reply.content["ename"] == "TaskFailedError"
    text = "\n".join(reply.content["traceback"])
    for part in ("ZeroDivisionError", f"%%process bad_{executor}", "line 4", "r = 1 / zero", "Work dir:", "Tip:"):
        assert part in text


@pytest.mark.parametrize("executor", ["local", "inline"])
def test_an_interrupt_ends_the_task_and_the_kernel_goes_on(kernel, executor):
    request = kernel.send(
        f"%%process long_{executor} -> r\n#| executor: {executor}\nimport time\nprint('runs', flush=True)\ntime.sleep(60)\nr = 1"
    )
    kernel.wait_for_text("runs")
    kernel.interrupt()
    reply = kernel.reply(request)
    assert (reply.status, reply.content["ename"]) == ("error", "KeyboardInterrupt")
    assert kernel.run("print(1)").text("stdout") == "1\n"
