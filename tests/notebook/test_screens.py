"""Tests of what is done from a screen, and of what a screen leaves where no front end is."""

from __future__ import annotations

import ast
import re
from typing import Any

import pytest

import nbflow
from nbflow.browsing.model import Model
from nbflow.errors import CacheError, NbflowError
from nbflow.notebook.extension import desk_of
from nbflow.notebook.screens.acts import Acts
from nbflow.notebook.screens.plain import PlainBrowser, PlainPicker
from nbflow.notebook.screens.static import sessions_bundle
from tests.notebook.lab import Lab

PAIR = "%%process pair -> left, right\nleft = [side, 1]\nright = side * 2\nprint('made')"


@pytest.fixture
def acts(lab: Lab) -> Acts:
    lab.ok("%load_ext nbflow")
    desk = desk_of(lab.shell)
    return Acts(desk, Model(desk.session.reader))


@pytest.fixture
def deed(lab: Lab, acts: Acts) -> dict[str, Any]:
    """A task with two outputs, which nothing binds any more."""
    lab.ok(
        f"side = 7\n\nget_ipython().run_cell_magic('process', 'pair -> left, right', {PAIR.partition(chr(10))[2]!r})"
    )
    lab.ok("del left, right")
    row = nbflow.tasks()[-1]
    return {"run": row.run, "id": row.task_hash}


def test_without_a_front_end_the_cache_and_the_sessions_are_a_table_of_text(lab: Lab, deed: dict[str, Any]) -> None:
    run = nbflow.runs()[-1].run_name
    for magic, hint in (
        ("%cache", "%nbflow log RUN"),
        ("%resume", "%resume SESSION"),
        ("nbflow.browser()", "%nbflow log"),
    ):
        text = lab.ok(f"import nbflow\n{magic}").out
        assert "1 session" in text and str(run) in text and hint in text
        assert "this notebook" in text
    assert lab.ok("%cache").shown == []


def test_a_directory_without_tasks_says_what_to_do(lab: Lab) -> None:
    bundle = sessions_bundle({"launch_dir": "/x", "sessions": []}, hint="", latest_only=False, folded=True)
    assert "Run a cell that begins with %%process" in bundle["text/plain"]
    assert "Run a cell that begins with %%process" in bundle["text/html"]


def test_what_stays_in_a_notebook_is_escaped() -> None:
    run = {
        "run": "<b>",
        "started": "",
        "duration": "",
        "status": "OK",
        "tasks": 1,
        "completed": 1,
        "cached": 0,
        "failed": None,
    }
    session = {
        **run,
        "short": "<i>",
        "notebook": "<u>.ipynb",
        "runs": [run],
        "held": "",
        "current": False,
        "goes_at": "",
    }
    bundle = sessions_bundle({"launch_dir": "<p>", "sessions": [session]}, hint="", latest_only=True, folded=True)
    assert not any(tag in bundle["text/html"] for tag in ("<b>", "<i>", "<u>", "<p>"))


def test_loading_binds_the_outputs_and_asks_before_it_replaces_a_name(
    lab: Lab, acts: Acts, deed: dict[str, Any]
) -> None:
    lab.names["right"] = "mine"
    assert acts.do({"act": "load", **deed}) == {"taken": ["right"], "bound": []}
    assert "left" not in lab.names and lab.names["right"] == "mine"
    done = acts.do({"act": "load", **deed, "replace": True})
    assert done["bound"] == ["left", "right"]
    assert (lab.names["left"], lab.names["right"]) == ([7, 1], 14)


def test_the_code_that_loads_does_what_loading_does(lab: Lab, acts: Acts, deed: dict[str, Any]) -> None:
    code = acts.do({"act": "load", **deed, "replace": True})["code"]
    lab.ok("del left, right")
    lab.ok(code)
    assert (lab.names["left"], lab.names["right"]) == ([7, 1], 14)


