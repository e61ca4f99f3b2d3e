"""The file that watchers tail: whole lines only, whatever is being written or was cut off."""

from __future__ import annotations

import os
import threading

import pytest

from nbflow.storage.events import EventLog, read_events


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.happy_turing"


def test_what_is_written_is_read_in_order(path):
    log = EventLog(path)
    log.append({"task": "fit (1)", "text": "ligne\nsuivante é"})
    log.extend([{"n": 1}, {"n": 2}])
    log.extend([])
    log.close()
    log.close()
    events, offset = read_events(path)
    assert events == [{"task": "fit (1)", "text": "ligne\nsuivante é"}, {"n": 1}, {"n": 2}]
    assert offset == path.stat().st_size


def test_a_watcher_goes_on_where_it_stopped(path):
    log = EventLog(path)
    assert read_events(path) == ([], 0)
    log.append({"n": 1})
    events, offset = read_events(path)
    log.append({"n": 2})
    assert (events, read_events(path, offset)[0]) == ([{"n": 1}], [{"n": 2}])
    log.close()


def test_a_file_that_is_not_there_has_no_events(path):
    assert read_events(path) == ([], 0)


def test_a_torn_last_line_waits_for_its_rest(path):
    path.write_bytes(b'{"n": 1}\n{"n": ')
    events, offset = read_events(path)
    assert events == [{"n": 1}]
    with path.open("ab") as file:
        file.write(b"2}\n")
    assert read_events(path, offset)[0] == [{"n": 2}]


def test_a_line_that_a_crash_cut_off_spoils_no_other(path):
    path.write_bytes(b'{"n": 1}\n{"n": ')
    log = EventLog(path)
    log.append({"n": 3})
    log.close()
    assert read_events(path)[0] == [{"n": 1}, {"n": 3}]


@pytest.mark.parametrize("line", [b"\xff\xfe", b"[1]", b"null", b"{", b"", b"\x00" * 50])
def test_a_line_that_is_no_event_is_passed_over(path, line):
    path.write_bytes(b'{"n": 1}\n' + line + b'\n{"n": 2}\n')
    assert read_events(path)[0] == [{"n": 1}, {"n": 2}]


def test_threads_do_not_mix_their_lines(path):
    log = EventLog(path)

    def write(name):
        for number in range(300):
            log.append({"name": name * 50, "number": number})

    threads = [threading.Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    events, _ = read_events(path)
    assert len(events) == 900
    assert [event["number"] for event in events if event["name"] == "b" * 50] == list(range(300))


def test_a_run_goes_on_where_the_file_cannot_be_made(tmp_path):
    with pytest.warns(RuntimeWarning, match="who watches this run"):
        log = EventLog(tmp_path / "absent" / "events.happy_turing")
    log.append({"n": 1})
    log.close()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a full disk is a device of Linux")
def test_a_run_goes_on_where_the_disk_is_full(path):
    log = EventLog(path)
    log.append({"n": 1})
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, log._descriptor)
    os.close(full)
    with pytest.warns(RuntimeWarning, match="No space left"):
        log.append({"n": 2})
    log.append({"n": 3})
    assert read_events(path)[0] == [{"n": 1}]
