"""Tests of the questions that a front end asks: sessions, sizes, windows of tasks, comparisons."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from nbflow.browsing.model import Model
from nbflow.core.parts import Part
from nbflow.core.retention import Retention
from nbflow.errors import NbflowError
from nbflow.storage.browse import Reader
from nbflow.storage.database.lock import SessionLock
from nbflow.storage.layout import Layout
from nbflow.storage.settings import retention_here
from tests.browsing.made import SESSION, MadeSession
from tests.storage.launch import OTHER, Launch, age, key
from tests.storage.launch import SESSION as FIRST


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    return Launch(tmp_path)


def model_of(launch: Launch) -> Model:
    return Model(lambda: launch.reader)


def test_every_answer_is_json(model: Model, made: MadeSession) -> None:
    run, first = str(made.first.run_name), made.tasks[0][0].hex()
    for question in (
        {"ask": "sessions"},
        {"ask": "sizes"},
        {"ask": "tasks", "run": run},
        {"ask": "tasks", "session": SESSION},
        {"ask": "task", "run": run, "id": first},
        {"ask": "logs", "run": run, "id": first},
        {"ask": "preview", "run": run, "id": first, "output": "bam"},
        {"ask": "compare", "one": run, "other": run},
    ):
        assert json.loads(json.dumps(model.answer(question)))


def test_a_question_that_is_none_is_refused_with_those_that_are(model: Model) -> None:
    with pytest.raises(NbflowError, match="there are: sessions, sizes, tasks"):
        model.answer({"ask": "weather"})
    with pytest.raises(NbflowError, match="no run 'nobody' here any more"):
        model.answer({"ask": "tasks", "run": "nobody"})
    with pytest.raises(NbflowError, match="no task 00"):
        model.answer({"ask": "task", "session": SESSION, "id": "00"})


def test_an_answer_holds_a_window_of_what_is_wanted(model: Model, made: MadeSession) -> None:
    answer = model.answer({"ask": "tasks", "session": SESSION, "first": 590, "count": 5, "text": "a"})
    assert (answer["first"], answer["total"], answer["shown"]) == (590, 600, 600)
    assert [row["id"] for row in answer["rows"]] == [task[0].hex() for task in made.tasks[590:595]]
    beyond = model.answer({"ask": "tasks", "session": SESSION, "first": 10_000, "count": 10_000})
    assert beyond["first"] == 599 and len(beyond["rows"]) == 1
    assert len(model.answer({"ask": "tasks", "session": SESSION, "count": 10_000})["rows"]) == 400
    none = model.answer({"ask": "tasks", "session": SESSION, "text": "nothing such"})
    assert none["rows"] == [] and none["shown"] == 0 and none["total"] == 600


def test_sessions_come_latest_first_with_what_their_runs_did(launch: Launch) -> None:
    launch.run(ran=(1, 2))
    launch.run(ran=(7,), session=OTHER, status="FAILED")
    last = launch.run(ran=(3,), hits=(1, 2))
    first, second = model_of(launch).answer({"ask": "sessions"})["sessions"]
    assert (first["id"], first["run"], second["id"]) == (FIRST, last.run_name, OTHER)
    assert [run["tasks"] for run in first["runs"]] == [3, 2]
    assert (first["completed"], first["cached"], first["status"]) == (1, 2, "OK")
    assert (first["held"], first["current"], first["own"]) == ("", False, True)


def test_a_directory_without_a_history_has_no_sessions(tmp_path: Path) -> None:
    model = Model(lambda: Reader(Layout(tmp_path, {})))
    assert model.answer({"ask": "sessions"})["sessions"] == []
    assert model.answer({"ask": "sizes"})["sizes"] == {}
    assert list(tmp_path.iterdir()) == []


def test_a_size_counts_a_file_of_several_links_once(launch: Launch) -> None:
    launch.run(ran=(1, 2))
    model = model_of(launch)
    before = model.answer({"ask": "sizes"})["sizes"][FIRST]
    one, other = (launch.work_dir(number) / "large" for number in (1, 2))
    one.write_bytes(b"x" * 100_000)
    os.link(one, other)
    launch.run(hits=(1,))
    assert model.answer({"ask": "sizes"})["sizes"][FIRST] - before < 101_000
    assert model.answer({"ask": "sessions"})["sessions"][0]["size"] > 100_000


def test_a_session_says_when_it_goes_and_what_it_costs_where_that_is_set(launch: Launch) -> None:
    age(launch.layout, launch.run(ran=(1,)), 10)
    age(launch.layout, launch.run(hits=(1,)), 4)
    age(launch.layout, launch.run(ran=(2,), session=OTHER), 30)

    def rows(retention: Retention) -> dict[str, tuple[str, str]]:
        model = Model(lambda: Reader(launch.layout, retention=lambda: retention))
        model.answer({"ask": "sizes"})
        sessions = model.answer({"ask": "sessions"})["sessions"]
        moments = [session["goes_at"] for session in sessions if session["goes"]]
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", moment) for moment in moments)
        return {session["id"]: (session["goes"], session["cost"]) for session in sessions}

    assert rows(Retention()) == {FIRST: ("", ""), OTHER: ("", "")}
    assert rows(Retention(age_limit=24 * 3600)) == {FIRST: ("in 20h", ""), OTHER: ("now", "")}
    assert rows(Retention(price_per_gb_month=0.02)) == dict.fromkeys((FIRST, OTHER), ("", "under 0.01 a month"))
    with SessionLock.take(launch.layout.lock(OTHER), notebook="held.ipynb"):
        assert rows(Retention(age_limit=24 * 3600))[OTHER] == ("", "")


def test_settings_that_cannot_be_used_hide_no_session(launch: Launch) -> None:
    launch.run(ran=(1,))
    (launch.layout.launch_dir / "nbflow.toml").write_text("[retention]\nage_limit = 'long'\n")
    model = Model(lambda: Reader(launch.layout, retention=lambda: retention_here(launch.layout.launch_dir, {})))
    (session,) = model.answer({"ask": "sessions"})["sessions"]
    assert (session["id"], session["goes"]) == (FIRST, "")


def test_runs_are_compared_by_hash_and_only_what_differs_part_by_part(launch: Launch) -> None:
    one = launch.run(ran=(1, 2), parts=(Part("global", "trees", key(1), "10"),))
    other = launch.run(hits=(1,), ran=(3,), parts=(Part("global", "trees", key(2), "20"),))
    answer = model_of(launch).answer({"ask": "compare", "one": one.run_name, "other": other.run_name})
    assert (answer["same"], answer["differ"]) == (1, 2)
    assert {(row["name"], row["verdict"]) for row in answer["rows"]} == {
        ("fit (2)", "only_one"),
        ("fit (3)", "only_other"),
    }


def test_a_holder_is_named(launch: Launch, python: Callable[..., list[str]]) -> None:
    import subprocess

    launch.run(ran=(1,))
    text = (
        "from pathlib import Path; from nbflow.storage.database.lock import SessionLock\n"
        "lock = SessionLock.take(Path(sys.argv[1]), notebook='a.ipynb'); print('held', flush=True); sys.stdin.read()"
    )
    model = model_of(launch)
    command = python(text, launch.layout.lock(FIRST))
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None and holder.stdin is not None
        assert holder.stdout.readline() == "held\n"
        assert "a.ipynb (process" in model.answer({"ask": "sessions"})["sessions"][0]["held"]
        holder.stdin.close()
    assert model.answer({"ask": "sessions"})["sessions"][0]["held"] == ""
