"""`executor: inline` (design 1.8): a body in the kernel itself, with the same hash and the same outputs."""

from __future__ import annotations

import signal
import threading

import pytest

BODY = """
    %%process {name} -> total, text
    {option}
    import random
    print("one")
    display({{"a": 1}})
    total = offset + random.random()
    text = open("inline.txt").read()
    total
"""


def test_same_hash_and_same_outputs_as_in_a_process_of_its_own(lab):
    lab.ok("offset = 5")
    lab.write("inline.txt", "file\n")
    local = lab.ok(BODY.format(name="same", option="#| executor: local"))
    outputs = lab.names["total"], lab.names["text"]
    assert lab.ok(BODY.format(name="same", option="#| executor: inline")).cached
    rerun = lab.ok(BODY.format(name="same", option="#| executor: inline").replace("%%process", "%%process --rerun"))
    assert not rerun.cached
    assert (lab.names["total"], lab.names["text"]) == outputs
    hit = lab.ok(BODY.format(name="same", option="#| executor: local"))
    assert hit.cached
    for cell in (rerun, hit):
        assert (cell.printed, cell.shown, repr(cell.result)) == (local.printed, local.shown, repr(local.result))


def test_it_runs_in_the_kernel_and_leaves_it_as_it_was(lab):
    lab.ok(
        "import os, random\nrandom.seed(3); expected = random.random(); random.seed(3)\nhome = os.getcwd(); pid = os.getpid()\nscratch = 'mine'"
    )
    lab.ok("""
        %%process inside -> there
        #| executor: inline
        #| env:
        #|   ONLY_THERE: "yes"
        import os, random
        scratch = random.random()
        there = (os.getpid(), os.environ["ONLY_THERE"], os.getcwd() == str(task.work_dir), task.name)
        os.chdir("/")
    """)
    assert lab.names["there"] == (lab.names["pid"], "yes", True, "inside")
    assert lab.value(
        "(os.getcwd() == home, scratch, random.random() == expected, 'ONLY_THERE' in os.environ, 'task' in globals())"
    ) == (
        True,
        "mine",
        True,
        False,
        False,
    )


def test_what_has_no_pickle_can_be_used_there(lab):
    lab.ok("""
        import threading
        class Device:
            def __init__(self): self.lock = threading.Lock()
            def __nbflow_digest__(self): return 1
            def run(self): return 41
        device = Device()
    """)
    assert "cannot take its inputs along" in lab.fails("%%process on_device -> r\nr = device.run() + 1")
    cell = "%%process on_device -> r\n#| executor: inline\nr = device.run() + 1"
    lab.ok(cell)
    assert lab.names["r"] == 42
    assert lab.ok(cell).cached


def test_magics_and_get_ipython_work_there_and_then_it_runs_every_time(lab):
    lab.ok("times = 3")
    cell = "%%process magical -> n, kind, where\n#| executor: inline\nn = %sx echo $times\nkind = type(get_ipython()).__name__\n%cd -q /\nimport os\nwhere = os.getcwd()"
    first = lab.ok(cell)
    assert (lab.names["n"], lab.names["where"]) == (["3"], "/")
    assert "Shell" in lab.names["kind"]
    assert "magics" in first.err
    assert not lab.ok(cell).cached


def test_commands_and_time_are_as_in_a_process_of_its_own(lab):
    cell = "%%process commands -> c\n#| executor: {}\n!echo printed\n%time c = 1\nc = !echo {{c}}"
    ran = lab.ok(cell.format("inline"))
    assert ran.printed.startswith("printed\nCPU times")
    assert lab.names["c"] == ["1"]
    hit = lab.ok(cell.format("local"))
    assert hit.cached and hit.printed == ran.printed


def test_displays_and_figures_are_kept(lab):
    pytest.importorskip("matplotlib")
    lab.ok("import matplotlib.pyplot as plt\nmine = plt.figure()")
    cell = """
        %%process drawn
        #| executor: inline
        import matplotlib.pyplot as plt
        display("first")
        handle = display("before", display_id="x")
        plt.figure(figsize=(1, 1)); plt.plot([1, 2]);
    """
    ran, hit = lab.ok(cell), lab.ok(cell)
    assert not ran.cached and hit.cached
    assert [sorted(shown["data"]) for shown in ran.shown] == [
        ["text/plain"],
        ["text/plain"],
        ["image/png", "text/plain"],
    ]
    assert [shown["data"] for shown in hit.shown] == [shown["data"] for shown in ran.shown]
    assert lab.value("plt.get_fignums() == [mine.number]")
    lab.ok("plt.close('all')")


