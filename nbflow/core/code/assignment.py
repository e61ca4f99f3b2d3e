"""Which names a piece of Python reads before it binds them, and which it binds: definite assignment over a syntax tree.

Alone decides what counts as read and as bound at the top level of a body. Knows no values, no namespaces and no files.

What may be left out without danger: a name that is wrongly not counted as read is missing in the worker, which fails
loudly there, since a task sees only what was captured. A name that is wrongly counted costs at most one needless run.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass

from nbflow.core.code.evaluation import Evaluation, State, join
from nbflow.core.code.scope import CLASS_DUNDERS, bare_class, bare_function, function_annotations, stored_names

_SWALLOWING_MANAGERS = frozenset({"suppress", "raises", "ignored"})


@dataclass(frozen=True, slots=True)
class ImportBinding:
    """A name that an import statement binds.

    Attributes
    ----------
    name : str
        The bound name: `np` of ``import numpy as np``.
    module : str
        The module as written, with leading dots when relative: what ``import_module`` takes.
    attribute : str or None
        What is taken out of the module; None when the name is bound to the module itself.
    """

    name: str
    module: str
    attribute: str | None = None


@dataclass(frozen=True, slots=True)
class Names:
    """What the top level of a piece of code does with names.

    Attributes
    ----------
    reads : frozenset of str
        Names that some path may read before the code binds them.
    definite_reads : frozenset of str
        Those of them that every run reads, unless it ends before.
    binds : tuple of str
        Names that the code may have bound when it ends, in order of first binding, without imports.
    imports : tuple of ImportBinding
        Names bound by import statements.
    star_imports : tuple of str
        Modules of ``from module import *``.
    """

    reads: frozenset[str]
    definite_reads: frozenset[str]
    binds: tuple[str, ...]
    imports: tuple[ImportBinding, ...]
    star_imports: tuple[str, ...]


def names_of(tree: ast.Module) -> Names:
    """Find what the top level of a module reads and binds.

    Parameters
    ----------
    tree : ast.Module
        Of code that compiles.

    Returns
    -------
    Names
    """
    flow = _Flow()
    end = State()
    flow.block(tree.body, end)
    flow.charge(flow.deferred, end)
    binds = tuple(name for name in flow.order if name in end.maybe)
    return Names(frozenset(flow.reads), frozenset(flow.definite), binds, tuple(flow.imports), tuple(flow.stars))


class _Flow(Evaluation):
    """A walk over a block in the order that its statements run."""

    def __init__(self) -> None:
        super().__init__()
        self.imports: list[ImportBinding] = []
        self._breaks: list[list[State]] = []
        self._continues: list[list[State]] = []

    def block(self, statements: list[ast.stmt], state: State) -> None:
        for statement in statements:
            self.statement(statement, state)

    def branch(self, statements: list[ast.stmt], state: State) -> State:
        """Walk a block that may not run."""
        self.unsure += 1
        self.block(statements, state)
        self.unsure -= 1
        return state

    def statement(self, node: ast.stmt, state: State) -> None:
        visit = getattr(self, f"_stmt_{type(node).__name__}", None)
        if visit is not None:
            visit(node, state)
        else:
            self.expression(node, state)

    def _stmt_Assign(self, node: ast.Assign, state: State) -> None:
        (target, *_) = node.targets
        if isinstance(node.value, ast.Lambda) and isinstance(target, ast.Name) and len(node.targets) == 1:
            self.defaults(node.value.args, state)
            self.define(target.id, bare_function(node.value), state, at_once=False)
            return
        self.expression(node.value, state)
        for target in node.targets:
            self.target(target, state)

    def _stmt_AugAssign(self, node: ast.AugAssign, state: State) -> None:
        if isinstance(node.target, ast.Name):
            self.read(node.target.id, state)
        self.expression(node.value, state)
        self.target(node.target, state)

    def _stmt_AnnAssign(self, node: ast.AnnAssign, state: State) -> None:
        self._annotation(node.annotation, state)
        self.expression(node.value, state)
        if node.value is not None or not isinstance(node.target, ast.Name):
            self.target(node.target, state)

    def _annotation(self, node: ast.expr | None, state: State) -> None:
        # Whether it is evaluated depends on the Python version and on future statements.
        self.unsure += 1
        self.expression(node, state)
        self.unsure -= 1

    def _stmt_Delete(self, node: ast.Delete, state: State) -> None:
        for target in node.targets:
            for name in stored_names((target,), ast.Del):
                self.read(name, state)
                self.unbind(name, state)
            self.loads_of_target(target, state)

    def _stmt_Raise(self, node: ast.Raise, state: State) -> None:
        self.expression(node.exc, state)
        self.expression(node.cause, state)
        state.alive = False

    def _stmt_Break(self, node: ast.Break, state: State) -> None:
        self._breaks[-1].append(state.copy())
        state.alive = False

    def _stmt_Continue(self, node: ast.Continue, state: State) -> None:
        self._continues[-1].append(state.copy())
        state.alive = False

    def _stmt_Global(self, node: ast.Global, state: State) -> None:
        """A no-op at the top level."""

    def _stmt_Import(self, node: ast.Import, state: State) -> None:
        for alias in node.names:
            module = alias.name if alias.asname else alias.name.partition(".")[0]
            self._import(ImportBinding(alias.asname or module, module), state)

    def _stmt_ImportFrom(self, node: ast.ImportFrom, state: State) -> None:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            if alias.name == "*":
                self.stars.append(module)
            else:
                self._import(ImportBinding(alias.asname or alias.name, module, alias.name), state)

    def _import(self, binding: ImportBinding, state: State) -> None:
        self.imports.append(binding)
        state.bound.add(binding.name)
        state.maybe.add(binding.name)

    def _stmt_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef, state: State) -> None:
        for decorator in node.decorator_list:
            self.expression(decorator, state)
        self.defaults(node.args, state)
        for annotation in function_annotations(node):
            self._annotation(annotation, state)
        self.define(node.name, bare_function(node), state, at_once=bool(node.decorator_list))

    _stmt_AsyncFunctionDef = _stmt_FunctionDef

    def _stmt_ClassDef(self, node: ast.ClassDef, state: State) -> None:
        for part in (*node.decorator_list, *node.bases, *node.keywords):
            self.expression(part, state)
        _ClassFlow(self, state, node.name).block(node.body, State())
        self.define(node.name, bare_class(node), state, at_once=bool(node.decorator_list or node.keywords))

    def _stmt_TypeAlias(self, node: ast.AST, state: State) -> None:
        name, value = node.name, node.value  # type: ignore[attr-defined]  # Python 3.12 and later
        self._annotation(value, state)
        self.target(name, state)

    def _stmt_If(self, node: ast.If, state: State) -> None:
        true, false = self.condition(node.test, state)
        state.become(join((self.branch(node.body, true), self.branch(node.orelse, false))))

    def _stmt_For(self, node: ast.For | ast.AsyncFor, state: State) -> None:
        self.expression(node.iter, state)
        inside = state.copy()
        self.target(node.target, inside)
        ends, breaks = self._loop_body(node.body, inside)
        skipped = [] if _surely_iterates(node.iter) else [state]
        after = self.branch(node.orelse, join((*skipped, *ends)))
        state.become(join((after, *breaks)))

    _stmt_AsyncFor = _stmt_For

    def _stmt_While(self, node: ast.While, state: State) -> None:
        true, false = self.condition(node.test, state)
        forever = isinstance(node.test, ast.Constant) and bool(node.test.value)
        ends, breaks = self._loop_body(node.body, true)
        after = self.branch(node.orelse, State(alive=False) if forever else join((false, *ends)))
        state.become(join((after, *breaks)))

    def _loop_body(self, body: list[ast.stmt], state: State) -> tuple[list[State], list[State]]:
        """Walk a loop's body; the states in which a round ended, and those in which it broke off."""
        self._breaks.append([])
        self._continues.append([])
        end = self.branch(body, state)
        return [end, *self._continues.pop()], self._breaks.pop()

    def _stmt_With(self, node: ast.With | ast.AsyncWith, state: State) -> None:
        for item in node.items:
            self.expression(item.context_expr, state)
            if item.optional_vars is not None:
                self.target(item.optional_vars, state)
        if any(_may_swallow(item.context_expr) for item in node.items):
            state.become(join((self.branch(node.body, state.copy()), state)))
        else:
            self.block(node.body, state)

    _stmt_AsyncWith = _stmt_With

    def _stmt_Try(self, node: ast.Try, state: State) -> None:
        broken = state.copy()
        tried = self.branch(node.body, state.copy())
        broken.maybe |= stored_names(node.body) | tried.maybe
        ends = [self.branch(node.orelse, tried)]
        ends += [self._handler(handler, broken.copy()) for handler in node.handlers]
        end = join(ends)
        last = State(set(state.bound), broken.maybe | end.maybe)
        last = self.branch(node.finalbody, last)
        end.bound |= last.bound
        end.maybe = (end.maybe | last.maybe) if node.finalbody else end.maybe
        end.alive = end.alive and last.alive
        state.become(end)

    _stmt_TryStar = _stmt_Try

    def _handler(self, handler: ast.ExceptHandler, state: State) -> State:
        self.unsure += 1
        self.expression(handler.type, state)
        self.unsure -= 1
        if handler.name:
            self.bind(handler.name, state)
        self.branch(handler.body, state)
        if handler.name:
            self.unbind(handler.name, state)
        return state

    def _stmt_Match(self, node: ast.Match, state: State) -> None:
        self.expression(node.subject, state)
        ends = []
        for case in node.cases:
            inside = state.copy()
            self.unsure += 1
            self._pattern(case.pattern, inside)
            if case.guard is not None:
                inside, _ = self.condition(case.guard, inside)
            self.unsure -= 1
            ends.append(self.branch(case.body, inside))
        if not any(_matches_all(case) for case in node.cases):
            ends.append(state)
        state.become(join(ends))

    def _pattern(self, pattern: ast.pattern, state: State) -> None:
        for node in ast.walk(pattern):
            captured = (
                getattr(node, "rest", None) if isinstance(node, ast.MatchMapping) else getattr(node, "name", None)
            )
            if isinstance(node, ast.expr):
                self.loads_of_target(node, state)
            elif captured:
                self.bind(captured, state)


