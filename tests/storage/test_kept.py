"""A container of an earlier run is taken as it is only if it is surely whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nbflow.storage import kept, values

VALUE = {"large": np.arange(values.MAPPED_FROM // 8 + 1), "small": [1, 2]}


@pytest.fixture
def container(tmp_path: Path) -> Path:
    path = tmp_path / "values"
    kept.remember(path, values.dump(VALUE, path, buffers_dir=tmp_path), "boot")
    return path


def _recalled(container: Path, boot: str = "boot") -> values.Dumped | None:
    return kept.recall(container, container.parent, boot)


def _buffer(container: Path) -> Path:
    return next(container.parent.glob("*.buffer"))


def _edit(path: Path) -> None:
    """Change the last byte, and keep size and modification time."""
    facts = path.stat()
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\xfe")
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _change_facts(container: Path, **changes: object) -> None:
    path = container.with_name("values.facts")
    facts = json.loads(path.read_bytes()) | changes
    path.chmod(0o644)
    path.write_text(json.dumps(facts))


def test_what_was_remembered_is_recalled_and_can_be_read(container: Path) -> None:
    dumped = _recalled(container)
    assert dumped is not None
    found = values.load(container, buffers_dir=container.parent, expected=dumped)
    assert found["small"] == VALUE["small"]
    assert (found["large"] == VALUE["large"]).all()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.unlink(),
        _edit,
        lambda path: os.utime(path, ns=(1, 1)),
        lambda path: [path.chmod(0o644), path.write_bytes(path.read_bytes()[:-1])],
        lambda path: _buffer(path).unlink(),
        lambda path: os.utime(_buffer(path), ns=(1, 1)),
        lambda path: os.truncate(_buffer(path), 8),
        lambda path: path.with_name("values.facts").unlink(),
        lambda path: _change_facts(path, dumped={}),
        lambda path: _change_facts(path, dumped=3),
        lambda path: _change_facts(path, made_by="another Python"),
        lambda path: os.truncate(path.with_name("values.facts"), 20),
        kept.forget,
    ],
    ids=[
        "deleted", "edited in silence", "touched", "cut off", "buffer deleted", "buffer touched", "buffer cut off",
        "facts deleted", "facts of another shape", "facts that are no facts", "made by another Python", "facts cut off",
        "forgotten",
    ],
)  # fmt: skip
def test_what_is_not_surely_whole_is_not_recalled(damage: Callable[[Path], object], container: Path) -> None:
    damage(container)
    assert _recalled(container) is None


def test_after_a_restart_of_the_machine_buffers_are_read_once(container: Path) -> None:
    assert _recalled(container, "later") is not None
    _edit(_buffer(container))
    assert _recalled(container, "later") is not None, "trusted by size and time within one start of the machine"
    assert _recalled(container, "latest") is None


def test_forgetting_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    kept.forget(tmp_path / "values")
