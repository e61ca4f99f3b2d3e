"""Nextflow's own scenarios of resume, as notebooks: a test each, named after Nextflow's check (``tests/checks`` there).

Every scenario runs twice, the kernel restarted in between, as ``nextflow run`` and ``nextflow run -resume`` do.

Those that have nothing to be tested here:

- ``topic-channel``, ``topic-channel-typed``: there are no topics; the channel of an output is passed on by name.
- ``template-simple``, ``-dyn``, ``-shell``: a script is the body of its cell; there are no templates (design 1.3).
- ``stage-file``: nothing depends on how many files are staged, so there is no threshold to change.
- ``fusion-symlink``, ``s3-*``, ``stage-out-rsync``: remote file systems, which come with the cloud cache.
- ``nativeCode``, ``ampa``, ``blast``, ``blast-parallel``, ``mixing-langs``: as ``hello``, with programs that Nextflow's container has.
- ``output-dsl``: there are no workflow outputs; what holds of publishing from the cache is `test_output_dsl`.
- ``subworkflow-take``: as ``subworkflow``; a name is all that tells processes apart here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

import nbflow
from tests.notebook.lab import Cell, Lab


class Scenario:
    """A notebook that is run from its first cell to its last, and again after a restart of its kernel."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab

    def run(self, *cells: str, fails: bool = False) -> list[Cell]:
        """Run all cells in a kernel of their own, to the first that fails."""
        self.lab.restart()
        done = []
        for cell in cells:
            done.append(self.lab.run(cell))
            if done[-1].error is not None:
                assert fails, f"{done[-1].error}\n{done[-1].err}"
                return done
        assert not fails, "no cell failed"
        return done

    def statuses(self, process: str = "") -> dict[str, int]:
        """How many tasks of the last run have each status."""
        return dict(Counter(row.status for row in nbflow.tasks() if process in ("", row.process)))

    def twice(self, *cells: str, tasks: int) -> tuple[list[Cell], list[Cell]]:
        """Run twice: all tasks submitted, then all cached."""
        first = self.run(*cells)
        assert self.statuses() == {"COMPLETED": tasks}
        second = self.run(*cells)
        assert self.statuses() == {"CACHED": tasks}
        return first, second


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scenario]:
    launch_dir = (tmp_path / "launch").resolve()
    launch_dir.mkdir()
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.chdir(launch_dir)
    monkeypatch.setattr("sys.path", ["", *(entry for entry in sys.path if entry)])
    lab = Lab(launch_dir)
    yield Scenario(lab)
    lab.stop()


def value(cells: list[Cell]) -> Any:
    return cells[-1].result


# 1 to 12 --------------------------------------------------------------------------------------------------------------


def test_resume_retried_task(scenario):
    foo = """
        %%process foo
        #| error_strategy: retry
        #| max_retries: 3
        #!/usr/bin/env bash
        if [[ $task_attempt -lt 3 ]]; then exit 1; fi
        echo ciao
        """
    first = scenario.run(foo)
    assert scenario.statuses() == {"FAILED": 2, "COMPLETED": 1}
    assert first[-1].out.count("Execution is retried") == 2
    second = scenario.run(foo)
    assert scenario.statuses() == {"CACHED": 1}
    assert "ciao" in second[-1].out


def test_resume_syntax_parser_v1_v2(scenario):
    """What a process is does not depend on the form in which it is written."""
    body = '#!/usr/bin/env bash\necho $x > "$x.txt"'
    short = f'%%process foo(x: int, y: int = 2) -> made = file("*.txt")\n#| cpus: 1\n{body}'
    long = f'%%process foo\n#| cpus:   1\n#| input:\n#|   x: int\n#|   y: int = 2\n#| output:\n#|   made: file("*.txt")\n{body}'
    scenario.run(short, "foo(1)")
    scenario.run(long, "foo(1)")
    assert scenario.statuses() == {"CACHED": 1}


