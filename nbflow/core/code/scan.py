"""Finds what code mentions: in a syntax tree, or in compiled code where no text is known.

Alone decides which dynamic access can be resolved from the text. Knows no values: a name counts as what it usually is.
"""

from __future__ import annotations

import ast
import dis
from collections.abc import Iterator
from functools import lru_cache
from types import CodeType

from nbflow.core.code.mentions import CODE_RUNNERS, FRAME_READERS, Mentions

_SPACES = frozenset({"f_globals", "f_locals", "__globals__", "user_ns"})
"""Attributes that hold a whole namespace."""
_ENVIRON_METHODS = frozenset({"get", "pop", "setdefault", "__getitem__", "__contains__"})
_NAMESPACES = frozenset({"globals", "locals", "vars", "dir"})
_IMPORTERS = frozenset({"import_module", "__import__", "run_module"})
_DRAWS = frozenset(
    {"random", "randint", "randrange", "randbytes", "getrandbits", "choice", "choices", "shuffle", "sample", "uniform"}
    | {"gauss", "normalvariate", "lognormvariate", "expovariate", "betavariate", "gammavariate", "triangular"}
    | {
        "vonmisesvariate",
        "paretovariate",
        "weibullvariate",
        "rand",
        "randn",
        "random_sample",
        "random_integers",
        "ranf",
    }
    | {"bytes", "permutation", "normal", "standard_normal", "lognormal", "multivariate_normal", "poisson", "binomial"}
    | {"exponential", "beta", "gamma", "gumbel", "laplace", "logistic", "multinomial", "dirichlet", "geometric", "zipf"}
    | {"hypergeometric", "chisquare", "weibull", "power", "pareto", "rayleigh", "standard_t", "standard_exponential"}
)
"""Functions of ``random`` and ``numpy.random`` that draw from the module's own generator."""
_DISCOVERERS = frozenset({"entry_points", "iter_entry_points", "iter_modules", "walk_packages"})
"""Functions that find modules which nobody names."""


def mentions_of(tree: ast.AST, *, top_level: bool = False) -> Mentions:
    """Collect what a syntax tree mentions.

    Parameters
    ----------
    tree : ast.AST
        A body, a definition or a file.
    top_level : bool
        Whether statements outside of functions see the notebook's names by ``locals()``.
    """
    scan = _Scan(top_level)
    scan.visit(tree)
    return scan.found


