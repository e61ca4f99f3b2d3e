"""What a task printed and displayed is shown again, in its order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from nbflow.notebook.cell.replay import KeptResult, Tail, replay

from .conftest import Kernel


class Recorder:
    """A screen that keeps what it is told."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []

    def publish(self, data: Any, metadata: Any = None, *, transient: Any = None, update: bool = False) -> None:
        self.seen.append(("update" if update else "display", data, metadata, transient))

    def clear_output(self, wait: bool = False) -> None:
        self.seen.append(("clear", wait))


class Task:
    """A work directory that a test writes as a worker does."""

    def __init__(self, work_dir: Path) -> None:
        self.work_dir = work_dir
        (work_dir / ".nbflow").mkdir(parents=True)
        self._told = {"out": 0, "err": 0}

    def write(self, stream: str, text: str | bytes) -> None:
        data = text if isinstance(text, bytes) else text.encode()
        with open(self.work_dir / f".command.{stream}", "ab") as file:
            file.write(data)

    def tell(self, stream: str) -> None:
        end = (self.work_dir / f".command.{stream}").stat().st_size
        self.event(stream, self._told[stream], end)
        self._told[stream] = end

    def event(self, *event: Any) -> None:
        self.line(json.dumps(event) + "\n")

    def line(self, text: str) -> None:
        with open(self.work_dir / ".nbflow" / "events", "a") as file:
            file.write(text)


@pytest.fixture
def task(tmp_path: Path) -> Task:
    return Task(tmp_path / "work")


@pytest.fixture
def screen() -> Recorder:
    return Recorder()


def bundle(text: str, **transient: str) -> dict[str, Any]:
    return {"data": {"text/plain": text}, "metadata": {}, "transient": transient}


def test_streams_and_displays_come_in_their_order(task: Task, shell: InteractiveShell, capsys: Any) -> None:
    task.write("out", "one\n")
    task.tell("out")
    task.event("display", bundle("two"))
    task.write("out", "three\n")
    task.tell("out")
    replay(task.work_dir, shell.display_pub)
    assert capsys.readouterr().out == "one\ntwo\nthree\n"


def test_both_streams_and_a_figure_keep_their_order_in_a_kernel(task: Task, kernel: Kernel) -> None:
    for stream, text in (("out", "1\n"), ("err", "2\n"), ("out", "3\n")):
        task.write(stream, text)
        task.tell(stream)
    task.event("display", {"data": {"image/png": "aGk=", "text/plain": "<Figure>"}, "metadata": {"width": 3}})
    task.write("err", "4\n")
    task.tell("err")
    task.event("result", {"data": {"text/html": "<b>5</b>", "text/plain": "5"}, "metadata": {}})
    reply = kernel.run(
        "from pathlib import Path\nfrom nbflow.notebook.cell.replay import replay\n"
        f"replay(Path({str(task.work_dir)!r}), get_ipython().display_pub)"
    )
    shown = [
        (out["msg_type"], out["content"]) for out in reply.outputs if out["msg_type"] not in ("status", "execute_input")
    ]
    assert [
        (content["name"], content["text"]) if kind == "stream" else (kind, content["data"]["text/plain"])
        for kind, content in shown
    ] == [
        ("stdout", "1\n"),
        ("stderr", "2\n"),
        ("stdout", "3\n"),
        ("display_data", "<Figure>"),
        ("stderr", "4\n"),
        ("execute_result", "5"),
    ]
    assert shown[3][1]["metadata"] == {"width": 3}
    assert shown[5][1]["data"]["text/html"] == "<b>5</b>"


def test_the_result_is_shown_as_the_cells_own(task: Task, screen: Recorder) -> None:
    task.event("result", {"data": {"text/plain": "42"}, "metadata": {}})
    result = replay(task.work_dir, screen)
    assert result == KeptResult({"text/plain": "42"}, {})
    assert repr(result) == "42"
    assert screen.seen == []


def test_what_no_event_tells_of_is_shown_at_the_end(task: Task, screen: Recorder, capsys: Any) -> None:
    task.write("out", "printed by a script")
    task.write("err", "and an error")
    assert replay(task.work_dir, screen) is None
    assert capsys.readouterr() == ("printed by a script", "and an error")


