"""What becomes of failed tasks: retries, ignored failures, the end of the others, limits."""

from __future__ import annotations

from itertools import pairwise

import nbflow

FLAKY = """
%%process {name}(x) -> y
#| error_strategy: {strategy}
#| max_retries: {retries}
from pathlib import Path
seen = Path({place!r}) / f"{name}-{{x}}"
tried = len(list(seen.parent.glob(seen.name + ".*")))
seen.with_name(f"{{seen.name}}.{{tried}}").touch()
if tried < {fails}:
    print("attempt", task.attempt)
    raise ValueError(f"attempt {{task.attempt}} of {{x}}")
y = (x, task.attempt)
"""


def declare_flaky(lab, name: str, *, fails: int, strategy: str = "retry", retries: int = 3) -> None:
    place = str(lab.launch_dir.parent)
    lab.ok(FLAKY.format(name=name, strategy=strategy, retries=retries, fails=fails, place=place))


def fields(lab, process: str, *names: str) -> list[tuple[str, ...]]:
    rows = [row for row in nbflow.tasks() if row.process == process]
    return [tuple(row.text(name) for name in names) for row in rows]


# -- retry -------------------------------------------------------------------------------------------------------------


def test_a_failed_task_is_run_again_in_a_directory_of_its_own_until_it_succeeds(lab):
    declare_flaky(lab, "twice", fails=2)
    cell = lab.ok("twice(7)")
    assert cell.result == (7, 3)
    assert cell.out.count("NOTE: twice: ValueError: attempt") == 2
    assert "-- Execution is retried (1)" in cell.out
    assert "-- Execution is retried (2)" in cell.out
    rows = fields(lab, "twice", "status", "attempt", "error_action", "workdir")
    assert [row[:3] for row in rows] == [
        ("FAILED", "1", "RETRY"),
        ("FAILED", "2", "RETRY"),
        ("COMPLETED", "3", "-"),
    ]
    assert len({row[3] for row in rows}) == 3


def test_what_was_retried_is_taken_from_the_cache_afterwards(lab):
    declare_flaky(lab, "resumed", fails=2)
    lab.ok("resumed(1)")
    lab.restart()
    declare_flaky(lab, "resumed", fails=2)
    cell = lab.ok("resumed(1)")
    assert cell.cached
    assert cell.result == (1, 3)
    assert fields(lab, "resumed", "status") == [("CACHED",)]


def test_a_task_that_never_succeeds_fails_and_begins_with_the_first_attempt_again(lab):
    declare_flaky(lab, "never", fails=99, retries=1)
    assert "attempt 2 of 5" in lab.fails("never(5)", "TaskFailedError")
    assert "attempt 2 of 5" in lab.fails("never(5)", "TaskFailedError")
    assert (
        fields(lab, "never", "attempt", "error_action")
        == [
            ("1", "RETRY"),
            ("2", "TERMINATE"),
        ]
        * 2
    )


def test_one_item_of_a_channel_is_retried_and_the_others_go_on(lab):
    declare_flaky(lab, "some", fails=1)
    assert lab.value("list(some(channel.of(3, 1, 2)))") == [(3, 2), (1, 2), (2, 2)]
    assert sorted(fields(lab, "some", "name", "status")) == [
        (f"some ({number})", status) for number in (1, 2, 3) for status in ("COMPLETED", "FAILED")
    ]


def test_a_process_stops_retrying_after_max_errors(lab):
    lab.ok(
        "%%process many(x) -> y\n#| error_strategy: retry\n#| max_retries: 9\n#| max_errors: 4\n#| max_forks: 1\nraise OSError(x)\ny = x"
    )
    lab.fails("many(channel.of(1, 2)).to_list().value", "TaskFailedError")
    failed = [row for row in fields(lab, "many", "status", "error_action") if row[0] == "FAILED"]
    assert failed == [("FAILED", "RETRY")] * 3 + [("FAILED", "TERMINATE")]


def test_resources_grow_with_the_attempts_up_to_their_limit(lab):
    lab.ok(
        """
        %%process grows(x)
        #| error_strategy: retry
        #| max_retries: 3
        #| memory: "{100 * 2 ** task.attempt} MB"
        #| resource_limits:
        #|   memory: 500 MB
        #!/usr/bin/env bash
        echo "attempt $task_attempt of $x has $task_memory"
        exit $((4 - task_attempt))
        """
    )
    lab.ok("grows(1)")
    assert fields(lab, "grows", "attempt", "memory", "exit") == [
        ("1", "200 MB", "3"),
        ("2", "400 MB", "2"),
        ("3", "500 MB", "1"),
        ("4", "500 MB", "0"),
    ]


