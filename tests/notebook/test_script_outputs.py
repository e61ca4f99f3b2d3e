"""The outputs of scripts: each kind, what it gives, that it is kept, and what is said where it is not there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

BASH = "#!/usr/bin/env bash\n"

KINDS = {
    "file": ('f = file("a.txt")', "echo 1 >a.txt", "f.read_text()", "1\n"),
    "files": ('f = files("*.txt")', "touch b.txt a.txt", "[each.name for each in f]", ["a.txt", "b.txt"]),
    "optional": ('f = file("no.txt", optional=True)', ":", "f", None),
    "arity": ('f = files("*.txt", arity="1..*")', "touch a.txt", "[each.name for each in f]", ["a.txt"]),
    "none": ('f = files("no*", arity="0..*")', ":", "f", []),
    "type": ('f = files("*", type="dir")', "mkdir d; touch a", "[each.name for each in f]", ["d"]),
    "hidden": ('f = files("*", hidden=True)', "touch .h a", "[each.name for each in f]", [".h", "a"]),
    "include": (
        'f = files("*.in", include_inputs=True)',
        "touch x.in",
        "[each.name for each in f]",
        ["given.in", "x.in"],
    ),
    "depth": (
        'f = files("**", max_depth=2)',
        "mkdir -p a/b; touch x a/y a/b/z",
        "[each.name for each in f]",
        ["y", "x"],
    ),
    "links": ('f = files("*/*", follow_links=False)', "mkdir a; touch a/y; ln -s a b", "len(f)", 1),
    "literal": ('f = file("*[1].txt", glob=False)', "touch '*[1].txt' x1.txt", "f.name", "*[1].txt"),
    "directory": ('f = file("d")', "mkdir -p d/e; echo 1 >d/e/f", "(f / 'e/f').read_text()", "1\n"),
    "stdout": ("f = stdout()", "printf 'a\\n\\n'", "f", "a\n\n"),
    "line ends": (
        "f = tuple(stdout(), env('V'), eval('printf \"a\\\\rb\"'))",
        "printf 'a\\r\\nb\\r'; V=$'a\\r\\nb'",
        "f",
        ("a\r\nb\r", "a\r\nb", "a\rb"),
    ),
    "env": ('f = env("MADE")', "MADE=$'it\\'s\\n\"two\" lines\\n/MADE/\\n'", "f", 'it\'s\n"two" lines\n/MADE/\n'),
    "array": ('f = env("MADE")', "MADE=(a 'b c')", "f", "a b c"),
    "empty": ('f = env("MADE")', "MADE=", "f", ""),
    "eval": ('f = eval("echo $id; echo more")', ":", "f", "7\nmore"),
    "value": ("id", ":", "id", 7),
    "path": ("given", ":", "given.name", "given.in"),
    "tuple": (
        'f = tuple(id, file("a.txt"), stdout(), env("V"))',
        "echo 1 >a.txt; echo out; V=v",
        "(f[0], f[1].read_text(), *f[2:])",
        (7, "1\n", "out\n", "v"),
    ),
    "record": (
        'f = record(id, made=files("*.txt"), inner=tuple(eval("echo 3"), given))',
        "echo 1 >a.txt",
        "(f.id, [each.name for each in f.made], f.inner[0], f.inner[1].name, f._fields)",
        (7, ["a.txt"], "3", "given.in", ("id", "made", "inner")),
    ),
    "tuple of files": ('f = tuple(file("a"), file("b", optional=True))', "echo 1 >a", "(f[0].name, f[1])", ("a", None)),
}


def declare(lab, kind: str) -> tuple[str, object]:
    output, script, expression, value = KINDS[kind]
    name = output.partition(" = ")[0]
    process = f"makes_{kind.replace(' ', '_')}"
    if not (lab.launch_dir / "given.in").exists():
        lab.write("given.in", "given")
    lab.ok(f"%%process {process}(id, given: Path) -> {output}\n{BASH}{script}")
    return f"(lambda {name}: {expression})({process}(7, 'given.in'))", value


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_output_is_given_and_kept(lab, kind):
    expression, value = declare(lab, kind)
    first = lab.ok(expression)
    assert (first.result, first.cached) == (value, False)
    again = lab.ok(expression)
    assert (again.result, again.cached) == (value, True)


def test_each_kind_of_output_comes_back_after_a_restart(lab):
    lab.restart()
    for kind in KINDS:
        expression, value = declare(lab, kind)
        cell = lab.ok(expression)
        assert (kind, cell.result, cell.cached) == (kind, value, True)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_output_is_made_by_hand_in_a_copy(lab, kind, tmp_path):
    declare(lab, kind)
    process = f"makes_{kind.replace(' ', '_')}"
    lab.ok(f"made_by_ = {process}.submit(7, 'given.in'); made_by_.result()")
    work_dir = Path(lab.ok("%nbflow log last -f workdir").out.split()[-1])
    copy = tmp_path / "copy"
    shutil.copytree(work_dir, copy, symlinks=True)
    made = {path.relative_to(copy) for path in copy.rglob("*") if not path.is_symlink()}
    for path in copy.iterdir():
        if not path.name.startswith((".command.sh", ".command.run", ".nbflow")):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    done = subprocess.run(
        ["bash", ".command.run"], cwd=copy, env={"PATH": "/usr/bin:/bin"}, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    again = {path.relative_to(copy) for path in copy.rglob("*") if not path.is_symlink()}
    assert made - again <= {Path(".command.log"), Path(".command.trace")}
    for name in (".command.env", ".command.out"):
        if (work_dir / name).exists():
            assert (copy / name).read_bytes() == (work_dir / name).read_bytes()


IN_PYTHON = [kind for kind, (output, *_) in KINDS.items() if output.startswith(("f = file", "f = stdout"))]


@pytest.mark.parametrize("kind", IN_PYTHON)
def test_each_kind_of_file_output_is_given_by_a_python_body_too(lab, kind):
    output, script, expression, value = KINDS[kind]
    process = f"body_{kind}"
    if not (lab.launch_dir / "given.in").exists():
        lab.write("given.in", "given")
    body = f"import subprocess\nprint(subprocess.check_output(['bash', '-c', {script!r}], text=True), end='')\nopen('given.in').close()"
    lab.ok(f"%%process {process}(id) -> {output}\n{body}")
    first = lab.ok(f"(lambda f: {expression})({process}(7))")
    assert (first.result, first.cached) == (value, False)
    again = lab.ok(f"(lambda f: {expression})({process}(7))")
    assert (again.result, again.cached) == (value, True)


# -- what is not there ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "script", "told"),
    [
        ('file("a.txt")', "mkdir d; touch b.txt", 'file("a.txt") matches nothing; the work directory holds b.txt, d/'),
        ('file("*.in")', "touch b", "(wildcards do not match inputs, as given.in, without include_inputs=True)"),
        ('files("*")', ":", 'files("*") matches nothing; the work directory holds given.in'),
        ('file("*")', "touch {a,b}", 'file("*") must match one file but matches 2: a, b'),
        ('files("*", arity=2)', "touch a", 'files("*", arity="2") matches 1: a; correct the pattern or the arity'),
        ('files("*", arity="0..1")', "touch a b", 'files("*", arity="0..1") matches 2: a, b'),
        ('files("*", arity="2..*")', "touch a", 'arity="2..*") matches 1: a'),
        ('file("l")', "ln -s gone l", "l is a link to gone, which is not there"),
        ('env("NOT_SET")', ":", 'env("NOT_SET") was not set when the script ended'),
        ('env("A")', "A=1; exit 0", "take out `exit 0`"),
        ('env("A")', "(A=1)", "outside of `( )` and pipes"),
        ('eval("false")', ":", "nbflow: the command of eval('false') failed"),
        ('eval("echo out; no-such-tool")', ":", "terminated with an error exit status (127)"),
        ('eval("true")', "exit 0", "the command of eval('true') did not run"),
        ('record(id, made=tuple(env("A")))', ":", 'output `o.made[0]`: env("A") was not set'),
        ('tuple(id, file("a"))', ":", 'output `o[1]`: file("a") matches nothing'),
    ],
)
def test_an_output_that_is_not_there_fails_the_task_with_what_is(lab, output, script, told):
    lab.ok(f"%%process lacks(id, given: Path) -> o = {output}\n{BASH}{script}")
    assert told in lab.fails("lacks(1, 'given.in')", "TaskFailedError")


def test_what_the_work_directory_holds_is_shown_in_bounds(lab):
    said = lab.fails(f"%%process crowded -> o = file('x')\n{BASH}touch file_{{100..199}}", "TaskFailedError")
    assert "file_100, file_101" in said and "and 80 more" in said and "file_150" not in said


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("p(id) -> o", "output `o` of script `p` has no source and `o` is no input"),
        ("p(sample) -> sampel", "did you mean `sample`?"),
        ("p -> o", "has no source"),
        (
            "p(id) -> o = tuple(idd, stdout())",
            "output `o[0]` of script `p` has no source and `idd` is no input; did you mean `id`?",
        ),
        ("p(id) -> o: int = stdout()", "stdout() gives str"),
        ('p(id) -> o = files("x", arity="many")', "`arity` takes a number of files"),
    ],
)
def test_an_output_that_no_script_can_give_is_refused_before_anything_runs(lab, line, told):
    said = lab.fails(f"%%process {line}\n{BASH}:", "DeclarationError")
    assert told in said
    assert "(line 1 of the cell)" in said


def test_a_wrong_option_in_the_long_form_names_its_line(lab):
    cell = f"%%process p(id)\n#| cpus: 1\n#| output:\n#|   o: file('x', optional=3)\n{BASH}:"
    said = lab.fails(cell, "DeclarationError")
    assert "`optional` takes True or False, not 3" in said and "(line 3 of the cell)" in said


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ('env("A")', '`o = os.environ["A"]` in the body'),
        ('eval("ls")', "eval() is for scripts"),
        ("tuple(id)", "`o = (..., ...)` in the body"),
        ("record(id)", "record() is for scripts"),
    ],
)
def test_sources_that_only_scripts_have_are_refused_in_a_python_body(lab, source, told):
    assert told in lab.fails(f"%%process p(id) -> o = {source}\no = 1", "DeclarationError")


def test_the_variables_of_another_language_cannot_be_captured(lab):
    said = lab.fails("%%process p(id) -> o = env('A')\n#!/usr/bin/env perl\n1", "DeclarationError")
    assert "write `A` to a file" in said


def test_the_command_of_an_output_sees_variables_whatever_the_language(lab):
    lab.ok("suffix_ = 'x y'")
    lab.ok("%%process asks(id) -> o = eval('echo $id $task_cpus \"$suffix_\"')\n#!/usr/bin/env perl\nprint 1")
    assert lab.value("asks(3)") == "3 1 x y"
    lab.ok("suffix_ = 'z'")
    assert lab.value("asks(3)") == "3 1 z"
    assert lab.ok("asks(3)").cached


def test_outputs_are_captured_where_the_task_began_and_whatever_the_script_set(lab):
    lab.ok(
        f"%%process moves -> o = eval('cat made'), v = env('v')\n{BASH}echo 1 >made; mkdir d; cd d; IFS=,; set -fC; v=(a b)"
    )
    assert (lab.names["o"], lab.names["v"]) == ("1", "a b")


# -- what is kept --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('o = file("a*")', 'o = files("a*")'),
        ('o = files("a*")', 'o = files("a*", arity="1")'),
        ('o = files("a*")', 'o = files("a*", hidden=True)'),
        ('o = files("**")', 'o = files("**", max_depth=1)'),
        ("o = stdout()", 'o = env("PATH")'),
        ("o = tuple(id)", "o = tuple(id, stdout())"),
        ("o = record(id)", "o = record(x=id)"),
        ("id", "id, o = stdout()"),
    ],
)
def test_a_changed_declaration_is_a_miss_that_says_so(lab, before, after):
    lab.names["number_"] = lab.names.get("number_", 0) + 1
    lab.ok(f"%%process redeclared(id) -> {before}\n{BASH}touch a")
    lab.ok("redeclared(number_)")
    lab.ok(f"%%process redeclared(id) -> {after}\n{BASH}touch a")
    cell = lab.ok("redeclared(number_)")
    assert "output `o` was not kept by the earlier run" in cell.verdict


def test_a_changed_command_of_an_output_is_a_miss(lab):
    lab.ok(f"%%process asks_ -> o = eval('echo 1')\n{BASH}:")
    assert not lab.ok(f"%%process asks_ -> o = eval('echo 2')\n{BASH}:").cached
    assert lab.names["o"] == "2"


@pytest.mark.parametrize(
    ("output", "name"),
    [
        ("o = stdout()", ".command.out"),
        ('o = tuple(id, file("a"))', "a"),
        ('o = record(id, f=files("a"))', "a"),
        ("o = tuple(stdout())", ".command.out"),
        ('o = env("V")', ".nbflow/values"),
    ],
)
@pytest.mark.parametrize("how", ["changed", "deleted"])
def test_what_was_changed_or_deleted_since_is_made_again(lab, output, name, how):
    lab.names["number_"] = lab.names.get("number_", 0) + 1
    lab.ok(f"%%process damaged(id) -> {output}\n{BASH}echo 1 | tee a; V=v")
    lab.ok("damaged(number_)")
    path = Path(lab.ok("%nbflow log last -f workdir").out.split()[-1]) / name
    path.unlink() if how == "deleted" else (path.chmod(0o644), path.write_text("2\n"))
    cell = lab.ok("damaged(number_)")
    assert not cell.cached
    assert name == ".nbflow/values" or "output `o` " in cell.verdict


def test_tuples_and_records_go_into_other_processes_and_count_by_content(lab):
    lab.ok(f'%%process gives(n) -> o = record(n, f=file("f"))\n{BASH}echo $((n / 2)) >f')
    lab.ok("%%process takes(o) -> t\nt = o.f.read_text()")
    assert lab.value("list(takes(gives(channel.of(2, 4))))") == ["1\n", "2\n"]
    lab.ok(f"%%process takes_too(n, f: Path) -> t = stdout()\n{BASH}cat $f; echo $n")
    assert lab.value("list(takes_too(gives(channel.of(2, 4))))") == ["1\n2\n", "2\n4\n"]
    lab.ok(f'%%process gives(n) -> o = record(n, f=file("f"))\n{BASH}echo $((n / 2))>f')
    cell = lab.ok("list(takes(gives(channel.of(2, 4))))")
    assert "cached: 2" in cell.out
