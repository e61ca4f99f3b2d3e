"""A notebook of its own for each file of tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.notebook.lab import Lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Shared by the tests of a file: each uses process names of its own."""
    root = tmp_path_factory.mktemp("launch").resolve()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(root.parent / f"{root.name}-ipython"))
        patch.chdir(root)
        patch.setattr("sys.path", ["", *(entry for entry in sys.path if entry)])
        lab = Lab(root)
        yield lab
        lab.stop()
