"""Data files beside local modules: code that looks for them where it lies sees them, so they count."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from nbflow.core.code.code_walk import CodeDigest
from nbflow.core.values.hashing import Digester
from tests.core.notebooks import Notebook

READS = {
    "by __file__": "import os\ndef f(): return open(os.path.join(os.path.dirname(__file__), 'd.txt')).read()",
    "by a constant": "import pathlib\nHERE = pathlib.Path(__file__).parent\ndef f(): return (HERE / 'd.txt').read_text()",
    "by a directory": "import pathlib\nHERE = pathlib.Path(__file__).parent\ndef f(): return list((HERE / 'in').iterdir())",
    "by a pattern": "import pathlib\ndef f(): return list(pathlib.Path(__file__).parent.glob('*.txt'))",
    "by a suffix": "import pathlib\ndef f(n): return (pathlib.Path(__file__).parent / f'{n}.txt').read_text()",
    "above it": "import pathlib\ndef f(): return (pathlib.Path(__file__).parent.parent / 'up' / 'd.txt').read_text()",
    "above it, by os.path": "import os\nUP = os.path.dirname(os.path.dirname(__file__))\ndef f(): return os.listdir(UP + '/up')",
}
PACKAGES = {
    "by resources": "from importlib import resources\ndef f(n): return resources.files(__name__).joinpath(n).read_text()",
    "by pkgutil": "import pkgutil\ndef f(n): return pkgutil.get_data(__name__, n)",
    "by listing": "import os\ndef f(): return os.listdir(os.path.dirname(__file__))",
}


@pytest.fixture
def home(tmp_path: Path) -> Any:
    """A directory that modules are imported from, below another."""
    loaded = set(sys.modules)
    yield tmp_path / "home"
    for name in set(sys.modules) - loaded:
        del sys.modules[name]


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def key(home: Path, body: str = "import mod_e1\ny = mod_e1.f('d.txt')") -> bytes:
    def digest_value(value: Any, code: CodeDigest, name: str) -> bytes:
        return Digester(code=code, path=lambda path: path.read_bytes()).digest(value, name)

    parts = Notebook(sys_path=[str(home), *sys.path]).reach(body, digest_value=digest_value).parts
    return b"".join(part.chunk for part in parts)


@pytest.mark.parametrize("case", READS)
def test_what_a_plain_module_finds_counts(home: Path, case: str) -> None:
    write(home / "mod_e1.py", READS[case])
    places = [home.parent / "up/d.txt"] if "above" in case else [home / "d.txt", home / "in/d.txt"]
    for place in places:
        write(place, "1")
    before = key(home)
    write(home / "other.dat", "1")
    assert key(home) == before
    for place in places:
        write(place, "2")
    assert key(home) != before


@pytest.mark.parametrize("case", PACKAGES)
def test_a_package_counts_with_all_its_data_files(home: Path, case: str) -> None:
    write(home / "mod_e1/__init__.py", PACKAGES[case])
    write(home / "mod_e1/data/d.txt", "1")
    seen = {key(home)}
    write(home / "mod_e1/__pycache__/x.cpython-311.pyc", "1")
    write(home / "beside.txt", "1")
    assert key(home) in seen
    for change in (lambda: write(home / "mod_e1/data/d.txt", "2"), lambda: write(home / "mod_e1/e.txt", "1")):
        change()
        assert key(home) not in seen
        seen.add(key(home))
    os.rename(home / "mod_e1/e.txt", home / "mod_e1/f.txt")
    assert key(home) not in seen


def test_the_body_finds_files_of_a_package_too(home: Path) -> None:
    write(home / "mod_e1/__init__.py", "")
    write(home / "mod_e1/d.txt", "1")
    body = "import importlib.resources, mod_e1\ny = importlib.resources.files(mod_e1).joinpath('d.txt').read_text()"
    before = key(home, body)
    write(home / "mod_e1/d.txt", "2")
    assert key(home, body) != before


def test_code_that_looks_for_nothing_has_no_files(home: Path) -> None:
    write(home / "mod_e1/__init__.py", "def f(n): return n + 'd.txt'")
    write(home / "mod_e1/d.txt", "1")
    before = key(home)
    write(home / "mod_e1/d.txt", "2")
    assert key(home) == before
