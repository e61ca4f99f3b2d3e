"""Values that hold paths of files that their task made: such a file is an output like any other."""

from __future__ import annotations

import pytest

BODY = """\
from pathlib import Path
from dataclasses import dataclass
@dataclass
class Made:
    path: Path
Path("d").mkdir()
Path("d/inner.txt").write_text("1")
Path("f.txt").write_text("1")
f, d = Path("f.txt").absolute(), Path("d").absolute()
held = {}
"""
HOLDS = {
    "tuple": ("(1, f)", "held[1]"),
    "dict": ("{'deep': [{'f': f}]}", "held['deep'][0]['f']"),
    "list with others": ("[f, 1]", "held[0]"),
    "set": ("{f}", "next(iter(held))"),
    "directory": ("(d,)", "held[0] / 'inner.txt'"),
}


@pytest.mark.parametrize("how", ["deleted", "changed"])
@pytest.mark.parametrize("kind", HOLDS)
def test_a_file_that_a_value_holds_is_an_output(lab, kind, how):
    holds, path = HOLDS[kind]
    cell = f"%%process holds_{kind.replace(' ', '_')}_{how} -> held\n{BODY.format(holds)}"
    assert not lab.ok(cell).cached
    assert lab.ok(cell).cached
    file = lab.value(path)
    assert file.read_text() == "1"
    file.unlink() if how == "deleted" else file.write_text("2")
    assert not lab.ok(cell).cached
    assert lab.value(path).read_text() == "1"
    assert lab.ok(cell).cached


def test_a_path_where_nothing_is_and_the_work_directory_itself_are_no_files(lab):
    cell = "%%process holds_none -> held\nfrom pathlib import Path\nheld = (Path.cwd(), Path('gone').absolute(), Path('.nbflow').absolute())"
    assert not lab.ok(cell).cached
    assert lab.ok(cell).cached
