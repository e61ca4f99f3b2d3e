"""Tests of which directories are launch directories, and of what paths mean."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nbflow.server import places
from nbflow.server.places import NotHereError, Places
from nbflow.storage.layout import Layout
from tests.server.ground import NASTY, Ground


@pytest.fixture
def here(ground: Ground) -> Places:
    return Places(ground.root, {})


def launched(directory: Path) -> Path:
    layout = Layout(directory, {})
    layout.nextflow_dir.mkdir(parents=True)
    layout.history.touch()
    return directory


def found(root: Path) -> list[str]:
    here = Places(root, {})
    return [here.name(path) for path in here.find(here.root, 60).directories]


@pytest.mark.parametrize("text", NASTY)
def test_a_path_that_leads_out_of_the_root_or_to_no_launch_directory_is_told_from_none_by_nothing(
    here: Places, ground: Ground, text: str
) -> None:
    with pytest.raises(NotHereError) as refused:
        here.launch(ground.nasty(text))
    assert str(refused.value) == str(NotHereError())


@pytest.mark.parametrize(("text", "directory"), [("made", "made"), ("deep/down", "deep/down"), ("inner", "made")])
def test_a_launch_directory_is_named_by_its_path_below_the_root(
    here: Places, ground: Ground, text: str, directory: str
) -> None:
    assert here.launch(text).launch_dir == ground.root / directory


def test_the_root_itself_may_be_a_launch_directory(tmp_path: Path) -> None:
    launched(tmp_path)
    here = Places(tmp_path, {})
    assert here.launch("").launch_dir == tmp_path.resolve()
    assert found(tmp_path) == [""]


def test_all_launch_directories_are_found_but_those_hidden_elsewhere_or_inside_of_work_directories(
    here: Places, ground: Ground
) -> None:
    search = here.find(here.root, 60)
    assert [here.name(path) for path in search.directories] == ["made", "mixed", "deep/down"]
    assert search.is_complete and not search.is_limited


def test_a_directory_that_is_only_called_work_is_looked_into(tmp_path: Path) -> None:
    launched(tmp_path / "work" / "project")
    assert found(tmp_path) == ["work/project"]


def test_environments_and_packages_are_passed_over(tmp_path: Path) -> None:
    for name in ("venv/lib/a", "conda/b", "node_modules/c", "there/d"):
        launched(tmp_path / name)
    (tmp_path / "venv/pyvenv.cfg").touch()
    (tmp_path / "conda/conda-meta").mkdir()
    assert found(tmp_path) == ["there/d"]


def test_a_search_ends_at_its_depth_and_says_so(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*"abcdefgh")
    launched(deep)
    launched(deep / "i")
    here = Places(tmp_path, {})
    search = here.find(here.root, 60)
    assert [here.name(path) for path in search.directories] == ["a/b/c/d/e/f/g/h"]
    assert search.is_limited


def test_a_search_ends_at_its_number_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST", 20)
    for number in range(15):
        launched(tmp_path / f"a{number:02d}" / "b" / "c")
    here = Places(tmp_path, {})
    search = here.find(here.root, 60)
    assert search.is_complete and search.is_limited


def test_a_search_goes_on_from_question_to_question_and_keeps_what_it_found(tmp_path: Path) -> None:
    for number in range(30):
        launched(tmp_path / f"a{number:02d}")
    here = Places(tmp_path, {})
    sizes = []
    while not (search := here.find(here.root, 0)).is_complete and len(sizes) < 10_000:
        sizes.append(len(search.directories))
        here.find(here.root, 1e-5)
    assert len(search.directories) == 30
    assert sizes == sorted(sizes) and sizes[0] == 0


def test_a_stale_search_is_made_anew_and_shows_what_it_knew_until_it_is_complete(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, gone = launched(tmp_path / "b/c/kept"), launched(tmp_path / "gone")
    here = Places(tmp_path, {})
    assert len(here.find(here.root, 60).directories) == 2
    monkeypatch.setattr(places, "FRESH", -1.0)
    (gone / ".nextflow/history").unlink()
    again = here.find(here.root, 0)
    assert again.directories == [kept] and not again.is_complete
    launched(tmp_path / "new")
    assert here.find(here.root, 60).directories == [tmp_path / "new", kept]


def test_a_cache_that_was_moved_is_found_where_it_lies_and_not_outside_the_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a" / "cache").mkdir(parents=True)
    (root / "a" / "cache" / "history").touch()
    assert [path.name for path in Places(root, {"NXF_CACHE_DIR": "cache"}).find(root, 60).directories] == ["a"]
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "history").touch()
    for moved in (str(tmp_path / "elsewhere"), "s3://bucket/cache"):
        assert Places(root, {"NXF_CACHE_DIR": moved}).find(root, 60).directories == []


def test_one_cache_for_all_directories_is_shown_once_at_the_root(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    cache = launched(tmp_path / "c") / ".nextflow"
    here = Places(tmp_path, {"NXF_CACHE_DIR": str(cache)})
    assert here.find(here.root, 60).directories == [here.root]
    assert here.launch("").nextflow_dir == cache
    with pytest.raises(NotHereError):
        here.launch("a")


def test_searches_that_many_ask_for_are_forgotten(tmp_path: Path) -> None:
    here = Places(tmp_path, {})
    for number in range(20):
        (tmp_path / str(number)).mkdir()
        here.find(tmp_path / str(number), 1)
    assert len(here._searches) <= 4


def test_a_directory_that_goes_meanwhile_is_passed_over(tmp_path: Path) -> None:
    launched(tmp_path / "z")
    (tmp_path / "a").mkdir()
    here = Places(tmp_path, {})
    here.find(here.root, 0)
    search = here._searches[here.root]
    search._look(*search._queue.popleft())
    os.rmdir(tmp_path / "a")
    assert [path.name for path in here.find(here.root, 60).directories] == ["z"]
