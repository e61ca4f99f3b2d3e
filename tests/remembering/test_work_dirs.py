"""What tasks share and what they do not: objects in common, changed globals, parameters."""

from __future__ import annotations

from tests.remembering.conftest import Notebooks


def test_what_shares_an_object_still_does_in_the_task(notebooks: Notebooks) -> None:
    body = "%%process t -> a, b, same\na.append(1)\nsame = a is b, len(b)"
    shared = notebooks.run("a = []\nb = a", body, "same, a is b")
    apart = notebooks.run("a = []\nb = []", body.replace("a, b, same", "a, same"), "same, a is b")
    assert shared[2].result == "((True, 1), True)"
    assert apart[1].status == "COMPLETED", "an equal copy is another value than the same object"
    assert apart[2].result == "((False, 0), False)"
    again = notebooks.run("a = []\nb = a", body, "same, a is b")
    assert again[1].status == "CACHED"
    assert again[2].result == "((True, 1), True)"


def test_parameters_that_share_an_object(notebooks: Notebooks) -> None:
    f = "%%process f(x, y) -> r\nx.append(1)\nr = len(y)"
    one = notebooks.run(f, "l = []", "f(l, l)", "f([], [])", "l")
    assert [one[2].result, one[3].result] == ["1", "0"]
    assert one[4].result == "[]", "what a body does to a parameter changes nothing outside"
    two = notebooks.run(f, "l = []", "f(l, l)", "f([], [])")
    assert [two[2].status, two[3].status] == ["CACHED", "CACHED"]
    assert [two[2].result, two[3].result] == ["1", "0"]


def test_parameter_and_global_that_share_an_object(notebooks: Notebooks) -> None:
    f = "%%process f(x) -> r\nx.append(1)\nr = len(g)"
    one = notebooks.run("g = []", f, "f(g)", "f([])")
    assert one[3].result == "0"
    assert one[2].result == "1" or "changes global `g`" in one[2].evalue
    assert one[3].status == "COMPLETED"


def test_changed_globals_are_outputs_of_a_body_that_declares_none(notebooks: Notebooks) -> None:
    body = "%%process t\nlog.append(n)\nd['k'] = n"
    cells = notebooks.run("log, d, n, still = [], {}, 3, [1]", body, "log, d, still", "log, d = [], {}", body, "log, d")
    assert cells[2].result == "([3], {'k': 3}, [1])"
    assert cells[4].status == "CACHED", "what the cell changed counts as it was before"
    assert cells[5].result == "([3], {'k': 3})"
    run_on = notebooks.run("log, d, n, still = [], {}, 3, [1]", body, body, "log")
    assert [cell.statuses for cell in run_on[1:3]] == [["CACHED"], ["COMPLETED"]]
    assert run_on[3].result == "[3, 3]"


def test_changed_global_that_is_not_listed_fails_by_name(notebooks: Notebooks) -> None:
    cells = notebooks.run("log = []", "%%process t -> n\nlog.append(1)\nn = 1", "log")
    assert "changes global `log`; add it after `->`" in cells[1].evalue
    assert cells[1].statuses == ["FAILED"]
    assert cells[2].result == "[]"
    again = notebooks.run("log = []", "%%process t -> n\nlog.append(1)\nn = 1")
    assert again[1].statuses == ["FAILED"], "a failure is never taken from the cache"


def test_a_name_that_the_body_binds_anew_is_its_own_unless_it_is_listed(notebooks: Notebooks) -> None:
    body = "%%process t -> r\ndef f():\n    global k\n    k = k + 1\n    return k\nr = f()"
    cells = notebooks.run("k = 1", body, "r, k", body.replace("-> r", "-> r, k"), "r, k")
    assert cells[2].result == "(2, 1)"
    assert cells[4].result == "(2, 2)"
    after = notebooks.run("k = 5", body, "r, k")
    assert after[1].status == "COMPLETED"
    assert after[2].result == "(6, 5)"


def test_tasks_of_the_same_content_run_once_side_by_side(notebooks: Notebooks) -> None:
    cells = notebooks.run("%%process f(x) -> r\nimport time\ntime.sleep(0.2)\nr = x", "list(f(channel.of(1, 1, 1)))")
    assert cells[1].result == "[1, 1, 1]"
    assert len({task_hash for _, _, task_hash in cells[1].tasks}) == 1


def test_same_task_at_the_same_number_or_another_is_one(notebooks: Notebooks) -> None:
    f = "%%process f(x) -> r\nr = x * 2"
    notebooks.run(f, "list(f(channel.of(1, 2, 3)))")
    cells = notebooks.run(f, "list(f(channel.of(3, 1)))", "f(2)")
    assert cells[1].statuses == ["CACHED", "CACHED"]
    assert cells[1].result == "[6, 2]"
    assert cells[2].status == "CACHED", "a value counts the same alone and in a channel"


def test_outputs_that_share_an_object_count_as_other_outputs_than_equal_copies(notebooks: Notebooks) -> None:
    """The next task gets them as they are, however large they are, and can tell."""
    make = "%%process make(n) -> a, b\na = [float(i) for i in range(20_000)]\nb = {}"
    use = "%%process use(made) -> r\nmade.a.append(1.0)\nr = len(made.b)"
    run = "list(use(make(channel.of(1))))"
    assert notebooks.run(make.format("a"), use, run)[2].result == "[20001]"
    apart = notebooks.run(make.format("list(a)"), use, run)
    assert apart[2].result == "[20000]", "a fresh run gives that"
    assert notebooks.run(make.format("list(a)") + "  # the same", use, run)[2].statuses == ["CACHED", "CACHED"]
