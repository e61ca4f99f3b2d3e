"""What tasks take along, a large global above all: hashed once a call and written once, however many tasks and runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.remembering.conftest import ROOT, Notebooks

SIZE = 100_000_000
MANY = """
    import json, os, sys
    from pathlib import Path
    import xxhash
    from tests.benchmarks.stand import Instant, notebook
    from nbflow import wiring

    hashed = [0]


    def counting(real):
        def hash(data=b"", *rest):
            hashed[0] += memoryview(data).nbytes if not isinstance(data, str) else len(data)
            return real(data, *rest)
        return hash


    class Stream:
        def __init__(self):
            self.real = xxh3_128()

        def update(self, data):
            hashed[0] += memoryview(data).nbytes
            self.real.update(data)

        def __getattr__(self, name):
            return getattr(self.real, name)


    xxh3_128 = xxhash.xxh3_128
    for name in ("xxh3_128_digest", "xxh3_128_hexdigest"):
        setattr(xxhash, name, counting(getattr(xxhash, name)))
    xxhash.xxh3_128 = Stream


    def written():
        return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns, path.stat().st_size)
                for path in Path("work").glob("stage-*/**/*") if path.is_file()}


    wiring.LocalExecutor = Instant
    told = []
    with notebook(instant=True) as stand:
        for _ in range(2):
            stand.cell("import numpy as np\\nbig = np.zeros(SIZE, np.uint8)")
            stand.cell("%%process fit(n: int) -> score: float\\nscore = n + big[0]")
            before = hashed[0]
            stand.cell("scores = fit(channel.from_list(range(3_000)))")
            told.append({"hashed": hashed[0] - before, "written": written()})
            counts = stand["fit"]._desk.session.progress.snapshot()[0]
            told[-1] |= {"executed": counts.completed, "cached": counts.cached}
            stand.reload()
    print(json.dumps(told))
"""


def test_thousands_of_tasks_with_a_large_global_hash_it_once_a_call_and_write_it_once(tmp_path: Path) -> None:
    environ = {**os.environ, "IPYTHONDIR": str(tmp_path / "ipython"), "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    script = textwrap.dedent(MANY).replace("SIZE", str(SIZE))
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT, env=environ
    )
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout.splitlines()[-1])
    assert (first["executed"], second["cached"]) == (3_000, 3_000)
    assert 2 * SIZE <= first["hashed"] < 2.5 * SIZE, "its digest, and the name of the file that it is written to"
    assert SIZE <= second["hashed"] < 1.5 * SIZE, "its digest"
    assert first["written"] == second["written"], "nothing is written again"
    assert SIZE <= sum(size for _, _, size in first["written"].values()) < 1.1 * SIZE


LARGE = "import numpy as np\nbig = np.arange(3_000_000)\nclass C:\n    pass\nsmall = C()\nsmall.x = 5"
USE = "%%process use -> r\nr = int(big[-1]), small.x"


def _stage_files(notebooks: Notebooks) -> dict[Path, tuple[int, int]]:
    found = notebooks.directory.glob("work/stage-*/**/*")
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in found if path.is_file()}


def _cut(path: Path) -> None:
    path.chmod(0o644)
    os.truncate(path, path.stat().st_size // 2)


@pytest.mark.parametrize("name", ["values", "*.buffer", "values.facts"])
def test_a_container_is_written_by_the_first_run_and_anew_when_it_is_damaged(name: str, notebooks: Notebooks) -> None:
    assert notebooks.run(LARGE, USE, "r")[2].result == "(2999999, 5)"
    before = _stage_files(notebooks)
    assert notebooks.run(LARGE, USE + " + 1", "r")[2].result == "(2999999, 6)"
    assert _stage_files(notebooks) == before
    (damaged,) = (path for path in before if path.match(name))
    _cut(damaged)
    assert notebooks.run(LARGE, USE + " + 2", "r")[2].result == "(2999999, 7)"
    after = _stage_files(notebooks)
    assert after.keys() == before.keys()
    assert after[damaged] != before[damaged]


def test_a_container_that_rots_under_the_run_fails_one_task_and_is_written_anew(notebooks: Notebooks) -> None:
    """The damage keeps size and time, so only the task that reads it can tell."""
    harm = (
        "import glob, os\n"
        "for path in glob.glob('work/stage-*/*/*/values'):\n"
        "    facts = os.stat(path)\n"
        "    os.chmod(path, 0o644)\n"
        "    with open(path, 'r+b') as file:\n"
        "        _ = file.seek(60), file.write(b'rot')\n"
        "    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))"
    )
    cells = notebooks.run("w = [7] * 5000", "%%process t -> r\nr = w[0]", harm, "%%process t -> r\nr = w[0] + 1",
                          "%%process t -> r\nr = w[0] + 1", "r")  # fmt: skip
    assert "DamagedValueError" in cells[3].evalue
    assert cells[5].result == "8"


def test_a_helper_that_moved_is_shown_where_it_stands_now(notebooks: Notebooks) -> None:
    helper = "def h():\n    return 1 / zero"
    cell = "%%process t -> r\nr = h()"
    assert "line 2, in h" in notebooks.run("zero = 0", helper, cell)[2].evalue
    assert "line 3, in h" in notebooks.run("zero = 0", "# a line more\n" + helper, cell)[2].evalue
