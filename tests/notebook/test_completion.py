"""Completion of what is nbflow's, asked as front ends ask: whole cell, and the place of the cursor."""

from __future__ import annotations

import subprocess
import sys

import pytest
from IPython.core.completer import provisionalcompleter

from nbflow.core.declaration.choices import CHOICES
from nbflow.core.declaration.layers import read_layer
from nbflow.core.declaration.readers import READERS
from nbflow.storage.browse import Reader
from nbflow.storage.layout import Layout
from tests.notebook.lab import Lab


@pytest.fixture(scope="module")
def notebook(lab: Lab) -> Lab:
    lab.ok("%%process train -> model\nmodel = 1")
    lab.ok("%%process fit(k) -> score\nscore = k")
    return lab


def proposed(lab: Lab, text: str) -> list[str]:
    with provisionalcompleter():
        return [each.text for each in lab.shell.Completer.completions(text, len(text))]


def test_the_names_of_processes_follow_their_magic_and_why(notebook: Lab) -> None:
    assert proposed(notebook, "%%process ") == ["fit", "train", "--rerun"]
    assert proposed(notebook, "%%process --rerun tr") == ["train"]
    assert proposed(notebook, "%nbflow why t") == ["train"]


def test_why_knows_the_processes_of_the_run_though_the_notebook_has_them_no_more(notebook: Lab) -> None:
    notebook.ok("%%process passing -> gone\ngone = 1")
    notebook.ok("del passing")
    assert proposed(notebook, "%nbflow why pass") == ["passing"]


def test_behind_a_parameter_list_python_is_proposed_as_ever(notebook: Lab) -> None:
    notebook.ok("long_name_of_a_global = 1")
    for text in ("%%process other(k=long_name_of", "%%process other -> x\nx = long_name_of"):
        assert proposed(notebook, text) == ["long_name_of_a_global"]


def test_directives_that_the_cell_has_not_yet_follow_the_mark(notebook: Lab) -> None:
    assert proposed(notebook, "%%process f -> x\n#| ca") == ["cache: "]
    found = proposed(notebook, "%%process f -> x\n#| stageInMode: copy\n#| ")
    assert "stage_out_mode: " in found and "stage_in_mode: " not in found
    assert {name.removesuffix(": ") for name in found} >= set(READERS) - {"stage_in_mode"}


def test_outside_a_process_the_mark_is_a_comment(notebook: Lab) -> None:
    assert "cache: " not in proposed(notebook, "x = 1\n#| ca")


@pytest.mark.parametrize("name", sorted(set(CHOICES) & set(READERS)))
def test_every_proposed_value_is_one_that_the_directive_takes(notebook: Lab, name: str) -> None:
    from nbflow.core.declaration.options import split_options

    values = proposed(notebook, f"%%process f -> x\n#| {name}: ")
    assert values == list(CHOICES[name])
    for value in values:
        read_layer(split_options(f"#| {name}: {value}\n").values)


def test_sessions_and_runs_follow_resume_and_the_commands_that_take_them(notebook: Lab) -> None:
    (run,) = Reader(Layout(notebook.launch_dir, {})).runs()
    there = ["last", run.run_name, run.session[:8]]
    assert proposed(notebook, "%resume ") == [*there, "new"]
    assert proposed(notebook, f"%resume {str(run.run_name)[:4]}") == [run.run_name]
    for line in ("%nbflow log ", "%nbflow diff ", "%nbflow clean -f ", "%nbflow why --run "):
        assert proposed(notebook, line)[:3] == there, line


def test_commands_their_options_and_fields_follow_nbflow(notebook: Lab) -> None:
    commands = proposed(notebook, "%nbflow ")
    assert {"log", "why", "diff", "clean", "wait"} <= set(commands)
    assert "run" not in commands  # it starts a kernel of its own
    assert proposed(notebook, "%nbflow lo") == ["log"]
    assert proposed(notebook, "%nbflow clean --d") == ["--dry-run"]
    assert proposed(notebook, "%nbflow log last -f name,sta") == ["status", "start"]


def test_nothing_is_proposed_where_there_is_nothing_and_nothing_is_made(tmp_path: object) -> None:
    program = (
        "import os, sys; from IPython.core.interactiveshell import InteractiveShell\n"
        "from IPython.core.completer import provisionalcompleter\n"
        "provisional = provisionalcompleter(); provisional.__enter__()\n"
        "shell = InteractiveShell.instance(); shell.run_line_magic('load_ext', 'nbflow')\n"
        "list(shell.Completer.completions('os.pa', 5)); print('nbflow.notebook.magics.proposals' in sys.modules)\n"
        "print([each.text for each in shell.Completer.completions('%resume ', 8)], os.listdir())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=str(tmp_path), capture_output=True, text=True)
    assert done.stdout.split("\n")[:2] == ["False", "['new'] []"], done.stderr
