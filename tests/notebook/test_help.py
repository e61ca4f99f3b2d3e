"""``%%process?`` and the others: help that fits a screen of 24 lines and 80 columns."""

from __future__ import annotations

import re

import pytest

from tests.notebook.conftest import Kernel


@pytest.fixture(scope="module")
def loaded(kernel: Kernel) -> Kernel:
    assert kernel.run("%load_ext nbflow").status == "ok"
    return kernel


@pytest.mark.parametrize("magic", ["%%process", "%resume", "%nbflow"])
def test_the_help_of_a_magic_fits_a_screen(loaded: Kernel, magic: str) -> None:
    (payload,) = loaded.run(f"{magic}?").content["payload"]
    lines = re.sub(r"\x1b\[[0-9;]*m", "", payload["data"]["text/plain"]).rstrip().split("\n")
    assert magic in "\n".join(lines)
    assert len(lines) <= 24
    assert [line for line in lines if len(line) > 80 and not line.startswith("File:")] == []
