"""``import nbflow``: few names, each found when it is asked for."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

import nbflow

LIGHT = "import sys, nbflow; print(*[name for name in sys.modules if name.startswith('nbflow.')])"


def test_every_name_of_the_front_door_is_there_documented_and_in_order() -> None:
    assert nbflow.__all__ == sorted(nbflow.__all__)
    assert set(nbflow.__all__) <= set(dir(nbflow))
    for name in nbflow.__all__:
        assert getattr(nbflow, name).__doc__, name


def test_a_name_that_is_not_there_is_an_attribute_error_that_names_it() -> None:
    with pytest.raises(AttributeError, match="'nbflow' has no attribute 'chanel'"):
        _ = nbflow.chanel  # type: ignore[attr-defined]


def test_importing_nbflow_loads_no_room() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_the_version_is_the_installed_one() -> None:
    assert importlib.metadata.version("nbflow") == nbflow.__version__


COMMANDS = [[sys.executable, "-m", "nbflow"], [str(Path(sys.executable).with_name("nbflow"))]]


@pytest.mark.parametrize("command", COMMANDS, ids=["python -m nbflow", "nbflow"])
def test_the_command_line_names_its_commands(command: list[str]) -> None:
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True)
    for name in ("run", "log", "clean", "why"):
        assert name in done.stdout
