"""A disk that is full costs a word and a second try, never a result."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from nbflow.errors import CacheError
from nbflow.storage import workdir
from tests.notebook.lab import Lab

FULL = Path("/dev/full")


def full(place: Path) -> None:
    """Write where there is no space, as to a disk that is full."""
    with workdir.disk(place), FULL.open("wb", buffering=0) as file:
        file.write(b"x")


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_a_full_disk_names_the_place_and_the_next_step(tmp_path: Path) -> None:
    with pytest.raises(CacheError, match=f"{tmp_path}.*No space left.*nbflow clean"):
        full(tmp_path)


def test_other_errors_pass_as_they_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), workdir.disk(tmp_path):
        (tmp_path / "none").read_text()


def test_a_task_that_cannot_be_prepared_leaves_nothing_behind(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same cell runs once there is space."""
    write = workdir.write

    def refused(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    lab.ok("%%process add(n) -> r\nr = n + 1")
    monkeypatch.setattr(workdir, "write", refused)
    assert "Free space there" in lab.fails("add(1)", "CacheError")
    assert "Free space there" in lab.fails("add(channel.of(1, 2))", "CacheError")
    monkeypatch.setattr(workdir, "write", write)
    cell = lab.ok("add(1)")
    assert cell.result == 2
    assert not cell.cached


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
def test_a_body_that_meets_a_full_disk_is_told_what_to_do(lab: Lab) -> None:
    said = lab.fails("%%process filling -> r\nopen('/dev/full', 'w', buffering=1).write('x\\n')\nr = 1")
    assert "the disk is full" in said