def test_resume_typed_value_output(scenario):
    cells = (
        """
        %%process script_task(x: int) -> x, text = stdout(), word = env("WORD"), made: Path = file("made"), sum = eval("expr 1 + 2")
        #!/usr/bin/env bash
        WORD="of $x"; echo hello; echo made > made
        """,
        """
        %%process body_task(x: int) -> number: int, frame, nested
        import pandas as pd
        number = x + 1
        frame = pd.DataFrame({"a": [x, 2.5], "b": ["t", None]})
        nested = {"k": [1, (2, 3)], "s": {"a"}}
        """,
        "a = script_task(7)",
        "b = body_task(7)",
        "(a.x, a.text, a.word, a.made.read_text(), a.sum, b.number, b.frame.to_dict(), b.nested, type(b.number).__name__)",
    )
    first, second = scenario.twice(*cells, tasks=2)
    assert repr(value(first)) == repr(value(second))
    assert value(first)[:5] == (7, "hello\n", "of 7", "made\n", "3")


def test_tag_resume(scenario):
    cells = (
        '%%process test(who)\n#| tag: "{who.upper()}"\n#| debug: true\n#!/usr/bin/env bash\necho Hola $who',
        "test(channel.of('me'))",
    )
    _, second = scenario.twice(*cells, tasks=1)
    assert [row.name for row in nbflow.tasks()] == ["test (ME)"]
    assert "Hola me" in second[-1].out


STORED = """
%%process foo(x) -> made = file("{x}.txt")
#| store_dir: {store}
#!/usr/bin/env bash
echo $x > $x.txt
"""


def test_storecache(scenario):
    cells = (STORED.replace("{store}", "store"), "[path.read_text() for path in foo(channel.of(1, 2, 3))]")
    first = scenario.run(*cells)
    assert scenario.statuses() == {"COMPLETED": 3}
    again = scenario.run("%resume new", *cells)
    assert scenario.statuses() == {"CACHED": 3}
    resumed = scenario.run(*cells)
    assert scenario.statuses() == {"CACHED": 3}
    assert value(first) == value(again) == value(resumed) == ["1\n", "2\n", "3\n"]


def test_dynamic_storedir(scenario):
    cells = (STORED.replace("{store}", '"store/{x % 2}"'), "[path.read_text() for path in foo(channel.of(1, 2, 3, 4))]")
    scenario.twice(*cells, tasks=4)
    assert sorted(os.listdir("store/0")) == ["2.txt", "4.txt"]
    scenario.run("%resume new", *cells)
    assert scenario.statuses() == {"CACHED": 4}


def test_cache_bak(scenario):
    cell = "%%process foo -> y\ny = 1"
    scenario.run(cell)
    session = nbflow.runs()[-1].session
    scenario.lab.stop()
    shutil.move(".nextflow", "backup")
    scenario.lab.start()
    scenario.lab.ok(cell)
    assert scenario.statuses() == {"COMPLETED": 1}
    scenario.lab.stop()
    shutil.rmtree(".nextflow")
    shutil.move("backup", ".nextflow")
    scenario.lab.start()
    scenario.lab.ok(f"%resume {session}")
    scenario.lab.ok(cell)
    assert scenario.statuses() == {"CACHED": 1}


def test_singleton(scenario):
    cells = (
        '%%process foo -> x = file("x")\n#!/usr/bin/env bash\necho -n Hello > x',
        "%%process bar(x: Path, y) -> text = stdout()\n#!/usr/bin/env bash\ncat $x; echo $y",
        "list(bar(channel.value(x), channel.of(1, 2, 3)))",
    )
    first, second = scenario.twice(*cells, tasks=4)
    assert value(first) == value(second) == ["Hello1\n", "Hello2\n", "Hello3\n"]
    assert [row.name for row in nbflow.tasks()] == ["foo", "bar (1)", "bar (2)", "bar (3)"]


def test_shell_script(scenario):
    cells = (
        "%%process foo\n#!/usr/bin/env bash\necho $word",
        "%%process bar(x)\n#!/usr/bin/env bash\necho $x $word",
        "bar(channel.of(1))",
    )
    one, two = "word = 'one'", "word = 'two'"
    scenario.run(one, *cells)
    scenario.run(two, *cells)
    assert scenario.statuses() == {"COMPLETED": 2}
    for word in (one, two):
        scenario.run(word, *cells)
        assert scenario.statuses() == {"CACHED": 2}


