"""Tests of reports on real runs: what flows between real processes, reports of a run that goes on, reports in a cell."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nbflow.reports.graph import graph
from nbflow.reports.view import view
from nbflow.session import current_session
from nbflow.storage.nextflow.secrets import SecretStore
from tests.notebook.lab import Cell, Lab
from tests.reports.pages import check, read

pytestmark = pytest.mark.usefixtures("lab")


def edges(*names: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """What flows between some processes of this run."""
    session = current_session()
    assert session is not None
    dag = graph(view(session.reader(), "last"))
    return {pair: labels for pair, labels in dag.edges.items() if {*pair} & {*names}}


def outside(lab: Lab, *words: str) -> str:
    command = [sys.executable, "-m", "nbflow", *words]
    return subprocess.run(command, cwd=lab.launch_dir, capture_output=True, text=True, check=True).stdout


def shown(cell: Cell) -> dict[str, Any]:
    assert cell.error is None, cell.error
    assert cell.err == ""
    bundle: dict[str, Any] = cell.shown[-1]["data"]
    return bundle


def test_cells_that_run_once_are_joined_by_the_names_that_they_make_and_read(lab: Lab) -> None:
    lab.ok("%%process o_load -> o_rows, o_limit\no_rows = list(range(100))\no_limit = 3")
    lab.ok("%%process o_cut -> o_few\no_few = o_rows[:o_limit]")
    lab.ok("%%process o_sum -> o_total\no_total = sum(o_few)")
    lab.ok("%%process o_alone -> o_other\no_other = 3")
    lab.ok("o_depth = 3")
    lab.ok("%%process o_chance -> o_deep\no_deep = o_depth + 1")
    assert edges("o_load", "o_cut", "o_sum", "o_alone", "o_chance") == {
        ("o_load", "o_cut"): ("o_limit", "o_rows"),
        ("o_cut", "o_sum"): ("o_few",),
    }


def test_values_and_files_that_calls_return_are_followed_to_the_next_call(lab: Lab) -> None:
    lab.ok(
        '%%process v_make(n) -> n, v_file: Path = file("o_{n}.txt"), v_big\nopen(f"o_{n}.txt", "w").write("x" * n)\nv_big = [n] * 99'
    )
    lab.ok("%%process v_use(path: Path, rows) -> size\nsize = path.stat().st_size + len(rows)")
    lab.ok("%%process v_all(paths) -> count\ncount = len(paths)")
    lab.ok("v_made = v_make(4)\nv_use(v_made.v_file, rows=v_made.v_big)\nv_all([v_made.v_file])")
    lab.ok("%%process v_record -> v_last\nv_last = v_made.n")
    assert edges("v_make", "v_use", "v_all", "v_record") == {
        ("v_make", "v_use"): ("v_file", "v_big"),
        ("v_make", "v_all"): (),
        ("v_make", "v_record"): (),
    }


def test_a_channel_is_followed_through_operators_to_the_processes_whose_outputs_it_holds(lab: Lab) -> None:
    for name in ("c_one", "c_two"):
        lab.ok(f"%%process {name}(x) -> key, made\nkey, made = x, x * 2")
    for name in ("c_joined", "c_mixed", "c_gathered", "c_values", "c_branched"):
        lab.ok(f"%%process {name}(item, other=0) -> out\nout = str((item, other))")
    lab.ok("""
        one, two = c_one(channel.of(1, 2, 3)), c_two(channel.of(1, 2, 3))
        c_joined(item=one.map(lambda r: (r.key, r.made)).join(two.map(lambda r: (r.key, r.made))))
        c_mixed(item=one.made.mix(two.key).filter(lambda x: x > 1).collate(2))
        c_gathered(item=two["made"].collect())
        c_values(one.made, other=two.made.sum())
        c_branched(item=one.made.branch(low=lambda x: x < 3, high=lambda x: x >= 3).high.flat_map(lambda x: [x, x + 1]))
        """)
    assert edges("c_one", "c_two") == {
        ("c_one", "c_joined"): (),
        ("c_two", "c_joined"): (),
        ("c_one", "c_mixed"): ("made",),
        ("c_two", "c_mixed"): ("key",),
        ("c_two", "c_gathered"): ("made",),
        ("c_one", "c_values"): ("made",),
        ("c_two", "c_values"): ("made",),
        ("c_one", "c_branched"): ("made",),
    }


def test_a_resumed_run_has_the_same_edges_though_nothing_ran(lab: Lab) -> None:
    cells = [
        "%%process r_load -> r_rows\nr_rows = list(range(50))",
        '%%process r_write(n) -> r_path: Path = file("r.txt")\nopen("r.txt", "w").write(str(n))',
        "%%process r_each(x, base: Path) -> r_y\nr_y = x + len(base.read_text())",
        "r_path = r_write(len(r_rows))\nr_made = r_each(channel.from_list(r_rows[:3]), base=r_path)",
        "%%process r_end(ys) -> r_sum\nr_sum = sum(ys)",
        "r_end(r_made.collect())",
    ]
    for cell in cells:
        lab.ok(cell)
    names = ("r_load", "r_write", "r_each", "r_end")
    before = edges(*names)
    assert before == {("r_write", "r_each"): ("r_path",), ("r_each", "r_end"): ()}
    lab.restart()
    for cell in cells:
        lab.ok(cell)
    assert edges(*names) == before
    text = shown(lab.ok("%nbflow dag"))["text/plain"]
    assert "↺ r_each: 3 cached" in text
    assert text.splitlines()[-2:] == ["r_each -> r_end", "r_write -> r_each (r_path)"]


def test_a_call_costs_one_event_however_many_items_flow(lab: Lab) -> None:
    lab.ok("%%process e_fit(x) -> y\ny = x")
    session = current_session()
    assert session is not None
    before = len(session.reader().calls_of(session.reader().runs()[-1])) if session.run else 0
    lab.ok("e_fit(channel.from_list(range(40))).map(lambda r: r).collect().value")
    assert session.run is not None
    assert len(session.reader().calls_of(session.run)) == before + 1


def test_in_a_cell_the_dag_and_the_timeline_are_shown_and_the_report_is_linked(lab: Lab) -> None:
    lab.ok("%%process s_fit(x) -> y\ny = x")
    lab.ok("s_fit(channel.of(1, 2))")
    dag = shown(lab.ok("%nbflow dag"))
    assert "✔ s_fit: 2 completed" in dag["text/plain"]
    check(dag["text/html"])
    timeline = shown(lab.ok("%nbflow timeline"))
    assert "s_fit: 2 completed; +" in timeline["text/plain"]
    check(timeline["text/html"])
    for bundle in (dag, timeline):
        assert not read(bundle["text/html"]).all("script")
        assert not read(bundle["text/html"]).all("style")  # one would reach the whole notebook
    session = current_session()
    assert session is not None
    assert session.run is not None
    name = f"report-{session.run.run_name}.html"
    for _ in range(2):  # a cell that runs again writes its file again
        report = shown(lab.ok("%nbflow report"))
        assert read(report["text/html"]).all("a")[0].attributes["href"] == name
        assert name in report["text/plain"]
    assert "s_fit (2)" in (lab.launch_dir / name).read_text()
    assert lab.ok("%nbflow dag -o drawn.svg").out == "drawn.svg\n"
    assert (lab.launch_dir / "drawn.svg").read_text().startswith("<?xml")


def test_two_drawings_in_a_notebook_share_no_id(lab: Lab) -> None:
    lab.ok("%%process i_fit(x) -> y\ny = x")
    lab.ok("i_fit(1)")
    texts = [shown(lab.ok(f"%nbflow {what}"))["text/html"] for what in ("dag", "dag", "timeline", "timeline")]
    check("".join(texts))


def test_a_run_that_goes_on_is_reported_from_outside(lab: Lab, tmp_path: Path) -> None:
    go = tmp_path / "go"
    lab.ok(f"""
        %%process l_slow(x) -> y
        import time
        from pathlib import Path
        while not Path({str(go)!r}).exists():
            time.sleep(0.01)
        y = x
        """)
    lab.ok("l_future = l_slow.submit(1)")
    try:
        while "RUNNING" not in outside(lab, "log", "last", "-f", "name,status"):
            pass
        page = check(outside(lab, "report", "last", "-o", "-"))
        assert any("This run goes on: 1 running" in each.text for each in page.all("p"))
        row = next(each.text for each in page.all("tr") if "l_slow" in each.text and "RUNNING" in each.text)
        assert "has not run before" in row
        assert "l_slow\t-\tRUNNING" in outside(lab, "trace", "last", "-f", "name,exit,status", "-o", "-")
        assert any("▶ l_slow" in each.text for each in check(outside(lab, "timeline", "last", "-o", "-")).all("div"))
    finally:
        go.touch()
    lab.ok("l_future.result()")
    lab.restart()
    text = outside(lab, "report", "last", "-o", "-")
    assert "This run goes on" not in text


def test_a_trace_names_the_process_that_ran_a_task(lab: Lab) -> None:
    lab.ok("%%process n_body -> n_pid\nimport os\nn_pid = os.getpid()")
    lab.ok("%%process n_script() -> out = stdout()\n#!/usr/bin/env bash\necho $$")
    lab.ok("n_shell = n_script()")
    lab.ok("%%process n_inline -> n_here\n#| executor: inline\nn_here = 1")
    rows = dict(
        line.split("\t") for line in outside(lab, "trace", "last", "-f", "name,native_id", "-o", "-").splitlines()
    )
    assert rows["n_body"] == str(lab.names["n_pid"])
    assert rows["n_script"] == lab.names["n_shell"].strip()
    assert rows["n_inline"] == "-"


def test_what_a_failed_task_printed_is_shown_without_the_secrets_that_it_was_given(
    lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NXF_SECRETS_FILE", str(tmp_path / "store.json"))
    SecretStore(os.environ).set("W_TOKEN", "open-sesame")
    lab.ok("""
        %%process w_ask() -> out = stdout()
        #| secret: W_TOKEN
        #!/usr/bin/env bash
        echo "refused: $W_TOKEN" >&2
        exit 7
        """)
    lab.fails("w_ask()")
    text = outside(lab, "report", "last", "-o", "-")
    assert "refused: [secure]" in text
    assert "open-sesame" not in text
