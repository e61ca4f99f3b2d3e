"""``nbflow run``: runs a notebook from its first cell to its last, or tells what that would do."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbflow.commands.shared import FAILED
from nbflow.core.units import format_duration
from nbflow.errors import NbflowError
from nbflow.headless.parameters import parse_parameter
from nbflow.headless.relaunch import failed_run, words_of
from nbflow.headless.terminal import Terminal
from nbflow.storage.browse import Reader
from nbflow.storage.layout import Layout
from nbflow.storage.settings import PROFILE_VARIABLE, STUB_VARIABLE, load_settings, retention_here

#: Options of a run that its relaunch has too; parameters add up.
_TAKEN_OVER = {"work": "-w", "output": "-o", "profile": "--profile", "stub_run": "--stub-run"}
_PATHS = ("work", "output")
_IRI_GRAMMAR = "rfc3987_syntax"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.set_defaults(command=_run)
    parser.add_argument("notebook", metavar="NOTEBOOK", help="an .ipynb file, which stays as it is")
    parser.add_argument(
        "--relaunch",
        action="store_true",
        help="go on with the notebook's latest run, which failed (or that of --resume): its session, parameters and work "
        "directory; what completed is cached",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--resume", metavar="ID", help="continue this session or run; else the notebook's latest")
    which.add_argument("--new", action="store_true", help="begin a new session, which takes nothing from the cache")
    parser.add_argument("-w", "--work", metavar="DIR", help="the work directory (default: work beside the notebook)")
    parser.add_argument(
        "-p", dest="parameters", action="append", default=[], metavar="NAME=VALUE",
        help="a value for a name of the cell tagged `parameters`",
    )  # fmt: skip
    parser.add_argument("--profile", metavar="A,B", help="the profiles of nbflow.toml to use, the strongest last")
    parser.add_argument(
        "--stub-run", action="store_true", help="run the stubs of processes (`#| stub:`) instead of their bodies"
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--preview",
        action="store_true",
        help="run no process and write nothing: list what would be taken from the cache and what would run, and why",
    )
    how.add_argument("-o", "--output", metavar="OUT.ipynb", help="where to write the notebook with its outputs")


def _run(arguments: argparse.Namespace, reader: Reader) -> int:
    try:
        with _without_iri_grammar():
            from nbflow.headless.run import Plan, environment, run_notebook
    except ImportError as error:
        raise NbflowError(f"`nbflow run` needs {error.name}; install it with: pip install 'nbflow[run]'") from error
    notebook = Path(arguments.notebook).absolute()
    command = shlex.join(["nbflow", *arguments.words])
    resume = "new" if arguments.new else arguments.resume
    if arguments.relaunch:
        resume = _relaunched(arguments, notebook)
        # What it took over too, so that a relaunch of this one has it again.
        command = shlex.join(["nbflow", "run", "--relaunch", arguments.notebook, *_options(arguments)])
    elif arguments.resume:
        Reader(Layout(notebook.parent, os.environ)).history.find(resume)  # better now than in the kernel
    environ = environment(os.environ, notebook, command, resume, arguments.work, preview=arguments.preview)
    environ |= {} if arguments.profile is None else {PROFILE_VARIABLE: arguments.profile}
    environ |= {STUB_VARIABLE: "1"} if arguments.stub_run else {}
    load_settings(notebook.resolve().parent, environ)  # better now than in the kernel
    plan = Plan(
        notebook,
        environ,
        dict(map(parse_parameter, arguments.parameters)),
        None if arguments.output is None else Path(arguments.output),
        arguments.preview,
    )
    status = run_notebook(plan, Terminal(sys.stdout, sys.stderr))
    if status == FAILED and not arguments.preview:
        _say_how_to_go_on(notebook, arguments.notebook)
    return status


def _relaunched(arguments: argparse.Namespace, notebook: Path) -> str:
    """Take over what the failed run was given, and say so; the session that it was of."""
    if arguments.new or arguments.preview:
        raise NbflowError("--relaunch goes on with a run that failed: give it without --new and --preview")
    layout = Layout(notebook.parent, os.environ)
    record = failed_run(layout, notebook.name, arguments.resume)
    words = words_of(record)
    if words:
        parser = argparse.ArgumentParser(exit_on_error=False)
        add(parser)
        take_over(arguments, parser.parse_args(words), notebook)
    options = shlex.join(_options(arguments))
    given = f", with {options}" if options else ""
    print(f"nbflow: relaunches run {record.run_name} of session {record.session[:8]}{given}")
    return record.session


def _options(arguments: argparse.Namespace) -> list[str]:
    """What a run was given, as it is typed."""
    words = [word for text in arguments.parameters for word in ("-p", text)]
    for name, option in _TAKEN_OVER.items():
        value = getattr(arguments, name, None)
        words += [] if not value else [option] if value is True else [option, str(value)]
    return words


def take_over(new: argparse.Namespace, earlier: argparse.Namespace, notebook: Path) -> None:
    """Let a relaunch have the options of the run that failed; those that it is given itself go before.

    Parameters
    ----------
    new, earlier : argparse.Namespace
        What the two were given.
    notebook : pathlib.Path
        The notebook.
    """
    new.parameters = [*earlier.parameters, *new.parameters]
    for name in _TAKEN_OVER:
        before = getattr(earlier, name, None)
        if before and name in _PATHS:
            before = str(_directory_of(Path(earlier.notebook), notebook) / before)
        if not getattr(new, name, None):
            setattr(new, name, before)


def _directory_of(given: Path, notebook: Path) -> Path:
    """The directory that the earlier command was typed in: the one in which its words name the notebook."""
    above = notebook.parents[len(given.parts) - 1] if len(given.parts) <= len(notebook.parents) else Path.cwd()
    return above if above / given == notebook else Path.cwd()


def _say_how_to_go_on(notebook: Path, given: str) -> None:
    """After a failure: how to relaunch, and how long that is possible."""
    layout = Layout(notebook.parent, os.environ)
    try:
        record = failed_run(layout, notebook.name)
    except NbflowError:
        return  # it failed before its first task: there is nothing that a relaunch would not do anew
    retention = retention_here(layout.launch_dir, os.environ)
    hours = retention.storage_expiration_hours
    kept = "" if hours is None else f", kept for {format_duration(round(hours * 3_600_000))}"
    print(
        f"nbflow: what completed is in session {record.session[:8]}{kept}; relaunch: nbflow run --relaunch {shlex.quote(given)}"
    )


@contextmanager
def _without_iri_grammar() -> Iterator[None]:
    """Import nbformat without what takes a second or more and checks nothing here.

    It imports jsonschema, which for its format checkers, where JupyterLab brought the package along, builds a parser of
    IRIs. nbformat checks no formats.
    """
    if "jsonschema" in sys.modules or _IRI_GRAMMAR in sys.modules:
        yield
        return
    sys.modules[_IRI_GRAMMAR] = None  # type: ignore[assignment]  # Python's way to say: not to be found
    try:
        yield
    finally:
        del sys.modules[_IRI_GRAMMAR]
