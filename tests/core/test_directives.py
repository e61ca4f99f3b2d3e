"""Directives: Nextflow's names, checked types, dynamic values, and what counts for the task hash."""

from __future__ import annotations

import re
from types import SimpleNamespace

import pytest

from nbflow.core.declaration.directive_values import canonical
from nbflow.core.declaration.directives import Directives, Dynamic
from nbflow.core.declaration.layers import parse_directives
from nbflow.core.declaration.readers import known
from nbflow.errors import DeclarationError, InputError


def one(name: str, value: object) -> object:
    return getattr(parse_directives({name: value}), name)


def test_without_options_the_defaults_hold() -> None:
    assert parse_directives({}) == Directives()
    assert Directives().cpus == 1
    assert Directives().cache == "standard"
    assert Directives().executor == "local"
    assert Directives().unsupported() == ()
    assert Directives().hashed() == {}


@pytest.mark.parametrize(
    ("name", "given", "value"),
    [
        ("cpus", 2, 2),
        ("memory", "4 GB", 4 << 30),
        ("memory", 1 << 30, 1 << 30),
        ("time", "1h 30m", 5400.0),
        ("tag", "s1", "s1"),
        ("tag", 3, "3"),
        ("label", "big", ("big",)),
        ("label", ["big", "gpu"], ("big", "gpu")),
        ("cache", True, "standard"),
        ("cache", "lenient", "lenient"),
        ("cache", "Deep", "deep"),
        ("cache", "sha256", "sha256"),
        ("cache", False, False),
        ("cache", "false", False),
        ("cache", "no", False),
        ("cache", "off", False),
        ("debug", True, True),
        ("env", {"A": 1, "B": "x", "C": True, "D": 1.5}, {"A": "1", "B": "x", "C": "true", "D": "1.5"}),
        ("reads", ["K", "L", "K"], ("K", "L")),
        ("reads", "K", ("K",)),
        ("reads", ["pkg.mod", "K"], ("pkg.mod", "K")),
        ("executor", "inline", "inline"),
        ("scratch", True, True),
        ("scratch", "ram-disk", "ram-disk"),
        ("scratch", "$TMPDIR", "$TMPDIR"),
        ("stage_in_mode", "copy", "copy"),
        ("stage_out_mode", "move", "move"),
        ("stage_as", {"a": "x_*.fq"}, {"a": "x_*.fq"}),
        ("stage_as", {"a": "{id}.fq"}, {"a": Dynamic("{id}.fq")}),
        ("stdin", "reads", Dynamic("{reads}")),
        ("stdin", "{n + 1}", Dynamic("{n + 1}")),
        ("before_script", "export A=${B}; { echo; }", "export A=${B}; { echo; }"),
        ("after_script", "rm -f {a,b}\n", "rm -f {a,b}\n"),
        ("shell", "bash -euo pipefail", ("bash", "-euo", "pipefail")),
        ("shell", ["/bin/bash", "-e"], ("/bin/bash", "-e")),
        ("shell", "/usr/bin/env bash -x", ("/usr/bin/env", "bash", "-x")),
        (
            "ext",
            {"args": "-x", "n": 3, "l": ["a"], "m": {"k": None}},
            {"args": "-x", "n": 3, "l": ["a"], "m": {"k": None}},
        ),
        ("ext", {"args": "{n}", "l": ["{n}"]}, {"args": Dynamic("{n}"), "l": [Dynamic("{n}")]}),
        ("secret", "MY_TOKEN", ("MY_TOKEN",)),
        ("secret", ["A1", "B_2", "A1"], ("A1", "B_2")),
        ("stub", "touch {a,b}.txt\n", "touch {a,b}.txt\n"),
        ("fair", True, True),
    ],
)
def test_values_are_typed(name: str, given: object, value: object) -> None:
    found = one(name, given)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("given", [["A", "B"], "A"])
