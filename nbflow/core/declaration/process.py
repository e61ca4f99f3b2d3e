"""The process: what a ``%%process`` cell declares, read once.

Puts together what the readers of this floor found: the line, the options, the directives and the body. Evaluates nothing
and runs nothing.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from nbflow.core.code.source import Body, normal_form, parse_body
from nbflow.core.declaration.blocks import with_blocks
from nbflow.core.declaration.directive_values import INLINE, canonical
from nbflow.core.declaration.directives import Directives
from nbflow.core.declaration.layers import merged, read_layer
from nbflow.core.declaration.line import Declaration, parse_line
from nbflow.core.declaration.options import Options, split_options
from nbflow.core.declaration.output_checks import check_body_outputs, check_script_outputs, check_stored_outputs
from nbflow.core.declaration.outputs import Output, OutputSource
from nbflow.core.declaration.readers import ONLY_SCRIPTS
from nbflow.core.declaration.settings import NO_SETTINGS, Settings
from nbflow.core.parts import Part, combine
from nbflow.core.script import shell
from nbflow.errors import DeclarationError


@dataclass(frozen=True, slots=True)
class Process:
    """What a ``%%process`` cell declares.

    Attributes
    ----------
    declaration : Declaration
        Name, parameters and outputs.
    directives : Directives
        The options that are Nextflow's directives.
    text : str
        The body as it is run: Python (IPython's syntax already turned into calls) or a script.
    shown : str
        The body as it was typed.
    cell : str
        The whole cell as it was typed, its ``%%process`` line first.
    first_line : int
        Line of the cell on which the body begins; the ``%%process`` line is line 1.
    body : Body or None
        What the body reads and binds; None for a script.
    is_stub : bool
        Whether the body is the stub, in a stub run.
    """

    declaration: Declaration
    directives: Directives
    text: str
    shown: str
    cell: str
    first_line: int
    body: Body | None
    is_stub: bool = False
    _source: list[Part] = field(init=False, default_factory=list, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The process name."""
        return self.declaration.name

    @property
    def is_script(self) -> bool:
        """Whether the body is a script for the interpreter that its first line names."""
        return self.body is None

    @property
    def bash_text(self) -> str:
        """What bash reads of it: a script for bash, and the commands of ``eval()``. What others read cannot be seen."""
        body = self.text if shell.is_bash(shell.interpreter(self.text) or ()) else ""
        return "\n".join([body, *(command for kind, command in self.captured if kind == "eval")])

    @property
    def snippets(self) -> tuple[str, ...]:
        """What runs around a script, in bash whatever the script is."""
        return tuple(filter(None, (self.directives.before_script, self.directives.after_script)))

    @property
    def captured(self) -> tuple[tuple[str, str], ...]:
        """Kind and argument of the sources that are captured in a shell: ``env`` and ``eval``."""
        sources = [output.source for output in self.outputs or () if output.source is not None]
        leaves = [leaf for source in sources for _, leaf in source.leaves("")]
        return tuple((leaf.kind, leaf.argument or "") for leaf in leaves if leaf.kind in ("env", "eval"))

    @property
    def filename(self) -> str:
        """What tracebacks call the cell."""
        return f"%%process {self.name}"

    @property
    def outputs(self) -> tuple[Output, ...] | None:
        """The declared outputs; None where the body's own names are the outputs."""
        return self.declaration.outputs

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the declared outputs; where there is no declaration, of what the body binds."""
        if self.outputs is not None:
            return tuple(output.name for output in self.outputs)
        return () if self.body is None else tuple(name for name in self.body.binds if not name.startswith("_"))

    @property
    def wanted(self) -> Mapping[str, str] | None:
        """How each declared output is declared, by name: what a remembered task must have kept."""
        return None if self.outputs is None else {output.name: declared(output) for output in self.outputs}

    @property
    def source(self) -> Part:
        """The source, as the part of the task hash that it is; made once, for each call has it."""
        if not self._source:
            form = self.text.encode("utf-8", "surrogatepass") if self.body is None else _form(self.body)
            self._source.append(Part("source", "", combine("script" if self.is_script else "python", [form])))
        return self._source[0]


def _form(body: Body) -> bytes:
    # A semicolon at the end decides what is shown, and what was shown is shown again on a hit.
    quiet = isinstance(body.tree.body[-1], ast.Expr) and not body.shows_last if body.tree.body else False
    return normal_form(body.tree) + b";" * quiet + (b"future:%x" % body.flags if body.flags else b"")


def declared(output: Output) -> str:
    """How an output is declared, in one text: annotation and source."""
    return f"{output.annotation or ''}={'' if output.source is None else _in_words(output.source)}"


def _in_words(source: OutputSource) -> str:
    parts = [f"{part.name}={_in_words(part.source)}" for part in source.parts if part.source is not None]
    return f"{source.kind}({', '.join(parts)}{source.argument!r}, {sorted(source.options.items())!r})"


def read_process(
    line: str,
    cell: str,
    to_python: Callable[[str], str] = str,
    flags: int = 0,
    known: Container[str] = (),
    settings: Settings = NO_SETTINGS,
    *,
    stub_run: bool = False,
) -> Process:
    """Read a ``%%process`` cell.

    Parameters
    ----------
    line : str
        Its line, behind ``%%process`` and flags.
    cell : str
        The cell below the line.
    to_python : callable
        Turns IPython's syntax into Python, line by line.
    flags : int
        Compiler flags of the future statements that earlier cells have put in force.
    known : container of str
        The notebook's globals: functions that the body calls may change them.
    settings : Settings
        For all or some processes; the cell's own options go before them.
    stub_run : bool
        Whether the stub takes the body's place, where there is one.

    Raises
    ------
    DeclarationError
        If options or body cannot be used as written.
    """
    with _at(1):
        declaration = parse_line(line)
    options = split_options(cell)
    typed = f"%%process {line}\n{cell}"
    if not options.body.strip():
        raise DeclarationError(
            f"process `{declaration.name}` has no body: write Python below the options, or a script that begins with `#!`"
        )
    interpreter = shell.interpreter(options.body)
    directives = _directives(declaration.name, options, settings, interpreter)
    with _at(options.lines.get("output", options.lines.get("input", 1))):
        whole = with_blocks(declaration, options.values)
        _check(whole, directives, interpreter)
    is_stub = stub_run and directives.stub is not None
    body, first_line = _stub(options, directives.stub or "") if is_stub else (options.body, options.first_body_line)
    if interpreter is not None:
        _refuse_inline(declaration.name, directives, "a script")
        return _script(whole, directives, body, typed, first_line, is_stub=is_stub)
    # Padded, so that its lines are numbered as in the cell, in errors and tracebacks alike.
    text = "\n" * (first_line - 1) + to_python(body)
    in_kernel = directives.executor == INLINE
    parsed = parse_body(text, f"%%process {declaration.name}", in_kernel=in_kernel, flags=flags)
    if parsed.is_async:
        _refuse_inline(declaration.name, directives, "a body with top-level `await`")
    _refuse_unset(whole, parsed, known)
    return Process(whole, directives, parsed.text, body, typed, first_line, parsed, is_stub)


def _directives(name: str, options: Options, settings: Settings, interpreter: tuple[str, ...] | None) -> Directives:
    """The settings that hold for a process, and its own options, which go before them."""
    own = read_layer(options.values, options.lines)
    layers = settings.layers(name, own.fields.get("label", ()))
    inline = merged([*layers, own]).executor == INLINE
    unfit = _unfit(interpreter, inline=inline)
    return merged([*(layer.without(unfit) for layer in layers), own])


def _unfit(interpreter: tuple[str, ...] | None, *, inline: bool) -> tuple[str, ...]:
    """Directives that settings for many processes do not mean for one with such a body: in its own cell they are refused."""
    if interpreter is None:
        return (*ONLY_SCRIPTS, "time") if inline else ONLY_SCRIPTS
    return (*(() if shell.is_bash(interpreter) else ("shell",)), *(("executor",) if inline else ()))


def _stub(options: Options, stub: str) -> tuple[str, int]:
    """What runs in a stub run, and its first line in the cell."""
    line = next(line for name, line in options.lines.items() if canonical(name) == "stub")
    # A text of several lines begins below the option's name, as YAML has it.
    first = line + 1 if "\n" in stub else line
    if not options.body.startswith("#!"):
        return stub, first
    head = options.body.partition("\n")[0]
    return f"{head}\n{stub}", first - 1


def _refuse_unset(declaration: Declaration, body: Body, notebook: Container[str]) -> None:
    """Refuse an output that the body cannot set: better now than when hours of work are done."""
    if body.star_imports or body.unknown:
        return
    known = {*body.binds, *body.reads, *(found.name for found in body.imports), *declaration.input_names}
    for output in declaration.outputs or ():
        known_here = output.name in known or output.name in notebook or _is_named(output.name, body)
        if output.source is None and not known_here:
            near = difflib.get_close_matches(output.name, body.binds, 1)
            proposal = f"did you mean `{near[0]}`?" if near else "assign it in the body, or take it out after `->`"
            raise DeclarationError(f"output `{output.name}` of `{declaration.name}` is never set; {proposal}")


def _is_named(name: str, body: Body) -> bool:
    """Whether code inside the body's functions, or a text that it may run, has a name."""
    named = any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(body.tree))
    return named or any(name in text for text in body.strings)


