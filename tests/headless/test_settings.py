"""Profiles, stub runs and budgets of `nbflow run`."""

from __future__ import annotations

from pathlib import Path

from tests.headless.test_preview import listed
from tests.headless.test_run import LOAD, history, nbflow, tasks, write

TOML = """
[process.ext]
args = "-a"
[profiles.test.process.ext]
args = "-t"
[executor]
cpus = 1
memory = "1 GB"
"""
CELLS = (
    LOAD,
    "%%process fit(n) -> o\n#| stub: o = 'stub'\no = task.ext.args",
    "print('made', fit(1))",
)


def test_profiles_and_stub_runs_are_asked_for_on_the_command_line(tmp_path: Path) -> None:
    write(tmp_path / "a.ipynb", *CELLS)
    (tmp_path / "nbflow.toml").write_text(TOML)
    asked = ((), ("--profile", "test"), ("--stub-run",), ("--stub-run", "--preview"), ())
    done = [nbflow(tmp_path, "run", *words, "a.ipynb") for words in asked]
    assert [each.returncode for each in done] == [0] * 5, [each.stderr for each in done]
    assert ["made -a" in done[0].stdout, "made -t" in done[1].stdout, "made stub" in done[2].stdout] == [True] * 3
    assert {verdict for verdict, _ in listed(done[3].stdout).values() if verdict != "VERDICT"} == {"cached"}
    assert tasks(tmp_path) == {"fit": "CACHED"}
    assert [record.command for record in history(tmp_path)][1:3] == [
        "nbflow run --profile test a.ipynb",
        "nbflow run --stub-run a.ipynb",
    ]


def test_a_mistake_is_told_before_a_kernel_starts(tmp_path: Path) -> None:
    write(tmp_path / "a.ipynb", "print('ran')")
    (tmp_path / "nbflow.toml").write_text(TOML)
    done = nbflow(tmp_path, "run", "--profile", "tst", "a.ipynb")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "nbflow: nbflow.toml: unknown profile `tst`; did you mean `test`?\n"
    (tmp_path / "nbflow.toml").write_text("[process]\ncpuss = 1")
    done = nbflow(tmp_path, "run", "a.ipynb")
    assert (done.returncode, done.stdout) == (1, "")
    assert "unknown directive `cpuss`" in done.stderr


def test_the_budget_of_the_executor_is_that_of_the_file(tmp_path: Path) -> None:
    write(tmp_path / "a.ipynb", LOAD, "%%process wide(n) -> o\n#| cpus: 2\no = n", "wide(1)")
    (tmp_path / "nbflow.toml").write_text(TOML)
    done = nbflow(tmp_path, "run", "a.ipynb")
    assert done.returncode == 1
    assert "exceeds available CPUs -- req: 2; avail: 1" in done.stdout + done.stderr
    write(tmp_path / "a.ipynb", LOAD, "%%process large(n) -> o\n#| memory: 2 GB\no = n", "large(1)")
    done = nbflow(tmp_path, "run", "a.ipynb")
    assert "exceeds available memory -- req: 2 GB; avail: 1 GB" in done.stdout + done.stderr