def test_env_with_names_declares_what_the_body_reads(given: object) -> None:
    found = parse_directives({"env": given})
    assert found.env_reads == tuple(given)
    assert found.env == {}


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("cpus", 0, "takes a whole number of at least 1, not 0; write `#| cpus: 2`"),
        ("cpus", True, "not True"),
        ("cpus", 1.5, "not 1.5"),
        ("cpus", "two", "not 'two'"),
        ("cpus", None, "not None"),
        ("memory", 4, "write `#| memory: 4 GB`"),
        ("memory", "4", "at least 1 MB"),
        ("memory", "lots", "write `#| memory: 4 GB`"),
        ("memory", 1.5, 'write `#| memory: "1.5 GB"`'),
        ("time", 60, "write '60s'"),
        ("time", "1:30", "'1m 30s' or '1h 30m'"),
        ("time", "0s", "more than nothing"),
        ("tag", ["a"], "takes one text, not ['a']"),
        ("label", [], "a word or a list of words"),
        ("label", [1], "a word or a list of words"),
        ("cache", "loose", "true, false, standard, lenient, deep or sha256"),
        ("cache", 1, "true, false, standard"),
        ("debug", "yes", "true or false"),
        ("env", {"a-b": 1}, "`a-b` cannot name a variable"),
        ("env", {"A": None}, "`A` takes one text or number, not None"),
        ("env", {"A": [1]}, "`A` takes one text or number"),
        ("env", {"A": "\0"}, "`A` takes one text or number"),
        ("env", "{A: 1}", "a mapping of variables to values, or a list of names"),
        ("env", 3, "a mapping of variables to values"),
        ("reads", "a, b", "a list of names"),
        ("reads", "a..b", "a list of names"),
        ("reads", {"a": 1}, "a list of names"),
        ("executor", "locl", "write `#| executor: local`"),
        ("before_script", ["a"], "takes lines of bash, not ['a']"),
        ("after_script", " ", "takes lines of bash"),
        ("shell", [], "a command line"),
        ("shell", "zsh -e", "a command that starts bash"),
        ("shell", "bash 'x", "No closing quotation"),
        ("ext", "--fast", "a mapping of names to values, not '--fast'"),
        ("ext", {"_a": 1}, "`_a` cannot name a setting"),
        ("ext", {"a-b": 1}, "`a-b` cannot name a setting"),
        ("ext", {"a": "{"}, "not closed"),
        ("secret", "A__B", "`A__B` cannot name a secret"),
        ("secret", "1A", "`1A` cannot name a secret"),
        ("secret", "A", "two or more letters"),
        ("secret", [], "the name of a secret"),
        ("stub", "", "what runs instead of the body"),
        ("stub", "#!/bin/sh\ntrue", "leave its own out"),
        ("fair", "yes", "true or false"),
        ("executor", "slrm", "write `#| executor: slurm`"),
    ],
)
def test_a_wrong_value_is_named_with_what_to_write(name: str, given: object, told: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        parse_directives({name: given})
    assert name in str(caught.value)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("given", "nearest"),
    [
        ("cpu", "cpus"),
        ("threads", "cpus"),
        ("mem", "memory"),
        ("memry", "memory"),
        ("timeout", "time"),
        ("contaner", "container"),
        ("retries", "max_retries"),
        ("error_stratgy", "error_strategy"),
        ("inputs", "input"),
        ("outputs", "output"),
        ("chache", "cache"),
    ],
)
def test_an_unknown_directive_is_told_the_nearest(given: str, nearest: str) -> None:
    with pytest.raises(DeclarationError, match=f"unknown directive `{given}`; did you mean `{nearest}`"):
        parse_directives({given: 1})


def test_a_directive_like_no_other_is_told_them_all() -> None:
    with pytest.raises(DeclarationError, match="the directives are cpus, memory, time, tag"):
        parse_directives({"xyzzy": 1})


def test_an_error_has_the_line_of_the_option() -> None:
    with pytest.raises(DeclarationError) as caught:
        parse_directives({"cpus": 1, "memory": "x"}, {"cpus": 2, "memory": 3})
    assert caught.value.line == 3


