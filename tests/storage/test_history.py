"""The history that nbflow shares with Nextflow: whose line is last, what `last` means, and that no line is lost."""

from __future__ import annotations

import dataclasses
import fcntl
import os
import re
import subprocess
import threading
import uuid
import warnings
from datetime import datetime

import pytest

from nbflow.errors import CacheError, UnknownSessionError
from nbflow.storage.nextflow.history import History, RunRecord
from nbflow.storage.nextflow.run_names import is_run_name, random_run_name

ONE = "4dc656d2-8fbb-4b50-9b6a-0d6a3b6a1f5e"
TWO = "4dc65000-1111-4222-8333-444455556666"
THEIRS = "aaaaaaaa-1111-4222-8333-444455556666"
BEGAN = datetime(2026, 3, 1, 12, 30, 45)

NEXTFLOW = f"2026-02-28 10:00:00\t1.6s\tmad_volta\tOK\tabc123\t{THEIRS}\tnextflow run main.nf -resume"
LATER_NEXTFLOW = f"2026-02-28 11:00:00\t-\tsad_volta\t-\tabc123\t{THEIRS}\tnextflow run main.nf"


def a_run(run_name, session=ONE, **changes):
    record = RunRecord(BEGAN, None, run_name, None, None, session, "nbflow run analysis.ipynb")
    return dataclasses.replace(record, **changes)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history"


@pytest.fixture
def history(path):
    return History(path)


def run_names(path):
    return [line.split("\t")[2] for line in path.read_text().splitlines()]


# ---- the format


def test_a_line_is_nextflows(history, path):
    history.append(a_run("happy_turing"))
    assert path.read_text() == f"2026-03-01 12:30:45\t-\thappy_turing\t-\t-\t{ONE}\tnbflow run analysis.ipynb\n"


def test_an_ended_run_has_nextflows_duration_and_status(history, path):
    history.append(a_run("happy_turing", revision="0" * 32))
    history.update("happy_turing", 62_000, "ERR")
    line = f"2026-03-01 12:30:45\t1m 2s\thappy_turing\tERR\t{'0' * 32}\t{ONE}\tnbflow run analysis.ipynb\n"
    assert path.read_text() == line


def test_nextflows_lines_are_read(history, path):
    path.write_text(NEXTFLOW + "\n")
    record = RunRecord(
        datetime(2026, 2, 28, 10), "1.6s", "mad_volta", "OK", "abc123", THEIRS, "nextflow run main.nf -resume"
    )
    assert history.records() == (record,)
    assert not record.is_own


def test_lines_of_old_nextflows_are_read(history, path):
    path.write_text(f"{THEIRS}\tnextflow run x\n")
    assert history.records() == (RunRecord(None, None, None, None, None, THEIRS, "nextflow run x"),)


def test_a_directory_without_history_has_no_runs(history, path):
    assert history.records() == ()
    assert not path.exists()


def test_tabs_and_newlines_in_a_command_do_not_cost_the_line(history):
    history.append(a_run("happy_turing", command="nbflow run 'a\tb\r\nc'"))
    assert history.records()[0].command == "nbflow run 'a b  c'"


def test_what_was_appended_is_read_back(history):
    record = a_run("happy_turing", command="nbflow run 'µ 😀'", status="OK", duration="1s", revision="r")
    history.append(record)
    assert history.records() == (record,)


# ---- whose line is last


def test_own_lines_go_above_the_last_line_of_nextflow(history, path):
    path.write_text(NEXTFLOW + "\n")
    history.append(a_run("happy_turing"))
    history.append(a_run("merry_curie"))
    assert run_names(path) == ["happy_turing", "merry_curie", "mad_volta"]


def test_own_lines_keep_their_order_when_nextflow_runs_in_between(history, path):
    history.append(a_run("happy_turing"))
    with path.open("a") as file:
        file.write(NEXTFLOW + "\n")
    history.append(a_run("merry_curie"))
    with path.open("a") as file:
        file.write(LATER_NEXTFLOW + "\n")
    history.append(a_run("noble_hopper"))
    assert run_names(path) == ["happy_turing", "merry_curie", "mad_volta", "noble_hopper", "sad_volta"]
    assert history.find("last").run_name == "noble_hopper"


def test_nextflows_last_line_is_last_again_after_it_deleted_the_one_below(history, path):
    path.write_text(NEXTFLOW + "\n")
    history.append(a_run("happy_turing"))
    path.write_text("\n".join([NEXTFLOW, *path.read_text().splitlines()[:1]]) + "\n")
    history.append(a_run("merry_curie"))
    assert run_names(path) == ["happy_turing", "merry_curie", "mad_volta"]


