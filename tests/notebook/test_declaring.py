"""Cells that run once (design 1.1) and what a body sees (1.8), in a real shell."""

from __future__ import annotations

import pytest


def plain(cell) -> list[str]:
    return [shown["data"].get("text/plain") for shown in cell.shown]


# -- inputs and outputs ----------------------------------------------------------------------------------------------


def test_a_cell_that_binds_its_own_names_is_a_hit_when_run_again(lab):
    cell = """
        %%process total
        total_a = 1
        for i in range(3):
            total_a = total_a + i
        total_b = total_a * 2
    """
    assert not lab.ok(cell).cached
    assert (lab.names["total_a"], lab.names["total_b"], lab.names["i"]) == (4, 8, 2)
    assert lab.ok(cell).cached
    assert lab.names["total_b"] == 8


def test_a_name_that_some_path_reads_before_it_is_bound_is_an_input(lab):
    lab.ok("flag = False\nbranch = 10")
    cell = """
        %%process maybe -> branch_out
        if flag:
            branch = 1
        branch_out = branch
    """
    assert not lab.ok(cell).cached
    assert lab.names["branch_out"] == 10
    assert lab.ok(cell).cached
    lab.ok("branch = 11")
    assert not lab.ok(cell).cached
    assert lab.names["branch_out"] == 11


def test_x_is_x_plus_one_reads_x_so_each_run_is_another_task(lab):
    lab.ok("x = 1")
    assert not lab.ok("%%process step\nx = x + 1").cached
    assert lab.names["x"] == 2
    assert not lab.ok("%%process step\nx = x + 1").cached
    assert lab.names["x"] == 3
    lab.ok("x = 1")
    assert lab.ok("%%process step\nx = x + 1").cached
    assert lab.names["x"] == 2


def test_names_that_a_nested_function_reads_are_inputs(lab):
    lab.ok("factor = 3")
    cell = """
        %%process nested
        def scale(v):
            return v * factor
        scaled = scale(2)
    """
    assert not lab.ok(cell).cached
    assert lab.names["scaled"] == 6
    lab.ok("factor = 4")
    assert not lab.ok(cell).cached
    assert lab.names["scaled"] == 8


def test_mutable_globals_that_the_body_changes_are_outputs(lab):
    lab.ok("seen = []\nuntouched = [0]")
    cell = "%%process grow\nseen.append(len(untouched))\ngrown = True"
    assert not lab.ok(cell).cached
    assert lab.names["seen"] == [1]
    lab.ok("seen = []")
    assert lab.ok(cell).cached
    assert lab.names["seen"] == [1]
    assert lab.names["untouched"] == [0]


def test_a_global_that_is_changed_and_not_declared_fails_by_name(lab):
    lab.ok("log = []")
    said = lab.fails("%%process sneaky -> r\nlog.append(1)\nr = 1", "TaskFailedError")
    assert "changes global `log`; add it after `->`" in said
    assert lab.names["log"] == []
    lab.ok("%%process sneaky -> r, log\nlog.append(1)\nr = 1")
    assert lab.names["log"] == [1]


def test_private_names_and_what_cannot_be_stored_are_left_out_and_named_in_the_one_line(lab):
    cell = lab.ok("%%process leftovers\n_hidden = 1\nkept = 2\nimport threading\nlock = threading.Lock()")
    assert lab.names["kept"] == 2
    assert "_hidden" not in lab.names and "lock" not in lab.names
    (line,) = [line for line in cell.out.splitlines() if "not kept" in line]
    assert "lock" in line and "_hidden" not in line
    again = lab.ok("%%process leftovers\n_hidden = 1\nkept = 2\nimport threading\nlock = threading.Lock()")
    assert again.cached and "lock" in again.verdict


def test_imports_of_the_cell_are_bound_in_the_notebook_also_on_a_hit(lab):
    cell = "%%process importing\nimport json\nimport os.path as osp\nfrom collections import Counter as C\nn = C('aab')['a']"
    for expected in (False, True):
        for name in ("json", "osp", "C"):
            lab.names.pop(name, None)
        assert lab.ok(cell).cached is expected
        assert lab.names["json"].__name__ == "json"
        assert lab.names["osp"].__name__ == "posixpath"
        assert lab.names["C"].__name__ == "Counter"
        assert lab.names["n"] == 2