def test_load_finds_a_task_by_hash_name_or_process_and_gives_what_the_call_returned(lab: Lab, acts: Acts) -> None:
    lab.ok("%%process twice(x: int) -> y\ny = 2 * x")
    lab.ok("many = twice(channel.of(4, 5))")
    rows = {row.name: row for row in nbflow.tasks()}
    assert nbflow.load("twice (1)") == 8
    assert nbflow.load("twice") == 10
    assert nbflow.load(rows["twice (1)"].hash) == 8
    assert nbflow.load(f"[{rows['twice (2)'].hash}]", rows["twice (2)"].run) == 10
    with pytest.raises(NbflowError, match="No task is called 'nobody'"):
        nbflow.load("nobody")


def test_outputs_that_are_gone_or_changed_are_not_loaded(lab: Lab, acts: Acts) -> None:
    lab.ok("%%process note -> out: Path = file('note.txt')\n#!/usr/bin/env bash\necho hello > note.txt")
    path = nbflow.load("note")
    assert path.read_text() == "hello\n"
    path.write_text("changed\n")
    with pytest.raises(CacheError, match=r"note \[../......\] cannot be loaded: .*note.txt.*; run it again"):
        nbflow.load("note")
    path.unlink()
    with pytest.raises(CacheError, match="cannot be loaded"):
        nbflow.load("note")
    lab.fails("%%process wrong -> w\nw = 1 / 0")
    with pytest.raises(CacheError, match="cannot be loaded: .*FAILED"):
        nbflow.load("wrong")


def test_the_code_that_runs_a_task_again_names_its_inputs(lab: Lab, acts: Acts) -> None:
    lab.ok("%%process grow(x: int, *, by='a', frame=None) -> z\nz = str(x) + by + str(frame)")
    lab.ok("import numpy as np\ngrow(3, by='b', frame=np.zeros(3))")
    row = nbflow.tasks()[-1]
    code = acts.do({"act": "rerun", "run": row.run, "id": row.task_hash})["code"]
    assert code.startswith("z = grow.rerun(") and "x=3" in code and "by='b'" in code and "frame=..." in code
    ast.parse(code)


def test_a_task_that_was_deleted_is_gone_and_runs_again(lab: Lab, acts: Acts) -> None:
    cell = "%%process brief -> b\nb = 1\nprint('ran')"
    lab.ok(cell)
    row = nbflow.tasks()[-1]
    asked = acts.do({"act": "delete_task", "run": row.run, "id": row.task_hash, "really": False})
    assert row.work_dir.is_dir() and asked["freed"].endswith("KB")
    acts.do({"act": "delete_task", "run": row.run, "id": row.task_hash, "really": True})
    assert not row.work_dir.exists()
    model = Model(desk_of(lab.shell).session.reader)
    shown = model.answer({"ask": "tasks", "run": row.run})["rows"]
    assert [each["status"] for each in shown if each["id"] == row.task_hash] == ["DELETED"]
    assert not lab.ok(cell).cached
    assert lab.ok(cell).cached


def test_the_run_that_goes_on_is_not_deleted(acts: Acts, deed: dict[str, Any]) -> None:
    with pytest.raises(CacheError, match="is the one that goes on in this kernel"):
        acts.do({"act": "delete", "run": deed["run"], "really": True})


def test_a_deed_that_is_none_is_refused_and_relaunch_is_there_where_it_can_be_done(lab: Lab, acts: Acts) -> None:
    with pytest.raises(NbflowError, match="'relaunch' cannot be done here"):
        acts.do({"act": "relaunch", "session": "x"})
    desk = desk_of(lab.shell)
    able = Acts(desk, Model(desk.session.reader), relaunch=lambda session: f"relaunched {session}")
    assert "relaunch" in able.names
    assert able.do({"act": "relaunch", "session": "x"}) == {"said": "relaunched x"}


