"""Only databases that nbflow made are opened."""

from __future__ import annotations

import json

import pytest

from nbflow.errors import CacheError
from nbflow.storage.database.marker import is_marked, mark_session


def test_a_new_session_is_marked_once(tmp_path):
    session = tmp_path / "cache" / "session"
    assert not is_marked(session)
    mark_session(session)
    first = (session / "nbflow.json").read_bytes()
    mark_session(session)
    assert is_marked(session)
    assert (session / "nbflow.json").read_bytes() == first
    assert json.loads(first)["version"] == 1
    assert [file.name for file in session.iterdir()] == ["nbflow.json"]


def test_a_session_with_a_database_of_nextflows_is_never_marked(tmp_path):
    (tmp_path / "db").mkdir()
    with pytest.raises(CacheError, match=r"made by Nextflow.*%resume new"):
        mark_session(tmp_path)
    assert not is_marked(tmp_path)


def test_a_marker_that_a_power_cut_emptied_still_marks(tmp_path):
    (tmp_path / "db").mkdir()
    (tmp_path / "nbflow.json").touch()
    mark_session(tmp_path)
    assert is_marked(tmp_path)


def test_a_session_of_a_newer_nbflow_is_refused(tmp_path):
    (tmp_path / "nbflow.json").write_text('{"version": 2}')
    with pytest.raises(CacheError, match="version 2, this nbflow knows version 1"):
        mark_session(tmp_path)


def test_a_directory_that_cannot_be_made_is_an_error_that_names_the_way_out(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match="NXF_CACHE_DIR"):
        mark_session(tmp_path / "file" / "session")
