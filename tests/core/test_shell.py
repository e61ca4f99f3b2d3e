"""Values in scripts: bash gets the very bytes, and nothing in them is ever run."""

from __future__ import annotations

import enum
import os
import subprocess
from decimal import Decimal
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbflow.core.script.shell import check_name, encode, interpreter, is_bash, prologue, script, task_variables
from nbflow.errors import DeclarationError, InputError
from tests.core.nasty import NASTY


class Word(enum.StrEnum):
    A = "a b"


class Number(enum.IntEnum):
    ONE = 1


def bash(text: str, directory: Path, **environ: str) -> bytes:
    (directory / "s.sh").write_bytes(encode(text))
    environment = {"PATH": "/usr/bin:/bin", **environ}
    return subprocess.run(
        ["bash", "-ue", "s.sh"], cwd=directory, env=environment, capture_output=True, check=True
    ).stdout


def held(value: object, directory: Path) -> list[str]:
    """What bash holds in a variable: its items."""
    body = "#!/usr/bin/env bash\n" + 'printf "%s\\0" "${value[@]}"\n'
    found = bash(script(body, prologue({"value": value})), directory).split(b"\0")[:-1]
    return [os.fsdecode(item) for item in found]


@pytest.mark.parametrize("value", NASTY, ids=lambda value: repr(value[:20]))
def test_any_text_reaches_bash_byte_for_byte(value: str, tmp_path: Path) -> None:
    assert held(value, tmp_path) == [value]
    assert [path.name for path in tmp_path.iterdir()] == ["s.sh"]


def test_a_list_is_an_array(tmp_path: Path) -> None:
    assert held(NASTY, tmp_path) == NASTY
    assert held((1, "a b", Path("x y")), tmp_path) == ["1", "a b", "x y"]
    assert [path.name for path in tmp_path.iterdir()] == ["s.sh"]


def test_an_empty_list_is_an_empty_array(tmp_path: Path) -> None:
    text = script('#!/bin/bash\necho "${#value[@]}"', prologue({"value": []}))
    assert bash(text, tmp_path) == b"0\n"


@settings(max_examples=40, deadline=None)
@given(value=st.lists(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0")), min_size=1))
def test_any_list_of_texts_reaches_bash(value: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    assert held(value, tmp_path_factory.mktemp("bash")) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (-3, "-3"),
        (2**70, str(2**70)),
        (1.5, "1.5"),
        (1e-5, "1e-05"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (Decimal("1.10"), "1.10"),
        (np.int64(3), "3"),
        (np.float64(0.1), "0.1"),
        (np.bool_(True), "true"),
        (np.str_("a b"), "a b"),
        (np.array(3), "3"),
        (Path("/a b/c"), "/a b/c"),
        (PurePosixPath("x"), "x"),
        (Word.A, "a b"),
        (Number.ONE, "1"),
    ],
)
def test_scalars_have_one_text(value: object, text: str, tmp_path: Path) -> None:
    assert held(value, tmp_path) == [text]
    assert held([value, value], tmp_path) == [text, text]


def test_a_file_name_that_is_not_utf_8_keeps_its_bytes(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.txt")
    body = '#!/bin/bash\nprintf "%s" "$value"'
    assert bash(script(body, prologue({"value": Path(name)})), tmp_path) == b"caf\xe9.txt"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"a": 1}, "`x` is of type dict, which a script cannot take"),
        ({1, 2}, "`x` is of type set"),
        (object(), "`x` is of type object"),
        (b"a", "`x` is of type bytes"),
        (1j, "`x` is of type complex"),
        (np.array([1, 2]), "`x` is of type ndarray"),
        ([1, [2]], "`x[1]` is of type list"),
        ([1, {}], "`x[1]` is of type dict"),
        ("a\0b", "`x` contains a NUL"),
        (["a", "\0"], "`x[1]` contains a NUL"),
        ("\ud800", "`x` is not valid text"),
    ],
)
def test_a_value_that_no_shell_can_hold_is_refused_by_name(value: object, told: str) -> None:
    with pytest.raises(InputError) as caught:
        prologue({"fine": 1, "x": value})
    assert told in str(caught.value)
    assert caught.value.name == "x"