def test_a_session_is_not_left_while_a_cell_runs(lab: Lab, acts: Acts) -> None:
    lab.names["acts"] = acts
    with pytest.raises(NbflowError, match="A cell is running"):
        raise lab.run("acts.do({'act': 'resume', 'session': 'new'})").error or AssertionError


def test_resuming_says_what_the_magic_says_and_deleting_what_it_freed(
    lab: Lab, acts: Acts, deed: dict[str, Any]
) -> None:
    before = desk_of(lab.shell).session.run
    assert before is not None
    assert "the next task begins a new session" in acts.do({"act": "resume", "session": "new"})["said"]
    lab.ok("%%process other -> o\no = 1")
    plan = acts.do({"act": "delete", "session": before.session, "really": False})
    assert plan["tasks"] >= 1 and plan["runs"] >= 1
    assert f"resumes session {before.session[:8]}" in acts.do({"act": "resume", "session": before.session})["said"]
    other = next(run for run in nbflow.runs() if run.session != before.session)
    done = acts.do({"act": "delete", "session": other.session, "really": True})
    assert done["tasks"] == 1 and done["freed"] != "0"
    assert all(run.session != other.session for run in nbflow.runs())


# The screens made of ipywidgets alone -----------------------------------------------------------------------------------


@pytest.fixture
def model(lab: Lab) -> Model:
    return Model(desk_of(lab.shell).session.reader)


def test_the_plain_picker_lists_filters_and_resumes(lab: Lab, acts: Acts, model: Model, deed: dict[str, Any]) -> None:
    picker = PlainPicker(model, acts)
    assert len(picker.list.options) == 1 and "(current)" in picker.list.options[0][0]
    picker.filter.value = "nothing such"
    assert picker.list.options == ()
    picker.filter.value = deed["run"][:5]
    assert len(picker.list.options) == 1
    picker.fresh.click()
    assert "the next task begins a new session" in picker._line.value
    picker.delete.click()
    assert "are freed" in picker._line.value and picker.sure.layout.display == ""


def test_the_plain_browser_shows_a_page_of_tasks_and_one_of_them(
    lab: Lab, acts: Acts, model: Model, deed: dict[str, Any]
) -> None:
    browser = PlainBrowser(model, acts)
    assert browser.run.value == deed["run"]
    assert "pair" in browser.table.value and "<caption" in browser.table.value
    browser.sort.value = "realtime"
    browser.task.value = deed["id"]
    assert "has not run before" in browser.pane.value or "differs from" in browser.pane.value
    assert "made" in browser.pane.value
    lab.names.pop("left", None)
    lab.names.pop("right", None)
    browser.load.click()
    assert lab.names["left"] == [7, 1]
    browser.load.click()
    assert "would be replaced" in browser._line.value and 'role="alert"' in browser._line.value


def test_without_a_front_end_sessions_say_when_they_go_only_where_any_does(lab: Lab, deed: dict[str, Any]) -> None:
    lab.ok("%resume new\n%nbflow log")
    assert "GOES" not in lab.ok("%resume").out
    lab.ok("%config NBFlow.age_limit = '2 days'\n%config NBFlow.price_per_gb_month = 0.02")
    lines = lab.ok("%resume").out.splitlines()
    assert sum("GOES" in line for line in lines) == 1
    assert re.search(r"  \d{4}-\d\d-\d\d \d\d:\d\d$", lines[-2])


def test_the_plain_picker_says_when_a_session_goes_and_what_it_costs(
    lab: Lab, acts: Acts, deed: dict[str, Any]
) -> None:
    model = Model(desk_of(lab.shell).session.reader)
    assert "goes" not in PlainPicker(model, acts).list.options[0][0]
    lab.ok("%resume new\n%config NBFlow.age_limit = '2 days'\n%config NBFlow.price_per_gb_month = 0.02")
    model.answer({"ask": "sizes"})
    line = PlainPicker(model, acts).list.options[0][0]
    assert line.endswith("(under 0.01 a month)  goes in 2d") or "goes in 1d 23h" in line
