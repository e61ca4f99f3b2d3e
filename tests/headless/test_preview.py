"""Tests of `nbflow run --preview`: what would be taken, what would run and why, and what depends on that."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbflow import cli
from nbflow.commands.shared import USAGE
from tests.headless.test_run import nbflow, write

CELLS = (
    "n = 3\ndone = []",
    "%load_ext nbflow",
    "%%process double -> y\nimport math\ny = math.floor(n * 2)",
    "import string\nopen('touched', 'a').write('x')\nz = y + 1\ndone.append(z)\ndef shown(): return string.digits",
    "%%process fit(k) -> score\nscore = k + 1",
    "%%process half(score: int) -> h\nh = score // 2",
    "scores = fit(channel.of(1, 2, n))\nhalves = half(scores)",
    "def helper():\n    return y",
    "open('touched', 'a').write('y')\nprint('printed', helper())",
    "%%process other -> w\nw = 5",
    "one = fit(n)\ntwo = half(one)\nthree = fit(2)",
    "math.pi, shown(), three",
    "%%time\nlater = y + 1",
    "later + 1",
    "len(done)",
    "%%process grow\nw2 = [w]\nbox = {}\nbox['n'] = n",
    "box['n']",
    "y = 'bound anew'",
    "y.upper()",
    "list(halves)",
)


def everything(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in directory.rglob("*")}


def listed(out: str) -> dict[str, tuple[str, str]]:
    rows = [[cell.strip() for cell in line.split("\t")] for line in out.splitlines() if line.count("\t") == 2]
    return {name: (verdict, why) for name, verdict, why in rows}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("preview")
    write(directory / "a.ipynb", *CELLS)
    done = nbflow(directory, "run", "a.ipynb")
    assert done.returncode == 0, done.stderr
    assert (directory / "touched").read_text() == "xy"
    return directory


def test_a_preview_of_what_did_not_change_takes_all_and_leaves_no_trace(directory: Path) -> None:
    for path in directory.glob("touched"):
        path.unlink()
    before = everything(directory)
    done = nbflow(directory, "run", "--preview", "a.ipynb")
    assert done.returncode == 0, done.stderr
    rows = listed(done.stdout)
    assert {verdict for verdict, _ in rows.values()} == {"VERDICT", "cached"}
    assert rows["double"][1].startswith("executed by ")
    assert "0 would run. Nothing was run or written" in done.stdout
    assert "printed" not in done.stdout
    (directory / "touched").unlink()  # plain cells do run
    assert everything(directory) == before


def test_after_a_change_it_lists_what_would_run_with_the_reason_and_what_depends_on_it(directory: Path) -> None:
    before = everything(directory)
    done = nbflow(directory, "run", "--preview", "a.ipynb", "-p", "n=4")
    assert done.returncode == 0, done.stderr
    assert listed(done.stdout) == {
        "TASK OR CELL": ("VERDICT", "WHY"),
        "double": ("run", "global `n` changed: 3 -> 4"),
        "import string": ("depends", "on `double`"),
        "fit (1)": ("cached", listed(done.stdout)["fit (1)"][1]),
        "fit (2)": ("cached", listed(done.stdout)["fit (2)"][1]),
        "fit (3)": ("run", listed(done.stdout)["fit (3)"][1]),
        "half (1)": ("cached", listed(done.stdout)["half (1)"][1]),
        "half (2)": ("cached", listed(done.stdout)["half (2)"][1]),
        "half": ("depends", "on `fit (3)`"),
        "open('touched', 'a').write('y')": ("depends", "on `double`"),
        "other": ("cached", listed(done.stdout)["other"][1]),
        "len(done)": ("depends", "on `double`"),
        "%%time": ("depends", "on `double`"),
        "later + 1": ("depends", "on `double`"),
        "grow": ("run", "global `n` changed: 3 -> 4"),
        "box['n']": ("depends", "on `grow`"),
        "list(halves)": ("depends", "on `fit (3)`"),
    }
    assert listed(done.stdout)["fit (3)"][1] == "input `k` changed: 3 -> 4"
    assert everything(directory) == before  # no cell that reads what is not made was run


def test_a_notebook_that_never_ran_would_run_all_and_gets_no_cache(tmp_path: Path) -> None:
    write(tmp_path / "a.ipynb", *CELLS[:3], "1 / 0", CELLS[9])
    done = nbflow(tmp_path, "run", "--preview", "a.ipynb")
    assert listed(done.stdout)["double"] == ("run", "has not run before")
    assert "ZeroDivisionError" in done.stderr and done.returncode == 1  # a run would fail there too
    assert [path.name for path in tmp_path.iterdir()] == ["a.ipynb"]


def test_sessions_that_the_notebook_changes_between_are_listed_one_by_one(directory: Path) -> None:
    write(directory / "b.ipynb", "n = 3", CELLS[2], "%resume new", CELLS[2], "%nbflow end", CELLS[9], "%nbflow log")
    done = nbflow(directory, "run", "--preview", "b.ipynb")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("TASK OR CELL") == 3
    names = [line.partition("\t")[0].strip() for line in done.stdout.splitlines()]
    assert (names.count("double"), names.count("other")) == (2, 1)
    assert "the session is another one" in done.stdout


def test_a_notebook_without_processes_has_nothing_to_list(tmp_path: Path) -> None:
    write(tmp_path / "a.ipynb", "print('printed')")
    done = nbflow(tmp_path, "run", "--preview", "a.ipynb")
    assert done.returncode == 0 and "No process was called" in done.stdout and "printed" not in done.stdout


def test_a_preview_writes_no_notebook(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--preview", "-o", "done.ipynb", str(tmp_path / "a.ipynb")]) == USAGE
    assert "not allowed with" in capsys.readouterr().err


STORING = (
    "%load_ext nbflow",
    '%%process keep(x, tag) -> made = file("{x}.txt"), tag\n#| store_dir: store\n#!/usr/bin/env bash\necho "$x" > "$x.txt"',
    "%%process reads(f: Path, tag) -> text\nfrom pathlib import Path\ntext = f.read_text() + tag",
    "texts = list(reads(keep(channel.of(1, 2), tag='t').map(lambda kept: (kept.made, kept.tag))))",
    '%%process tree(n) -> kept = file("kept")\n#| store_dir: trees\nimport os\nos.mkdir("kept")\nopen("kept/a", "w").write(str(n))',
    "grown = tree(5)\nassert (grown / 'a').read_text() == '5'",
    "%%process leaf(f: Path) -> text\ntext = f.read_text()",
    "one, two = leaf(grown / 'a'), leaf(keep(3, 'u').made)",
)


def test_what_lies_in_a_store_directory_would_be_taken_from_there_and_so_is_what_follows(tmp_path: Path) -> None:
    write(tmp_path / "a.ipynb", *STORING)
    assert nbflow(tmp_path, "run", "a.ipynb").returncode == 0
    changed = [cell.replace('echo "$x"', "echo other").replace("str(n)", "str(n * 2)") for cell in STORING]
    write(tmp_path / "a.ipynb", *changed)
    before = everything(tmp_path)
    done = nbflow(tmp_path, "run", "--preview", "a.ipynb")
    assert done.returncode == 0, done.stderr
    assert everything(tmp_path) == before
    rows = listed(done.stdout)
    assert {name: verdict for name, (verdict, _) in rows.items() if name != "TASK OR CELL"} == {
        **dict.fromkeys(("keep (1)", "keep (2)", "keep", "tree"), "stored"),
        **dict.fromkeys(("reads (1)", "reads (2)", "leaf"), "cached"),
    }
    assert rows["tree"][1] == f"all its outputs lie in {tmp_path / 'trees'} (store_dir)"
    assert "4 would be taken from the cache, 4 from store directories, 0 would run." in done.stdout

    (tmp_path / "store" / "1.txt").unlink()
    (tmp_path / "trees" / "kept" / "a").write_text("swapped")
    done = nbflow(tmp_path, "run", "--preview", "a.ipynb")
    assert done.returncode == 1 and "AssertionError" in done.stderr  # as in a run, the cell sees what lies there
    (verdict, why), other = listed(done.stdout)["keep (1)"], listed(done.stdout)["keep (2)"]
    assert verdict == "run" and why.startswith("the source changed")
    assert other == ("stored", f"all its outputs lie in {tmp_path / 'store'} (store_dir)")
    (tmp_path / "trees" / "kept" / "a").write_text("5")
    done = nbflow(tmp_path, "run", "a.ipynb")
    assert done.returncode == 0, done.stderr
    assert nbflow(tmp_path, "log", "last", "-f", "name,status", "-F", "status != 'CACHED'").stdout.split("\n")[:-1] == [
        "keep (1)\tCOMPLETED",
        "reads (1)\tCOMPLETED",
    ]
