"""How files come into the work directory of a script and go out, what it reads, and where it runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.core.nasty import NASTY
from tests.notebook.test_script_outputs import KINDS

BASH = "#!/usr/bin/env bash\n"
MODES = ["symlink", "rellink", "link", "copy"]
# A name of a file has no slash, and is no longer than 255 bytes.
NAMES = [text for text in NASTY if "/" not in text and 0 < len(text.encode()) < 200 and text.strip(".")]


def folder(lab, name: str, *names: str) -> Path:
    made = lab.launch_dir / name
    made.mkdir(exist_ok=True)
    for each in names:
        (made / each).write_text(f"of {each!r}")
    return made


def last_work_dir(lab) -> Path:
    return Path(lab.ok("%nbflow log last -f workdir").out.split()[-1])


def next_number(lab) -> int:
    lab.names["number_"] = lab.names.get("number_", 0) + 1
    return lab.names["number_"]


# -- in ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_a_file_is_staged_in_its_mode(lab, mode):
    source = folder(lab, "modes", "file.txt") / "file.txt"
    lab.ok(f"%%process staged_{mode}(f: Path) -> o = stdout()\n#| stage_in_mode: {mode}\n{BASH}cat $f; printf ' %s' $f")
    assert lab.value(f"staged_{mode}('modes/file.txt')") == "of 'file.txt' file.txt"
    there = last_work_dir(lab) / "file.txt"
    assert there.is_symlink() == (mode in ("symlink", "rellink"))
    if there.is_symlink():
        assert os.path.isabs(os.readlink(there)) == (mode == "symlink")
    assert (os.stat(there).st_ino == source.stat().st_ino) == (mode != "copy")
    assert there.read_text() == source.read_text()


def test_the_mode_is_not_hashed(lab):
    folder(lab, "unhashed", "file.txt")
    for mode, cached in (("symlink", False), ("copy", True), ("link", True)):
        lab.ok(f"%%process same_(f: Path) -> o = stdout()\n#| stage_in_mode: {mode}\n{BASH}cat $f")
        assert lab.ok("same_('unhashed/file.txt')").cached == cached


@pytest.mark.parametrize("mode", MODES)
def test_files_of_any_names_are_staged_in_any_mode(lab, mode):
    lab.names["odd_"] = [folder(lab, "odd", *NAMES) / name for name in NAMES]
    body = 'for f in "${parts[@]}"; do cat -- "./$f" >>made; done; printf "%s\\0" "${parts[@]}" >names; rm -f -- "./${parts[0]}"'
    outputs = "made = file('made'), names = file('names')"
    lab.ok(f"%%process any_{mode}(parts: list[Path]) -> {outputs}\n#| stage_in_mode: {mode}\n{BASH}{body}")
    made = lab.value(f"any_{mode}(odd_)")
    assert made.made.read_text() == "".join(f"of {name!r}" for name in NAMES)
    assert made.names.read_bytes().split(b"\0")[:-1] == [name.encode() for name in NAMES]
    assert (lab.launch_dir / "odd" / NAMES[0]).exists()
    assert not list(lab.launch_dir.rglob("pwned"))
    assert lab.ok(f"any_{mode}(odd_)").cached


@pytest.mark.parametrize("mode", MODES)
def test_a_directory_is_staged_in_any_mode(lab, mode):
    (folder(lab, "dir_in", "a b") / "sub").mkdir(exist_ok=True)
    (lab.launch_dir / "dir_in/sub/c").write_text("c")
    lab.ok(
        f"%%process whole_{mode}(d: Path) -> o = stdout(), f = files('**', optional=True)\n#| stage_in_mode: {mode}\n{BASH}cat $d/sub/c; ls $d"
    )
    made = lab.value(f"whole_{mode}('dir_in')")
    assert (made.o, made.f) == ("ca b\nsub\n", [])
    assert lab.ok(f"whole_{mode}('dir_in')").cached


@pytest.mark.parametrize("mode", MODES)
def test_staged_files_are_no_outputs_and_links_that_the_script_made_are(lab, mode):
    folder(lab, "in_out", "given.txt")
    lab.ok(
        f"%%process outs_{mode}(f: Path) -> o = files('*.txt')\n#| stage_in_mode: {mode}\n{BASH}echo 1 >own; ln -s own link.txt"
    )
    assert [path.name for path in lab.value(f"outs_{mode}('in_out/given.txt')")] == ["link.txt"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("reads_*.fq", "reads_1.fq reads_2.fq"),
        ("reads_??.fq", "reads_01.fq reads_02.fq"),
        ("in/*", "in/a.fq in/b.fq"),
        ("in?/*", "in1/a.fq in2/b.fq"),
        ("plain", "plain1 plain2"),
        ("{id}_*.fq", "7_1.fq 7_2.fq"),
        ("'my reads?'", "my reads1 my reads2"),
    ],
)
@pytest.mark.parametrize("mode", ["symlink", "copy"])
def test_files_are_staged_under_the_names_of_a_pattern(lab, mode, pattern, names):
    lab.names["reads_"] = [folder(lab, "reads", "a.fq", "b.fq") / name for name in ("a.fq", "b.fq")]
    options = f"#| stage_as:\n#|   parts: {pattern}\n#| stage_in_mode: {mode}\n"
    lab.ok(
        f'%%process renamed(id, parts: list[Path]) -> o = stdout()\n{options}{BASH}cat "${{parts[@]}}"; echo " ${{parts[@]}}"'
    )
    assert lab.value("renamed(7, reads_)") == f"of 'a.fq'of 'b.fq' {names}\n"


def test_the_name_of_a_single_file_has_no_number(lab):
    folder(lab, "reads", "a.fq")
    lab.ok(f"%%process single(f: Path) -> o = stdout()\n#| stage_as:\n#|   f: reads*.fq\n{BASH}echo $f")
    assert lab.value("single('reads/a.fq')") == "reads.fq\n"


def test_staged_names_are_hashed(lab):
    folder(lab, "reads", "a.fq")
    for pattern, cached in (("x", False), ("y", False), ("x", True), ("{name_}", False), ("{name_}", True)):
        lab.ok("name_ = 'x'")
        lab.ok(f"%%process counts_(f: Path) -> o = stdout()\n#| stage_as:\n#|   f: '{pattern}'\n{BASH}echo $f")
        assert lab.ok("counts_('reads/a.fq')").cached == cached, pattern
    lab.ok("name_ = 'z'")
    cell = lab.ok("counts_('reads/a.fq')")
    assert (cell.result, cell.cached) == ("z\n", False)


def test_two_files_of_one_name_are_refused_with_both_and_a_pattern_helps(lab):
    for name in ("one", "two"):
        folder(lab, f"same_{name}", "same.txt")
    lab.ok(f"%%process joins_(a: Path, b: Path) -> o = stdout()\n{BASH}echo $a $b")
    said = lab.fails("joins_('same_one/same.txt', 'same_two/same.txt')", "InputError")
    assert (
        "`a` and `b`" in said
        and "same_one/same.txt" in said
        and "same_two/same.txt" in said
        and "#|   b: other/*" in said
    )
    lab.ok(f"%%process joins_(a: Path, b: Path) -> o = stdout()\n#| stage_as:\n#|   b: other/*\n{BASH}echo $a $b")
    assert lab.value("joins_('same_one/same.txt', 'same_two/same.txt')") == "same.txt other/same.txt\n"
    lab.ok(f"%%process listed_(a: list[Path]) -> o = stdout()\n{BASH}echo $a")
    said = lab.fails("listed_([Path('same_one/same.txt'), Path('same_two/same.txt')])", "InputError")
    assert "two files of `a` of `listed_` are called same.txt" in said


def test_one_file_given_twice_is_staged_once(lab):
    folder(lab, "same_one", "same.txt")
    lab.ok(f"%%process twice_(a: Path, b: Path) -> o = stdout()\n{BASH}cat $a $b")
    assert lab.value("twice_('same_one/same.txt', 'same_one/same.txt')") == "of 'same.txt'" * 2


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_staged_into_a_users_directory(lab, mode):
    folder(lab, "users", "a.txt")
    options = f"#| stage_as:\n#|   f: users/f.txt\n#| stage_in_mode: {mode}\n"
    lab.ok(f"%%process into_(d: Path, f: Path) -> o = stdout()\n{options}{BASH}ls $d")
    said = lab.fails("into_('users', 'users/a.txt')", "InputError")
    assert "`f` of `into_` is staged as users/f.txt, but users is the file or directory of `d`" in said
    assert [path.name for path in (lab.launch_dir / "users").iterdir()] == ["a.txt"]


@pytest.mark.parametrize("mode", MODES)
def test_a_missing_file_is_refused_before_the_task_starts(lab, mode):
    lab.ok(
        f"%%process missing_(f: Path) -> o = stdout()\n#| stage_in_mode: {mode}\n{BASH}touch {lab.launch_dir}/started; cat $f"
    )
    assert "which is not there; make it, or correct the path" in lab.fails(
        "missing_('no/such.txt')", "MissingInputError"
    )
    (lab.launch_dir / "dangling").unlink(missing_ok=True)
    (lab.launch_dir / "dangling").symlink_to("nowhere")
    assert "is a link to a file that is not there" in lab.fails("missing_('dangling')", "MissingInputError")
    assert not (lab.launch_dir / "started").exists()


@pytest.mark.parametrize("name", [".command.sh", ".exitcode", ".nbflow/x"])
@pytest.mark.parametrize("mode", ["symlink", "copy"])
def test_names_of_nbflows_own_files_are_refused(lab, mode, name):
    folder(lab, "reads", "a.fq")
    lab.ok(f"%%process owns(f: Path) -> o = stdout()\n#| stage_as:\n#|   f: {name}\n#| stage_in_mode: {mode}\n{BASH}:")
    assert "nbflow keeps that name for itself" in lab.fails("owns('reads/a.fq')", "InputError")


@pytest.mark.parametrize("mode", MODES)
def test_a_task_with_staged_files_runs_by_hand_in_a_copy(lab, mode, tmp_path):
    (folder(lab, "hand", "a b.txt") / "sub").mkdir(exist_ok=True)
    lab.ok(
        f"%%process hand_{mode}(f: Path, d: Path) -> o = file('made')\n#| stage_in_mode: {mode}\n{BASH}cat \"$f\" $d/* >made 2>/dev/null || true"
    )
    made = lab.value(f"hand_{mode}('hand/a b.txt', 'hand')")
    copy = tmp_path / "copy"
    shutil.copytree(made.parent, copy, symlinks=True)
    for name in ("made", "a b.txt"):
        (copy / name).unlink()
    subprocess.run(["bash", ".command.run"], cwd=copy, env={"PATH": "/usr/bin:/bin"}, check=True, capture_output=True)
    assert (copy / "made").read_text() == "of 'a b.txt'" * 2


# -- standard input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "value", "read"),
    [
        ("x", "it's $(touch pwned)\n", "it's $(touch pwned)\n"),
        ("x", "no end of line", "no end of line"),
        ("x", ["a b", 1, True, None], "a b\n1\ntrue\n\n"),
        ("x", [], ""),
        ("x", 2.5, "2.5"),
        ("x", None, ""),
        ("'{x}'", "text", "text"),
        ("'>{x.upper()}: {task.cpus}'", "text", ">TEXT: 1"),
        ("x", Path("stdin_in/a b.txt"), "of 'a b.txt'"),
        ("x", "x" * 200_000, "x" * 200_000),
    ],
)
@pytest.mark.parametrize("shebang", [BASH, "#!/usr/bin/env perl\n"], ids=["bash", "perl"])
def test_a_script_reads_its_standard_input(lab, shebang, option, value, read):
    folder(lab, "stdin_in", "a b.txt")
    lab.names["value_"] = value
    body = "cat" if shebang == BASH else "print <STDIN>"
    lab.ok(f"%%process reads_in(x) -> o = stdout()\n#| stdin: {option}\n{shebang}{body}")
    assert lab.value("reads_in(value_)") == read
    assert not list(lab.launch_dir.rglob("pwned"))
    assert lab.ok("reads_in(value_)").cached


def test_what_is_read_on_the_standard_input_counts(lab):
    lab.ok("prefix_ = 'one'")
    lab.ok(f"%%process counted(x) -> o = stdout()\n#| stdin: '{{prefix_}} {{x}}'\n{BASH}cat")
    assert lab.value("counted(1)") == "one 1"
    lab.ok("prefix_ = 'two'")
    assert lab.value("counted(1)") == "two 1"
    lab.ok(f"%%process counted(x) -> o = stdout()\n#| stdin: '{{x}} {{prefix_}}'\n{BASH}cat")
    assert lab.value("counted(1)") == "1 two"


def test_a_path_that_is_no_input_is_no_standard_input(lab):
    folder(lab, "stdin_in", "a b.txt")
    lab.ok(f"%%process sneaks(x) -> o = stdout()\n#| stdin: '{{Path(x)}}'\n{BASH}cat")
    assert "which is no input, so that its content would not count" in lab.fails(
        "sneaks('stdin_in/a b.txt')", "InputError"
    )


def test_the_content_of_the_file_on_the_standard_input_counts(lab):
    path = folder(lab, "stdin_in", "c.txt") / "c.txt"
    lab.ok("%%process lines_(x: Path) -> o = stdout()\n#| stdin: x\n#!/usr/bin/env -S awk -f\nEND { print NR, $0 }")
    assert lab.value("lines_('stdin_in/c.txt')") == "1 of 'c.txt'\n"
    path.write_text("one\ntwo\n")
    assert lab.value("lines_('stdin_in/c.txt')") == "2 two\n"


def test_without_the_option_the_standard_input_is_empty(lab):
    lab.ok(f"%%process reads_none() -> o = stdout()\n{BASH}cat; echo end")
    assert lab.value("reads_none()") == "end\n"


# -- scratch -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def scratch(lab, tmp_path, monkeypatch) -> Path:
    place = tmp_path / "scratch place"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setenv("MY_PLACE", str(place))
    return place


@pytest.mark.parametrize("mode", ["copy", "move"])
@pytest.mark.parametrize("kind", KINDS)
def test_outputs_of_any_kind_leave_the_scratch_directory(lab, scratch, kind, mode):
    output, script, expression, value = KINDS[kind]
    name = output.partition(" = ")[0]
    folder(lab, ".", "given.in")
    options = f"#| scratch: true\n#| stage_out_mode: {mode}\n"
    number = next_number(lab)
    lab.ok(
        f"%%process out_of(id, given: Path, n) -> {output}\n{options}{BASH}: $n; touch temporary; mkdir deep_; {script}"
    )
    cell = lab.ok(f"(lambda {name}: {expression})(out_of(7, 'given.in', {number}))")
    if "'*'" not in output and '"*"' not in output and "**" not in output:
        assert not (last_work_dir(lab) / "temporary").exists()
    if kind not in ("type", "hidden", "depth", "links"):  # these find what is temporary here
        assert cell.result == value
    assert not cell.cached
    assert [*scratch.iterdir()] == []
    assert lab.ok(f"out_of(7, 'given.in', {number})").cached


@pytest.mark.parametrize("value", ["true", "ram-disk", "$MY_PATH_TO", "/tmp"])
def test_the_script_runs_where_scratch_says(lab, value, scratch, monkeypatch):
    monkeypatch.setenv("MY_PATH_TO", str(scratch))
    if value == "ram-disk" and not os.path.isdir("/dev/shm"):
        pytest.skip("this system has no /dev/shm")
    lab.ok(f'%%process where_(n) -> o = stdout()\n#| scratch: {value}\n{BASH}printf %s "$PWD"')
    expected = {"true": str(scratch), "ram-disk": "/dev/shm", "$MY_PATH_TO": str(scratch), "/tmp": "/tmp"}[value]
    place = Path(lab.value(f"where_({next_number(lab)})"))
    assert str(place.parent) == expected
    assert not place.exists()


@pytest.mark.parametrize("mode", MODES)
def test_files_are_staged_into_the_scratch_directory(lab, scratch, mode):
    folder(lab, "to_scratch", "a b.txt", "$(touch pwned)")
    lab.ok(
        f"%%process in_scratch(f: list[Path], n) -> o = stdout(), p = files('*')\n#| scratch: true\n#| stage_in_mode: {mode}\n"
        f'{BASH}cat "${{f[@]}}"; touch made'
    )
    made = lab.value(f"in_scratch([Path('to_scratch/a b.txt'), Path('to_scratch/$(touch pwned)')], {next_number(lab)})")
    assert made.o == "of 'a b.txt'of '$(touch pwned)'"
    assert [path.name for path in made.p] == ["made"]
    assert not list(lab.launch_dir.rglob("pwned"))


def test_scratch_is_not_hashed(lab, scratch):
    for options, cached in (
        ("", False),
        ("#| scratch: true\n", True),
        ("#| scratch: true\n#| stage_out_mode: copy\n", True),
    ):
        lab.ok(f"%%process moved_ -> o = file('x')\n{options}{BASH}echo 1 >x")
        assert lab.ok(f"%%process moved_ -> o = file('x')\n{options}{BASH}echo 1 >x").cached or not cached


def test_a_script_that_fails_leaves_no_scratch_directory(lab, scratch):
    said = lab.fails(
        f"%%process fails_there -> o = file('x')\n#| scratch: true\n{BASH}echo told >&2; touch x; exit 3",
        "TaskFailedError",
    )
    assert "(3)" in said and "told" in said
    assert [*scratch.iterdir()] == []


def test_an_output_that_was_not_made_in_scratch_is_told(lab, scratch):
    said = lab.fails(f"%%process lacks_there -> o = file('x')\n#| scratch: true\n{BASH}touch y", "TaskFailedError")
    assert 'file("x") matches nothing' in said


@pytest.mark.parametrize("shebang", [BASH, "#!/usr/bin/env python3\n"], ids=["bash", "python"])
def test_a_task_in_scratch_runs_by_hand_in_a_copy(lab, scratch, tmp_path, shebang):
    folder(lab, "to_scratch", "a b.txt")
    body = (
        'cat "$f" - >made; echo "$big" | wc -c >>made'
        if shebang == BASH
        else (
            "import os, sys\nbig = open(os.environ['big_file']).read()\nopen('made', 'w').write(open(os.environ['f']).read() + sys.stdin.read() + f'{len(big) + 1}\\n')"
        )
    )
    lab.ok(
        f"%%process by_hand_there(f: Path, big, s) -> o = file('made'), e = eval('cat made')\n#| scratch: true\n#| stdin: s\n{shebang}{body}"
    )
    made = lab.value("by_hand_there('to_scratch/a b.txt', 'x' * 100_000, 'read\\n')")
    assert made.o.read_text() == "of 'a b.txt'read\n100001\n"
    assert made.e + "\n" == made.o.read_text()
    copy = tmp_path / "copy"
    shutil.copytree(made.o.parent, copy, symlinks=True)
    (copy / "made").unlink()
    for _ in range(2):  # also where its outputs are already
        done = subprocess.run(
            ["bash", ".command.run"], cwd=copy, env={"PATH": os.environ["PATH"]}, check=False, capture_output=True
        )
        assert done.returncode == 0, done.stderr
        assert (copy / "made").read_text() == "of 'a b.txt'read\n100001\n"


# -- what is refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("stage_in_mode: hardlink", "`stage_in_mode` takes symlink, rellink, link or copy, not 'hardlink'"),
        ("stage_in_mode: 3", "`stage_in_mode` takes symlink, rellink, link or copy, not 3"),
        ("stage_out_mode: rsync", "takes copy or move (it is for remote file systems), not 'rsync'"),
        ("stage_out_mode: rellink", "takes copy or move (what a link leads to would be deleted"),
        ("stage_out_mode: [copy]", "takes copy or move, not ['copy']"),
        ("scratch: relative/path", "`scratch` takes true, false, ram-disk, an absolute path or a variable as $TMPDIR"),
        ("scratch: $(touch pwned)", "`scratch` takes true"),
        ("scratch: 1", "`scratch` takes true"),
        ("stage_as: x", "`stage_as` takes a mapping of inputs to names, not 'x'"),
        ("stage_as: [x]", "`stage_as` takes a mapping"),
        ("stdin: 3", "`stdin` takes the name of an input, or a text with {...}, not 3"),
        ("stdin: two words", "`stdin` takes the name of an input"),
        ("stdin: '{x'", "`{` is not closed"),
        ("stageInMode: copi", "`stage_in_mode` takes"),
        ("stage_int_mode: copy", "did you mean `stage_in_mode`?"),
    ],
)
def test_a_wrong_value_is_named_with_its_line_and_what_is_expected(lab, option, told):
    said = lab.fails(f"%%process p(x)\n#| cpus: 1\n#| {option}\n{BASH}:", "DeclarationError")
    assert told in said and "(line 3 of the cell)" in said


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("x: 3", "`stage_as`: `x` takes a name"),
        ("x: [a, b]", "`stage_as`: `x` takes a name"),
        ("x: /abs", "lies outside the work directory"),
        ("x: ../up", "lies outside the work directory"),
        ("y: z", "`y` is no input of `p`; did you mean"),
    ],
)
def test_a_wrong_name_to_stage_as_is_refused(lab, setting, told):
    said = lab.fails(f"%%process p(x, yy)\n#| stage_as:\n#|   {setting}\n{BASH}:", "DeclarationError")
    assert told in said


def test_a_name_that_an_expression_leads_outside_is_refused(lab):
    folder(lab, "reads", "a.fq")
    lab.ok(f"%%process leads(f: Path, up) -> o = stdout()\n#| stage_as:\n#|   f: '{{up}}/f'\n{BASH}:")
    assert "lies outside the work directory" in lab.fails("leads('reads/a.fq', '../..')", "InputError")


@pytest.mark.parametrize("option", ["scratch: true", "stage_in_mode: copy", "stage_out_mode: copy", "stdin: x"])
def test_what_only_scripts_have_is_refused_in_a_python_body(lab, option):
    said = lab.fails(f"%%process p(x)\n#| {option}\ny = x", "DeclarationError")
    assert f"directive `{option.partition(':')[0]}` is for scripts" in said


# -- items of channels, and globals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ("Path('no.txt')", "no.txt, which is not there; make it, or correct the path"),
        ("{'a': 1}", "`p` is of type dict, which a script cannot take"),
        ("[Path('same_one/same.txt'), Path('same_two/same.txt')]", "are called same.txt"),
        ("'a\\0b'", "`p` contains a NUL character"),
    ],
)
def test_an_item_that_a_script_cannot_take_fails_the_cell_and_names_it(lab, item, told):
    for name in ("one", "two"):
        folder(lab, f"same_{name}", "same.txt")
    lab.ok(f"%%process items_(p) -> o = stdout()\n{BASH}:")
    assert told in lab.fails(f"list(items_(channel.of(1, {item})))")


def test_a_global_that_is_a_path_is_staged_and_counts_by_its_file(lab):
    path = folder(lab, "reference", "ref.fa") / "ref.fa"
    lab.ok("ref_ = Path('reference/ref.fa')")
    cell = f"%%process refers -> o = stdout()\n{BASH}printf '%s: ' $ref_; cat $ref_"
    lab.ok(cell)
    assert lab.names["o"] == "ref.fa: of 'ref.fa'"
    assert lab.ok(cell).cached
    path.write_text("longer than before")
    assert not lab.ok(cell).cached
    assert lab.names["o"] == "ref.fa: longer than before"


def test_texts_in_a_list_of_paths_are_paths(lab):
    folder(lab, "reads", "a.fq", "b.fq")
    lab.ok(f'%%process texts_(parts: list[Path]) -> o = stdout()\n{BASH}cat "${{parts[@]}}"')
    assert lab.value("texts_(['reads/a.fq', 'reads/b.fq'])") == "of 'a.fq'of 'b.fq'"


def test_names_that_are_no_utf_8_come_in_and_go_out(lab):
    odd = os.fsdecode(b"caf\xe9.txt")
    lab.names["odd_path"] = folder(lab, "latin") / odd
    lab.names["odd_path"].write_text("x")
    lab.ok(f"%%process latin_(p: Path) -> o = files('*.txt')\n{BASH}cp -L \"$p\" $'b\\xe9.txt'")
    cell = lab.ok("latin_(odd_path)")
    assert [path.name for path in cell.result] == [os.fsdecode(b"b\xe9.txt")]
    again = lab.ok("latin_(odd_path)")
    assert (again.result, again.cached) == (cell.result, True)


def test_outputs_of_any_names_are_found_and_kept(lab):
    lab.names["names_"] = NAMES
    lab.ok(
        f'%%process odd_out(names) -> o = files("*")\n{BASH}for n in "${{names[@]}}"; do printf %s "$n" >"./$n"; done'
    )
    for cached in (False, True):
        cell = lab.ok("odd_out(names_)")
        assert cell.cached == cached
        assert {path.name: path.read_bytes() for path in cell.result} == {name: name.encode() for name in NAMES}
