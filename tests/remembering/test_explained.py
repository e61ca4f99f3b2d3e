"""What a cell says when its task runs again, and `why` afterwards: each kind of part, seen through real kernels."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.remembering.conftest import Cell, Notebooks

LOAD = "%load_ext nbflow"

BEFORE = {
    "value": "threshold = 0.5\n%%process value\nr = threshold",
    "source": "%%process source\n#| cpus: 1\nr = 1\ns = 2",
    "helper": "def inner(x):\n    return x\n\ndef outer(x):\n    return inner(x)\n%%process helper\nr = outer(1)",
    "kind": "class Kind:\n    @property\n    def size(self):\n        return 1\n%%process kind\nr = Kind().size",
    "module": "%%process module\nimport local_lib\nr = local_lib.f()",
    "constant": "%%process constant\nr = open('data.txt').read()",
    "environ": "%%process environ\nimport os\nr = os.environ['MODE'], os.environ['MODE_TOKEN']",
    "package": "%%process package\nimport small_dist\nr = small_dist.__name__",
    "options": "%%process options\n#| env:\n#|   LEVEL: low\nr = 1",
    "script": '%%process script -> r = stdout()\n#!/usr/bin/env bash\necho "$MODE"\n# done',
    "channel": "%%process channel_step(x)\ny = x + 1\n---\nlist(channel_step(channel.of(1, 2)))",
}
CHANGES = {
    "value": ("0.5", "0.7"),
    "source": ("#| cpus: 1\nr = 1", "# a comment\nr = 3"),
    "helper": ("return x\n", "return x + 1\n"),
    "kind": ("return 1", "return 2"),
    "options": ("low", "high"),
    "script": ("# done", "# all done"),
    "channel": ("x + 1", "x + 2"),
}
SAID = {
    "value": "global `threshold` changed: 0.5 -> 0.7",
    "source": "the source changed: line 3: `r = 1` -> `r = 3`",
    "helper": "helper `inner` changed: line 2: `return x` -> `return x + 1`",
    "kind": "class `Kind` changed: line 4: `return 1` -> `return 2`",
    "module": "local module `local_lib` changed: line 2: `return 1` -> `return 2`",
    "constant": "content of data.txt changed: 3 -> 4 bytes",
    "environ": "environment variable `MODE` changed: slow -> fast",
    "package": "package `small-dist` changed: 1.0 -> 1.1",
    "options": "option `env` changed: LEVEL=low -> LEVEL=high",
    "script": "the source changed: line 4: `# done` -> `# all done`",
    "channel": "the source changed: line 2: `y = x + 1` -> `y = x + 2`",
}


def cells_of(text: str) -> list[str]:
    """The plain cell above a process, the process, and what calls it."""
    plain, _, process = text.partition("%%process")
    return [*filter(None, [plain]), *("%%process" + process).split("\n---\n")]


def write_world(notebooks: Notebooks, *, after: bool) -> dict[str, str]:
    notebooks.write("local_lib.py", f"def f():\n    return {2 if after else 1}\n")
    notebooks.write("data.txt", "four" if after else "one")
    site = notebooks.directory / "site-packages"
    notebooks.write("site-packages/small_dist.py", "")
    for old in site.glob("*.dist-info/*"):
        old.unlink()
        old.parent.rmdir()
    version = "1.1" if after else "1.0"
    notebooks.write(
        f"site-packages/small_dist-{version}.dist-info/METADATA",
        f"Metadata-Version: 2.1\nName: small-dist\nVersion: {version}\n",
    )
    os.utime(site, ns=(0, int(after) * 10**9))
    return {"MODE": "fast" if after else "slow", "MODE_TOKEN": f"secret-{after}"}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, forges: list) -> tuple[dict[str, Cell], dict[str, Cell], Path]:  # type: ignore[type-arg]
    """The last cell of each process after the change, and that of a `why` on it."""
    directory: Path = tmp_path_factory.mktemp("explained")
    notebooks = Notebooks(directory, forges)
    site = f"import sys; sys.path.append({str(directory / 'site-packages')!r})"
    for after in (False, True):
        environ = write_world(notebooks, after=after)
        texts = {
            name: text.replace(*CHANGES[name]) if after and name in CHANGES else text for name, text in BEFORE.items()
        }
        cells, places = [LOAD, site], {}
        for name, text in texts.items():
            cells += cells_of(text)
            places[name] = len(cells) - 1
        questions = [f"%nbflow why {'channel_step' if name == 'channel' else name}" for name in texts]
        done = notebooks.run(*cells, *questions, environ=environ)
    answers = dict(zip(texts, done[len(cells) :], strict=True))
    return {name: done[at] for name, at in places.items()}, answers, directory


@pytest.mark.parametrize("name", SAID)
def test_the_cell_and_why_say_what_changed_from_what_to_what(
    name: str, shown: tuple[dict[str, Cell], dict[str, Cell], Path]
) -> None:
    cells, answers, _ = shown
    assert cells[name].ok, cells[name].evalue
    assert SAID[name] in cells[name].shown
    assert SAID[name] in answers[name].out


def test_a_secret_is_told_to_have_changed_and_never_shown(
    shown: tuple[dict[str, Cell], dict[str, Cell], Path],
) -> None:
    cells, answers, directory = shown
    secret = "environment variable `MODE_TOKEN` changed (its value is a secret, which is not recorded)"
    assert secret in cells["environ"].shown and secret in answers["environ"].out
    databases = directory.glob(".nextflow/cache/*/db/*")
    assert not [path for path in databases if b"secret-True" in path.read_bytes()]


def test_another_session_is_what_differs_where_nothing_else_does(notebooks: Notebooks) -> None:
    cells = ["n = 1", "%%process one\nr = n", "%nbflow why one"]
    notebooks.run(LOAD, *cells)
    again = notebooks.run(LOAD, "%resume new", *cells)
    for shown in (again[3].shown, again[4].out):
        assert "the session is another one: " in shown


def test_a_hit_explains_nothing(notebooks: Notebooks) -> None:
    cells = [
        "def h(x): return x + n\nn = 1\nopen('d.txt', 'w').write('1'); import os; os.utime('d.txt', (1, 1))",
        "%%process one\nr = h(1), open('d.txt').read()",
        "%%process step(x, y)\nz = x",
        "list(step(channel.of(1, 2), [h]))",
    ]
    first = notebooks.run(LOAD, *cells)
    assert {status for cell in first for status in cell.statuses} == {"COMPLETED"}
    refuse = """
import nbflow.core.file_facts, nbflow.core.outline, nbflow.core.task.previews, nbflow.execution.explain.reasons
import nbflow.execution.calls.call as call

def refuse(*_, **__):
    raise AssertionError("a hit was explained")

for module, name in (
    (nbflow.core.file_facts, "describe"), (nbflow.core.outline, "outline"), (nbflow.core.outline, "first_change"),
    (nbflow.core.task.previews, "outline"), (nbflow.core.task.previews, "describe"), (nbflow.execution.explain.reasons, "differences"),
    (call, "previewed"), (call, "preview_of_input"), (nbflow.execution.explain.reasons.Reasons, "sentence"),
):
    assert hasattr(module, name)
    setattr(module, name, refuse)
"""
    second = notebooks.run(LOAD, refuse, *cells)
    assert [cell.evalue for cell in second if not cell.ok] == []
    assert {status for cell in second for status in cell.statuses} == {"CACHED"}
