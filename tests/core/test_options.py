"""The #| lines: YAML 1.2's core types, braces as text, errors with their line."""

from __future__ import annotations

import subprocess
import sys

import pytest

from nbflow.core.declaration.options import split_options
from nbflow.errors import DeclarationError


def values(*lines: str) -> dict[str, object]:
    return dict(split_options("\n".join(f"#| {line}" for line in lines) + "\nbody\n").values)


def test_options_end_where_the_body_begins() -> None:
    options = split_options("#| cpus: 2\n#| memory: 4 GB\nx = 1\n#| not: one\n")
    assert options.values == {"cpus": 2, "memory": "4 GB"}
    assert options.body == "x = 1\n#| not: one\n"
    assert options.first_body_line == 4
    assert options.text == "cpus: 2\nmemory: 4 GB\n"
    assert options.lines == {"cpus": 2, "memory": 3}


def test_a_cell_without_options_is_all_body() -> None:
    options = split_options("x = 1\ny = 2")
    assert (options.values, options.body, options.first_body_line) == ({}, "x = 1\ny = 2", 2)


def test_blank_lines_around_options_do_not_count() -> None:
    options = split_options("\n  \n#| cpus: 2\n\n\n#!/bin/bash\necho\n")
    assert (options.values, options.body, options.first_body_line) == ({"cpus": 2}, "#!/bin/bash\necho\n", 7)
    assert options.lines == {"cpus": 4}


def test_the_body_keeps_every_character() -> None:
    body = "x = '\x0c\u2028'\r\n\n  \ny"
    options = split_options("#| cpus: 1\n" + body)
    assert options.body == body
    assert options.first_body_line == 3


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("v: 1:30", "1:30"),
        ("v: 01:02:03", "01:02:03"),
        ("v: off", "off"),
        ("v: no", "no"),
        ("v: yes", "yes"),
        ("v: on", "on"),
        ("v: y", "y"),
        ("v: true", True),
        ("v: False", False),
        ("v: null", None),
        ("v: ~", None),
        ("v:", None),
        ("v: 2", 2),
        ("v: -2", -2),
        ("v: 010", 10),
        ("v: 0o17", 15),
        ("v: 0x1F", 31),
        ("v: 0b11", "0b11"),
        ("v: 1_000", "1_000"),
        ("v: 1.5", 1.5),
        ("v: 1e3", 1000.0),
        ("v: -.inf", float("-inf")),
        ("v: .5", 0.5),
        ("v: 2001-01-01", "2001-01-01"),
        ("v: 1.2.3", "1.2.3"),
        ("v: '2'", "2"),
        ('v: "a\\nb"', "a\nb"),
        ("v: [1, a, 'off', off]", [1, "a", "off", "off"]),
        ("v: a # comment", "a"),
        ("v: =", "="),
        ("v: <<", "<<"),
    ],
)
def test_values_have_the_core_types_of_yaml_1_2(line: str, value: object) -> None:
    found = values(line)["v"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("v: {4 * task.attempt} GB", "{4 * task.attempt} GB"),
        ("v: {a, b: 3}", "{a, b: 3}"),
        ("v: {'a' if x else 'b'}  # why", "{'a' if x else 'b'}"),
        ("v: {x['k']}", "{x['k']}"),
        ('v: {x["#"]}', '{x["#"]}'),
        ("v: {x} # {y}", "{x}"),
        ("v: {}", "{}"),
        ("v: {x", "{x"),
        ("v: a{b}", "a{b}"),
        ('v: "{4} GB"', "{4} GB"),
        ("v: [{a, b}, 2, {c}]", ["{a, b}", 2, "{c}"]),
        ("v: {a}: 3", "{a}: 3"),
    ],
)
def test_braces_are_text_and_never_a_mapping(line: str, value: object) -> None:
    assert values(line)["v"] == value


def test_blocks_go_over_several_lines() -> None:
    assert values("script: |", "  a: {b}", "", "    c # d", "list:", "- {x}", "-  2", "env:", "  A: {x}", "  B: 2") == {
        "script": "a: {b}\n\n  c # d\n",
        "list": ["{x}", 2],
        "env": {"A": "{x}", "B": 2},
    }


def test_a_marker_without_a_blank_is_enough() -> None:
    assert split_options("#|cpus: 2\n#|\n#|env:\n#|  A: 1\nx").values == {"cpus": 2, "env": {"A": 1}}


@pytest.mark.parametrize(
    ("cell", "line", "text"),
    [
        ("#| cpus: 1\n#| cpus: 2\nx", 3, "`cpus` is given twice"),
        ("#| env:\n#|   A: 1\n#|   A: 2\nx", 4, "`A` is given twice"),
        ("\n#| a: 1\n#| b: [1\nx", 4, "not YAML"),
        ("#| a: b: c\nx", 2, "not YAML"),
        ("#| a: @x\nx", 2, "not YAML"),
        ("#| a: 1\n#|  b: 2\nx", 3, "not YAML"),
        ("#| just words\nx", 2, "`name: value`"),
        ("#| - a\nx", 2, "`name: value`"),
        ("#| ? [a]\n#| : 3\nx", 2, "must be a word"),
        ("#| a: !new 3\nx", 2, "YAML tag"),
        ("#!/bin/bash\n#| cpus: 2\nx", 3, "stands too low"),
        ("# note\n\n#| cpus: 2\nx", 4, "stands too low"),
    ],
)
def test_an_error_names_the_thing_and_its_line(cell: str, line: int, text: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        split_options(cell)
    assert text in str(caught.value)
    assert caught.value.line == line


def test_a_comment_box_is_no_option() -> None:
    assert split_options("#######\n#| box |\n#######\nx").values == {}


def test_a_cell_without_options_does_not_load_yaml() -> None:
    code = "import sys; from nbflow.core.declaration.options import split_options; split_options('x'); print('ruamel.yaml' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
