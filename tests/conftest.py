"""What holds for all tests: none of them asserts a time, so that a busy machine fails none."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.notebook.lab import Lab

settings.register_profile("nbflow", deadline=None)
settings.load_profile("nbflow")

# A shell starts background jobs with SIGINT and SIGQUIT ignored, nohup with SIGHUP too, and every program that they start
# inherits that: the signals that tests send would be lost, and the tests wait for ever.
for number, action in {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGQUIT: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGTERM: signal.SIG_DFL,
}.items():
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, action)


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """With ``-n``, the tests of a file stay together and in order: they share notebooks and kernels."""
    if config.getoption("numprocesses", None) and config.option.dist == "no":
        config.option.dist, config.option.loadscopereorder = "loadfile", False


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: much of what tests do is to wait for kernels."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A notebook in this process, shared by the tests of a file: each uses process names of its own."""
    from tests.notebook.lab import Lab

    root = tmp_path_factory.mktemp("launch").resolve()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(root.parent / f"{root.name}-ipython"))
        patch.chdir(root)
        patch.setattr("sys.path", ["", *(entry for entry in sys.path if entry)])
        lab = Lab(root)
        yield lab
        lab.stop()


@pytest.fixture
def sleeper() -> str:
    """A `sleep` of ten minutes whose command line no other process has."""
    return f"sleep 600.{uuid4().int % 10**12:012d}"
