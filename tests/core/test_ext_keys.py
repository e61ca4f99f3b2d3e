"""Which settings of ``ext`` count: those that a process may read, and all where that cannot be seen."""

from __future__ import annotations

import copy
import pickle

import pytest

from nbflow.core.declaration.process import read_process
from nbflow.core.ext import Ext, ext_facts, with_ext
from nbflow.core.script import shell
from nbflow.core.task.ext_keys import ext_keys
from nbflow.errors import InputError

ALL = {"args", "other", "get"}
OPTIONS = "#| ext:\n#|   args: a\n#|   other: b\n#|   get: c\n"


def keys(body: str, line: str = "t(x) -> o", options: str = "", **about: bool) -> set[str]:
    return set(ext_keys(read_process(line, OPTIONS + options + body), **about))


@pytest.mark.parametrize(
    ("body", "counted"),
    [
        ("o = 1", set()),
        ("o = task.cpus, task.hash", set()),
        ("o = 'the next extension of text'", set()),
        ("# the task\no = 1", set()),
        ("o = task.ext.args", {"args"}),
        ("o = task.ext['args']", {"args"}),
        ("o = (task\n  .ext  # it\n  .args)", {"args"}),
        ("o = f'{task.ext.args} {task.cpus}'", {"args"}),
        ("def f():\n    return task.ext.args\no = f()", {"args"}),
        ("o = [task.ext.other for _ in x]", {"other"}),
        ("o = task.ext.missing", set()),
        ("o = task.ext.get", {"get"}),
        ("o = task.ext.get('args')", {"get"}),
        ("o = eval('task.ext.args')", {"args"}),
        ("o = globals()['task'].ext.args", {"args"}),
        ("ext = task.ext\no = ext.args", ALL),
        ("o = task.ext", ALL),
        ("o = task.ext[x]", ALL),
        ("o = task.ext['a' + 'rgs']", ALL),
        ("o = task.ext.__dict__", ALL),
        ("o = task._facts['ext']", ALL),
        ("o = task", ALL),
        ("o = vars(task)", ALL),
        ("o = getattr(task, x)", ALL),
        ("o = getattr(task, 'ext')", ALL),
        ("o = getattr(task.ext, 'args')", ALL),
        ("o = f'{task}'", ALL),
        ("t = task\no = t.ext.args", ALL),
        ("o = list(map(lambda task: task.ext.args, [x]))", {"args"}),
        ("import __main__\no = __main__.task.ext.args", ALL),
        ("from __main__ import task as t\no = t.ext.args", ALL),
        ("o = '{0.ext.args}'.format(x)", {"args"}),
        ("o = eval('task.' + 'ext.' + x)", ALL),
    ],
)
def test_of_a_python_body(body: str, counted: set[str]) -> None:
    assert keys(body) == counted


def test_functions_of_the_notebook_that_read_the_task_may_read_any() -> None:
    assert keys("o = f()", task_is_read_elsewhere=True) == ALL


@pytest.mark.parametrize(
    ("body", "counted"),
    [
        ("echo x", set()),
        ("echo text extra next # task", set()),
        ("tool $task_ext_args", {"args"}),
        ('tool "${task_ext_args:-}" $task_ext_missing', {"args"}),
        ("tool $task_ext_args_too", set()),
        ("tool ${task_ext_args}_$task_ext_other", {"args", "other"}),
        ('v=task_ext_$x; tool "${!v}"', ALL),
        ("tool ${!task_ext_@}", ALL),
        ("file=a.ext", ALL),
    ],
)
@pytest.mark.parametrize("head", ["#!/usr/bin/env bash\n", "#!/bin/sh\n"])
def test_of_a_script(head: str, body: str, counted: set[str]) -> None:
    assert keys(head + body, "t(x)") == counted


@pytest.mark.parametrize(
    ("line", "options", "counted"),
    [
        ("t(x) -> o = file('{task.ext.args}.txt')", "", {"args"}),
        ("t(x) -> o = tuple(file('{task.ext[x]}.txt'), stdout())", "", ALL),
        ("t(x) -> o = eval('tool $task_ext_other')", "", {"other"}),
        ("t(x)", '#| tag: "{task.ext.args}"\n', {"args"}),
        ("t(x)", '#| stdin: "{task.ext.other}"\n', {"other"}),
        ("t(x)", '#| env:\n#|   A: "{vars(task)}"\n', ALL),
        ("t(x)", "#| before_script: echo $task_ext_args\n", {"args"}),
    ],
)
def test_of_expressions_and_of_what_runs_around_a_script(line: str, options: str, counted: set[str]) -> None:
    assert keys("#!/usr/bin/env bash\ntrue", line, options) == counted


def test_what_is_not_counted_is_not_given_and_never_taken_for_unset() -> None:
    ext = with_ext({"ext": ext_facts({"args": "-a", "other": "-b"}, ["args"])})["ext"]
    assert (ext.args, ext["args"], ext.missing, ext["missing"]) == ("-a", "-a", None, None)
    for read in (lambda: ext.other, lambda: ext["other"], lambda: getattr(ext, "other", "default")):
        with pytest.raises(
            InputError, match=r"`ext.other` is read in a way that could not be seen.*write `task.ext.NAME`"
        ):
            read()
    with pytest.raises(AttributeError, match=r"task.ext.args cannot be set"):
        ext.args = 1


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_settings_travel(way) -> None:
    assert repr(way(Ext({"a": [1]}, ["b"]))) == "ext(a=[1])"


def test_nothing_that_follows_ext_is_a_method() -> None:
    assert [name for name in dir(Ext) if not name.startswith("_")] == []


def test_a_script_has_a_variable_for_each_setting_that_it_is_given_or_names() -> None:
    given = {"args": "-a", "listed": ["x", "y"], "nested": {"k": 1}, "größe": 1}
    found = shell.ext_variables(given, "tool $task_ext_missing")
    assert found == {"task_ext_missing": None, "task_ext_args": "-a", "task_ext_listed": ["x", "y"]}
    assert "task_ext_nested" in shell.ext_variables(given, "$task_ext_nested"), "there it is refused, by name"
