"""Inputs that are files, and what else tells two tasks apart or does not, in notebooks that run twice."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.remembering.conftest import Cell, Forge, Notebooks

DEEP = "%%process deep(p) -> r\n#| cache: deep\nr = p.read_text()"
READ = "%%process read(p) -> r\nr = p.read_text()"
SHEET = "%%process sheet(rows) -> r\nr = [open(row['file']).read() for row in rows]"
ABOVE = ("import os\nfrom pathlib import Path", DEEP, READ, SHEET)


def _setup(directory: Path) -> None:
    for name in ("d.txt", "sub/e.txt", "v1.txt", "v2.txt", "same.txt"):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text({"same.txt": "v1.txt"}.get(name, name))
        os.utime(path, (1_000_000_000, 1_000_000_000))
    (directory / "now").symlink_to("v1.txt")
    (directory / "nowhere").symlink_to("gone.txt")
    os.mkfifo(directory / "pipe")


#: The cell of the first run, that of the second, what is done between them, what becomes of it, and its value.
CASES: dict[str, tuple[str, str, str, str, str]] = {
    "an absolute path": ("read(Path('{c}/d.txt'))", "read(Path('{c}/d.txt').absolute())", "", "CACHED", "'d.txt'"),
    "a path with dots": ("read(Path('{c}/d.txt'))", "read(Path('{c}/sub/../d.txt'))", "", "CACHED", "'d.txt'"),
    "a path from home": ("read(Path('{c}/d.txt'))", "read(Path('~/{c}/d.txt').expanduser())", "", "CACHED", "'d.txt'"),
    "touched, by content": ("deep(Path('{c}/d.txt'))", "deep(Path('{c}/d.txt'))", "touch d.txt", "CACHED", "'d.txt'"),
    "a link to another file": ("read(Path('{c}/now'))", "read(Path('{c}/now'))", "ln -sf v2.txt now", "COMPLETED", "'v2.txt'"),
    "a link to another, by content": (
        "deep(Path('{c}/now'))", "deep(Path('{c}/now'))", "ln -sf v2.txt now", "COMPLETED", "'v2.txt'",
    ),
    "a link to the same content": (
        "deep(Path('{c}/now'))", "deep(Path('{c}/now'))", "ln -sf same.txt now", "CACHED", "'v1.txt'",
    ),
    "another directory, by content": (
        "deep(Path('{c}/d.txt'))", "deep(Path('{c}/new/d.txt'))", "mkdir new; cp d.txt new", "CACHED", "'d.txt'",
    ),
    "another name, by content": (
        "deep(Path('{c}/d.txt'))", "deep(Path('{c}/f.txt'))", "cp d.txt f.txt", "COMPLETED", "'d.txt'",
    ),
    "names of files in a table": (
        "sheet([{'id': 1, 'file': '{c}/d.txt'}, {'id': 2, 'file': '{c}/sub/e.txt'}])",
        "sheet([{'id': 1, 'file': '{c}/d.txt'}, {'id': 2, 'file': '{c}/sub/e.txt'}])",
        "echo -n new > sub/e.txt", "COMPLETED", "['d.txt', 'new']",
    ),
    "a new file that fits a pattern": (
        "list(read(channel.from_path('{c}/s*.txt')))", "list(read(channel.from_path('{c}/[rs]*.txt')))",
        "cp -p same.txt r.txt", "COMPLETED", "['v1.txt', 'v1.txt']",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def both(forges: list[Forge], tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Cell, Cell]]:
    """Each case before and after: in a directory and with processes of its own, and two kernels for all."""
    notebooks = Notebooks(tmp_path_factory.mktemp("files"), forges)
    runs: list[list[Cell]] = []
    for second in (False, True):
        cells = [ABOVE[0]]
        for number, (before, after, command, _, _) in enumerate(CASES.values()):
            place = notebooks.directory / f"c{number}"
            if not second:
                _setup(place)
            elif command:
                assert os.system(f"cd {place}; {command}") == 0
            for cell in (*ABOVE[1:], after if second else before):
                own = re.sub(r"(?<![.\w])(deep|read|sheet)\(", rf"\g<1>{number}(", cell)
                cells.append(own.replace("{c}", f"c{number}"))
        runs.append(notebooks.run(*cells, environ={"HOME": str(notebooks.directory)})[len(ABOVE) :: len(ABOVE)])
    return dict(zip(CASES, zip(*runs, strict=True), strict=True))


@pytest.mark.parametrize("case", CASES)
def test_a_file_counts_by_what_a_task_can_tell(case: str, both: dict[str, tuple[Cell, Cell]]) -> None:
    before, after = both[case]
    assert before.statuses[:1] == ["COMPLETED"], before
    assert after.result == CASES[case][4], after
    assert after.statuses[-1] == CASES[case][3] or CASES[case][3] in after.statuses[:1], after.shown


def test_what_is_no_file_is_refused_by_name_and_nothing_waits(notebooks: Notebooks) -> None:
    _setup(notebooks.directory)
    cells = notebooks.run(*ABOVE, "read(Path('nowhere'))", "read(Path('pipe'))", "read(Path('/dev/zero'))",
                          "deep(Path('pipe'))", "read(Path('d.txt'))")  # fmt: skip
    assert [cell.ename for cell in cells[4:8]] == ["MissingInputError", *["UnhashableInputError"] * 3]
    for cell, words in zip(
        cells[4:8], ("a link to a file that is not there", "named pipe", "a device", "pipe"), strict=True
    ):
        assert words in cell.evalue
    assert cells[8].result == "'d.txt'"


def test_a_task_that_gives_none_or_has_another_name_or_body(notebooks: Notebooks) -> None:
    none = "%%process none(x) -> r\nr = None if x else 0"
    twice = ("%%process same(x) -> r\nr = x + 1", "same(1)", "%%process same(x) -> r\nr = x + 2", "same(1)")
    first = notebooks.run(none, "none(1) is None", *twice)
    assert [cell.result for cell in first[1::2]] == ["True", "2", "3"]
    again = notebooks.run(none, "none(1) is None", *twice, none.replace("none(", "other("), "other(1)")
    assert [cell.result for cell in again[1:6:2]] == ["True", "2", "3"]
    assert [cell.statuses for cell in again[1::2]] == [["CACHED"], ["CACHED"], ["CACHED"], ["COMPLETED"]]


def test_a_full_disk_loses_no_result_of_a_task_that_ran(notebooks: Notebooks) -> None:
    """The cache cannot be written any more, and the result is in the notebook all the same."""
    no_more = (
        "from nbflow.session import current_session\n"
        "cache = current_session().runner().run.cache\n"
        "def refuse(*arguments): raise OSError(28, 'No space left on device')\n"
        "cache._store.put = refuse"
    )
    make = "%%process make(x) -> r\nr = x * 2"
    cells = notebooks.run(make, "make(1)", no_more, "make(2)", "make(1)", "make(2)")
    assert [cell.result for cell in (cells[3], cells[4])] == ["4", "2"]
    assert any("cannot be remembered" in text and "No space left" in text for text in cells[3].warnings), cells[3]
    assert cells[5].result == "4"
    assert Path(notebooks.directory, "work").is_dir()
    after = notebooks.run(make, "make(1)", "make(2)")
    assert [after[1].statuses, after[2].statuses] == [["CACHED"], ["COMPLETED"]]


def test_content_is_read_once_per_version_however_many_tasks_and_kernels(notebooks: Notebooks) -> None:
    """What was read is written down, one line each time."""
    _setup(notebooks.directory)
    read = notebooks.directory / ".nextflow/nbflow/digests"
    calls = ("deep(Path('d.txt'))", "deep(Path('d.txt').absolute())", "list(deep(channel.of(Path('d.txt'))))")
    for _ in range(2):
        assert all(cell.ok for cell in notebooks.run(*ABOVE[:2], *calls))
        assert len(read.read_text().split("\n\n")) == 1
    (notebooks.directory / "d.txt").touch()
    assert notebooks.run(*ABOVE[:2], *calls)[-1].statuses == ["CACHED"]
    assert len(read.read_text().split("\n\n")) == 2


def test_a_directory_and_a_file_in_it_can_both_be_inputs(notebooks: Notebooks) -> None:
    _setup(notebooks.directory)
    cells = ("from pathlib import Path\nsub = Path('sub')", "%%process t -> r\nr = open('sub/e.txt').read(), len([*sub.iterdir()])", "r")  # fmt: skip
    assert notebooks.run(*cells)[2].result == "('sub/e.txt', 1)"
    assert notebooks.run(*cells)[1].status == "CACHED"