@pytest.mark.parametrize("given", ["errorStrategy", "error_strategy", "error-strategy"])
def test_a_name_may_be_written_in_three_ways(given: str) -> None:
    assert parse_directives({given: "retry"}).error_strategy == "retry"


def test_one_directive_in_two_spellings_is_refused() -> None:
    with pytest.raises(DeclarationError, match="`maxForks` and `max_forks` are the same"):
        parse_directives({"maxForks": 1, "max_forks": 2})


def test_blocks_of_the_signature_are_no_directives() -> None:
    assert parse_directives({"input": ["a"], "output": ["b"]}) == Directives()


@pytest.mark.parametrize(
    "name",
    ["arch", "conda", "container", "container_options", "module", "spack", "uv"],
)
def test_what_is_not_carried_out_yet_is_kept_and_refused_by_name(name: str) -> None:
    found = parse_directives({name: "x"})
    assert found.other == {name: "x"}
    assert [f"`{name}` is not supported yet" in sentence for sentence in found.unsupported()] == [True]


@pytest.mark.parametrize(
    ("name", "reason", "instead"),
    [
        ("accelerator", "asks a cluster or a cloud for GPUs", "`cpus`"),
        ("array", "each task starts by itself", "take it out"),
        ("cluster_options", "a cluster's scheduler", "take it out"),
        ("disk", "share this machine's", "`scratch`"),
        ("hints", "takes no hints", "take it out"),
        ("machine_type", "a machine of a cloud", "`memory`"),
        ("max_submit_await", "a cluster's queue", "`time`"),
        ("penv", "Grid Engine", "`cpus`"),
        ("pod", "Kubernetes", "`secret`"),
        ("queue", "has no queues", "take it out"),
        ("resource_labels", "machines of a cloud", "`tag`"),
    ],
)
def test_what_means_nothing_on_one_machine_is_refused_by_its_own_reason(name: str, reason: str, instead: str) -> None:
    camel_case = re.sub("_(.)", lambda found: found[1].upper(), name)
    (told,) = parse_directives({camel_case: "x"}).unsupported()
    assert told.startswith(f"directive `{name}` ") and reason in told and instead in told


def test_every_directive_of_nextflow_is_known() -> None:
    nextflows = (
        "accelerator afterScript arch array beforeScript cache clusterOptions conda container containerOptions cpus debug disk "
        "errorStrategy executor ext fair hints label machineType maxErrors maxForks maxRetries maxSubmitAwait memory module penv "
        "pod publishDir queue resourceLabels resourceLimits scratch secret shell spack stageInMode stageOutMode storeDir tag time"
    )
    assert [known(name) for name in nextflows.split()] == [canonical(name) for name in nextflows.split()]


