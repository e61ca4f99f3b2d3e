"""``nbflow run``: runs a notebook from its first cell to its last, or tells what that would do."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nbflow.errors import NbflowError
from nbflow.headless.parameters import parse_parameter
from nbflow.headless.terminal import Terminal
from nbflow.storage.browse import Reader
from nbflow.storage.layout import Layout
from nbflow.storage.settings import PROFILE_VARIABLE, load_settings

_IRI_GRAMMAR = "rfc3987_syntax"


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the command's words."""
    parser.set_defaults(command=_run)
    parser.add_argument("notebook", metavar="NOTEBOOK", help="an .ipynb file, which stays as it is")
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
    if arguments.resume:
        Reader(Layout(notebook.parent, os.environ)).history.find(resume)  # better now than in the kernel
    environ = environment(os.environ, notebook, command, resume, arguments.work, preview=arguments.preview)
    environ |= {} if arguments.profile is None else {PROFILE_VARIABLE: arguments.profile}
    environ |= {"NBFLOW_STUB_RUN": "1"} if arguments.stub_run else {}
    load_settings(notebook.resolve().parent, environ)  # better now than in the kernel
    plan = Plan(
        notebook,
        environ,
        dict(map(parse_parameter, arguments.parameters)),
        None if arguments.output is None else Path(arguments.output),
        arguments.preview,
    )
    return run_notebook(plan, Terminal(sys.stdout, sys.stderr))


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
