"""Tests of the DAG: what flowed between processes, read off calls and hashes, and how it is drawn and written."""

from __future__ import annotations

import math
import re
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from nbflow.core.parts import Part
from nbflow.core.task.entry import FileRecord, OutputRecord
from nbflow.core.values.hashing import Digester
from nbflow.core.values.preview import preview
from nbflow.reports.dag import dag_figure, dag_file, dag_text
from nbflow.reports.graph import Graph, graph
from nbflow.reports.mermaid import mermaid
from nbflow.reports.view import Flow, RunView, read_flow
from nbflow.storage.rows import TaskRow
from tests.reports.pages import check
from tests.reports.runs import NASTY, mixed, run, task


def digest(value: object) -> bytes:
    return Digester().digest(value)


def takes(name: str, value: object, kind: str = "global") -> Part:
    return Part(kind, name, digest(value), preview(value, name))


def makes(name: str, value: object) -> OutputRecord:
    return OutputRecord(name, "value", digest(value).hex())


def edges(*tasks: TaskRow, flows: tuple[Flow, ...] = ()) -> dict[tuple[str, str], tuple[str, ...]]:
    return dict(graph(run(tasks, flows=flows)).edges)


def test_a_call_with_channels_gives_an_edge_from_each_process_whose_outputs_they_hold() -> None:
    found = edges(
        task("index", key=1),
        task("quant (1)", key=2),
        flows=(
            Flow("quant", ("reads",), (("index", "index"), ("trim", ""))),
            Flow("report", (), (("quant", "counts"),)),
        ),
    )
    assert found == {("index", "quant"): ("index",), ("trim", "quant"): (), ("quant", "report"): ("counts",)}


def test_a_process_that_was_called_and_has_no_task_yet_is_in_the_graph() -> None:
    dag = graph(run([task("fit (1)", "RUNNING")], live=True, flows=[Flow("report", (), (("fit", ""),))]))
    assert [(vertex.name, dict(vertex.counts), vertex.status) for vertex in dag.vertices] == [
        ("fit", {"RUNNING": 1}, "RUNNING"),
        ("report", {}, ""),
    ]


def test_a_global_with_the_name_and_digest_of_an_earlier_output_came_from_there() -> None:
    assert edges(task("load", key=1, outputs=[makes("n", 3)]), task("train", key=2, parts=[takes("n", 3)])) == {
        ("load", "train"): ("n",)
    }
    assert edges(task("load", key=1, outputs=[makes("n", 3)]), task("train", key=2, parts=[takes("n", 4)])) == {}
    assert edges(task("train", key=2, parts=[takes("n", 3)]), task("load", key=1, outputs=[makes("n", 3)])) == {}


@pytest.mark.parametrize(
    "value", [3, True, None, 0.5, math.nan, "a", "", [], [1, 2], {"a": 1}, date(2026, 1, 1), Path("a.txt")]
)
def test_a_small_value_of_another_name_is_equal_by_chance(value: object) -> None:
    found = edges(task("load", key=1, outputs=[makes("n", value)]), task("train", key=2, parts=[takes("depth", value)]))
    assert found == {}


@pytest.mark.parametrize("large", [[*range(1000)], "x" * 500, {"a": [*range(100)]}, np.arange(30.0).reshape(10, 3)])
def test_a_value_that_is_too_large_to_be_equal_by_chance_may_go_by_another_name(large: object) -> None:
    assert edges(
        task("load", key=1, outputs=[makes("table", large)]),
        task("train", key=2, parts=[takes("rows", large, "input")]),
    ) == {("load", "train"): ("table",)}


def test_of_equal_outputs_the_latest_is_meant() -> None:
    first, second = (task(name, key=at, outputs=[makes("x", 3)]) for at, name in enumerate(("one", "two"), 1))
    assert edges(first, second, task("use", key=3, parts=[takes("x", 3)])) == {("two", "use"): ("x",)}


def test_what_a_task_only_passes_on_was_not_made_by_it() -> None:
    passes = task("quant (1)", key=1, parts=[takes("id", "gut", "input")], outputs=[makes("id", "gut"), makes("n", 5)])
    other = task("fastqc (1)", key=2, parts=[takes("id", "gut", "input")])
    assert edges(passes, other) == {}


