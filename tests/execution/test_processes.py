"""The supervisor starts processes as asked, and ends every process of a task whatever it did to get away."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from live_processes import PATIENCE, FakeKernel, alive, supervisors_of, wait_until

from nbflow.errors import ExecutorError
from nbflow.execution.local import tree
from nbflow.execution.local.launch import FORKED
from nbflow.execution.local.processes import Event, Exited, NotStarted, Started, Supervisor

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

# Each leaves one more sleeper where it is harder to find.
ESCAPES = {
    "child": "{s} & wait",
    "session": "setsid {s} & wait",
    "orphan": "({s} &); {s}",
    "orphan in its own session": "(setsid bash -c '{s} & {s}' &); {s}",
    "orphan with an empty environment": "(env -i setsid /bin/{s} &); {s}",
    "deaf to SIGTERM": "trap '' TERM HUP INT; {s} & while true; do {s}; done",
}


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    supervisor = Supervisor()
    yield supervisor
    supervisor.close()


def hear(supervisor: Supervisor, count: int) -> list[Event]:
    """Wait for as many endings; all events until then."""
    events: list[Event] = []
    while sum(isinstance(event, Exited | NotStarted) for event in events) < count:
        assert select.select([supervisor], [], [], PATIENCE)[0], f"nothing more after {events}"
        events += supervisor.handle()
    return events


def run(supervisor: Supervisor, text: str, cwd: Path, **options: object) -> Exited:
    """Run a script to its end."""
    supervisor.spawn("it", ["bash", "-c", text], cwd=str(cwd), environ=dict(os.environ), **options)
    started, ended = hear(supervisor, 1)
    assert isinstance(started, Started)
    assert isinstance(ended, Exited)
    assert (started.id, ended.id, started.pid) == ("it", "it", ended.pid)
    assert started.at <= ended.at
    return ended


@pytest.mark.parametrize(("text", "status"), [("true", 0), ("exit 3", 3), ("kill -TERM $$", 143), ("kill -9 $$", 137)])
def test_status_is_what_a_shell_says(supervisor: Supervisor, tmp_path: Path, text: str, status: int) -> None:
    assert run(supervisor, text, tmp_path).status == status


def test_it_gets_its_directory_environment_and_streams(supervisor: Supervisor, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("of an earlier try, and longer than the new one")
    environ = {"PATH": os.environ["PATH"], "ODD": "a\nb\udcff"}
    command = ["bash", "-c", "pwd; env -0 >env; echo no >&2; cat"]
    supervisor.spawn("it", command, cwd=str(tmp_path), environ=environ, streams=("out", "err"))
    hear(supervisor, 1)
    assert (tmp_path / "out").read_text() == f"{tmp_path}\n"
    assert (tmp_path / "err").read_text() == "no\n"
    lines = set((tmp_path / "env").read_bytes().split(b"\0"))
    assert b"ODD=a\nb\xff" in lines
    assert f"NBFLOW_TASK={supervisor.token}.it".encode() in lines


@pytest.mark.parametrize(("text", "status"), [("true", "0"), ("exit 3", "3"), ("kill -TERM $$", "143")])
def test_its_status_is_written_where_asked(supervisor: Supervisor, tmp_path: Path, text: str, status: str) -> None:
    (tmp_path / "status").write_text("of an earlier try")
    run(supervisor, text, tmp_path, status="status")
    assert (tmp_path / "status").read_text() == status


def test_one_that_was_killed_has_no_status(supervisor: Supervisor, tmp_path: Path) -> None:
    run(supervisor, "kill -KILL $$", tmp_path, status="status")
    assert not (tmp_path / "status").exists()


def test_a_directory_that_was_deleted_gets_no_status_although_another_has_its_name(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    run(supervisor, f"cd /; rm -r {place}; mkdir {place}", place, status="status")
    assert list(place.iterdir()) == []


def test_what_a_task_left_running_ends_before_its_status_is_written(
    supervisor: Supervisor, tmp_path: Path, sleeper: str
) -> None:
    text = f"setsid bash -c '{sleeper}; echo late > status' &"
    run(supervisor, text, tmp_path, status="status")
    assert not alive(sleeper)
    assert (tmp_path / "status").read_text() == "0"


def test_each_gets_the_environment_that_was_asked_for(supervisor: Supervisor, tmp_path: Path) -> None:
    """It is sent only where it is another one than before."""
    environ = {"PATH": os.environ["PATH"], "X": "1"}
    asked = [{**environ, "X": x} for x in "1122122221"]
    for number, each in enumerate(asked):
        supervisor.spawn(str(number), ["bash", "-c", f"echo $X >{number}"], cwd=str(tmp_path), environ=each)
    hear(supervisor, len(asked))
    assert "".join((tmp_path / str(number)).read_text().strip() for number in range(len(asked))) == "1122122221"


def test_an_environment_may_be_changed_after_it_was_sent(supervisor: Supervisor, tmp_path: Path) -> None:
    environ = {"PATH": os.environ["PATH"], "X": "1"}
    for name in "ab":
        supervisor.spawn(name, ["bash", "-c", f"echo $X >{name}"], cwd=str(tmp_path), environ=environ)
        environ["X"] = "2"
    hear(supervisor, 2)
    assert [(tmp_path / name).read_text() for name in "ab"] == ["1\n", "2\n"]


def test_a_program_is_looked_up_on_the_path_of_its_environment(supervisor: Supervisor, tmp_path: Path) -> None:
    for name, mode in (("first", 0o644), ("second", 0o755)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "program").write_text("#!/bin/sh\necho $0 >found\n")
        (tmp_path / name / "program").chmod(mode)
    environ = {"PATH": f"/nowhere:{tmp_path}/first:{tmp_path}/second:{os.environ['PATH']}"}
    supervisor.spawn("it", ["program"], cwd=str(tmp_path), environ=environ)
    hear(supervisor, 1)
    assert (tmp_path / "found").read_text() == f"{tmp_path}/second/program\n"


def test_children_that_wait_are_killed_without_harm(supervisor: Supervisor, tmp_path: Path) -> None:
    run(supervisor, "true", tmp_path)
    for child in psutil.Process(supervisor._process.pid).children():
        child.kill()
    assert run(supervisor, "exit 3", tmp_path).status == 3


def test_a_program_that_is_not_there_is_said_by_name(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.spawn("a", ["no-such-program"], cwd=str(tmp_path), environ=dict(os.environ))
    supervisor.spawn("b", ["true"], cwd=str(tmp_path / "gone"), environ=dict(os.environ))
    supervisor.spawn("c", ["true"], cwd=str(tmp_path), environ={"A": "nul\0"})
    first, second, third = hear(supervisor, 3)
    assert isinstance(first, NotStarted)
    assert "'no-such-program'" in first.error
    assert "No such file or directory" in first.error
    assert isinstance(second, NotStarted)
    assert "gone" in second.error
    assert isinstance(third, NotStarted)
    assert run(supervisor, "true", tmp_path).status == 0


@linux_only
def test_no_descriptor_and_no_ignored_signal_reaches_it(supervisor: Supervisor, tmp_path: Path) -> None:
    run(supervisor, "ls /proc/$$/fd >fds; grep -E 'SigIgn|SigBlk' /proc/self/status >signals", tmp_path)
    assert set((tmp_path / "fds").read_text().split()) <= {"0", "1", "2", "255"}
    assert {int(line.split()[1], 16) for line in (tmp_path / "signals").read_text().splitlines()} == {0}


def test_descriptors_arrive_under_their_numbers(supervisor: Supervisor, tmp_path: Path) -> None:
    with open(tmp_path / "a", "wb") as a, open(tmp_path / "b", "wb") as b, open(tmp_path / "err", "wb") as err:
        fds = {5: a.fileno(), 4: b.fileno(), 2: err.fileno()}
        run(supervisor, "echo five >&5; echo four >&4; echo two >&2", tmp_path, fds=fds)
    assert [(tmp_path / name).read_text() for name in ("a", "b", "err")] == ["five\n", "four\n", "two\n"]


def test_usage_is_real(supervisor: Supervisor, tmp_path: Path) -> None:
    program = (
        "import time; x = b'1' * 150_000_000; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    )
    ended = run(supervisor, f'{sys.executable} -S -c "{program}"; true', tmp_path)
    assert 0.3 <= ended.usage.user + ended.usage.system < 3
    assert 150e6 < ended.usage.peak_rss < 400e6


@linux_only
def test_usage_counts_what_descendants_wrote(supervisor: Supervisor, tmp_path: Path) -> None:
    ended = run(supervisor, "head -c 3000000 /dev/zero >file; true", tmp_path)
    assert ended.usage.io is not None
    assert ended.usage.io["wchar"] >= 3_000_000


@pytest.mark.parametrize("escape", ESCAPES)
def test_kill_finds_the_whole_tree(supervisor: Supervisor, tmp_path: Path, sleeper: str, escape: str) -> None:
    text = ESCAPES[escape].format(s=sleeper)
    supervisor.spawn("it", ["bash", "-c", text], cwd=str(tmp_path), environ=dict(os.environ), reaper=True)
    wanted = text.count(sleeper)
    assert wait_until(lambda: len(alive(sleeper)) + len(alive("/bin/" + sleeper)) >= min(wanted, 2))
    supervisor.kill("it", signal.SIGKILL)
    assert hear(supervisor, 1)[-1].status == 137
    assert alive(sleeper) == alive("/bin/" + sleeper) == []


def test_nothing_of_a_killed_task_acts_on_the_death_of_another_part(
    supervisor: Supervisor, tmp_path: Path, sleeper: str
) -> None:
    text = " | ".join([f"({sleeper}; touch went-on-$BASHPID)"] * 20)
    supervisor.spawn("it", ["bash", "-c", text], cwd=str(tmp_path), environ=dict(os.environ))
    assert wait_until(lambda: len(alive(sleeper)) == 20)
    supervisor.kill("it", signal.SIGKILL)
    assert hear(supervisor, 1)[-1].status == 137
    assert list(tmp_path.iterdir()) == []


def test_kill_leaves_other_tasks_alone(supervisor: Supervisor, tmp_path: Path, sleeper: str) -> None:
    for name in ("one", "other"):
        supervisor.spawn(name, ["bash", "-c", f"({sleeper} &); wait"], cwd=str(tmp_path), environ=dict(os.environ))
    supervisor.spawn("third", sleeper.split(), cwd=str(tmp_path), environ=dict(os.environ))
    hear(supervisor, 2)
    assert wait_until(lambda: len(alive(sleeper)) == 1)
    supervisor.kill("one", signal.SIGKILL)
    supervisor.kill("nobody", signal.SIGKILL)
    run(supervisor, "true", tmp_path)
    assert len(alive(sleeper)) == 1


def test_what_a_task_leaves_running_ends_with_it(supervisor: Supervisor, tmp_path: Path, sleeper: str) -> None:
    run(supervisor, f"{sleeper} & (setsid {sleeper} &)", tmp_path, reaper=True)
    assert alive(sleeper) == []


def test_a_thousand_spawns_leave_nothing(supervisor: Supervisor, tmp_path: Path) -> None:
    keeper = psutil.Process(supervisor._process.pid)
    environ = {"PATH": os.environ["PATH"]}
    for name in range(100):
        supervisor.spawn(str(name), ["true"], cwd=str(tmp_path), environ=environ)
    hear(supervisor, 100)
    fds, size = keeper.num_fds(), keeper.memory_info().rss
    for name in range(1000):
        supervisor.spawn(str(name), ["true"], cwd=str(tmp_path), environ=environ)
    events = hear(supervisor, 1000)
    assert {event.status for event in events if isinstance(event, Exited)} == {0}
    # Two for each child that waits for a program, and there are not always as many.
    assert abs(keeper.num_fds() - fds) <= 2 * FORKED
    # Those that are forked ahead.
    assert len(keeper.children()) <= FORKED
    assert keeper.memory_info().rss - size < 5_000_000


def test_close_ends_all(tmp_path: Path, sleeper: str) -> None:
    supervisor = Supervisor()
    for name, text in ESCAPES.items():
        supervisor.spawn(name, ["bash", "-c", text.format(s=sleeper)], cwd=str(tmp_path), environ=dict(os.environ))
    assert wait_until(lambda: len(alive(sleeper)) >= len(ESCAPES))
    supervisor.close()
    assert alive(sleeper) == alive("/bin/" + sleeper) == []
    supervisor.close()
    with pytest.raises(ExecutorError, match="gone"):
        supervisor.spawn("late", ["true"], cwd=str(tmp_path), environ={})


def test_a_killed_supervisor_is_an_error_and_its_tasks_end(tmp_path: Path, sleeper: str) -> None:
    supervisor = Supervisor()
    supervisor.spawn(
        "it", ["bash", "-c", f"(setsid {sleeper} &); {sleeper}"], cwd=str(tmp_path), environ=dict(os.environ)
    )
    assert wait_until(lambda: len(alive(sleeper)) == 2)
    supervisor.handle()
    os.kill(supervisor._process.pid, signal.SIGKILL)
    select.select([supervisor], [], [], PATIENCE)
    with pytest.raises(ExecutorError, match="supervisor of tasks has ended"):
        supervisor.handle()
    assert alive(sleeper) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_signals_of_a_terminal_do_not_end_it(supervisor: Supervisor, tmp_path: Path, number: int) -> None:
    run(supervisor, "true", tmp_path)
    os.kill(supervisor._process.pid, number)
    assert run(supervisor, "true", tmp_path).status == 0


def test_sigterm_ends_it_with_its_tasks(supervisor: Supervisor, tmp_path: Path, sleeper: str) -> None:
    supervisor.spawn("it", sleeper.split(), cwd=str(tmp_path), environ=dict(os.environ))
    assert wait_until(lambda: len(alive(sleeper)) == 1)
    os.kill(supervisor._process.pid, signal.SIGTERM)
    assert wait_until(lambda: alive(sleeper) == [])


def test_a_fork_of_the_kernel_holds_nothing(tmp_path: Path, sleeper: str) -> None:
    """A forked pool of the user's outlives a killed kernel: its copy of the socket must not keep the tasks alive."""
    program = f"""
import os, sys, time
from nbflow.execution.local.processes import Supervisor
supervisor = Supervisor()
supervisor.spawn("it", {sleeper.split()!r}, cwd="/", environ=dict(os.environ))
if os.fork() == 0:
    time.sleep(60)
print("ready", flush=True)
time.sleep(600)
"""
    with FakeKernel(program) as kernel:
        assert wait_until(lambda: len(alive(sleeper)) == 1)
        children = psutil.Process(kernel.pid).children()
        kernel.kill()
        assert wait_until(lambda: alive(sleeper) == [], seconds=2)
        for child in children:
            if child.is_running():
                child.kill()