def test_declared_outputs_alone_come_back(lab):
    lab.ok("%%process chosen -> wanted\nother_of_chosen = 1\nwanted = 2")
    assert lab.names["wanted"] == 2
    assert "other_of_chosen" not in lab.names


def test_a_declared_output_that_no_line_sets_is_refused_before_anything_runs(lab):
    said = lab.fails("%%process typo -> modle\nmodel = 1", "DeclarationError")
    assert "output `modle` of `typo` is never set; did you mean `model`?" in said
    said = lab.fails("%%process lost(x) -> x, gone\ny = 1", "DeclarationError")
    assert "output `gone` of `lost` is never set; assign it in the body, or take it out after `->`" in said


@pytest.mark.parametrize(
    "body",
    [
        "import math as found",
        "def found(): pass",
        "exec('found = 1')",
        "globals()['found'] = 1",
        "def set_it():\n    global found\n    found = 1\nset_it()",
        "for found in [1]: pass",
    ],
)
def test_an_output_may_be_set_in_any_way(lab, body):
    lab.ok(f"%%process any_way(x) -> found\n{body}")


def test_a_declared_output_that_was_not_set_or_cannot_be_stored_fails_by_name(lab):
    said = lab.fails("%%process unset -> here, gone\nhere = 1\nif here > 1: gone = 2", "TaskFailedError")
    assert "output `gone` was not set; assign it in the body, or take it out after `->`" in said
    said = lab.fails("%%process unstored -> gen\ngen = (i for i in [1])", "TaskFailedError")
    assert "output `gen` cannot be kept" in said


def test_the_type_of_an_output_is_checked(lab):
    said = lab.fails("%%process typed -> n: int\nn = 'one'", "TaskFailedError")
    assert "output `n`: expected int" in said
    lab.ok("%%process typed -> n: int\nn = 1")


def test_the_name_is_bound_to_the_process(lab):
    lab.ok("%%process named\nn_named = 1")
    assert repr(lab.names["named"]) == "<process named()>"
    assert lab.ok("again = named()").out.count("reused") == 1
    assert lab.names["again"] == 1


def test_a_body_that_takes_nothing_and_gives_nothing_runs(lab):
    assert not lab.ok("%%process silent\npass").cached
    assert lab.ok("%%process silent\npass").cached


@pytest.mark.parametrize("read", ["from __main__ import main_k as z", "import __main__\nz = __main__.main_k"])
def test_a_body_that_imports_the_notebook_itself_reads_its_names(lab, read):
    lab.ok("main_k = 3")
    cell = f"%%process from_main -> z\n{read}"
    lab.ok(cell)
    assert lab.value("z") == 3
    lab.ok("main_k = 4")
    lab.ok(cell)
    assert lab.value("z") == 4


# -- what is shown ---------------------------------------------------------------------------------------------------

SHOWS = """
    %%process shows
    import sys
    import pandas as pd
    print("one")
    print("two", file=sys.stderr)
    frame = pd.DataFrame({"a": [1]})
    display(frame)
    print("three")
    frame
"""


def test_streams_displays_and_the_last_expression_are_shown_and_shown_again_on_a_hit(lab):
    ran, hit = lab.ok(SHOWS), lab.ok(SHOWS)
    assert not ran.cached and hit.cached
    for cell in (ran, hit):
        assert cell.printed == "one\nthree\n"
        assert cell.err == "two\n"
        assert [sorted(shown["data"]) for shown in cell.shown] == [["text/html", "text/plain"]] * 2
    assert ran.shown == hit.shown
    assert "<table" in hit.shown[1]["data"]["text/html"]


def test_the_last_expression_is_the_cells_result_unless_a_semicolon_ends_it(lab):
    assert repr(lab.ok("%%process last\n1 + 1").result) == "2"
    assert lab.ok("%%process last\n1 + 1;").result is None
    assert lab.ok("%%process last\nlast_x = 1").result is None
    assert lab.ok("%%process last\nNone").result is None


def test_several_figures_are_shown_in_order(lab):
    pytest.importorskip("matplotlib")
    cell = """
        %%process figures
        import matplotlib.pyplot as plt
        plt.figure(figsize=(1, 1)); plt.plot([1, 2])
        print("between")
        plt.figure(figsize=(2, 1)); plt.plot([2, 1]);
    """
    ran, hit = lab.ok(cell), lab.ok(cell)
    assert not ran.cached and hit.cached
    pictures = [shown["data"]["image/png"] for shown in ran.shown]
    assert len(pictures) == 2 and pictures[0] != pictures[1]
    assert ran.shown == hit.shown


