"""A launch directory that went elsewhere, or that another Python reads: all is taken from the cache, nothing points back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.remembering.conftest import Cell, Forge, Notebooks

CELLS = (
    "import numpy as np, pandas as pd\nfrom pathlib import Path\nimport nbp_local\nframe = pd.DataFrame({'a': [1, 2]})",
    "class P:\n    def __init__(self, v):\n        self.v = v\n    def twice(self):\n        return 2 * self.v",
    "data = Path('data/d.txt')\nhere = Path('data').absolute()",
    "%%process arrays -> big\nbig = np.arange(3_000_000.0)",
    "%%process frames -> f\nf = frame.assign(b=frame.a * nbp_local.K)",
    "%%process objects -> p\np = P(7)",
    "%%process uses -> q\nq = p.twice() + float(big[-1]) + int(f.b.sum())",
    "%%process script -> t = file('o.txt')\n#!/usr/bin/env bash\ncat $data > o.txt; mkdir sub; echo in > sub/f",
    "%%process tree -> d = file('sub')\n#!/usr/bin/env bash\nmkdir sub; echo in > sub/f",
    "%%process reads(x) -> u\nu = x.read_text()",
    "text = reads(t)",
    "%%process constant -> c\nc = open('data/d.txt').read()",
    "%%process content -> e\n#| cache: deep\ne = data.read_text()",
    "%%process directory -> g\ng = sorted(path.name for path in here.iterdir())",
    "%%process item(x) -> y\ny = x.name, len(x.read_bytes())",
    "items = item(channel.from_path('data/*.txt'))",
    "%%process paths(x) -> z = file('z.txt')\nPath('z.txt').write_text(x[0])",
    "kept = list(paths(items))",
    "%%process passes -> held\nheld = {'made': t, 'given': [here / 'd.txt']}",
    "%%process hands(x: Path) -> r = tuple(x, stdout())\n#!/usr/bin/env bash\ncat $x",
    "handed = hands(t), hands(here / 'd.txt')",
    "type(p) is P, q, text, c, e, g, list(items), t.read_text(), (d / 'f').read_text(), [k.read_text() for k in kept]",
    "sorted({str(path.absolute().is_relative_to(Path.cwd())) for path in (t, d, *kept, held['made'], *held['given'], handed[0][0], handed[1][0])})",
)
VALUE = (
    "(True, 3000082.0, 'one', 'one', 'one', ['d.txt', 'e.txt'], [('d.txt', 3), ('e.txt', 4)], 'one', 'in\\n', "
    "['d.txt', 'e.txt'])"
)


@pytest.fixture(scope="module")
def launched(forges: list[Forge], tmp_path_factory: pytest.TempPathFactory) -> Notebooks:
    """A launch directory in which all has run, and which is gone."""
    notebooks = Notebooks(tmp_path_factory.mktemp("launched"), forges)
    notebooks.write("data/d.txt", "one")
    notebooks.write("data/e.txt", "more")
    notebooks.write("nbp_local.py", "K = 23\n")
    _check(notebooks.run(*CELLS), "COMPLETED")
    away = notebooks.moved(notebooks.directory.with_name("away"), keep_times=True)
    shutil.rmtree(notebooks.directory)
    return away


def _check(cells: list[Cell], status: str) -> None:
    assert all(cell.ok for cell in cells), [cell.evalue for cell in cells if not cell.ok]
    assert cells[-2].result == VALUE
    assert cells[-1].result == "['True']", "outputs lie in this launch directory"
    tasks = [task for cell in cells for task in cell.tasks]
    assert len(tasks) == 17
    assert {name: found for name, found, _ in tasks if found != status} == {}


def test_a_copied_launch_directory_resumes_with_everything_cached(launched: Notebooks, tmp_path: Path) -> None:
    """Also as another user on another machine, as far as variables tell."""
    copy = launched.moved(tmp_path / "else" / "where", keep_times=True)
    environ = {"USER": "somebody", "HOME": str(tmp_path), "HOSTNAME": "elsewhere", "TZ": "Asia/Tokyo", "LANG": "C"}
    for changed in ({}, {**environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}):
        _check(copy.run(*CELLS, environ=changed), "CACHED")


def _another_python(place: Path) -> str:
    """The same version at another place, with the same packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    python = place / "bin" / "python"
    told = subprocess.run(
        [str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    Path(told.stdout.strip(), "all.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return str(python)


def test_another_python_of_the_version_resumes_with_everything_cached(launched: Notebooks, tmp_path: Path) -> None:
    forge = Forge(tmp_path, "3", _another_python(tmp_path / "python"))
    try:
        _check(Notebooks(launched.directory, [forge]).run(*CELLS), "CACHED")
    finally:
        forge.close()


PLAIN = (
    "import nbp_local\nclass P:\n    def __init__(self, v):\n        self.v = v\ndef h(x):\n    return x + nbp_local.K",
    "%%process values -> r, p\nr = {'a': [h(1), 0.1 + 0.2]}\np = P(7)",
    "%%process uses -> q\nq = [p.v, r['a'], [word.upper() for word in ('a', 'b')]]",
    "%%process script -> t = stdout()\n#!/usr/bin/env bash\necho one",
    "%%process item(x) -> y\ny = x + p.v",
    "items = item(channel.of(1, 2))",
    "type(p) is P, q, t, list(items)",
)
CODE = ("%%process code -> f\nf = lambda x: x + 1", "%%process calls -> s\ns = f(1)", "f(1), s")


def test_another_version_of_python_takes_what_it_can_load(forges: list[Forge], tmp_path: Path) -> None:
    """Code that a value holds is of one version: what put it out runs again, what took it gets the same from it."""
    python = os.environ.get("NBFLOW_OTHER_PYTHON")
    if python is None:
        pytest.skip("NBFLOW_OTHER_PYTHON names no Python of another version that has what the tests need")
    notebooks = Notebooks(tmp_path, forges)
    notebooks.write("nbp_local.py", "K = 23\n")
    assert all(cell.ok for cell in notebooks.run(*PLAIN, *CODE))
    forge = Forge(tmp_path, "5", python)
    try:
        cells = Notebooks(tmp_path, [forge]).run(*PLAIN, *CODE)
    finally:
        forge.close()
    assert [cell.evalue for cell in cells if not cell.ok] == []
    assert cells[6].result == "(True, [7, [24, 0.30000000000000004], ['A', 'B']], 'one\\n', [8, 9])"
    assert cells[9].result == "(2, 2)"
    statuses = {name: status for cell in cells for name, status, _ in cell.tasks}
    assert statuses.pop("code") == "COMPLETED"
    statuses.pop("calls")
    assert set(statuses.values()) == {"CACHED"}
