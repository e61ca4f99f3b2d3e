"""Which session a kernel continues: after a restart, a rename, beside another notebook."""

from __future__ import annotations

from pathlib import Path

from tests.notebook.conftest import Kernel

from .conftest import LOG, StartKernel, statuses, write_notebook

CELL = "%%process once -> y\ny = 6 * 7"


def status_of_once(kernel: Kernel) -> str:
    reply = kernel.run(CELL)
    assert reply.status == "ok", reply.content
    return statuses(kernel.run(LOG).text("stdout"))["once"]


def test_a_restarted_kernel_waits_for_the_one_before_and_continues_its_session(
    start_kernel: StartKernel, tmp_path: Path
) -> None:
    write_notebook(tmp_path / "a.ipynb")
    before, after = start_kernel("a.ipynb"), start_kernel("a.ipynb")
    assert status_of_once(before) == "COMPLETED"
    cell = after.send(CELL)
    before.client.shutdown()
    assert after.reply(cell).status == "ok"
    assert statuses(after.run(LOG).text("stdout")) == {"once": "CACHED"}


def test_a_renamed_notebook_keeps_its_session(start_kernel: StartKernel, tmp_path: Path) -> None:
    write_notebook(tmp_path / "before.ipynb")
    kernel = start_kernel("before.ipynb")
    assert status_of_once(kernel) == "COMPLETED"
    kernel.manager.shutdown_kernel()
    (tmp_path / "before.ipynb").rename(tmp_path / "after.ipynb")
    assert status_of_once(start_kernel("after.ipynb")) == "CACHED"


def test_two_notebooks_of_a_directory_run_side_by_side_and_each_comes_back_to_its_own(
    start_kernel: StartKernel, tmp_path: Path
) -> None:
    for name in ("a.ipynb", "b.ipynb"):
        write_notebook(tmp_path / name)
    kernels = [start_kernel("a.ipynb"), start_kernel("b.ipynb")]
    assert [status_of_once(kernel) for kernel in kernels] == ["COMPLETED", "COMPLETED"]
    assert kernels[0].run("%%process only_a -> z\nz = 1").status == "ok"
    for kernel in kernels:
        kernel.manager.shutdown_kernel()
    again = start_kernel("a.ipynb")
    assert status_of_once(again) == "CACHED"
    again.run("%%process only_a -> z\nz = 1")
    assert statuses(again.run(LOG).text("stdout")) == {"once": "CACHED", "only_a": "CACHED"}
    assert status_of_once(start_kernel("b.ipynb")) == "CACHED"


def test_a_killed_kernel_leaves_its_session_free_and_its_results_whole(
    start_kernel: StartKernel, tmp_path: Path
) -> None:
    write_notebook(tmp_path / "a.ipynb")
    kernel = start_kernel("a.ipynb")
    assert status_of_once(kernel) == "COMPLETED"
    kernel.manager.shutdown_kernel(now=True)
    assert status_of_once(start_kernel("a.ipynb")) == "CACHED"