def test_inputs_that_a_channel_gave_are_known_and_not_guessed() -> None:
    made = task("load", key=1, outputs=[makes("x", 3)])
    fed = task("fit (1)", key=2, parts=[takes("x", 3, "input")])
    assert edges(made, fed) == {("load", "fit"): ("x",)}
    assert edges(made, fed, flows=(Flow("fit", ("x",), ()),)) == {}


def with_files(row: TaskRow, *files: tuple[str, str]) -> TaskRow:
    assert row.entry is not None
    entry = row.entry._replace(files=tuple(FileRecord(path, 1, 1, content) for path, content in files))
    return TaskRow(row.task_hash, row.session, row.run, row.status, row.work_dir, row.trace, entry)


def test_the_record_of_a_processs_outputs_and_files_of_its_work_directory_came_from_it() -> None:
    made = task(
        "make", key="f5" + "4" * 30, outputs=[makes("n", 4), OutputRecord("f", "file", "0" * 32, paths=("o.txt",))]
    )
    record = Part("global", "r", b"1" * 16, "make(n=4, f=o.txt)")
    nested = Part("global", "d", b"2" * 16, "{'a': /data/project/work/f5/444444444444444444444444444444/o.txt}")
    other = Part("global", "r", b"1" * 16, "made(n=4, f=o.txt)")
    elsewhere = Part("global", "d", b"2" * 16, "/data/project/work/f6/444444444444444444444444444444/o.txt")
    assert edges(made, task("use", key=2, parts=[record])) == {("make", "use"): ()}
    assert edges(made, task("use", key=2, parts=[nested])) == {("make", "use"): ()}
    assert edges(made, task("use", key=2, parts=[other, elsewhere])) == {}


def test_a_process_that_takes_its_own_outputs_has_a_loop() -> None:
    view = run([
        task("step", key=1, outputs=[makes("x", 1)]),
        task("step", key=2, parts=[takes("x", 1)], outputs=[makes("x", 2)]),
    ])  # fmt: skip
    assert graph(view).edges == {("step", "step"): ("x",)}
    check(dag_figure(view))


@pytest.mark.parametrize(
    "event",
    [{}, {"process": "a"}, {"process": "a", "inputs": 3, "from": []}, {"process": "a", "inputs": [], "from": [["b"]]}],
)
def test_the_event_of_a_call_that_cannot_be_read_is_passed_over(event: dict[str, object]) -> None:
    assert read_flow(event) is None


def twenty() -> RunView:
    """A pipeline of twenty processes, with long names, long edges and many of them."""
    taken = {
        "fastqc_raw": [("reads", "")],
        "trim": [("reads", "pairs")],
        "fastqc_trimmed": [("trim", "")],
        "index": [("genome", "fasta")],
        "align": [("trim", "trimmed"), ("index", "index")],
        "sort": [("align", "bam")],
        "mark_duplicates": [("sort", "sorted")],
        "count": [("mark_duplicates", "bam"), ("annotation", "gtf")],
        "merge_counts": [("count", "counts")],
        "normalise": [("merge_counts", "table")],
        "pca": [("normalise", "matrix")],
        "differential_expression": [("normalise", "matrix"), ("design", "contrasts"), ("merge_counts", "table")],
        "enrichment": [("differential_expression", "genes"), ("annotation", "gtf")],
        "plots": [("pca", ""), ("differential_expression", "")],
        "multiqc": [
            ("fastqc_raw", "html"),
            ("fastqc_trimmed", "html"),
            ("mark_duplicates", "metrics"),
            ("count", "log"),
        ],
        "report": [("plots", "figures"), ("enrichment", "terms"), ("multiqc", "page"), ("design", "")],
    }
    names = dict.fromkeys([*(source for each in taken.values() for source, _ in each), *taken])
    statuses = ("COMPLETED", "CACHED", "FAILED", "ABORTED")
    tasks = [
        task(f"{name} ({n})", statuses[n % 4], key=100 * at + n)
        for at, name in enumerate(names)
        for n in range(1 + at % 4)
    ]
    return run(tasks, flows=[Flow(name, (), tuple(each)) for name, each in taken.items()])