def test_alone_the_latest_own_line_is_last(history, path):
    history.append(a_run("happy_turing"))
    history.append(a_run("merry_curie"))
    assert run_names(path) == ["happy_turing", "merry_curie"]


def test_a_session_of_ours_that_nextflow_resumed_stays_nextflows_line(history, path):
    path.write_text(LATER_NEXTFLOW.replace(THEIRS, ONE) + "\n")
    history.append(a_run("happy_turing"))
    assert run_names(path) == ["happy_turing", "sad_volta"]
    assert [record.run_name for record in history.own_records()] == ["happy_turing"]


@pytest.mark.parametrize("command", ["nextflow run nbflow", "nbflowx run", " nbflow run", None])
def test_only_a_command_that_begins_with_nbflow_is_own(history, command):
    assert not a_run("happy_turing", command=command).is_own
    with pytest.raises(ValueError, match="nbflow"):
        history.append(a_run("happy_turing", command=command))


# ---- changes


def test_begin_names_and_dates_the_run(history):
    before = datetime.now().replace(microsecond=0)
    record = history.begin(ONE, "nbflow notebook a.ipynb", revision="abc")
    assert history.records() == (record,)
    assert before <= record.timestamp <= datetime.now()
    assert is_run_name(record.run_name)
    assert (record.session, record.status, record.duration, record.revision) == (ONE, None, None, "abc")


def test_a_name_that_was_used_is_refused_even_if_by_nextflow(history, path):
    path.write_text(NEXTFLOW + "\n")
    with pytest.raises(CacheError, match="mad_volta"):
        history.append(a_run("mad_volta"))
    assert path.read_text() == NEXTFLOW + "\n"


@pytest.mark.parametrize("changes", [{"run_name": "last"}, {"run_name": None}, {"run_name": "a b"}, {"session": "x"}])
def test_what_nextflow_could_not_read_is_refused(history, path, changes):
    with pytest.raises(ValueError, match="."):
        history.append(dataclasses.replace(a_run("happy_turing"), **changes))
    assert not path.exists()


def test_update_and_delete_touch_one_own_line_only(history, path):
    path.write_text(NEXTFLOW + "\n")
    for name in ("happy_turing", "merry_curie"):
        history.append(a_run(name))
    untouched = path.read_text().splitlines()
    for name in ("mad_volta", "never_there"):
        history.update(name, 1, "OK")
        history.delete(name)
    assert path.read_text().splitlines() == untouched
    history.delete("happy_turing")
    assert path.read_text().splitlines() == untouched[1:]


def test_a_run_ends_as_ok_or_err(history):
    with pytest.raises(ValueError, match="CANCELLED"):
        history.update("happy_turing", 1, "CANCELLED")


# ---- nothing is lost

DAMAGED = [
    b"what is this?",
    b"",
    b"a\tb\tc",
    b"2026-02-28 10:00:00\t-\tx\tOK\t-\tnot-a-uuid\tnextflow run x",
    b"yesterday\t-\tx\tOK\t-\t" + THEIRS.encode() + b"\tnextflow run x",
    b"2026-02-28 10:00:00\t-\tx\tOK\t-\t" + THEIRS.encode() + b"\tnextflow run a\tb",
    b"\xff\xfe not utf-8",
    "line\u2028separator".encode(),
]


@pytest.mark.parametrize("damaged", DAMAGED)
@pytest.mark.filterwarnings("ignore:Line")
def test_a_damaged_line_is_kept_as_it_is(history, path, damaged):
    path.write_bytes(NEXTFLOW.encode() + b"\n" + damaged + b"\n")
    history.append(a_run("happy_turing"))
    history.update("happy_turing", 1, "OK")
    history.append(a_run("merry_curie"))
    history.delete("merry_curie")
    lines = path.read_bytes().removesuffix(b"\n").split(b"\n")
    assert damaged in lines
    assert NEXTFLOW.encode() == lines[-1]
    assert [record.run_name for record in history.records()] == ["happy_turing", "mad_volta"]


def test_a_damaged_line_is_reported_once(history, path):
    path.write_text("what is this?\n")
    with pytest.warns(UserWarning, match=re.escape(f"Line 1 of {path}")):
        history.records()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history.records()
        history.append(a_run("happy_turing"))


def test_a_last_line_without_its_newline_is_a_line(history, path):
    path.write_text(NEXTFLOW)
    history.append(a_run("happy_turing"))
    assert run_names(path) == ["happy_turing", "mad_volta"]


