"""The session lock: one holder, whoever crashed or forked, and a text that says who it is."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings

import pytest

from nbflow.errors import CacheError, CacheLockedError
from nbflow.storage.database import lock as lock_module
from nbflow.storage.database.lock import SessionLock, read_holder

HOLD = """
from pathlib import Path
from nbflow.storage.database.lock import SessionLock
lock = SessionLock.take(Path(sys.argv[1]), notebook="train.ipynb")
print("held", flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "4dc656d2" / "nbflow.lock"


@pytest.fixture
def other(python, path):
    """Another process that holds the lock; it lets go at a line on its standard input."""
    process = subprocess.Popen(python(HOLD, path), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


class Clock:
    """Time that passes only while someone sleeps."""

    def __init__(self):
        self.now = 0.0
        self.wakes = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds
        for wake in self.wakes:
            wake(self.now)


def is_free(python, path) -> bool:
    text = "from pathlib import Path; from nbflow.storage.database.lock import SessionLock; SessionLock.take(Path(sys.argv[1]))"
    done = subprocess.run(python(text, path), capture_output=True, text=True, check=False)
    assert done.returncode == 0 or "CacheLockedError" in done.stderr, done.stderr
    return done.returncode == 0


def test_one_process_holds_it_until_released(path, python):
    with SessionLock.take(path):
        assert not is_free(python, path)
    assert is_free(python, path)


def test_the_error_says_who_holds_it(path, other):
    with pytest.raises(CacheLockedError, match=r"session 4dc656d2 is held by train\.ipynb .*%resume new") as caught:
        SessionLock.take(path)
    assert f"process {other.pid}" in caught.value.holder
    assert "train.ipynb" in caught.value.holder


def test_a_holder_on_another_machine_is_named_with_it(path):
    with SessionLock.take(path, notebook="a.ipynb") as lock:
        text = path.read_text()
        assert socket.gethostname() not in str(lock.holder)
    path.write_text(text.replace(socket.gethostname(), "node-17"))
    assert f"process {os.getpid()} on node-17" in str(read_holder(path))


def test_an_unreadable_holder_is_another_process(path, other):
    path.write_text('{"pid": ')
    with pytest.raises(CacheLockedError, match="held by another process"):
        SessionLock.take(path)


def test_it_waits_no_longer_than_told(path, other):
    clock = Clock()
    with pytest.raises(CacheLockedError):
        SessionLock.take(path, wait=10, clock=clock, sleep=clock.sleep)
    assert 10 <= clock.now < 10.5


def test_it_is_taken_as_soon_as_the_holder_lets_go(path, other):
    clock = Clock()

    def let_go(now):
        if 3 <= now < 3.1:
            other.stdin.write("\n")
            other.stdin.flush()
            assert other.stdout.readline() == "released\n"

    clock.wakes.append(let_go)
    with SessionLock.take(path, wait=10, clock=clock, sleep=clock.sleep):
        assert 3 <= clock.now < 4


def test_a_killed_holder_leaves_it_free(path, other, python):
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert read_holder(path).pid == other.pid
    with SessionLock.take(path) as lock:
        assert read_holder(path) == lock.holder
        assert lock.holder.pid == os.getpid()


def test_a_second_take_in_the_process_is_refused_at_once_and_changes_nothing(path, python, tmp_path):
    (tmp_path / "alias").symlink_to(path.parent)
    clock = Clock()
    with SessionLock.take(path):
        for alias in (path, tmp_path / "alias" / path.name):
            with pytest.raises(CacheLockedError, match="this process already holds"):
                SessionLock.take(alias, wait=10, clock=clock, sleep=clock.sleep)
        assert clock.now == 0
        assert not is_free(python, path)
    with SessionLock.take(path):
        pass


def test_reading_the_holder_keeps_the_lock(path, python):
    with SessionLock.take(path) as lock:
        assert read_holder(path) == lock.holder
        path.read_bytes()
        assert not is_free(python, path)


def test_nobody_holds_a_lock_that_was_never_taken(path):
    assert read_holder(path) is None


def test_a_released_lock_names_nobody(path):
    lock = SessionLock.take(path)
    lock.release()
    lock.release()
    assert read_holder(path) is None


def test_of_many_threads_one_gets_it(path):
    start, taken, refused = threading.Barrier(8), [], []

    def take():
        start.wait()
        try:
            taken.append(SessionLock.take(path))
        except CacheLockedError as error:
            refused.append(error)

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), len(refused)) == (1, 7)
    taken[0].release()


def test_a_session_removed_under_the_lock_does_not_let_two_hold_the_new_one(path, python):
    with SessionLock.take(path):
        path.unlink()
        with SessionLock.take(path):
            assert not is_free(python, path)


def test_a_file_removed_between_open_and_lock_is_made_again(path, python, monkeypatch):
    real, opened = lock_module._open, []

    def open_and_lose(asked):
        opened.append(real(asked))
        if len(opened) == 1:
            asked.unlink()
        return opened[-1]

    monkeypatch.setattr(lock_module, "_open", open_and_lose)
    with SessionLock.take(path):
        assert len(opened) == 2
        assert not is_free(python, path)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_programs_do_not_inherit_it(path):
    with SessionLock.take(path):
        listing = subprocess.run(
            ["ls", "-l", "/proc/self/fd"], close_fds=False, capture_output=True, text=True, check=True
        )
    assert "nbflow.lock" not in listing.stdout


@pytest.mark.parametrize("act", ["idle", "release"])
def test_a_forked_child_neither_keeps_it_nor_releases_it(path, python, act):
    lock = SessionLock.take(path)
    wake, waker = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside threads
        child = os.fork()
    if child == 0:
        os.close(waker)
        if act == "release":
            lock.release()
        os.read(wake, 1)
        os._exit(0)
    time.sleep(0.1)
    assert not is_free(python, path)
    assert json.loads(path.read_bytes())["pid"] == os.getpid()
    lock.release()
    assert is_free(python, path)
    os.close(waker)
    os.close(wake)
    os.waitpid(child, 0)


def test_a_directory_that_cannot_be_written_is_an_error_that_names_the_way_out(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(CacheError, match="NXF_CACHE_DIR"):
        SessionLock.take(tmp_path / "file" / "nbflow.lock")