def test_a_process_whose_failed_tasks_were_run_again_or_ignored_has_not_failed() -> None:
    again = task("fit (1)", "FAILED", key=1, error_action="RETRY")
    ignored = task("fit (2)", "FAILED", key=2, error_action="IGNORE")
    done = task("fit (1)", key=3)
    assert [vertex.status for vertex in graph(run([again, ignored, done])).vertices] == ["COMPLETED"]
    assert [vertex.status for vertex in graph(run([again, task("fit (1)", "RUNNING", key=4)])).vertices] == ["RUNNING"]
    last = task("fit (1)", "FAILED", key=5, error_action="TERMINATE")
    assert [vertex.status for vertex in graph(run([again, last])).vertices] == ["FAILED"]


# Drawn --------------------------------------------------------------------------------------------------------------


def drawn(view: RunView) -> ET.Element:
    """The file, read as strictly as a browser reads SVG."""
    return ET.fromstring(dag_file(view).encode())


def texts(root: ET.Element) -> list[str]:
    return [each.text or "" for each in root.iter("{http://www.w3.org/2000/svg}text")]


def test_the_drawing_names_each_process_its_counts_and_what_flows() -> None:
    shown = texts(drawn(mixed()))
    for text in ("split", "fit", "✔ 8 completed, 4 cached", "✖ 1 failed, 1 aborted", "parts", "s"):
        assert text in shown
    label = drawn(mixed()).attrib["aria-label"]
    assert "split -> fit (parts)" in label
    assert "score -> report (s)" in label


def test_processes_whose_tasks_are_all_cached_are_marked_by_word_sign_and_outline() -> None:
    view = run([task("fit (1)", "CACHED", key=1), task("fit (2)", "CACHED", key=2), task("plot", key=3)])
    assert "↺ all 2 cached" in texts(drawn(view))
    boxes = [each for each in drawn(view).iter("{http://www.w3.org/2000/svg}rect") if "rx" in each.attrib]
    assert ["stroke-dasharray" in each.attrib for each in boxes] == [True, False]
    assert ":::cached" in mermaid(graph(view), "")
    assert "↺ fit: 2 cached" in dag_text(graph(view))


@pytest.mark.parametrize("text", [*NASTY, "\x00\x07\ud800\uffff", "w" * 200])
def test_a_drawing_opens_whatever_its_names_are(text: str) -> None:
    view = run(
        [task(text, key=1), task("b", key=2)], flows=[Flow("b", (), ((text, text),)), Flow(text, (), (("b", ""),))]
    )
    assert "alert" not in {each.tag for each in drawn(view).iter()}
    check(dag_figure(view))


def test_a_graph_of_processes_between_which_nothing_flows_is_no_wider_than_a_page() -> None:
    assert float(drawn(run([task(f"process_{n}", key=n) for n in range(30)])).attrib["width"]) < 800


# Mermaid ------------------------------------------------------------------------------------------------------------


def test_mermaid_text_has_a_vertex_a_process_and_an_edge_for_what_flows() -> None:
    lines = mermaid(graph(mixed()), "DAG of run\nhappy_turing").splitlines()
    assert lines[:3] == [
        "flowchart TB",
        "    accTitle: DAG of run happy_turing",
        '    v0(["fit<br/>✔ 8 completed, 4 cached"])',
    ]
    assert '    v1 -->|"parts"| v0' in lines
    assert "    v0 --> v2" in lines
    assert '    v2(["score<br/>✖ 1 failed, 1 aborted"]):::failed' in lines


@pytest.mark.parametrize("text", [*NASTY, 'a"b', "a#b;c", "end", "[x](y)", "A:B"])
def test_no_name_is_taken_for_mermaids_syntax(text: str) -> None:
    view = run(
        [task(text, key=1), task("b", key=2)],
        flows=[Flow("b", (), ((graph(run([task(text)])).vertices[0].name, text),))],
    )
    body = mermaid(graph(view), "").splitlines()[2:]
    vertex = re.compile(r' {4}v\d+\(\["[^"\[\]{}<>|`\n]*<br/>[^"<>\n]*"\]\)(:::\w+)?')
    edge = re.compile(r' {4}v\d+ -->(\|"[^"\[\]{}<>|`\n]*"\|)? v\d+')
    assert [bool(vertex.fullmatch(line) or edge.fullmatch(line)) for line in body] == [True] * 3


def test_an_empty_run_has_an_empty_graph() -> None:
    assert graph(run([])) == Graph((), {})
    assert dag_figure(run([])) == ""
    assert drawn(run([])) is not None
    assert mermaid(graph(run([])), "x").startswith("flowchart TB")
