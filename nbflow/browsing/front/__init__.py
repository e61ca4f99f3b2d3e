"""The screens' front end: plain ES modules and a style sheet, served as they are, or as one module to a widget.

Alone joins the modules. There is no build step: what lies here is what runs.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

_IMPORT = re.compile(r'^import \{[^}]*\} from "\./(\w+)\.js";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?!default)", re.MULTILINE)


@lru_cache(maxsize=1)
def module() -> str:
    """All modules as one, which imports nothing: a widget's module has no address that others could lie beside."""
    order: list[str] = []
    _visit("index", order)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", _text(f"{name}.js"))) for name in order)


@lru_cache(maxsize=1)
def style() -> str:
    """The style sheet."""
    return _text("style.css")


def _visit(name: str, order: list[str]) -> None:
    """Put a module behind those that it imports."""
    for other in _IMPORT.findall(_text(f"{name}.js")):
        if other not in order:
            _visit(other, order)
    order.append(name)


def _text(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")
