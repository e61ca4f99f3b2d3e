"""Where a kernel is: told by nbflow run, VS Code or Jupyter, else the current directory."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from IPython.core.interactiveshell import InteractiveShell

from nbflow.notebook.environment import Audience, Place, audience, locate

from .conftest import Kernel


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    path = tmp_path / "project" / "rna.ipynb"
    path.parent.mkdir()
    path.write_text("{}")
    return path


def test_unknown_notebook_means_the_current_directory(tmp_path: Path) -> None:
    assert locate({}, {}, tmp_path) == Place(tmp_path, None)


@pytest.mark.parametrize("variable", ["NBFLOW_NOTEBOOK", "JPY_SESSION_NAME"])
def test_a_variable_names_the_notebook(notebook: Path, tmp_path: Path, variable: str) -> None:
    assert locate({variable: str(notebook)}, {}, tmp_path) == Place(notebook.parent, notebook)


def test_vs_code_names_it_in_the_namespace(notebook: Path, tmp_path: Path) -> None:
    assert locate({}, {"__vsc_ipynb_file__": str(notebook)}, tmp_path) == Place(notebook.parent, notebook)


def test_a_relative_name_counts_from_the_current_directory(notebook: Path) -> None:
    assert locate({"JPY_SESSION_NAME": "rna.ipynb"}, {}, notebook.parent).notebook == notebook


def test_nbflow_run_knows_better_than_the_server_it_was_started_from(notebook: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.ipynb"
    other.write_text("{}")
    environ = {"NBFLOW_NOTEBOOK": str(notebook), "JPY_SESSION_NAME": str(other)}
    assert locate(environ, {"__vsc_ipynb_file__": str(other)}, tmp_path).notebook == notebook


@pytest.mark.parametrize("told", ["", "console-1-5c2d", "/gone/renamed.ipynb", "project"])
def test_a_name_that_is_no_file_counts_as_unknown(notebook: Path, tmp_path: Path, told: str) -> None:
    assert locate({"JPY_SESSION_NAME": told}, {}, tmp_path) == Place(tmp_path, None)


def test_a_variable_of_the_users_own_is_not_a_path(tmp_path: Path) -> None:
    assert locate({}, {"__vsc_ipynb_file__": 3}, tmp_path) == Place(tmp_path, None)


def test_a_link_to_a_notebook_is_the_notebook(notebook: Path, tmp_path: Path) -> None:
    link = tmp_path / "link.ipynb"
    link.symlink_to(notebook)
    assert locate({"JPY_SESSION_NAME": str(link)}, {}, tmp_path).notebook == notebook


def test_plain_ipython_is_a_terminal(shell: InteractiveShell) -> None:
    assert audience(shell, {"JPY_SESSION_NAME": "x"}) is Audience.TERMINAL


@pytest.mark.parametrize(
    ("environ", "cell_id", "expected"),
    [
        ({}, None, Audience.FILE),
        ({}, "cell-1", Audience.FRONT_END),
        ({"JPY_SESSION_NAME": "x.ipynb"}, None, Audience.FRONT_END),
        ({"VSCODE_PID": "1"}, None, Audience.FRONT_END),
        ({"NBFLOW_NOTEBOOK": "/x.ipynb"}, None, Audience.FRONT_END),
    ],
)
def test_a_kernel_has_a_front_end_where_one_has_told(
    environ: dict[str, str], cell_id: str | None, expected: Audience
) -> None:
    shell = SimpleNamespace(kernel=object())
    assert audience(shell, environ, SimpleNamespace(cell_id=cell_id)) is expected  # type: ignore[arg-type]


def test_a_real_kernel_without_a_front_end_is_known_as_such(kernel: Kernel) -> None:
    reply = kernel.run("from nbflow.notebook.environment import audience\naudience(get_ipython(), {}).name")
    assert reply.of("execute_result")[0]["data"]["text/plain"] == "'FILE'"
