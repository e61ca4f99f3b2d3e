"""Script processes in any language: what they are given, and that nothing of it ever becomes code."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.core.nasty import NASTY

SCALAR = {
    "bash": '#!/usr/bin/env bash\nprintf %s "$value" >made',
    "sh": '#!/bin/sh\nprintf %s "$value" >made',
    "python": "#!/usr/bin/env python3\nimport os\nopen('made', 'wb').write(os.environb[b'value'])",
    "perl": "#!/usr/bin/env perl\nopen(F, '>made'); print F $ENV{value}; close F",
    "awk": '#!/usr/bin/env -S awk -f\nBEGIN { printf "%s", ENVIRON["value"] >"made" }',
    "R": "#!/usr/bin/env Rscript\nwriteBin(charToRaw(Sys.getenv('value')), 'made')",
}
LARGE = {
    "sh": '#!/bin/sh\ncat "$value_file" >made',
    "python": "#!/usr/bin/env python3\nimport os\nopen('made', 'wb').write(open(os.environ['value_file'], 'rb').read())",
    "perl": "#!/usr/bin/env perl\nopen(I, $ENV{value_file}); open(F, '>made'); print F <I>; close F",
    "awk": '#!/usr/bin/env -S awk -f\nBEGIN { system("cat \\"$value_file\\" >made") }',
    "R": "#!/usr/bin/env Rscript\nfile.copy(Sys.getenv('value_file'), 'made')",
}
LISTED = {
    "bash": '#!/usr/bin/env bash\nprintf "%s\\0" "${value[@]}" >made',
    "python": (
        "#!/usr/bin/env python3\nimport json, os\nvalue = json.loads(os.environ['value'])\n"
        "open('made', 'wb').write(b''.join(os.fsencode(text) + b'\\0' for text in value))"
    ),
    "perl": (
        "#!/usr/bin/env perl\nuse JSON::PP;\nopen(F, '>made');\n"
        'for (@{decode_json($ENV{value})}) { utf8::encode($_); print F $_, "\\0"; }\nclose F'
    ),
}
READS_A_FILE = {
    "bash": '#!/usr/bin/env bash\ncat -- "$value" >made',
    "sh": '#!/bin/sh\ncat -- "$value" >made',
    "python": "#!/usr/bin/env python3\nimport os\nopen('made', 'wb').write(open(os.environb[b'value'], 'rb').read())",
    "perl": "#!/usr/bin/env perl\nopen(I, '<', $ENV{value}) or die; open(F, '>made'); print F <I>; close F",
    "R": "#!/usr/bin/env Rscript\nfile.copy(Sys.getenv('value'), 'made')",
}
SMALL = [text for text in NASTY if len(text) < 1000]


def needs(language: str) -> None:
    program = {"python": "python3", "R": "Rscript"}.get(language, language)
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed here; install it to see this rule kept for {language}")


def given(lab, language: str, script: str, values: list[object]) -> list[bytes]:
    """What a script in a language was given: one task for each value."""
    needs(language)
    lab.names["values_"] = values
    lab.ok(f"%%process gets_{language.lower()}(value) -> made = file('made')\n{script}")
    return [path.read_bytes() for path in lab.value(f"list(gets_{language.lower()}(channel.from_list(values_)))")]


@pytest.mark.parametrize("language", SCALAR)
def test_any_text_reaches_any_language_byte_for_byte(lab, language):
    values = [text for text in SMALL if text] if language == "R" else SMALL  # to R an empty variable is no variable
    assert given(lab, language, SCALAR[language], values) == [text.encode() for text in values]
    assert not list(lab.launch_dir.rglob("pwned"))


@pytest.mark.parametrize("language", LISTED)
def test_a_list_of_any_texts_reaches_any_language_item_by_item(lab, language):
    (made,) = given(lab, language, LISTED[language], [SMALL])
    assert made.split(b"\0")[:-1] == [text.encode() for text in SMALL]
    assert not list(lab.launch_dir.rglob("pwned"))


@pytest.mark.parametrize("language", LARGE)
def test_a_value_of_more_than_64_kb_is_a_file_that_a_variable_names(lab, language):
    text = "it's $(touch pwned) `touch pwned`\n" * 6000
    assert len(text) > 200_000
    assert given(lab, language, LARGE[language], [text]) == [text.encode()]
    assert not list(lab.launch_dir.rglob("pwned"))


def test_to_bash_no_value_is_too_large(lab):
    text = "it's $(touch pwned)" * 20_000
    assert given(lab, "bash", SCALAR["bash"], [text]) == [text.encode()]


@pytest.mark.parametrize("language", READS_A_FILE)
def test_a_file_of_any_name_is_staged_under_its_name(lab, language):
    names = [
        text
        for text in SMALL
        if text not in ("", "~", "-", "--help", "-n") and "/" not in text and len(text.encode()) < 200
    ]
    names += ["-", "--help", "-n", "~x"] if language in ("bash", "sh") else []
    names = [name for name in names if name.strip(". ")]
    folder = lab.launch_dir / f"odd_{language}"
    folder.mkdir()
    for name in names:
        (folder / name).write_text(f"of {name!r}")
    if language in ("bash", "sh"):
        names.remove("-")  # to cat that is its standard input
    made = given(lab, language, READS_A_FILE[language], [folder / name for name in names])
    assert made == [f"of {name!r}".encode() for name in names]
    assert not list(lab.launch_dir.rglob("pwned"))


def test_numbers_bools_and_none_have_one_text_and_stay_themselves_in_a_list(lab):
    lab.ok("""
        %%process shows(a, b, c, d, e, f) -> o = stdout()
        #!/usr/bin/env python3
        import json, os
        print([os.environ[name] for name in "abcde"], json.loads(os.environ["f"]))
    """)
    told = lab.value(
        "shows(1, 2.5, True, None, Path('/etc/hostname'), [1, 2.5, True, None, 'x', float('nan'), []][:6])"
    )
    assert told == "['1', '2.5', 'true', '', 'hostname'] [1, 2.5, True, None, 'x', 'nan']\n"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("'a\\0b'", "`value` contains a NUL character"),
        ("['x', 'a\\0b']", "`value[1]` contains a NUL character"),
        ("{'a': 1}", "`value` is of type dict, which a script cannot take"),
        ("[[1]]", "`value[0]` is of type list, which a script cannot take"),
        ("Path('a\\0b')", "input `value` of `refuses` has a NUL character"),
    ],
)
@pytest.mark.parametrize("shebang", ["#!/usr/bin/env bash", "#!/usr/bin/env python3"])
def test_what_a_script_cannot_take_is_refused_by_name(lab, shebang, value, told):
    lab.ok(f"%%process refuses(value) -> o = stdout()\n{shebang}\n")
    assert told in lab.fails(f"refuses({value})")


def test_inputs_that_no_environment_can_hold_together_are_refused(lab):
    names = [f"v{number}" for number in range(20)]
    lab.ok(f"%%process many({', '.join(names)}) -> o = stdout()\n#!/usr/bin/env perl\nprint 1")
    given = ", ".join(f"'x' * {60_000 + number}" for number in range(20))
    said = lab.fails(f"many({given})", "InputError")
    assert "pass the largest, `v19`, as a file" in said


def test_the_variable_of_a_large_value_must_be_free(lab):
    lab.ok("%%process taken(text, text_file) -> o = stdout()\n#!/usr/bin/env perl\nprint length($ENV{text})")
    assert lab.value("taken('x' * 60_000, 'y')") == "60000"
    assert "`text_file` would name its file" in lab.fails("taken('x' * 70_000, 'y')", "InputError")


def test_a_variable_of_the_kernels_environment_never_stands_for_a_large_value(lab, monkeypatch):
    monkeypatch.setenv("text", "of the environment")
    lab.ok("%%process hides(text) -> o = stdout()\n#!/usr/bin/env perl\nprint defined $ENV{text} ? 'there' : 'not'")
    assert lab.value("hides('x' * 70_000)") == "not"
    assert lab.value("hides('x')") == "there"


# -- globals ---------------------------------------------------------------------------------------------------------


def test_other_languages_are_given_the_globals_that_are_declared_and_no_others(lab):
    lab.ok("greeting = 'hi'\nnumbers_ = [1, 2]\nother = 'not declared'")
    cell = """
        %%process declares -> o = stdout()
        #| reads: [greeting, numbers_]
        #!/usr/bin/env python3
        import os
        print(os.environ["greeting"], os.environ["numbers_"], os.environ.get("other"))
    """
    assert not lab.ok(cell).cached
    assert lab.names["o"] == "hi [1,2] None\n"
    assert lab.ok(cell).cached
    lab.ok("other = 'changed'")
    assert lab.ok(cell).cached
    lab.ok("numbers_ = [1, 3]")
    assert not lab.ok(cell).cached
    assert lab.names["o"] == "hi [1,3] None\n"


def test_a_dollar_in_another_language_is_no_global(lab):
    lab.ok("x = 'global'")
    lab.ok("%%process dollars() -> o = stdout()\n#!/usr/bin/env perl\nmy $x = 'own'; my $unknown = 1; print $x")
    assert lab.value("dollars()") == "own"


def test_a_declared_global_goes_before_the_environment_and_an_undeclared_one_behind(lab, monkeypatch):
    monkeypatch.setenv("both", "environment")
    lab.ok("both = 'global'")
    lab.ok("%%process undeclared -> o = stdout()\n#!/usr/bin/env bash\nprintf %s $both")
    assert lab.names["o"] == "environment"
    lab.ok("%%process declared_ -> o = stdout()\n#| reads: both\n#!/usr/bin/env bash\nprintf %s $both")
    assert lab.names["o"] == "global"


def test_a_declared_global_that_is_not_there_is_named(lab):
    said = lab.fails("%%process lacks -> o = stdout()\n#| reads: greetin\n#!/usr/bin/env perl\n1", "MissingInputError")
    assert "`$greetin`" in said and "did you mean `$greeting`" in said


@pytest.mark.parametrize("name", ["PATH", "a.b", "é"])
def test_a_declared_global_that_no_variable_can_hold_is_refused(lab, name):
    said = lab.fails(f"%%process odd -> o = stdout()\n#| reads: {name}\n#!/usr/bin/env perl\n1", "DeclarationError")
    assert f"`{name}` cannot be a global of script `odd`" in said


def test_a_name_that_bash_does_not_expand_or_that_the_script_sets_is_no_global(lab):
    names = [
        "NF",
        "one",
        "quoted",
        "read_",
        "loop",
        "set_",
        "local_",
        "opt",
        "line_",
        "given_",
        "commented",
        "escaped",
        "printed",
    ]
    lab.ok(
        "\n".join(f"{name} = 'global'" for name in [*names, "default_", "length", "here", "sum_", "indirect", "target"])
    )
    lab.ok("length = 'abcd'; sum_ = 2; indirect = 'target'; here = 'x y'; del default_")
    lab.ok(r"""
        %%process exceptions(arg) -> o = stdout()
        #!/usr/bin/env bash
        # $commented
        set -- first
        f() { local local_=in; printf %s "$1 $local_ "; }; f call
        echo 'a b' | awk '{ printf "%s ", $NF }'
        echo '$quoted' \$escaped "$1 ${1} $# $PATH" >/dev/null
        cat <<'END' >/dev/null
        $quoted
        END
        cat <<END
        $here
        END
        for loop in 1; do set_=$loop; done; printf '%s ' "$loop$set_"
        read -r read_ <<<"r"; printf '%s ' "$read_"
        while getopts a opt; do :; done; printf '%s ' "$opt"
        mapfile -t line_ < <(echo m); printf '%s ' "${line_[0]}"
        printf -v printed p; printf '%s ' "$printed"
        printf '%s ' "${default_:-d}" "${#length}" "$((sum_ + 1))" "$arg" "${given_:=g}"
    """)
    assert lab.value("exceptions(7)") == "call in b x y\n11 r ? m p d 4 3 7 global "
    for name in names[:-1]:
        if name != "given_":
            lab.ok(f"{name} = 'changed'")
    cell = lab.ok("exceptions(7)")
    assert cell.cached, cell.out
    for change in ("length = 'abc'", "sum_ = 5", "here = 'z'", "given_ = 'h'", "default_ = 'now'"):
        lab.ok(change)
        assert not lab.ok("exceptions(7)").cached, change


# -- the task --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "script",
    [
        '#!/usr/bin/env bash\necho "$task_cpus $task_memory $task_time $task_attempt $task_process $task_name $task_tag"',
        '#!/usr/bin/env perl\nprint join(" ", map { $ENV{"task_$_"} } qw(cpus memory time attempt process name tag)), "\\n"',
    ],
    ids=["bash", "perl"],
)
def test_a_script_sees_its_task(lab, script):
    options = "#| cpus: 2\n#| memory: 1 GB\n#| time: 1m\n#| tag: '{n}'\n"
    lab.ok(f"%%process sees(n) -> o = stdout()\n{options}{script}")
    assert lab.value("sees(3)") == "2 1073741824 60 1 sees sees (3) 3\n"


def test_resources_are_not_hashed(lab):
    lab.ok("%%process sized() -> o = stdout()\n#| cpus: 1\n#!/usr/bin/env perl\nprint $ENV{task_cpus}")
    assert lab.value("sized()") == "1"
    lab.ok("%%process sized() -> o = stdout()\n#| cpus: 2\n#!/usr/bin/env perl\nprint $ENV{task_cpus}")
    cell = lab.ok("sized()")
    assert cell.cached


def test_an_interpreter_that_is_not_there_is_named(lab):
    lab.ok("%%process strange() -> o = stdout()\n#!/usr/bin/env no-such-language\nprint 1")
    said = lab.fails("strange()", "TaskFailedError")
    assert "no-such-language" in said and "(127)" in said


def test_an_empty_list_is_an_array_under_set_u_and_an_empty_list_of_json(lab):
    lab.ok(
        '%%process empties(a) -> o = stdout()\n#!/usr/bin/env bash\nfor x in "${a[@]}"; do echo $x; done; echo ${#a[@]}'
    )
    assert lab.value("empties([])") == "0\n"
    lab.ok("%%process empties_too(a) -> o = stdout()\n#!/usr/bin/env perl\nprint $ENV{a}")
    assert lab.value("empties_too([])") == "[]"


@pytest.mark.parametrize("language", ["python", "perl", "sh"])
def test_a_script_in_another_language_runs_by_hand(lab, language, tmp_path):
    import subprocess

    lab.write("hand.txt", "it's\n")
    lab.ok(f"%%process hand_{language}(value: Path, big) -> made = file('made')\n{READS_A_FILE[language]}")
    made = lab.value(f"hand_{language}('hand.txt', 'x' * 100_000)")
    copy = tmp_path / "copy"
    shutil.copytree(made.parent, copy, symlinks=True)
    (copy / "made").unlink()
    environ = {"PATH": "/usr/bin:/bin", "HOME": "/", "value": "of the shell"}
    subprocess.run(["bash", ".command.run"], cwd=copy, env=environ, check=True, capture_output=True)
    assert (copy / "made").read_text() == "it's\n"
    assert Path(made).read_text() == "it's\n"