def test_error(scenario):
    cells = (
        "%%process task1(x)\n#| max_forks: 4\n#| error_strategy: ignore\n#!/usr/bin/env bash\necho $x; exit 1",
        "%%process task2(x)\n#| max_forks: 4\n#!/usr/bin/env bash\necho $x",
        "a = task1(channel.of(1, 2, 3))\nb = task2(channel.of(4, 5, 6))",
    )
    scenario.run(*cells)
    assert (scenario.statuses("task1"), scenario.statuses("task2")) == ({"FAILED": 3}, {"COMPLETED": 3})
    scenario.run(*cells)
    assert (scenario.statuses("task1"), scenario.statuses("task2")) == ({"FAILED": 3}, {"CACHED": 3})


def test_exitstatus_fail(scenario):
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_code_cell(text)
            for text in ("%load_ext nbflow", "%%process foo\n#!/usr/bin/env bash\nexit 3")
        ]
    )
    nbformat.write(notebook, "fails.ipynb")
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-m", "nbflow", "run", "fails.ipynb"],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 1
        assert "terminated with an error exit status (3)" in done.stdout + done.stderr


# 13 to 28 -------------------------------------------------------------------------------------------------------------

PUBLISHED = """
%%process foo(x) -> made = files("*.txt")
#| publish_dir:
#|   path: "published/{x}"
#|   mode: copy
#|   enabled: "{publishing}"
#!/usr/bin/env bash
echo one $x > a.txt; echo two $x > b.txt
"""


def published() -> dict[str, str]:
    return {str(path): path.read_text() for path in sorted(Path("published").glob("*/*"))}


def test_publish_dir(scenario):
    cells = ("publishing = True", PUBLISHED, "foo(channel.of(1, 2))")
    scenario.twice(*cells, tasks=2)
    before = published()
    assert len(before) == 4
    shutil.rmtree("published")
    scenario.run(*cells)
    assert scenario.statuses() == {"CACHED": 2}
    assert published() == before


def test_output_dsl(scenario):
    cells = (PUBLISHED, "foo(channel.of(1, 2))")
    scenario.run("publishing = False", *cells)
    assert published() == {}
    scenario.run("publishing = True", *cells)
    assert scenario.statuses() == {"CACHED": 2}
    assert len(published()) == 4


def test_fair(scenario):
    cells = (
        "%%process foo(x) -> x, text = stdout()\n#| fair: true\n#!/usr/bin/env bash\n[[ $x < n ]] && sleep 0.05\necho $x",
        "import string\n[item.text.strip() for item in foo(channel.of(*string.ascii_lowercase))]",
    )
    first, second = scenario.twice(*cells, tasks=26)
    assert value(first) == value(second) == list("abcdefghijklmnopqrstuvwxyz")


def test_output_links(scenario):
    foo = '%%process foo -> link = file("link.txt")\n{scratch}#!/usr/bin/env bash\necho Hello > file.txt; ln -s file.txt link.txt'
    scenario.run(foo.format(scratch=""), "link.read_text()")
    second = scenario.run(foo.format(scratch="#| scratch: true\n"), "link.read_text()")
    assert scenario.statuses() == {"CACHED": 1}
    assert value(second) == "Hello\n"


def test_escape_globs(scenario, monkeypatch):
    monkeypatch.setenv("NXF_WORK", "work [dir] {a,b}*")
    Path("in[1]*.txt").write_text("odd\n")
    cells = (
        "from pathlib import Path\n",
        '%%process foo(x: Path) -> made = file("[[]out[]] ?.txt")\n#!/usr/bin/env bash\ncat "$x" > "[out] *.txt"',
        "made = foo(Path('in[1]*.txt'))",
        '%%process bar(x: Path) -> text = stdout()\n#!/usr/bin/env bash\ncat "$x"',
        "bar(made)",
    )
    _, second = scenario.twice(*cells, tasks=2)
    assert value(second) == "odd\n"
    assert Path("work [dir] {a,b}*").is_dir()