def test_a_strategy_may_depend_on_the_exit_status_and_the_attempt(lab):
    lab.ok(
        """
        %%process computed(code)
        #| error_strategy: "{'retry' if task.exit_status == 137 else 'ignore' if task.exit_status == 3 else 'terminate'}"
        #| max_retries: 2
        #!/usr/bin/env bash
        exit "$code"
        """
    )
    lab.fails("computed(137)", "TaskFailedError")
    lab.ok("computed(3)")
    lab.fails("computed(4)", "TaskFailedError")
    assert fields(lab, "computed", "exit", "error_action") == [
        ("137", "RETRY"),
        ("137", "RETRY"),
        ("137", "TERMINATE"),
        ("3", "IGNORE"),
        ("4", "TERMINATE"),
    ]


def test_directives_see_what_the_attempt_before_was(lab):
    lab.ok(
        """
        %%process informed
        #| error_strategy: retry
        #| memory: "{200 if task.previous_trace is None else task.previous_trace.memory // 2 ** 20 + 50} MB"
        #| tag: "{task.attempt}: {task.exit_status}, {'exit status (9)' in str(task.previous_exception)}"
        #!/usr/bin/env bash
        echo $task_memory; exit $(( task_attempt == 1 ? 9 : 0 ))
        """
    )
    assert fields(lab, "informed", "name", "memory") == [
        ("informed (1: None, False)", "200 MB"),
        ("informed (2: 9, True)", "250 MB"),
    ]


def test_a_strategy_that_cannot_be_computed_ends_the_run_and_says_why(lab):
    lab.ok('%%process broken(x)\n#| error_strategy: "{1 / 0}"\n#!/usr/bin/env bash\nexit 5')
    cell = lab.run("broken(1)")
    shown = "\n".join(cell.error._render_traceback_())
    assert "terminated with an error exit status (5)" in shown
    assert "error_strategy could not be followed: `1 / 0`" in shown.replace("{1 / 0}", "1 / 0")


def test_an_attempt_that_cannot_begin_says_so_with_the_failure_before(lab):
    lab.ok(
        '%%process huge(x)\n#| error_strategy: retry\n#| cpus: "{1 if task.attempt == 1 else 4096}"\n#!/usr/bin/env bash\nexit 6'
    )
    shown = "\n".join(lab.run("huge(1)").error._render_traceback_())
    assert "terminated with an error exit status (6)" in shown
    assert "It could not be run again" in shown
    assert "Process requirement exceeds available CPUs -- req: 4096" in shown


def test_a_body_in_the_kernel_is_retried_there(lab):
    lab.ok("tries = []")
    lab.ok(
        """
        %%process inside(x) -> y
        #| executor: inline
        #| error_strategy: retry
        #| max_retries: 2
        if task.attempt < 3:
            raise ValueError(task.attempt)
        y = x, task.attempt
        """
    )
    assert lab.value("inside('a')") == ("a", 3)
    assert lab.value("inside.submit") is not None
    assert lab.value("list(inside(channel.of('b', 'c')))") == [("b", 3), ("c", 3)]


def test_a_time_limit_is_a_failure_like_others(lab):
    lab.ok(
        '%%process slow\n#| time: "{task.attempt * 0.3} s"\n#| error_strategy: retry\n#!/usr/bin/env bash\nsleep 0.4'
    )
    assert fields(lab, "slow", "status", "error_action") == [("FAILED", "RETRY"), ("COMPLETED", "-")]


def test_a_command_that_is_not_there_is_told_with_what_to_do(lab):
    lab.ok("%%process missing(x)\n#!/usr/bin/env bash\nno_such_program_$x")
    said = lab.fails("missing(1)", "TaskFailedError")
    assert "no_such_program_1: command not found" in said
    assert "exit status 127 says that a command was not found; install it, or add its directory to PATH" in said


# -- ignore ------------------------------------------------------------------------------------------------------------


def test_the_item_of_an_ignored_failure_is_left_out(lab):
    lab.ok("%%process odd(x) -> y\n#| error_strategy: ignore\nassert x % 2, f'{x} is even'\ny = 10 * x")
    cell = lab.ok("ys = odd(channel.of(1, 2, 3, 4))\n")
    assert lab.value("list(ys)") == [10, 30]
    assert cell.out.count("-- Error is ignored") == 2
    assert "AssertionError: 4 is even" in cell.out
    assert "odd | 4 of 4, ignored: 2" in cell.out
    assert lab.value("[*odd(channel.of(2)).if_empty('none')]") == ["none"]


def test_an_ignored_failure_runs_again_and_what_succeeded_does_not(lab):
    lab.ok("%%process half(x) -> y\n#| error_strategy: ignore\nassert x % 2\ny = x")
    lab.ok("list(half(channel.of(1, 2, 3)))")
    lab.restart()
    lab.ok("%%process half(x) -> y\n#| error_strategy: ignore\nassert x % 2\ny = x")
    lab.ok("list(half(channel.of(1, 2, 3)))")
    assert sorted(fields(lab, "half", "name", "status")) == [
        ("half (1)", "CACHED"),
        ("half (2)", "FAILED"),
        ("half (3)", "CACHED"),
    ]


