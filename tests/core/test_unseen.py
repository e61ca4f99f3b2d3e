"""Patterns that match in the launch directory and nowhere in a task's own are told."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbflow.core.code.source import parse_body
from nbflow.core.task.unseen import unseen


@pytest.fixture
def launch_dir(tmp_path: Path) -> str:
    (tmp_path / "data" / "deep").mkdir(parents=True)
    for name in ("a.csv", "b.csv", "data/c.csv", "data/deep/d.csv"):
        (tmp_path / name).touch()
    return str(tmp_path)


@pytest.mark.parametrize(
    ("code", "pattern", "count"),
    [
        ("import glob\ny = glob.glob('*.csv')", "*.csv", 2),
        ("from glob import iglob\ny = list(iglob('data/*.csv'))", "data/*.csv", 1),
        ("from pathlib import Path\ny = list(Path('data').glob('*.csv'))", "data/*.csv", 1),
        ("from pathlib import Path\ny = list(Path().rglob('*.csv'))", "**/*.csv", 4),
        ("import pathlib\ndef f(): return [*pathlib.Path('.').glob('*')]\ny = f()", "./*", 3),
    ],
)
def test_a_pattern_that_a_task_cannot_see_is_told(launch_dir: str, code: str, pattern: str, count: int) -> None:
    (sentence,) = unseen(parse_body(code, "%%process t"), launch_dir)
    assert sentence.startswith(f"`{pattern}` finds nothing of the launch directory ({count} there match)")


@pytest.mark.parametrize(
    "code",
    [
        "import glob\ny = glob.glob('*.fq')",
        "import glob\ny = glob.glob('/etc/*')",
        "import glob\np = '*.csv'\ny = glob.glob(p)",
        "y = made.glob('*.csv')",
        "y = '*.csv'",
    ],
)
def test_what_is_not_there_or_not_known_is_not_told(launch_dir: str, code: str) -> None:
    assert unseen(parse_body(code, "%%process t"), launch_dir) == ()
