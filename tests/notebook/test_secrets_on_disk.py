"""No file of a launch directory, and nothing that is shown, ever holds the value of a secret."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.notebook.test_secrets import PLAIN, PYTHON, store
from tests.notebook.test_staging import BASH

__all__ = ["store"]


def files_with(directory: Path, value: str) -> list[str]:
    """Files below a directory that hold a text, plainly or as JSON writes it."""
    wanted = {value.encode(), json.dumps(value)[1:-1].encode(), value.encode("utf-16-le")}
    files = [path for path in directory.rglob("*") if path.is_file() and not path.is_symlink()]
    return [str(path.relative_to(directory)) for path in files if any(text in path.read_bytes() for text in wanted)]


@pytest.mark.parametrize("name", ["MY_OWN", "plain", "AWS_KEY"])
def test_nothing_that_nbflow_writes_holds_its_value(lab, store, name, capfd):
    store.set(name, PLAIN)
    length = f"import os\no = len(os.environ['{name}'])"
    lab.ok(f"%%process body(n) -> o\n#| secret: {name}\n#| env:\n#|   OTHER: x\n{length}")
    lab.ok(f"%%process inline(n) -> o\n#| secret: {name}\n#| executor: inline\n{length}")
    around = "#| scratch: true\n#| before_script: export A=1\n#| after_script: 'true'\n"
    lab.ok(f"%%process bash_(n) -> o = stdout()\n#| secret: {name}\n{around}{BASH}printf %s ${{#{name}}}")
    lab.ok(
        f"%%process python_(n) -> o = stdout()\n#| secret: {name}\n{PYTHON}import os\nprint(len(os.environ['{name}']))"
    )
    lab.ok(f"%%process fails(n) -> o\n#| secret: {name}\nimport os\no = key = os.environ['{name}']\nassert not key")
    lab.ok(f'%%process fails_too(n)\n#| secret: {name}\n{BASH}test -z "${name}"')
    lab.ok(f"%%process raises(n) -> o\n#| secret: {name}\nimport os\no = {{}}[os.environ['{name}']]")
    lab.ok(
        f"%%process raises_inline(n) -> o\n#| secret: {name}\n#| executor: inline\nimport os\no = {{}}[os.environ['{name}']]"
    )
    shown = []
    for process in ("body", "inline", "bash_", "python_"):
        cell = lab.ok(f"{process}(1)\n{process}(channel.of(1, 2))")
        shown += [cell.out, cell.err]
    shown += [lab.fails(f"{process}(1)") for process in ("fails", "fails_too", "raises", "raises_inline")]
    for command in ("why body", "log last -f name,status,env,script,hash_parts", "log last -f name,hash_parts,env"):
        shown.append(lab.ok(f"%nbflow {command}").out)
    lab.restart()
    assert files_with(lab.launch_dir, PLAIN) == []
    assert PLAIN not in "".join(shown) and PLAIN not in "".join(capfd.readouterr())
    assert files_with(store.path.parent, PLAIN) == ["store.json"], "the search finds what is there"
