"""The steps of a script task that has more to do than to run the script: lines of bash.

Alone knows how files are copied in, how a scratch directory is made and left, what is read on the standard input, and when
the snippets around a script run. Only texts: writes no file and starts nothing.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from nbflow.core.declaration.file_rules import FileRules
from nbflow.core.declaration.staging_values import RAM_DISK
from nbflow.core.script.bash_globs import bash_word
from nbflow.core.script.epilogue import BEGIN, ENV
from nbflow.core.script.shell import quote
from nbflow.execution.outputs.matching import is_wild, ways
from nbflow.execution.spec import OutputSpec

STEPS = ".nbflow/steps"
"""Where they lie in the work directory."""

_STAGE = """\
_nbflow_stage() {{
    if [[ -e $1 ]]; then return; fi
    case $1 in */*) mkdir -p -- "${{1%/*}}" ;; esac
    {put}
}}
"""
_PUT = {
    "symlink": 'ln -sfn -- "$2" "$1"',
    "rellink": 'ln -sfn -- "$2" "$1"',
    "copy": 'cp -fRL -- "$2" "$1"',
    "link": (
        '{ if [[ -d $2 ]]; then cp -RLl -- "$2" "$1"; else ln -fL -- "$2" "$1"; fi; } ||\n'
        '        { echo "nbflow: hard links cannot leave a disk; write stage_in_mode: copy" >&2; return 1; }'
    ),
}
BEFORE, AFTER = ".nbflow/before", ".nbflow/after"
"""Where the snippets around a script lie in the work directory."""

# Nextflow sets the task's own variables after the snippet, so they hold; what it prints is none of the script's output.
_RUN_BEFORE = """\
_nbflow_names=() _nbflow_values=()
for _nbflow_name in {kept}; do
    if [[ -n ${{!_nbflow_name+x}} ]]; then
        _nbflow_names+=("$_nbflow_name") _nbflow_values+=("${{!_nbflow_name}}")
    fi
done
set +u
. ./{before} >&2
for _nbflow_at in "${{!_nbflow_names[@]}}"; do
    export "${{_nbflow_names[_nbflow_at]}}=${{_nbflow_values[_nbflow_at]}}"
done
set -ue
{traps}\
builtin cd -- "$_nbflow_work"
_nbflow_passed=yes
"""
_MAKE_SCRATCH = """\
_nbflow_scratch=$(mktemp -d -- {place}/nbflow-XXXXXXXXXX) ||
    {{ echo "nbflow: no scratch directory can be made there; correct the directive scratch" >&2; exit 1; }}
"""
_ENTER_SCRATCH = """\
cd -- "$_nbflow_scratch"
ln -s -- "$_nbflow_work/.nbflow" "$_nbflow_work/.command.sh" .
"""
_END = """\
_nbflow_end() {{
    _nbflow_status=$?
    set +eu
{steps}\
    exit "$_nbflow_status"
}}
"""
_TRAPS = """\
trap _nbflow_end EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
"""
_CHECK_BEFORE = """\
    if [[ $_nbflow_status == 0 && -z ${_nbflow_passed-} ]]; then
        echo "nbflow: before_script ended the shell, so the script did not run: take out its exit" >&2
        _nbflow_status=1
    fi
"""
# As in Nextflow: whether the script succeeded or failed, and its own status counts if all else went well.
_RUN_AFTER = f"""\
    if [[ -n ${{_nbflow_ran-}} ]]; then
        (. "$_nbflow_work/{AFTER}") >&2
        _nbflow_last=$?
        if [[ $_nbflow_status == 0 ]]; then _nbflow_status=$_nbflow_last; fi
    fi
"""
# A directory that its owner cannot write cannot be emptied.
_CLEAN = """\
    builtin cd /
    if [[ -n ${_nbflow_scratch-} ]]; then
        rm -rf -- "$_nbflow_scratch" 2>/dev/null || { chmod -R u+rwX -- "$_nbflow_scratch"; rm -rf -- "$_nbflow_scratch"; }
    fi
"""
# What lies in a directory that is taken out goes with it. What is reached by a link to a directory is copied first: it may
# be the same file as one that is moved.
_LEAVE = """\
shopt -s nullglob globstar
declare -A _nbflow_made=() _nbflow_given=() _nbflow_holds=()
_nbflow_rest=()
_nbflow_take() {{
    case $1 in */*) mkdir -p -- "$_nbflow_work/${{1%/*}}" ;; esac
    rm -rf -- "$_nbflow_work/$1"
    "${{@:2}}" -- "$1" "$_nbflow_work/$1"
}}
{given}{found}\
for _nbflow_path in "${{!_nbflow_made[@]}}"; do
    _nbflow_above=$_nbflow_path _nbflow_linked=
    while [[ $_nbflow_above == */* ]]; do
        _nbflow_above=${{_nbflow_above%/*}}
        if [[ -n ${{_nbflow_made["$_nbflow_above"]-}} ]]; then continue 2; fi
        if [[ -L $_nbflow_above ]]; then _nbflow_linked=yes; fi
    done
    if [[ -n $_nbflow_linked ]]; then _nbflow_take "$_nbflow_path" cp -fRP; else _nbflow_rest+=("$_nbflow_path"); fi
done
if [[ ${{#_nbflow_rest[@]}} != 0 ]]; then
    for _nbflow_path in "${{_nbflow_rest[@]}}"; do _nbflow_take "$_nbflow_path" {take}; done
fi
"""
_TAKE = {"copy": "cp -fRP", "move": "mv -f"}
_FIND = """\
shopt -{dots} dotglob
for _nbflow_path in {words}; do
    case $_nbflow_path in {passed_over}) continue ;; esac
    if [[ {counts} ]]{unless}; then _nbflow_made["${{_nbflow_path%/}}"]=1; fi
done
"""
_OWN = ".nbflow|.nbflow/*|.exitcode|.command.*"
_COUNTS = {
    "any": "-e $_nbflow_path || -L $_nbflow_path",
    "file": "-f $_nbflow_path || -L $_nbflow_path",
    "dir": "-d $_nbflow_path",
}
_UNLESS_GIVEN = ' && ! _nbflow_is_given "$_nbflow_path"'
# Whether a path is an input, lies in one, or is a directory that was made to hold one.
_IS_GIVEN = """\
_nbflow_is_given() {
    if [[ -n ${_nbflow_holds["$1"]-} ]]; then return 0; fi
    set -- "$1/"
    while [[ $1 == */* ]]; do
        set -- "${1%/*}"
        if [[ -n ${_nbflow_given["$1"]-} ]]; then return 0; fi
    done
    return 1
}
"""


@dataclass(frozen=True, slots=True)
class Steps:
    """What is to be done beside running a script.

    Attributes
    ----------
    command : tuple of str
        What runs the script.
    staged : mapping of str to str
        Files that the steps stage: relative name, absolute path.
    stage_in_mode, stage_out_mode : str
        As the directives.
    scratch : bool or str
        As the directive.
    stdin : str
        What the script reads: a path, absolute or in the work directory; empty where it reads nothing.
    epilogue : str
        Lines of bash to be run when the script has succeeded.
    outputs : tuple of OutputSpec
        What must leave a scratch directory.
    before, after : bool
        Whether there are snippets that run before and after the script.
    kept : tuple of str
        Variables of the environment that the snippet before it does not change.
    """

    command: tuple[str, ...]
    staged: Mapping[str, str] = field(default_factory=dict)
    stage_in_mode: str = "symlink"
    scratch: bool | str = False
    stage_out_mode: str = "move"
    stdin: str = ""
    epilogue: str = ""
    outputs: tuple[OutputSpec, ...] = ()
    before: bool = False
    after: bool = False
    kept: tuple[str, ...] = ()

    @property
    def are_needed(self) -> bool:
        """Whether there is more to do than to run the command."""
        return bool(self.staged or self.scratch or self.stdin or self.epilogue or self.before or self.after)

    @property
    def text(self) -> str:
        """The lines, for ``bash -ue``."""
        scratch = bool(self.scratch)
        lines = [
            "_nbflow_work=$PWD\n",
            self._end() if scratch or self.before or self.after else "",
            _MAKE_SCRATCH.format(place=_place(self.scratch)) * scratch,
            _RUN_BEFORE.format(kept=" ".join(self.kept), before=BEFORE, traps=_TRAPS) * self.before,
            _ENTER_SCRATCH * scratch,
            self._stage(),
            BEGIN,
            "_nbflow_ran=yes\n" * self.after,
            self._run(),
            self.epilogue,
            self._leave() if scratch else "",
        ]
        return "".join(lines)

    def _end(self) -> str:
        steps = _CHECK_BEFORE * self.before + _RUN_AFTER * self.after + _CLEAN * bool(self.scratch)
        return _END.format(steps=steps) + _TRAPS

    def _stage(self) -> str:
        lines = [f"_nbflow_stage {quote(name)} {quote(target)}\n" for name, target in self.staged.items()]
        return "".join([_STAGE.format(put=_PUT[self.stage_in_mode]), *lines]) if lines else ""

    def _run(self) -> str:
        inside = self.stdin and not self.stdin.startswith("/") and self.scratch
        stdin = f'"$_nbflow_work/"{quote(self.stdin)}' if inside else quote(self.stdin or "/dev/null")
        return f"{shlex.join(self.command)} <{stdin}\n"

    def _leave(self) -> str:
        leaves = [leaf for output in self.outputs for leaf in _leaves(output)]
        found = [_find(pattern, leaf.rules) for leaf in leaves for pattern in leaf.patterns]
        captured = _FIND.format(dots="u", words=ENV, passed_over="''", counts=_COUNTS["any"], unless="")
        return _LEAVE.format(
            given=_given(self.staged), found="".join([*found, captured]), take=_TAKE[self.stage_out_mode]
        )


def _given(staged: Iterable[str]) -> str:
    """Lines that note the names of inputs, and of the directories that were made to hold them."""
    above = dict.fromkeys(str(part) for name in staged for part in PurePosixPath(name).parents if part.name)
    given = [f"_nbflow_given[{quote(name)}]=1\n" for name in staged]
    return "".join([*given, *(f"_nbflow_holds[{quote(name)}]=1\n" for name in above), _IS_GIVEN])


def _place(scratch: bool | str) -> str:
    if scratch is True:
        return '"${TMPDIR:-/tmp}"'
    if scratch == RAM_DISK:
        return "/dev/shm"
    text = str(scratch)
    return f'"${{{text[1:]}:?is not set; the directive scratch names it}}"' if text.startswith("$") else quote(text)


def _leaves(output: OutputSpec) -> Iterable[OutputSpec]:
    yield from [output] if output.patterns else []
    for part in output.parts:
        yield from _leaves(part)


def _find(pattern: str, rules: FileRules) -> str:
    words = " ".join(bash_word("/".join(way)) for way in ways(pattern))
    unless = _UNLESS_GIVEN if is_wild(pattern) and not rules.include_inputs else ""
    return _FIND.format(
        dots="s" if rules.hidden else "u", words=words, passed_over=_OWN, counts=_COUNTS[rules.type], unless=unless
    )
