"""The local executor's Python tasks, its losses, and what it writes; the rest is the family's contract."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from executor_contract import Ends, run_one, wait_for_file
from live_processes import FakeKernel, alive, supervisors_of, wait_until

from nbflow.execution.job import Job
from nbflow.execution.local.executor import LocalExecutor
from nbflow.execution.local.templates import KEPT
from nbflow.execution.local.usage import trace_fields
from nbflow.execution.spec import WorkerSpec
from nbflow.storage.nextflow.trace import parse_trace_text, trace_text

MakeJob = Callable[..., Job]


@pytest.fixture
def executor() -> Iterator[LocalExecutor]:
    executor = LocalExecutor(cpus=2, grace=0.3)
    yield executor
    executor.close()


@pytest.fixture
def make_body(tmp_path: Path) -> MakeJob:
    """Make a Python job from the text of its body."""
    made: list[Job] = []

    def make(body: str, **options: object) -> Job:
        number = len(made) + 1
        task_hash = f"b{number:031x}"
        work_dir = tmp_path / task_hash
        (work_dir / ".nbflow").mkdir(parents=True)
        spec = WorkerSpec("body", task_hash, "%%process body", body, str(tmp_path), sys_path=tuple(sys.path))
        (work_dir / ".nbflow/job.json").write_text(spec.to_json())
        environ = options.pop("environ", dict(os.environ))
        made.append(Job(task_hash, "body", work_dir, "python", (), environ, sys_path=tuple(sys.path), **options))
        return made[-1]

    return make


def printed(job: Job) -> str:
    return (job.work_dir / ".command.out").read_text()


def test_a_body_runs_in_its_work_directory_and_environment(executor: LocalExecutor, make_body: MakeJob) -> None:
    job = make_body("import os\nprint(os.getcwd(), os.environ['OF_TASK'])", environ={**os.environ, "OF_TASK": "yes"})
    outcome = run_one(executor, job)
    assert (outcome.exit, outcome.reason, outcome.detail) == (0, None, "")
    assert printed(job) == f"{job.work_dir} yes\n"
    assert (job.work_dir / ".exitcode").read_text() == "0"


@pytest.mark.parametrize(
    ("body", "status"), [("1 / 0", 1), ("import os; os._exit(7)", 7), ("import os; os.abort()", 134)]
)
def test_a_body_that_ends_badly_has_its_status(
    executor: LocalExecutor, make_body: MakeJob, body: str, status: int
) -> None:
    outcome = run_one(executor, make_body(body))
    assert (outcome.exit, outcome.reason) == (status, None)


def test_what_was_used_is_measured(executor: LocalExecutor, make_body: MakeJob) -> None:
    body = "import time\nx = bytearray(120_000_000)\nend = time.process_time() + 0.4\nwhile time.process_time() < end: pass"
    outcome = run_one(executor, make_body(body))
    assert outcome.usage.peak_rss > 120e6
    fields = trace_fields(outcome.usage, outcome.completed - outcome.started)
    assert 400 <= int(str(fields["realtime"])) < 60_000
    assert float(str(fields["%cpu"])) > 0
    assert fields["peak_rss"] == outcome.usage.peak_rss
    assert parse_trace_text(trace_text(fields))["peak_rss"] == outcome.usage.peak_rss // 1024 * 1024


def test_time_limit_ends_a_body_and_what_it_started(executor: LocalExecutor, make_body: MakeJob, sleeper: str) -> None:
    body = f"import subprocess, time\nsubprocess.Popen({sleeper.split()!r}, start_new_session=True, env={{}})\ntime.sleep(600)"
    outcome = run_one(executor, make_body(body, time=1.0))
    assert (outcome.reason, outcome.exit) == ("time", 143)
    assert alive(sleeper) == []


def test_what_a_body_leaves_running_ends_with_it(executor: LocalExecutor, make_body: MakeJob, sleeper: str) -> None:
    body = f"import subprocess\nsubprocess.Popen({sleeper.split()!r}, start_new_session=True)"
    assert run_one(executor, make_body(body)).exit == 0
    assert wait_until(lambda: alive(sleeper) == [])


def test_cancelled_bodies_leave_the_executor_usable(executor: LocalExecutor, make_body: MakeJob) -> None:
    ends = Ends()
    jobs = [make_body("import time\nprint('runs', flush=True)\ntime.sleep(600)") for _ in range(5)]
    for job in jobs:
        executor.submit(job, ends.done)
    wait_for_file(jobs[0], ".command.out")
    executor.cancel_all()
    assert {outcome.reason for outcome in ends.take(5).values()} == {"cancelled"}
    assert run_one(executor, make_body("pass")).exit == 0


def test_cancel_does_not_wait_for_modules_that_are_being_loaded(
    executor: LocalExecutor, make_body: MakeJob, tmp_path: Path
) -> None:
    """Neither does close; and the body that the template starts in the end is killed."""
    installed = tmp_path / "site-packages"
    installed.mkdir()
    (installed / "slow_module.py").write_text(
        f"import os, time\nopen({str(tmp_path / 'loading')!r}, 'w').close()\n"
        f"while not os.path.exists({str(tmp_path / 'go')!r}): time.sleep(0.01)"
    )
    ends = Ends()
    body = f"import time\ntime.sleep(1)\nopen({str(tmp_path / 'ran')!r}, 'w').close()"
    job = replace(make_body(body, preload=("slow_module",)), sys_path=(str(installed), *sys.path))
    executor.submit(job, ends.done)
    assert wait_until((tmp_path / "loading").exists)
    executor.cancel(job.hash)
    assert ends.next()[1].reason == "cancelled"
    (tmp_path / "go").touch()
    assert run_one(executor, replace(make_body("import time; time.sleep(1.2)"), sys_path=job.sys_path)).exit == 0
    assert not (tmp_path / "ran").exists()


def test_one_template_serves_one_environment(executor: LocalExecutor, make_body: MakeJob) -> None:
    """Libraries read the environment when they are loaded: a template started with another one cannot serve."""
    body = "import os\nprint(os.getppid())"

    def template_of(value: str) -> str:
        job = make_body(body, environ={**os.environ, "LIKE_OMP_NUM_THREADS": value})
        assert run_one(executor, job).exit == 0
        return printed(job)

    one, two = template_of("1"), template_of("2")
    assert one != two
    assert (template_of("1"), template_of("2")) == (one, two)
    for number in range(3, 3 + KEPT):
        template_of(str(number))
    assert wait_until(lambda: not psutil.pid_exists(int(one)))
    assert template_of("1") != one


def test_a_dead_template_loses_its_jobs_and_not_the_next(
    executor: LocalExecutor, make_body: MakeJob, sleeper: str
) -> None:
    start = f"import os, subprocess, time\nsubprocess.Popen({sleeper.split()!r}, start_new_session=True)"
    outcome = run_one(executor, make_body(f"{start}\nos.kill(os.getppid(), 9)\ntime.sleep(600)"))
    assert (outcome.exit, outcome.reason) == (None, "lost")
    assert "template of Python tasks" in outcome.detail
    assert wait_until(lambda: alive(sleeper) == [])
    assert run_one(executor, make_body("pass")).exit == 0


def test_a_dead_supervisor_loses_its_jobs_and_not_the_next(
    executor: LocalExecutor, make_body: MakeJob, make_job: MakeJob, sleeper: str
) -> None:
    ends = Ends()
    body = f"import subprocess\nprint('runs', flush=True)\nsubprocess.run({sleeper.split()!r}, start_new_session=True)"
    jobs = [make_body(body), make_job(f"echo runs >runs; {sleeper}")]
    for job in jobs:
        executor.submit(job, ends.done)
    wait_for_file(jobs[0], ".command.out")
    wait_for_file(jobs[1], "runs")
    assert wait_until(lambda: len(alive(sleeper)) == 2)
    (supervisor,) = [child for child in psutil.Process().children() if "local.supervisor" in str(child.cmdline())]
    supervisor.kill()
    assert {outcome.reason for outcome in ends.take(2).values()} == {"lost"}
    assert alive(sleeper) == []
    assert [run_one(executor, job).exit for job in (make_body("pass"), make_job("true"))] == [0, 0]


def test_a_supervisor_that_dies_idle_is_replaced(executor: LocalExecutor, make_job: MakeJob) -> None:
    assert run_one(executor, make_job("true")).exit == 0
    (supervisor,) = [child for child in psutil.Process().children() if "local.supervisor" in str(child.cmdline())]
    supervisor.kill()
    outcomes = [run_one(executor, make_job("true")) for _ in range(2)]
    assert outcomes[-1].exit == 0
    assert outcomes[0].reason in (None, "lost")


def test_jobs_come_from_any_thread(executor: LocalExecutor, make_job: MakeJob) -> None:
    """And outlive it: a parent-death signal would follow the thread that started them."""
    ends = Ends()
    jobs = [make_job("sleep 0.2") for _ in range(6)]
    threads = [threading.Thread(target=executor.submit, args=(job, ends.done)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {outcome.exit for outcome in ends.take(6).values()} == {0}


def test_budget_is_the_machine_by_default() -> None:
    executor = LocalExecutor()
    assert executor.slots == len(psutil.Process().cpu_affinity() if sys.platform == "linux" else range(os.cpu_count()))
    executor.close()


def test_an_executor_that_ran_nothing_started_nothing() -> None:
    before = psutil.Process().children()
    LocalExecutor().close()
    assert psutil.Process().children() == before


KERNEL = """
import os, sys, threading, time
from pathlib import Path
from nbflow.execution.job import Job
from nbflow.execution.local.executor import LocalExecutor
executor = LocalExecutor(cpus=4)
def submit(path):
    job = Job(Path(path).name, "body", Path(path), "python", (), dict(os.environ), sys_path=tuple(sys.path))
    executor.submit(job, lambda job, outcome: None)
threads = [threading.Thread(target=submit, args=(path,)) for path in sys.argv[1:]]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print("ready", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("attempt", range(6))
def test_no_process_of_a_body_outlives_a_killed_kernel(make_body: MakeJob, sleeper: str, attempt: int) -> None:
    """Whether it has a session of its own, is a daemon, or is the worker itself, deaf to SIGTERM."""
    bodies = [
        f"import subprocess\nsubprocess.run({sleeper.split()!r}, start_new_session=True)",
        f"import subprocess, time\nsubprocess.run(['bash', '-c', '(setsid {sleeper} &)'], env={{}})\ntime.sleep(600)",
        f"import signal, os\nsignal.signal(15, signal.SIG_IGN)\nos.fork() or os.setsid()\nos.execvp('sleep', {sleeper.split()!r})",
    ]
    jobs = [make_body(body) for body in bodies]
    with FakeKernel(KERNEL, *(str(job.work_dir) for job in jobs)) as kernel:
        if attempt % 2:
            assert wait_until(lambda: len(alive(sleeper)) == 4)
            assert supervisors_of(kernel.pid)
        kernel.kill()
        kernel.wait()
        assert wait_until(lambda: not supervisors_of(kernel.pid), seconds=2)
        assert alive(sleeper) == []
