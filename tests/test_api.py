"""Tests of nbflow.runs, tasks and digest."""

from __future__ import annotations

from pathlib import Path

import pytest

import nbflow
from nbflow.errors import UnhashableInputError, UnknownSessionError
from nbflow.table import Table
from tests.storage.launch import SESSION, Launch


@pytest.fixture
def launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Launch:
    monkeypatch.setattr("nbflow.session._latest", [])
    monkeypatch.chdir(tmp_path)
    return Launch(tmp_path)


def test_outside_of_a_notebook_the_current_directory_is_read(launch: Launch) -> None:
    with pytest.raises(UnknownSessionError, match="ran here yet"):
        nbflow.tasks()
    first = launch.run(ran=(1,))
    launch.run(hits=(1,), ran=(2,))
    assert nbflow.runs()[0].run_name == first.run_name
    assert [(task.name, task.status) for task in nbflow.tasks()] == [("fit (2)", "COMPLETED"), ("fit (1)", "CACHED")]
    assert [task.run for task in nbflow.tasks(str(first.run_name))] == [first.run_name]
    assert len(nbflow.tasks(SESSION[:6])) == 2


def test_tasks_become_a_frame_when_asked(launch: Launch) -> None:
    launch.run(ran=(1, 2))
    frame = nbflow.tasks().to_frame("name", "realtime")
    assert frame.to_dict("list") == {"name": ["fit (1)", "fit (2)"], "realtime": [1500, 1500]}
    assert {"status", "workdir", "run", "task_hash"} <= set(nbflow.tasks().to_frame().columns)


def test_tasks_and_runs_show_themselves_as_tables(launch: Launch) -> None:
    first = launch.run(ran=(1, 2))
    head, task, _ = repr(nbflow.tasks()).splitlines()
    assert head.split() == ["hash", "name", "status", "exit", "realtime", "peak_rss", "reason"]
    assert "fit (1)" in task and "COMPLETED" in task
    assert "<td>fit (2)</td>" in nbflow.tasks()._repr_html_()
    assert str(first.run_name) in repr(nbflow.runs()).splitlines()[1]


def test_a_long_table_says_how_much_it_leaves_out() -> None:
    class Numbers(Table[int]):
        columns = ("number",)

        def cell(self, row: int, column: str) -> str:
            return f"<{row}>\nsecond line"

    assert repr(Numbers(range(25))).splitlines()[-2:] == ["<19>…", "… 5 more"]
    assert "<td>&lt;0&gt;\nsecond line</td>" in Numbers(range(25))._repr_html_()
    assert repr(Numbers()) == "number"


def test_a_digest_is_32_hex_digits_and_follows_code() -> None:
    factor = {"value": 2}

    def scaled(x: int) -> int:
        return x * factor["value"]

    before = nbflow.digest(scaled)
    assert len(before) == 32 and int(before, 16)
    assert nbflow.digest([1, 2]) != nbflow.digest((1, 2))
    factor["value"] = 3
    assert nbflow.digest(scaled) != before
    with pytest.raises(UnhashableInputError):
        nbflow.digest(iter([1]))
