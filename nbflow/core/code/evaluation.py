"""Names in expressions: the order of evaluation, short circuits, comprehensions, and the state of names at a point.

Alone knows what evaluating an expression reads and binds. Knows no statements (`flow` does) and no values.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

from nbflow.core.code.scope import bare_function, names_when_called, stored_names

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(slots=True)
class State:
    """Names at one point of the flow: surely bound, possibly bound, and whether the point can be reached."""

    bound: set[str] = field(default_factory=set)
    maybe: set[str] = field(default_factory=set)
    alive: bool = True

    def copy(self) -> State:
        """Copy for a path that goes its own way."""
        return State(set(self.bound), set(self.maybe), self.alive)

    def become(self, other: State) -> None:
        """Go on from another state."""
        self.bound, self.maybe, self.alive = other.bound, other.maybe, other.alive


def join(states: Iterable[State]) -> State:
    """The state where paths meet: a name is sure only if it is so on each path that arrives."""
    living = [state for state in states if state.alive]
    if not living:
        return State(alive=False)
    bound = set.intersection(*(state.bound for state in living))
    return State(bound, set.union(*(state.maybe for state in living)))


class Evaluation:
    """A walk over expressions in the order they are evaluated, which notes each name as it is read or bound."""

    def __init__(self) -> None:
        self.reads: set[str] = set()
        self.definite: set[str] = set()
        self.order: dict[str, None] = {}
        self.stars: list[str] = []
        self.deferred: dict[str, frozenset[str]] = {}
        self.unsure = 0
        self.runs_text = False

    # Names

    def read(self, name: str, state: State, *, surely: bool = True) -> None:
        """Note that a name is read here."""
        if name not in state.bound:
            self.reads.add(name)
            if surely and not self.unsure and not self.stars and not self.runs_text and name not in state.maybe:
                self.definite.add(name)
        if name in self.deferred:
            self.charge((name,), state)

    def charge(self, functions: Iterable[str], state: State) -> None:
        """Count what functions of this block read, at the first point where they may be called."""
        seen: set[str] = set()
        pending = list(functions)
        while pending:
            name = pending.pop()
            if name in seen or name not in self.deferred:
                continue
            seen.add(name)
            pending.extend(self.deferred[name])
            self.reads.update(self.deferred[name] - state.bound)

    def bind(self, name: str, state: State) -> None:
        """Note that a name is bound here."""
        self.order.setdefault(name)
        state.bound.add(name)
        state.maybe.add(name)

    def unbind(self, name: str, state: State) -> None:
        """Note that a name is deleted here."""
        # It stays in `bound`: a later read fails, it does not find the notebook's value.
        state.maybe.discard(name)

    def define(self, name: str, definition: ast.stmt, state: State, *, at_once: bool) -> None:
        """Bind a function or class; what it reads counts when it is first used, or now if a decorator may call it."""
        reads, stores = names_when_called(definition)
        self.deferred[name] = reads | self.deferred.get(name, frozenset())
        for stored in sorted(stores):
            self.order.setdefault(stored)
            state.maybe.add(stored)
        self.bind(name, state)
        if at_once:
            self.charge((name,), state)

    # Expressions

    def expression(self, node: ast.AST | None, state: State) -> None:
        """Walk over an expression, or whatever has no rule of its own."""
        if node is None:
            return
        visit = getattr(self, f"_expr_{type(node).__name__}", None)
        if visit is not None:
            visit(node, state)
        elif isinstance(node, _COMPREHENSIONS):
            self._comprehension(node, state)
        else:
            for child in ast.iter_child_nodes(node):
                self.expression(child, state)

    def _expr_Name(self, node: ast.Name, state: State) -> None:
        self.read(node.id, state)

    def _expr_Call(self, node: ast.Call, state: State) -> None:
        for child in ast.iter_child_nodes(node):
            self.expression(child, state)
        # What is read from here on may have been bound by that text.
        self.runs_text |= isinstance(node.func, ast.Name) and node.func.id == "exec"

    def _expr_NamedExpr(self, node: ast.NamedExpr, state: State) -> None:
        self.expression(node.value, state)
        self.target(node.target, state)

    def _expr_BinOp(self, node: ast.BinOp, state: State) -> None:
        rights = []
        left: ast.expr = node
        while isinstance(left, ast.BinOp):  # a sum of a thousand terms is a thousand levels deep
            rights.append(left.right)
            left = left.left
        for operand in (left, *reversed(rights)):
            self.expression(operand, state)

    def _expr_BoolOp(self, node: ast.BoolOp, state: State) -> None:
        state.become(join(self.condition(node, state)))

    def _expr_IfExp(self, node: ast.IfExp, state: State) -> None:
        true, false = self.condition(node.test, state)
        self.unsure += 1
        self.expression(node.body, true)
        self.expression(node.orelse, false)
        self.unsure -= 1
        state.become(join((true, false)))

    def _expr_Lambda(self, node: ast.Lambda, state: State) -> None:
        self.defaults(node.args, state)
        reads, _ = names_when_called(bare_function(node))
        for name in reads:
            self.read(name, state, surely=False)

    def condition(self, node: ast.expr, state: State) -> tuple[State, State]:
        """Evaluate a test; the states where it came out true and where false."""
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            true, false = self.condition(node.operand, state)
            return false, true
        if not isinstance(node, ast.BoolOp):
            self.expression(node, state)
            return state.copy(), state.copy()
        ends_when_true = isinstance(node.op, ast.Or)
        ended, running = [], state.copy()
        for position, value in enumerate(node.values):
            self.unsure += position > 0
            true, false = self.condition(value, running)
            self.unsure -= position > 0
            ended.append(true if ends_when_true else false)
            running = false if ends_when_true else true
        return (join(ended), running) if ends_when_true else (running, join(ended))

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, state: State) -> None:
        first, *_ = node.generators
        self.expression(first.iter, state)
        own = stored_names(generator.target for generator in node.generators)
        inner = self.inside_comprehension(state)
        inner.bound |= own
        self.unsure += 1
        for generator in node.generators:
            if generator is not first:
                self.expression(generator.iter, inner)
            self.loads_of_target(generator.target, inner)
            for test in generator.ifs:
                inner, _ = self.condition(test, inner)
        for part in (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,):
            self.expression(part, inner)
        self.unsure -= 1
        state.maybe |= inner.maybe

    def inside_comprehension(self, state: State) -> State:
        """Find the state in which all but the first iterable of a comprehension is evaluated."""
        return state.copy()

    # Targets

    def target(self, node: ast.expr, state: State) -> None:
        """Bind the names of an assignment's target."""
        if isinstance(node, ast.Name):
            self.bind(node.id, state)
        elif isinstance(node, (ast.Tuple, ast.List)):
            for element in node.elts:
                self.target(element, state)
        elif isinstance(node, ast.Starred):
            self.target(node.value, state)
        else:
            self.expression(node, state)

    def loads_of_target(self, target: ast.expr, state: State) -> None:
        """Note the names that a target reads, as in ``x[i] = 1``."""
        for node in ast.walk(target):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                self.read(node.id, state)

    def defaults(self, arguments: ast.arguments, state: State) -> None:
        """Walk over the defaults of a function: they are evaluated where it is defined."""
        for default in (*arguments.defaults, *arguments.kw_defaults):
            self.expression(default, state)
