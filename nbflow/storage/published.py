"""Which work directories hold results that ``publish_dir`` only linked to: what goes by itself must leave them.

Alone reads and writes ``.command.published``, beside the task's logs: a line for each link that was made.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

_NAME = ".command.published"


def note_link(work_dir: Path, target: Path) -> None:
    """Note that a link to a file of a work directory was made.

    Parameters
    ----------
    work_dir : pathlib.Path
        The work directory.
    target : pathlib.Path
        The link, absolute.
    """
    with open(work_dir / _NAME, "a", encoding="utf-8") as file:
        file.write(f"{json.dumps(str(target))}\n")


def is_linked_to(work_dir: Path) -> bool:
    """Whether a link that was noted is there still and leads here; also where that cannot be found out."""
    try:
        lines = (work_dir / _NAME).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    here = os.path.realpath(work_dir)
    return any(_leads(line, here) for line in lines)


def _leads(line: str, here: str) -> bool:
    try:
        target = json.loads(line)
    except ValueError:
        return True
    return os.path.islink(target) and os.path.realpath(target).startswith(f"{here}{os.sep}")
