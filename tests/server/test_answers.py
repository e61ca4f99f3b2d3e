"""Tests of what a server shows: what the notebook's browser does, within bounds, and without a trace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nbflow.browsing.model import Model
from nbflow.core.task.entry import OutputRecord
from nbflow.errors import NbflowError, NbflowWarning
from nbflow.server.answers import Answers
from nbflow.storage.browse import Reader
from nbflow.storage.database.lock import SessionLock
from nbflow.storage.events import EventLog
from nbflow.storage.layout import Layout
from nbflow.storage.values import dump
from tests.browsing.made import SESSION, MadeSession
from tests.browsing.test_pane import DIGEST, Told
from tests.server.ground import BORROWED, HONEST, OUTSIDE, SECRET, Ground
from tests.storage.launch import SESSION as TOLD
from tests.storage.launch import key

OUTPUTS = (
    OutputRecord("thing", "value", DIGEST.hex()),
    OutputRecord("table", "file", DIGEST.hex(), paths=("table.csv",)),
    OutputRecord("printed", "stdout", DIGEST.hex()),
    OutputRecord("there", "files", DIGEST.hex(), paths=("../../../../outside/secret.txt", "table.csv")),
    OutputRecord("folder", "file", DIGEST.hex(), paths=("folder",)),
)


class Trap:
    """Says so when it is made from a pickle."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


class Tampered:
    """A task whose work directory somebody may tamper with, and the answers of a server about it."""

    def __init__(self, directory: Path) -> None:
        self.root = directory / "root"
        (self.root / "a").mkdir(parents=True)
        outside = directory / "outside"
        outside.mkdir()
        self.secret = outside / "secret.txt"
        self.secret.write_text(SECRET)
        (outside / "secret.csv").write_text(SECRET)
        self.told = Told(self.root / "a")
        self.told.task(1, "fit (a)", outputs=OUTPUTS)
        self.work = self.told.work_dir(1)
        (self.work / "table.csv").write_text("x,y\n1,2\n")
        self.answers = Answers(self.root, directory / "scratch", {})

    def ask(self, name: str, **more: Any) -> dict[str, Any]:
        return self.answers.answer({"ask": name, "directory": "a", "session": TOLD, "id": key(1).hex(), **more})

    def preview(self, output: str, path: str = "") -> dict[str, Any]:
        seen: dict[str, Any] = self.ask("preview", output=output, path=path)["preview"]
        return seen

    def put(self, name: str, target: Path) -> None:
        """Put a link in the place of a file of the work directory."""
        path = self.work / name
        path.unlink(missing_ok=True)
        path.symlink_to(target)


@pytest.fixture
def told(tmp_path: Path) -> Tampered:
    return Tampered(tmp_path.resolve())


@pytest.fixture
def answers(ground: Ground, tmp_path: Path) -> Answers:
    return Answers(ground.root, tmp_path / "scratch", {})


# What is shown --------------------------------------------------------------------------------------------------------


def test_the_sessions_of_a_directory_are_those_that_the_notebook_shows(answers: Answers, ground: Ground) -> None:
    shown = answers.answer({"ask": "sessions", "directory": "made"})
    there = Model(lambda: Reader(ground.made.layout)).answer({"ask": "sessions"})
    assert shown["sessions"] == there["sessions"]
    [session] = shown["sessions"]
    assert (session["notebook"], len(session["runs"]), session["runs"][1]["completed"]) == ("rnaseq.ipynb", 2, 60)


def test_tasks_panes_sizes_and_comparisons_are_those_that_the_notebook_shows(answers: Answers, ground: Ground) -> None:
    model = Model(lambda: Reader(ground.made.layout))
    run = str(ground.made.first.run_name)
    tasks = answers.answer({"ask": "tasks", "directory": "made", "run": run, "where": "exit == 0 and realtime > 10"})
    assert tasks["shown"] == 60
    about = {"run": run, "id": tasks["rows"][3]["id"]}
    other = str(model.answer({"ask": "sessions"})["sessions"][0]["run"])
    for question in (
        {"ask": "task", **about},
        {"ask": "logs", **about},
        {"ask": "compare", "one": run, "other": other},
    ):
        assert answers.answer({**question, "directory": "made"}) == model.answer(question)
    assert answers.answer({"ask": "sizes", "directory": "made"})["sizes"].keys() == {SESSION}


def test_a_session_says_when_it_goes_unless_the_settings_lie_outside(tmp_path: Path) -> None:
    made = MadeSession(tmp_path / "root", 5)
    answers = Answers(tmp_path / "root", tmp_path / "scratch", {})
    settings, outside = tmp_path / "root" / "nbflow.toml", tmp_path / "nbflow.toml"
    outside.write_text("[retention]\nage_limit = '2 days'\n")
    goes = []
    for put in (lambda: settings.symlink_to(outside), lambda: outside.replace(settings)):
        put()
        [session] = answers.answer({"ask": "sessions"})["sessions"]
        goes.append(session["goes"])
    assert goes[0] == "" and goes[1].startswith("in ")
    assert session["id"] == made.session