def test_what_was_shown_is_shown_after_a_restart(lab):
    cell = SHOWS.replace("shows", "shows_again")
    before = lab.ok(cell)
    lab.restart()
    after = lab.ok(cell)
    assert after.cached
    assert (after.printed, after.err, after.shown) == (before.printed, before.err, before.shown)


def test_one_line_says_what_ran_or_was_reused_why_and_the_time_saved(lab):
    lab.ok("grade = 1")
    ran = lab.ok("%%process verdict\nimport time\ntime.sleep(0.1)\nv = grade")
    assert "verdict: ran [" in ran.verdict and "has not run before" in ran.verdict
    lab.ok("grade = 2")
    ran = lab.ok("%%process verdict\nimport time\ntime.sleep(0.1)\nv = grade")
    assert "global `grade` changed: 1 -> 2" in ran.verdict
    hit = lab.ok("%%process verdict\nimport time\ntime.sleep(0.1)\nv = grade")
    assert "verdict: reused from [" in hit.verdict and "saved" in hit.verdict
    assert lab.ok("%%process verdict\nv = grade").verdict.count("the source changed") == 1


# -- options and flags -----------------------------------------------------------------------------------------------


def test_rerun_runs_once_more_and_takes_the_place_of_what_was_remembered(lab):
    cell = "%%process {}forced -> t\nimport time\nt = time.time_ns()"
    lab.ok(cell.format(""))
    first = lab.names["t"]
    assert lab.ok(cell.format("")).cached
    again = lab.ok(cell.format("--rerun "))
    assert not again.cached and "a rerun was asked for" in again.verdict
    second = lab.names["t"]
    assert second != first
    assert lab.ok(cell.format("")).cached
    assert lab.names["t"] == second


def test_cache_false_runs_always(lab):
    cell = "%%process uncached\n#| cache: false\nu = 1"
    assert not lab.ok(cell).cached
    again = lab.ok(cell)
    assert not again.cached and "`cache: false`" in again.verdict


def test_options_in_a_declared_process_refuse_rerun_with_the_way_out(lab):
    said = lab.fails("%%process --rerun declared(x) -> y\ny = x", "DeclarationError")
    assert "`declared.rerun(...)`" in said


def test_task_holds_the_directives(lab):
    lab.ok(
        "%%process facts\n#| cpus: 2\n#| memory: 1 GB\nf = (task.cpus, task.memory, task.attempt, task.process, task.name, len(task.hash))"
    )
    assert lab.names["f"] == (2, 2**30, 1, "facts", "facts", 32)


def test_cpus_are_not_hashed(lab):
    assert not lab.ok("%%process sized\n#| cpus: 2\ns = 1").cached
    assert lab.ok("%%process sized\n#| cpus: 1\ns = 1").cached


def test_env_sets_variables_of_the_task_and_is_hashed(lab):
    lab.ok("%%process env_set\n#| env:\n#|   COLOUR: red\nimport os\ncolour = os.environ['COLOUR']")
    assert lab.names["colour"] == "red"
    cell = lab.ok("%%process env_set\n#| env:\n#|   COLOUR: blue\nimport os\ncolour = os.environ['COLOUR']")
    assert not cell.cached and lab.names["colour"] == "blue"


def test_tag_names_the_task(lab):
    lab.ok("who = 'ann'")
    assert "tagged (ann)" in lab.ok("%%process tagged\n#| tag: '{who}'\ng = 1").verdict


