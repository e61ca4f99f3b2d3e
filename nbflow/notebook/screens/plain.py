"""The screens made of ipywidgets alone, for kernels without anywidget: plainer, a page of tasks at a time.

Alone lays these widgets out. Questions and deeds are the same as the other screens'; what goes wrong is shown in the screen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from nbflow.browsing.model import Model
from nbflow.errors import NbflowError
from nbflow.notebook.screens.acts import Acts
from nbflow.notebook.subshells import let_through

_PAGE = 25
_SHOWN = ("status", "name", "hash", "exit", "start", "realtime", "%cpu", "peak_rss", "size")
_HINT = "More can be seen with anywidget: <code>pip install 'nbflow[browser]'</code>, then restart the kernel."
_FAINT = "color: var(--jp-ui-font-color2, #757575)"
_CELL = 'style="text-align: left; padding: 1px 14px 1px 0; line-height: 1.5"'
_WIDE = {"width": "auto"}


class _Plain:
    """What both screens have: a line that says what was done or is wrong, and buttons."""

    def __init__(self, model: Model, acts: Acts) -> None:
        self._model = model
        self._acts = acts
        self._line = widgets.HTML(f'<span style="{_FAINT}">{_HINT}</span>')

    def _say(self, text: str, *, bad: bool = False) -> None:
        colour = "var(--jp-error-color1, #d32f2f)" if bad else "inherit"
        self._line.value = f'<div role="{"alert" if bad else "status"}" style="color: {colour}">{escape(text)}</div>'

    def told(self, text: str) -> None:
        """Show what goes on beside the kernel."""
        self._say(text)

    def _surely(self, work: Callable[[], None]) -> None:
        """Do something in a callback, whose errors nobody would see."""
        try:
            work()
        except NbflowError as error:
            self._say(str(error), bad=True)
        except Exception as error:  # noqa: BLE001
            self._say(f"{type(error).__name__}: {error}", bad=True)

    def _button(self, text: str, work: Callable[[], None], style: str = "") -> widgets.Button:
        button = widgets.Button(description=text, button_style=style, layout=widgets.Layout(**_WIDE))
        button.on_click(lambda _: self._surely(work))
        return button

    def _watch(self, widget: widgets.Widget, work: Callable[[], None]) -> None:
        widget.observe(lambda _: self._surely(work), names="value")

    def _settle(self, *parts: Any) -> widgets.VBox:
        box = widgets.VBox(parts)
        for widget in _all(box):
            let_through(widget)
        return box


class PlainPicker(_Plain):
    """The session picker.

    Parameters
    ----------
    model : Model
        Answers questions.
    acts : Acts
        Does what is asked for.

    Attributes
    ----------
    widget : ipywidgets.Widget
        To be displayed.
    """

    def __init__(self, model: Model, acts: Acts) -> None:
        super().__init__(model, acts)
        self._sessions: list[dict[str, Any]] = []
        self.filter = widgets.Text(description="Filter", placeholder="notebook, run, session", continuous_update=True)
        self.list = widgets.Select(description="Sessions", options=[], rows=8, layout=widgets.Layout(width="100%"))
        self.delete = self._button("Delete …", self._ask_delete, "danger")
        self.sure = self._button("Delete it", self._delete, "danger")
        self.sure.layout.display = "none"
        self.resume = self._button("Resume", lambda: self._resume(str(self.list.value)), "primary")
        self.fresh = self._button("New session", lambda: self._resume("new"))
        self._watch(self.filter, self._draw)
        self._watch(self.list, self._chosen)
        self.relaunch = self._button("Relaunch from failed task", self._relaunch)
        again = [self.relaunch] if "relaunch" in acts.names else []
        buttons = widgets.HBox([self.resume, self.fresh, *again, self.delete, self.sure])
        self.widget = self._settle(self.filter, self.list, buttons, self._line)
        self._read()

    def _read(self) -> None:
        answer = self._model.answer({"ask": "sessions"})
        self._sessions = [session for session in answer["sessions"] if session["own"]]
        self._draw()
        if not self._sessions:
            self._say(
                "No session here yet. The first %%process cell that you run begins one; nothing needs to be chosen."
            )

    def _draw(self) -> None:
        words = self.filter.value.lower().split()
        shown = [session for session in self._sessions if all(word in _words(session) for word in words)]
        before = self.list.value
        self.list.options = [(_session_line(session), session["id"]) for session in shown]
        ids = [session["id"] for session in shown]
        self.list.value = before if before in ids else next(iter(ids), None)

    def _chosen(self) -> None:
        self.sure.layout.display = "none"

    def _resume(self, session: str) -> None:
        self._say(self._acts.do({"act": "resume", "session": session})["said"])
        self._read()

    def _relaunch(self) -> None:
        self._say(self._acts.do({"act": "relaunch", "session": self.list.value})["said"])

    def _ask_delete(self) -> None:
        plan = self._acts.do({"act": "delete", "session": self.list.value, "really": False})
        self._say(f"Delete it? {plan['runs']} runs and {plan['tasks']} tasks go, {plan['freed']} are freed.")
        self.sure.layout.display = ""

    def _delete(self) -> None:
        self.sure.layout.display = "none"
        done = self._acts.do({"act": "delete", "session": self.list.value, "really": True})
        self._read()
        self._say(f"Deleted: {done['freed']} freed.")


class PlainBrowser(_Plain):
    """The cache browser: a run's tasks, page by page, and one of them; the parameters are those of `PlainPicker`."""

    def __init__(self, model: Model, acts: Acts) -> None:
        super().__init__(model, acts)
        self._first = 0
        layout = widgets.Layout(width="280px")
        self.run = widgets.Dropdown(description="Run", layout=layout)
        self.filter = widgets.Text(description="Filter", placeholder="name or hash", continuous_update=False)
        self.sort = widgets.Dropdown(description="Sort by", layout=layout, options=[("order of events", "")])
        self.falling = widgets.Checkbox(description="descending", indent=False, layout=widgets.Layout(**_WIDE))
        self.table = widgets.HTML()
        self.task = widgets.Dropdown(description="Task", layout=widgets.Layout(width="420px"))
        self.pane = widgets.HTML()
        self.load = self._button("Load outputs", self._load)
        back = self._button("Previous", lambda: self._turn(-_PAGE))
        on = self._button("Next", lambda: self._turn(_PAGE))
        for widget in (self.run, self.filter, self.sort, self.falling):
            self._watch(widget, self._restart)
        self._watch(self.task, self._open)
        self.widget = self._settle(
            widgets.HBox([self.run, self.filter, self.sort, self.falling]),
            self.table,
            widgets.HBox([back, on, self.task, self.load]),
            self._line,
            self.pane,
        )
        self._surely(self._begin)

    def _begin(self) -> None:
        sessions = self._model.answer({"ask": "sessions"})["sessions"]
        runs = [run for session in sessions for run in session["runs"]]
        if not runs:
            self._say("No task ran in this directory yet. Run a cell that begins with %%process, and look again.")
        self.run.options = [(f"{run['run']}  {run['started']}  {run['status']}", run["run"]) for run in runs]
        self.run.value = next((run["run"] for run in runs), None)

    def _restart(self) -> None:
        self._first = 0
        self._draw()

    def _turn(self, step: int) -> None:
        self._first = max(0, self._first + step)
        self._draw()

    def _draw(self) -> None:
        if self.run.value is None:
            return
        answer = self._model.answer(
            {
                "ask": "tasks",
                "run": self.run.value,
                "text": self.filter.value,
                "sort": self.sort.value,
                "descending": self.falling.value,
                "first": self._first,
                "count": _PAGE,
            }
        )
        self._first = answer["first"]
        if len(self.sort.options) == 1:
            self.sort.options = [("order of events", ""), *((title, name) for name, title in answer["columns"])]
        self.table.value = _tasks_table(answer)
        self.task.options = [("", ""), *((f"{row['name']} [{row['hash']}]", row["id"]) for row in answer["rows"])]

    def _open(self) -> None:
        if not self.task.value:
            self.pane.value = ""
            return
        self.pane.value = _pane(self._model.answer({"ask": "task", "run": self.run.value, "id": self.task.value}))

    def _load(self) -> None:
        if not self.task.value:
            raise NbflowError("Choose a task first")
        done = self._acts.do({"act": "load", "run": self.run.value, "id": self.task.value})
        if done["taken"]:
            task = self._model.answer({"ask": "task", "run": self.run.value, "id": self.task.value})
            raise NbflowError(
                f'{", ".join(done["taken"])} would be replaced: load them yourself with nbflow.load("{task["hash"]}")'
            )
        self._say(f"Bound in the notebook: {', '.join(done['bound'])}")