def test_names_of_the_notebook_are_not_taken_for_outputs(lab):
    lab.ok("stale_result = 'of an earlier cell'")
    said = lab.fails(
        "%%process unset_there -> stale_result\n#| executor: inline\nif False:\n    stale_result = 1", "TaskFailedError"
    )
    assert "output `stale_result` was not set" in said
    assert lab.names["stale_result"] == "of an earlier cell"


def test_a_change_that_no_output_declares_fails_by_name(lab):
    lab.ok("shared_log = []")
    said = lab.fails("%%process changes -> r\n#| executor: inline\nshared_log.append(1)\nr = 1", "TaskFailedError")
    assert "changes global `shared_log`; add it after `->`" in said
    lab.ok("shared_log = []")
    lab.ok("%%process changes -> r, shared_log\n#| executor: inline\nshared_log.append(1)\nr = 1")
    assert lab.names["shared_log"] == [1]
    lab.ok("%%process takes(items) -> r\n#| executor: inline\nitems.append(1)\nr = len(items)")
    said = lab.fails("mine = []\ntakes(mine)", "TaskFailedError")
    assert "`items` was changed" in said and "copy it first" in said


def test_channels_run_there_one_by_one_and_beside_other_executors(lab):
    lab.ok(
        "%%process there(x) -> y, thread\n#| executor: inline\nimport threading\ny, thread = x + 1, threading.current_thread().name"
    )
    lab.ok("%%process here(x) -> y\ny = x * 10")
    lab.ok("found = there(here(channel.of(1, 2, 3)))")
    assert lab.value("list(found.y)") == [11, 21, 31]
    assert set(lab.value("list(found.thread)")) == {threading.main_thread().name}
    assert "cached: 3" in lab.ok("again = there(here(channel.of(1, 2, 3)))").out
    assert lab.value("list(here(there(channel.of(7)).y))") == [80]


def test_a_global_that_is_changed_between_call_and_task_is_never_taken_for_what_it_was(lab):
    lab.ok("grown = [1]\n")
    lab.ok("%%process summed(x) -> y\n#| executor: inline\ny = x + sum(grown)")
    said = lab.fails("s = summed(channel.of(1))\ngrown.append(100)", "TaskFailedError")
    assert "`grown` was changed" in said
    lab.ok("grown = [1]\ns = summed(channel.of(1))")
    assert lab.value("list(s)") == [2]


def test_a_process_called_there_is_a_plain_function(lab):
    lab.ok("%%process helper_process(x) -> y\nimport os\ny = (x, os.getpid())")
    lab.ok("%%process caller(x) -> z\n#| executor: inline\nz = helper_process(x)")
    cell = lab.ok("import os\nz = caller(5)\nmy_pid = os.getpid()")
    assert lab.names["z"] == (5, lab.names["my_pid"])
    assert "helper_process" not in cell.out


def test_a_failure_is_reported_as_any_other(lab):
    lab.ok("def burst(v):\n    return 1 / v\n")
    cell = lab.run("%%process bursts -> r\n#| executor: inline\nprint('before')\nr = burst(0)")
    assert type(cell.error).__name__ == "TaskFailedError"
    assert "ZeroDivisionError" in cell.said and "%%process bursts" in cell.said and "line 4" in cell.said
    assert "kernel_body" not in cell.said
    assert cell.out.startswith("before\n")


def test_an_interrupt_ends_the_body_and_leaves_the_kernel_usable(lab):
    timer = threading.Timer(0.5, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT])
    timer.start()
    cell = lab.run("%%process endless -> r\n#| executor: inline\nimport time\nlocal_name = 1\ntime.sleep(60)\nr = 1")
    timer.join()
    assert isinstance(cell.error, KeyboardInterrupt)
    assert "local_name" not in lab.names
    assert lab.value("1 + 1") == 2
    assert not lab.ok("%%process endless -> r\n#| executor: inline\nr = 1").cached


def test_what_cannot_run_there_is_refused_with_the_way_out(lab):
    said = lab.fails("%%process scripted\n#| executor: inline\n#!/usr/bin/env bash\necho", "DeclarationError")
    assert "remove `executor: inline`" in said
    said = lab.fails(
        "%%process awaited\n#| executor: inline\nimport asyncio\nawait asyncio.sleep(0)", "DeclarationError"
    )
    assert "top-level `await`" in said
    said = lab.fails("%%process limited -> r\n#| executor: inline\n#| time: 1 s\nr = 1", "DeclarationError")
    assert "`time` cannot be enforced in the kernel" in said
    lab.ok("%%process beside(x) -> y\n#| executor: inline\ny = x")
    assert "call `beside(...)`" in lab.fails("beside.submit(1)", "InputError")
    assert lab.value("beside(1)") == 1