def test_each_byte_is_shown_once_while_a_task_runs(task: Task, screen: Recorder, capsys: Any) -> None:
    tail = Tail(task.work_dir, screen)
    assert not tail.poll()
    task.write("out", "ab")
    assert tail.poll()
    assert capsys.readouterr().out == "ab"
    task.write("out", "cd")
    task.tell("out")
    task.event("display", bundle("figure"))
    task.write("out", "ef")
    assert tail.poll()
    assert not tail.poll()
    assert capsys.readouterr().out == "cdef"
    assert len(screen.seen) == 1
    tail.finish()
    assert capsys.readouterr().out == ""


def test_a_character_that_comes_in_two_pieces_is_one_character(task: Task, screen: Recorder, capsys: Any) -> None:
    tail = Tail(task.work_dir, screen)
    data = "µ".encode()
    task.write("out", data[:1])
    tail.poll()
    assert capsys.readouterr().out == ""
    task.write("out", data[1:])
    tail.poll()
    assert capsys.readouterr().out == "µ"


def test_bytes_that_are_no_text_are_replaced(task: Task, screen: Recorder, capsys: Any) -> None:
    task.write("out", b"a\xffb\xc2")
    replay(task.work_dir, screen)
    assert capsys.readouterr().out == "a\ufffdb\ufffd"


def test_a_torn_last_line_is_not_shown_until_it_is_whole(task: Task, screen: Recorder) -> None:
    line = json.dumps(["display", bundle("late")]) + "\n"
    task.line(line[:20])
    tail = Tail(task.work_dir, screen)
    tail.poll()
    assert screen.seen == []
    task.line(line[20:])
    tail.poll()
    assert len(screen.seen) == 1


@pytest.mark.parametrize(
    "line",
    ["not json", "[]", "{}", "3", '["out"]', '["out", "a", "b"]', '["display", 3]', '["display"]', '["new kind", 1]'],
)
def test_damaged_and_unknown_events_are_left_out(task: Task, screen: Recorder, line: str) -> None:
    task.line(line + "\n")
    task.event("display", bundle("whole"))
    replay(task.work_dir, screen)
    assert [seen[1] for seen in screen.seen] == [{"text/plain": "whole"}]


def test_damaged_parts_of_a_display_do_no_harm(task: Task, screen: Recorder) -> None:
    task.event("display", {"data": "text", "metadata": None})
    replay(task.work_dir, screen)
    assert screen.seen == [("display", {}, {}, {})]


def test_missing_files_show_nothing(tmp_path: Path, screen: Recorder) -> None:
    assert replay(tmp_path / "gone", screen) is None
    assert screen.seen == []


def test_an_updated_display_is_updated_under_an_id_of_its_own(task: Task, screen: Recorder) -> None:
    task.event("display", bundle("0 %", display_id="mine"))
    task.event("update", bundle("100 %", display_id="mine"))
    replay(task.work_dir, screen)
    replay(task.work_dir, screen)
    kinds = [seen[0] for seen in screen.seen]
    ids = [seen[3]["display_id"] for seen in screen.seen]
    assert kinds == ["display", "update"] * 2
    assert ids[0] == ids[1] != ids[2] == ids[3]
    assert "mine" not in ids


def test_clearing_the_output_is_repeated_and_counted(task: Task, screen: Recorder) -> None:
    task.event("clear", True)
    task.event("clear")
    tail = Tail(task.work_dir, screen)
    tail.finish()
    assert screen.seen == [("clear", True), ("clear", False)]
    assert tail.clears == 2


def test_long_output_is_whole(task: Task, screen: Recorder, capsys: Any) -> None:
    text = "0123456789µ\n" * 300_000
    task.write("out", text)
    replay(task.work_dir, screen)
    assert capsys.readouterr().out == text


BODY = """
import os, subprocess, sys
os.makedirs(".nbflow")
from nbflow.execution.worker import display
recorder = display.Recorder()
recorder.start()
print("1")
print("2", file=sys.stderr)
subprocess.run(["echo", "3"])
display.display("four")
print("5 µ", end="")
os.write(2, b"6")
recorder.result(42)
recorder.sync()
"""


def test_what_a_worker_writes_is_read_back(tmp_path: Path, screen: Recorder, capsys: Any) -> None:
    path = os.pathsep.join(sys.path)
    subprocess.run([sys.executable, "-c", BODY], cwd=tmp_path, env={**os.environ, "PYTHONPATH": path}, check=True)
    assert replay(tmp_path, screen) == KeptResult({"text/plain": "42"}, {})
    assert capsys.readouterr() == ("1\n3\n5 µ", "2\n6")
    assert [seen[1] for seen in screen.seen] == [{"text/plain": "'four'"}]
