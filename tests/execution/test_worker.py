"""The worker: what a body sees, what it puts out, how it fails."""

from __future__ import annotations

import os
import py_compile
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from bodies import CLASS, Bench, Ran

from nbflow.execution.local import tree
from nbflow.execution.spec import Capture, OutputSpec
from nbflow.storage import values, workdir


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("launch"))
    yield bench
    bench.close()


def failure(ran: Ran) -> str:
    assert ran.status not in (0, None)
    return ran.error["evalue"]


# -- outputs of a body without a declaration -------------------------------------------------------------------------


def test_names_bound_at_the_top_level_are_put_out(bench):
    ran = bench.run("import math\nx = 1\ny = [math.pi]\n_private = 2\n", imports=(("math", "math", None),))
    assert ran.status == 0
    assert ran.values() == {"x": 1, "y": [3.141592653589793]}
    assert ran.outcome["imports"] == [["math", "math", None]]


def test_what_cannot_be_stored_is_left_out_and_named(bench):
    ran = bench.run(
        "x = 1\ng = (i for i in x_)\nimport threading\nlock = threading.Lock()\n", notebook="x_ = [1]", reads=("x_",)
    )
    assert ran.values() == {"x": 1}
    assert [text.partition(":")[0] for text in ran.outcome["left_out"]] == ["g", "lock"]


def test_what_pickle_alone_refuses_is_left_out_too(bench):
    ran = bench.run(
        "class A:\n    def __reduce__(self): raise TypeError('no')\n    __nbflow_digest__ = lambda self: 1\na = A()\nx = 2\n"
    )
    assert ran.status == 0, ran.err
    assert "a" not in ran.values() and ran.values()["x"] == 2
    assert "a" in [text.partition(":")[0] for text in ran.outcome["left_out"]]


def test_a_module_under_another_name_is_left_out_silently(bench):
    ran = bench.run("import math\nm = math\nx = 1\n", imports=(("math", "math", None),))
    assert (ran.values(), ran.outcome["left_out"]) == ({"x": 1}, [])


def test_star_imports_are_imports_and_no_outputs(bench):
    ran = bench.run("from math import *\nfrom bisect import *\nx = floor(2.5)\n", imports=())
    assert ran.values() == {"x": 2}
    assert ["floor", "math", "floor"] in ran.outcome["imports"]


def test_globals_that_the_body_changed_are_put_out(bench):
    ran = bench.run("model['a'].append(2)\n", notebook="model = {'a': [1]}\nother = [1]", reads=("model", "other"))
    assert ran.values() == {"model": {"a": [1, 2]}}


def test_globals_that_a_function_binds_anew_are_put_out(bench):
    notebook = "count = 1\ndef bump():\n    global count, fresh\n    count += 1\n    fresh = [3]\n"
    ran = bench.run("bump()\n", notebook=notebook, reads=("count", "bump"))
    assert ran.values() == {"count": 2, "fresh": [3]}


def test_an_unchanged_global_with_code_in_it_is_not_put_out(bench):
    notebook = "class Foo:\n    def __init__(self): self.x = [1]\nfoo = Foo()\nfoos = [foo, lambda: 1]\n"
    ran = bench.run("y = foo.x\n", notebook=notebook, reads=("Foo", "foo", "foos"))
    assert ran.values() == {"y": [1]}


def test_a_changed_instance_of_a_notebook_class_is_put_out(bench):
    notebook = "class Foo:\n    def __init__(self): self.x = [1]\nfoo = Foo()\n"
    ran = bench.run("foo.x.append(2)\n", notebook=notebook, reads=("Foo", "foo"))
    cls = type("Foo", (), {})
    assert ran.values(resolve_class=lambda name, digest: cls)["foo"].x == [1, 2]