def test_opt_file(scenario):
    cells = ('%%process foo -> made = file("none.txt", optional=True)\n#!/usr/bin/env bash\ntrue', "made")
    _, second = scenario.twice(*cells, tasks=1)
    assert value(second) is None


def test_eval_out(scenario):
    cells = ('%%process foo -> version = eval("bash --version")\n#!/usr/bin/env bash\ntrue', "version")
    first, second = scenario.twice(*cells, tasks=1)
    assert value(first) == value(second)
    assert "GNU bash" in value(first)


def test_env(scenario):
    cells = ('%%process foo -> foo_value = env("FOO")\n#!/usr/bin/env bash\nFOO=Hello', "foo_value")
    _, second = scenario.twice(*cells, tasks=1)
    assert value(second) == "Hello"


def test_enum(scenario):
    cells = (
        "import enum\nclass Strand(enum.Enum):\n    FORWARD = '+'\n    REVERSE = '-'",
        "%%process foo(strand) -> back\nback = strand, strand.value",
        "found = foo(Strand.REVERSE)\n(found[0] is Strand.REVERSE, found[1])",
    )
    _, second = scenario.twice(*cells, tasks=1)
    assert value(second) == (True, "-")


ALIGN = """
%%process algn(barcode, seq_id) -> barcode, seq_id, bam = file("bam"), bai = file("bai")
#!/usr/bin/env bash
sleep 0.0$((RANDOM % 5))
echo BAM $seq_id - $barcode > bam
echo BAI $seq_id - $barcode > bai
"""
PAIRS = "channel.of('alpha', 'gamma').combine(channel.of('one', 'two', 'three'))"


def test_collect_tuple(scenario):
    cells = (
        ALIGN,
        """
        %%process merge(barcode, seq_id: list, bam: list, bai: list) -> text = stdout()
        #| stage_as:
        #|   bam: "bam?"
        #|   bai: "bai?"
        #!/usr/bin/env bash
        echo $barcode: ${seq_id[@]}; cat ${bam[@]}
        """,
        f"list(merge(algn({PAIRS}).group_tuple()))",
    )
    first, second = scenario.twice(*cells, tasks=8)
    assert value(first) == value(second)
    assert value(first)[1].startswith("gamma: one two three\nBAM one - gamma\n")


def test_collect_record(scenario):
    cells = (
        ALIGN,
        "%%process merge(barcode, samples: list) -> lines\nlines = [(s.seq_id, s.bam.read_text()) for s in samples]",
        f"grouped = algn({PAIRS}).map(lambda r: (r.barcode, r)).group_tuple()\nlist(merge(grouped))",
    )
    first, second = scenario.twice(*cells, tasks=8)
    assert value(first) == value(second)
    assert value(first)[0] == [(name, f"BAM {name} - alpha\n") for name in ("one", "two", "three")]


# 29: many shapes of inputs and outputs ----------------------------------------------------------------------------------