def test_a_run_that_goes_on_is_followed_and_its_holder_named(tmp_path: Path) -> None:
    made = MadeSession(tmp_path / "root", 5)
    answers = Answers(tmp_path / "root", tmp_path / "scratch", {})
    question = {"ask": "tasks", "session": SESSION}
    assert answers.answer(question)["live"] is False
    record = made.history.begin(SESSION, "nbflow run rnaseq.ipynb")
    with SessionLock.take(made.layout.lock(SESSION), notebook="rnaseq.ipynb"):
        [session] = answers.answer({"ask": "sessions"})["sessions"]
        assert (session["status"], session["live"]) == ("RUNNING", True)
        assert session["held"].startswith("rnaseq.ipynb (process ")
        for number in (1, 2):
            with closing(EventLog(made.layout.events(SESSION, str(record.run_name)))) as log:
                event = {"event": "submitted", "hash": key(number).hex(), "name": f"fit ({number})", "at": 1.7e9}
                log.extend([event, {**event, "event": "started"}])
            shown = answers.answer({"ask": "tasks", "run": record.run_name})
            assert (shown["live"], shown["total"], shown["counts"]) == (True, number, {"fit": {"RUNNING": number}})


def test_launch_directories_are_listed_below_any_directory(answers: Answers) -> None:
    for under, names in {"": ["made", "mixed", "deep/down"], "deep": ["deep/down"], "made": ["made"]}.items():
        found = answers.answer({"ask": "directories", "directory": under})
        assert found == {"directories": names, "complete": True, "limited": False}


# Bounds ---------------------------------------------------------------------------------------------------------------