def test_methods_still_find_their_modules_when_a_change_was_looked_for(bench):
    notebook = (
        "class Foo:\n    def __init__(self): self.x = [1]\n"
        "    def __getstate__(self): return {'x': list(np.array(self.x))}\nfoo = Foo()\nimport numpy as np\n"
    )
    ran = bench.run("foo.x.append(2)\n", notebook=notebook, reads=("Foo", "foo"), module_aliases={"np": "numpy"})
    assert ran.status == 0, ran.err
    assert ran.values(resolve_class=lambda name, digest: type("Foo", (), {}))["foo"].x == [1, 2]


def test_a_name_that_the_body_deleted_is_no_output(bench):
    ran = bench.run("x = 1\ny = 2\ndel x\n")
    assert ran.values() == {"y": 2}


# -- declared outputs ------------------------------------------------------------------------------------------------


def test_declared_outputs_only_are_put_out(bench):
    ran = bench.run("x = 1\ny = 2\n", outputs="y")
    assert ran.values() == {"y": 2}


def test_none_is_a_value(bench):
    assert bench.run("x = None\n", outputs="x").values() == {"x": None}


def test_a_declared_output_that_is_not_set_fails_by_name(bench):
    assert failure(bench.run("y = 2\n", outputs="x")).startswith("output `x` was not set")


@pytest.mark.parametrize("value", ["(i for i in [1])", "open('/dev/null')", "__import__('threading').Lock()"])
def test_a_declared_output_that_cannot_be_stored_fails_by_name(value, bench):
    assert failure(bench.run(f"x = {value}\n", outputs="x")).startswith("output `x` cannot be kept")


def test_a_changed_global_that_is_not_declared_fails_by_name(bench):
    ran = bench.run("model.append(1)\nx = 1\n", outputs="x", notebook="model = []", reads=("model",))
    assert failure(ran) == "changes global `model`; add it after `->`"


def test_a_changed_global_that_is_declared_is_put_out(bench):
    ran = bench.run("model.append(1)\n", outputs="model", notebook="model = []", reads=("model",))
    assert ran.values() == {"model": [1]}


def test_a_class_that_the_body_changed_is_told(bench):
    notebook = "class Foo:\n    count = 0\n    def __init__(self): Foo.count += 1\n"
    ran = bench.run("Foo()\nx = 1\n", notebook=notebook, reads=("Foo",))
    assert ran.values() == {"x": 1} and ran.outcome["left_out"] == ["Foo.count: a class cannot be an output"]
    ran = bench.run("Foo()\nx = 1\n", notebook=notebook, reads=("Foo",), outputs="x")
    assert failure(ran).startswith("changes `Foo.count`")


def test_classes_that_only_work_are_not_changed(bench):
    notebook = (
        "import abc, functools, dataclasses, enum\n"
        "class A(abc.ABC):\n    @functools.cached_property\n    def p(self): return 1\n"
        "    @functools.lru_cache\n    def q(self): return 2\n"
        "@dataclasses.dataclass\nclass D:\n    x: int = 1\nclass E(enum.Enum):\n    R = 1\n"
    )
    body = "a = A(); y = (a.p, a.q(), isinstance(1, A), D(3) == D(3), E.R.name, hash(E.R))\ndel a"
    ran = bench.run(body, notebook=notebook, reads=("A", "D", "E"), outputs="y")
    assert ran.status == 0, ran.err


def test_parameters_may_be_changed(bench):
    work_dir = bench.make("x.append(2)\ny = x\n", outputs="y", item=Capture(".nbflow/item", ".nbflow"))
    values.dump({"x": [1]}, work_dir / ".nbflow/item", buffers_dir=work_dir / ".nbflow")
    bench.submit(work_dir)
    bench.wait(str(work_dir))
    assert Ran(work_dir, 0).values() == {"y": [1, 2]}


