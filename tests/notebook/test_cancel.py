"""The cancel button: shown where it can work, gone when the cell is over; what it does, and what goes wrong in it.

What the labextension draws is seen in a browser, in `tests/integration/test_progress.py`.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from ipywidgets.widgets.widget import _instances as living

from nbflow.notebook.progress import cancel
from nbflow.notebook.progress.cancel import MIME, CancelButton
from nbflow.notebook.progress.live import HINT

VIEW = "application/vnd.jupyter.widget-view+json"


class Screen:
    """A publisher that keeps what is shown now, by display id."""

    def __init__(self) -> None:
        self.shown: dict[str, dict[str, Any]] = {}

    def publish(self, data: Any, metadata: Any = None, *, transient: Any = None, update: bool = False) -> None:
        assert update == (transient["display_id"] in self.shown)
        self.shown[transient["display_id"]] = data

    @property
    def only(self) -> dict[str, Any]:
        (data,) = self.shown.values()
        return data


def kernel(*subshells: str, supported: bool = True) -> Any:
    manager = SimpleNamespace(list_subshell=lambda: list(subshells))
    return SimpleNamespace(
        _supports_kernel_subshells=supported,
        shell_channel_thread=SimpleNamespace(manager=manager),
        get_parent=lambda channel: {"header": {"msg_id": f"the {channel} request"}},
    )


class Presses:
    """A button that is shown, and how often it interrupted."""

    def __init__(self, problem: Exception | None = None) -> None:
        self.interrupts = 0
        self.problem = problem
        self.screen = Screen()
        self.cancel = CancelButton(kernel("one"), self.screen, self.interrupt)
        self.cancel.look()
        self.cancel.look()

    def interrupt(self) -> None:
        if self.problem is not None:
            raise self.problem
        self.interrupts += 1

    @property
    def button(self) -> Any:
        return living[self.screen.only[VIEW]["model_id"]]


def test_a_button_is_shown_once_the_front_end_has_made_a_subshell() -> None:
    subshells: list[str] = []
    screen, there = Screen(), kernel()
    there.shell_channel_thread.manager.list_subshell = lambda: subshells
    one = CancelButton(there, screen)
    one.look()
    one.look()
    assert screen.shown == {}
    subshells.append("one")
    one.look()
    assert (screen.only["text/plain"], screen.only["text/html"]) == (HINT, HINT)
    one.look()
    assert len(screen.shown) == 1
    one.end()


def test_pressing_it_interrupts_once() -> None:
    pressed = Presses()
    button = pressed.button
    button.click()
    assert (pressed.interrupts, button.description, button.disabled) == (1, "Cancelling …", True)
    pressed.cancel.end()


def test_when_the_cell_is_over_nothing_of_it_stays_and_pressing_it_does_nothing() -> None:
    before = set(living)
    pressed = Presses()
    button = pressed.button
    pressed.cancel.end()
    pressed.cancel.end()
    assert pressed.screen.only == {"text/plain": "", "text/html": ""}
    assert set(living) == before
    button.click()
    assert pressed.interrupts == 0


def test_what_goes_wrong_in_it_is_shown_in_it() -> None:
    pressed = Presses(PermissionError("not yours"))
    button = pressed.button
    button.click()
    assert button.description == f"Not cancelled: PermissionError: not yours. {HINT}"
    assert not button.disabled
    pressed.cancel.end()


def test_the_labextensions_button_is_offered_beside_a_widget_and_without_one() -> None:
    for there in (kernel("one"), kernel(supported=False)):
        screen = Screen()
        one = CancelButton(there, screen)
        one.look()
        one.look()
        assert screen.only[MIME] == {"version": 1, "request": "the shell request"}
        assert (VIEW in screen.only) == there._supports_kernel_subshells
        one.end()
        assert screen.only == {"text/plain": "", "text/html": ""}


def test_a_kernel_without_subshells_has_words_at_once_and_no_widget() -> None:
    before, screen = set(living), Screen()
    one = CancelButton(kernel(supported=False), screen)
    one.look()
    assert set(living) == before
    assert screen.only.keys() == {MIME, "text/plain", "text/html"}
    assert screen.only["text/html"] == HINT


def test_a_front_end_that_makes_no_subshell_gets_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancel, "PATIENCE", -1.0)
    before, screen = set(living), Screen()
    one = CancelButton(kernel(), screen)
    one.look()
    assert screen.shown == {}
    one.look()
    one.look()
    assert screen.only.keys() == {MIME, "text/plain", "text/html"}
    assert (screen.only["text/html"], set(living)) == (HINT, before)


@pytest.mark.parametrize("there", [None, object(), SimpleNamespace(get_parent=lambda channel: {})])
def test_a_kernel_of_another_make_has_words(there: object) -> None:
    screen = Screen()
    CancelButton(there, screen).look()
    assert screen.only == {"text/plain": HINT, "text/html": HINT}
