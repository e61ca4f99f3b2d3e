"""What tests of the execution floor share: jobs made of real scripts, and a look at real processes."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nbflow.execution.job import Job
from nbflow.execution.scripts.wrapper import BASH, SCRIPT, script_wrapper


@pytest.fixture
def make_job(tmp_path: Path) -> Callable[..., Job]:
    """Make a script job with a work directory of its own from the text of its script."""
    numbers = itertools.count(1)

    def make(text: str, **options: object) -> Job:
        number = next(numbers)
        task_hash = f"{number:032x}"
        work_dir = tmp_path / task_hash[:2] / task_hash[2:]
        (work_dir / ".nbflow").mkdir(parents=True)
        (work_dir / SCRIPT).write_text(text + "\n")
        (work_dir / ".command.run").write_text(script_wrapper())
        environ = options.pop("environ", dict(os.environ))
        return Job(task_hash, f"job ({number})", work_dir, "script", (*BASH, SCRIPT), environ, **options)

    return make
