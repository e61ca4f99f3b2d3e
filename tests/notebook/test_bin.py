"""``bin/`` beside the notebook: its scripts are found by every task, and count where a body names them."""

from __future__ import annotations

import pytest

BASH = "#!/usr/bin/env bash\n"


def script(lab, name: str, text: str, *, mode: int = 0o755) -> None:
    path = lab.write(f"bin/{name}", text)
    path.chmod(mode)


def twice(lab, cell: str, edit) -> bool:
    """Whether the second run of a cell is taken from the cache, after an edit."""
    lab.ok(cell)
    assert lab.ok(cell).cached
    edit()
    return lab.ok(cell).cached


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("script", f"{BASH}says a"),
        ("perl", "#!/usr/bin/env perl\nprint `says a`"),
        ("body", "import subprocess\nprint(subprocess.check_output(['says', 'a'], text=True), end='')"),
        ("line", "!says a"),
    ],
)
def test_a_script_of_bin_is_found_and_counts_where_the_body_names_it(lab, kind, body):
    script(lab, "says", "#!/bin/sh\necho one $1\n")
    cell = f"%%process calls_{kind} -> o = stdout()\n{body}"
    assert not twice(lab, cell, lambda: script(lab, "says", "#!/bin/sh\necho two $1\n"))
    assert lab.names["o"] == "two a\n"
    script(lab, "says", "#!/bin/sh\necho one $1\n")
    assert lab.ok(cell).cached


def test_why_names_the_script_and_the_line(lab):
    script(lab, "explained", "#!/bin/sh\necho one\n")
    cell = f"%%process explains -> o = stdout()\n{BASH}explained"
    lab.ok(cell)
    script(lab, "explained", "#!/bin/sh\necho two\n")
    assert "`bin/explained` changed" in lab.ok(cell).verdict


def test_a_script_that_no_body_names_does_not_count(lab):
    script(lab, "unnamed", "#!/bin/sh\necho one\n")
    cell = f"%%process names_none -> o = stdout()\n{BASH}echo not unnamed_ nor my-unnamed"
    assert twice(lab, cell, lambda: script(lab, "unnamed", "#!/bin/sh\necho two\n"))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("#!/bin/sh\nsecond_\n", ("second_", "#!/bin/sh\necho {}\n")),
        ('#!/bin/sh\n. "$(dirname "$0")/lib_.sh"\nf\n', ("lib_.sh", "f() {{ echo {}; }}\n")),
        ("#!/usr/bin/env python3\nimport helper_\nhelper_.f()\n", ("helper_.py", "def f():\n    print({})\n")),
        ("#!/usr/bin/env python3\nfrom pkg_.inner_ import f\nf()\n", ("pkg_/inner_.py", "def f():\n    print({})\n")),
    ],
)
def test_what_a_script_of_bin_names_counts_too(lab, first, second):
    name, text = second
    script(lab, "first_", first)
    script(lab, name, text.format(1))
    cell = f"%%process chains -> o = stdout()\n{BASH}first_"
    assert not twice(lab, cell, lambda: script(lab, name, text.format(22)))
    assert lab.names["o"] == "22\n"


def test_whether_it_can_be_run_counts(lab):
    script(lab, "runnable", "#!/bin/sh\necho one\n")
    cell = f"%%process runs_it -> o = stdout()\n{BASH}runnable || echo no"
    assert not twice(lab, cell, lambda: (lab.launch_dir / "bin/runnable").chmod(0o644))
    assert lab.names["o"] == "no\n"


@pytest.mark.parametrize(
    "body",
    [
        "$tool_",
        '"$tool_" a',
        "eval $tool_",
        "x=$(echo $tool_); $x",
        "env A=1 $tool_",
        "echo a | xargs ${tool_}",
        'bash -c "$tool_"',
    ],
)
def test_where_the_name_of_the_program_is_computed_all_count(lab, body):
    script(lab, "computed", "#!/bin/sh\necho one\n")
    lab.ok("tool_ = 'computed'")
    cell = f"%%process computes -> o = stdout()\n{BASH}{body}"
    assert not twice(lab, cell, lambda: script(lab, "computed", "#!/bin/sh\necho two\n"))
    assert lab.names["o"] == "two\n"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("body", "import subprocess\no = subprocess.check_output([tool_in], text=True)"),
        ("helper", "o = run_it(tool_in)"),
        ("perl", "#!/usr/bin/env perl\nprint `$ENV{tool_in}`"),
        ("bash", f"{BASH}$tool_in"),
    ],
)
@pytest.mark.parametrize("call", ["'computed_by'", "channel.of('computed_by')"])
def test_an_input_may_name_one(lab, kind, body, call):
    lab.ok("import subprocess\ndef run_it(name):\n    return subprocess.check_output([name], text=True)")
    script(lab, "computed_by", f"#!/bin/sh\necho one {len(call)}\n")
    output = "o" if kind in ("body", "helper") else "o = stdout()"
    lab.ok(f"%%process named_{kind}(tool_in) -> {output}\n{body}")
    expression = f"[*x] if hasattr(x := named_{kind}({call}), 'map') else [x]"
    before = lab.value(expression)
    script(lab, "computed_by", f"#!/bin/sh\necho two {len(call)}\n")
    assert before != [f"two {len(call)}\n"]
    assert lab.value(expression) == [f"two {len(call)}\n"]


def test_a_global_may_name_one(lab):
    script(lab, "by_global", "#!/bin/sh\necho one\n")
    lab.ok("tools_ = {'first': ['by_global']}")
    cell = "%%process named_by_global -> o\nimport subprocess\no = subprocess.check_output(tools_['first'], text=True)"
    assert not twice(lab, cell, lambda: script(lab, "by_global", "#!/bin/sh\necho two\n"))
    assert lab.names["o"] == "two\n"


def test_the_command_of_an_output_may_name_one(lab):
    script(lab, "version_", "#!/bin/sh\necho 1\n")
    cell = f"%%process versions -> o = eval('version_')\n{BASH}:"
    assert not twice(lab, cell, lambda: script(lab, "version_", "#!/bin/sh\necho 2\n"))
    assert lab.names["o"] == "2"


def test_a_new_script_that_hides_a_program_counts(lab):
    cell = f"%%process hidden_by -> o = stdout()\n{BASH}seq 1"
    assert not twice(lab, cell, lambda: script(lab, "seq", "#!/bin/sh\necho mine\n"))
    assert lab.names["o"] == "mine\n"


def test_a_script_with_an_odd_name_counts(lab):
    script(lab, "my tool", "#!/bin/sh\necho one\n")
    cell = f"%%process odd_name -> o = stdout()\n{BASH}'my tool'"
    assert not twice(lab, cell, lambda: script(lab, "my tool", "#!/bin/sh\necho two\n"))
    assert lab.names["o"] == "two\n"


def test_links_in_circles_in_bin_end(lab):
    script(lab, "beside_loop", "#!/bin/sh\necho one\n")
    (lab.launch_dir / "bin/loop").symlink_to(".")
    assert lab.ok(f"%%process loops -> o = stdout()\n{BASH}beside_loop").result is None
    assert lab.names["o"] == "one\n"