@pytest.mark.parametrize(
    ("cell", "kind", "texts"),
    [
        (
            "%%process e -> r\n#| cpu: 2\nr = 1",
            "DeclarationError",
            ("unknown directive `cpu`", "did you mean `cpus`", "line 2"),
        ),
        ("%%process e -> r\n#| cpus: many\nr = 1", "DeclarationError", ("cpus", "many", "line 2")),
        ("%%process e -> r\n#| cpus: 0\nr = 1", "DeclarationError", ("cpus", "0")),
        ("%%process e -> r\n#| env: {A: b}\nr = 1", "DeclarationError", ("`env`", "#|   NAME: value")),
        ("%%process e -> r\n#| executor: slurm\nr = 1", "DeclarationError", ("executor `slurm` is not supported yet",)),
        ("%%process e -> r\n#| container: x\nr = 1", "DeclarationError", ("`container` is not supported yet",)),
        ("%%process e(a, a) -> r\nr = a", "DeclarationError", ("`a`",)),
        ("%%process e(a) -> r, r\nr = a", "DeclarationError", ("`r`",)),
        ("%%process e(*args) -> r\nr = args", "DeclarationError", ("*args",)),
        ("%%process e(**more) -> r\nr = more", "DeclarationError", ("**more",)),
        ("%%process channel(a) -> r\nr = a", "DeclarationError", ("`channel` cannot name a process",)),
        ("%%process e -> e\ne = 1", "DeclarationError", ("output `e` has the name of its process", "make_e")),
        ("%%process e -> r\nimport os\nos._exit(0)\nr = 1", "TaskFailedError", ("os._exit()",)),
        ("%%process class -> r\nr = 1", "DeclarationError", ("class",)),
        ("%%process e -> r\nr = = 1", "DeclarationError", ("not valid Python", "line 2")),
        ("%%process e -> r\n#| cpus: 1\n", "DeclarationError", ("`e` has no body",)),
        ("%%process e -> r\n%cd /tmp\nr = 1", "DeclarationError", ("%cd", "executor: inline", "line 2")),
        ("defined_a = 1\n", None, ()),
        ("%%process e -> r\nr = defined_b", "MissingInputError", ("`defined_b`, which is not defined", "`defined_a`")),
        (
            "%%process e\nr = defined_zzz_q",
            "MissingInputError",
            ("`defined_zzz_q`", "run the cell that defines it first"),
        ),
    ],
    ids=lambda value: value.split("\n")[1][:20] if isinstance(value, str) and "\n" in value else "",
)
def test_errors_name_the_thing_and_the_fix(lab, cell, kind, texts):
    if kind is None:
        lab.ok(cell)
        return
    said = lab.fails(cell, kind)
    for text in texts:
        assert text in said


def test_an_output_that_no_path_sets_is_refused_by_name(lab):
    said = lab.fails("%%process e -> accuracy\naccurcy = 1")
    assert "`accuracy`" in said


# -- IPython's syntax ------------------------------------------------------------------------------------------------


def test_shell_commands_work_and_what_they_interpolate_is_an_input(lab):
    lab.ok("word = 'hi'")
    cell = "%%process shelled -> lines\n!echo direct $word\nlines = !echo {word} there"
    ran = lab.ok(cell)
    assert ran.printed == "direct hi\n"
    assert lab.names["lines"] == ["hi there"]
    assert lab.ok(cell).cached
    lab.ok("word = 'ho'")
    assert not lab.ok(cell).cached
    assert lab.names["lines"] == ["ho there"]


def test_time_magics_work_and_are_no_part_of_the_source(lab):
    ran = lab.ok("%%process clocked -> c\n%time c = 1 + 1")
    assert "Wall time" in ran.printed and lab.names["c"] == 2
    assert lab.ok("%%process clocked -> c\nc = 1 + 1").cached
    assert lab.ok("%%process clocked -> c\n%%time\nc = 1 + 1").cached


def test_top_level_await_works(lab):
    lab.ok("%%process awaiting -> w\nimport asyncio\nw = await asyncio.sleep(0, 5)\nw += 1")
    assert lab.names["w"] == 6


# -- what a body sees ------------------------------------------------------------------------------------------------


def test_nothing_that_a_task_does_to_its_process_reaches_the_next(lab):
    look = """
        %%process look{number} -> found
        #| cache: false
        import os, random, math, sys
        import matplotlib.pyplot as plt
        found = (random.random() == {seeded}, os.environ.get("LEFT"), os.getcwd() == str(task.work_dir),
                 hasattr(math, "patched"), plt.get_fignums(), "leftover" in sys.modules)
    """
    lab.ok("""
        %%process leave -> seeded
        import os, random, math, sys, types
        import matplotlib.pyplot as plt
        random.seed(1)
        os.environ["LEFT"] = "yes"
        os.chdir("/")
        math.patched = True
        plt.figure()
        sys.modules["leftover"] = types.ModuleType("leftover")
        random.seed(1); seeded = random.random()
    """)
    for number in range(3):
        lab.ok(look.format(number=number, seeded=lab.names["seeded"]))
        assert lab.names["found"] == (False, None, True, False, [], False)