def test_an_ignored_failure_of_a_single_call_gives_none(lab):
    lab.ok("%%process alone(x) -> y, z\n#| error_strategy: ignore\nraise ValueError(x)\ny = z = x")
    assert lab.value("tuple(alone(1))") == (None, None)
    assert lab.value("alone.submit(2).result().y") is None
    lab.ok("%%process at_once -> w\n#| error_strategy: ignore\nw = 1 / 0")
    assert lab.names["w"] is None


# -- finish and terminate ----------------------------------------------------------------------------------------------

SLEEPERS = """
%%process {name}(x) -> x, done = file("done", optional=True)
#| error_strategy: {strategy}
#| max_forks: {forks}
#!/usr/bin/env bash
if [[ $x == 1 ]]; then until [[ -e {go} ]]; do sleep 0.02; done; exit 3; fi
touch {go}; sleep 0.5; touch done
"""


def test_finish_lets_tasks_that_run_end_and_starts_no_other(lab):
    go = lab.launch_dir / "go-finish"
    lab.ok(SLEEPERS.format(name="finishing", strategy="finish", forks=2, go=go))
    assert "exit status (3)" in lab.fails("finishing(channel.of(1, 2, 3, 4, 5, 6))", "TaskFailedError")
    rows = dict(fields(lab, "finishing", "name", "status"))
    assert rows["finishing (1)"] == "FAILED"
    assert rows["finishing (2)"] == "COMPLETED"
    # The third may have taken the place of the first before it was known that that one had failed.
    assert {rows.get(f"finishing ({number})", "ABORTED") for number in (4, 5, 6)} == {"ABORTED"}
    assert fields(lab, "finishing", "error_action")[0] == ("FINISH",)


def test_terminate_ends_tasks_that_run_and_the_cell_ends_when_they_have(lab):
    go = lab.launch_dir / "go-terminate"
    lab.ok(SLEEPERS.format(name="ending", strategy="terminate", forks=2, go=go))
    assert "exit status (3)" in lab.fails("ending(channel.of(1, 2, 3))", "TaskFailedError")
    rows = dict(fields(lab, "ending", "name", "status"))
    assert rows == {"ending (1)": "FAILED", "ending (2)": "ABORTED", "ending (3)": "ABORTED"}


def test_the_failure_and_not_what_was_ended_because_of_it_is_the_error_of_the_cell(lab):
    lab.ok("%%process sleeps(x) -> y\nimport time\ntime.sleep(60)\ny = x")
    lab.ok("%%process fails_soon(x) -> y\nraise KeyError('soon')\ny = x")
    said = lab.fails("a = sleeps(channel.of(1))\nb = fails_soon(channel.of(1))", "TaskFailedError")
    assert "KeyError: 'soon'" in said
    assert ("sleeps (1)", "ABORTED") in fields(lab, "sleeps", "name", "status")


def test_tasks_of_a_channel_that_failed_are_not_compared_with_each_other(lab):
    lab.ok("%%process hopeless(x) -> y\nimport time\ntime.sleep(x / 10)\ny = x / 0")
    cell = lab.run("list(hopeless(channel.of(3, 2, 1, 0)))")
    assert "hopeless (1): has not run before" in cell.out
    assert "changed" not in cell.out


def test_finish_of_one_process_ends_the_waiting_tasks_of_others(lab):
    go = lab.launch_dir / "go-others"
    lab.ok(SLEEPERS.format(name="first_one", strategy="finish", forks=1, go=go))
    lab.ok(SLEEPERS.format(name="other_one", strategy="terminate", forks=1, go=go))
    lab.fails("a = first_one(channel.of(1))\nb = other_one(channel.of(2, 3, 4))", "TaskFailedError")
    assert dict(fields(lab, "other_one", "name", "status"))["other_one (1)"] == "COMPLETED"
    assert "COMPLETED" not in {row[0] for row in fields(lab, "other_one", "status")[1:]}


# -- forks -------------------------------------------------------------------------------------------------------------


def test_no_more_tasks_of_a_process_run_at_once_than_it_allows(lab):
    lab.ok(
        "%%process one_by_one(x) -> span\n#| max_forks: 1\nimport time\na = time.time()\ntime.sleep(0.02)\nspan = a, time.time()"
    )
    spans = sorted(lab.value("list(one_by_one(channel.of(*range(8))))"))
    assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_a_process_with_few_forks_takes_no_room_from_the_next(lab):
    """More items than the window holds wait for the first process; those that are through go on at once."""
    lab.ok("%%process narrow(x) -> x\n#| max_forks: 1\n#!/usr/bin/env bash\ntrue")
    lab.ok("%%process onward(x) -> x\n#!/usr/bin/env bash\ntrue")
    lab.ok("out = onward(narrow(channel.of(*range(300))))")
    starts = {name: int(start) for name, start in ((row.name, row.value("start")) for row in nbflow.tasks())}
    assert starts["onward (1)"] < starts["narrow (300)"]
