"""Where everything lies: Nextflow's places, moved by its variables."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from nbflow.errors import CacheError
from nbflow.storage.layout import Layout

SESSION = "4dc656d2-8fbb-4b50-9b6a-0d6a3b6a1f5e"
TASK_HASH = "ab" + "cdef12" * 5


def test_the_places_are_nextflows(tmp_path):
    layout = Layout(tmp_path, {})
    session_dir = tmp_path / ".nextflow" / "cache" / SESSION
    assert layout.history == tmp_path / ".nextflow" / "history"
    assert layout.db_dir(SESSION) == session_dir / "db"
    assert layout.index(SESSION, "happy_turing") == session_dir / "index.happy_turing"
    assert layout.work_dir(TASK_HASH) == tmp_path / "work" / "ab" / ("cdef12" * 5)
    assert layout.stage_dir(SESSION) == tmp_path / "work" / f"stage-{SESSION}"


def test_what_is_nbflows_own_is_named_so(tmp_path):
    layout = Layout(tmp_path, {})
    session_dir = tmp_path / ".nextflow" / "cache" / SESSION
    assert layout.own_dir == tmp_path / ".nextflow" / "nbflow"
    assert layout.marker(SESSION) == session_dir / "nbflow.json"
    assert layout.lock(SESSION) == session_dir / "nbflow.lock"
    assert layout.events(SESSION, "happy_turing") == session_dir / "events.happy_turing"


def test_variables_move_the_directories(tmp_path):
    layout = Layout(tmp_path, {"NXF_CACHE_DIR": "/elsewhere/cache", "NXF_WORK": "/scratch/work"})
    assert (layout.nextflow_dir, layout.work_root) == (Path("/elsewhere/cache"), Path("/scratch/work"))


def test_relative_places_count_from_the_launch_directory(tmp_path):
    layout = Layout(tmp_path / "a", {"NXF_CACHE_DIR": "../shared", "NXF_WORK": "w"})
    assert (layout.nextflow_dir, layout.work_root) == (tmp_path / "shared", tmp_path / "a" / "w")


def test_empty_variables_move_nothing(tmp_path):
    layout = Layout(tmp_path, {"NXF_CACHE_DIR": "", "NXF_WORK": ""})
    assert (layout.nextflow_dir, layout.work_root) == (tmp_path / ".nextflow", tmp_path / "work")


def test_the_work_argument_goes_before_the_variable(tmp_path):
    assert Layout(tmp_path, {"NXF_WORK": "/scratch"}, work="mine").work_root == tmp_path / "mine"


def test_paths_stay_where_they_were_when_the_directory_or_the_environment_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    environ = {"NXF_WORK": "w"}
    layout = Layout(".", environ)
    monkeypatch.chdir("/")
    environ["NXF_WORK"] = "x"
    assert (layout.launch_dir, layout.work_root) == (tmp_path, tmp_path / "w")


@pytest.mark.parametrize("environ", [{"NXF_WORK": "s3://bucket/work"}, {"NXF_CACHE_DIR": "gs://bucket"}])
def test_a_url_is_refused(tmp_path, environ):
    with pytest.raises(CacheError, match=next(iter(environ.values()))):
        Layout(tmp_path, environ)


@pytest.mark.parametrize(
    "task_hash", ["", "ab/cdef", "AB" + "0" * 30, "0" * 31, "0" * 33, "../" + "0" * 29, "0" * 32 + "\n"]
)
def test_only_a_whole_task_hash_has_a_work_directory(tmp_path, task_hash):
    with pytest.raises(ValueError, match="32"):
        Layout(tmp_path, {}).work_dir(task_hash)


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/etc", "a\0b"])
def test_names_from_files_lead_nowhere_else(tmp_path, name):
    layout = Layout(tmp_path, {})
    for place in (layout.session_dir, layout.stage_dir, lambda run: layout.index(SESSION, run)):
        with pytest.raises(ValueError, match="name"):
            place(name)


def test_ensure_makes_both_directories_and_git_ignores_them(tmp_path):
    layout = Layout(tmp_path, {"NXF_WORK": "deep/er/work"})
    layout.ensure()
    layout.ensure()
    for directory in (layout.nextflow_dir, layout.work_root):
        assert (directory / ".gitignore").read_text() == "*\n"


def test_ensure_keeps_a_gitignore_that_is_there(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / ".gitignore").write_text("mine\n")
    Layout(tmp_path, {}).ensure()
    assert (tmp_path / "work" / ".gitignore").read_text() == "mine\n"


def test_a_directory_of_nextflows_gets_a_gitignore(tmp_path):
    for name in ("ab", "0f", f"stage-{SESSION}", "conda"):
        (tmp_path / "work" / name).mkdir(parents=True)
    Layout(tmp_path, {}).ensure()
    assert (tmp_path / "work" / ".gitignore").exists()


def test_a_directory_with_a_users_files_is_not_hidden_from_git(tmp_path):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "thesis.tex").touch()
    Layout(tmp_path, {}).ensure()
    assert not (tmp_path / "work" / ".gitignore").exists()


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_git_sees_nothing_of_nbflows(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    layout = Layout(tmp_path, {})
    layout.ensure()
    layout.work_dir(TASK_HASH).mkdir(parents=True)
    (layout.work_dir(TASK_HASH) / ".command.sh").touch()
    layout.history.touch()
    status = subprocess.run(["git", "-C", tmp_path, "status", "--porcelain"], check=True, capture_output=True)
    assert status.stdout == b""


def test_a_directory_that_cannot_be_made_is_named_with_the_next_step(tmp_path):
    (tmp_path / "work").write_text("a file")
    with pytest.raises(CacheError, match=r"work.*NXF_WORK"):
        Layout(tmp_path, {}).ensure()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "work").mkdir(mode=0o500)
    with pytest.raises(CacheError, match="Permission"):
        Layout(tmp_path, {}).ensure()
