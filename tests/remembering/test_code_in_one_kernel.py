"""One kernel that lives on while code changes: modules edited under it, cells run again, names of the session."""

from __future__ import annotations

import pytest

from tests.remembering.conftest import Cell, Notebooks

HIT, MISS = "CACHED", "COMPLETED"
WRITE = "from pathlib import Path\n_ = Path('nbk_mod.py').write_text('def f(): return {}\\nK = 1\\n')"
DIFFERS = "module `nbk_mod` in this kernel differs"
BODY = "%%process t -> r\nr = f()"


def processes(cells: list[Cell]) -> list[Cell]:
    return [cell for cell in cells if cell.tasks]


def test_a_module_edited_under_the_kernel_runs_as_its_file_says_and_reloading_ends_the_warning(
    notebooks: Notebooks,
) -> None:
    notebooks.write("nbk_mod.py", "def f(): return 1\nK = 1\n")
    reload = "import importlib, nbk_mod\nimportlib.reload(nbk_mod)"
    cells = notebooks.run(
        "from nbk_mod import f", BODY, "r", WRITE.format(22), BODY, "r", reload, BODY, "r", WRITE.format(333), BODY, "r"
    )
    assert [cell.status for cell in processes(cells)] == [MISS, MISS, HIT, MISS]
    assert [cell.result for cell in cells if cell.result in ("1", "22", "333")] == ["1", "22", "22", "333"]
    assert [DIFFERS in cell.shown for cell in processes(cells)] == [False, True, False, False]  # told once a kernel


@pytest.mark.parametrize("change", ["nbk_mod.f = lambda: 5", "nbk_mod.K = 5"])
def test_a_module_changed_in_the_kernel_alone_runs_as_its_file_says_with_a_warning(
    notebooks: Notebooks, change: str
) -> None:
    notebooks.write("nbk_mod.py", "def f(): return 1\nK = 1\n")
    body = "%%process t -> r\nr = nbk_mod.f(), nbk_mod.K"
    first, second = processes(notebooks.run("import nbk_mod", body, change, body))
    assert (first.status, second.status) == (MISS, HIT)
    assert DIFFERS not in first.shown
    assert DIFFERS in second.shown


def test_a_cell_that_runs_ten_times_is_one_entry(notebooks: Notebooks) -> None:
    helper = "k = 1\ndef h(): return [k]"
    cells = notebooks.run(*[helper, "%%process t -> r\nr = h()"] * 10)
    assert [cell.status for cell in processes(cells)] == [MISS, *[HIT] * 9]
    assert len({task for cell in processes(cells) for _, _, task in cell.tasks}) == 1
    assert len(list((notebooks.directory / "work").glob("[0-9a-f][0-9a-f]/*"))) == 1


def test_a_class_cell_that_runs_ten_times_leaves_its_instances_what_they_are(notebooks: Notebooks) -> None:
    define = "class C:\n  def m(self): return 1"
    body = "%%process t -> r\nr = o.m(), isinstance(o, C)"
    cells = notebooks.run(define, "o = C()", *[define, body] * 10, "r")
    assert [cell.status for cell in processes(cells)] == [MISS, *[HIT] * 9]
    assert cells[-1].result == "(1, True)"


@pytest.mark.parametrize(
    ("above", "body", "told"),
    [
        ("5", "r = _", "`_` is a result of this session"),
        ("5", "r = _1", "`_1` is a result of this session"),
        ("5", "r = Out[1]", "`Out` is a result of this session"),
        ("5", "r = In[1]", "`In` is a result of this session"),
        ("K = 5\nn = 'K'", "r = globals()[n]", "name those it reads with `#| reads: [NAME]`"),
        ("K = 5\ndef h(n): return eval(n)", "r = h('K')", "name those it reads with `#| reads: [NAME]`"),
        ("import os\nn = 'PATH'", "r = len(os.environ[n])", "name those it reads with `#| env: [NAME]`"),
        ("import importlib\nn = 'math'", "r = importlib.import_module(n).pi", "with `#| reads: [MODULE]`"),
    ],
)
def test_what_may_read_anything_runs_every_time_and_says_so_once(
    notebooks: Notebooks, above: str, body: str, told: str
) -> None:
    process = f"%%process t -> r\n{body}"
    cells = processes(notebooks.run(above, process, process))
    assert [cell.status for cell in cells] == [MISS, MISS], [cell.shown for cell in cells]
    assert told in cells[0].err
    assert told not in cells[1].err


def test_a_declared_name_makes_it_remembered_again(notebooks: Notebooks) -> None:
    cells = ["K = 5\nn = 'K'", "%%process t -> r\n#| reads: [K]\nr = globals()[n]", "r"]
    assert notebooks.run(*cells)[1].status == MISS
    told = notebooks.run(*cells)
    assert told[1].status == HIT
    assert "every time" not in told[1].shown
    assert told[2].result == "5"


def test_drawing_from_a_global_generator_is_told_once_a_kernel(notebooks: Notebooks) -> None:
    body = "%%process {} -> r\nimport random\nr = random.random()"
    cells = notebooks.run(
        "import random\nrandom.seed(1)", body.format("a"), body.format("b"), "%%process c -> r\nr = 1"
    )
    assert ["a seed set in another cell is not seen" in cell.err for cell in cells] == [False, True, False, False]


def test_two_notebooks_with_a_function_of_one_name_and_text_share_nothing(notebooks: Notebooks) -> None:
    cells = ["k = {}", "def h(): return k", "%%process t -> r\nr = h()", "r"]
    for value, verdict in ((1, MISS), (2, MISS), (1, HIT), (2, HIT)):
        told = notebooks.run(cells[0].format(value), *cells[1:])
        assert (told[2].status, told[3].result) == (verdict, str(value))
