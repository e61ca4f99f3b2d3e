"""The text of ``.command.run``: what starts a task for whoever runs it again by hand.

Only texts: writes no file and starts nothing. The local executor does itself what the wrappers do. They name no task, so
that many work directories can share one.

What they rely on: the work directory, or a copy of it, is complete in itself. The environment of the task lies in
``.nbflow/environ``, which nobody else may read; variables that look like secrets are left out of it, and then
come from the shell that runs the wrapper, as those of the directive ``secret`` do, which the wrapper names.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from nbflow.core.secrets import is_secret
from nbflow.execution.local.tree import MARK
from nbflow.execution.place import ROOT

ENVIRON = ".nbflow/environ"
"""Where the text of `environ_text` lies in the work directory; for its owner alone."""

SCRIPT = ".command.sh"
"""What the interpreter of a script task runs, in its work directory."""

BASH = ("bash", "-ue")

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# What bash sets itself, some of it read-only, and the mark by which a run of nbflow's own is known.
_SHELLS_OWN = frozenset(
    {"_", "PWD", "OLDPWD", "SHLVL", "SHELLOPTS", "BASHOPTS", "BASH_VERSINFO", "BASH_ENV", "ENV", "UID", "EUID", "PPID"}
    | {"BASHPID", "GROUPS", "DIRSTACK", "FUNCNAME", "BASH_ARGC", "BASH_ARGV", "BASH_LINENO", "BASH_SOURCE", MARK}
)

_HEAD = """\
#!/usr/bin/env bash
# A task of nbflow. To run it again: bash .command.run, here or in a copy of this directory.
set -ue
case $0 in */*) CDPATH= cd -- "${{0%/*}}" ;; esac
if [[ -r {environ} ]]; then . ./{environ}; fi
{secrets}: >.exitcode
"""

_STAGE = """\
stage() {
    if [[ ! -e $1 ]]; then
        case $1 in */*) mkdir -p -- "${1%/*}" ;; esac
        ln -sfn -- "$2" "$1"
    fi
}
"""

_SECRETS = """\
for secret in {names}; do
    if [[ -z ${{!secret+x}} ]]; then
        echo "this task needs the secret $secret: export $secret=\\"\\$(nbflow secrets get $secret)\\"" >&2
        exit 1
    fi
done
"""

_SCRIPT = """\
on_exit() {{
    _nbflow_status=$?
    printf %s "$_nbflow_status" >.exitcode
    cat .command.out; cat .command.err >&2; echo "exit status $_nbflow_status" >&2
    exit "$_nbflow_status"
}}
trap on_exit EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
{command} >.command.out 2>.command.err </dev/null
"""

_PYTHON = """\
exec {python} -P -c {program} .
"""
_INLINE = """\
echo "this task ran in its kernel (executor: inline), with objects of the notebook; run its cell again instead" >&2
exit 1
"""
# Wherever this package was loaded from, which need not be where that interpreter finds its own; after all of those.
_PROGRAM = f"import sys; sys.path.append({ROOT!r}); from nbflow.execution.worker.body import run_by_hand as run; run(sys.argv[1])"


def script_wrapper(
    staged: Mapping[str, str] | None = None,
    command: Sequence[str] = (*BASH, SCRIPT),
    exports: str = "",
    secrets: Sequence[str] = (),
) -> str:
    """Write ``.command.run`` of a script task.

    Parameters
    ----------
    staged : mapping of str to str
        Each input's name in the work directory and the absolute path that it links to. nbflow makes the links
        itself; the wrapper makes those that are missing.
    command : sequence of str
        What runs the task.
    exports : str
        Lines of bash that set variables of its environment.
    secrets : sequence of str
        Names of variables that only whoever runs it can set.

    Returns
    -------
    str
        The script's own exit status ends up in ``.exitcode``; that is empty from the start until the end, so that
        a task that was killed shows none.

    Notes
    -----
    The script runs in the foreground: in the background bash would let it ignore SIGINT. So bash acts on a signal
    when the script has ended, and whoever ends a task signals all its processes.
    """
    lines = [f"stage {shlex.quote(link)} {shlex.quote(target)}\n" for link, target in (staged or {}).items()]
    stage = [_STAGE, *lines] if lines else []
    run = _SCRIPT.format(command=shlex.join(command))
    return "".join([_head(secrets), *stage, exports, run])


def python_wrapper(python: str, secrets: Sequence[str] = ()) -> str:
    """Write ``.command.run`` of a Python task.

    Parameters
    ----------
    python : str
        The interpreter, by its absolute path.
    secrets : sequence of str
        As `script_wrapper`.
    """
    return _head(secrets) + _PYTHON.format(python=shlex.quote(python), program=shlex.quote(_PROGRAM))


def inline_wrapper() -> str:
    """Write ``.command.run`` of a task that ran in the kernel: it cannot run anywhere else."""
    return _head(()) + _INLINE


def _head(secrets: Sequence[str]) -> str:
    return _HEAD.format(environ=ENVIRON, secrets=_SECRETS.format(names=" ".join(secrets)) if secrets else "")


def environ_text(environ: Mapping[str, str]) -> str:
    """Write the environment of a task for a run by hand.

    Parameters
    ----------
    environ : mapping of str to str
        As the task gets it.

    Returns
    -------
    str
        Lines of ``export``; encode it with ``surrogateescape``. Without variables that bash sets itself, those
        whose names no shell can write, and those whose names look like secrets: masked names follow Nextflow's
        list, and more.
    """
    kept = {name: value for name, value in environ.items() if _NAME.fullmatch(name) and name not in _SHELLS_OWN}
    return "".join(
        f"export {name}={shlex.quote(value)}\n" for name, value in sorted(kept.items()) if not is_secret(name)
    )
