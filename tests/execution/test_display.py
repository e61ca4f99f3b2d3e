"""What a task prints and displays is kept, in order, whoever wrote it."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest
from bodies import Bench, Ran

from nbflow.execution.worker.mimebundle import mimebundle, plain_text


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("launch"))
    yield bench
    bench.close()


def story(ran: Ran) -> list[tuple[str, object]]:
    """The events with the text in the place of its bytes, and the plain text in the place of a bundle."""
    streams = {name: (ran.work_dir / f".command.{name}").read_bytes() for name in ("out", "err")}
    told: list[tuple[str, object]] = []
    for kind, *rest in ran.events:
        if kind in streams:
            told.append((kind, streams[kind][rest[0] : rest[1]].decode()))
        else:
            bundle = isinstance(rest[0], dict)
            told.append((kind, rest[0]["data"]["text/plain"] if bundle else rest[0]))
    return told


def test_prints_of_both_streams_keep_their_order(bench):
    body = "import sys\nprint('a')\nprint('b', file=sys.stderr)\nprint('c', end='')\nprint('d', file=sys.stderr)\n"
    assert story(bench.run(body)) == [("out", "a\n"), ("err", "b\n"), ("out", "c"), ("err", "d\n")]


def test_every_byte_is_told_once(bench):
    body = "import sys, random\nfor i in range(300):\n    print('x' * i, file=random.choice([sys.stdout, sys.stderr]))\n    if i % 7 == 0: display(i)\n"
    ran = bench.run(body)
    for name in ("out", "err"):
        ranges = [(start, end) for kind, start, end in (event for event in ran.events if event[0] == name)]
        assert [start for start, _ in ranges] == [0, *(end for _, end in ranges[:-1])]
        assert ranges[-1][1] == (ran.work_dir / f".command.{name}").stat().st_size


def test_displays_stand_between_the_prints(bench):
    ran = bench.run("print('a')\ndisplay(1, 'two')\nprint('b')\n3", shows_last=True)
    assert story(ran) == [("out", "a\n"), ("display", "1"), ("display", "'two'"), ("out", "b\n"), ("result", "3")]


def test_child_processes_and_c_code_are_heard(bench):
    body = (
        "import ctypes, subprocess, sys\nprint('python')\nsubprocess.run(['echo', 'child'])\n"
        "display(1)\nctypes.CDLL(None).printf(b'from c\\n')\n"
    )
    assert story(bench.run(body)) == [("out", "python\nchild\n"), ("display", "1"), ("out", "from c\n")]


def test_a_forked_child_of_the_body_tells_no_events(bench):
    body = "import os, sys\nif os.fork() == 0:\n    print('child', file=sys.stderr)\n    display(1)\n    sys.stderr.flush()\n    os._exit(0)\nos.wait()\nprint('parent')\n"
    ran = bench.run(body)
    assert ran.status == 0
    assert [kind for kind, _ in story(ran)].count("display") == 0
    assert "child" in ran.err and "parent" in ran.out


def test_what_threads_print_is_not_told_twice(bench):
    body = (
        "import sys, threading\n"
        "def work(f):\n    for i in range(200): print(i, file=f)\n"
        "ts = [threading.Thread(target=work, args=(f,)) for f in (sys.stdout, sys.stderr)]\n"
        "[t.start() for t in ts]; [t.join() for t in ts]\n"
    )
    ran = bench.run(body)
    told = story(ran)
    assert "".join(text for kind, text in told if kind == "out") == ran.out
    assert "".join(text for kind, text in told if kind == "err") == ran.err


def test_a_failure_keeps_what_was_shown_before(bench):
    ran = bench.run("print('a')\ndisplay(1)\n1 / 0\n")
    assert story(ran)[:3] == [("out", "a\n"), ("display", "1"), ("traceback", None)]
    assert story(ran)[3][0] == "err"


def test_a_silent_task_tells_nothing(bench):
    assert bench.run("x = 1\nNone", shows_last=True).events == []


def test_ipythons_own_functions_work(bench):
    body = (
        "from IPython.display import HTML, display, clear_output, update_display\n"
        "display(HTML('<b>x</b>'))\nh = display(1, display_id='me')\nh.update(2)\nupdate_display(3, display_id='me')\nclear_output(wait=True)\n"
    )
    ran = bench.run(body)
    kinds = [event[0] for event in ran.events]
    assert kinds == ["display", "display", "update", "update", "clear"]
    assert ran.events[0][1]["data"]["text/html"] == "<b>x</b>"
    assert [event[1]["transient"] for event in ran.events[1:4]] == [{"display_id": "me"}] * 3
    assert ran.events[4] == ["clear", True]


def test_a_handle_without_a_name_gets_one(bench):
    ran = bench.run("h = display(1, display_id=True)\nh.update(2)\nx = h.display_id\n", binds=("x",))
    identity = ran.values()["x"]
    assert identity and all(event[1]["transient"] == {"display_id": identity} for event in ran.events)


def test_raw_bundles_are_displayed_as_they_are(bench):
    ran = bench.run("display({'text/plain': 'x', 'image/png': b'\\x89PNG'}, raw=True, metadata={'a': 1})\n")
    assert ran.events == [["display", {"data": {"text/plain": "x", "image/png": "iVBORw=="}, "metadata": {"a": 1}}]]


FIGURES = "import matplotlib.pyplot as plt\n"


def pictures(ran: Ran) -> list[bytes]:
    bundles = [event[1]["data"] for event in ran.events if event[0] in ("display", "result")]
    return [base64.b64decode(bundle["image/png"]) for bundle in bundles if "image/png" in bundle]


def test_open_figures_are_displayed_at_the_end_in_order(bench):
    ran = bench.run(
        FIGURES + "plt.figure(figsize=(1, 1)); plt.plot([1])\nplt.figure(figsize=(2, 1)); plt.plot([2])\nprint('a')\n"
    )
    assert [kind for kind, _ in story(ran)] == ["out", "display", "display"]
    assert [picture[:4] for picture in pictures(ran)] == [b"\x89PNG"] * 2
    assert [text for kind, text in story(ran)[1:]] == [
        "<Figure size 100x100 with 1 Axes>",
        "<Figure size 200x100 with 1 Axes>",
    ]


def test_show_displays_at_once(bench):
    ran = bench.run(FIGURES + "plt.plot([1])\nplt.show()\nprint('after')\n")
    assert [kind for kind, _ in story(ran)] == ["display", "out"]
    assert ran.err == ""


def test_figures_of_a_body_that_fails_are_displayed(bench):
    assert len(pictures(bench.run(FIGURES + "plt.plot([1])\n1 / 0\n"))) == 1


def test_figures_never_reach_the_next_task(bench):
    bench.run(FIGURES + "plt.plot([1])\n", preload=("matplotlib.pyplot",))
    assert pictures(bench.run(FIGURES + "x = plt.get_fignums()\n", preload=("matplotlib.pyplot",))) == []


def test_frames_have_html(bench):
    ran = bench.run("import pandas as pd\npd.DataFrame({'a': [1]})", shows_last=True)
    assert "<table" in ran.events[-1][1]["data"]["text/html"]


class Shows:
    """Has representations of several kinds."""

    def _repr_html_(self):
        return "<i>x</i>", {"isolated": True}

    def _repr_png_(self):
        return b"\x89PNG"

    def _repr_latex_(self):
        return None

    def _repr_json_(self):
        raise NotImplementedError

    def __repr__(self):
        return "Shows()"


def test_representations_become_a_bundle():
    data, metadata = mimebundle(Shows())
    assert data == {"text/html": "<i>x</i>", "image/png": "iVBORw==", "text/plain": "Shows()"}
    assert metadata == {"text/html": {"isolated": True}}
    assert mimebundle(Shows)[0] == {"text/plain": repr(Shows)}


class Bundled:
    """Makes its own bundle, and fails at another kind."""

    def _repr_mimebundle_(self, include=None, exclude=None):
        return {"text/plain": "own", "text/html": "first", "application/vnd.jupyter.widget-view+json": {}}

    def _repr_html_(self):
        raise ValueError("broken")


def test_a_broken_representation_is_left_out_and_told(capsys):
    assert mimebundle(Bundled())[0] == {"text/plain": "own", "text/html": "first"}
    assert "ValueError: broken" in capsys.readouterr().err


def test_objects_that_answer_to_anything_have_plain_text_only():
    class Anything:
        def __getattr__(self, name):
            return lambda *a, **k: "no"

    assert set(mimebundle(Anything())[0]) == {"text/plain"}


def test_containers_are_laid_out_and_keep_their_order():
    value = {"b" * 50: 1, "a" * 50: 2}
    assert plain_text(value).splitlines() == [f"{{'{'b' * 50}': 1,", f" '{'a' * 50}': 2}}"]
    assert plain_text("x") == "'x'"
