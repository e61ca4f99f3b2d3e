"""A process as a node: what a channel of tasks keeps of each, and what that costs."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

MILLION = """
    import itertools, sys
    from types import SimpleNamespace as Space
    import psutil
    from nbflow.core.declaration.binding import Spread
    from nbflow.execution.channels.engine import Engine
    from nbflow.execution.channels.flow import Source
    from nbflow.execution.channels.reading import read
    from nbflow.execution.result import Result
    from nbflow.execution.channels.task_node import TaskNode

    COUNT = 1_000_000
    PROCESS = Space(name="f", directives=Space(debug=False, max_forks=None), outputs=None)
    CALL = Space(process=PROCESS, capture=None)


    class Runner:
        # Ends each task at once; what it put out follows from its hash.
        def start(self, call, own, number, done, begun=None):
            done(Result(None, number.to_bytes(16, "big"), "", None))

        def values(self, key):
            return {"y": int.from_bytes(key, "big")}

        def read(self, key):
            return Space(outputs=(), files=())


    def node(upstream):
        failed = lambda node, error: sys.exit(f"failed: {error}")
        return TaskNode(engine, upstream, Runner(), CALL, Spread("f", ("x",)), {}, {}, {}, failed, print)


    engine = Engine()
    rss = psutil.Process().memory_info().rss
    tasks = node(Source(engine, range(COUNT)))
    engine.connect(tasks)
    engine.wait_until(lambda: tasks.over, items=False)
    grown = psutil.Process().memory_info().rss - rss
    assert tasks.done and tasks.failure is None
    some = list(itertools.islice(read(tasks), 3))
    assert some == [1, 2, 3], some
    assert tasks.get(COUNT - 1).load() == COUNT
    print(grown)
"""


def test_a_million_tasks_cost_16_bytes_each():
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(MILLION)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    grown = int(done.stdout)
    print(f"1,000,000 tasks: RSS grew by {grown / 1e6:.0f} MB")
    assert grown < 60e6


REAL = """
    import os, signal, sys, tempfile, threading
    import psutil
    from IPython.core.interactiveshell import InteractiveShell

    shell = InteractiveShell.instance()
    shell.history_manager.enabled = False
    run = lambda text: shell.run_cell(text)
    run("%load_ext nbflow").raise_error()
    run("%%process f(x) -> y\\ny = x").raise_error()
    run("list(f(channel.of(1)))").raise_error()
    process = psutil.Process()
    rss, most = process.memory_info().rss, [0]
    end = threading.Event()

    def watch():
        while not end.wait(0.1):
            most[0] = max(most[0], process.memory_info().rss)

    threading.Thread(target=watch).start()
    threading.Timer(5, signal.pthread_kill, [threading.main_thread().ident, signal.SIGINT]).start()
    result = run("r = f(channel.from_list(range(1_000_000)))")
    end.set()
    ran = sum(count.completed for count in shell.user_ns["f"]._desk._cell.progress.snapshot())
    again = run("list(f(channel.of(1, 2)))")
    print(type(result.error_in_exec).__name__, most[0] - rss, ran, again.result)
    shell.run_line_magic("unload_ext", "nbflow")
    print("alive", len(psutil.Process().children(recursive=True)))
"""


def test_a_million_items_on_the_local_executor_do_not_live_in_memory_as_tasks(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(REAL)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "IPYTHONDIR": str(tmp_path / "ipython")},
    )
    assert done.returncode == 0, done.stderr
    *_, told, alive = done.stdout.strip().splitlines()
    kind, grown, ran, values = told.split(maxsplit=3)
    print(f"1,000,000 items, {ran} run before the interrupt: RSS grew by {int(grown) / 1e6:.0f} MB")
    assert kind == "KeyboardInterrupt"
    assert int(ran) > 10
    assert int(grown) < 200e6
    assert values == "[1, 2]"
    assert alive == "alive 0"
