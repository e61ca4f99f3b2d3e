"""A pattern in a body is looked for where the body runs: what lies in the launch directory is not silently left out."""

from __future__ import annotations

import pytest

from tests.remembering.conftest import Cell, Forge, Notebooks

REFUSED = {
    "glob": "import glob\nr = glob.glob('data/*.csv')",
    "iglob": "import glob\nr = list(glob.iglob('data/*.csv'))",
    "a helper": "r = h('data/*.csv')",
    "a path": "from pathlib import Path\nr = sorted(Path('data').glob('*.csv'))",
    "a path, all the way down": "from pathlib import Path\nr = sorted(Path().rglob('*.csv'))",
}
ALLOWED = {
    "what the body made": (
        "import glob\nopen('x.csv', 'w').close()\nr = glob.glob('*.csv') + glob.glob('*.nothing')", "['x.csv']",
    ),
    "another directory": (
        "import glob, os, tempfile\nos.chdir(tempfile.mkdtemp())\nr = glob.glob('data/*.csv')", "[]",
    ),
    "an absolute pattern": (
        "import glob, os\nr = [os.path.basename(p) for p in glob.glob(place + '/data/*.csv')]", "['a.csv']",
    ),
    "paths that were found before": ("r = [p.name for p in found]", "['a.csv']"),
}  # fmt: skip


@pytest.fixture(scope="module")
def cells(forges: list[Forge], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Cell]]:
    notebooks = Notebooks(tmp_path_factory.mktemp("patterns"), forges)
    notebooks.write("data/a.csv", "1")
    above = [
        "import os\nfrom pathlib import Path\nplace = os.getcwd()\nfound = sorted(Path().glob('data/*.csv'))",
        "import glob\ndef h(pattern): return glob.glob(pattern)",
    ]
    bodies = {**REFUSED, **{name: body for name, (body, _) in ALLOWED.items()}}
    typed = [cell for number, body in enumerate(bodies.values()) for cell in (f"%%process t{number} -> r\n{body}", "r")]
    told = notebooks.run(*above, *typed)[2:]
    return {name: told[2 * number : 2 * number + 2] for number, name in enumerate(bodies)}


@pytest.mark.parametrize("name", REFUSED)
def test_a_pattern_that_fits_only_files_of_the_launch_directory_fails_the_task(
    name: str, cells: dict[str, list[Cell]]
) -> None:
    task = cells[name][0]
    assert not task.ok
    assert "fits 1 file in the launch directory and none in the task's own work directory" in task.evalue
    assert "found = sorted(Path().glob(" in task.evalue


@pytest.mark.parametrize("name", ALLOWED)
def test_other_patterns_find_what_is_there(name: str, cells: dict[str, list[Cell]]) -> None:
    assert cells[name][1].result == ALLOWED[name][1], cells[name]
