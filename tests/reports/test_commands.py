"""Tests of `nbflow report`, `timeline`, `dag` and `trace`: which file is written, and which is left alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from nbflow import cli
from nbflow.commands.shared import USAGE
from tests.reports.pages import check
from tests.storage.launch import OTHER, SESSION, Launch

Output = pytest.CaptureFixture[str]


@pytest.fixture
def launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Launch:
    for name in ("NXF_CACHE_DIR", "NXF_WORK"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return Launch(tmp_path)


def nbflow(capsys: Output, *words: str, status: int = 0) -> str:
    assert cli.main(words) == status
    out, err = capsys.readouterr()
    return err if status else out


def test_each_report_is_written_to_a_file_that_bears_the_runs_name_and_the_command_says_where(
    launch: Launch, capsys: Output
) -> None:
    run = str(launch.run(ran=(1, 2)).run_name)
    assert nbflow(capsys, "report") == f"report-{run}.html\n"
    assert nbflow(capsys, "timeline") == f"timeline-{run}.html\n"
    assert nbflow(capsys, "dag") == f"dag-{run}.mmd\ndag-{run}.svg\n"
    assert nbflow(capsys, "trace") == f"trace-{run}.txt\n"
    for kind in ("report", "timeline"):
        page = check(Path(f"{kind}-{run}.html").read_text())
        assert run in page.all("title")[0].text
        assert "fit (2)" in page.all("body")[0].text
    assert ET.parse(f"dag-{run}.svg").getroot().tag.endswith("svg")
    assert '"fit<br/>✔ 2 completed"' in Path(f"dag-{run}.mmd").read_text()
    assert len(Path(f"trace-{run}.txt").read_text().splitlines()) == 3
    assert sorted(path.name for path in Path().iterdir() if path.name.startswith(".")) == [".nextflow"]


def test_a_run_is_named_as_for_log_and_of_a_session_the_latest_is_meant(launch: Launch, capsys: Output) -> None:
    first = launch.run(ran=(1,))
    second = launch.run(ran=(2,), hits=(1,))
    launch.run(ran=(3,), session=OTHER)
    row = "{}\t-\t-\t{}\t{}\n"
    fields = ("-f", "task_id,native_id,tag,name,status", "-o", "-")
    head = "task_id\tnative_id\ttag\tname\tstatus\n"
    assert nbflow(capsys, "trace", str(first.run_name), *fields) == head + row.format(1, "fit (1)", "COMPLETED")
    latest = head + row.format(1, "fit (2)", "COMPLETED") + row.format(2, "fit (1)", "CACHED")
    assert nbflow(capsys, "trace", SESSION[:6], *fields) == latest
    assert nbflow(capsys, "trace", str(second.run_name), *fields) == latest
    assert nbflow(capsys, "trace", "last", *fields) == head + row.format(1, "fit (3)", "COMPLETED")
    assert "No run or session is called 'nobody'" in nbflow(capsys, "report", "nobody", status=1)


@pytest.mark.parametrize(
    ("command", "name"),
    [("report", "r.html"), ("timeline", "t.html"), ("dag", "d.svg"), ("dag", "d.mmd"), ("trace", "t.txt")],
)
def test_a_file_that_is_there_is_kept_unless_told_otherwise(
    launch: Launch, capsys: Output, command: str, name: str
) -> None:
    launch.run(ran=(1,))
    Path(name).write_text("mine")
    assert f"{name} is there already" in nbflow(capsys, command, "-o", name, status=1)
    assert Path(name).read_text() == "mine"
    assert nbflow(capsys, command, "-o", name, "--overwrite") == f"{name}\n"
    assert Path(name).read_text() != "mine"
    assert nbflow(capsys, command, "-o", "-").rstrip() == Path(name).read_text().rstrip() or command != "trace"


def test_a_default_file_that_is_there_is_kept_too(launch: Launch, capsys: Output) -> None:
    launch.run(ran=(1,))
    nbflow(capsys, "dag")
    Path(next(Path().glob("*.mmd"))).unlink()
    assert ".svg is there already" in nbflow(capsys, "dag", status=1)
    assert not [*Path().glob("*.mmd")]  # what cannot be done whole is not begun


def test_raw_figures_are_asked_for_by_word(launch: Launch, capsys: Output) -> None:
    launch.run(ran=(1,))
    assert nbflow(capsys, "trace", "-f", "hash,realtime", "--raw", "-o", "-") == "hash\trealtime\n01/010101\t1500\n"
    assert nbflow(capsys, "trace", "-f", "hash,realtime", "-o", "-") == "hash\trealtime\n01/010101\t1.5s\n"
    assert "no trace field 'colour'" in nbflow(capsys, "trace", "-f", "colour", status=1)
    assert not [*Path().glob("trace*")]


def test_a_drawing_has_a_form_that_its_name_says(launch: Launch, capsys: Output) -> None:
    launch.run(ran=(1,))
    assert nbflow(capsys, "dag", "-o", "x.png", status=1) == (
        "nbflow: cannot draw x.png: give it a name that ends in .mmd or .svg\n"
    )
    assert nbflow(capsys, "dag", "-o", "-").startswith("flowchart TB\n")


def test_what_cannot_be_written_says_where_and_leaves_nothing(launch: Launch, capsys: Output) -> None:
    launch.run(ran=(1,))
    told = nbflow(capsys, "report", "-o", "nowhere/r.html", status=1)
    assert told == ("nbflow: cannot write nowhere/r.html: No such file or directory. Name another file with -o FILE\n")
    Path("here").mkdir()
    assert "cannot write here: Is a directory" in nbflow(capsys, "report", "-o", "here", "--overwrite", status=1)
    assert [path.name for path in Path().iterdir() if "html" in path.name or path.name.startswith(".here")] == []


def test_a_file_that_cannot_be_written_whole_leaves_what_was_there(launch: Launch) -> None:
    launch.run(ran=(1,))
    Path("r.html").write_text("mine")
    limited = f"ulimit -f 4; exec {sys.executable} -m nbflow report -o r.html --overwrite"
    done = subprocess.run(["bash", "-c", limited], capture_output=True, text=True, cwd=launch.layout.launch_dir)
    assert done.returncode == 1
    assert done.stderr == "nbflow: cannot write r.html: File too large. Name another file with -o FILE\n"
    assert Path("r.html").read_text() == "mine"
    assert [path.name for path in Path().iterdir() if "html" in path.name] == ["r.html"]


def test_where_nothing_ran_the_command_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
    monkeypatch.chdir(tmp_path)
    assert "No notebook and no pipeline ran here yet" in nbflow(capsys, "report", status=1)
    assert cli.main(["report", "a", "b"]) == USAGE


def test_a_name_that_is_no_text_is_written_as_it_can_be(launch: Launch, capsys: Output) -> None:
    launch.run(ran=(1,))
    launch.history.begin(SESSION, "nbflow run \udcff.ipynb")
    assert nbflow(capsys, "report", "-o", "r.html") == "r.html\n"
    assert "\\udcff.ipynb" in check(Path("r.html").read_text()).all("dl")[0].text