SHAPES = {
    "each_file": (
        ["%%process foo(f: Path, mode) -> text = stdout()\n#!/usr/bin/env bash\necho $mode; cat $f"],
        "list(foo(channel.from_path('in/*.txt').combine(channel.of('x', 'y'))))",
        4,
    ),
    "repeaters": (
        ["%%process foo(a, b, c) -> t\nt = (a, b, c)"],
        "list(foo(channel.of(1, 2).combine(channel.of('a', 'b')).combine(channel.of(True))))",
        4,
    ),
    "buffer": (["%%process foo(xs: list) -> n\nn = len(xs)"], "list(foo(channel.of(*range(7)).buffer(size=3, remainder=True)))", 3),
    "chunk": (["%%process foo(text) -> n\nn = text.count('>')"], "list(foo(channel.from_path('in/seqs.fa').split_fasta(by=2)))", 2),
    "split_letters": (
        ['%%process letters -> parts = files("chunk_*")\n#!/usr/bin/env bash\nprintf Hola | split -b 1 - chunk_',
         "%%process upper(x: Path) -> text = stdout()\n#!/usr/bin/env bash\ntr a-z A-Z < $x"],
        "list(upper(channel.from_list(parts)))",
        5,
    ),
    "files": (["%%process foo(fs: list) -> n = stdout()\n#!/usr/bin/env bash\ncat ${fs[@]} | wc -l"], "list(foo(channel.from_path('in/*.txt').collect()))", 1),
    "glob": (['%%process foo(x) -> made = files("**/*.{a,b}")\n#!/usr/bin/env bash\nmkdir -p d/e; touch d/1.a d/e/2.b d/3.c'],
             "[[path.name for path in item] for item in foo(channel.of(1))]", 1),
    "output_globs": (['%%process foo(x) -> made = files("*.txt", arity="1..*")\n#!/usr/bin/env bash\ntouch 1.txt 2.txt'], "list(map(len, foo(channel.of(1, 2))))", 2),
    "output_file": (['%%process foo(x) -> made = file("result_{x}.txt")\n#!/usr/bin/env bash\necho $x > result_$x.txt'],
                    "[path.read_text() for path in foo(channel.of('a', 'b'))]", 2),
    "output_val": (["%%process foo(x) -> x, made = file('f')\n#!/usr/bin/env bash\necho $x > f"], "[item.x for item in foo(channel.of('BB11001', 'BB11002'))]", 2),
    "property_out_vals": (["%%process foo(who) -> name, length\nname, length = who['name'], len(who['name'])"],
                          "[tuple(item) for item in foo(channel.of({'name': 'ana'}, {'name': 'bo'}))]", 2),
    "nullable_path": (["%%process foo(f) -> text = stdout()\n#!/usr/bin/env bash\nif [[ -n $f ]]; then cat $f; else echo empty; fi"],
                      "list(foo(channel.of(None)))", 1),
    "process_arity": ([('%%process foo -> one = file("one.txt"), pair = files("pair_*.txt", arity=2), many = files("many_*.txt", arity="1..*")\n'
                       "#!/usr/bin/env bash\ntouch one.txt pair_1.txt pair_2.txt many_1.txt many_2.txt many_3.txt"),
                       "%%process bar(one: Path, pair: list, many: list) -> text = stdout()\n#!/usr/bin/env bash\nls $one ${pair[@]} ${many[@]} | wc -l"],
                      "bar(one, pair, many)", 2),
    "process_typed_taskpath": (["%%process foo(f: Path) -> name, text\nname, text = f.name, f.read_text()"], "foo(Path('in/a.txt'))", 1),
    "file_with_blanks": (['%%process foo(f: Path) -> made = file("x y.txt")\n#!/usr/bin/env bash\ncat "$f" > "x y.txt"'],
                         "foo(Path('in/with blanks/f f.txt')).read_text()", 1),
    "file_with_quote": (['%%process foo(f: Path) -> made = file("it\'s.txt")\n#!/usr/bin/env bash\ncat "$f" > "it\'s.txt"'],
                        "foo(Path(\"in/quo'te.txt\")).read_text()", 1),
    "complex_names": ([('%%process foo -> fa = files("*.fa"), reads = files("01_A(R{1,2}).fastq"), vcf = file("sample_(1 2).vcf"), hidden = file(".alpha")\n'
                       "#!/usr/bin/env bash\ntouch f1.fa f2.fa '01_A(R1).fastq' '01_A(R2).fastq' 'sample_(1 2).vcf'; mkdir .alpha; echo hi > .alpha/hello.txt"),
                       "%%process bar(fs: list) -> n = stdout()\n#!/usr/bin/env bash\nls -d \"${fs[@]}\" | wc -l; cat .alpha/hello.txt"],
                      "bar([*fa, *reads, vcf, hidden])", 2),
    "subdirs": (['%%process foo -> made = files("folder/**")\n#!/usr/bin/env bash\nmkdir -p folder/sub; touch folder/x folder/sub/y'], "[path.name for path in made]", 1),
    "copy_no_follow": ([('%%process foo -> made = file("dir")\n#| publish_dir:\n#|   path: out\n#|   mode: copyNoFollow\n#!/usr/bin/env bash\n'
                        "mkdir dir; echo x > dir/x; ln -s x dir/y")], "made.name", 1),
    "subworkflow": (["%%process a_foo(x) -> y\ny = x", "%%process b_foo(x) -> y\ny = x"], "a_foo(1), b_foo(1)", 2),
    "dyn_mem": (['%%process foo(x)\n#| memory: "{100 + 10 * x} MB"\n#| cpus: "{1 if x < 5 else 2}"\n#!/usr/bin/env bash\necho $task_memory'], "foo(channel.of(1, 2, 3))", 3),
    "task_vars": (["%%process foo(x) -> text = stdout()\n#| cpus: 2\n#!/usr/bin/env bash\necho $task_cpus $task_process"], "foo(1)", 1),
    "tagging": (['%%process foo(code, n)\n#| tag: "{code}{n}"\n#!/usr/bin/env bash\ntrue'], "foo(channel.of(('alpha', 1), ('gamma', 2)))", 2),
    "tagging_lazy": (['%%process foo(code)\n#| tag: "{prefix}-{code}"\n#!/usr/bin/env bash\ntrue'], "foo(channel.of('a'))", 1),
    "hello": (["%%process say_hello(x) -> text = stdout()\n#!/usr/bin/env bash\necho \"$x world!\""], "sorted(say_hello(channel.of('Bonjour', 'Ciao', 'Hello', 'Hola')))", 4),
    "yes_or_no": (["%%process foo(x) -> text = stdout()\n#!/usr/bin/env bash\nif [[ $x == yes ]]; then echo 1; else echo 0; fi"], "list(foo(channel.of('yes', 'no')))", 2),
    "dynamic_filename": (['%%process foo(prefix) -> made = file("{prefix}.txt")\n#!/usr/bin/env bash\necho Hello > $prefix.txt'], "foo('p').name", 1),
    "task_escape_path": (["%%process foo(x: Path, y: Path) -> text = stdout()\n#!/usr/bin/env bash\necho \"FOO1: ${x}; ${y}\""],
                         "foo(Path('in/a.txt'), Path('in/with blanks/f f.txt'))", 1),
    "when_block": (["%%process foo(x) -> y\ny = x"], "list(foo(channel.of(*range(10)).filter(lambda x: x % 2)))", 5),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
def test_shapes(scenario, name):
    Path("in/with blanks").mkdir(parents=True)
    for path, text in {
        "a.txt": "A\n",
        "b.txt": "B\n",
        "with blanks/f f.txt": "blank\n",
        "quo'te.txt": "quote\n",
    }.items():
        Path("in", path).write_text(text)
    if name == "files":
        Path("in/quo'te.txt").unlink()
    if name == "each_file":
        Path("in/quo'te.txt").unlink()
    Path("in/seqs.fa").write_text(">1\nAC\n>2\nGT\n>3\nTT\n")
    cells, call, tasks = SHAPES[name]
    first, second = scenario.twice("from pathlib import Path\nprefix = 'p'", *cells, call, tasks=tasks)
    assert repr(value(first)) == repr(value(second))


# 37, 38 ---------------------------------------------------------------------------------------------------------------


def test_race(scenario):
    chain = [f"%%process p{number}(x) -> x\n#!/usr/bin/env bash\necho $x" for number in range(10)]
    call = "c = channel.of(1, 2, 3)\nfor step in (p0, p1, p2, p3, p4, p5, p6, p7, p8, p9):\n    c = step(c)\nlist(c)"
    _, second = scenario.twice(*chain, call, tasks=30)
    assert value(second) == [1, 2, 3]


def test_stub_retry(scenario, monkeypatch):
    monkeypatch.setenv("NBFLOW_STUB_RUN", "1")
    cell = """
        %%process foo -> made = file("made")
        #| error_strategy: retry
        #| stub: |
        #|   if [[ $task_attempt -lt 2 ]]; then exit 3; fi
        #|   touch made
        #!/usr/bin/env bash
        exit 99
        """
    scenario.run(cell)
    assert scenario.statuses() == {"FAILED": 1, "COMPLETED": 1}
    scenario.run(cell)
    assert scenario.statuses() == {"CACHED": 1}


def test_task_retry(scenario):
    cells = (
        (
            '%%process foo(x)\n#| error_strategy: retry\n#| memory: "{task.attempt * 100} MB"\n#| time: "{task.attempt * 10} s"\n'
            "#!/usr/bin/env bash\n[[ $task_memory == $((200 * 1024 * 1024)) ]]"
        ),
        "foo(channel.of('a', 'b'))",
    )
    scenario.run(*cells)
    assert scenario.statuses() == {"FAILED": 2, "COMPLETED": 2}
    scenario.run(*cells)
    assert scenario.statuses() == {"CACHED": 2}


def test_retry_ignore(scenario):
    cell = (
        "%%process foo\n#| error_strategy: \"{'retry' if task.exit_status == 1 and task.attempt == 1 else 'ignore'}\"\n"
        "#!/usr/bin/env bash\nexit 1"
    )
    for _ in range(2):
        done = scenario.run(cell)
        assert [row.text("error_action") for row in nbflow.tasks()] == ["RETRY", "IGNORE"]
        assert "Error is ignored" in done[-1].out


def test_error_finish(scenario):
    cells = (
        (
            "%%process foo(x) -> x\n#| error_strategy: finish\n#!/usr/bin/env bash\n"
            "if [[ $x == 1 ]]; then until [[ -e $place/flag ]]; do sleep 0.02; done; exit 99; fi; touch $place/flag; sleep 0.4"
        ),
        "foo(channel.of(1, 2))",
    )
    Path("flags").mkdir()
    place = f"place = {str(Path('flags').absolute())!r}"
    done = scenario.run(place, *cells, fails=True)
    assert done[-1].error.exit == 99
    assert scenario.statuses() == {"FAILED": 1, "COMPLETED": 1}
    scenario.run(place, *cells, fails=True)
    assert scenario.statuses() == {"FAILED": 1, "CACHED": 1}


def test_error_ignore_then_fail(scenario):
    """A failure that is ignored, and one downstream that is not: the cell fails with the second."""
    cells = (
        "%%process foo(x) -> x\n#| error_strategy: ignore\n#!/usr/bin/env bash\nif [[ $x == SAMP1 ]]; then exit 2; fi",
        "%%process bar(ready: list)\n#!/usr/bin/env bash\necho ${ready[@]}; exit 4",
        "bar(foo(channel.of('SAMP1', 'SAMP2', 'SAMP3')).collect())",
    )
    for cached in ("COMPLETED", "CACHED"):
        done = scenario.run(*cells, fails=True)
        assert done[-1].error.exit == 4
        assert scenario.statuses("foo") == {"FAILED": 1, cached: 2}


def test_unstage_controls_storedir(scenario):
    cells = (
        '%%process test -> made = file("test.txt")\n#| store_dir: test\n#!/usr/bin/env bash\nls > test.txt',
        "made.read_text()",
    )
    first, second = scenario.twice(*cells, tasks=1)
    assert value(first) == value(second)
    assert first[0].err == second[0].err == ""
    assert os.listdir("test") == ["test.txt"]


# 9 and 35: settings ---------------------------------------------------------------------------------------------------


def test_task_ext(scenario):
    foo = "%%process foo -> text = stdout()\n#!/usr/bin/env bash\necho args: $task_ext_args"
    setting = '[process.ext]\nargs = "{}"\n'.format
    Path("nbflow.toml").write_text(setting("--a"))
    scenario.twice(foo, "text", tasks=1)
    Path("nbflow.toml").write_text(setting("--b"))
    third = scenario.run(foo, "text")
    assert scenario.statuses() == {"COMPLETED": 1}
    assert value(third) == "args: --b\n"


def test_config_vars(scenario):
    Path("nbflow.toml").write_text('[process.with_name.foo]\nenv = { FOO = "from settings" }\n')
    cells = ("%%process foo -> text = stdout()\n#!/usr/bin/env bash\necho $FOO", "text")
    first, second = scenario.twice(*cells, tasks=1)
    assert value(first) == value(second) == "from settings\n"
