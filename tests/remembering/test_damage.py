"""Damage to what is remembered: a rerun gives the right result, says why it ran, and never crashes."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.remembering.conftest import Cell, Forge, Notebooks

SMALL = "%%process make -> r\nr = [1, 2, 3]"
MIDDLE = "%%process make -> r\nimport numpy as np\nr = np.arange(40_000.0)"
LARGE = "%%process make -> r\nimport numpy as np\nr = np.arange(3_000_000.0)"
FILE = "%%process make -> r = file('out.txt')\nopen('out.txt', 'w').write('one')"
BIG_FILE = "%%process make -> r = file('out.txt')\nopen('out.txt', 'w').write('one' * 50_000)"
TREE = "%%process make -> r = file('out')\nimport os\nos.mkdir('out')\nopen('out/a', 'w').write('one')\nopen('out/b', 'w').write('two')"
BASH = "%%process make -> r = file('out.txt')\n#!/usr/bin/env bash\necho one > out.txt"

SHOW_VALUE = "len(r), float(r[-1]), float(sum(r[:10]))"
SHOW_FILE = "r.read_text()[:10], len(r.read_text())"
SHOW_TREE = "sorted((f.name, f.read_text()) for f in r.iterdir())"


def _writable(path: Path) -> Path:
    path.chmod(0o644)
    return path


def _edit(path: Path, at: int = -1) -> None:
    """Change a byte, and keep size and modification time."""
    facts = path.stat()
    content = bytearray(_writable(path).read_bytes())
    content[at] ^= 0xFF
    path.write_bytes(content)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


def _cut(path: Path) -> None:
    content = _writable(path).read_bytes()
    path.write_bytes(content[: len(content) // 2])


def _cut_and_keep_time(path: Path) -> None:
    facts = path.stat()
    _cut(path)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def _values(work: Path) -> Path:
    return work / ".nbflow/values"


def _buffer(work: Path) -> Path:
    return next((work / ".nbflow").glob("*.buffer"))


def _replace_by_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGE: list[tuple[str, str, str, Callable[[Path], object], str]] = [
    ("work directory deleted", SMALL, SHOW_VALUE, shutil.rmtree, "its work directory is gone"),
    ("work directory emptied", SMALL, SHOW_VALUE, lambda w: [shutil.rmtree(w), w.mkdir()], "exitcode is missing"),
    ("value deleted", SMALL, SHOW_VALUE, lambda w: _values(w).unlink(), "missing"),
    ("value cut off", SMALL, SHOW_VALUE, lambda w: _cut(_values(w)), "modified"),
    ("value emptied", SMALL, SHOW_VALUE, lambda w: _writable(_values(w)).write_bytes(b""), "modified"),
    ("value edited in silence", SMALL, SHOW_VALUE, lambda w: _edit(_values(w)), "modified"),
    ("value replaced by a directory", SMALL, SHOW_VALUE, lambda w: _replace_by_directory(_values(w)), ""),
    ("value replaced by a pipe", SMALL, SHOW_VALUE, lambda w: _replace_by_pipe(_values(w)), ""),
    ("middle value cut off", MIDDLE, SHOW_VALUE, lambda w: _cut(_values(w)), "modified"),
    ("middle value cut off, time kept", MIDDLE, SHOW_VALUE, lambda w: _cut_and_keep_time(_values(w)), "modified"),
    ("middle value's head edited in silence", MIDDLE, SHOW_VALUE, lambda w: _edit(_values(w), 60), "cannot be read"),
    ("middle value's data edited", MIDDLE, SHOW_VALUE, lambda w: [_edit(_values(w)), _touch(_values(w))], "modified"),
    ("large value's container edited in silence", LARGE, SHOW_VALUE, lambda w: _edit(_values(w)), "modified"),
    ("buffer deleted", LARGE, SHOW_VALUE, lambda w: _buffer(w).unlink(), "missing"),
    ("buffer cut off", LARGE, SHOW_VALUE, lambda w: _cut(_buffer(w)), "modified"),
    ("buffer cut off, time kept", LARGE, SHOW_VALUE, lambda w: _cut_and_keep_time(_buffer(w)), "modified"),
    ("buffer edited", LARGE, SHOW_VALUE, lambda w: [_edit(_buffer(w)), _touch(_buffer(w))], "modified"),
    ("exit status deleted", SMALL, SHOW_VALUE, lambda w: (w / ".exitcode").unlink(), "exitcode is missing"),
    (
        "exit status emptied",
        SMALL,
        SHOW_VALUE,
        lambda w: _writable(w / ".exitcode").write_text(""),
        "exitcode is missing",
    ),
    (
        "exit status garbled",
        SMALL,
        SHOW_VALUE,
        lambda w: _writable(w / ".exitcode").write_bytes(b"\xff0"),
        "exitcode is missing",
    ),
    ("exit status not 0", SMALL, SHOW_VALUE, lambda w: _writable(w / ".exitcode").write_text("3"), "exitcode says 3"),
    (
        "exit status a directory",
        SMALL,
        SHOW_VALUE,
        lambda w: _replace_by_directory(w / ".exitcode"),
        "exitcode is missing",
    ),
    ("exit status a pipe", SMALL, SHOW_VALUE, lambda w: _replace_by_pipe(w / ".exitcode"), "exitcode is missing"),
    ("output deleted", FILE, SHOW_FILE, lambda w: (w / "out.txt").unlink(), "output `r` is missing"),
    ("output edited in silence", FILE, SHOW_FILE, lambda w: _edit(w / "out.txt"), "output `r` was modified"),
    ("output longer", FILE, SHOW_FILE, lambda w: (w / "out.txt").write_text("one more"), "output `r` was modified"),
    (
        "big output edited",
        BIG_FILE,
        SHOW_FILE,
        lambda w: [_edit(w / "out.txt"), _touch(w / "out.txt")],
        "output `r` was modified",
    ),
    ("big output cut off", BIG_FILE, SHOW_FILE, lambda w: _cut(w / "out.txt"), "output `r` was modified"),
    ("file of a tree deleted", TREE, SHOW_TREE, lambda w: (w / "out/a").unlink(), "output `r` was modified"),
    ("file of a tree edited", TREE, SHOW_TREE, lambda w: _edit(w / "out/a"), "output `r` was modified"),
    ("tree deleted", TREE, SHOW_TREE, lambda w: shutil.rmtree(w / "out"), "output `r` is missing"),
    ("output of a script deleted", BASH, SHOW_FILE, lambda w: (w / "out.txt").unlink(), "output `r` is missing"),
    ("output of a script edited", BASH, SHOW_FILE, lambda w: _edit(w / "out.txt"), "output `r` was modified"),
]

HARMLESS: list[tuple[str, str, str, Callable[[Path], object]]] = [
    ("small value touched", SMALL, SHOW_VALUE, lambda w: _touch(_values(w))),
    ("middle value touched", MIDDLE, SHOW_VALUE, lambda w: _touch(_values(w))),
    ("buffer touched", LARGE, SHOW_VALUE, lambda w: _touch(_buffer(w))),
    ("output touched", FILE, SHOW_FILE, lambda w: _touch(w / "out.txt")),
    ("big output touched", BIG_FILE, SHOW_FILE, lambda w: _touch(w / "out.txt")),
    ("a file that nobody declared", FILE, SHOW_FILE, lambda w: (w / "other").write_text("x")),
    (
        "log deleted",
        SMALL,
        SHOW_VALUE,
        lambda w: [
            (w / name).unlink(missing_ok=True)
            for name in (".command.log", ".command.out", ".command.err", ".command.trace")
        ],
    ),
]


Runs = list[list[list[Cell]]]


def _run_all(notebooks: Notebooks, typed: list[tuple[str, str]]) -> list[list[Cell]]:
    """One kernel for all cases: the cell that makes and the cell that shows, of each."""
    cells = [
        cell for number, pair in enumerate(typed) for cell in (pair[0].replace("make", f"make{number}", 1), pair[1])
    ]
    told = notebooks.run(*cells)
    return [told[place : place + 2] for place in range(0, len(told), 2)]


@pytest.fixture(scope="module")
def damaged(forges: list[Forge], tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Three runs of all cases, damaged after the first."""
    notebooks = Notebooks(tmp_path_factory.mktemp("damaged"), forges)
    typed = [(make, show) for _, make, show, _, _ in DAMAGE]
    first = _run_all(notebooks, typed)
    for (_, _, _, harm, _), told in zip(DAMAGE, first, strict=True):
        harm(_work(notebooks, told[0]))
    return [first, _run_all(notebooks, typed), _run_all(notebooks, typed)]