class _ClassFlow(_Flow):
    """The body of a class: what it does not find in itself, it reads in the block around it."""

    def __init__(self, outer: _Flow, state: State, name: str) -> None:
        super().__init__()
        self._outer = outer
        self._outer_state = state
        self._prefix = "_" + name.lstrip("_")

    def read(self, name: str, state: State, *, surely: bool = True) -> None:
        private = name.startswith("__") and not name.endswith("__")
        if name not in state.bound and name not in CLASS_DUNDERS:
            surely = surely and not self.unsure and name not in state.maybe and not private
            self._outer.read(name, self._outer_state, surely=surely)
            if private:
                self._outer.read(self._prefix + name, self._outer_state, surely=False)

    def define(self, name: str, definition: ast.stmt, state: State, *, at_once: bool) -> None:
        # The class around it counts what its methods read.
        self.bind(name, state)

    def inside_comprehension(self, state: State) -> State:
        return State()  # Python's rule: it does not see the names of the class


def _surely_iterates(iterable: ast.expr) -> bool:
    """Whether a loop over this literal surely runs once: unknown ones may be empty."""
    if isinstance(iterable, (ast.List, ast.Tuple)):
        return any(not isinstance(element, ast.Starred) for element in iterable.elts)
    if isinstance(iterable, ast.Call) and isinstance(iterable.func, ast.Name) and iterable.func.id == "range":
        only = iterable.args[0] if len(iterable.args) == 1 else None
        return isinstance(only, ast.Constant) and isinstance(only.value, int) and only.value > 0
    return False


def _may_swallow(manager: ast.expr) -> bool:
    """Whether a with statement's manager may end its block early and go on behind it."""
    callee = manager.func if isinstance(manager, ast.Call) else manager
    name = callee.attr if isinstance(callee, ast.Attribute) else getattr(callee, "id", "")
    return name in _SWALLOWING_MANAGERS


def _matches_all(case: ast.match_case) -> bool:
    return case.guard is None and isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None
