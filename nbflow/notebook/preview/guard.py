"""Keeps the cells of a preview from what is not made: a cell that reads an output of a task that would run is not run.

Alone decides which cells those are, from their text, before they run, and which names a cell leaves undone. What a text
does not tell is found when it is used (`nbflow.execution.unmade.Unmade`).
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from copy import copy
from types import FunctionType
from typing import TYPE_CHECKING, Any

from nbflow.core.code.assignment import names_of
from nbflow.core.code.scope import global_names
from nbflow.core.declaration.process import Process, read_process
from nbflow.errors import DeclarationError, NotMadeError, SettingsError
from nbflow.execution.preview import Preview, changed_names
from nbflow.execution.unmade import Unmade, unmade_task
from nbflow.notebook.cell.namespace import imported
from nbflow.notebook.preview.desk import PreviewDesk

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

_DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_RUN_THEIR_CELL = ("time", "capture", "prun")
_RAISE = "__import__('nbflow.notebook.preview.guard', fromlist=['refuse']).refuse({!r})"


class Guard(ast.NodeTransformer):
    """Looks at each cell before and after it runs.

    Parameters
    ----------
    shell : IPython.core.interactiveshell.InteractiveShell
        The shell; its cells are watched from now on, the running one included.
    desk : PreviewDesk
        Where the preview is made.
    """

    def __init__(self, shell: InteractiveShell, desk: PreviewDesk) -> None:
        self._shell = shell
        self._desk = desk
        self._namespace: dict[str, Any] = shell.user_ns
        self._to_python: Callable[[str], str] = shell.transform_cell
        self._pruned = False
        shell.ast_transformers.append(self)
        shell.events.register("pre_run_cell", self._before)
        shell.events.register("post_run_cell", self._after)

    @property
    def _preview(self) -> Preview:
        return self._desk.session.preview

    def _before(self, _: object) -> None:
        self._pruned = False

    def visit(self, tree: Any) -> Any:
        """Take out of a cell what must not run; IPython asks for it with each cell's syntax tree."""
        task = self._needs(names_of(tree).reads)
        kept = [node for node in tree.body if self._is_harmless(node)]
        if task is None or kept == tree.body:
            return tree
        self._pruned = True
        return ast.Module([*kept, *ast.parse(_RAISE.format(task)).body], [])

    def _is_harmless(self, node: ast.stmt) -> bool:
        """Whether a statement only defines what later cells may use without the outputs."""
        return isinstance(node, _DEFINITIONS) and self._needs(names_of(ast.Module([_bare(node)], [])).reads) is None

    def _needs(self, names: Iterable[str]) -> str | None:
        """The task whose output is reached from names, through the notebook's functions."""
        pending, seen = list(names), set[str]()
        while pending:
            name = pending.pop()
            value = self._namespace.get(name)
            if name in seen:
                continue
            seen.add(name)
            if (task := unmade_task(value)) is not None:
                return task
            for function in _functions(value):
                if function.__globals__ is self._namespace:
                    pending += global_names(function.__code__)[0]
        return None

    # After a cell

    def _after(self, result: ExecutionResult | None) -> None:
        error = None if result is None else result.error_in_exec
        if result is None or result.info is None or not isinstance(error, NotMadeError):
            return
        text = result.info.raw_cell or ""
        tree = self._tree(text)
        process = self._process_of(tree)
        label = process.name if process else text.strip().partition("\n")[0]
        self._list(label, error.task)
        self._leave_undone([process.body.tree] if process and process.body else [tree], error, process)

    def _tree(self, text: str) -> ast.Module:
        """The syntax tree of a cell; below ``%%time`` and its like that of what they run."""
        tree = ast.parse(self._to_python(text))
        match tree.body:
            case [
                ast.Expr(ast.Call(ast.Attribute(attr="run_cell_magic"), [ast.Constant(name), _, ast.Constant(body)]))
            ]:
                return self._tree(str(body)) if name in _RUN_THEIR_CELL else tree
        return tree

    def _process_of(self, tree: ast.Module) -> Process | None:
        """The process that a cell declares, where that is what it does."""
        match tree.body:
            case [
                ast.Expr(
                    ast.Call(
                        ast.Attribute(attr="run_cell_magic"),
                        [ast.Constant("process"), ast.Constant(line), ast.Constant(body)],
                    )
                )
            ]:
                session = self._desk.session
                try:
                    head = str(line).removeprefix("--rerun").strip()
                    about = str(body), self._to_python, 0, (), session.settings.in_file()
                    return read_process(head, *about, stub_run=session.settings.is_stub_run)
                except (DeclarationError, SettingsError):
                    return None  # its own error has been shown
        return None

    def _list(self, label: str, task: str) -> None:
        dependent = list(self._desk.dependent())
        for name, cause in dependent or [(label, task)]:
            if name != cause:
                self._preview.depends(name, cause)

    def _leave_undone(self, trees: list[ast.Module], error: NotMadeError, process: Process | None) -> None:
        """Bind what the rest of the cell would have bound or changed to what stands for it."""
        line = 1 if process or self._pruned else _line_of(error, self._namespace)
        rest = [node for tree in trees for node in tree.body if (node.end_lineno or 0) >= line]
        if self._pruned:
            rest = [node for node in rest if not self._is_harmless(node)]
        names = names_of(ast.Module(rest, []))
        declared = process.output_names if process else ()
        changed = () if process and process.outputs is not None else changed_names(rest, self._namespace)
        bound = declared if process else names.binds
        for each in names.imports:
            self._namespace[each.name] = imported(each.module, each.attribute)
        self._namespace.update((name, Unmade(error.task)) for name in (*bound, *changed))


def refuse(task: str) -> None:
    """Stand at the end of a cell that must not run further.

    Raises
    ------
    NotMadeError
        Always.
    """
    raise NotMadeError(task)


def _bare(node: ast.stmt) -> ast.stmt:
    """A definition without what is left for later: the bodies of functions."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        empty = copy(node)
        empty.body = [ast.Pass()]
        return ast.fix_missing_locations(empty)
    return node


def _functions(value: object) -> Iterator[FunctionType]:
    if isinstance(value, FunctionType):
        yield value
    elif isinstance(value, type) and value.__module__ == "__main__":
        yield from (member for member in vars(value).values() if isinstance(member, FunctionType))


def _line_of(error: BaseException, namespace: dict[str, Any]) -> int:
    """The line of the cell that an error came out of."""
    traceback, line = error.__traceback__, 1
    while traceback is not None:
        if traceback.tb_frame.f_globals is namespace and traceback.tb_frame.f_code.co_name.startswith("<"):
            line = traceback.tb_lineno
        traceback = traceback.tb_next
    return line
