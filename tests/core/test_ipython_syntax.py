"""Magics and shell commands, as IPython's own transformer hands them over."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from IPython.core.inputtransformer2 import TransformerManager
from IPython.utils.text import DollarFormatter

from nbflow.core.code.ipython_syntax import portable
from nbflow.core.code.source import normal_form, parse_body
from nbflow.errors import DeclarationError


def transformed(cell: str) -> str:
    return TransformerManager().transform_cell(cell)


def ran(cell: str, **names: Any) -> list[Any]:
    """Run a cell with helpers that only note the commands they were given."""
    commands: list[Any] = []

    def expand(command: str, filled: Any = None) -> list[str]:
        try:
            command = filled() if filled is not None else command
        except NameError:
            pass
        commands.append(command)
        return [command]

    class Clock:
        def __enter__(self) -> None:
            commands.append("clock")

        def __exit__(self, *error: object) -> None: ...

        def __call__(self, value: object) -> object:
            commands.append("clock")
            return value

    helpers = {"__nbflow_system__": expand, "__nbflow_getoutput__": expand, "__nbflow_time__": Clock}
    exec(portable(transformed(cell)), {**helpers, **names, "commands": commands})
    return commands


COMMANDS = [
    "ls -l",
    "echo $x {y}",
    "echo '$x' '{y}'",
    "echo $$x",
    "echo {x!r} {y[1:2]}",
    "awk '{print $1}' $x",
    "echo {{x}} {y}",
    "echo $x.real",
    "echo $HOME_OF_NOBODY",
    "echo ${x}",
    'echo "a\\"b" {y}',
    "echo {z} $x",
    "echo é $x",
    "for i in a b; do echo $i; done",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_filled_in_as_ipython_does(command: str) -> None:
    names: dict[str, Any] = {"x": 5, "y": "why"}
    try:
        expected = DollarFormatter().vformat(command, args=[], kwargs=names)
    except (KeyError, NameError, SyntaxError, ValueError):  # IPython's rule: the command is run as it is
        expected = command
    assert ran(f"!{command}\n", **names) == [expected]


def test_names_in_commands_are_read_locals_included() -> None:
    body = parse_body(transformed("!echo $x {y + z}\nfor i in s:\n    !echo $i\n"), "p")
    assert {"x", "y", "z", "s"} <= body.reads
    assert "i" not in body.reads
    assert not body.definite_reads & {"x", "y", "z"}
    assert ran("for i in (1, 2):\n    !echo $i\n") == ["echo 1", "echo 2"]


def test_output_of_a_command_is_bound() -> None:
    body = parse_body(transformed("files = !ls $d\n!!pwd\n"), "p")
    assert body.binds == ("files",)
    assert body.shows_last
    assert ran("files = !ls $d\ncommands.append(files)\n", d="x") == ["ls x", ["ls x"]]


def test_the_text_of_a_command_counts() -> None:
    forms = {
        normal_form(parse_body(transformed(cell), "p").tree) for cell in ("!ls a\n", "!ls b\n", "!ls $a\n", "!ls {a}\n")
    }
    assert len(forms) == 4


@pytest.mark.parametrize(
    ("timed", "plain"),
    [
        ("%time x = f(y)\n", "x = f(y)\n"),
        ("x = %time f(y)\n", "x = f(y)\n"),
        ("%%time\nx = f(y)\nx\n", "x = f(y)\nx\n"),
    ],
)
def test_timing_does_not_count(timed: str, plain: str) -> None:
    one, other = parse_body(transformed(timed), "p"), parse_body(plain, "p")
    assert normal_form(one.tree) == normal_form(other.tree)
    assert (one.reads, one.binds, one.shows_last) == (other.reads, other.binds, other.shows_last)


def test_a_timed_statement_runs_and_binds() -> None:
    assert ran("%time x = 1; y = 2\ncommands.append(x + y)\n") == ["clock", 3]
    assert ran("x = %time 1 + 1\ncommands.append(x)\n") == ["clock", 2]


def test_lines_stay_where_they_are() -> None:
    text = portable(transformed("a = 1\n!ls $a\n%matplotlib inline\nb = 2\n"))
    assert [node.lineno for node in ast.parse(text).body] == [1, 2, 3, 4]
    assert ast.parse(portable(transformed("%%time\na = 1\n"))).body[0].lineno == 2


@pytest.mark.parametrize(
    "cell", ["x = 1\n%cd /tmp\n", "x = 1\n%run other.py\n", "x = 1\nx?\n", "%%bash\nls\n", "if True:\n    %timeit x\n"]
)
def test_other_magics_are_refused_with_their_line(cell: str) -> None:
    with pytest.raises(DeclarationError, match="executor: inline") as caught:
        parse_body(transformed(cell), "p")
    assert caught.value.line == (1 if cell.startswith("%%") else 2)


@pytest.mark.parametrize("cell", ["%time for i in x: pass\n", "y = %time x = 1\n", "%time !ls\n"])
def test_what_cannot_be_timed_is_refused(cell: str) -> None:
    with pytest.raises(DeclarationError, match="time"):
        parse_body(transformed(cell), "p")


def test_plain_code_is_left_as_it_is() -> None:
    assert portable("x = {'a': 1}  # note\n") == "x = {'a': 1}  # note\n"