def _refuse_inline(name: str, directives: Directives, what: str) -> None:
    if directives.executor == INLINE:
        raise DeclarationError(f"process `{name}` is {what}, which cannot run in the kernel; remove `executor: inline`")


def _script(
    declaration: Declaration, directives: Directives, body: str, cell: str, first_line: int, *, is_stub: bool
) -> Process:
    # A script binds no notebook names: without `->` it has no outputs, and what it prints is shown.
    whole = replace(declaration, outputs=declaration.outputs or ())
    return Process(whole, directives, body, body, cell, first_line, None, is_stub)


def _check(declaration: Declaration, directives: Directives, interpreter: tuple[str, ...] | None) -> None:
    """Refuse names and outputs that do not fit the body, or the directives."""
    if directives.store_dir is not None:
        check_stored_outputs(declaration, is_script=interpreter is not None)
    if interpreter is None:
        check_body_outputs(declaration)
        for name in directives.only_scripts():
            raise DeclarationError(
                f"directive `{name}` is for scripts; take it out of `{declaration.name}`, a Python body"
            )
        _refuse_secrets_twice(declaration, directives)
        return
    if directives.shell and not shell.is_bash(interpreter):
        raise DeclarationError(
            f"directive `shell` is the command of bash scripts; `{declaration.name}` is run by `{' '.join(interpreter)}`: "
            "take it out, and write options after `#!`"
        )
    _refuse_secrets_twice(declaration, directives)
    sourceless = [output.name for output in declaration.outputs or () if output.source is None]
    for name in (*declaration.input_names, *sourceless):
        shell.check_name(name, f"input or output of script `{declaration.name}`")
    for name in directives.reads:
        shell.check_name(name, f"global of script `{declaration.name}`")
    for name in directives.stage_as:
        _check_staged(name, declaration, directives)
    check_script_outputs(declaration, interpreter)


def _refuse_secrets_twice(declaration: Declaration, directives: Directives) -> None:
    """Refuse a secret whose variable something else sets: which of the two holds must not be a guess."""
    for name in directives.secret:
        other = "an input" if name in declaration.input_names else "set by `env`" if name in directives.env else ""
        if other:
            raise DeclarationError(f"secret `{name}` of `{declaration.name}` is {other} too; rename one")


def _check_staged(name: str, declaration: Declaration, directives: Directives) -> None:
    known = (*declaration.input_names, *directives.reads)
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        proposed = f"did you mean `{near[0]}`?" if near else f"name an input, or list it too under `#| reads: [{name}]`"
        raise DeclarationError(f"directive `stage_as`: `{name}` is no input of `{declaration.name}`; {proposed}")


@contextmanager
def _at(line: int) -> Iterator[None]:
    """Say on which line of the cell a mistake stands, where its finder does not know."""
    try:
        yield
    except DeclarationError as error:
        raise error if error.line is not None else DeclarationError(str(error), line=line) from None