class _Scan(ast.NodeVisitor):
    def __init__(self, top_level: bool) -> None:
        self.found = Mentions()
        self._depth = 0 if top_level else 1

    def visit(self, node: ast.AST) -> None:
        inside = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        self._depth += inside
        super().visit(node)
        self._depth -= inside

    def visit_BinOp(self, node: ast.BinOp) -> None:
        left: ast.expr = node
        while isinstance(left, ast.BinOp):  # a sum of a thousand terms is a thousand levels deep
            self.visit(left.right)
            left = left.left
        self.visit(left)

    def visit_Import(self, node: ast.Import) -> None:
        self.found.modules.update((alias.name, 0) for alias in node.names)
        if any(alias.name == "__main__" for alias in node.names):
            self.found.dynamic.add("__main__")

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        self.found.modules.add((module, node.level))
        for alias in node.names:
            if module == "__main__":
                self.found.names.add(alias.name)
            if module in ("random", "numpy.random"):
                self._draws(alias.name)
            if alias.name != "*":
                self.found.modules.add((f"{module}.{alias.name}".lstrip("."), node.level))
                self.found.attributes.add(alias.name)
            if module == "os" and alias.name in ("environ", "getenv") and alias.asname not in (None, alias.name):
                self.found.dynamic_env.add(f"os.{alias.name}")

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str):
            self.found.strings.add(node.value)

    def visit_Name(self, node: ast.Name) -> None:
        self.found.values.add(node.id)
        if node.id == "environ":
            self.found.dynamic_env.add("os.environ")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.found.attributes.add(node.attr)
        if node.attr == "parent" and isinstance(node.value, ast.Attribute) and node.value.attr == "parent":
            self.found.attributes.add("parents")
        if _is_global_generator(node.value):
            self._draws(node.attr)
        if _is_environ(node) or node.attr == "environb":
            self.found.dynamic_env.add("os.environ")
        elif node.attr in _SPACES:
            self.found.dynamic.add("get_ipython().user_ns" if node.attr == "user_ns" else node.attr)
        self.visit(node.value)

    def _draws(self, function: str) -> None:
        if function in _DRAWS:
            self.found.draws.add(function)
        elif function == "seed":
            self.found.seeds.add(function)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        key = _text(node.slice)
        if _is_environ(node.value) and key is not None:
            if not isinstance(node.ctx, ast.Store):
                self.found.env.add(key)
        elif _called_name(node.value) == "globals" and key is not None:
            self.found.names.add(key)
        elif _last_name(node.value) == "modules" and key == "__main__":
            self.found.dynamic.add("__main__")
        else:
            self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        key = _text(node.left)
        if key is not None and len(node.ops) == 1 and _is_environ(node.comparators[0]):
            self.found.env.add(key)
        else:
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        if not self._call_is_resolved(node):
            if isinstance(node.func, ast.Name):
                self._called(node.func.id, node)
            else:
                self.visit(node.func)
        for argument in (*node.args, *node.keywords):
            self.visit(argument)

    def _call_is_resolved(self, node: ast.Call) -> bool:
        """Note a call that reads what its first argument names; False if it is another call or names nothing constant."""
        name = _last_name(node.func)
        constant = _text(node.args[0]) if node.args else None
        owner = node.func.value if isinstance(node.func, ast.Attribute) else None
        if name == "getenv":
            self._env(constant, "os.getenv(...)")
        elif owner is not None and _is_environ(owner) and name in _ENVIRON_METHODS:
            self._env(constant, "os.environ")
        elif owner is not None and name == "get" and _called_name(owner) == "globals" and constant is not None:
            self.found.names.add(constant)
        elif name in _IMPORTERS:
            self._import(constant, f"{name}(...)", node)
        elif name == "dirname" and node.args and isinstance(node.args[0], ast.Call):
            self._dirname(node)
            return False
        elif name in _DISCOVERERS:
            self.found.dynamic.add(f"{name}(...)")
        elif _is_builtins(owner) and name in CODE_RUNNERS | _NAMESPACES:
            self._called(name, node)
        elif owner is not None and name in FRAME_READERS and constant is not None:
            self._frame_reader(constant)
            return False
        elif name == "getattr" and owner is None and len(node.args) > 1:
            self._getattr(node)
        else:
            return False
        return True

    def _dirname(self, node: ast.Call) -> None:
        (inner, *_) = node.args
        if isinstance(inner, ast.Call) and _last_name(inner.func) == "dirname":
            self.found.attributes.add("parents")

    def _env(self, constant: str | None, written: str) -> None:
        if constant is None:
            self.found.dynamic_env.add(written)
        else:
            self.found.env.add(constant)

    def _import(self, constant: str | None, written: str, node: ast.Call) -> None:
        package = next((item for item in (*node.args[1:2], *(word.value for word in node.keywords))), None)
        if constant is None or (constant.startswith(".") and not _is_own_package(package)):
            self.found.dynamic.add(written)
        else:
            self.found.modules.add((constant.lstrip("."), len(constant) - len(constant.lstrip("."))))

    def _frame_reader(self, expression: str) -> None:
        """An expression that pandas or numexpr evaluates in the caller's frame: its names are names of the caller."""
        tree = _parsed(expression.replace("@", ""))
        if tree is not None:
            self.found.names.update(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))

    def _getattr(self, node: ast.Call) -> None:
        constant = _text(node.args[1])
        if constant is not None:
            self.found.attributes.add(constant)
        elif isinstance(node.args[0], ast.Name):
            self.found.attributes.add(f"{node.args[0].id}[...]")

    def _called(self, name: str, node: ast.Call) -> None:
        constant = _text(node.args[0]) if node.args else None
        if name in CODE_RUNNERS:
            self._run_code(name, constant)
        elif name in _NAMESPACES and not node.args and (name == "globals" or self._depth == 0):
            self.found.dynamic.add(f"{name}()")
        self.found.calls.add(name)

    def _run_code(self, name: str, constant: str | None) -> None:
        tree = _parsed(constant) if constant is not None else None
        if tree is None:
            self.found.dynamic.add(f"{name}(...)")
            return
        inner = mentions_of(tree, top_level=self._depth == 0)
        inner.names.update(node.id for node in ast.walk(tree) if isinstance(node, ast.Name))
        self.found.add(inner)


def _parsed(code: str) -> ast.Module | None:
    try:
        return ast.parse(code.strip())
    except SyntaxError:
        return None


def _text(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _last_name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _called_name(node: ast.expr) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _is_environ(node: ast.expr) -> bool:
    return _last_name(node) == "environ"


def _is_global_generator(node: ast.expr) -> bool:
    """Whether a name is most likely ``random`` or ``numpy.random``; other libraries' draw from keys."""
    if isinstance(node, ast.Attribute):
        return node.attr == "random" and isinstance(node.value, ast.Name) and node.value.id in ("np", "numpy")
    return isinstance(node, ast.Name) and node.id == "random"


def _is_builtins(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Name) and node.id in ("builtins", "__builtins__")


def _is_own_package(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Name) and node.id in ("__name__", "__package__")


@lru_cache(maxsize=4096)
def mentions_of_code(code: CodeType) -> Mentions:
    """Collect what compiled code mentions, where its text cannot be found: what might be dynamic counts as dynamic."""
    found = Mentions()
    for name in code.co_names:
        found.attributes.add(name)
        found.values.add(name)
    found.dynamic.update(
        f"{name}(...)" for name in (CODE_RUNNERS | _IMPORTERS | _DISCOVERERS | {"globals"}) & set(code.co_names)
    )
    if {"environ", "getenv"} & set(code.co_names):
        found.dynamic_env.add("os.environ")
    found.modules.update(_imports(code))
    for constant in code.co_consts:
        if isinstance(constant, str):
            found.strings.add(constant)
        elif isinstance(constant, CodeType):
            found.add(mentions_of_code(constant))
    return found


def _imports(code: CodeType) -> Iterator[tuple[str, int]]:
    module = ""
    for instruction in dis.get_instructions(code):
        if instruction.opname == "IMPORT_NAME":
            module = instruction.argval
            yield module, 0
        elif instruction.opname == "IMPORT_FROM":
            yield f"{module}.{instruction.argval}", 0