def test_a_value_is_not_made_for_it_could_run_code(told: Tampered, tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    (told.work / ".nbflow/values").unlink()
    dump({"thing": Trap(trap)}, f"{told.work}/.nbflow/values", buffers_dir=f"{told.work}/.nbflow")
    seen = told.preview("thing")
    assert seen["kind"] == "text" and seen["text"] == ""
    assert (
        seen["note"]
        == f'99 B kept, not read here; in a notebook, nbflow.load("{told.work.parent.name}/{"01" * 3}") makes it'
    )
    for question in ("task", "logs", "tasks", "sessions", "sizes"):
        told.ask(question)
    assert not trap.exists()
    Model(lambda: told.told.reader).answer({"ask": "preview", "session": TOLD, "id": key(1).hex(), "output": "thing"})
    assert trap.exists(), "the trap is none"


def test_files_are_previewed(told: Tampered) -> None:
    assert told.preview("table")["rows"] == [["1", "2"]]
    assert told.preview("printed")["text"] == "task 1\n"


@pytest.mark.parametrize("output", ["table", "printed", "folder"])
def test_a_file_that_leads_out_of_the_root_is_not_shown(told: Tampered, output: str) -> None:
    name, target = {
        "table": ("table.csv", told.secret.with_suffix(".csv")),
        "printed": (".command.out", told.secret),
        "folder": ("folder", told.secret.parent),
    }[output]
    told.put(name, target)
    seen = told.preview(output)
    assert seen == {
        "kind": "text",
        "text": "",
        "note": f"{name} lies outside the server's root directory, and is not shown here",
    }


@pytest.mark.parametrize("path", ["../../../../outside/secret.txt", "../../../outside/secret.txt", "/etc/passwd", "x"])
def test_no_path_of_a_question_or_of_a_tampered_entry_leads_out(told: Tampered, path: str) -> None:
    for output in ("table", "there"):
        assert SECRET not in str(told.preview(output, path))
        assert "root:" not in str(told.preview(output, path))


def test_a_link_that_stays_inside_is_shown(told: Tampered) -> None:
    (told.root / "data.csv").write_text("a\n5\n")
    told.put("table.csv", told.root / "data.csv")
    assert told.preview("table")["rows"] == [["5"]]


def test_scripts_logs_and_displays_that_lead_out_are_not_shown(told: Tampered) -> None:
    event = json.dumps(["display", {"data": {"text/plain": "shown"}}])
    (told.work / ".nbflow/events").write_text(f"{event}\n")
    assert told.ask("task")["displays"][0]["text"] == "shown"
    told.secret.write_text(event.replace("shown", SECRET))
    for name in (".command.sh", ".command.out", ".command.err", ".nbflow/events"):
        told.put(name, told.secret)
    task = told.ask("task")
    assert SECRET not in str(task) and SECRET not in str(told.ask("logs"))
    assert task["logs"]["stderr"]["text"].startswith(".command.err lies outside")
    assert task["displays"] == []


def test_of_a_work_directory_outside_the_root_nothing_is_shown_by_content(tmp_path: Path) -> None:
    root, work = tmp_path / "root", tmp_path / "scratch-disk"
    root.mkdir()
    environ = {"NXF_WORK": str(work)}
    told = Told(root)
    told.task(1, "fit (a)", outputs=OUTPUTS)
    told.layout.work_root.rename(work)
    there = Layout(root, environ).work_dir(key(1).hex())
    (there / "table.csv").write_text(SECRET)
    (there / ".command.out").write_text(SECRET)
    answers = Answers(root, tmp_path / "scratch", environ)
    about = {"session": TOLD, "id": key(1).hex()}
    task = answers.answer({"ask": "task", **about})
    assert task["work_dir"] == str(there)
    seen = [answers.answer({"ask": "preview", **about, "output": name}) for name in ("table", "printed", "folder")]
    assert SECRET not in str([task, seen, answers.answer({"ask": "logs", **about})])


def test_a_session_that_leads_out_of_the_root_is_not_shown(answers: Answers) -> None:
    shown = answers.answer({"ask": "sessions", "directory": "mixed"})["sessions"]
    assert [session["id"] for session in shown] == [HONEST]
    for session in (OUTSIDE, BORROWED):
        with pytest.raises(NbflowError, match="any more"):
            answers.answer({"ask": "tasks", "directory": "mixed", "session": session})


@pytest.mark.parametrize("session", ["../../../outside", "..", "a/b"])
def test_a_history_that_names_odd_sessions_shows_the_others(tmp_path: Path, session: str) -> None:
    made = MadeSession(tmp_path / "root", 3)
    with made.layout.history.open("a") as history:
        history.write(f"2026-01-01 10:00:00\t-\todd_name\t-\t-\t{session}\tnbflow run x\n")
    answers = Answers(tmp_path / "root", tmp_path / "scratch", {})
    with pytest.warns(NbflowWarning, match="tells of no run"):
        shown = answers.answer({"ask": "sessions"})["sessions"]
    assert [row["id"] for row in shown] == [SESSION]


@pytest.mark.parametrize(
    "where",
    [
        "realtime > 9**9**9",
        "name * 9999999999 == ''",
        "'%999999999d' % exit == ''",
        "1 << 99999999999",
        "round(1, -99999999) > 1",
    ]
    + ["any(a for a in name for b in name)", "all([realtime * 2 > 5])"],
)
def test_a_filter_that_could_take_all_memory_or_time_of_the_server_is_refused(answers: Answers, where: str) -> None:
    with pytest.raises(NbflowError, match="ask in a notebook"):
        answers.answer({"ask": "tasks", "directory": "made", "session": SESSION, "where": where})


@pytest.mark.parametrize("where", ["(" * 5000, "exit ==", "__import__('os')", "name.__class__", "x", "lambda: 1", "\0"])
def test_a_filter_that_is_none_is_refused_in_a_sentence(answers: Answers, where: str) -> None:
    with pytest.raises(NbflowError):
        answers.answer({"ask": "tasks", "directory": "made", "session": SESSION, "where": where})


# No trace -------------------------------------------------------------------------------------------------------------


def everything(ground: Ground, answers: Answers) -> Iterator[dict[str, Any]]:
    """All that a page asks."""
    yield answers.answer({"ask": "directories"})
    for directory in ("made", "deep/down", "mixed"):
        yield (shown := answers.answer({"ask": "sessions", "directory": directory}))
        yield answers.answer({"ask": "sizes", "directory": directory})
        for run in [run["run"] for session in shown["sessions"] for run in session["runs"]]:
            about = {"directory": directory, "run": run}
            yield (tasks := answers.answer({"ask": "tasks", **about, "sort": "size", "text": "a"}))
            for row in tasks["rows"][:3]:
                yield (task := answers.answer({"ask": "task", **about, "id": row["id"]}))
                yield answers.answer({"ask": "logs", **about, "id": row["id"]})
                for output in task["outputs"]:
                    yield answers.answer({"ask": "preview", **about, "id": row["id"], "output": output["name"]})
            yield answers.answer({"ask": "compare", "directory": directory, "one": run, "other": run})


def test_reading_leaves_everything_as_it_was(ground: Ground, answers: Answers, tmp_path: Path) -> None:
    lock = ground.made.layout.history.with_name("history.lock")
    lock.unlink(missing_ok=True)  # as where only Nextflow ran: it deletes its own
    before = ground.facts()
    assert len(list(everything(ground, answers))) > 30
    assert ground.facts() == before
    assert list((tmp_path / "scratch").iterdir()) == []


def test_what_was_read_of_few_directories_is_kept(tmp_path: Path) -> None:
    for number in range(12):
        MadeSession((tmp_path / f"d{number}"), 1)
    answers = Answers(tmp_path, tmp_path / "scratch", {})
    for number in range(12):
        answers.answer({"ask": "sessions", "directory": f"d{number}"})
    assert len(answers._models) == 8
