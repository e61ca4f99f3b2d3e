"""The pipeline rnaseq-nf as a notebook, with the real programs: what runs, what is cached, what it shows.

All reads of that pipeline are used where NBFLOW_RNASEQ_DATA names its folder ``data/ggal``; else the few that the project has.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import psutil
import pytest

from .conftest import statuses, text_of
from .front_end import CHROMIUM_ARGUMENTS, PATIENCE

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "rnaseq.ipynb"
DATA = Path(os.environ.get("NBFLOW_RNASEQ_DATA") or NOTEBOOK.parent / "data" / "rnaseq-ggal")
FIRST, ADDED = ("gut", "liver"), "spleen"

#: For programs that run for a second or two.
QUICK_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
OTHER = ("-p", 'quant_options=["--libType", "U", "--gcBias"]')

MISSING = [program for program in ("salmon", "fastqc") if shutil.which(program) is None]
MISSING += ["multiqc"] if importlib.util.find_spec("multiqc") is None else []
needs_programs = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


def make(directory: Path, *samples: str) -> Path:
    """A launch directory with the notebook and the reads of some samples."""
    shutil.copy(NOTEBOOK, directory)
    (directory / "data" / "rnaseq-ggal").mkdir(parents=True)
    for path in DATA.glob("*.500bpflank.fa"):
        shutil.copy(path, directory / "data" / "rnaseq-ggal")
    for sample in samples:
        add(directory, sample)
    return directory


def leave_out_results(directory: Path) -> None:
    """Leave out the cells that show what came out, for runs of which only the tasks are looked at."""
    notebook = nbformat.read(directory / NOTEBOOK.name, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.id not in {"table", "plot", "report"}]
    nbformat.write(notebook, directory / NOTEBOOK.name)


def add(directory: Path, sample: str) -> None:
    for path in DATA.glob(f"ggal_{sample}_[12].fq*"):
        shutil.copy(path, directory / "data" / "rnaseq-ggal")


def lose(directory: Path, *outputs: str) -> None:
    """Remove the work directories of the tasks that put these out."""
    for output in outputs:
        found = [path for path in directory.glob(f"work/*/*/{output}") if not path.is_symlink()]
        assert found
        for path in found:
            shutil.rmtree(path.parent)


def start(directory: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "nbflow", "run", NOTEBOOK.name, "-o", "out.ipynb", *options]
    pipe, environ = subprocess.PIPE, {**os.environ, "JAVA_TOOL_OPTIONS": QUICK_JAVA}
    return subprocess.Popen(command, cwd=directory, stdout=pipe, stderr=subprocess.STDOUT, text=True, env=environ)


def run(directory: Path, *options: str) -> dict[str, str]:
    """Run the notebook; the status of each task."""
    running = start(directory, *options)
    said, _ = running.communicate(timeout=300)
    assert running.returncode == 0, said
    return log(directory)


def log(directory: Path) -> dict[str, str]:
    command = [sys.executable, "-m", "nbflow", "log", "last", "-f", "name,status"]
    return statuses(subprocess.run(command, cwd=directory, capture_output=True, text=True).stdout)


def named(status: str, found: dict[str, str]) -> set[str]:
    return {name for name, each in found.items() if each == status}


def tasks(process: str, samples: tuple[str, ...]) -> set[str]:
    return {f"{process} (ggal_{sample})" for sample in samples}


def cell(notebook: Any, name: str) -> Any:
    return next(cell for cell in notebook.cells if cell.id == name)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("rnaseq"), *FIRST)


@pytest.fixture(scope="module")
def first(directory: Path) -> dict[str, str]:
    return run(directory)


@pytest.fixture(scope="module")
def shown(directory: Path, first: dict[str, str]) -> Any:
    return nbformat.read(directory / "out.ipynb", as_version=4)


@pytest.fixture(scope="module")
def again(directory: Path, shown: Any) -> dict[str, str]:
    leave_out_results(directory)
    return run(directory)


@pytest.fixture(scope="module")
def with_one_more(directory: Path, again: dict[str, str]) -> dict[str, str]:
    add(directory, ADDED)
    return run(directory)


@pytest.fixture(scope="module")
def with_other_options(directory: Path, with_one_more: dict[str, str]) -> dict[str, str]:
    return run(directory, *OTHER)


@needs_programs
def test_the_first_run_executes_every_task(first: dict[str, str]) -> None:
    assert named("COMPLETED", first) == set(first)
    assert set(first) == {"index", *tasks("fastqc", FIRST), *tasks("quant", FIRST), "multiqc"}


@needs_programs
def test_the_table_has_the_numbers_of_the_files_that_salmon_wrote(directory: Path, shown: Any) -> None:
    files = {path.parent.name: path for path in directory.glob("work/*/*/quant_*/quant.sf")}
    wrote = {name.removeprefix("quant_"): pd.read_csv(path, sep="\t").loc[0] for name, path in files.items()}
    assert set(wrote) == {f"ggal_{sample}" for sample in FIRST}
    rows = [line.split() for line in text_of(cell(shown, "table")).splitlines()]
    table = {row[0]: row[1:] for row in rows if row[0].startswith("ggal_")}
    assert {name: [float(tpm), float(reads)] for name, (*_, tpm, reads) in table.items()} == {
        name: [row.TPM, row.NumReads] for name, row in wrote.items()
    }
    assert min(row.NumReads for row in wrote.values()) > 200


@needs_programs
def test_the_figure_and_the_report_of_all_samples_are_shown_and_the_report_is_published(
    directory: Path, shown: Any
) -> None:
    assert (directory / "results" / "multiqc_report.html").is_file()
    assert any("image/png" in output.get("data", {}) for output in cell(shown, "plot").outputs)
    page = cell(shown, "report").outputs[0].data["text/html"]
    assert "srcdoc=" in page and "MultiQC" in page
    assert all(f"ggal_{sample}_1" in page and f"quant_ggal_{sample}" in page for sample in FIRST)


@needs_programs
def test_an_export_shows_the_report_without_a_network_and_its_links_lead_into_it(
    shown: Any, browser_program: str, tmp_path: Path
) -> None:
    from nbconvert import HTMLExporter
    from playwright.sync_api import expect, sync_playwright

    (tmp_path / "out.html").write_text(HTMLExporter().from_notebook_node(shown)[0], encoding="utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_program, args=CHROMIUM_ARGUMENTS)
        page = browser.new_context(offline=True, viewport={"width": 1280, "height": 1000}).new_page()
        page.goto((tmp_path / "out.html").as_uri())
        page.locator("iframe[title='MultiQC report']").scroll_into_view_if_needed()
        report = page.frame_locator("iframe[title='MultiQC report']")
        expect(report.locator("#general_stats")).to_contain_text("quant_ggal_gut", timeout=PATIENCE * 1000)
        section = report.locator("#fastqc_per_base_sequence_quality")
        expect(section).not_to_be_in_viewport()
        report.locator("a[href='#fastqc_per_base_sequence_quality']").first.click()
        expect(section).to_be_in_viewport(timeout=PATIENCE * 1000)
        browser.close()


@needs_programs
def test_after_a_restart_every_task_is_cached(first: dict[str, str], again: dict[str, str]) -> None:
    assert again == dict.fromkeys(first, "CACHED")


@needs_programs
def test_of_an_added_sample_only_its_tasks_and_the_report_run(with_one_more: dict[str, str]) -> None:
    own = tasks("fastqc", (ADDED,)) | tasks("quant", (ADDED,))
    assert named("COMPLETED", with_one_more) == own | {"multiqc"}
    assert named("CACHED", with_one_more) == {"index", *tasks("fastqc", FIRST), *tasks("quant", FIRST)}


@needs_programs
def test_with_other_options_of_quant_the_index_and_fastqc_stay_cached(with_other_options: dict[str, str]) -> None:
    assert named("COMPLETED", with_other_options) == {*tasks("quant", (*FIRST, ADDED)), "multiqc"}
    assert named("CACHED", with_other_options) == {"index", *tasks("fastqc", (*FIRST, ADDED))}


@needs_programs
def test_of_lost_work_directories_only_the_tasks_run_and_nothing_that_follows(
    directory: Path, with_other_options: dict[str, str]
) -> None:
    lose(directory, "quant_ggal_gut", "fastqc_ggal_liver")
    found = run(directory, *OTHER)
    assert named("COMPLETED", found) == {"quant (ggal_gut)", "fastqc (ggal_liver)"}
    assert named("CACHED", found) == set(found) - named("COMPLETED", found)


@needs_programs
def test_of_an_index_that_comes_out_different_what_it_changes_runs_and_no_more(
    directory: Path, with_other_options: dict[str, str]
) -> None:
    lose(directory, "index")
    found = run(directory, *OTHER)
    assert found["index"] == "COMPLETED"
    # Salmon makes an index with several threads, and each time, or nearly so, it is another one. The counts are the same.
    assert named("CACHED", found) >= {*tasks("fastqc", (*FIRST, ADDED)), "multiqc"}


@needs_programs
def test_what_had_ended_when_the_kernel_was_killed_is_cached(tmp_path: Path) -> None:
    leave_out_results(make(tmp_path, *FIRST))
    running = start(tmp_path)
    while not any(tmp_path.glob("work/*/*/.exitcode")) and running.poll() is None:
        time.sleep(0.05)
    while not named("COMPLETED", log(tmp_path)) and running.poll() is None:
        pass
    [kernel] = psutil.Process(running.pid).children()
    os.kill(kernel.pid, signal.SIGKILL)
    said, _ = running.communicate(timeout=60)
    assert running.returncode != 0, said
    done = named("COMPLETED", log(tmp_path))
    after = run(tmp_path)
    assert 0 < len(done) < len(after)
    assert named("CACHED", after) == done
    assert named("COMPLETED", after) == set(after) - done


def test_without_the_reads_it_says_where_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    saved = nbformat.read(NOTEBOOK, as_version=4)
    names: dict[str, Any] = {}
    exec(cell(saved, "parameters").source, names)
    with pytest.raises(FileNotFoundError, match="nextflow-io/rnaseq-nf, and set `data`"):
        exec(cell(saved, "check-data").source, names)


def test_without_the_programs_it_says_how_to_install_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RuntimeError, match="apt-get install salmon, apt-get install fastqc"):
        exec(cell(nbformat.read(NOTEBOOK, as_version=4), "tools").source, {})


def test_the_saved_notebook_shows_a_whole_run_is_small_and_has_no_path_of_the_machine_that_made_it() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    saved = nbformat.reads(text, as_version=4)
    assert all(cell(saved, name).outputs for name in ("tools", "workflow", "dag", "table", "plot", "tasks"))
    assert len(text) < 100_000
    for begin in ("/home/", "/root/", "/Users/", "/tmp/", "/work/"):
        assert begin not in text
