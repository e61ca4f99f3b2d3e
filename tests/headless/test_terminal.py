"""Tests of what a headless run prints."""

from __future__ import annotations

import io

from nbflow.headless.terminal import Terminal


class Tty(io.StringIO):
    """A terminal that lines can be rewritten on."""

    def isatty(self) -> bool:
        return True


def test_lines_stay_whole_though_a_cell_ends_in_the_middle_of_one() -> None:
    out, err = io.StringIO(), io.StringIO()
    terminal = Terminal(out, err)
    terminal.cell(1, 2, "print('x', end='')\nmore")
    terminal.stream("stdout", "x")
    terminal.display("a", "verdict 1")
    terminal.display("a", "verdict 2\nsecond line")
    terminal.settle()
    terminal.settle()
    assert out.getvalue() == "[1/2] print('x', end='')\nx\nverdict 2\nsecond line\n"


def test_colours_reach_terminals_only() -> None:
    out, err = io.StringIO(), Tty()
    terminal = Terminal(out, err)
    terminal.stream("stdout", "\x1b[31mred\x1b[0m\n")
    terminal.error("\x1b[31mred\x1b[0m")
    assert (out.getvalue(), err.getvalue()) == ("red\n", "\x1b[31mred\x1b[0m\n")


def test_progress_is_rewritten_on_a_terminal_and_gone_before_anything_else_is_printed() -> None:
    out = Tty()
    terminal = Terminal(out, io.StringIO())
    terminal.display("a", "nbflow · 3 tasks\nfit | 1 of 3")
    terminal.display("a", "nbflow · 3 tasks\nfit | 2 of 3")
    terminal.stream("stdout", "hello\n")
    assert out.getvalue() == "\r\x1b[Knbflow · 3 tasks\r\x1b[Knbflow · 3 tasks\r\x1b[Khello\n"