def test_a_variable_of_the_environment_is_not_changed_for_programs(tmp_path: Path) -> None:
    text = script('#!/bin/bash\necho "$sample"; env | grep ^sample || echo none', prologue({"sample": "s1"}))
    assert bash(text, tmp_path, sample="outside") == b"s1\nnone\n"


def test_the_prologue_stands_right_below_the_first_line() -> None:
    assert script("#!/bin/bash\n\necho $x\n\n", prologue({"x": 1})) == "#!/bin/bash\nunset -v x\nx='1'\n\necho $x\n"
    assert script("#!/bin/bash", "") == "#!/bin/bash\n"
    assert prologue({}) == ""


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "IFS",
        "HOME",
        "BASH_ENV",
        "BASHOPTS",
        "UID",
        "RANDOM",
        "LD_PRELOAD",
        "LC_ALL",
        "TMPDIR",
        "PWD",
        "ENV",
        "_",
    ]
    + ["SHELLOPTS", "PS4", "OPTIND", "task_cpus", "task_hash", "NXF_WORK"],
)
def test_names_that_mean_something_to_the_shell_are_refused(name: str) -> None:
    with pytest.raises(DeclarationError, match=f"`{name}` cannot be an input of `f`"):
        check_name(name, "input of `f`")


def test_names_outside_ascii_are_refused() -> None:
    with pytest.raises(DeclarationError, match="letters a-z"):
        check_name("größe", "input of `f`")


@pytest.mark.parametrize("name", ["x", "reads_1", "_private", "path", "then", "task", "task_id", "X2", "ifs"])
def test_other_names_are_fine_and_bash_can_hold_them(name: str, tmp_path: Path) -> None:
    check_name(name, "input of `f`")
    assert bash(script(f'#!/bin/bash\necho "${name}"', prologue({name: "v 1"})), tmp_path) == b"v 1\n"


def test_every_variable_that_bash_makes_read_only_or_sets_is_reserved() -> None:
    found = subprocess.run(
        ["bash", "-c", "compgen -v"], env={}, capture_output=True, text=True, check=True
    ).stdout.split()
    for name in found:
        with pytest.raises(DeclarationError):
            check_name(name, "input of `f`")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("#!/bin/bash\necho", ("/bin/bash",)),
        ("#!/usr/bin/env bash", ("/usr/bin/env", "bash")),
        ("#! /usr/bin/env -S Rscript --vanilla \r\nx", ("/usr/bin/env", "-S", "Rscript", "--vanilla")),
        ("x = 1\n#!/bin/bash", None),
        ("# comment", None),
        ("", None),
    ],
)
def test_the_first_line_names_the_interpreter(body: str, words: tuple[str, ...] | None) -> None:
    assert interpreter(body) == words


def test_a_first_line_without_interpreter_is_refused() -> None:
    with pytest.raises(DeclarationError, match="#!/usr/bin/env bash"):
        interpreter("#!\necho")


@pytest.mark.parametrize(
    ("words", "bash"),
    [
        (("/bin/bash",), True),
        (("/bin/bash", "-e"), True),
        (("/usr/bin/env", "bash"), True),
        (("/usr/bin/env", "-S", "bash", "-x"), True),
        (("/usr/bin/env", "-S", "A=1", "bash"), True),
        (("/bin/sh",), False),
        (("/usr/bin/env", "python3"), False),
        (("/usr/bin/env",), False),
        (("/usr/bin/python", "bash"), False),
    ],
)
def test_bash_is_told_from_other_interpreters(words: tuple[str, ...], bash: bool) -> None:
    assert is_bash(words) is bash


def test_a_script_sees_its_task_as_variables(tmp_path: Path) -> None:
    task = {"cpus": 2, "memory": 4 << 30, "time": 5400.0, "attempt": 1, "name": "f (1)", "tag": None, "other": object()}
    variables = task_variables(task)
    assert set(variables) == {"task_cpus", "task_memory", "task_time", "task_attempt", "task_name", "task_tag"}
    body = '#!/bin/bash\necho $((task_memory / 1024 ** 3)) $((task_time / 60)) "$task_name" "[$task_tag]"'
    assert bash(script(body, prologue(variables)), tmp_path) == b"4 90 f (1) []\n"