def test_a_task_has_the_environment_and_module_path_of_the_moment(lab, monkeypatch):
    lab.write("pool/only_here.py", "ANSWER = 42\n")
    monkeypatch.setenv("OF_NOW", "1")
    monkeypatch.syspath_prepend(str(lab.launch_dir / "pool"))
    lab.ok("%%process moment -> m, a\nimport os\nimport only_here\nm, a = os.environ['OF_NOW'], only_here.ANSWER")
    assert (lab.names["m"], lab.names["a"]) == ("1", 42)
    monkeypatch.setenv("OF_NOW", "2")
    again = lab.ok(
        "%%process moment -> m, a\nimport os\nimport only_here\nm, a = os.environ['OF_NOW'], only_here.ANSWER"
    )
    assert not again.cached and lab.names["m"] == "2"


def test_random_generators_are_seeded_from_the_task_hash(lab):
    cell = "%%process {} lucky -> luck\nimport random\nimport numpy as np\nluck = (random.random(), float(np.random.rand()))"
    lab.ok(cell.format(""))
    first = lab.names["luck"]
    rerun = lab.ok(cell.format("--rerun"))
    assert not rerun.cached and lab.names["luck"] == first
    lab.ok(
        "%%process unlucky -> luck\nimport random\nimport numpy as np\nluck = (random.random(), float(np.random.rand()))"
    )
    assert lab.names["luck"] != first


def test_body_and_notebook_functions_share_one_namespace(lab):
    lab.ok("base = 1\ndef bump():\n    global base\n    base += 1\n    return base\n")
    lab.ok("%%process shared\nbase = 10\nafter = bump()")
    assert (lab.names["base"], lab.names["after"]) == (11, 11)


def test_a_string_that_names_a_file_of_the_launch_directory_is_an_input(lab):
    path = lab.write("data/x.csv", "a\n1\n")
    cell = "%%process reads_file -> text\ntext = open('data/x.csv').read()"
    lab.ok(cell)
    assert lab.names["text"] == "a\n1\n"
    assert lab.ok(cell).cached
    path.write_text("a\n2\n3\n")
    again = lab.ok(cell)
    assert not again.cached and "data/x.csv" in again.verdict
    assert lab.names["text"] == "a\n2\n3\n"


def test_a_relative_path_that_is_not_staged_fails_with_a_hint(lab):
    lab.write("data/y.csv", "1\n")
    said = lab.fails("%%process unstaged -> t\nname = 'data/' + 'y' + '.csv'\nt = open(name).read()", "TaskFailedError")
    assert "FileNotFoundError" in said
    assert "launch directory" in said and "Path" in said


def test_a_failing_task_shows_its_traceback_into_the_cell_its_work_directory_and_the_next_step(lab):
    lab.ok("def divide(v):\n    return 1 / v\n")
    cell = lab.run("%%process broken -> r\n#| cpus: 1\nprint('before')\nzero = 0\nr = divide(zero)")
    assert type(cell.error).__name__ == "TaskFailedError"
    assert cell.out.startswith("before\n")
    said = cell.said
    assert "Error executing process > 'broken'" in said
    assert "ZeroDivisionError: division by zero" in said
    assert "%%process broken" in said and "line 5" in said and "r = divide(zero)" in said
    assert "return 1 / v" in said
    assert str(cell.error.work_dir) in said and cell.error.work_dir.is_dir()
    assert "bash .command.run" in said
    assert ".nbflow" not in said and "worker.py" not in said


def test_what_failed_runs_again(lab):
    lab.ok("divisor = 0")
    lab.fails("%%process retry -> q\nq = 1 / divisor")
    lab.fails("%%process retry -> q\nq = 1 / divisor")
    lab.ok("divisor = 2")
    lab.ok("%%process retry -> q\nq = 1 / divisor")
    assert lab.names["q"] == 0.5


def test_two_cells_that_declare_one_process_differently_are_told(lab):
    first, edited, other = (f"%%process twice(x) -> y\ny = {body}" for body in ("x", "x + 1", "x + 2"))
    assert "two cells" not in lab.run(first, "cell-1").err
    assert "two cells" not in lab.run(edited, "cell-1").err, "the same cell after an edit"
    assert "two cells" not in lab.run(edited, "cell-2").err, "the same body"
    assert "`twice` is declared by two cells, with different bodies" in lab.run(other, "cell-1").err
    assert "two cells" not in lab.run(edited, "cell-2").err, "once a kernel"
    assert lab.value("twice(1)") == 2