def _all(widget: Any) -> list[Any]:
    return [widget, *(each for child in getattr(widget, "children", ()) for each in _all(child))]


def _words(session: Mapping[str, Any]) -> str:
    return " ".join([session["id"], session["notebook"], *(run["run"] for run in session["runs"])]).lower()


def _session_line(session: Mapping[str, Any]) -> str:
    current = " (current)" if session["current"] else f" (held by {session['held']})" if session["held"] else ""
    numbers = ", ".join(
        f"{session[name]} {name}" for name in ("completed", "cached", "failed") if session[name] is not None
    )
    facts = (
        session["notebook"] or "-",
        session["run"],
        session["started"],
        session["duration"] or "-",
        session["status"],
    )
    cost = f" ({session['cost']})" if session["cost"] else ""
    goes = [f"goes {session['goes']}"] if session["goes"] else []
    return "  ".join([session["short"] + current, *facts, numbers, session["size_text"] + cost, *goes])


def _tasks_table(answer: Mapping[str, Any]) -> str:
    titles = {**dict(answer["columns"]), "name": "Task"}
    head = "".join(f'<th scope="col" {_CELL}>{escape(titles[name])}</th>' for name in _SHOWN)
    rows = "".join(
        "<tr>" + "".join(f"<td {_CELL}>{escape(row[name])}</td>" for name in _SHOWN) + "</tr>" for row in answer["rows"]
    )
    last = answer["first"] + len(answer["rows"])
    said = f"{answer['first'] + 1 if last else 0:,} to {last:,} of {answer['shown']:,} tasks"
    caption = f'<caption style="text-align: left; {_FAINT}">{said}</caption>'
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _pane(task: Mapping[str, Any]) -> str:
    changes = "".join(f"<li>{escape(text)}</li>" for text in task["changes"])
    source = "".join(text for _, text in task["source"])
    logs = [(name, log["text"]) for name, log in task["logs"].items() if log["size"]]
    facts = _facts(task["resources"])
    inputs = _facts([(each["name"], each["value"]) for each in task["inputs"]])
    outputs = _facts([(each["name"], f"{each['kind']}, {each['size']}") for each in task["outputs"]])
    parts = [("Script", _pre(source)), ("Inputs", inputs), ("Outputs", outputs), ("Resources", facts)]
    parts += [(name, _pre(text)) for name, text in logs]
    folded = "".join(f"<details><summary>{escape(name)}</summary>{html}</details>" for name, html in parts)
    head = f"<h3>{escape(task['name'])} [{escape(task['hash'])}]: {escape(task['status'])}</h3>"
    place = f'<p style="{_FAINT}">{escape(task["work_dir"])}</p>'
    return f"{head}<p>{escape(task['why'])}</p><ul>{changes}</ul>{folded}{place}"


def _facts(pairs: Sequence[tuple[str, str]]) -> str:
    rows = "".join(
        f'<tr><th scope="row" {_CELL}>{escape(name)}</th><td {_CELL}>{escape(text)}</td></tr>' for name, text in pairs
    )
    return f"<table><tbody>{rows}</tbody></table>"


def _pre(text: str) -> str:
    return f'<pre style="max-height: 300px; overflow: auto">{escape(text)}</pre>'
