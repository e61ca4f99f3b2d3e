"""The ``#|`` lines of a cell: YAML after ``#|``, as in Quarto, at the top of the cell.

Alone splits options from the body and reads YAML. Knows nothing of what the options mean.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from nbflow.errors import DeclarationError

if TYPE_CHECKING:
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.nodes import Node

_MARKER = "#|"
_STRAY = re.compile(r"#\|\s*[\w-]+\s*:")
_FIRST_CELL_LINE = 2

# YAML 1.2's core types (https://yaml.org/spec/1.2.2/#103-core-schema): no dates, no yes and no, no base 60.
_CORE = {
    "null": re.compile(r"|~|null|Null|NULL"),
    "bool": re.compile(r"true|True|TRUE|false|False|FALSE"),
    "int": re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"),
    "float": re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"),
}
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Options:
    """A cell, split.

    Attributes
    ----------
    values : mapping of str to object
        The options: None, bool, int, float, str, lists and dicts of these.
    body : str
        What stands below the options, without leading blank lines.
    first_body_line : int
        Its line in the cell, where the ``%%process`` line is line 1.
    text : str
        The YAML text.
    lines : mapping of str to int
        The line of the cell on which each option stands.
    """

    values: Mapping[str, object]
    body: str
    first_body_line: int
    text: str
    lines: Mapping[str, int] = field(default_factory=dict)


def split_options(cell: str) -> Options:
    """Split a cell into options and body.

    Parameters
    ----------
    cell : str
        The cell below its ``%%process`` line.

    Returns
    -------
    Options

    Raises
    ------
    DeclarationError
        If the options are no YAML mapping, name one twice, or stand below the ``#!`` line or a comment.
    """
    lines = re.findall(r"[^\n]*\n|[^\n]+", cell)
    start = _skip_blank(lines, 0)
    end = start
    while end < len(lines) and lines[end].startswith(_MARKER):
        end += 1
    body = _skip_blank(lines, end)
    _refuse_stray(lines, body)
    text = "".join(line.removeprefix(_MARKER).removeprefix(" ") for line in lines[start:end])
    values, places = _read(text, start + _FIRST_CELL_LINE) if end > start else ({}, {})
    return Options(values, "".join(lines[body:]), body + _FIRST_CELL_LINE, text, places)


def _skip_blank(lines: list[str], at: int) -> int:
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at


def _refuse_stray(lines: list[str], at: int) -> None:
    """Options among the comments on top of the body would silently be comments."""
    while at < len(lines) and (lines[at].startswith("#") or not lines[at].strip()):
        if _STRAY.match(lines[at]):
            shown = lines[at].strip()
            line = at + _FIRST_CELL_LINE
            raise DeclarationError(f"option `{shown}` stands too low; move it below the %%process line", line=line)
        at += 1


def _read(text: str, first_line: int) -> tuple[dict[str, object], dict[str, int]]:
    from ruamel.yaml.error import YAMLError
    from ruamel.yaml.nodes import MappingNode

    try:
        node = _compose(text)
    except YAMLError as error:
        raise _as_declaration_error(error, first_line, text.count("\n")) from error
    if node is None:
        return {}, {}
    if not isinstance(node, MappingNode):
        raise DeclarationError("options must be `name: value` lines, as in `#| cpus: 2`", line=first_line)
    values = cast(dict[str, object], _construct(node, first_line))
    return values, {key.value: first_line + key.start_mark.line for key, _ in node.value}


def _compose(text: str) -> Node | None:
    # Imported here: it takes tens of milliseconds, and most cells have no options.
    from ruamel.yaml import YAML
    from ruamel.yaml.nodes import ScalarNode
    from ruamel.yaml.resolver import VersionedResolver
    from ruamel.yaml.scanner import Scanner
    from ruamel.yaml.tag import Tag
    from ruamel.yaml.tokens import ScalarToken

    class CoreResolver(VersionedResolver):
        """Resolves plain scalars by YAML 1.2's core schema."""

        def resolve(self, kind: type, value: object, implicit: tuple[bool, bool]) -> Tag:
            if kind is ScalarNode and implicit[0]:
                found = next((name for name, form in _CORE.items() if form.fullmatch(str(value))), "str")
                return Tag(suffix=_TAG + found)
            return cast(Tag, super().resolve(kind, value, implicit))

    class BracesAreText(Scanner):
        """Takes ``{...}`` for text to the end of the line, not for a mapping."""

        def fetch_flow_mapping_start(self) -> None:
            start = self.reader.get_mark()
            self.allow_simple_key = False
            found = _braces(self.reader.buffer[self.reader.pointer :], bool(self.flow_level))
            self.reader.forward(len(found))
            self.tokens.append(ScalarToken(found.rstrip(), False, start, self.reader.get_mark(), '"'))

    yaml = YAML(typ="safe", pure=True)
    yaml.Resolver = CoreResolver
    yaml.Scanner = BracesAreText
    return cast("Node | None", yaml.compose(text))


def _braces(text: str, in_list: bool) -> str:
    """The text that begins with ``{``: to the end of the line, or to its end in a list; a comment is cut off."""
    line = re.split(r"[\n\0]", text, maxsplit=1)[0]
    depth = 0
    for at, character in enumerate(line):
        depth += (character == "{") - (character == "}")
        if depth == 0 and ((in_list and character in ",]") or (character == "#" and line[at - 1].isspace())):
            return line[:at]
    return line


def _construct(node: Node, first_line: int) -> object:
    from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

    if isinstance(node, SequenceNode):
        return [_construct(item, first_line) for item in node.value]
    if isinstance(node, ScalarNode):
        return _scalar(node, first_line)
    values: dict[str, object] = {}
    for key, value in cast(MappingNode, node).value:
        line = first_line + key.start_mark.line
        if not isinstance(key, ScalarNode):
            raise DeclarationError("an option's name must be a word, as in `#| cpus: 2`", line=line)
        if key.value in values:
            raise DeclarationError(f"`{key.value}` is given twice; keep one", line=line)
        values[key.value] = _construct(value, first_line)
    return values


def _scalar(node: Node, first_line: int) -> object:
    text = node.value
    match str(node.tag).removeprefix(_TAG):
        case "str":
            return text
        case "null":
            return None
        case "bool":
            return text.lower() == "true"
        case "int":
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        case "float":
            return float(re.sub(r"(?i)\.(inf|nan)", r"\1", text))
    line = first_line + node.start_mark.line
    raise DeclarationError(
        f"`{text}` has the YAML tag `{node.tag}`, which options do not have; leave it out", line=line
    )


def _as_declaration_error(error: YAMLError, first_line: int, last: int) -> DeclarationError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or str(error).splitlines()[0]
    line = None if mark is None else first_line + min(mark.line, max(last - 1, 0))
    return DeclarationError(f"options are not YAML: {problem}; put text with special characters in quotes", line=line)