def test_small_parameters_and_globals_lie_in_the_job_file(bench):
    namespace = {}
    exec("def double(x): return 2 * x * factor\nfactor = 5", namespace)
    references = values.References(namespace=namespace)
    globals_ = values.pack({name: namespace[name] for name in ("double", "factor")}, references).text
    own = values.pack({"x": [1]}).text
    given = {"capture": Capture("", "", text=globals_), "item": Capture("", "", text=own)}
    work_dir = bench.make("x.append(double(2))\ny = x\n", outputs="y", **given)
    bench.submit(work_dir)
    bench.wait(str(work_dir))
    assert Ran(work_dir, 0).values() == {"y": [1, 20]}


def test_a_small_parameter_that_was_damaged_is_a_failure_by_name(bench):
    work_dir = bench.make("y = 1\n", outputs="y", item=Capture("", "", text="no base64"))
    bench.submit(work_dir)
    bench.wait(str(work_dir))
    assert Ran(work_dir, 1).error["ename"] == "DamagedValueError"


def test_types_are_checked_and_not_converted(bench):
    right = (OutputSpec("x", "list[int] | None"),)
    assert bench.run("x = [1]\n", outputs=right).status == 0
    assert failure(bench.run("x = 'a'\n", outputs=right)).startswith("output `x`: expected")


def test_file_outputs_are_found_and_digested(bench):
    outputs = (OutputSpec("f", kind="file", patterns=("*.txt",)), OutputSpec("s", kind="stdout"))
    ran = bench.run("open('a.txt', 'w').write('hello')\nprint('said')\n", outputs=outputs)
    made = {output["name"]: output for output in ran.outcome["outputs"]}
    assert (made["f"]["kind"], made["f"]["paths"]) == ("file", ["a.txt"])
    assert [record["path"] for record in ran.outcome["files"]] == ["a.txt", ".command.out"]
    assert ran.out == "said\n"
    again = bench.run("open('a.txt', 'w').write('hello')\nprint('said')\n", outputs=outputs)
    assert again.digests == ran.digests


def test_a_path_of_the_work_directory_is_a_file_output(bench):
    ran = bench.run(
        "from pathlib import Path\np = Path('sub/a.txt')\np.parent.mkdir()\np.write_text('x')\nq = Path('/etc')\n"
    )
    made = {output["name"]: output for output in ran.outcome["outputs"]}
    assert (made["p"]["kind"], made["p"]["paths"]) == ("file", ["sub/a.txt"])
    assert ran.values() == {"q": Path("/etc")}


def test_a_file_output_that_is_missing_lists_what_is_there(bench):
    outputs = (OutputSpec("f", kind="file", patterns=("*.csv",)),)
    text = failure(bench.run("open('a.txt', 'w').write('hello')\n", outputs=outputs))
    assert '"*.csv"' in text and "a.txt" in text


# -- digests ---------------------------------------------------------------------------------------------------------


def test_the_same_value_of_another_task_has_the_same_digest(bench):
    first, second = bench.run("x = {'a': [1.5]}\n"), bench.run("y = 1; x = {'a': [1.5]}\n", binds=("x",))
    assert first.digests["x"] == second.digests["x"]


def test_instances_of_classes_made_by_the_body_never_share_a_digest_with_another_task(bench):
    first = bench.run("class A: k = 1\na = A()\n")
    work_dir = bench.make("class A: k = 2\na = A()\n")
    job = work_dir / ".nbflow/job.json"
    job.write_text(job.read_text().replace("ab" * 16, "cd" * 16))
    bench.submit(work_dir)
    bench.wait(str(work_dir))
    assert Ran(work_dir, 0).digests["a"] != first.digests["a"]


# -- what a body sees ------------------------------------------------------------------------------------------------


def test_all_code_of_the_notebook_shares_one_namespace(bench):
    notebook = "k = 1\ndef read(): return k\nclass C:\n    def get(self): return k\n"
    ran = bench.run("k = 5\nx = (read(), C().get())\n", notebook=notebook, reads=("k", "read", "C"))
    assert ran.values()["x"] == (5, 5)