@pytest.mark.parametrize(
    ("name", "told"), [("echo", "write `debug`"), ("when", "`process(items.filter"), ("validExitStatus", "exit 0")]
)
def test_what_is_called_otherwise_here_is_refused_with_what_to_write(name: str, told: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        parse_directives({name: "x"})
    assert told in str(caught.value) and name in str(caught.value)
    assert "unknown" not in str(caught.value)


def test_an_executor_that_is_not_there_yet_is_refused_by_name() -> None:
    assert parse_directives({"executor": "slurm"}).unsupported() == (
        "executor `slurm` is not supported yet; write `executor: local`",
    )


def test_only_what_changes_a_result_is_hashed() -> None:
    resources = {"cpus": 2, "memory": "4 GB", "time": "1h", "tag": "x", "label": "y", "queue": "q", "maxRetries": 3}
    assert parse_directives(resources).hashed() == {}
    others = {"ext": {"a": 1}, "secret": "TOKEN", "stub": "x", "fair": True}
    assert parse_directives(others).hashed() == {}, "of these the task hash has parts of their own, or none"
    software = {"container": "c", "conda": "d", "module": "m", "beforeScript": "b", "shell": "bash -e", "uv": "u"}
    assert set(parse_directives(software).hashed()) == {"container", "conda", "module", "before_script", "shell", "uv"}
    assert parse_directives({"arch": "arm64"}).hashed() == {}
    assert parse_directives({"arch": "arm64", "spack": "s"}).hashed() == {"arch": "arm64", "spack": "s"}


def test_hashed_names_and_variables_come_in_one_order() -> None:
    found = parse_directives({"uv": "u", "env": {"B": 1, "A": 2}, "container": "c"}).hashed()
    assert list(found) == ["container", "env", "uv"]
    assert list(found["env"]) == ["A", "B"]


def test_what_becomes_of_failures_is_read() -> None:
    found = parse_directives({"errorStrategy": "RETRY", "maxRetries": 3, "maxErrors": -1, "maxForks": 2})
    assert (found.error_strategy, found.max_retries, found.max_errors, found.max_forks) == ("retry", 3, -1, 2)
    without = Directives()
    assert (without.error_strategy, without.max_retries, without.max_errors, without.max_forks) == (
        "terminate",
        1,
        -1,
        None,
    )


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("error_strategy", "again", "terminate, finish, ignore or retry"),
        ("max_retries", -1, "at least 0"),
        ("max_retries", True, "at least 0"),
        ("max_errors", -2, "at least -1"),
        ("max_forks", 0, "at least 1"),
        ("max_forks", "many", "at least 1"),
        ("resource_limits", "4 GB", "takes a mapping"),
        ("resource_limits", {"queue": 3}, "cannot limit `queue`"),
        ("resource_limits", {"memory": "x"}, "an amount with a unit"),
    ],
)
def test_a_wrong_limit_of_failures_is_named(name: str, given: object, told: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        parse_directives({name: given})
    assert name in str(caught.value) or told in str(caught.value)
    assert told in str(caught.value)


def test_resources_are_capped_by_their_limits_known_at_once_or_for_each_task() -> None:
    limits = {"cpus": 2, "memory": "4 GB", "time": "1h"}
    found = parse_directives({"cpus": 8, "memory": "{task.attempt * 3} GB", "time": "30m", "resourceLimits": limits})
    assert (found.cpus, found.time) == (2, 1800.0)
    assert found.with_values({"task": SimpleNamespace(attempt=1)}).memory == 3 << 30
    assert found.with_values({"task": SimpleNamespace(attempt=2)}).memory == 4 << 30


def test_a_computed_strategy_is_known_only_when_a_task_has_failed() -> None:
    found = parse_directives({"error_strategy": "{'retry' if task.exit_status == 137 else 'terminate'}"})
    assert found.names == frozenset()
    assert found.strategy_names == {"task"}
    assert found.strategy({"task": SimpleNamespace(exit_status=137)}) == "retry"
    assert found.strategy({"task": SimpleNamespace(exit_status=1)}) == "terminate"
    with pytest.raises(InputError, match="gives 'nothing'"):
        parse_directives({"error_strategy": "{x}"}).strategy({"x": "nothing"})


class TestDynamic:
    task = SimpleNamespace(attempt=2)

    def test_text_with_braces_is_evaluated_for_each_task(self) -> None:
        given = {
            "cpus": "{n}",
            "memory": "{4 * task.attempt} GB",
            "time": "{task.attempt}h",
            "tag": "{id}",
            "debug": "{d}",
        }
        found = parse_directives(given)
        assert found.memory == Dynamic("{4 * task.attempt} GB")
        assert found.names == {"n", "task", "id", "d"}
        done = found.with_values({"task": self.task, "n": 3, "id": "s1", "d": True})
        assert (done.cpus, done.memory, done.time, done.tag, done.debug) == (3, 8 << 30, 7200.0, "s1", True)
        assert done.names == frozenset()

    def test_variables_may_be_dynamic_one_by_one(self) -> None:
        found = parse_directives({"env": {"A": "{id}-{k}", "B": "fixed", "tag": "{id}"}, "tag": "t{id}"})
        assert found.names == {"id", "k"}
        assert found.hashed_names() == {"id", "k"}
        assert found.hashed() == {"env": {"A": "{id}-{k}", "B": "fixed", "tag": "{id}"}}
        done = found.with_values({"id": "s1", "k": 2})
        assert done.env == {"A": "s1-2", "B": "fixed", "tag": "s1"}
        assert done.tag == "ts1"
        assert done.hashed() == {"env": {"A": "s1-2", "B": "fixed", "tag": "s1"}}

    def test_only_the_names_of_variables_count_for_the_hash(self) -> None:
        assert parse_directives({"tag": "{id}", "cpus": "{n}", "env": {"A": "{k}"}}).hashed_names() == {"k"}

    def test_doubled_braces_are_text(self) -> None:
        assert parse_directives({"tag": "{{x}}"}).with_values({}).tag == "{x}"

    def test_settings_of_ext_may_be_dynamic_however_deep(self) -> None:
        found = parse_directives({"ext": {"a": "-n {n}", "l": ["{n}", {"k": "{m}"}], "b": "plain"}})
        assert found.names == {"n", "m"}
        assert found.hashed_names() == frozenset()
        assert found.hashed_names(["a", "b"]) == {"n"}
        assert found.hashed_ext(["l", "a"]) == {"a": "-n {n}", "l": ["{n}", {"k": "{m}"}]}
        assert found.with_values({"n": 3, "m": (1, 2)}).ext == {"a": "-n 3", "l": [3, {"k": [1, 2]}], "b": "plain"}

    def test_expressions_see_ext_and_what_is_not_set_is_none(self) -> None:
        found = parse_directives(
            {"tag": "{task.ext.a}-{task.ext['b']}-{task.ext.c}", "ext": {"a": "{n}", "b": "{task.ext.d}", "d": 1}}
        )
        assert found.with_values({"n": 3, "task": self.task}).tag == "3-1-None"

    def test_a_computed_setting_of_ext_cannot_read_another_one(self) -> None:
        found = parse_directives({"ext": {"a": "{n}", "b": "{task.ext.a}"}})
        with pytest.raises(InputError, match="`ext.a` is computed too"):
            found.with_values({"n": 3, "task": self.task})

    def test_a_setting_of_ext_must_be_plain(self) -> None:
        with pytest.raises(InputError, match="`ext.a: {n}` gives .*, which is no text"):
            parse_directives({"ext": {"a": "{n}"}}).with_values({"n": object()})

    def test_doubled_braces_are_text_also_where_no_name_is_read(self) -> None:
        assert parse_directives({"env": {"A": "{{x}}"}, "ext": {"a": "{{y}}"}}).with_values({}).env == {"A": "{x}"}

    def test_nothing_dynamic_gives_the_same_record(self) -> None:
        found = parse_directives({"cpus": 2, "env": {"A": 1}})
        assert found.with_values({}) is found

    def test_broken_text_is_refused_at_the_declaration(self) -> None:
        with pytest.raises(DeclarationError, match="not closed"):
            parse_directives({"memory": "{4 GB"})
        with pytest.raises(DeclarationError, match="not a Python expression"):
            parse_directives({"env": {"A": "{a b}"}})

    @pytest.mark.parametrize(
        ("name", "text", "told"),
        [
            ("cpus", "{n}", "`cpus: {n}` gives 'x'"),
            ("memory", "{n} GB", "`memory: {n} GB` gives 'x GB'"),
            ("tag", "{m}", "`m` in `{m}` is not known here"),
            ("env", {"A": "{[n]}"}, "`A` takes one text or number"),
        ],
    )
    def test_a_wrong_result_is_an_error_at_the_call(self, name: str, text: object, told: str) -> None:
        with pytest.raises(InputError) as caught:
            parse_directives({name: text}).with_values({"n": "x"})
        assert told in str(caught.value)
