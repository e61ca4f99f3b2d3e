"""Tests of the files that operators write: each goes with the last session that relies on it, and no earlier."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from nbflow.execution.channels import kept_files
from nbflow.storage.collected import Collected, Owner
from tests.storage.launch import OTHER, SESSION, Launch


@pytest.fixture
def collected(tmp_path: Path) -> Collected:
    return Collected(tmp_path / "work")


def write(collected: Collected, owner: Owner | None, text: bytes, name: str = "all.txt") -> Path:
    """Write a file as the operators do."""
    root = collected.root.parent
    kept_files.NOTES.pop(root, None)
    if owner is not None:
        kept_files.NOTES[root] = owner.note
    return kept_files.write([text], name, root=root)


def of(collected: Collected, session: str) -> Owner:
    owner = Owner(collected)
    owner.begins(session)
    return owner


def test_a_file_goes_with_the_last_session_that_relies_on_it(collected: Collected) -> None:
    shared = write(collected, of(collected, "a"), b"both")
    assert write(collected, of(collected, "b"), b"both") == shared
    own = write(collected, of(collected, "a"), b"own")
    assert collected.orphans("a") == {own: 3}
    assert collected.release("a") == {own: 3}
    assert (own.exists(), own.parent.exists(), shared.exists()) == (False, False, True)
    assert collected.release("b") == {shared: 4}
    assert [path for path in collected.root.rglob("*") if path.is_file()] == [collected.root / ".sessions" / ".lock"]


def test_what_was_written_before_the_session_began_is_its_own_and_safe_till_then(collected: Collected) -> None:
    early = Owner(collected)
    path = write(collected, early, b"early")
    of_other = write(collected, of(collected, "b"), b"early")
    assert path == of_other
    assert collected.release("b") == {}
    assert path.exists()
    early.begins("a")
    assert collected.release("a") == {path: 5}


def test_the_next_run_of_another_session_does_not_inherit(collected: Collected) -> None:
    owner = of(collected, "a")
    first = write(collected, owner, b"one")
    owner.ends()
    owner.begins("b")
    second = write(collected, owner, b"two")
    assert collected.orphans("a") == {first: 3}
    assert collected.orphans("b") == {second: 3}


def test_a_file_that_nobody_noted_is_never_removed(collected: Collected) -> None:
    path = write(collected, None, b"whose")
    other = write(collected, of(collected, "a"), b"mine")
    assert collected.release("a") == {other: 4}
    assert path.exists()


def test_a_line_that_leads_elsewhere_removes_nothing(collected: Collected, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    write(collected, of(collected, "a"), b"mine")
    lines = ['"../../precious"', f'"{tmp_path / "precious"}"', "half a li", "5", '""']
    with open(collected.root / ".sessions" / "a", "a") as file:
        file.write("\n".join(lines))
    collected.release("a")
    assert (tmp_path / "precious").exists()


def test_a_file_is_not_removed_between_being_found_and_being_noted(collected: Collected) -> None:
    path = write(collected, of(collected, "a"), b"text")
    other = of(collected, "b")
    released = threading.Thread(target=collected.release, args=("a",))
    with collected.hold():
        assert path.exists()
        released.start()
        released.join(0.2)
        other.note(path)
    released.join()
    assert path.exists()


def test_cleaning_the_last_run_of_a_session_takes_its_files_and_a_dry_run_names_them(tmp_path: Path) -> None:
    from nbflow.storage.clean import Step, clean

    launch = Launch(tmp_path)
    first, second = launch.run(ran=(1,)), launch.run(ran=(2,))
    there = Collected(launch.layout.work_root)
    path = write(there, of(there, SESSION), b"text")
    shared = write(there, of(there, SESSION), b"shared")
    write(there, of(there, OTHER), b"shared")
    steps: list[Step] = []
    clean(launch.reader, [first], steps.append, really=True)
    assert path.exists()
    for really in (False, True):
        steps.clear()
        clean(launch.reader, [second], steps.append, really=really)
        assert [step.size for step in steps if step.path == path] == [4]
        assert path.exists() is not really
    assert shared.exists()
