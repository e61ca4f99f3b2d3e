"""The steps around a script: bash does them, whatever the names, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from nbflow.core.declaration.file_rules import FileRules
from nbflow.execution.scripts.steps import STEPS, Steps
from nbflow.execution.spec import OutputSpec

ODD = ["a b", "it's", '"q"', "$(touch pwned)", "`touch pwned`", "-n", "*", "[x]", "new\nline", "ünï", "a]b", "a'b\"c\\"]


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    work_dir = tmp_path / "work dir"
    (work_dir / ".nbflow").mkdir(parents=True)
    (tmp_path / "scratch place").mkdir()
    return work_dir


def start(work_dir: Path, text: str, **steps: object) -> subprocess.Popen[bytes]:
    (work_dir / ".command.sh").write_text(text)
    place = str(work_dir.parent / "scratch place")
    (work_dir / STEPS).write_text(Steps(("bash", "-ue", ".command.sh"), **{"scratch": place, **steps}).text)
    return subprocess.Popen(
        ["bash", "-ue", STEPS], cwd=work_dir, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


def run(work_dir: Path, text: str, **steps: object) -> tuple[int, bytes, bytes]:
    process = start(work_dir, text, **steps)
    out, err = process.communicate()
    assert [*(work_dir.parent / "scratch place").iterdir()] == []
    return process.returncode, out, err


def wanted(*patterns: str, **rules: object) -> tuple[OutputSpec, ...]:
    return (OutputSpec("o", kind="files", patterns=patterns, rules=FileRules(**rules)),)


def there(work_dir: Path) -> set[str]:
    """What came out, files and links, by relative name."""
    found = {str(path.relative_to(work_dir)) for path in work_dir.rglob("*") if path.is_symlink() or not path.is_dir()}
    return found - {".command.sh", STEPS}


@pytest.mark.parametrize("mode", ["copy", "move"])
@pytest.mark.parametrize(
    ("script", "outputs", "found"),
    [
        ("touch a b", wanted("a"), {"a"}),
        ("touch a b", wanted("no"), set()),
        ("mkdir d; touch d/a d/b", wanted("d/a"), {"d/a"}),
        ("mkdir d; touch d/a d/b", wanted("d/a", "d"), {"d/a", "d/b"}),
        ("mkdir -p d/e; touch d/e/a", wanted("d/**", "d/e"), {"d/e/a"}),
        ("touch .h a", wanted("*"), {"a"}),
        ("touch .h a", wanted("*", hidden=True), {".h", "a"}),
        ("touch .h a", wanted(".h"), {".h"}),
        ("touch a; ln -s a l; ln -s gone m", wanted("?"), {"a", "l", "m"}),
        ("mkdir a; touch a/y; ln -s a b", wanted("*/*"), {"a/y", "b/y"}),
        ("touch x1 '*1'", wanted("[*]1"), {"*1"}),
        ("echo v >.command.env", (), {".command.env"}),
        ("touch .exitcode .command.x a", wanted(".*", "**", hidden=True), {"a"}),
        ("mkdir -p d/e; touch a d/e/a", wanted("**", type="file"), {"a", "d/e/a"}),
        ("mkdir -p d/e; touch a d/e/a", wanted("*", type="dir"), {"d/e/a"}),
    ],
)
def test_what_matches_leaves_and_nothing_else(
    work_dir: Path, mode: str, script: str, outputs: tuple[OutputSpec, ...], found: set[str]
) -> None:
    assert run(work_dir, script, outputs=outputs, stage_out_mode=mode)[0] == 0
    assert there(work_dir) == found
    # Again, as by hand: what is there already is put in its place anew.
    assert run(work_dir, script, outputs=outputs, stage_out_mode=mode)[0] == 0
    assert there(work_dir) == found


@pytest.mark.parametrize("mode", ["copy", "move"])
def test_files_of_odd_names_leave(work_dir: Path, mode: str) -> None:
    script = "printf '' >pwned_not\n" + "".join("cat >" + quoted(name) + " </dev/null\n" for name in ODD)
    assert run(work_dir, script, outputs=wanted("*"), stage_out_mode=mode)[0] == 0
    assert there(work_dir) == {*ODD, "pwned_not"}


@pytest.mark.parametrize("mode", ["symlink", "rellink", "link", "copy"])
def test_files_of_odd_names_come_in_and_stay_there(work_dir: Path, mode: str) -> None:
    source = work_dir.parent / "source"
    source.mkdir()
    for name in ODD:
        (source / name).write_text(name)
    staged = {f"in/{name}": str(source / name) for name in ODD}
    status, out, err = run(
        work_dir,
        "cat in/*; echo; touch made in/made",
        staged=staged,
        stage_in_mode=mode,
        outputs=wanted("*", "**", "in/*"),
    )
    assert (status, err) == (0, b"")
    assert sorted(out.decode()) == sorted("".join(ODD) + "\n")
    assert there(work_dir) == {"made", "in/made"}
    assert {path.name for path in source.iterdir()} == {*ODD}


def test_a_failure_is_the_status_and_nothing_leaves(work_dir: Path) -> None:
    status, _, err = run(work_dir, "touch a; echo told >&2; exit 7", outputs=wanted("a"))
    assert (status, err) == (7, b"told\n")
    assert there(work_dir) == set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_task_that_is_ended_leaves_no_scratch_directory(work_dir: Path, number: signal.Signals) -> None:
    process = start(work_dir, "echo runs; sleep 600", outputs=wanted("a"))
    assert process.stdout is not None
    assert process.stdout.readline() == b"runs\n"
    os.killpg(process.pid, number)
    process.communicate()
    assert process.returncode == 128 + number
    assert [*(work_dir.parent / "scratch place").iterdir()] == []


@pytest.mark.parametrize("status", [0, 5])
def test_the_status_is_the_scripts_also_where_the_directory_cannot_be_deleted(
    work_dir: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    fake = work_dir.parent / "fake bin"
    fake.mkdir()
    (fake / "rm").write_text("#!/bin/sh\nexit 1\n")
    (fake / "rm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake}:{os.environ['PATH']}")
    process = start(work_dir, f"mkdir d; chmod 500 d; exit {status}")
    process.communicate()
    assert process.returncode == status


@pytest.mark.skipif(not os.path.exists("/proc/version"), reason="needs a file on another disk: /proc")
def test_a_hard_link_to_another_disk_is_told(work_dir: Path) -> None:
    status, _, err = run(
        work_dir, "touch ran", staged={"v": "/proc/version"}, stage_in_mode="link", outputs=wanted("ran")
    )
    assert (status, there(work_dir)) == (1, set())
    assert b"hard links cannot leave a disk; write stage_in_mode: copy" in err


def test_a_place_that_is_not_there_is_told(work_dir: Path) -> None:
    status, _, err = run(work_dir, ":", scratch=str(work_dir / "no such place"))
    assert status == 1
    assert b"no scratch directory can be made there; correct the directive scratch" in err
    status, _, err = run(work_dir, ":", scratch="$NOT_SET_ANYWHERE")
    assert status != 0
    assert b"NOT_SET_ANYWHERE: is not set; the directive scratch names it" in err


def quoted(name: str) -> str:
    return "./'" + name.replace("'", "'\\''") + "'"
