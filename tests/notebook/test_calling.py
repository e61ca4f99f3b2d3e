"""Processes that are called (design 1.2), with channels (1.5) and as scripts (1.3), in a real shell."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

import nbflow
from nbflow.core.values.hashing import Digester

# -- declaring -------------------------------------------------------------------------------------------------------


def test_a_parameter_list_even_an_empty_one_declares_and_nothing_runs(lab):
    assert lab.ok("%%process nothing() -> n\nn = 1 / 0").verdict == ""
    said = lab.fails("nothing()", "TaskFailedError")
    assert "ZeroDivisionError" in said


def test_the_header_is_read_as_that_of_a_function(lab):
    lab.ok("width = 5\ndef header(a, /, b: int, *, c=width, d='x'): ...")
    lab.ok("%%process headed(a, /, b: int, *, c=width, d='x') -> r\nr = (a, b, c, d)")
    assert lab.value("str(headed.__signature__)") == lab.value("import inspect; str(inspect.signature(header))")
    assert lab.value("headed(1, 2)") == (1, 2, 5, "x")
    assert lab.value("headed(1, b=2, c=3)") == (1, 2, 3, "x")
    assert "`headed(" in lab.fails("headed(a=1, b=2)", "InputError")
    assert "`headed(" in lab.fails("headed(1, 2, 3)", "InputError")


def test_defaults_are_evaluated_once_at_the_declaration(lab):
    lab.ok("start = [1]\n")
    lab.ok("%%process defaulted(a=start[0] + 1) -> r\nr = a")
    lab.ok("start = [10]")
    assert lab.value("defaulted()") == 2
    assert lab.value("defaulted(7)") == 7


def test_annotations_are_checked_not_coerced_but_text_for_a_path(lab):
    lab.write("given.txt", "text\n")
    lab.ok("from pathlib import Path\n")
    lab.ok(
        "%%process typed(n: int, p: Path = None) -> kind, text\nkind = type(n).__name__, type(p).__name__\ntext = p and p.read_text()"
    )
    assert "input `n` of `typed`: expected int" in lab.fails("typed('1')", "InputError")
    assert "input `n` of `typed`: expected int" in lab.fails("typed(1.0)", "InputError")
    assert lab.value("typed(1, 'given.txt')").text == "text\n"
    assert lab.value("typed(1, 'given.txt').kind") == ("int", "PosixPath")


def test_a_parameter_that_shadows_a_global_is_the_parameter(lab):
    lab.ok("shade = 'global'")
    lab.ok("%%process shaded(shade) -> r\nr = shade")
    assert lab.value("shaded('given')") == "given"
    assert lab.names["shade"] == "global"


# -- calling with values ---------------------------------------------------------------------------------------------


def test_values_give_the_output_and_several_a_named_tuple(lab):
    lab.ok("%%process one(x) -> y\ny = x + 1")
    lab.ok("%%process two(x) -> y, z\ny, z = x, -x")
    assert lab.value("one(1)") == 2
    pair = lab.value("two(3)")
    assert (pair.y, pair.z) == tuple(pair) == (3, -3)
    assert repr(pair) == "two(y=3, z=-3)"
    assert lab.value("y, z = two(4)\n(y, z)") == (4, -4)


def test_a_call_is_remembered_and_says_so(lab):
    lab.ok("%%process remembered(x) -> y\ny = x")
    assert not lab.ok("remembered(1)").cached
    assert lab.ok("remembered(1)").cached
    assert not lab.ok("remembered(2)").cached
    assert not lab.ok("remembered.rerun(1)").cached
    assert lab.ok("remembered(x=1)").cached


def test_parameters_are_values(lab):
    lab.ok("%%process changing(items) -> n\nitems.append(1)\nn = len(items)")
    lab.ok("mine = []")
    assert lab.value("changing(mine)") == 1
    assert lab.names["mine"] == []


def test_a_process_called_inside_a_body_is_a_plain_function(lab):
    lab.ok("%%process inner(x, k=2) -> a, b\na = x * k\nb = None")
    lab.ok("%%process outer(x) -> r\nr = inner(x).a + inner(x, k=3)[0]")
    cell = lab.ok("r = outer(1)")
    assert lab.names["r"] == 5
    assert "outer: ran" in cell.verdict and "inner" not in cell.verdict
    assert lab.ok("r = outer(1)").cached
    lab.ok("%%process inner(x, k=2) -> a, b\na = x * k + 1\nb = None")
    assert not lab.ok("r = outer(1)").cached
    assert lab.names["r"] == 7


def test_missing_and_unknown_arguments_are_named(lab):
    lab.ok("%%process strict(first, second) -> r\nr = first")
    assert "was called without `second`" in lab.fails("strict(1)", "MissingInputError")
    assert "third" in lab.fails("strict(1, 2, third=3)", "InputError")


def test_what_a_call_prints_is_shown_and_shown_again(lab):
    lab.ok("%%process talks(x) -> y\nimport sys\nprint('out', x)\nprint('err', file=sys.stderr)\ny = x")
    ran, hit = lab.ok("talks(1);"), lab.ok("talks(1);")
    assert (ran.printed, ran.err) == (hit.printed, hit.err) == ("out 1\n", "err\n")
    assert hit.cached


def test_what_cannot_be_hashed_surely_is_refused_with_the_way_out(lab):
    lab.ok("%%process hashing(x) -> y\ny = 1")
    said = lab.fails("import threading\nhashing(threading.Lock())", "UnhashableInputError")
    assert "lock" in said


# -- submit ----------------------------------------------------------------------------------------------------------


def test_submit_gives_a_future(lab):
    lab.ok("%%process later(x) -> y\nimport time\ntime.sleep(0.05)\ny = x + 1")
    lab.ok("future = later.submit(1)")
    assert lab.names["future"].result() == 2
    assert lab.value("await later.submit(2)") == 3


def test_a_failed_future_raises_and_one_that_nobody_asked_is_told_apart(lab):
    lab.ok("%%process sinks(x) -> y\ny = 1 / x")
    lab.ok("asked, lost = sinks.submit(0), sinks.submit(0.0)")
    said = lab.fails("asked.result()", "TaskFailedError")
    assert "ZeroDivisionError" in said
    desk = lab.names["sinks"]._desk
    (error,) = desk.collect_futures()
    assert "Error executing process > 'sinks'" in str(error)
    assert desk.collect_futures() == []


def test_submit_takes_no_channel(lab):
    lab.ok("%%process plain_only(x) -> y\ny = x")
    assert "call `plain_only(channel)`" in lab.fails("plain_only.submit(channel.of(1))", "InputError")


# -- channels --------------------------------------------------------------------------------------------------------


def test_a_channel_gives_a_channel_in_the_order_of_the_input(lab):
    lab.ok("%%process slow_first(x) -> y\nimport time\ntime.sleep(0.2 if x == 0 else 0)\ny = x * 2")
    cell = lab.ok("doubled = slow_first(channel.of(0, 1, 2, 3))")
    assert "slow_first | 4 of 4" in cell.out
    assert lab.value("list(doubled)") == [0, 2, 4, 6]
    assert lab.value("list(doubled)") == [0, 2, 4, 6]
    cell = lab.ok("list(slow_first(channel.of(0, 1, 2, 3)))")
    assert "cached: 4" in cell.out


def test_the_cell_ends_when_its_channel_tasks_have_ended(lab):
    lab.ok("%%process writes(x) -> y\nimport time\ntime.sleep(0.1)\ny = x")
    lab.ok("kept = writes(channel.of(1, 2))")
    assert lab.names["kept"].node.done


def test_records_are_spread_by_name_and_what_is_too_much_is_ignored(lab):
    lab.ok("%%process named(b, a, c=0) -> r\nr = (a, b, c)")
    assert lab.value("list(named(channel.of({'a': 1, 'b': 2, 'other': 3})))") == [(1, 2, 0)]
    assert lab.value("list(named(channel.of({'a': 1, 'b': 2, 'c': 3})))") == [(1, 2, 3)]
    lab.ok("from collections import namedtuple\nRow = namedtuple('Row', 'a b')")
    assert lab.value("list(named(channel.of(Row(1, 2))))") == [(1, 2, 0)]
    lab.ok("import pandas as pd\nframe = pd.DataFrame({'a': [1, 2], 'b': [3, 4]})")
    assert lab.value("list(named(channel.from_frame(frame)))") == [(1, 3, 0), (2, 4, 0)]


def test_a_field_that_is_missing_is_an_error_that_names_it(lab):
    lab.ok("%%process needs(a, b) -> r\nr = a")
    said = lab.fails("needs(channel.of({'a': 1, 'c': 2}))", "MissingInputError")
    assert "`needs` needs `b`" in said and "`a`, `c`" in said


def test_tuples_are_spread_by_position_and_their_count_must_match(lab):
    lab.ok("%%process placed(a, b) -> r\nr = (a, b)")
    assert lab.value("list(placed(channel.of((1, 2), [3, 4])))") == [(1, 2), (3, 4)]
    said = lab.fails("placed(channel.of((1, 2, 3)))", "InputError")
    assert "takes 2 values" in said and "has 3" in said
    assert "an item is a int" in lab.fails("placed(channel.of(1))", "InputError")


def test_one_free_parameter_takes_the_item_as_it_is(lab):
    lab.ok("%%process whole(item, k=1) -> r\nr = item")
    assert lab.value("list(whole(channel.of((1, 2), {'item': 3}, [4])))") == [(1, 2), {"item": 3}, [4]]
    lab.ok("%%process second(item, k) -> r\nr = (item, k)")
    assert lab.value("list(second(channel.of((1, 2)), k=9))") == [((1, 2), 9)]


def test_a_channel_by_keyword_is_never_spread(lab):
    lab.ok("%%process keyed(a, b=0) -> r\nr = (a, b)")
    assert lab.value("list(keyed(a=channel.of({'a': 1, 'b': 2})))") == [({"a": 1, "b": 2}, 0)]
    lab.ok("%%process keyed2(a, b) -> r\nr = a")
    assert "`b`" in lab.fails("keyed2(a=channel.of((1, 2)))", "MissingInputError")


def test_lists_are_values(lab):
    lab.ok("%%process length(items) -> n\nn = len(items)")
    assert lab.value("length([1, 2, 3])") == 3
    assert lab.value("list(length(channel.of([1, 2], [])))") == [2, 0]


def test_two_channels_ask_how_they_pair(lab):
    lab.ok("%%process pairs(a, b) -> r\nr = (a, b)")
    said = lab.fails("pairs(channel.of(1), channel.of(2))", "InputError")
    for text in ("`a` and `b`", "`a.join(b)`", "`a.combine(b)`", "`a.merge(b)`"):
        assert text in said


def test_value_channels_are_shared_by_all_tasks(lab):
    lab.ok("%%process shares(a, b) -> r\nr = (a, b)")
    assert lab.value("list(shares(channel.of(1, 2), channel.value('v')))") == [(1, "v"), (2, "v")]
    lab.ok("%%process sums(x) -> y\ny = x * 10")
    assert lab.value("list(shares(channel.of(1, 2), sums(channel.of(1, 2)).collect()))") == [
        (1, [10, 20]),
        (2, [10, 20]),
    ]
    lab.ok("only = shares(channel.value(1), channel.value(2))")
    assert lab.value("only.value") == (1, 2)
    assert "only a value channel has a value" in lab.fails("channel.of(1).value", "InputError")


def test_several_outputs_are_records_whose_fields_are_channels(lab):
    lab.ok("%%process many(v) -> first, second\nfirst, second = v, v * 2")
    lab.ok("m = many(channel.of(1, 2))")
    assert lab.value("list(m)") == [(1, 2), (2, 4)]
    assert lab.value("[item.second for item in m]") == [2, 4]
    assert lab.value("list(m.second)") == [2, 4]
    assert lab.value("list(many(m.second).first)") == [2, 4]
    assert "neither an operator nor an output `third`; its outputs are first, second" in lab.fails(
        "m.third", "AttributeError"
    )


def test_outputs_that_are_not_declared_have_channels_too(lab):
    lab.ok("%%process open_ended(v)\nfirst = v\n_hidden = 0\nsecond = v * 2")
    assert lab.value("list(open_ended(channel.of(1, 2)).second)") == [2, 4]


def test_a_channel_inside_a_value_or_as_a_global_is_refused_with_the_way_out(lab):
    lab.ok("%%process takes_lists(v) -> r\nr = v")
    for cell in (
        "takes_lists([channel.of(1)])",
        "some = channel.of(1)\n",
        "%%process reads_channel -> r\nr = list(some)",
    ):
        if "takes" in cell or "reads" in cell:
            assert ".collect().value" in lab.fails(cell)
        else:
            lab.ok(cell)


def test_unpacking_a_channel_is_an_error_that_says_how(lab):
    said = lab.fails("one, other = channel.of(1, 2)", "InputError")
    assert "r.score" in said
    assert lab.value("[*channel.of(1, 2)]") == [1, 2]
    assert lab.value("max(channel.of(1, 2))") == 2


def test_operators_and_chains(lab):
    lab.ok("%%process chain_a(v) -> r\nr = v + 1")
    lab.ok("%%process chain_b(v) -> r\nr = v * 10")
    assert lab.value("list(chain_b(chain_a(channel.of(1, 2, 3)).filter(lambda v: v != 3).map(lambda v: v + 0.5)))") == [
        25.0,
        45.0,
    ]
    assert lab.value("chain_a(channel.of(3, 4)).collect().value") == [4, 5]


def test_to_frame_has_inputs_and_outputs(lab):
    lab.ok("%%process framed(x, k=2) -> y, z\ny, z = x * k, str(x)")
    frame = lab.value("framed(channel.of(1, 2), k=3).to_frame()")
    assert frame.to_dict("list") == {"k": [3, 3], "x": [1, 2], "y": [3, 6], "z": ["1", "2"]}
    lab.ok("%%process framed_one(x) -> y\ny = x")
    assert lab.value("framed_one(channel.of()).to_frame()").empty


def test_an_empty_channel_gives_an_empty_channel(lab):
    lab.ok("%%process never(x) -> y\ny = x")
    assert lab.value("list(never(channel.of()))") == []
    assert lab.value("never(channel.of()).collect().value") == []


def test_from_path_gives_sorted_absolute_paths(lab):
    for name in ("p/b.txt", "p/a.txt", "p/q/c.txt"):
        lab.write(name, name)
    assert [path.name for path in lab.value("list(channel.from_path('p/*.txt'))")] == ["a.txt", "b.txt"]
    assert len(lab.value("list(channel.from_path('p/**/*.txt'))")) == 3
    assert "no file matches `p/*.nothing`" in lab.fails("channel.from_path('p/*.nothing')", "InputError")
    lab.ok("%%process reads_path(p: Path) -> text\ntext = p.read_text()")
    assert lab.value("list(reads_path(channel.from_path('p/*.txt')))") == ["p/a.txt", "p/b.txt"]
    lab.write("p/a.txt", "changed and longer")
    cell = lab.ok("again = list(reads_path(channel.from_path('p/*.txt')))")
    assert lab.names["again"] == ["changed and longer", "p/b.txt"]
    assert "cached: 1" in cell.out


def test_annotations_hold_for_items(lab):
    lab.ok("%%process counted(n: int) -> r\nr = n")
    assert "input `n` of `counted`: expected int" in lab.fails("counted(channel.of(1, 'two'))", "InputError")


def test_a_failed_task_ends_the_others_and_fails_the_cell(lab):
    lab.ok("%%process mixed(x) -> y\nimport time\nif x:\n    time.sleep(60)\ny = 1 / x")
    cell = lab.run("r = mixed(channel.of(1, 0, 2, 3))")
    assert type(cell.error).__name__ == "TaskFailedError"
    assert "Error executing process > 'mixed (2)'" in cell.said
    assert "ZeroDivisionError" in cell.said
    assert "mixed" in cell.out
    with pytest.raises(Exception, match="mixed"):
        list(lab.names["r"])


def test_two_consumers_of_one_channel_run_its_tasks_once(lab):
    lab.ok("%%process source(x) -> y\ny = x")
    lab.ok("%%process left(x) -> y\ny = x + 1")
    lab.ok("%%process right(x) -> y\ny = x + 2")
    cell = lab.ok("s = source(channel.of(1, 2)); a = left(s); b = right(s)\nprint(list(a), list(b))")
    assert "[2, 3] [3, 4]" in cell.out
    assert "source | 2 of 2" in cell.out


def test_equal_items_of_one_channel_run_once(lab):
    lab.ok("%%process twins(x) -> y\ny = x")
    cell = lab.ok("print(list(twins(channel.of(5, 5, 5))))")
    assert "[5, 5, 5]" in cell.out and "3 of 3" in cell.out


def test_an_item_moves_on_as_soon_as_it_is_done(lab):
    lab.ok(
        """
        %%process step_one(x) -> y
        import time, pathlib
        mark = pathlib.Path(ROOT) / "second_ran"
        if x == 1:
            deadline = time.time() + 20
            while not mark.exists() and time.time() < deadline:
                time.sleep(0.01)
        y = (x, mark.exists())
    """.replace("ROOT", repr(str(lab.launch_dir)))
    )
    lab.ok(
        f"%%process step_two(x) -> z\nimport pathlib\npathlib.Path({str(lab.launch_dir)!r}, 'second_ran').touch()\nz = x"
    )
    lab.ok("%%process holds(x) -> z\nz = x")
    assert lab.value("list(step_two(step_one(channel.of(0, 1))))")[1] == (1, True)


def test_calls_on_channels_return_at_once(lab):
    lab.ok("%%process sleeps(x) -> y\nimport time\ntime.sleep(0.3)\ny = x")
    lab.ok("s = sleeps(channel.of(1))\nwas_done = s.node.done")
    assert lab.names["was_done"] is False


def test_what_a_call_on_a_channel_takes_along_is_of_the_moment_of_the_call(lab):
    lab.ok("%%process takes(x) -> y\ny = x + sum(extra)")
    lab.ok("extra = [1]\nt = takes(channel.of(1, 2, 3))\nextra.append(100)")
    assert lab.value("list(t)") == [2, 3, 4]


def test_a_big_global_is_hashed_once_a_call_and_not_once_an_item(lab, monkeypatch):
    lab.ok("import numpy as np\nbig = np.zeros(100_000_000 // 8)")
    lab.ok("%%process with_big(x) -> y\ny = x + int(big[0])")
    hashed = []
    digest = Digester.digest

    def counted(self, value, name="value"):
        hashed.append(value is lab.names["big"])
        return digest(self, value, name)

    monkeypatch.setattr(Digester, "digest", counted)
    lab.ok("total = sum(with_big(channel.of(*range(20))))")
    assert lab.names["total"] == sum(range(20))
    assert sum(hashed) == 1 and len(hashed) > 20


def test_an_awaited_value_that_fails_fails_what_waits_for_it(lab):
    lab.ok("%%process breaks(x) -> y\ny = 1 / x")
    lab.ok("%%process waits(a, b) -> r\nr = (a, b)")
    said = lab.fails("waits(channel.of(1), breaks(channel.of(0)).collect())", "TaskFailedError")
    assert "Error executing process > 'breaks (1)'" in said


# -- scripts ---------------------------------------------------------------------------------------------------------


def test_a_script_gets_its_inputs_as_variables_whatever_they_hold(lab):
    lab.ok("""
        %%process nasty(text, number, flag, items) -> out = stdout()
        #!/usr/bin/env bash
        printf '%s|%s|%s|' "$text" "$number" "$flag"
        printf '<%s>' "${items[@]}"
    """)
    text = "a'b\"c $(touch injected) `touch injected` \\ ; & | > x\n*é\t$HOME"
    lab.names["nasty_text"] = text
    assert lab.value("nasty(nasty_text, 1.5, True, ['x y', \"it's\", '$PATH'])") == (
        f"{text}|1.5|true|<x y><it's><$PATH>"
    )
    assert not list(lab.launch_dir.rglob("injected"))


def test_a_script_reads_notebook_globals_and_the_environment(lab, monkeypatch):
    monkeypatch.setenv("FROM_ENV", "env")
    lab.ok("greeting = 'hi'\nnames_ = ['a', 'b']")
    cell = "%%process globals_ -> o = stdout()\n#!/usr/bin/env bash\necho $greeting ${names_[1]} $FROM_ENV"
    lab.ok(cell)
    assert lab.names["o"] == "hi b env\n"
    assert lab.ok(cell).cached
    lab.ok("greeting = 'ho'")
    assert not lab.ok(cell).cached
    assert lab.names["o"] == "ho b env\n"
    said = lab.fails("%%process globals_ -> o = stdout()\n#!/usr/bin/env bash\necho $greetin", "MissingInputError")
    assert "`$greetin`" in said and "did you mean `$greeting`" in said


def test_path_inputs_are_links_and_file_outputs_absolute_paths(lab):
    lab.write("in put.txt", "line\n")
    lab.ok("""
        %%process copies(source: Path, id) -> copy: Path = file("copy_{id}.txt"), parts = files("part*"), none = file("no*", optional=True)
        #!/usr/bin/env bash
        [ -L "$source" ]
        cat "$source" > copy_$id.txt
        touch part2 part1
    """)
    result = lab.value("copies('in put.txt', 7)")
    assert result.copy.is_absolute() and result.copy.name == "copy_7.txt" and result.copy.read_text() == "line\n"
    assert [path.name for path in result.parts] == ["part1", "part2"]
    assert result.none is None
    assert lab.ok("again = copies('in put.txt', 7)").cached
    assert lab.names["again"] == result
    lab.write("in put.txt", "line two\n")
    assert not lab.ok("copies('in put.txt', 7)").cached


def test_files_flow_from_script_to_script_and_body_by_content(lab):
    lab.ok("%%process makes(n) -> f = file('made.txt')\n#!/usr/bin/env bash\necho $n > made.txt")
    lab.ok("%%process counts(f: Path) -> c = stdout()\n#!/usr/bin/env bash\nwc -c < $f")
    lab.ok("%%process body_reads(f: Path) -> t\nt = f.read_text()")
    lab.ok("made = makes(channel.of(1, 22))")
    assert [text.strip() for text in lab.value("list(counts(made))")] == ["2", "3"]
    assert lab.value("list(body_reads(made))") == ["1\n", "22\n"]
    lab.ok("%%process makes(n) -> f = file('made.txt')\n#!/usr/bin/env bash\necho   $n > made.txt")
    cell = lab.ok("list(counts(makes(channel.of(1, 22))))")
    assert "makes | 2 of 2" in cell.out and "cached: 2" in cell.out, "early cutoff: the same content goes on"


def test_lists_of_paths_are_staged(lab):
    for name in ("one.txt", "two.txt"):
        lab.write(f"many/{name}", name)
    lab.ok(
        '%%process joins(parts: list[Path]) -> o = stdout()\n#!/usr/bin/env bash\ncat "${parts[@]}"; echo " ${#parts[@]}"'
    )
    assert lab.value("joins([Path('many/one.txt'), Path('many/two.txt')])") == "one.txttwo.txt 2\n"


def test_two_files_of_one_name_are_refused(lab):
    for folder in ("d1", "d2"):
        lab.write(f"{folder}/same.txt", folder)
    lab.ok("%%process collide(a: Path, b: Path) -> o = stdout()\n#!/usr/bin/env bash\ncat $a $b")
    said = lab.fails("collide('d1/same.txt', 'd2/same.txt')", "InputError")
    assert "two files of `a` and `b` of `collide` are called same.txt" in said
    assert "d1/same.txt and " in said and "d2/same.txt; rename one" in said


def test_an_output_of_a_script_without_a_source_is_its_input(lab):
    lab.ok("%%process passes(id, n) -> id, o = stdout()\n#!/usr/bin/env bash\necho $n")
    assert lab.value("list(passes(channel.of(('a', 1), ('b', 2))))") == [("a", "1\n"), ("b", "2\n")]


def test_a_failing_script_is_reported_as_nextflow_does(lab):
    cell = lab.run("%%process fails_\n#!/usr/bin/env bash\necho printed\necho wrong >&2\nfalse\necho never")
    said = cell.said
    assert "Error executing process > 'fails_'" in said
    for text in (
        "terminated with an error exit status (1)",
        "Command executed:",
        "echo never",
        "Command exit status:",
        "Command output:",
        "printed",
        "Command error:",
        "wrong",
        "Work dir:",
        "bash .command.run",
    ):
        assert text in said, text
    assert "Unset" not in said


def test_an_unset_variable_and_a_failed_command_end_a_script(lab):
    said = lab.fails(
        "%%process strictly -> o = stdout()\n#!/usr/bin/env bash\nif true; then later=1; fi\necho ${later2:=x} $later3x",
        "MissingInputError",
    )
    assert "later3x" in said


def test_shell_names_are_refused_as_inputs(lab):
    said = lab.fails("%%process shelly(PATH) -> o = stdout()\n#!/usr/bin/env bash\necho", "DeclarationError")
    assert "PATH" in said


def test_a_missing_output_file_is_named_with_what_is_there(lab):
    said = lab.fails(
        "%%process misses -> f = file('wanted.txt')\n#!/usr/bin/env bash\ntouch other.txt", "TaskFailedError"
    )
    assert 'file("wanted.txt") matches nothing' in said and "other.txt" in said


@pytest.mark.parametrize(("out", "err"), [("", ""), ("o", ""), ("", "e"), ("o", "e")])
def test_the_log_holds_what_a_task_printed_of_both_kinds(lab, out, err):
    lab.ok(
        f"%%process printing() -> d\nimport os, sys\nsys.stdout.write('{out}'); sys.stderr.write('{err}')\nd = os.getcwd()"
    )
    lab.ok(
        f"%%process printing_too() -> d = file('d')\n#!/usr/bin/env bash\nprintf '{out}'; printf '{err}' >&2; touch d"
    )
    for place in (lab.value("printing()"), lab.value("printing_too().parent")):
        kept = [(Path(place) / name).read_text() for name in (".command.out", ".command.err", ".command.log")]
        assert kept == [out, err, out + err]


# -- by hand ---------------------------------------------------------------------------------------------------------


def test_a_task_can_be_run_again_by_hand_in_a_copy_of_its_work_directory(lab, tmp_path):
    lab.write("hand.txt", "text\n")
    lab.ok("offset = 5\n")
    lab.ok(
        "%%process by_hand(x) -> y, f = file('out.txt')\ny = [x + offset]\nopen('out.txt', 'w').write(open('hand.txt').read() + str(y))\nprint('done')"
    )
    lab.ok(
        "%%process by_hand_too(x, p: Path) -> f = file('out.txt')\n#!/usr/bin/env bash\ncat $p > out.txt; echo $x $offset >> out.txt"
    )
    python = Path(lab.value("by_hand(1).f")).parent
    script = Path(lab.value("by_hand_too(1, 'hand.txt')")).parent
    before = {place: hashlib.sha256((place / "out.txt").read_bytes()).hexdigest() for place in (python, script)}
    told = json.loads((python / ".nbflow/outcome.json").read_text())["outputs"]
    for place in (python, script):
        copy = tmp_path / place.name
        shutil.copytree(place, copy, symlinks=True)
        (copy / "out.txt").unlink()
        done = subprocess.run(
            ["bash", ".command.run"],
            cwd=copy,
            capture_output=True,
            text=True,
            env={"PATH": "/usr/bin:/bin"},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert hashlib.sha256((copy / "out.txt").read_bytes()).hexdigest() == before[place]
        assert (copy / ".exitcode").read_text() == "0"
        if place is python:
            assert done.stdout == "done\n"
            assert json.loads((copy / ".nbflow/outcome.json").read_text())["outputs"] == told


def test_the_task_of_value_channels_has_the_name_of_its_process(lab):
    lab.ok("%%process gathers(xs: list) -> n\nn = len(xs)")
    lab.ok("list(gathers(channel.of(1, 2, 3).collect()))")
    assert nbflow.tasks()[-1].name == "gathers"
    lab.ok("list(gathers(channel.of([1], [2])))")
    assert [task.name for task in nbflow.tasks()[-2:]] == ["gathers (1)", "gathers (2)"]
