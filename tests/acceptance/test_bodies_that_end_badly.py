"""What a user is told of a body that fails in an unusual way, and what it must not take with it."""

from __future__ import annotations

import pytest

from tests.notebook.lab import Lab


def body(lab: Lab, name: str, text: str) -> str:
    """Run a body that must fail; its error."""
    return lab.fails(f"%%process {name} -> r\n{text}", "TaskFailedError")


def test_an_exception_raised_from_another_tells_of_both(lab: Lab) -> None:
    said = body(
        lab, "chained", "try:\n    1/0\nexcept ZeroDivisionError as e:\n    raise ValueError('v') from e\nr = 1"
    )
    assert "ValueError: v" in said
    assert "Raised from:" in said
    assert "ZeroDivisionError: division by zero" in said


def test_an_exception_raised_while_another_was_handled_tells_of_both(lab: Lab) -> None:
    said = body(lab, "handling", "try:\n    {}['k']\nexcept KeyError:\n    raise ValueError('v')\nr = 1")
    assert "Raised while handling:" in said
    assert "KeyError: 'k'" in said
    assert (
        "KeyError"
        not in body(lab, "hidden", "try:\n    {}['k']\nexcept KeyError:\n    raise ValueError from None\nr = 1").split(
            "Cell"
        )[0]
    )


def test_a_group_tells_of_its_exceptions_and_an_exception_of_its_notes(lab: Lab) -> None:
    said = body(lab, "group", "raise ExceptionGroup('many', [ValueError('one'), TypeError('two')])\nr = 1")
    assert "ValueError: one" in said
    assert "TypeError: two" in said
    assert "look there" in body(lab, "noted", "e = ValueError('x')\ne.add_note('look there')\nraise e\nr = 1")


def test_a_long_traceback_and_a_long_message_are_shown_by_their_ends(lab: Lab) -> None:
    said = body(lab, "deep", "def f(n): return f(n + 1)\nr = f(0)")
    assert "RecursionError" in said
    assert "steps more in .command.err" in said
    assert len(said.splitlines()) < 120
    said = body(lab, "wordy", "raise ValueError('word\\n' * 10_000)\nr = 1")
    assert "more in the work directory" in said
    assert len(said.splitlines()) < 120


@pytest.mark.parametrize(
    ("name", "signal", "meaning"),
    [
        ("SIGKILL", 9, "may have run out of memory"),
        ("SIGSEGV", 11, "native code crashed"),
        ("SIGTERM", 15, "SIGTERM ("),
    ],
)
def test_a_signal_is_told_by_name_with_what_it_means(lab: Lab, name: str, signal: int, meaning: str) -> None:
    said = body(lab, f"by_{name}", f"import os\nos.kill(os.getpid(), {signal})\nr = 1")
    assert name in said
    assert meaning in said


@pytest.mark.parametrize("close", ["os.closerange(0, 11)", "os.closerange(0, 1000)", "os.close(1)"])
def test_a_body_that_closes_its_streams_is_told_so(lab: Lab, close: str) -> None:
    said = body(lab, "closing", f"import os\n{close}\nprint(1)\nr = 1")
    assert "Bad file descriptor" in said
    assert lab.value("closing") is not None


def test_a_pool_left_open_finishes_its_work_and_ends_quietly(lab: Lab) -> None:
    cell = lab.ok(
        """
        %%process pooled -> r: Path = file("late")
        import time
        from concurrent.futures import ThreadPoolExecutor
        def late():
            time.sleep(0.3)
            open("late", "w").write("done")
        ThreadPoolExecutor(1).submit(late)
        """
    )
    assert lab.value("r.read_text()") == "done"
    assert cell.err == ""
    assert (
        lab.ok(
            "%%process parallel -> r\nfrom joblib import Parallel, delayed\nr = Parallel(2)(delayed(abs)(i) for i in [-1, -2])"
        ).err
        == ""
    )


def test_a_thread_that_still_runs_is_named(lab: Lab) -> None:
    cell = lab.ok(
        "%%process left -> r\nimport threading, time\nthreading.Thread(target=time.sleep, args=(60,), name='slow').start()\nr = 1"
    )
    assert "thread 'slow' still ran when the body ended" in cell.err