def test_functions_and_classes_of_the_body_belong_to_main(bench):
    ran = bench.run(
        "class A: pass\ndef f(n): return 1 if n < 2 else n * f(n - 1)\nx = (A.__module__, f.__module__, f(4))\n"
    )
    assert ran.values()["x"] == ("__main__", "__main__", 24)
    assert ran.values()["f"](5) == 120


def test_instances_of_notebook_classes_refer_to_the_class_by_its_digest(bench):
    ran = bench.run("foo = Foo()\n", notebook="class Foo: pass\n", reads=("Foo",))
    asked = []

    def resolve(name, digest):
        asked.append((name, digest))
        return dict

    ran.values(resolve_class=resolve)
    assert asked == [("Foo", CLASS)]
    assert ran.outcome["outputs"][0]["classes"] is True


def test_a_class_that_the_body_redefines_goes_by_value(bench):
    ran = bench.run("class Foo: k = 2\nfoo = Foo()\n", notebook="class Foo: k = 1\n", reads=("Foo",))
    assert ran.values()["foo"].k == 2


def test_the_task_is_readable_and_not_writable(bench):
    ran = bench.run(
        "x = task.cpus\ntry:\n    task.cpus = 2\nexcept AttributeError as e:\n    y = str(e)\n", binds=("x", "y")
    )
    assert ran.values()["x"] == 1
    assert "#| cpus" in ran.values()["y"]


def test_random_generators_are_seeded_from_the_task(bench):
    body = "import random\nimport numpy as np\nx = (random.random(), float(np.random.rand()))\n"
    first, second, other = (bench.run(body, seed=seed, binds=("x",)).values()["x"] for seed in (1, 1, 2))
    assert first == second
    assert first[0] != other[0] and first[1] != other[1]


def test_modules_of_the_notebook_are_bound(bench):
    ran = bench.run(
        "x = np.arange(3).sum()\nimport xml\ny = xml.dom.minidom.__name__\n",
        module_aliases={"np": "numpy"},
        modules=("xml.dom.minidom",),
        binds=("x", "y"),
    )
    assert ran.values() == {"x": 3, "y": "xml.dom.minidom"}


def test_a_local_module_is_what_its_text_says_whatever_bytecode_lies_beside_it(bench):
    (bench.root / "pkg").mkdir()
    for path in (bench.root / "edited.py", bench.root / "pkg" / "__init__.py"):
        path.write_text("K = 1\n")
        py_compile.compile(str(path), doraise=True)
        written = path.stat().st_mtime_ns
        path.write_text("K = 2\n")
        os.utime(path, ns=(written, written))
    ran = bench.run("import edited, pkg\nx = edited.K, pkg.K\n", sys_path=("", *sys.path), binds=("x",))
    assert ran.values()["x"] == (2, 2)


def test_local_modules_are_found_on_the_path_of_the_kernel(bench):
    (bench.root / "mine_local.py").write_text("K = 42\n")
    ran = bench.run("import mine_local\nx = mine_local.K\n", sys_path=("", *sys.path), binds=("x",))
    assert ran.values() == {"x": 42}


def test_the_work_directory_is_the_current_one_and_inputs_are_there(bench):
    (bench.root / "in.csv").write_text("1,2")
    ran = bench.run(
        "import os\nx = (os.getcwd(), open('data/in.csv').read())\n",
        staged={"data/in.csv": str(bench.root / "in.csv")},
        binds=("x",),
    )
    assert ran.values()["x"] == (str(ran.work_dir), "1,2")


def test_top_level_await_runs(bench):
    body = "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 3\nx = await f()\nx\n"
    ran = bench.run(body, is_async=True, shows_last=True, binds=("x",))
    assert ran.values()["x"] == 3
    assert ran.events[-1][0] == "result"