def test_mode_and_link_of_the_file_stay(history, path, tmp_path):
    (tmp_path / "real").write_text(NEXTFLOW + "\n")
    (tmp_path / "real").chmod(0o664)
    path.symlink_to("real")
    history.append(a_run("happy_turing"))
    assert path.is_symlink()
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o664
    assert run_names(tmp_path / "real") == ["happy_turing", "mad_volta"]


def test_nothing_is_left_beside_the_file(history, path, tmp_path):
    history.append(a_run("happy_turing"))
    assert {entry.name for entry in tmp_path.iterdir()} == {"history", "history.lock"}


def test_a_directory_that_is_gone_is_named(tmp_path):
    with pytest.raises(CacheError, match="absent"):
        History(tmp_path / "absent" / "history").append(a_run("happy_turing"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_may_only_be_read_can_be_read(history, path, tmp_path):
    path.write_text(NEXTFLOW + "\n")
    tmp_path.chmod(0o500)
    assert len(history.records()) == 1


# ---- finding


@pytest.fixture
def filled(history, path):
    path.write_text(NEXTFLOW + "\n")
    history.append(a_run("happy_turing", ONE))
    history.append(a_run("merry_curie", TWO))
    history.append(a_run("noble_hopper", ONE))
    history.append(a_run("witty_noether", TWO))
    return history


@pytest.mark.parametrize(
    ("text", "run_name"),
    [
        ("last", "witty_noether"),
        ("happy_turing", "happy_turing"),
        (ONE, "noble_hopper"),
        (ONE.upper(), "noble_hopper"),
        ("4dc656d2", "noble_hopper"),
        ("4dc650", "witty_noether"),
    ],
)
def test_a_run_is_found_by_name_id_prefix_or_last(filled, text, run_name):
    assert filled.find(text).run_name == run_name


def test_an_ambiguous_prefix_lists_the_sessions(filled):
    with pytest.raises(UnknownSessionError, match=r"4dc656d2 \(noble_hopper\), 4dc65000 \(witty_noether\)"):
        filled.find("4dc65")


@pytest.mark.parametrize("text", ["nobody_there", "", "b", "happy", "-"])
def test_an_unknown_text_lists_what_there_is(filled, text):
    with pytest.raises(UnknownSessionError, match="noble_hopper.*nbflow log"):
        filled.find(text)


@pytest.mark.parametrize("text", ["mad_volta", "aaaa", THEIRS])
def test_a_run_of_nextflow_is_said_to_be_one(filled, text):
    with pytest.raises(UnknownSessionError, match="Nextflow"):
        filled.find(text)


def test_last_without_an_own_run_says_so(history, path):
    path.write_text(NEXTFLOW + "\n")
    with pytest.raises(UnknownSessionError, match="No notebook ran here yet"):
        history.find("last")


# ---- side by side

BEGIN_MANY = """
from pathlib import Path
from nbflow.storage.nextflow.history import History
history = History(Path(sys.argv[1]))
for _ in range(20):
    record = history.begin(sys.argv[2], "nbflow run x")
    history.update(record.run_name, 1000, "OK")
"""

HOLD = """
import fcntl, os
descriptor = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.lockf(descriptor, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.readline()
if sys.argv[2] == "delete":
    os.unlink(sys.argv[1])
"""


def test_processes_and_threads_lose_none_of_each_others_lines(history, path, python):
    sessions = [str(uuid.UUID(int=number, version=4)) for number in range(3)]
    children = [subprocess.Popen(python(BEGIN_MANY, path, session)) for session in sessions]

    def begin():
        for _ in range(10):
            history.begin(ONE, "nbflow notebook")

    threads = [threading.Thread(target=begin) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [child.wait() for child in children] == [0, 0, 0]
    records = history.records()
    assert len({record.run_name for record in records}) == len(records) == 80
    ended = [record.session for record in records if record.status == "OK"]
    assert [ended.count(session) for session in sessions] == [20, 20, 20]


@pytest.fixture
def holder(path, python):
    """Start a process that holds the lock as Nextflow does, and return what lets it go."""
    children = []

    def hold(then):
        command = python(HOLD, path.with_name("history.lock"), then)
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        children.append(child)
        assert child.stdout.readline() == "held\n"
        return lambda: child.communicate("\n")

    yield hold
    for child in children:
        child.kill()
        child.wait()


def test_a_lock_file_deleted_between_opening_and_locking_is_not_taken(history, path, monkeypatch):
    lockf = fcntl.lockf

    def delete_first(*arguments):
        monkeypatch.setattr(fcntl, "lockf", lockf)
        os.unlink(f"{path}.lock")
        return lockf(*arguments)

    monkeypatch.setattr(fcntl, "lockf", delete_first)
    with history._lock.hold() as lock:
        assert fcntl.lockf is lockf
        assert lock.is_ours()


def test_a_change_is_made_again_when_the_lock_was_lost_meanwhile(history, path):
    history.append(a_run("happy_turing"))
    calls = []

    def change(lines):
        if not calls:
            os.unlink(f"{path}.lock")
            with path.open("a") as file:
                file.write(NEXTFLOW + "\n")
        calls.append(len(lines))
        return lines[1:]

    history._rewrite(change)
    assert calls == [1, 2]
    assert run_names(path) == ["mad_volta"]


@pytest.mark.parametrize("then", ["keep", "delete"])
def test_a_lock_of_nextflow_is_waited_for(path, holder, then):
    release = holder(then)
    writer = threading.Thread(target=History(path, wait=60).append, args=(a_run("happy_turing"),))
    writer.start()
    writer.join(0.2)
    assert not path.exists()
    release()
    writer.join()
    assert run_names(path) == ["happy_turing"]


def test_a_lock_that_is_never_given_up_is_an_error_that_names_it(path, holder):
    holder("keep")
    with pytest.raises(CacheError, match=re.escape(f"lsof {path}.lock")):
        History(path, wait=0.1).append(a_run("happy_turing"))


def test_nextflow_is_kept_out_while_nbflow_writes(history, path, python):
    code = "import fcntl, os; fcntl.lockf(os.open(sys.argv[1], os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    with history._lock.hold():
        tried = subprocess.run(python(code, f"{path}.lock"), capture_output=True, text=True, check=False)
    assert "BlockingIOError" in tried.stderr
    subprocess.run(python(code, f"{path}.lock"), check=True)


def test_a_lock_file_that_was_deleted_under_way_is_no_lock(history, path):
    with history._lock.hold() as lock:
        assert lock.is_ours()
        os.unlink(f"{path}.lock")
        assert not lock.is_ours()
        path.with_name("history.lock").touch()
        assert not lock.is_ours()


def test_a_full_disk_keeps_the_old_file(history, path, python):
    path.write_text(NEXTFLOW + "\n")
    code = (
        "import signal, resource; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50))\n"
        "from pathlib import Path\nfrom nbflow.storage.nextflow.history import History\n"
        f"History(Path(sys.argv[1])).begin({ONE!r}, 'nbflow run x')"
    )
    tried = subprocess.run(python(code, path), capture_output=True, text=True, check=False)
    assert "CacheError: Cannot write the history" in tried.stderr
    assert path.read_text() == NEXTFLOW + "\n"
    assert {entry.name for entry in path.parent.iterdir()} == {"history", "history.lock"}


# ---- names


def test_run_names_are_nextflows_in_form():
    for _ in range(500):
        name = random_run_name(())
        assert re.fullmatch(r"[a-z]+_[a-z]+", name)
        assert is_run_name(name)


def test_a_name_that_is_taken_is_not_given():
    class AllPairs:
        def __contains__(self, name):
            return name.count("_") == 1

    assert is_run_name(random_run_name(AllPairs()))
    assert random_run_name(AllPairs()).count("_") == 2


@pytest.mark.parametrize("name", ["a", "A1-b_c", "x" * 80])
def test_names_that_nextflow_takes(name):
    assert is_run_name(name)


@pytest.mark.parametrize("name", ["", "last", "1a", "a__b", "a-", "a b", "x" * 81, "é", "a\n"])
def test_names_that_nextflow_refuses(name):
    assert not is_run_name(name)


def test_the_users_random_numbers_stay_what_they_were():
    import random

    random.seed(1)
    expected = random.random()
    random.seed(1)
    random_run_name(())
    assert random.random() == expected


def test_a_reader_without_the_lock_makes_no_file_and_waits_until_the_history_is_whole(path, monkeypatch):
    """Nextflow rewrites the file in place: what is read meanwhile is a part of it, or nothing."""
    History(path).append(a_run("happy_turing"))
    path.with_name(path.name + ".lock").unlink()
    whole = path.read_bytes()
    path.write_bytes(whole[:20])
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        path.write_bytes(whole)

    monkeypatch.setattr("nbflow.storage.nextflow.history.time.sleep", pause)
    assert [record.run_name for record in History(path, locks=False).records()] == ["happy_turing"]
    assert len(pauses) == 2
    assert os.listdir(path.parent) == [path.name]
