"""Retention in a notebook: loading removes nothing, the first task lets the others' expired runs go, never its own."""

from __future__ import annotations

import os
import time
from pathlib import Path

from nbflow.storage.browse import Reader
from nbflow.storage.collected import Collected
from nbflow.storage.layout import Layout
from tests.notebook.lab import Lab
from tests.storage.launch import age

CELL = "%%process add -> total\ntotal = 1 + 1"
LIMIT = "%config NBFlow.storage_expiration_hours = 24"


def wait_for_log(layout: Layout) -> str:
    """What the process beside the kernel wrote, once it has ended its line."""
    log = layout.own_dir / "retention.log"
    end = time.monotonic() + 120
    while not log.exists() or not log.read_text().endswith("\n"):
        assert time.monotonic() < end, "nothing was cleaned away"
        time.sleep(0.05)
    return log.read_text()


def everything(directory: Path) -> set[Path]:
    return set(directory.rglob("*"))


def test_loading_removes_nothing_and_the_first_task_lets_all_go_but_the_session_that_it_resumes(lab: Lab) -> None:
    layout = Layout(lab.launch_dir, os.environ)
    for _ in range(2):
        lab.ok("%resume new")
        lab.ok(CELL)
    lab.stop()
    first, second = Reader(layout).runs()
    for record in (first, second):
        age(layout, record, 30)
    before = everything(lab.launch_dir)
    lab.start()
    lab.ok(LIMIT)
    assert everything(lab.launch_dir) == before
    cell = lab.ok(CELL)
    assert cell.cached, cell.out
    assert "1 run that has expired is being cleaned away" in cell.out
    assert "Removed 1 run" in wait_for_log(layout)
    assert not layout.session_dir(first.session).exists()
    assert [record.session for record in Reader(layout).runs()] == [second.session] * 2
    assert "in use" in lab.ok("%nbflow clean --expired -n").out
    lab.restart()
    assert lab.ok(CELL).cached


def test_an_interactive_kernel_that_ends_well_keeps_what_it_has(lab: Lab) -> None:
    lab.ok(LIMIT)
    lab.ok("%%process keep -> kept\nkept = 2")
    lab.restart()
    assert lab.ok("%%process keep -> kept\nkept = 2").cached


def test_what_an_operator_wrote_is_noted_for_the_session_also_before_its_first_task(lab: Lab) -> None:
    layout = Layout(lab.launch_dir, os.environ)
    lab.ok("%resume new")
    lab.ok("early = list(channel.of('a').collect_file(name='early.txt'))")
    lab.ok("%%process other -> two\ntwo = 2")
    lab.ok("late = list(channel.of('b').collect_file(name='late.txt'))")
    session = Reader(layout).runs()[-1].session
    orphans = Collected(layout.work_root).orphans(session)
    assert {path.name for path in orphans} == {"early.txt", "late.txt"}
    lab.ok("%resume new")
    assert f"Removed {next(iter(orphans))}" in lab.ok(f"%nbflow clean -f {session}").out
    assert not any(path.exists() for path in orphans)


def test_a_setting_that_the_file_overrules_says_so(lab: Lab) -> None:
    file = lab.write("nbflow.toml", "[retention]\nage_limit = '2 days'\n")
    assert "nbflow.toml sets `age_limit`, and goes before" in lab.ok("%config NBFlow.age_limit = '1 day'").out
    assert "nbflow.toml" not in lab.ok("%config NBFlow.price_per_gb_month = 0.1").out
    file.unlink()
    assert "nbflow.toml" not in lab.ok("%config NBFlow.age_limit = '3 days'").out