def test_shell_commands_run_as_in_ipython(bench):
    body = "n = 2\n__nbflow_system__('echo $n', lambda: f'echo {n}')\nx = __nbflow_getoutput__('echo a; echo b >&2')\n__nbflow_system__('echo {zz}', lambda: zz)\n"
    ran = bench.run(body, binds=("x",))
    assert ran.out == "2\n{zz}\n"
    assert ran.values()["x"] == ["a", "b"]


def test_timers_print_and_pass_the_value(bench):
    ran = bench.run("x = __nbflow_time__()(3)\nwith __nbflow_time__():\n    y = 4\n", binds=("x", "y"))
    assert ran.values() == {"x": 3, "y": 4}
    assert ran.out.count("Wall time") == 2


def test_sources_of_the_notebook_are_known_to_inspect(bench):
    ran = bench.run(
        "import inspect\nx = inspect.getsource(f)\n",
        notebook="exec(compile('def f():\\n    return 1\\n', 'cell-1', 'exec'))",
        reads=("f",),
        sources={"cell-1": "def f():\n    return 1\n"},
        binds=("x",),
    )
    assert ran.values()["x"] == "def f():\n    return 1\n"


def test_a_body_may_change_the_directory(bench):
    for body in ("import os\nos.chdir('/')\nx = 1\nprint(x)\n", "import os\nos.chdir('/')\n1 / 0\n"):
        ran = bench.run(body)
        assert ran.status == (1 if "/ 0" in body else 0) and (ran.work_dir / ".nbflow/outcome.json").exists()


# -- failures --------------------------------------------------------------------------------------------------------


def test_a_failure_tells_the_frames_of_the_task_alone(bench):
    notebook = "exec(compile('def bad(x):\\n    return 1 / x\\n', 'cell-2', 'exec'))"
    ran = bench.run(
        "\n\nx = bad(0)\n", notebook=notebook, reads=("bad",), sources={"cell-2": "def bad(x):\n    return 1 / x\n"}
    )
    assert ran.status == 1
    assert ran.error["ename"] == "ZeroDivisionError"
    assert ran.error["frames"] == [["%%process t", 3, "<module>", "x = bad(0)"], ["cell-2", 2, "bad", "return 1 / x"]]
    assert "nbflow" not in ran.err and ran.err.endswith("ZeroDivisionError: division by zero\n")
    assert not (ran.work_dir / ".nbflow/values").exists()


def test_the_exception_itself_is_kept(bench):
    ran = bench.run("class Mine(Exception): pass\nraise Mine('a', 2)\n")
    error = values.load(ran.work_dir / ".nbflow/error", buffers_dir=ran.work_dir)
    assert (type(error).__name__, error.args) == ("Mine", ("a", 2))


def test_an_exception_that_cannot_be_kept_is_still_told(bench):
    ran = bench.run("e = Exception((i for i in [1]))\nraise e\n")
    assert ran.error["ename"] == "Exception" and ran.error["pickled"] is False


def test_a_file_of_the_launch_directory_gets_a_hint(bench):
    (bench.root / "there.csv").write_text("")
    ran = bench.run("open('there.csv')\n")
    assert str(bench.root / "there.csv") in ran.error["hint"]
    assert "Hint: 'there.csv' lies in the launch directory" in ran.err


@pytest.mark.parametrize(("code", "status"), [("3", 3), ("'text'", 1), ("True", 1), ("-1", 1), ("1000", 1)])
def test_leaving_with_a_status_is_a_failure(code, status, bench):
    ran = bench.run(f"import sys\nx = 1\nsys.exit({code})\n", binds=("x",))
    assert (ran.status, ran.error["ename"]) == (status, "SystemExit")


@pytest.mark.parametrize("code", ["", "0", "None"])
def test_leaving_without_a_status_is_not(code, bench):
    ran = bench.run(f"import sys\nx = 1\nsys.exit({code})\n", binds=("x",))
    assert ran.status == 0 and ran.values() == {"x": 1}