KERNEL = """
import os, sys, threading, time
from pathlib import Path
from nbflow.execution.job import Job
from nbflow.execution.local.executor import LocalExecutor
executor = LocalExecutor(cpus=8)
def submit(number, text):
    work_dir = Path(sys.argv[1]) / str(number)
    work_dir.mkdir()
    job = Job(f"{number:032x}", f"job {number}", work_dir, "script", ("bash", "-c", text), dict(os.environ))
    executor.submit(job, lambda job, outcome: None)
texts = sys.argv[2:]
threads = [threading.Thread(target=submit, args=pair) for pair in enumerate(texts[1:], 1)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
submit(0, texts[0])
print("ready", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("attempt", range(12))
def test_no_process_of_a_task_outlives_a_killed_kernel(tmp_path: Path, sleeper: str, attempt: int) -> None:
    """At any moment, also while tasks are being started; by the process or, as Jupyter does, by its group."""
    texts = [text.format(s=sleeper) for text in ESCAPES.values()]
    with FakeKernel(KERNEL, str(tmp_path), *texts) as kernel:
        if attempt % 3 == 0:
            assert wait_until(lambda: len(alive(sleeper)) >= len(texts))
            assert supervisors_of(kernel.pid)
        else:
            time.sleep(attempt * 0.004)
        os.killpg(kernel.pid, signal.SIGKILL) if attempt % 2 else kernel.kill()
        kernel.wait()
        # Once its supervisor has gone nothing can be started any more.
        assert wait_until(lambda: not supervisors_of(kernel.pid), seconds=2)
        assert alive(sleeper) == alive("/bin/" + sleeper) == []


@pytest.mark.skipif(shutil.which("ps") is None, reason="ps is not installed")
def test_ps_tells_what_proc_tells() -> None:
    """What other systems than Linux rely on, as far as it can be seen here."""
    table = tree._read_ps()
    assert table[os.getpid()][:2] == (os.getppid(), os.getpgid(0))
    assert os.getpid() in tree.descendants([os.getppid()], table)
