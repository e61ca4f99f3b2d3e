"""All benchmarks in one command: ``python -m tests.benchmarks [NAME ...]``; each in a process of its own.

``TMPDIR`` says where they write. On ext4 new files are slow for minutes after many were deleted, as by tests: so notebooks
are deleted when all is measured. A directory in memory, such as ``/dev/shm``, measures the program and not the disk.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile

from tests.benchmarks.measure import Row, load

NAMES = (
    "loading",
    "hits",
    "executed",
    "scripts",
    "script_channel",
    "closure",
    "hashing",
    "hashing_peers",
    "stored",
    "memory",
    "browsing",
    "pages",
    "wire",
)
_HEADS = ("what", "nbflow", "CPU", "unit", "budget", "peer", "peer's", "ratio")


def main(names: list[str]) -> int:
    """Print the table, row by row as it comes."""
    if names[:1] == ["--rows"]:
        module = importlib.import_module(f"tests.benchmarks.{names[1]}")
        print(json.dumps([row.fields() for row in module.rows()]))
        return 0
    print(load())
    print(_line(_HEADS))
    with tempfile.TemporaryDirectory(prefix="nbflow-benchmarks-") as place:
        failed = [name for name in names or NAMES if not _show(name, place)]
    print(load())
    return len(failed)


def _show(name: str, place: str) -> bool:
    command = [sys.executable, "-m", "tests.benchmarks", "--rows", name]
    environ = {**os.environ, "TMPDIR": place}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # users' Pythons keep what they have compiled
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=environ)
    if done.returncode:
        print(f"{name}: failed, see above", flush=True)
        return False
    for fields in json.loads(done.stdout.splitlines()[-1]):
        print(_line(_cells(Row(**fields))), flush=True)
    return True


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "" if not row.peer_wall else f"{row.wall / row.peer_wall:.2f}"
    return (
        row.what,
        _number(row.wall),
        _number(row.cpu),
        row.unit,
        row.budget,
        row.peer,
        _number(row.peer_wall),
        ratio,
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _line(cells: tuple[str, ...]) -> str:
    widths = (44, 9, 9, 5, 7, 34, 9, 6)
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