def test_an_interrupt_is_a_failure(bench):
    ran = bench.run("raise KeyboardInterrupt\n")
    assert (ran.status, ran.error["ename"]) == (130, "KeyboardInterrupt")


def test_a_body_that_kills_its_process_leaves_no_exit_status(bench):
    ran = bench.run("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
    assert ran.status is None
    assert os.waitstatus_to_exitcode(ran.event.status) == -9


def test_a_body_that_cannot_be_compiled_fails_with_its_line(bench):
    ran = bench.run("x = 1\nreturn 3\n")
    assert ran.error["ename"] == "SyntaxError" and ran.error["frames"][0][:2] == ["%%process t", 2]


def test_a_capture_that_was_damaged_is_a_failure_by_name(bench):
    work_dir = bench.make("x = y\n", notebook="y = 1", reads=("y",))
    capture = bench.root / f"capture-{bench.count}"
    capture.chmod(0o644)
    capture.write_bytes(b"nothing")
    bench.submit(work_dir)
    bench.wait(str(work_dir))
    assert Ran(work_dir, 1).error["ename"] == "DamagedValueError"


def test_exit_status_comes_last(bench):
    ran = bench.run("x = 1\n")
    newest = max(ran.work_dir.rglob("*"), key=lambda path: path.stat().st_mtime_ns if path.is_file() else 0)
    assert newest.name == ".exitcode"


def test_children_that_the_body_left_running_end_with_it(bench):
    body = "import subprocess\np = subprocess.Popen(['sh', '-c', 'setsid sleep 600 & sleep 600'])\nx = p.pid\n"
    ran = bench.run(body, binds=("x",))
    assert ran.status == 0 and ran.values()["x"] not in tree.process_table()


# -- by hand ---------------------------------------------------------------------------------------------------------


def by_hand(work_dir: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nbflow.execution.worker.body", "."]
    root = Path(values.__file__).parents[2]
    return subprocess.run(
        command, cwd=work_dir, env={**os.environ, "PYTHONPATH": str(root)}, text=True, capture_output=True, check=False
    )


def test_a_copy_of_the_work_directory_can_be_run_by_hand(bench, tmp_path):
    body = (
        "print('hello')\nx = [1]\nfrom pathlib import Path\np = {'p': Path('a').absolute()}\nPath('a').write_text('')\n"
    )
    ran = bench.run(body, binds=("x", "p"))
    shutil.copytree(ran.work_dir, tmp_path / "copy", symlinks=True)
    finished = by_hand(tmp_path / "copy")
    assert (finished.returncode, finished.stdout) == (0, "hello\n")
    again = Ran(tmp_path / "copy", workdir.read_exit(tmp_path / "copy"))
    assert again.values() == {"x": [1], "p": {"p": tmp_path / "copy" / "a"}}
    assert ran.values()["p"] == {"p": ran.work_dir / "a"}


def test_a_second_run_by_hand_forgets_the_first(bench):
    ran = bench.run("import os\nif os.path.exists('flag'): 1 / 0\nopen('flag', 'w').close()\n")
    assert ran.status == 0
    assert by_hand(ran.work_dir).returncode == 1
    assert workdir.read_exit(ran.work_dir) == 1 and "error" in ran.outcome


def test_a_worker_loads_no_notebook_and_no_database():
    code = "import sys, nbflow.execution.worker.body, nbflow.execution.local.warm; print(*sys.modules)"
    root = Path(values.__file__).parents[2]
    loaded = subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, "PYTHONPATH": str(root)},
        text=True,
        capture_output=True,
        check=True,
    )
    tops = {name.partition(".")[0] for name in loaded.stdout.split()}
    assert tops.isdisjoint(
        {"IPython", "ipywidgets", "traitlets", "plyvel", "plyvel_next", "numpy", "psutil", "asyncio", "ruamel"}
    )
