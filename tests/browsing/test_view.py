"""Tests of what of a table is shown, and in which order."""

from __future__ import annotations

import pytest

from nbflow.browsing.table import TaskTable
from nbflow.browsing.view import COLUMNS, Wanted, counts, row, short, shown, tag_of
from nbflow.core.task.entry import TaskEntry
from nbflow.errors import NbflowError
from nbflow.storage.browse import Reader
from nbflow.storage.nextflow.trace import NONE_EXIT
from nbflow.storage.summaries import NUMBERS, read_line
from tests.browsing.made import MadeSession


@pytest.fixture
def table(reader: Reader) -> TaskTable:
    return TaskTable(reader, reader.runs())


def names(table: TaskTable, wanted: Wanted) -> list[str]:
    return [str(row(table, place)["name"]) for place in shown(table, wanted)]


def expected(made: MadeSession, test: object = None) -> list[str]:
    assert test is None or callable(test)
    return [entry.name for _, trace, entry in made.tasks if test is None or test(trace, entry)]


def test_without_a_wish_all_are_shown_in_the_order_of_events(table: TaskTable, made: MadeSession) -> None:
    assert names(table, Wanted()) == expected(made)


def test_words_must_all_be_in_name_or_hash_in_any_case(table: TaskTable, made: MadeSession) -> None:
    assert names(table, Wanted(text="ALIGN 00043")) == expected(
        made, lambda _, entry: "align" in entry.name and "00043" in entry.name
    )
    key, _, entry = made.tasks[77]
    assert names(table, Wanted(text=f"{key.hex()[:2]}/{key.hex()[2:8]}")) == [entry.name]


def test_statuses_processes_and_an_expression_hold_together(table: TaskTable, made: MadeSession) -> None:
    wanted = Wanted(statuses=("FAILED",), processes=("align", "trim"), where="exit == 137 and realtime > 0")
    assert names(table, wanted) == expected(
        made, lambda trace, entry: trace["status"] == "FAILED" and entry.process in ("align", "trim")
    )


FIGURES = [name for name in NUMBERS if name.isidentifier()]


@pytest.mark.parametrize("field", ["name", "process", "run", "task_hash", "hash", "tag", "status", "pcpu", *FIGURES])
def test_an_expression_sees_of_each_field_what_the_line_says(table: TaskTable, field: str) -> None:
    def said(at: int) -> object:
        summary = read_line(table.lines[at])
        texts = {"tag": tag_of(summary.name), "status": table.statuses[at], "hash": short(summary.hash)}
        texts |= {"name": summary.name, "process": summary.process, "run": summary.run, "task_hash": summary.hash}
        return texts.get(field) or summary.numbers.get("%cpu" if field == "pcpu" else field)

    everything = range(len(table.lines))
    for at in (0, 7, 500):
        alike = [other for other in everything if said(other) == said(at)]
        assert list(shown(table, Wanted(where=f"{field} == {said(at)!r}"))) == alike


def test_an_expression_that_asks_for_more_than_the_figures_says_where_that_can_be_asked(table: TaskTable) -> None:
    with pytest.raises(NbflowError, match="for script use: nbflow log"):
        names(table, Wanted(where="'x' in script"))
    with pytest.raises(NbflowError, match="did you mean 'status'"):
        names(table, Wanted(where="statsu == 1"))


@pytest.mark.parametrize("column", ["realtime", "peak_rss", "%cpu", "size", "start", "duration", "attempt"])
@pytest.mark.parametrize("descending", [False, True])
def test_numbers_are_sorted_as_numbers(table: TaskTable, made: MadeSession, column: str, descending: bool) -> None:
    def value(task: tuple[bytes, dict[str, object], TaskEntry]) -> float:
        found = task[2].files[0].size if column == "size" else task[1][column]
        assert isinstance(found, int | float)
        return found

    order = sorted(made.tasks, key=value, reverse=descending)
    found = names(table, Wanted(sort=column, descending=descending))
    values = {task[2].name: value(task) for task in made.tasks}
    assert [values[name] for name in found] == [value(task) for task in order]


@pytest.mark.parametrize("descending", [False, True])
def test_what_is_not_known_comes_last_either_way(table: TaskTable, made: MadeSession, descending: bool) -> None:
    unknown = expected(made, lambda trace, _: trace["exit"] == NONE_EXIT)
    found = names(table, Wanted(sort="exit", descending=descending))
    assert found[len(found) - len(unknown) :] == unknown


def test_tags_are_sorted_as_numbers_where_they_are(table: TaskTable) -> None:
    table.lines = [b"0" * 32 + f"\tfit ({tag})\tfit\tCOMPLETED".encode() + b"\t" * 11 for tag in (10, 9, 1)]
    table.statuses = ["COMPLETED"] * 3
    assert names(table, Wanted(sort="tag")) == ["fit (1)", "fit (9)", "fit (10)"]
    assert names(table, Wanted(sort="process")) == ["fit (10)", "fit (9)", "fit (1)"]


def test_a_column_that_is_not_there_is_refused_with_those_that_are(table: TaskTable) -> None:
    with pytest.raises(NbflowError, match="the columns are: status, process"):
        shown(table, Wanted(sort="colour"))


def test_a_row_has_a_text_for_each_column(table: TaskTable) -> None:
    texts = row(table, 0)
    assert set(COLUMNS) <= set(texts)
    assert texts["process"] == "fastqc" and texts["tag"] == "sample_000001"
    assert all(isinstance(text, str) for text in texts.values())


def test_tasks_are_counted_by_process_and_status(table: TaskTable, made: MadeSession) -> None:
    found = counts(table)
    assert list(found) == ["fastqc", "trim", "align", "multiqc"]
    assert sum(found["trim"].values()) == len(expected(made, lambda _, entry: entry.process == "trim"))
    assert sum(statuses.get("FAILED", 0) for statuses in found.values()) == 3
