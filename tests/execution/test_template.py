"""The template: workers are ready, alone, and never outdated."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from bodies import Bench

from nbflow.errors import ExecutorError
from nbflow.execution.local import tree
from nbflow.execution.local.preload import Preloaded, is_installed
from nbflow.execution.local.template import Declined, WorkerEnded, WorkerStarted

FORK = pytest.mark.skipif(sys.platform != "linux", reason="forks on Linux only")


@pytest.fixture(params=[pytest.param(True, marks=FORK, id="fork"), pytest.param(False, id="fresh")])
def bench(request: pytest.FixtureRequest, tmp_path) -> Iterator[Bench]:
    bench = Bench(tmp_path, fork=request.param)
    yield bench
    bench.close()


@pytest.fixture
def forking(tmp_path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.close()


def test_a_task_runs_and_is_told_with_what_it_used(bench):
    ran = bench.run("x = sum(range(3_000_000))\n")
    assert ran.status == 0 and ran.event.status == 0
    assert ran.event.rusage["utime"] > 0 and ran.event.rusage["maxrss"] > 0
    assert abs(ran.event.at - time.time()) < 60


def test_the_exit_status_of_a_failure_is_told(bench):
    ran = bench.run("import sys; sys.exit(3)\n")
    assert os.waitstatus_to_exitcode(ran.event.status) == 3


def test_nothing_that_a_task_does_to_its_process_reaches_the_next(bench):
    first = (
        "import os, random, sys, json, gc\nrandom.seed(99)\nos.environ['LEFT'] = '1'\nos.chdir('/')\njson.dumps = None\n"
        "sys.path.append('/left')\nimport builtins\nbuiltins.left = 1\nsys.setrecursionlimit(500)\nx = 1\n"
    )
    second = (
        "import os, random, sys, json, builtins\n"
        "x = (random.random(), os.environ.get('LEFT'), os.getcwd(), json.dumps(1), '/left' in sys.path, "
        "hasattr(builtins, 'left'), sys.getrecursionlimit())\n"
    )
    alone = bench.run(second).values()["x"]
    bench.run(first)
    after = bench.run(second)
    assert after.values()["x"] == (alone[0], None, str(after.work_dir), "1", False, False, alone[6])


def test_a_task_has_the_environment_it_was_given_and_no_other(bench):
    environ = {"PATH": os.environ["PATH"], "GIVEN": "täxt\udc80"}
    ran = bench.run("import os\nx = dict(os.environ)\n", environ=environ)
    assert {**environ, **ran.values()["x"]} == ran.values()["x"]
    assert set(ran.values()["x"]) - set(environ) <= {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"}


def test_tasks_run_side_by_side(bench):
    dirs = [bench.make("import time\ntime.sleep(0.3)\n") for _ in range(3)]
    for work_dir in dirs:
        bench.submit(work_dir)
    started = [bench.wait(str(dirs[-1]), (WorkerStarted,))]
    assert started and not any((work_dir / ".exitcode").exists() for work_dir in dirs)
    waiting = {str(work_dir) for work_dir in dirs}
    while waiting:
        for event in bench.template.handle():
            if isinstance(event, WorkerEnded):
                waiting.discard(event.id)
        time.sleep(0.01)


def test_a_worker_that_is_killed_is_told(bench):
    work_dir = bench.make("import time\ntime.sleep(600)\n")
    bench.submit(work_dir)
    pid = bench.wait(str(work_dir), (WorkerStarted,)).pid
    os.kill(pid, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(bench.wait(str(work_dir)).status) == -9
    assert bench.run("x = 1\n").status == 0


def test_workers_end_with_the_template(bench):
    work_dir = bench.make("import time\ntime.sleep(600)\n")
    bench.submit(work_dir)
    pid = bench.wait(str(work_dir), (WorkerStarted,)).pid
    bench.close()
    deadline = time.monotonic() + 10
    while pid in tree.process_table() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert pid not in tree.process_table()


def test_a_template_that_was_killed_is_an_executor_error(bench):
    bench.run("x = 1\n")
    bench.process.kill()
    bench.process.wait()
    with pytest.raises(ExecutorError, match="template"):
        list(iter(bench.template.handle, None))


@FORK
def test_workers_that_wait_are_killed_without_harm(forking):
    forking.run("x = 1\n")
    waiting = tree.descendants([forking.process.pid], tree.process_table())
    for pid in waiting:
        with contextlib.suppress(ProcessLookupError):  # the one that ran the task ends by itself
            os.kill(pid, signal.SIGKILL)
    while waiting & tree.process_table().keys():
        time.sleep(0.001)
    assert forking.run("x = 1\n").status == 0


@FORK
def test_modules_are_loaded_once_and_ahead(forking):
    body = "import sys\nx = 'colorsys' in sys.modules\n"
    assert forking.run(body).values()["x"] is False
    assert forking.run(body, preload=("colorsys",)).values()["x"] is True
    assert forking.run(body).values()["x"] is True


@FORK
def test_a_module_that_is_missing_or_broken_is_left_to_the_task(forking):
    assert forking.run("x = 1\n", preload=("no_such_module_at_all",)).status == 0


@FORK
def test_a_worker_has_nothing_left_to_load(forking):
    """Each module would cost every task what it costs to load."""
    body = (
        "import atexit, sys\natexit.register(lambda: open('loaded', 'w').write(' '.join(sys.modules)))\nx = [1, 'a']\n"
    )
    loaded = forking.run(body).text("loaded").split()
    code = "import sys; from nbflow.execution.local import warm; warm.worker.warm_up(); print(*sys.modules)"
    root = str(Path(tree.__file__).parents[3])
    environ = {**os.environ, "PYTHONPATH": root}
    ahead = subprocess.run(
        [sys.executable, "-P", "-c", code], env=environ, stdout=subprocess.PIPE, check=True, text=True
    )
    assert loaded and set(loaded) <= set(ahead.stdout.split())


def test_local_modules_are_never_loaded_ahead(forking, monkeypatch):
    (forking.root / "local_mod.py").write_text("K = 1\n")
    monkeypatch.syspath_prepend(str(forking.root))
    body = "import local_mod\nx = local_mod.K\n"
    assert forking.run(body, preload=("local_mod",)).values()["x"] == 1
    (forking.root / "local_mod.py").write_text("K = 22\n")
    assert forking.run(body, preload=("local_mod",)).values()["x"] == 22


@FORK
def test_a_local_module_in_the_place_of_a_loaded_one_is_found(forking, monkeypatch):
    body = "import colorsys\nx = getattr(colorsys, 'MINE', None)\n"
    monkeypatch.syspath_prepend(str(forking.root))
    assert forking.run(body, preload=("colorsys",)).values()["x"] is None
    (forking.root / "colorsys.py").write_text("MINE = 1\n")
    assert forking.run(body, preload=("colorsys",)).values()["x"] == 1


@FORK
def test_a_package_that_was_installed_anew_is_declined(forking, monkeypatch):
    site = forking.root / "site-packages"
    site.mkdir()
    (site / "packaged.py").write_text("V = 1\n")
    monkeypatch.syspath_prepend(str(site))
    body = "import packaged\nx = packaged.V\n"
    assert forking.run(body, preload=("packaged",)).values()["x"] == 1
    (site / "packaged.py").write_text("V = 222\n")
    ran = forking.run(body)
    assert isinstance(ran.event, Declined) and "packaged" in ran.event.reason


@FORK
def test_a_package_that_starts_a_thread_is_declined_and_not_loaded_again(forking, monkeypatch, tmp_path_factory):
    site = forking.root / "site-packages"
    site.mkdir()
    (site / "threading_pkg.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,), daemon=True).start()\n"
    )
    monkeypatch.syspath_prepend(str(site))
    ran = forking.run("x = 1\n", preload=("threading_pkg",))
    assert isinstance(ran.event, Declined) and "thread" in ran.event.reason
    other = Bench(tmp_path_factory.mktemp("other"))
    assert other.run("x = 1\n", preload=("threading_pkg",)).status == 0
    other.close()


@FORK
def test_a_package_that_brings_a_local_module_is_declined(forking, monkeypatch):
    site, mine = forking.root / "site-packages", forking.root / "mine"
    site.mkdir()
    mine.mkdir()
    (mine / "local_dep.py").write_text("")
    (site / "bringing.py").write_text(f"import sys\nsys.path.append({str(mine)!r})\nimport local_dep\n")
    monkeypatch.syspath_prepend(str(site))
    ran = forking.run("x = 1\n", preload=("bringing",))
    assert isinstance(ran.event, Declined) and "local_dep" in ran.event.reason


def test_installed_and_local_entries_are_told_apart():
    assert is_installed(os.path.dirname(os.__file__))
    assert is_installed("/x/lib/python3/site-packages")
    assert not is_installed("/home/me/project")


def test_a_directory_without_init_shadows_nothing(tmp_path, monkeypatch):
    # What was loaded before is the template's own, and no task's.
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    preloaded = Preloaded()
    preloaded.load(["colorsys"], sys.path)
    (tmp_path / "colorsys").mkdir()
    _settle(tmp_path)
    assert not preloaded.shadowed([str(tmp_path)])
    (tmp_path / "colorsys" / "__init__.py").write_text("")
    assert preloaded.shadowed([str(tmp_path)])


def _settle(directory):
    """Make a directory old enough for its listing to be kept."""
    facts = os.stat(directory)
    os.utime(directory, ns=(facts.st_atime_ns, facts.st_mtime_ns - 1_000_000_000))
