"""The report of a failed task names the cause, the line of the cell, and the next step."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell

from nbflow.execution.explain.failure import FailureFacts, Frame, failure, report
from nbflow.execution.place import ROOT

CELL = "%%process train -> model\n#| cpus: 2\nimport numpy\nrows = load()\nmodel = fit(rows)\nmodel.score(rows)\n"

PYTHON = FailureFacts(
    task="train",
    cause="ValueError: no rows",
    frames=(
        Frame("%%process train", 5, source="model = fit(rows)"),
        Frame("<ipython-input-3>", 2, "fit", "    raise ValueError('no rows')"),
    ),
    sources={"%%process train": CELL},
    exit=1,
    out="loading\n",
    work_dir=Path("/launch/work/ab/12cd"),
)

SCRIPT = FailureFacts(
    task="quant (s1)",
    cause="Process `quant (s1)` terminated with an error exit status (127)",
    command="#!/bin/bash -ue\nsalmon quant\n",
    exit=127,
    err="salmon: command not found\n",
    work_dir=Path("/launch/work/ab/12cd"),
)


def test_a_python_task_shows_its_own_traceback_into_the_cell() -> None:
    assert report(PYTHON) == (
        "Error executing process > 'train'\n\n"
        "Caused by:\n  ValueError: no rows\n\n"
        "Cell %%process train, line 5\n"
        "      3 import numpy\n"
        "      4 rows = load()\n"
        "----> 5 model = fit(rows)\n"
        "      6 model.score(rows)\n"
        "File <ipython-input-3>, line 2, in fit\n"
        "----> 2     raise ValueError('no rows')\n\n"
        "Command exit status:\n  1\n\n"
        "Command output:\n  loading\n\n"
        "Work dir:\n  /launch/work/ab/12cd\n\n"
        "Tip: run it again by hand with   cd /launch/work/ab/12cd; bash .command.run"
    )


def test_a_script_shows_its_command_status_and_error() -> None:
    assert report(SCRIPT) == (
        "Error executing process > 'quant (s1)'\n\n"
        "Caused by:\n  Process `quant (s1)` terminated with an error exit status (127)\n\n"
        "Command executed:\n  #!/bin/bash -ue\n  salmon quant\n\n"
        "Command exit status:\n  127\n\n"
        "Command error:\n  salmon: command not found\n\n"
        "Work dir:\n  /launch/work/ab/12cd\n\n"
        "Tip: run it again by hand with   cd /launch/work/ab/12cd; bash .command.run"
    )


def test_a_task_that_never_ran_says_only_what_is_known() -> None:
    assert report(FailureFacts("train", "no free directory")) == (
        "Error executing process > 'train'\n\nCaused by:\n  no free directory"
    )


@pytest.mark.parametrize("line", [0, 7, 10_000])
def test_a_line_outside_the_known_source_does_no_harm(line: int) -> None:
    facts = FailureFacts("t", "c", frames=(Frame("%%process train", line),), sources={"%%process train": CELL})
    assert report(facts).endswith(f"Cell %%process train, line {line}")


def test_line_numbers_are_right_aligned() -> None:
    source = "\n".join(f"line {number}" for number in range(1, 20))
    facts = FailureFacts("t", "c", frames=(Frame("f.py", 9),), sources={"f.py": source})
    assert "       8 line 8\n---->  9 line 9\n      10 line 10\n" in report(facts)


def test_long_output_is_cut_at_its_beginning_and_says_so() -> None:
    facts = FailureFacts("t", "c", out="".join(f"line {number}\n" for number in range(1000)))
    text = report(facts)
    assert "[... 950 lines more in the work directory]\n  line 950\n" in text
    assert text.endswith("line 999")


def test_one_endless_line_is_cut_too() -> None:
    text = report(FailureFacts("t", "c", err="x" * 1_000_000))
    assert len(text) < 10_000
    assert "[... 992,000 characters more in the work directory]" in text


def test_a_crash_shows_the_tasks_own_frames_alone() -> None:
    own = f'  File "{ROOT}/nbflow/execution/worker/body.py", line 146 in _evaluate'
    err = f"""mine\nFatal Python error: Segmentation fault\n\nCurrent thread 0x1 (most recent call first):
  File "%%process seg", line 4 in <module>\n{own}\n  File "<string>", line 1 in <module>\n\nExtension modules: a.b, c (total: 2)\n"""
    said = report(FailureFacts("seg", "ended by SIGSEGV", exit=139, err=err))
    assert 'File "%%process seg", line 4' in said and "mine" in said
    assert "body.py" not in said and "Extension modules" not in said and "<string>" not in said


def test_a_hint_stands_before_the_tip() -> None:
    text = report(FailureFacts("t", "c", work_dir=Path("/w"), hint="Name it in `reads:`."))
    assert text.index("Name it in") < text.index("Tip:")


def test_colours_change_nothing_but_colours() -> None:
    assert re.sub("\x1b\\[[0-9;]*m", "", report(PYTHON, colour=True)) == report(PYTHON)
    assert report(PYTHON, colour=True) != report(PYTHON)


def test_a_work_directory_with_a_quote_or_a_space_can_be_pasted_into_a_shell() -> None:
    assert "cd '/my work/it'\"'\"'s'; bash" in report(FailureFacts("t", "c", work_dir=Path("/my work/it's")))


def test_the_shell_shows_the_report_and_no_frames_of_its_own(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    shell.user_ns["error"] = failure(PYTHON, colour=False)
    result = shell.run_cell("raise error")
    assert result.error_in_exec is shell.user_ns["error"]
    assert capsys.readouterr().out.strip() == report(PYTHON)


def test_the_error_carries_what_a_program_needs() -> None:
    error = failure(SCRIPT)
    assert (error.task, error.work_dir, error.exit) == ("quant (s1)", Path("/launch/work/ab/12cd"), 127)
    assert str(error) == report(SCRIPT)