@pytest.fixture(scope="module")
def touched(forges: list[Forge], tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Two runs of all cases that leave the content whole."""
    notebooks = Notebooks(tmp_path_factory.mktemp("touched"), forges)
    typed = [(make, show) for _, make, show, _ in HARMLESS]
    first = _run_all(notebooks, typed)
    for (_, _, _, touch), told in zip(HARMLESS, first, strict=True):
        touch(_work(notebooks, told[0]))
    return [first, _run_all(notebooks, typed)]


@pytest.mark.parametrize("number", range(len(DAMAGE)), ids=[case[0] for case in DAMAGE])
def test_damaged_work_directory_is_a_miss_that_says_why(number: int, damaged: Runs) -> None:
    first, second, third = (run[number] for run in damaged)
    assert second[1].result == first[1].result != "None", second
    assert second[0].statuses[-1] == "COMPLETED", second
    assert DAMAGE[number][4] in second[0].shown
    if DAMAGE[number][3] is not shutil.rmtree:
        assert second[0].tasks[-1][2] != first[0].tasks[0][2], "a used work directory is never used again"
    assert third[0].statuses == ["CACHED"], third
    assert third[1].result == first[1].result


@pytest.mark.parametrize("number", range(len(HARMLESS)), ids=[case[0] for case in HARMLESS])
def test_what_leaves_the_content_whole_is_a_hit(number: int, touched: Runs) -> None:
    first, second = (run[number] for run in touched)
    assert second[0].statuses == ["CACHED"], second[0].shown
    assert second[1].result == first[1].result != "None"


# A channel ------------------------------------------------------------------------------------------------------------

SWEEP = "%%process sweep(x) -> r\nimport numpy as np\nr = np.arange(20_000.0) + x"
CALL = "found = sweep(channel.of(1, 2, 3))"
LOOK = "[float(each[0]) for each in found]"


@pytest.mark.parametrize(
    "harm",
    [
        shutil.rmtree,
        lambda w: _values(w).unlink(),
        lambda w: _cut(_values(w)),
        lambda w: (w / ".exitcode").unlink(),
    ],
    ids=["work directory", "value", "cut off", "exit status"],
)
def test_damage_to_one_task_of_a_channel_runs_that_one_again(
    harm: Callable[[Path], object], notebooks: Notebooks
) -> None:
    first = notebooks.run(SWEEP, CALL, LOOK)
    harm(notebooks.work_dir(first[1].tasks[1][2]))
    second = notebooks.run(SWEEP, CALL, LOOK)
    assert second[2].result == first[2].result == "[1.0, 2.0, 3.0]", second[2].shown
    assert sorted(task[:2] for task in second[1].tasks) == [
        ("sweep (1)", "CACHED"),
        ("sweep (2)", "COMPLETED"),
        ("sweep (3)", "CACHED"),
    ]


@pytest.mark.parametrize("use", ["", "%%process use(v) -> s\ns = float(v[0])"], ids=["read here", "read by a task"])
def test_bits_that_rot_in_a_channel_fail_once_and_run_again_then(use: str, notebooks: Notebooks) -> None:
    """Neither size nor time tell; what is read is checked, and never taken for a result."""
    look = "[*use(found)]" if use else LOOK
    cells = (SWEEP, use or "pass", CALL, look)
    first = notebooks.run(*cells)
    _edit(_values(notebooks.work_dir(first[2].tasks[1][2])), 60)
    second = notebooks.run(*cells[:3], look if not use else look.replace("use", "use.rerun"), *cells[2:])
    assert not second[3].ok
    assert "damaged" in second[3].evalue
    assert second[5].result == first[3].result == "[1.0, 2.0, 3.0]", second[5].shown
    assert sorted(second[4].statuses) == ["CACHED", "CACHED", "COMPLETED"]


def test_damage_between_making_and_using_runs_the_step_again(notebooks: Notebooks) -> None:
    """The value is deleted after the hit, before the next step reads it."""
    cells = (SMALL, "%%process use -> s\ns = sum(r)", "s")
    notebooks.run(*cells)
    second = notebooks.run(*cells)
    assert [cell.statuses for cell in second[:2]] == [["CACHED"], ["CACHED"]]
    assert second[2].result == "6"


# The database and the history -----------------------------------------------------------------------------------------

TWO = ("%%process a -> x\nx = 2", "%%process b -> y\ny = x * 3", "y")


def _database(notebooks: Notebooks) -> Path:
    return next((notebooks.directory / ".nextflow/cache").glob("*/db"))


def _garble(path: Path) -> None:
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 4, len(content)):
        content[place] ^= 0x5A
    path.write_bytes(content)


def _garble_entries(database: Path) -> None:
    import plyvel

    db = plyvel.DB(str(database), compression=None)
    for key, value in list(db.iterator()):
        db.put(key, value[: len(value) // 2] + bytes(len(value) - len(value) // 2))
    db.close()


def _garble_payloads(database: Path) -> None:
    import plyvel

    db = plyvel.DB(str(database), compression=None)
    for key, value in list(db.iterator()):
        place = value.index(b"COMPLETED", value.index(b"nbf1"))
        db.put(key, value[:place] + b"c" + value[place + 1 :])
    db.close()


BROKEN: list[tuple[str, Callable[[Path], object], bool]] = [
    ("all files of LevelDB deleted", lambda db: [path.unlink() for path in db.iterdir()], True),
    ("the directory of LevelDB deleted", shutil.rmtree, True),
    ("CURRENT deleted", lambda db: (db / "CURRENT").unlink(), False),
    ("CURRENT emptied", lambda db: (db / "CURRENT").write_text(""), False),
    ("MANIFEST garbled", lambda db: [_garble(path) for path in db.glob("MANIFEST-*")], False),
    ("MANIFEST deleted", lambda db: [path.unlink() for path in db.glob("MANIFEST-*")], False),
    ("log garbled", lambda db: [_garble(path) for path in db.glob("*.log")], False),
    ("log deleted", lambda db: [path.unlink() for path in db.glob("*.log")], False),
    ("tables garbled", lambda db: [_garble(path) for path in db.glob("*.sst")], False),
    ("LOCK deleted", lambda db: (db / "LOCK").unlink(), False),
    ("entries garbled", _garble_entries, True),
    ("payloads garbled", _garble_payloads, True),
    ("session directory deleted", lambda db: shutil.rmtree(db.parent), True),
    ("mark deleted", lambda db: (db.parent / "nbflow.json").unlink(), True),
    ("mark garbled", lambda db: (db.parent / "nbflow.json").write_text("{"), False),
    ("indexes cut off", lambda db: [_cut(path) for path in db.parent.glob("index.*")], False),
    ("indexes deleted", lambda db: [path.unlink() for path in db.parent.glob("index.*")], False),
    ("events garbled", lambda db: [path.write_bytes(b"\xff{]\n") for path in db.parent.glob("events.*")], False),
    ("history deleted", lambda db: (db.parents[2] / "history").unlink(), False),
    ("history emptied", lambda db: (db.parents[2] / "history").write_text(""), False),
    ("history garbled", lambda db: (db.parents[2] / "history").write_bytes(b"\x00\xff\tfoo\n\n"), False),
    ("history gets garbage", lambda db: (db.parents[2] / "history").open("ab").write(b"no\tline\n\xff\xfe\n"), False),
    ("cache directory deleted", lambda db: shutil.rmtree(db.parents[1]), True),
    ("all of .nextflow deleted", lambda db: shutil.rmtree(db.parents[2]), True),
]


@pytest.fixture(scope="module")
def prepared(forges: list[Forge], tmp_path_factory: pytest.TempPathFactory) -> Notebooks:
    """A launch directory with two runs of one session."""
    notebooks = Notebooks(tmp_path_factory.mktemp("prepared"), forges)
    notebooks.run(*TWO)
    assert notebooks.run(*TWO)[2].result == "6"
    return notebooks


@pytest.mark.parametrize(("harm", "surely"), [each[1:] for each in BROKEN], ids=[each[0] for each in BROKEN])
def test_broken_files_of_a_session_cost_time_and_never_the_result(
    harm: Callable[[Path], object], surely: bool, prepared: Notebooks, tmp_path: Path
) -> None:
    notebooks = prepared.moved(tmp_path / "copy", keep_times=True)
    harm(_database(notebooks))
    again = notebooks.run(*TWO)
    assert [cell.ok for cell in again] == [True] * 3, again
    assert again[2].result == "6"
    if surely:
        assert again[0].status == "COMPLETED", again[0].shown
    last = notebooks.run(*TWO)
    assert [cell.statuses for cell in last[:2]] == [["CACHED"], ["CACHED"]], last
    assert last[2].result == "6"


def test_garbled_entries_are_told(notebooks: Notebooks) -> None:
    notebooks.run(*TWO)
    _garble_payloads(_database(notebooks))
    again = notebooks.run(*TWO)
    assert "damaged" in again[0].shown


DELETE_SESSION = "import shutil, glob\n_ = [shutil.rmtree(d) for d in glob.glob('.nextflow/cache/*')]"


def test_session_directory_deleted_under_a_live_kernel(notebooks: Notebooks) -> None:
    cells = notebooks.run(TWO[0], DELETE_SESSION, *TWO, "%%process c -> z\nz = 4", "z")
    assert cells[4].result == "6", cells
    assert cells[6].result == "4", cells
    again = notebooks.run(*TWO)
    assert again[2].result == "6", again


def test_work_deleted_under_a_live_kernel(notebooks: Notebooks) -> None:
    cells = notebooks.run(*TWO, "import shutil\nshutil.rmtree('work')", *TWO)
    assert [cell.statuses for cell in cells[4:6]] == [["COMPLETED"], ["COMPLETED"]], cells
    assert cells[6].result == "6"


# Copies ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep_times", [True, False], ids=["cp -a", "cp -r"])
def test_copied_launch_directory_resumes(keep_times: bool, notebooks: Notebooks, tmp_path: Path) -> None:
    notebooks.write("d.txt", "one")
    cells = (MIDDLE, LARGE.replace("make -> r", "big -> q").replace("r = ", "q = "), BASH.replace("make -> r", "sh -> f"),
             "%%process d -> t\nt = open('d.txt').read()", "%%process use(p) -> u\nu = p.read_text()",
             "use(f)", "float(r.sum()), float(q.sum()), f.read_text(), t")  # fmt: skip
    first = notebooks.run(*cells)
    assert all(cell.ok for cell in first), first
    copy = notebooks.moved(tmp_path / "copy", keep_times=keep_times)
    shutil.rmtree(notebooks.directory)
    second = copy.run(*cells)
    assert [second[5].result, second[6].result] == [first[5].result, first[6].result], second
    statuses = [status for cell in second for status in cell.statuses]
    assert statuses.count("CACHED") == len(statuses) - (0 if keep_times else 1), second  # d.txt has another time


def test_resume_after_a_restart_of_the_machine_reads_all_content_once(notebooks: Notebooks) -> None:
    """An edit in silence is found when the entry's boot is another one."""
    first = notebooks.run(MIDDLE, SHOW_VALUE)
    work = _work(notebooks, first[0])
    _forget_boot(_database(notebooks))
    assert notebooks.run(MIDDLE, SHOW_VALUE)[0].status == "CACHED"
    _edit(_values(work))
    _forget_boot(_database(notebooks))
    last = notebooks.run(MIDDLE, SHOW_VALUE)
    assert last[0].statuses == ["COMPLETED"], last
    assert last[1].result == first[1].result


def _forget_boot(database: Path) -> None:
    from nbflow.core.task.entry import read_entry
    from nbflow.storage.database.cache import TaskCache
    from nbflow.storage.database.leveldb import LevelStore

    store = LevelStore.open(database)
    cache = TaskCache(store)
    for key, _ in list(store.iterate()):
        payload = cache.get(key)
        assert payload is not None
        cache.update(key, read_entry(payload, whole=True)._replace(boot="before").to_bytes())
    store.close()


# Reruns ---------------------------------------------------------------------------------------------------------------

COUNTED = "%%process{} make -> r\nimport time\nr = time.time_ns()"


def test_forced_rerun_takes_the_place_of_what_was_there(notebooks: Notebooks) -> None:
    first = notebooks.run(COUNTED.format(""), "r")
    forced = notebooks.run(COUNTED.format(" --rerun"), "r")
    assert forced[0].status == "COMPLETED"
    assert "a rerun was asked for" in forced[0].shown
    last = notebooks.run(COUNTED.format(""), "r")
    assert last[0].status == "CACHED"
    assert last[1].result == forced[1].result != first[1].result


def test_many_forced_reruns_leave_the_newest(notebooks: Notebooks) -> None:
    forced = notebooks.run(*[COUNTED.format(" --rerun"), "r"] * 4)
    last = notebooks.run(COUNTED.format(""), "r")
    assert last[1].result == forced[-1].result


def test_failed_rerun_leaves_the_good_result(notebooks: Notebooks) -> None:
    flag = "import os\nif os.path.exists(FLAG): raise SystemExit(1)\nr = 5"
    cell = "%%process{} make -> r\n" + flag.replace("FLAG", repr(str(notebooks.directory.parent / "flag")))
    notebooks.run(cell.format(""))
    (notebooks.directory.parent / "flag").touch()
    assert notebooks.run(cell.format(" --rerun"))[0].status == "FAILED"
    last = notebooks.run(cell.format(""), "r")
    assert last[0].status == "CACHED"
    assert last[1].result == "5"


def test_step_that_gives_the_same_again_does_not_run_the_next(notebooks: Notebooks) -> None:
    cells = ("%%process a -> x\nimport numpy as np\nx = np.arange(5)", "%%process b -> y\ny = int(x.sum())", "y")
    notebooks.run(*cells)
    edited = (cells[0] + "\nnew = 1", *cells[1:])
    again = notebooks.run(*edited)
    assert [cell.statuses for cell in again[:2]] == [["COMPLETED"], ["CACHED"]]
    assert again[2].result == "10"


def test_file_that_is_the_same_again_does_not_run_the_next(notebooks: Notebooks) -> None:
    cells = (BASH.replace("make -> r", "a -> f"), "%%process b(p) -> y\ny = p.read_text()", "b(f)")
    notebooks.run(*cells)
    edited = (cells[0] + "  # new\ntrue", *cells[1:])
    again = notebooks.run(*edited)
    assert again[0].status == "COMPLETED"
    assert again[2].status == "CACHED", again[2].shown


def test_ten_runs_of_a_cell_make_one_work_directory(notebooks: Notebooks) -> None:
    cells = notebooks.run(*[SMALL] * 10)
    assert [cell.status for cell in cells] == ["COMPLETED", *["CACHED"] * 9]
    found = [path for path in (notebooks.directory / "work").glob("??/*") if re.fullmatch("[0-9a-f]{30}", path.name)]
    assert len(found) == 1


def test_read_only_launch_directory_is_an_error_that_says_so(notebooks: Notebooks) -> None:
    if os.geteuid() == 0:
        pytest.skip("root writes everywhere")
    notebooks.directory.chmod(0o555)
    cells = notebooks.run(SMALL)
    notebooks.directory.chmod(0o755)
    assert cells[0].ename == "CacheError"


def _work(notebooks: Notebooks, cell: Cell) -> Path:
    return notebooks.work_dir(cell.tasks[0][2])
