"""Secrets: tasks get them as variables of their environment, and nothing of nbflow's ever writes one down."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from nbflow.storage.nextflow.secrets import SecretStore
from tests.core.nasty import NASTY
from tests.notebook.test_staging import BASH, last_work_dir

PLAIN = "sw0rdfish-7431"
"""A value that nothing else has."""
PYTHON = "#!/usr/bin/env python3\n"
READS = {
    "body": "import os\no = os.environ['MY_OWN']",
    "inline": "#| executor: inline\nimport os\no = os.environ['MY_OWN']",
    "bash": f'{BASH}printf %s "$MY_OWN"',
    "python": f"{PYTHON}import os\nprint(end=os.environ['MY_OWN'])",
}
OUTPUT = {"body": "o", "inline": "o", "bash": "o = stdout()", "python": "o = stdout()"}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SecretStore:
    monkeypatch.setenv("NXF_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NXF_SECRETS_FILE", raising=False)
    return SecretStore(os.environ)


@pytest.mark.parametrize("kind", READS)
def test_every_kind_of_body_gets_a_secret_as_a_variable(lab, store, kind):
    store.set("MY_OWN", PLAIN)
    lab.ok(f"%%process gets_secret_{kind}() -> {OUTPUT[kind]}\n#| secret: MY_OWN\n{READS[kind]}")
    assert lab.value(f"gets_secret_{kind}()") == PLAIN
    assert "MY_OWN" not in os.environ


@pytest.mark.parametrize("value", [text for text in NASTY if text and len(text) < 1000])
def test_any_text_is_given_as_it_is(lab, store, value):
    store.set("MY_OWN", value)
    lab.ok(f'%%process nasty_secret() -> o = stdout()\n#| secret: MY_OWN\n{BASH}printf %s "$MY_OWN"')
    assert lab.value("nasty_secret()") == value


def test_it_goes_before_a_global_and_a_variable_of_that_name(lab, store, monkeypatch):
    monkeypatch.setenv("MY_OWN", "of the kernel")
    lab.names["MY_OWN"] = "of the notebook"
    store.set("MY_OWN", PLAIN)
    for kind, body in READS.items():
        lab.ok(f"%%process goes_before_{kind}() -> {OUTPUT[kind]}\n#| secret: MY_OWN\n{body}")
        assert lab.value(f"goes_before_{kind}()") == PLAIN
    snippet = "#| before_script: export MY_OWN=lost\n"
    lab.ok(f"%%process goes_before_snippet() -> o = stdout()\n#| secret: MY_OWN\n{snippet}{READS['bash']}")
    assert lab.value("goes_before_snippet()") == PLAIN
    del lab.names["MY_OWN"]


def test_another_value_makes_the_task_run_again_and_why_says_so(lab, store):
    store.set("MY_OWN", PLAIN)
    cell = f"%%process keyed -> o\n#| secret: MY_OWN\n{READS['body']}"
    assert not lab.ok(cell).cached
    assert lab.ok(cell).cached
    store.set("MY_OWN", "another")
    again = lab.ok(cell)
    assert not again.cached and lab.names["o"] == "another"
    assert "secret `MY_OWN` changed (its value is a secret, which is not recorded)" in again.verdict
    store.set("MY_OWN", PLAIN)
    assert lab.ok(cell).cached
    assert lab.names["o"] == PLAIN
    store.set("UNRELATED", "x")
    assert lab.ok(cell).cached


def test_one_that_is_not_there_is_told_with_the_command_that_adds_it(lab, store):
    lab.ok("%%process lacks() -> o\n#| secret: NOT_THERE\no = 1")
    said = lab.fails("lacks()", "MissingInputError")
    assert "secret `NOT_THERE` is not in" in said and "nbflow secrets set NOT_THERE" in said


def test_an_error_report_does_not_show_it_though_the_task_prints_it(lab, store):
    store.set("MY_OWN", PLAIN)
    lab.ok(f'%%process prints_it()\n#| secret: MY_OWN\n{BASH}echo "out $MY_OWN"; echo "err $MY_OWN" >&2; exit 1')
    lab.ok("%%process raises_it() -> o\n#| secret: MY_OWN\nimport os\no = {}[os.environ['MY_OWN']]")
    for call in ("prints_it()", "raises_it()"):
        said = lab.fails(call, "TaskFailedError")
        assert PLAIN not in said and "[secure]" in said


@pytest.mark.parametrize("kind", ["body", "bash"])
def test_a_run_by_hand_names_what_it_needs_and_takes_it_from_its_shell(lab, store, kind):
    store.set("MY_OWN", PLAIN)
    out = "o" if kind == "body" else "o = stdout()"
    body = "import os\nprint(end=os.environ['MY_OWN'])\no = 1" if kind == "body" else READS["bash"]
    lab.ok(f"%%process by_hand_{kind}() -> {out}\n#| secret: MY_OWN\n{body}")
    lab.ok(f"by_hand_{kind}()")
    work_dir, environ = last_work_dir(lab), {"PATH": os.environ["PATH"]}
    run = ["bash", ".command.run"]
    without = subprocess.run(run, cwd=work_dir, capture_output=True, text=True, env=environ)
    assert without.returncode == 1
    assert without.stderr == 'this task needs the secret MY_OWN: export MY_OWN="$(nbflow secrets get MY_OWN)"\n'
    assert (work_dir / ".exitcode").read_text() == "0", "what was there is left alone"
    done = subprocess.run(run, cwd=work_dir, capture_output=True, text=True, env={**environ, "MY_OWN": PLAIN})
    assert (done.returncode, done.stdout) == (0, PLAIN)


def test_a_secret_is_set_listed_and_deleted_in_a_notebook(lab, store, monkeypatch):
    import getpass

    asked: list[str] = []

    def asks(prompt: str) -> str:  # as a kernel has it: not getpass's own
        asked.append(prompt)
        return PLAIN

    monkeypatch.setattr(getpass, "getpass", asks)
    lab.ok("%nbflow secrets set MY_OWN")
    assert asked == ["Value of secret MY_OWN: "]
    assert lab.ok("%nbflow secrets list").out == "MY_OWN\n"
    lab.ok("%nbflow secrets delete MY_OWN")
    assert store.names() == []


def test_the_tables_of_tasks_do_not_show_it(lab, store):
    store.set("MY_OWN", PLAIN)
    lab.ok("%%process tabled(n) -> o\n#| secret: MY_OWN\nimport os\no = len(os.environ['MY_OWN'])")
    lab.ok("tabled(1)")
    shown = lab.ok(
        "import nbflow\nprint([dict(task) if hasattr(task, 'keys') else repr(task) for task in nbflow.tasks()])"
    ).out
    assert "tabled" in shown and PLAIN not in shown
