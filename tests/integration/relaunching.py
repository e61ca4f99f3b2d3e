"""A notebook with a cell that fails until it is let go, for tests of relaunching."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .conftest import write_notebook
from .front_end import PATIENCE, FrontEnd

LOAD = "%load_ext nbflow"
#: Each task that is executed leaves a line; the second fails until the directory holds `ok`.
TASK = """\
%%process {name} -> {output}
import os
with open(os.path.join({place!r}, "executed"), "a") as log:
    log.write("{name}\\n")
if {name!r} == "fit" and "ok" not in os.listdir({place!r}):
    raise ValueError("not yet")
{output} = {value}"""


def task(name: str, output: str, value: str, place: Path) -> str:
    return TASK.format(name=name, output=output, value=value, place=str(place))


def failing(root: Path, name: str, *more: str) -> Path:
    """A notebook whose third cell fails; the place in which its tasks leave their lines."""
    place = root / f"{name}-place"
    place.mkdir()
    cells = (task("prep", "base", "10", place), task("fit", "score", "base / 4", place), "print('the score is', score)")
    write_notebook(root / f"{name}.ipynb", LOAD, *cells, *more)
    return place


def executed(place: Path) -> list[str]:
    return (place / "executed").read_text().split()


def run_until_failed(served: FrontEnd, page: Any, name: str) -> Any:
    """Open and run it; its cells."""
    from playwright.sync_api import expect

    served.open(page, f"{name}.ipynb")
    served.run_all(page)
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    expect(cells.nth(2)).to_contain_text("ValueError: not yet", timeout=PATIENCE * 1000)
    # Until the kernel has aborted those below, it aborts what is run there next too.
    expect(cells.locator(".jp-InputPrompt", has_text="[*]")).to_have_count(0, timeout=PATIENCE * 1000)
    return cells
