"""``.command.run`` runs a task again for anybody, in its work directory or any copy of it."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from live_processes import wait_until

from nbflow.execution.scripts.wrapper import ENVIRON, environ_text, python_wrapper, script_wrapper
from nbflow.execution.spec import WorkerSpec

HASH = "ab" * 16
PATH = {"PATH": os.environ["PATH"]}


@pytest.fixture
def work_dir(tmp_path: Path) -> Path:
    work_dir = tmp_path / "work dir"
    (work_dir / ".nbflow").mkdir(parents=True)
    return work_dir


def write(work_dir: Path, text: str, environ: dict[str, str] | None = None, **options: object) -> None:
    (work_dir / ".command.sh").write_text(text + "\n")
    (work_dir / ".command.run").write_text(script_wrapper(**options))
    (work_dir / ENVIRON).write_bytes(environ_text({**PATH, **(environ or {})}).encode("utf-8", "surrogateescape"))


def run(work_dir: Path) -> subprocess.CompletedProcess[str]:
    """Run it where it lies."""
    return run_by_hand(Path(".command.run"), cwd=work_dir)


def run_by_hand(path: Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """As a user does: from a shell that knows nothing of the task."""
    return bash(str(path), cwd=cwd, environ=PATH)


def bash(*arguments: str, environ: dict[str, str], cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    options = {"capture_output": True, "text": True, "errors": "surrogateescape"}
    return subprocess.run(["bash", *arguments], cwd=cwd, env=environ, check=False, **options)


def read(work_dir: Path, name: str) -> str:
    return (work_dir / name).read_text()


def test_streams_and_status_lie_where_nextflow_has_them(work_dir: Path) -> None:
    write(work_dir, "echo out; echo err >&2; exit 3")
    ended = run(work_dir)
    assert ended.returncode == 3
    assert (read(work_dir, ".command.out"), read(work_dir, ".command.err")) == ("out\n", "err\n")
    assert read(work_dir, ".exitcode") == "3"


@pytest.mark.parametrize(
    ("text", "status"), [("true", 0), ("false; echo on", 1), ("echo $unset_name", 1), ("no-such-program", 127)]
)
def test_the_script_runs_under_ue(work_dir: Path, text: str, status: int) -> None:
    write(work_dir, text)
    assert run(work_dir).returncode == status
    assert read(work_dir, ".exitcode") == str(status)
    assert read(work_dir, ".command.out") == ""


def test_stdin_is_empty(work_dir: Path) -> None:
    write(work_dir, "cat; echo end")
    assert run(work_dir).returncode == 0
    assert read(work_dir, ".command.out") == "end\n"


def test_a_killed_task_shows_no_status(work_dir: Path) -> None:
    """Also not that of an earlier run in the same directory."""
    write(work_dir, "true")
    run(work_dir)
    write(work_dir, "kill -9 $PPID; sleep 0.1")
    assert run(work_dir).returncode == -signal.SIGKILL
    assert read(work_dir, ".exitcode") == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_whole_task_is_its_status(work_dir: Path, number: signal.Signals) -> None:
    write(work_dir, "echo runs; sleep 600")
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(["bash", ".command.run"], cwd=work_dir, env=PATH, start_new_session=True, **quiet) as process:
        out = work_dir / ".command.out"
        assert wait_until(lambda: out.exists() and out.read_text() == "runs\n")
        os.killpg(process.pid, number)
    assert process.returncode == 128 + number
    assert read(work_dir, ".exitcode") == str(128 + number)


def test_a_copy_runs_by_hand_from_anywhere(work_dir: Path, tmp_path: Path) -> None:
    source = tmp_path / "an input"
    source.write_text("content\n")
    staged = {"in/a b.txt": str(source)}
    write(work_dir, "cat 'in/a b.txt' >made; echo \"$OF_TASK\" >>made", {"OF_TASK": "it's $set"}, staged=staged)
    (work_dir / "in").mkdir()
    (work_dir / "in/a b.txt").symlink_to(source)
    assert run(work_dir).returncode == 0
    copy = tmp_path / "copy of it"
    shutil.copytree(work_dir, copy, symlinks=True)
    original = read(work_dir, "made")
    (work_dir / "made").unlink()
    ended = run_by_hand(copy / ".command.run", cwd=tmp_path)
    assert ended.returncode == 0
    assert read(copy, "made") == original == "content\nit's $set\n"
    assert not (work_dir / "made").exists()
    assert read(copy, ".exitcode") == "0"


def test_a_copy_without_links_stages_again(work_dir: Path, tmp_path: Path) -> None:
    source = tmp_path / "-odd 'name'"
    source.write_text("content\n")
    write(work_dir, "cat in/x ./-y", staged={"in/x": str(source), "-y": str(source)})
    ended = run_by_hand(work_dir / ".command.run", cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert (work_dir / "in/x").resolve() == source
    assert ended.stdout == "content\ncontent\n"


def test_by_hand_shows_what_happened(work_dir: Path) -> None:
    write(work_dir, "echo out; echo err >&2; exit 3")
    ended = run_by_hand(Path(".command.run"), cwd=work_dir)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "out\n", "err\nexit status 3\n")


names = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,8}\Z").filter(lambda name: "IFS" not in name.upper())
values = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@given(st.dictionaries(names.map("V_{}".format), values, max_size=4))
def test_environment_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, environ: dict[str, str]) -> None:
    file = tmp_path_factory.mktemp("environ") / "environ"
    kept = {name: value for name, value in environ.items() if f"export {name}=" in environ_text(environ)}
    file.write_bytes(environ_text(environ).encode())
    command = f". {file}; exec {sys.executable} -c 'import os; print(ascii(dict(os.environ)))'"
    found = ast.literal_eval(bash("-uec", command, environ=PATH).stdout)
    assert {name: found[name] for name in kept} == kept


def test_environment_leaves_out_secrets_and_what_bash_owns() -> None:
    environ = {
        "AWS_PROFILE": "1",
        "GITHUB_TOKEN": "1",
        "my_secret_word": "1",
        "OPENAI_API_KEY": "1",
        "PGPASSWORD": "1",
        "BASH_FUNC_ml%%": "() { :; }",
        "SHELLOPTS": "braceexpand",
        "UID": "0",
        "PWD": "/",
        "NBFLOW_TASK": "x",
        "KEYBOARD": "us",
    }
    assert environ_text(environ) == "export KEYBOARD=us\n"


def test_bytes_that_are_no_text_survive(work_dir: Path) -> None:
    write(work_dir, 'printf %s "$ODD"', {"ODD": "a\udcff"})
    assert run_by_hand(work_dir / ".command.run", cwd=work_dir).stdout == "a\udcff"
    assert (work_dir / ".command.out").read_bytes() == b"a\xff"


def test_a_python_task_runs_by_hand_in_a_copy(work_dir: Path, tmp_path: Path) -> None:
    """With the kernel gone: nothing but the copy and the interpreter."""
    body = "import os\nprint(os.environ['OF_TASK'], os.getcwd())"
    spec = WorkerSpec("body", HASH, "%%process body", body, str(tmp_path), sys_path=tuple(sys.path))
    (work_dir / ".nbflow/job.json").write_text(spec.to_json())
    (work_dir / ".command.run").write_text(python_wrapper(sys.executable))
    (work_dir / ENVIRON).write_text(environ_text({**PATH, "OF_TASK": "set"}))
    copy = tmp_path / "copy"
    shutil.move(work_dir, copy)
    ended = run_by_hand(copy / ".command.run", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, f"set {copy}\n"), ended.stderr
    assert read(copy, ".exitcode") == "0"
