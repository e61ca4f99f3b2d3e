"""Access that no reader of code can follow: it is named, it runs every time, and finds what it looks for."""

from __future__ import annotations

import pytest

from tests.core.notebooks import Notebook, key


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("import builtins\ny = builtins.eval(text)", "`eval(...)` in the body"),
        ("y = list(map(eval, [text]))", "`eval` in the code"),
        ("y = run(text)", "`run(...)` in the code"),
        ("import runpy\ny = runpy.run_module(text)", "may import any module"),
        ("import importlib\ny = importlib.import_module(f'{text}.b')", "`#| reads: [MODULE]`"),
        ("import importlib\ny = importlib.import_module('.b', text)", "may import any module"),
        ("from importlib.metadata import entry_points\ny = entry_points(group=text)", "may import any module"),
    ],
)
def test_access_by_other_ways_is_named(body: str, named: str) -> None:
    (sentence,) = Notebook("text = 'K'\nrun = eval").reach(body).unknown
    assert named in sentence


@pytest.mark.parametrize(
    "body", ["y = model.eval()", "y = train(eval=True)", "y = train(1)", "y = frame.query('a > 1')"]
)
def test_names_that_only_look_like_it_are_known(body: str) -> None:
    notebook = Notebook("def train(eval):\n  if eval: return 1\nmodel = frame = None")
    assert notebook.reach(body).unknown == ()


def test_code_that_may_read_any_global_gets_all_that_can_travel() -> None:
    notebook = Notebook("import json, threading\nK = 1\n_hidden = 2\nlock = threading.Lock()\ndef h(): return L\nL = 3")
    found = notebook.reach("y = eval(input())")
    assert found.captured.keys() == {"K", "L", "h"}
    assert found.module_aliases == {"json": "json", "threading": "threading"}
    declared = notebook.reach("y = eval(input())", declared_reads=["K"])
    assert declared.captured.keys() == {"K"}


def test_a_declared_module_counts_and_makes_its_import_known() -> None:
    found = Notebook("name = 'numpy'").reach(
        "import importlib\ny = importlib.import_module(name)", declared_reads=["numpy"]
    )
    assert found.unknown == ()
    assert "numpy" in {part.name for part in found.parts if part.kind == "package"}


def test_names_in_the_text_of_a_query_count_wherever_the_text_is() -> None:
    body = "t = 'a > @K'\ny = d.query(t), d.query(q)"
    first, second = ("K = {}\nq, d = '@L', None\nL = {}".format(*pair) for pair in ((1, 1), (2, 1)))
    third = "K = 1\nq, d = '@L', None\nL = 2"
    assert len({key(body, cell) for cell in (first, second, third)}) == 3


def test_variables_of_the_environment_in_a_shells_command_count() -> None:
    def environ_key(body: str, **environ: str) -> bytes:
        return Notebook("import subprocess, os", environ=environ).key(body)

    for body in ("y = subprocess.run('echo ${A}', shell=True)", "os.system('echo $A')", "y = os.path.expandvars('$A')"):
        assert environ_key(body, A="1") != environ_key(body, A="2")
        assert environ_key(body, A="1", B="1") == environ_key(body, A="1", B="2")
    assert environ_key("y = '$A'", A="1") == environ_key("y = '$A'", A="2")


@pytest.mark.parametrize(
    ("body", "draws"),
    [
        ("import random\ny = random.random()", True),
        ("import numpy as np\ny = np.random.randn(3)", True),
        ("from numpy.random import choice\ny = choice([1])", True),
        ("y = h()", True),
        ("import numpy as np\ny = np.random.default_rng(1).normal()", False),
        ("import numpy as np\nnp.random.seed(1)\ny = np.random.randn(3)", False),
        ("import numpy as np\ny = np.sum([1])", False),
        ("import jax\ny = jax.random.normal(key)", False),
        ("y = g.normal()", False),
    ],
)
def test_drawing_from_a_global_generator_is_told(body: str, draws: bool) -> None:
    notebook = Notebook(
        "import random, numpy\ndef h(): return random.choice('ab')\ng = numpy.random.default_rng(1)\nkey = 1"
    )
    assert notebook.reach(body).draws_random is draws


def test_the_notebook_as_a_module_may_be_read_by_any_name() -> None:
    found = Notebook("import __main__\nK = 1").reach("y = __main__.K")
    assert found.captured == {"K": 1}
    assert any("`__main__`" in sentence for sentence in found.unknown)
