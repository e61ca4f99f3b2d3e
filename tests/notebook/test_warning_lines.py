"""Tests of how warnings look in a notebook."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
warn = "import warnings; from nbflow.errors import NbflowWarning; warnings.warn('it {}', NbflowWarning); warnings.warn('{} is odd')"
for cell in ("%load_ext nbflow", warn.format("broke", "yours"), "%unload_ext nbflow", warn.format("stopped", "mine")):
    assert shell.run_cell(cell).success
"""


def test_a_warning_of_nbflows_is_one_line_and_others_look_as_before() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    lines = done.stderr.splitlines()
    assert lines[0] == "nbflow: WARN: it broke"
    assert "UserWarning: yours is odd" in lines[1]
    assert "NbflowWarning: it stopped" in done.stderr and "UserWarning: mine is odd" in done.stderr
