"""The house rules: which floor may import what, and how large a room may grow."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nbflow"
FLOORS = ("errors", "core", "storage", "execution", "browsing", "wiring", "session", "notebook")
NOTEBOOK_LIBRARIES = {"IPython", "anywidget", "ipywidgets", "traitlets"}
KERNEL_LIBRARIES = {"ipykernel", "jupyter_client", "nbclient", "nbformat"}
SERVER_LIBRARIES = {"jupyter_server", "tornado"}
IMPURE = {
    *("plyvel", "plyvel_next", "cloudpickle", "subprocess", "multiprocessing", "concurrent", "asyncio", "threading"),
    *("socket", "logging", "time", *NOTEBOOK_LIBRARIES, *KERNEL_LIBRARIES, *SERVER_LIBRARIES),
}
HEAVY = [
    *NOTEBOOK_LIBRARIES,
    *KERNEL_LIBRARIES,
    *SERVER_LIBRARIES,
    "plyvel",
    "plyvel_next",
    "nbflow.wiring",
    "nbflow.session",
    "nbflow.notebook",
    "nbflow.cli",
    "nbflow.commands",
    "nbflow.api",
]
FILE_LINES = 400
FUNCTION_LINES = 60

Imports = dict[str, set[str]]


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}


def imported_by(name: str) -> Iterator[str]:
    """All that a module imports anywhere: in functions and under TYPE_CHECKING too."""
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno}: relative import"
            assert node.module is not None
            for alias in node.names:
                module = f"{node.module}.{alias.name}"
                yield module if module in TREES else node.module


IMPORTS: Imports = {name: set(imported_by(name)) for name in TREES}


def floor_of(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def test_imports_go_down_the_floors_only() -> None:
    def rank(name: str) -> int:
        return FLOORS.index(floor_of(name))

    upward = [
        f"{name} imports {other}"
        for name in TREES
        for other in sorted(IMPORTS[name])
        if floor_of(name) in FLOORS and other in TREES
        if floor_of(other) not in FLOORS or rank(other) > rank(name)
        # The command line stands beside the notebook, which offers it as a magic, and relaunches by it.
        if not (floor_of(name) == "notebook" and floor_of(other) in {"cli", "commands", "headless"})
    ]
    assert upward == []


def test_no_two_rooms_import_each_other_not_even_inside_functions() -> None:
    # The front door names rooms without loading them; that is what makes it a door and no room.
    graph = {name: {other for other in IMPORTS[name] if other in TREES} for name in TREES if name != "nbflow"}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_core_is_pure() -> None:
    impure = [
        f"{name} imports {other}"
        for name in TREES
        if floor_of(name) in {"core", "errors"}
        for other in sorted(IMPORTS[name])
        if other.split(".")[0] in IMPURE
    ]
    assert impure == []


def test_one_room_imports_leveldb_one_floor_ipython_and_one_the_parts_of_jupyter() -> None:
    assert importers({"plyvel", "plyvel_next"}) == {"nbflow.storage.database.leveldb"}
    assert {floor_of(name) for name in importers(NOTEBOOK_LIBRARIES)} == {"notebook"}
    assert {floor_of(name) for name in importers(KERNEL_LIBRARIES)} <= {"headless"}
    assert {floor_of(name) for name in importers(SERVER_LIBRARIES)} == {"server"}


def importers(libraries: set[str]) -> set[str]:
    return {name for name in TREES if {other.split(".")[0] for other in IMPORTS[name]} & libraries}


@pytest.mark.parametrize(
    "module", ["nbflow.execution.worker.body", "nbflow.execution.local.template", "nbflow.execution.local.supervisor"]
)
def test_what_runs_beside_the_kernel_loads_neither_ipython_nor_the_database(module: str) -> None:
    program = (
        f"import sys, importlib; importlib.import_module({module!r}); "
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []


@pytest.mark.parametrize("name", sorted(TREES))
def test_a_module_says_what_it_is_for_and_stays_small(name: str) -> None:
    lines = FILES[name].read_text(encoding="utf-8").count("\n")
    functions = [
        f"{node.name} ({1 + (node.end_lineno or 0) - node.lineno} lines)"
        for node in ast.walk(TREES[name])
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        if 1 + (node.end_lineno or 0) - node.lineno - docstring_lines(node) > FUNCTION_LINES
    ]
    assert ast.get_docstring(TREES[name]), "no docstring"
    assert lines <= FILE_LINES, f"{lines} lines: split it"
    assert functions == []


def docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = node.body[0]
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return 1 + (first.end_lineno or 0) - first.lineno if is_text else 0


def test_import_linter_agrees() -> None:
    done = subprocess.run([Path(sys.executable).with_name("lint-imports")], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
